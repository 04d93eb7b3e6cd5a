//! Announced addresses, by the raw name of their service.

use super::{
    Address, hash,
    shares::{Budget, Shares, Source},
};
use crate::config::grape as config;
use rand::{
    Rng,
    seq::{SliceRandom, index},
};
use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

/// A service's address, as found by a lookup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// Where it is.
    pub address: Address,
    /// When it was announced, on this node's clock, if the reporting node knew.
    pub announced: Option<u64>,
    /// Credibility of that time.
    pub witness: Witness,
}

/// The source of an address's announce time, the least credible first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Witness {
    /// Nodes of one host, which can report anything.
    One,
    /// Independent hosts. The freshest report does not count.
    Several,
    /// Announced to this node itself.
    Own,
}

/// The addresses of one name, by their hosts: no host displaces the others in a reply.
#[derive(Debug, Default)]
struct Named {
    hosts: BTreeMap<Address, Vec<Address>>,
    len: usize,
}

/// The addresses, which expire.
#[derive(Debug)]
pub struct Peers {
    /// Both hold the same entries: this one for expiry and limits, the other for lookups.
    shares: Shares<(Arc<[u8]>, Address), ()>,
    by_key: HashMap<Arc<[u8]>, Named>,
}

impl Peers {
    /// Keeps `bytes` of addresses, each for `age` ms.
    pub fn new(bytes: usize, age: u64) -> Self {
        let budget = Budget { entries: usize::MAX, bytes };
        Self { shares: Shares::new(budget, age), by_key: HashMap::new() }
    }

    /// Deletes expired addresses.
    pub fn age(&mut self, now: u64) {
        let Self { shares, by_key } = self;
        shares.expire(now, |(key, address)| forget(by_key, &key, address));
    }

    /// Adds an address announced by `source`, or renews it.
    pub fn add(&mut self, key: &[u8], address: Address, source: Source, now: u64) {
        let Self { shares, by_key } = self;
        let known = by_key.get_key_value(key).map(|(key, _)| key.clone());
        let key = known.unwrap_or_else(|| key.into());
        let entry = (key.clone(), address);
        if shares.get(&entry).is_none() {
            let named = by_key.entry(key.clone()).or_default();
            named.hosts.entry(address.group()).or_default().push(address);
            named.len += 1;
        }
        let cost = config::PEER_COST + key.len();
        shares.insert(entry, (), (source, cost), now, |(key, address)| {
            forget(by_key, &key, address);
        });
    }

    /// Deletes an address; whether it was there.
    pub fn remove(&mut self, key: &[u8], address: Address) -> bool {
        let Some((key, _)) = self.by_key.get_key_value(key) else { return false };
        let key = key.clone();
        let removed = self.shares.remove(&(key.clone(), address)).is_some();
        if removed {
            forget(&mut self.by_key, &key, address);
        }
        removed
    }

    /// Deletes an address, unless it was announced by the API; returns whether it is absent now.
    pub fn take_back(&mut self, key: &[u8], address: Address) -> bool {
        let known = self.by_key.get_key_value(key).map(|(key, _)| (key.clone(), address));
        let source = known.and_then(|entry| self.shares.source(&entry));
        let may = source.is_none_or(|source| matches!(source, Source::Host(_)));
        if may {
            self.remove(key, address);
        }
        may
    }

    /// At most `count` addresses of a service in random order: as many of each host, as far as
    /// available, chosen at random.
    pub fn sample(&self, key: &[u8], count: usize, rng: &mut impl Rng) -> Vec<Found> {
        let Some((key, named)) = self.by_key.get_key_value(key) else { return Vec::new() };
        let mut chosen: Vec<Address> = Vec::with_capacity(count.min(named.len));
        if named.len <= count {
            chosen.extend(named.hosts.values().flatten());
        } else {
            let mut hosts: Vec<&Vec<Address>> = if named.hosts.len() <= count {
                named.hosts.values().collect()
            } else {
                // Not `IteratorRandom::sample`, which draws a number for each host.
                let mut places = index::sample(rng, named.hosts.len(), count).into_vec();
                places.sort_unstable();
                let mut places = places.into_iter().peekable();
                let all = named.hosts.values().enumerate();
                let chosen = all.filter(|(place, _)| places.next_if_eq(place).is_some());
                chosen.map(|(_, host)| host).collect()
            };
            // Hosts with few addresses leave more room to the others.
            hosts.sort_unstable_by_key(|host| host.len());
            let hosts_len = hosts.len();
            for (at, host) in hosts.into_iter().enumerate() {
                let share = (count - chosen.len()).div_ceil(hosts_len - at).min(host.len());
                chosen.extend(index::sample(rng, host.len(), share).iter().map(|at| host[at]));
            }
        }
        chosen.shuffle(rng);
        let mut chosen = chosen.into_iter().map(|address| self.found(key, address)).collect();
        limit_greediest(&mut chosen);
        chosen
    }

    /// All addresses with the names of their services: in turn one of each announcing client, first
    /// those announced by the API.
    pub fn by_turns(&self) -> impl Iterator<Item = (Arc<[u8]>, Found)> {
        self.shares.by_turns().map(|(key, address)| (key.clone(), self.found(key, *address)))
    }

    /// What was announced by the API at addresses that `is_own` takes, at most `count` of it.
    pub fn of_api(
        &self,
        is_own: impl Fn(Address) -> bool,
        count: usize,
    ) -> Vec<(Vec<u8>, Address)> {
        let of_api = |entry: &&(Arc<[u8]>, Address)| {
            let source = self.shares.source(entry);
            is_own(entry.1) && source.is_some_and(|source| !matches!(source, Source::Host(_)))
        };
        let all = self.shares.by_turns().filter(of_api).take(count);
        all.map(|(key, address)| (key.to_vec(), *address)).collect()
    }

    /// Whether an address is here.
    pub fn has(&self, key: &[u8], address: Address) -> bool {
        self.shares.get(&(key.into(), address)).is_some()
    }

    /// Whether a name has an address here.
    pub fn has_name(&self, key: &[u8]) -> bool {
        self.by_key.contains_key(key)
    }

    /// Names with at least one address.
    pub fn names(&self) -> usize {
        self.by_key.len()
    }

    /// Number of addresses.
    pub fn len(&self) -> usize {
        self.shares.len()
    }

    /// Whether there are no addresses.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn found(&self, key: &Arc<[u8]>, address: Address) -> Found {
        let announced = self.shares.at(&(key.clone(), address));
        Found { address, announced, witness: Witness::Own }
    }
}

/// Leaves a host no more addresses than all others have together, or than [`config::HOST_VALUES`],
/// whichever is more: a client that picks one at random must not nearly always get the same host.
/// The least credible ones go first.
pub(super) fn limit_greediest(found: &mut Vec<Found>) {
    // This machine's ports count as hosts of their own.
    let of_others = |found: &&Found| !found.address.is_loopback();
    if found.iter().filter(of_others).count() <= config::HOST_VALUES {
        return;
    }
    let mut counts: hash::HashMap<[u8; 4], usize> = hash::HashMap::default();
    for found in found.iter().filter(of_others) {
        *counts.entry(found.address.ip).or_default() += 1;
    }
    let Some((ip, count)) = counts.into_iter().max_by_key(|(_, count)| *count) else { return };
    let others = found.len() - count;
    let mut surplus = count.saturating_sub(others.max(config::HOST_VALUES));
    if others == 0 {
        return;
    }
    for witness in [Witness::One, Witness::Several, Witness::Own] {
        found.retain(|found| {
            let goes = surplus > 0 && found.address.ip == ip && found.witness == witness;
            surplus -= usize::from(goes);
            !goes
        });
    }
}

fn forget(by_key: &mut HashMap<Arc<[u8]>, Named>, key: &[u8], address: Address) {
    let Some(named) = by_key.get_mut(key) else { return };
    if let Some(addresses) = named.hosts.get_mut(&address.group()) {
        let before = addresses.len();
        addresses.retain(|other| *other != address);
        named.len -= before - addresses.len();
        if addresses.is_empty() {
            named.hosts.remove(&address.group());
        }
    }
    if named.len == 0 {
        by_key.remove(key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{SeedableRng, rngs::StdRng};

    const BYTES: usize = 1024 * 1024;

    fn address(number: u16) -> Address {
        Address { ip: [127, 0, 0, 1], port: number }
    }

    fn at(host: u8, port: u16) -> Address {
        Address { ip: [10, 0, 0, host], port }
    }

    fn add(peers: &mut Peers, key: &[u8], address: Address, now: u64) {
        peers.add(key, address, Source::of(address), now);
    }

    fn found(address: Address, announced: u64) -> Found {
        Found { address, announced: Some(announced), witness: Witness::Own }
    }

    #[test]
    fn addresses_are_found_until_they_are_old() {
        let mut rng = StdRng::seed_from_u64(1);
        let mut peers = Peers::new(BYTES, 300);
        add(&mut peers, b"a", address(1), 0);
        add(&mut peers, b"a", address(1), 10);
        add(&mut peers, b"b", address(2), 10);
        assert_eq!(peers.sample(b"a", 10, &mut rng), [found(address(1), 10)]);
        peers.age(200);
        add(&mut peers, b"b", address(2), 200);
        peers.age(310);
        assert_eq!(peers.sample(b"a", 10, &mut rng), []);
        assert_eq!(peers.sample(b"b", 10, &mut rng), [found(address(2), 200)]);
        assert_eq!((peers.len(), peers.names()), (1, 1));
    }

    #[test]
    fn a_removed_address_is_gone() {
        let mut peers = Peers::new(BYTES, 300);
        add(&mut peers, b"a", address(1), 0);
        assert!(!peers.remove(b"a", address(2)));
        assert!(!peers.remove(b"b", address(1)));
        assert!(peers.remove(b"a", address(1)));
        assert!(peers.is_empty() && peers.names() == 0);
    }

    #[test]
    fn a_sample_has_no_address_twice() {
        let mut rng = StdRng::seed_from_u64(1);
        let mut peers = Peers::new(BYTES, 300);
        for port in 1..=500 {
            add(&mut peers, b"a", address(port), 0);
        }
        let mut ports: Vec<_> =
            peers.sample(b"a", 100, &mut rng).iter().map(|found| found.address.port).collect();
        assert!(!ports.is_sorted(), "the order is random");
        ports.sort_unstable();
        ports.dedup();
        assert_eq!(ports.len(), 100);
    }

    #[test]
    fn no_host_drives_the_others_out_of_a_sample() {
        let mut rng = StdRng::seed_from_u64(1);
        let mut peers = Peers::new(BYTES, 300);
        for port in 1..=1_000 {
            add(&mut peers, b"a", at(1, port), 0);
        }
        add(&mut peers, b"a", at(2, 1), 0);
        add(&mut peers, b"a", at(3, 1), 0);
        for _ in 0..100 {
            let sample = peers.sample(b"a", 100, &mut rng);
            let of = |host| sample.iter().filter(|found| found.address.ip[3] == host).count();
            assert_eq!((of(1), of(2), of(3)), (config::HOST_VALUES, 1, 1));
        }
        for host in 4..=255 {
            add(&mut peers, b"a", at(host, 1), 0);
        }
        let sample = peers.sample(b"a", 100, &mut rng);
        assert!(
            sample.len() == 100 && sample.iter().filter(|at| at.address.ip[3] == 1).count() <= 1
        );
    }

    #[test]
    fn a_host_has_no_more_than_all_others_or_a_few() {
        let list = |own: u16, one: u16, several: u16| -> Vec<Found> {
            let of = |host, witness, count| {
                (1..=count).map(move |port| Found { witness, ..found(at(host, port), 0) })
            };
            of(1, Witness::One, one)
                .chain(of(1, Witness::Own, own))
                .chain(of(2, Witness::Several, several))
                .collect()
        };
        for (own, one, others, left) in [
            (20, 70, 0, (20, 70)),
            (20, 70, 1, (16, 0)),
            (10, 70, 1, (10, 6)),
            (10, 70, 40, (10, 30)),
            (10, 20, 30, (10, 20)),
            (3, 13, 1, (3, 13)),
        ] {
            let mut found = list(own, one, others);
            limit_greediest(&mut found);
            let of = |witness| found.iter().filter(|found| found.witness == witness).count();
            assert_eq!((of(Witness::Own), of(Witness::One)), left);
            assert_eq!(of(Witness::Several), usize::from(others));
        }
        let mut local: Vec<_> = (1..100).map(|port| found(address(port), 0)).collect();
        local.push(found(at(1, 1), 0));
        limit_greediest(&mut local);
        assert_eq!(local.len(), 100);
    }

    #[test]
    fn a_list_of_services_is_fair() {
        let mut peers = Peers::new(BYTES, 300);
        for number in 0..200 {
            add(&mut peers, &[b'a', number], at(1, 1), 0);
        }
        for host in 2..5 {
            add(&mut peers, &[b'm', host], at(host, 1), 0);
        }
        peers.add(b"z", at(9, 1), Source::Local, 0);
        let mut first: Vec<_> = peers.by_turns().take(10).map(|(key, _)| key[0]).collect();
        assert_eq!(first[0], b'z');
        first.sort_unstable();
        assert_eq!(first, *b"aaaaaammmz");
        assert_eq!(peers.by_turns().count(), peers.len());
    }

    #[test]
    fn a_flood_of_announces_drives_out_nobody_else() {
        let mut peers = Peers::new(config::PEERS_BYTES, 300);
        add(&mut peers, b"honest", at(1, 1), 0);
        for number in 0..25_000_u32 {
            add(&mut peers, &number.to_be_bytes(), at(2, number as u16), 0);
            assert!(peers.len() <= config::PEERS_BYTES / config::PEER_COST);
        }
        assert_eq!(peers.names(), peers.len());
        let mut rng = StdRng::seed_from_u64(1);
        assert_eq!(peers.sample(b"honest", 10, &mut rng), [found(at(1, 1), 0)]);
    }
}
