//! Bootstrap nodes: addresses at once, names as soon as they have one.

use super::{actor::Ask, compact};
use crate::{config::grape as config, error::Error, grape::Address, net::Destination};
use tokio::{net::lookup_host, sync::mpsc::UnboundedSender, time::sleep};

/// Reads a bootstrap list.
///
/// # Errors
/// [`Error::BadDestination`] for the first that is no `host:port`.
pub(super) fn parse(list: &[String]) -> Result<Vec<Destination>, Error> {
    list.iter().map(|text| Destination::parse(text)).collect()
}

/// Tells the core where its bootstrap nodes are, and again when that changes.
pub(super) async fn keep_resolving(
    names: Vec<Destination>,
    known: Vec<Address>,
    asks: UnboundedSender<Ask>,
) {
    let has_names = names.iter().any(|name| name.host.parse::<std::net::IpAddr>().is_err());
    let mut told = None;
    loop {
        let mut found = Vec::new();
        let mut missing = false;
        for name in &names {
            let addresses = lookup_host((&*name.host, name.port)).await;
            let address = addresses.ok().and_then(|mut all| all.find_map(compact));
            missing |= address.is_none();
            found.extend(address);
        }
        found.extend(&known);
        if told.as_ref() != Some(&found) {
            if asks.send(Ask::Bootstrap(found.clone())).is_err() {
                return;
            }
            told = Some(found);
        }
        if !has_names {
            return;
        }
        sleep(if missing { config::RESOLVE_RETRY } else { config::RESOLVE_AGAIN }).await;
    }
}
