//! A node's status.

use super::{
    Address, Command, Core, Id,
    krpc::Query,
    listing::{Row, rows},
};
use crate::config::grape as config;
use serde::Serialize;
use std::collections::HashSet;

/// Counters since the start.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Counters {
    /// Datagrams received.
    pub datagrams_in: u64,
    /// Datagrams sent.
    pub datagrams_out: u64,
    /// Their bytes.
    pub bytes_in: u64,
    /// Their bytes.
    pub bytes_out: u64,
    /// Queries received: `ping`.
    pub ping: u64,
    /// Queries received: `find_node`.
    pub find_node: u64,
    /// Queries received: `get_peers`.
    pub get_peers: u64,
    /// Queries received: `announce_peer`.
    pub announce_peer: u64,
    /// Queries received: `unannounce_peer`.
    pub unannounce_peer: u64,
    /// Queries received: `get`.
    pub get: u64,
    /// Queries received: `put`.
    pub put: u64,
    /// Queries received and rejected with an error.
    pub refused: u64,
    /// Queries sent.
    pub asked: u64,
    /// Their replies.
    pub responses: u64,
    /// Their error replies.
    pub errors: u64,
    /// Those without a reply.
    pub timeouts: u64,
    /// Datagrams that are no message.
    pub malformed: u64,
    /// Replies without a pending query.
    pub unexpected: u64,
    /// Datagrams above their sender's rate.
    pub limited: u64,
    /// Lookups for this machine.
    pub lookups: u64,
    /// Announces of this machine.
    pub announces: u64,
    /// Walks through the network.
    pub walks: u64,
    /// Queries of those walks.
    pub walk_queries: u64,
    /// Datagrams received per second, of the last seconds.
    pub rate_in: f64,
    /// Lookups per second, of the last seconds.
    pub rate_lookups: f64,
    #[serde(skip)]
    measured: Measured,
}

/// The counters at the last measurement.
#[derive(Clone, Debug, Default)]
struct Measured {
    at: u64,
    datagrams: u64,
    lookups: u64,
}

/// Weight of the newest second in a rate.
const NEWEST: f64 = 0.2;

impl Counters {
    pub(super) fn received(&mut self, bytes: usize) {
        self.datagrams_in += 1;
        self.bytes_in += bytes as u64;
    }

    pub(super) fn sent(&mut self, bytes: usize) {
        self.datagrams_out += 1;
        self.bytes_out += bytes as u64;
    }

    pub(super) fn started(&mut self, command: &Command) {
        match command {
            Command::Lookup(_) => self.lookups += 1,
            Command::Announce { .. } | Command::AnnounceAt { .. } => self.announces += 1,
            _ => {}
        }
    }

    pub(super) fn walked(&mut self, queries: usize) {
        self.walks += 1;
        self.walk_queries += queries as u64;
    }

    pub(super) fn asked_by_others(&mut self, query: &Query) {
        *match query {
            Query::Ping => &mut self.ping,
            Query::FindNode(_) => &mut self.find_node,
            Query::GetPeers(_) => &mut self.get_peers,
            Query::AnnouncePeer(_) => &mut self.announce_peer,
            Query::UnannouncePeer(_) => &mut self.unannounce_peer,
            Query::Get(_) => &mut self.get,
            Query::Put(_) => &mut self.put,
        } += 1;
    }

    /// Called about once per second.
    pub(super) fn measure(&mut self, now: u64) {
        let seconds = now.saturating_sub(self.measured.at).max(1) as f64 / 1_000.0;
        let rate = |before: &mut f64, count: u64| {
            *before += NEWEST * (count as f64 / seconds - *before);
        };
        rate(&mut self.rate_in, self.datagrams_in - self.measured.datagrams);
        rate(&mut self.rate_lookups, self.lookups - self.measured.lookups);
        self.measured = Measured { at: now, datagrams: self.datagrams_in, lookups: self.lookups };
    }
}

/// A node's view of itself and of the network.
#[derive(Clone, Debug, Serialize)]
pub struct Status {
    /// Its id.
    pub id: String,
    /// Seconds since it started.
    pub uptime: u64,
    /// Whether the first walk is done.
    pub ready: bool,
    /// No nodes are known although there are bootstrap nodes.
    pub isolated: bool,
    /// Number of known nodes.
    pub known_nodes: usize,
    /// Known nodes: address, id, seconds since last seen.
    pub nodes: Vec<(String, String, u64)>,
    /// Known nodes missing in that list.
    pub nodes_left_out: usize,
    /// Number of announced names.
    pub names: usize,
    /// Number of announced addresses.
    pub addresses: usize,
    /// All announced addresses, in turn one of each announcing client.
    #[serde(skip)]
    pub rows: Vec<Row>,
    /// Number of stored values.
    pub values: usize,
    /// Pending queries.
    pub in_flight: usize,
    /// The counters.
    pub counters: Counters,
}

impl Core {
    /// The node's view of itself. Services are pages of their own, see [`super::listing`].
    pub fn status(&self) -> Status {
        let seconds = |at: u64| self.now.saturating_sub(at) / 1_000;
        let nodes = self.table.iter().take(config::STATUS_ROWS);
        // Other nodes may have reported the same address to this one.
        let own: Vec<_> = self
            .local
            .by_turns()
            .filter(|(key, found)| !self.peers.has(key, found.address))
            .collect();
        let own_names: HashSet<_> = own.iter().map(|(key, _)| key.clone()).collect();
        let own_names = own_names.iter().filter(|key| !self.peers.has_name(key)).count();
        let nodes: Vec<_> = nodes
            .map(|node| (node.address.to_string(), node.id.to_string(), seconds(node.seen)))
            .collect();
        Status {
            id: self.id.to_string(),
            uptime: seconds(self.started),
            ready: self.ready,
            isolated: self.is_isolated(),
            known_nodes: self.table.len(),
            nodes_left_out: self.table.len().saturating_sub(nodes.len()),
            nodes,
            names: own_names + self.peers.names(),
            addresses: own.len() + self.peers.len(),
            rows: rows(own.into_iter().chain(self.peers.by_turns()), |found| {
                found.announced.map(seconds)
            }),
            values: self.values.len(),
            in_flight: self.transactions.len(),
            counters: self.counters.clone(),
        }
    }

    /// State to keep over a restart: the id, and the nodes that answered.
    pub fn known(&self) -> (Id, Vec<Address>) {
        (self.id, self.table.iter().map(|node| node.address).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grape::{Options, Source};

    #[test]
    fn a_service_of_this_machine_is_listed_once() {
        let here = Address { ip: [127, 0, 0, 1], port: 1337 };
        let mut core = Core::new(Options::default(), [1; 32], 0);
        let announce = Command::Announce { key: b"a".to_vec(), port: here.port };
        core.start_for(0, 1, Source::Local, announce);
        core.tick(0, []);
        let listed = |core: &Core| {
            let status = core.status();
            (status.names, status.addresses, status.rows.len())
        };
        assert_eq!(listed(&core), (1, 1, 1));
        // Another node reports the same address, and one elsewhere.
        core.peers.add(b"a", here, Source::Host(here), 0);
        assert_eq!(listed(&core), (1, 1, 1));
        core.peers.add(b"a", Address { ip: [10, 0, 0, 5], ..here }, Source::Host(here), 0);
        assert_eq!(listed(&core), (1, 2, 2));
        core.peers.add(b"b", here, Source::Host(here), 0);
        assert_eq!(listed(&core), (2, 3, 3));
    }
}
