//! The announced addresses that this node stores: of services on this machine and on others.

use super::{
    Address, Found, Options, Peers, Source,
    listing::{Row, rows},
};
use crate::config::grape as config;
use rand::Rng;
use std::collections::HashSet;

/// The announced addresses.
#[derive(Debug)]
pub(super) struct Announces {
    /// Reported to every node.
    peers: Peers,
    /// Announced through a node that does not know its own address as seen by other machines, and
    /// so only of use on this one.
    local: Peers,
    host: Option<[u8; 4]>,
    /// The node's own port.
    port: u16,
}

/// The announced addresses as a list.
#[derive(Debug)]
pub(super) struct Services {
    /// Number of names.
    pub names: usize,
    /// Number of addresses.
    pub addresses: usize,
    /// In turn one of each announcing client.
    pub rows: Vec<Row>,
}

/// Result of deleting an announce of a service on this machine.
#[derive(Clone, Copy, Debug)]
pub(super) struct Removed {
    /// It was there.
    pub was_known: bool,
    /// The address that is no longer reported to other nodes.
    pub address: Option<Address>,
}

impl Announces {
    /// No addresses so far.
    pub fn new(options: &Options) -> Self {
        let peers = || Peers::new(config::PEERS_BYTES, options.peer_age);
        Self { peers: peers(), local: peers(), host: options.host, port: options.port }
    }

    /// Deletes expired addresses.
    pub fn age(&mut self, now: u64) {
        self.peers.age(now);
        self.local.age(now);
    }

    /// Whether this node knows its own address as seen by other machines.
    pub fn has_host(&self) -> bool {
        self.host.is_some()
    }

    /// Whether `address` is at this node's host.
    pub fn is_at_host(&self, address: Address) -> bool {
        self.host == Some(address.ip)
    }

    /// Adds a service on this machine, or renews it.
    pub fn add_here(&mut self, key: &[u8], port: u16, client: Source, now: u64) {
        let address = self.address_here(port);
        let peers = if self.has_host() { &mut self.peers } else { &mut self.local };
        peers.add(key, address, client, now);
    }

    /// Deletes a service on this machine.
    pub fn remove_here(&mut self, key: &[u8], port: u16) -> Removed {
        let address = self.address_here(port);
        if self.has_host() {
            let was_known = self.peers.remove(key, address);
            Removed { was_known, address: Some(address) }
        } else {
            Removed { was_known: self.local.remove(key, address), address: None }
        }
    }

    /// The address under which this machine finds a service with this port.
    fn address_here(&self, port: u16) -> Address {
        let port = if port == 0 { self.port } else { port };
        Address { ip: self.host.unwrap_or([127, 0, 0, 1]), port }
    }

    /// Adds an address that a client of the API named.
    pub fn add_named(&mut self, key: &[u8], address: Address, client: Source, now: u64) {
        self.for_named(address).add(key, address, client, now);
    }

    /// Deletes an address that a client of the API named; whether it was there.
    pub fn remove_named(&mut self, key: &[u8], address: Address) -> bool {
        self.for_named(address).remove(key, address)
    }

    /// A loopback address is of no use to other machines.
    fn for_named(&mut self, address: Address) -> &mut Peers {
        if address.is_loopback() { &mut self.local } else { &mut self.peers }
    }

    /// Adds an address that the node `from` announced.
    pub fn add_of_node(&mut self, key: &[u8], address: Address, from: Address, now: u64) {
        // Announces of other machines do not use the room of this machine's announces.
        self.peers.add(key, address, Source::of(from), now);
    }

    /// Deletes an address that a node announced; whether it is absent now. Other programs of a
    /// machine have its address as well, so the node cannot delete what the API announced.
    pub fn take_back(&mut self, key: &[u8], address: Address) -> bool {
        self.peers.take_back(key, address)
    }

    /// At most `count` addresses of a service that are reported to every node.
    pub fn sample(&self, key: &[u8], count: usize, rng: &mut impl Rng) -> Vec<Found> {
        self.peers.sample(key, count, rng)
    }

    /// At most `count` addresses of a service that are of use on this machine alone.
    pub fn sample_local(&self, key: &[u8], count: usize, rng: &mut impl Rng) -> Vec<Found> {
        self.local.sample(key, count, rng)
    }

    /// At most `count` services of this machine that the API announced.
    pub fn of_this_machine(&self, count: usize) -> Vec<(Vec<u8>, Address)> {
        let is_here = |address: Address| self.host.is_none_or(|host| host == address.ip);
        self.here().of_api(is_here, count)
    }

    /// Whether a service of this machine is still announced.
    pub fn has_here(&self, key: &[u8], address: Address) -> bool {
        self.here().has(key, address)
    }

    fn here(&self) -> &Peers {
        if self.has_host() { &self.peers } else { &self.local }
    }

    /// All of them.
    pub fn services(&self, now: u64) -> Services {
        // Other nodes may have announced a local address as well.
        let only_local: Vec<_> = self
            .local
            .by_turns()
            .filter(|(key, found)| !self.peers.has(key, found.address))
            .collect();
        let names: HashSet<_> = only_local.iter().map(|(key, _)| key.clone()).collect();
        let only_local_names = names.iter().filter(|key| !self.peers.has_name(key)).count();
        Services {
            names: only_local_names + self.peers.names(),
            addresses: only_local.len() + self.peers.len(),
            rows: rows(only_local.into_iter().chain(self.peers.by_turns()), |found| {
                found.announced.map(|at| now.saturating_sub(at) / 1_000)
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_of_this_machine_is_listed_once() {
        let here = Address { ip: [127, 0, 0, 1], port: 1337 };
        let mut announces = Announces::new(&Options::default());
        let listed = |announces: &Announces| {
            let services = announces.services(0);
            (services.names, services.addresses, services.rows.len())
        };
        announces.add_here(b"a", here.port, Source::Local, 0);
        assert_eq!(listed(&announces), (1, 1, 1));
        // Another node announces the same address, and one elsewhere.
        announces.add_of_node(b"a", here, here, 0);
        assert_eq!(listed(&announces), (1, 1, 1));
        announces.add_of_node(b"a", Address { ip: [10, 0, 0, 5], ..here }, here, 0);
        assert_eq!(listed(&announces), (1, 2, 2));
        announces.add_of_node(b"b", here, here, 0);
        assert_eq!(listed(&announces), (2, 3, 3));
    }
}
