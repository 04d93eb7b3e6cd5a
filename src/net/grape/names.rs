//! Bootstrap nodes: addresses are used at once, names as soon as they resolve.

use super::{
    message::Message,
    sockets::{IPV4_ALONE, compact},
};
use crate::{config::grape as config, error::Error, grape::Address, net::Destination};
use std::collections::HashSet;
use tokio::{net::lookup_host, sync::mpsc::UnboundedSender, time::sleep};

/// Parses a bootstrap list; `reject` is called for each entry that is no `host:port`, which is left
/// out.
pub(super) fn parse(list: &[String], reject: impl Fn(Error)) -> Vec<Destination> {
    list.iter().filter_map(|text| Destination::parse(text).map_err(&reject).ok()).collect()
}

/// Passes the addresses of the bootstrap nodes to the core, and again when they change. Addresses
/// without a name, and nodes known from an earlier run, do not wait for the lookups. `warn` is
/// called once for each name without an address, or without one of IPv4.
pub(super) async fn keep_resolving(
    names: Vec<Destination>,
    known: Vec<Address>,
    inbox: UnboundedSender<Message>,
    warn: impl Fn(String),
) {
    let numeric = |name: &Destination| {
        let ip = name.host.parse::<std::net::IpAddr>().ok()?;
        Some(compact((ip, name.port).into()))
    };
    let mut names = names;
    names.retain(|name| {
        let is_other = numeric(name) == Some(None);
        if is_other {
            warn(format!("[{}]:{} is left out, {IPV4_ALONE}", name.host, name.port));
        }
        !is_other
    });
    let has_names = names.iter().any(|name| numeric(name).is_none());
    let found: Vec<_> = names.iter().filter_map(numeric).flatten().collect();
    let mut warned = HashSet::new();
    let is_alone = found.is_empty() && known.is_empty() && has_names;
    let mut passed_on = (!is_alone).then(|| found.clone());
    if !is_alone && inbox.send(Message::Bootstrap { addresses: found, known }).is_err() {
        return;
    }
    if !has_names {
        return;
    }
    loop {
        let mut found = Vec::new();
        let mut missing = false;
        for name in &names {
            let addresses = lookup_host((&*name.host, name.port)).await;
            let address = addresses.map(|mut all| all.find_map(compact));
            if matches!(address, Ok(None)) && numeric(name).is_none() && warned.insert(name) {
                let Destination { host, port } = name;
                warn(format!("{host}:{port} is left out, {IPV4_ALONE}, and {host} has none"));
            }
            if address.is_err() && warned.insert(name) {
                let Destination { host, port } = name;
                warn(format!(
                    "{host}:{port} is not asked yet: {host} has no address; it is looked up again"
                ));
            }
            let address = address.ok().flatten();
            missing |= address.is_none();
            found.extend(address);
        }
        if passed_on.as_ref() != Some(&found) {
            let addresses = found.clone();
            if inbox.send(Message::Bootstrap { addresses, known: Vec::new() }).is_err() {
                return;
            }
            passed_on = Some(found);
        }
        sleep(if missing { config::RESOLVE_RETRY } else { config::RESOLVE_AGAIN }).await;
    }
}
