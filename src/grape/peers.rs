//! Announced addresses, by the raw name of their service.

use super::{Address, Generations, Id};
use rand::{Rng, RngExt};
use std::collections::HashMap;

/// A service's address, as a lookup finds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// Where it is.
    pub address: Address,
    /// When it announced itself, on the clock of this node, if the node that said so knew.
    pub announced: Option<u64>,
}

/// What is known of an address.
#[derive(Clone, Copy, Debug, Default)]
struct Known {
    /// As in [`Found`].
    announced: Option<u64>,
    /// The node that said so last, until it says otherwise.
    source: Option<Id>,
}

/// The addresses; they age.
#[derive(Debug)]
pub struct Peers {
    /// Both maps hold the same: this one to count and to age, the other to look up.
    announced: Generations<(Box<[u8]>, Address), Known>,
    by_key: HashMap<Box<[u8]>, Vec<Address>>,
}

impl Peers {
    /// Keeps `size` addresses a generation, each for about `age` ms.
    pub fn new(size: usize, age: Option<u64>, now: u64) -> Self {
        Self { announced: Generations::new(size, age, now), by_key: HashMap::new() }
    }

    /// Forgets what is old.
    pub fn age(&mut self, now: u64) {
        if now >= self.announced.swap_at() {
            self.announced.age(now);
            self.forget_dropped();
        }
    }

    /// When [`age`](Self::age) has something to do.
    pub fn swap_at(&self) -> u64 {
        self.announced.swap_at()
    }

    /// Adds an address that `source` knows, or makes it fresh again.
    pub fn add(&mut self, key: &[u8], found: Found, source: Id) {
        let Found { address, announced } = found;
        let entry = (Box::from(key), address);
        let known = self.announced.get(&entry).copied();
        // A report through another node may be older than what is known.
        let announced = known.and_then(|known| known.announced).max(announced);
        let before = self.announced.len();
        self.announced.insert(entry, Known { announced, source: Some(source) });
        if known.is_none() {
            self.by_key.entry(key.into()).or_default().push(address);
        }
        if self.announced.len() < before {
            self.forget_dropped();
        }
    }

    /// Takes an address out; whether it was there.
    pub fn remove(&mut self, key: &[u8], address: Address) -> bool {
        let removed = self.announced.remove(&(key.into(), address)).is_some();
        if removed && let Some(addresses) = self.by_key.get_mut(key) {
            addresses.retain(|other| *other != address);
            if addresses.is_empty() {
                self.by_key.remove(key);
            }
        }
        removed
    }

    /// `source` knows just these addresses now: its word does not count for others any more.
    pub fn retract(&mut self, key: &[u8], source: Id, still: impl Fn(Address) -> bool) {
        for address in self.by_key.get(key).into_iter().flatten().filter(|at| !still(**at)) {
            if let Some(known) = self.announced.get_mut(&(key.into(), *address)) {
                known.source = known.source.filter(|other| *other != source);
            }
        }
    }

    /// Takes out the addresses that nobody's word counts for.
    pub fn remove_retracted(&mut self, key: &[u8]) {
        for address in self.by_key.get(key).cloned().unwrap_or_default() {
            let known = self.announced.get(&(key.into(), address));
            if known.is_some_and(|known| known.source.is_none()) {
                self.remove(key, address);
            }
        }
    }

    /// At most `count` addresses of a service, chosen and ordered at random.
    pub fn sample(&self, key: &[u8], count: usize, rng: &mut impl Rng) -> Vec<Found> {
        let Some(addresses) = self.by_key.get(key) else { return Vec::new() };
        let mut chosen = addresses.clone();
        let count = count.min(chosen.len());
        for at in 0..count {
            let other = rng.random_range(at..chosen.len());
            chosen.swap(at, other);
        }
        chosen.truncate(count);
        chosen.into_iter().map(|address| self.found(key, address)).collect()
    }

    /// Services with their addresses, at most `count` of both in each.
    pub fn services(&self, count: usize) -> Vec<(&[u8], Vec<Found>)> {
        let mut services: Vec<_> = self.by_key.iter().collect();
        services.sort_unstable_by_key(|(key, _)| *key);
        services
            .into_iter()
            .take(count)
            .map(|(key, addresses)| {
                let found = addresses.iter().take(count).map(|at| self.found(key, *at)).collect();
                (&**key, found)
            })
            .collect()
    }

    /// Names with at least one address.
    pub fn names(&self) -> usize {
        self.by_key.len()
    }

    /// All addresses.
    pub fn len(&self) -> usize {
        self.announced.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn found(&self, key: &[u8], address: Address) -> Found {
        let known = self.announced.get(&(key.into(), address)).copied().unwrap_or_default();
        Found { address, announced: known.announced }
    }

    /// A generation is gone: rebuilds the other map out of what is left.
    fn forget_dropped(&mut self) {
        self.by_key.clear();
        for ((key, address), _) in self.announced.iter() {
            self.by_key.entry(key.clone()).or_default().push(*address);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{SeedableRng, rngs::StdRng};

    const SOURCE: Id = Id([1; 20]);

    fn found(port: u16, announced: u64) -> Found {
        Found { address: Address { ip: [127, 0, 0, 1], port }, announced: Some(announced) }
    }

    #[test]
    fn addresses_are_found_until_they_are_old() {
        let mut rng = StdRng::seed_from_u64(1);
        let mut peers = Peers::new(100, Some(300), 0);
        peers.add(b"a", found(1, 0), SOURCE);
        peers.add(b"a", found(1, 10), SOURCE);
        peers.add(b"b", found(2, 10), SOURCE);
        assert_eq!(peers.sample(b"a", 10, &mut rng), [found(1, 10)]);
        peers.age(200);
        peers.add(b"b", found(2, 200), SOURCE);
        peers.age(400);
        assert_eq!(peers.sample(b"a", 10, &mut rng), []);
        assert_eq!(peers.sample(b"b", 10, &mut rng), [found(2, 200)]);
        assert_eq!((peers.len(), peers.names()), (1, 1));
    }

    #[test]
    fn an_older_report_does_not_make_an_address_older() {
        let mut rng = StdRng::seed_from_u64(1);
        let mut peers = Peers::new(100, Some(300), 0);
        peers.add(b"a", found(1, 10), SOURCE);
        peers.add(b"a", Found { announced: None, ..found(1, 0) }, SOURCE);
        peers.add(b"a", found(1, 5), SOURCE);
        assert_eq!(peers.sample(b"a", 10, &mut rng), [found(1, 10)]);
    }

    #[test]
    fn a_removed_address_is_gone() {
        let mut peers = Peers::new(100, None, 0);
        peers.add(b"a", found(1, 0), SOURCE);
        assert!(!peers.remove(b"a", found(2, 0).address));
        assert!(!peers.remove(b"b", found(1, 0).address));
        assert!(peers.remove(b"a", found(1, 0).address));
        assert!(peers.is_empty() && peers.names() == 0);
    }

    #[test]
    fn an_address_is_gone_when_its_last_source_says_so() {
        let mut peers = Peers::new(100, None, 0);
        let other = Id([2; 20]);
        peers.add(b"a", found(1, 0), SOURCE);
        peers.add(b"a", found(2, 0), SOURCE);
        peers.retract(b"a", other, |_| false);
        peers.remove_retracted(b"a");
        assert_eq!(peers.len(), 2, "another node's word");
        peers.retract(b"a", SOURCE, |address| address.port == 2);
        peers.add(b"a", found(1, 0), other);
        peers.remove_retracted(b"a");
        assert_eq!(peers.len(), 2, "another node knows it");
        peers.retract(b"a", other, |_| false);
        peers.remove_retracted(b"a");
        assert_eq!(peers.sample(b"a", 10, &mut StdRng::seed_from_u64(1)), [found(2, 0)]);
    }

    #[test]
    fn a_sample_has_no_address_twice() {
        let mut rng = StdRng::seed_from_u64(1);
        let mut peers = Peers::new(1_000, None, 0);
        for port in 1..=500 {
            peers.add(b"a", found(port, 0), SOURCE);
        }
        let mut ports: Vec<_> =
            peers.sample(b"a", 100, &mut rng).iter().map(|found| found.address.port).collect();
        assert!(!ports.is_sorted(), "the order is random");
        ports.sort_unstable();
        ports.dedup();
        assert_eq!(ports.len(), 100);
    }

    #[test]
    fn a_list_of_services_is_cut() {
        let mut peers = Peers::new(100, None, 0);
        for number in 0..30 {
            peers.add(&[number % 3], found(1 + u16::from(number), 0), SOURCE);
        }
        let services = peers.services(2);
        let addresses: Vec<_> = services.iter().map(|(_, addresses)| addresses.len()).collect();
        assert_eq!(addresses, [2, 2]);
    }

    #[test]
    fn a_flood_of_names_is_bounded() {
        let mut peers = Peers::new(100, None, 0);
        for number in 0..10_000_u32 {
            peers.add(&number.to_be_bytes(), found(1, 0), SOURCE);
            assert!(peers.len() <= 201 && peers.names() == peers.len());
        }
    }
}
