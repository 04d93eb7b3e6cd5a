//! A map that strangers fill: it has a budget of bytes, and each host a share of it.
//!
//! When it is full, the host with the most loses its oldest entry. So a host that floods it only
//! displaces its own entries, and an honest host loses something only when it has as much as the
//! greediest.
//!
//! Entries by the API and by datagrams, of this machine and of others, have separate budgets: no
//! datagram displaces the announces of this machine's own services.

use super::{Address, hash};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    hash::Hash,
};

/// Owner of an entry. Of two owners, the entry keeps the one that is first in this list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Source {
    /// This process.
    Own,
    /// A program on this machine, by the API.
    Local,
    /// Another machine, by the API: its IPv4 address, or its 64-bit network with IPv6.
    Client([u8; 8]),
    /// The sender of datagrams from there: an [`Address::group`].
    Host(Address),
}

impl Source {
    /// Number of budgets.
    const BUDGETS: usize = 4;

    /// The owner of datagrams from this address.
    pub fn of(address: Address) -> Self {
        Self::Host(address.group())
    }

    /// Whether it is a program on this machine that uses this node.
    pub fn is_here(self) -> bool {
        matches!(self, Self::Own | Self::Local)
    }

    /// The budget that it uses.
    fn budget(self) -> usize {
        match self {
            Self::Own | Self::Local => 0,
            Self::Client(_) => 1,
            Self::Host(address) if address.is_loopback() => 2,
            Self::Host(_) => 3,
        }
    }
}

/// The limits of each budget.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    /// Entries.
    pub entries: usize,
    /// Bytes, as counted by the callers of `insert`.
    pub bytes: usize,
}

#[derive(Debug)]
struct Entry<V> {
    value: V,
    source: Source,
    cost: usize,
    at: u64,
    serial: u64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Used {
    entries: usize,
    bytes: usize,
}

/// The map; see the module's description. Keys are cloned, so they should be cheap to clone.
#[derive(Debug)]
pub struct Shares<K, V> {
    budget: Budget,
    age: u64,
    entries: HashMap<K, Entry<V>>,
    /// Oldest first.
    order: BTreeMap<u64, K>,
    of_source: BTreeSet<(Source, u64)>,
    used: hash::HashMap<Source, Used>,
    /// Use of each budget, and of each owner in it, by bytes.
    totals: [Used; Source::BUDGETS],
    greedy: [BTreeSet<(usize, Source)>; Source::BUDGETS],
    last_serial: u64,
}

impl<K: Clone + Eq + Hash, V> Shares<K, V> {
    /// An empty map whose entries expire after `age` ms.
    pub fn new(budget: Budget, age: u64) -> Self {
        Self {
            budget,
            age,
            entries: HashMap::new(),
            order: BTreeMap::new(),
            of_source: BTreeSet::new(),
            used: hash::HashMap::default(),
            totals: Default::default(),
            greedy: Default::default(),
            last_serial: 0,
        }
    }

    /// Adds or replaces an entry, which becomes the newest. It stays with the host that brought it
    /// first, so that another host cannot take it over and lose it. Calls `dropped` with displaced
    /// entries.
    pub fn insert(
        &mut self,
        key: K,
        value: V,
        (source, cost): (Source, usize),
        now: u64,
        mut dropped: impl FnMut(K),
    ) {
        let source = self.take_out(&key).map_or(source, |old| old.source.min(source));
        self.last_serial += 1;
        let serial = self.last_serial;
        self.count(source, |used| {
            used.entries += 1;
            used.bytes += cost;
        });
        self.of_source.insert((source, serial));
        self.order.insert(serial, key.clone());
        self.entries.insert(key, Entry { value, source, cost, at: now, serial });
        while let Some(key) = self.too_much(source) {
            self.take_out(&key);
            dropped(key);
        }
    }

    /// An entry.
    pub fn get(&self, key: &K) -> Option<&V> {
        self.entries.get(key).map(|entry| &entry.value)
    }

    /// When an entry was added last.
    pub fn at(&self, key: &K) -> Option<u64> {
        self.entries.get(key).map(|entry| entry.at)
    }

    /// The owner of an entry.
    pub fn source(&self, key: &K) -> Option<Source> {
        self.entries.get(key).map(|entry| entry.source)
    }

    /// Removes an entry.
    pub fn remove(&mut self, key: &K) -> Option<V> {
        self.take_out(key).map(|entry| entry.value)
    }

    /// Deletes expired entries, and calls `dropped` with each.
    pub fn expire(&mut self, now: u64, mut dropped: impl FnMut(K)) {
        while let Some((_, key)) = self.order.first_key_value() {
            let is_old = |entry: &Entry<V>| now >= entry.at.saturating_add(self.age);
            if !self.entries.get(key).is_some_and(is_old) {
                return;
            }
            let key = key.clone();
            self.take_out(&key);
            dropped(key);
        }
    }

    /// All entries: those of the API in turns, then in turn one of each sender of datagrams; of
    /// each the oldest first.
    pub fn by_turns(&self) -> impl Iterator<Item = &K> {
        let (here, others): (Vec<_>, Vec<_>) =
            self.used.keys().copied().partition(|source| !matches!(source, Source::Host(_)));
        [here, others].into_iter().flat_map(|mut sources| {
            sources.sort_unstable();
            let mut lists: Vec<_> = sources
                .into_iter()
                .map(|source| self.of_source.range((source, 0)..=(source, u64::MAX)))
                .collect();
            std::iter::from_fn(move || {
                let round: Vec<_> = lists.iter_mut().filter_map(Iterator::next).collect();
                lists.retain(|list| list.clone().next().is_some());
                (!round.is_empty()).then_some(round)
            })
            .flatten()
            .filter_map(|(_, serial)| self.order.get(serial))
        })
    }

    /// Number of entries.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether it is empty.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    fn take_out(&mut self, key: &K) -> Option<Entry<V>> {
        let entry = self.entries.remove(key)?;
        self.order.remove(&entry.serial);
        self.of_source.remove(&(entry.source, entry.serial));
        self.count(entry.source, |used| {
            used.entries -= 1;
            used.bytes -= entry.cost;
        });
        Some(entry)
    }

    fn count(&mut self, source: Source, change: impl Fn(&mut Used)) {
        let used = self.used.entry(source).or_default();
        let before = used.bytes;
        change(used);
        let (bytes, is_empty) = (used.bytes, used.entries == 0);
        if is_empty {
            self.used.remove(&source);
        }
        change(&mut self.totals[source.budget()]);
        let greedy = &mut self.greedy[source.budget()];
        greedy.remove(&(before, source));
        if !is_empty {
            greedy.insert((bytes, source));
        }
    }

    /// The entry to be displaced, if the budget of `source` is exceeded.
    fn too_much(&self, source: Source) -> Option<K> {
        let used = self.totals[source.budget()];
        if used.entries <= self.budget.entries && used.bytes <= self.budget.bytes {
            return None;
        }
        let (_, greediest) = *self.greedy[source.budget()].last()?;
        let (_, serial) = self.of_source.range((greediest, 0)..).next()?;
        self.order.get(serial).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::{collection::vec, prelude::*};

    const BUDGET: Budget = Budget { entries: 100, bytes: 1_000 };

    fn host(number: u8) -> Source {
        Source::of(Address { ip: [10, 0, 0, number], port: 1 })
    }

    fn shares() -> Shares<u32, ()> {
        Shares::new(BUDGET, 1_000)
    }

    #[test]
    fn who_fills_it_only_drives_out_its_own() {
        let mut shares = shares();
        let mut dropped = Vec::new();
        for key in 0..10 {
            shares.insert(key, (), (host(1), 10), 0, |_| {});
            shares.insert(100 + key, (), (Source::Own, 10), 0, |_| {});
        }
        for key in 1_000..20_000 {
            shares.insert(key, (), (host(2), 10), 0, |key| dropped.push(key));
        }
        assert!(
            (0..10).all(|key| shares.get(&key).is_some() && shares.get(&(100 + key)).is_some())
        );
        assert!(dropped.iter().eq(&(1_000..19_910).collect::<Vec<_>>()), "its oldest go");
        assert_eq!(shares.len(), 110);
    }

    #[test]
    fn greedy_hosts_share() {
        let mut shares = shares();
        for key in 0..10_000_u32 {
            shares.insert(key, (), (host((key % 4) as u8), 10), 0, |_| {});
        }
        shares.insert(20_000, (), (host(9), 10), 0, |_| {});
        for key in 30_000..40_000 {
            shares.insert(key, (), (host((key % 4) as u8), 10), 0, |_| {});
        }
        assert!(shares.get(&20_000).is_some());
        assert!((0..4).all(|number| shares.used[&host(number)].entries >= 24));
    }

    #[test]
    fn entries_age_from_when_they_were_added_last() {
        let mut shares = shares();
        shares.insert(1, (), (host(1), 10), 0, |_| {});
        shares.insert(2, (), (host(1), 10), 0, |_| {});
        shares.insert(1, (), (host(1), 10), 500, |_| {});
        let mut dropped: Vec<u32> = Vec::new();
        shares.expire(999, |key| dropped.push(key));
        assert!(dropped.is_empty());
        shares.expire(1_000, |key| dropped.push(key));
        shares.expire(1_500, |key| dropped.push(key));
        assert_eq!(dropped, [2, 1]);
    }

    #[test]
    fn an_entry_stays_whose_it_was() {
        let mut shares = shares();
        shares.insert(1, (), (host(1), 10), 0, |_| {});
        shares.insert(1, (), (host(2), 10), 0, |_| {});
        assert_eq!(shares.used.get(&host(2)).map(|used| used.bytes), None);
        shares.insert(1, (), (Source::Own, 10), 0, |_| {});
        assert_eq!(shares.used.keys().collect::<Vec<_>>(), [&Source::Own]);
    }

    proptest! {
        #[test]
        fn it_counts_right(steps in vec((0..50_u32, 0..5_u8, 0..300_usize, any::<bool>()), 0..300)) {
            let mut shares = shares();
            for (at, (key, number, cost, removes)) in steps.into_iter().enumerate() {
                let source = if number == 0 { Source::Own } else { host(number) };
                if removes {
                    shares.remove(&key);
                } else {
                    shares.insert(key, (), (source, cost), at as u64, |_| {});
                }
                for budget in 0..Source::BUDGETS {
                    let of = |entry: &&Entry<()>| entry.source.budget() == budget;
                    let costs = shares.entries.values().filter(of).map(|entry| entry.cost);
                    let bytes: usize = costs.sum();
                    prop_assert!(bytes <= BUDGET.bytes);
                    prop_assert_eq!(bytes, shares.totals[budget].bytes);
                    let greedy = shares.greedy[budget].iter();
                    prop_assert_eq!(bytes, greedy.map(|(bytes, _)| bytes).sum::<usize>());
                }
                prop_assert_eq!(shares.order.len(), shares.entries.len());
                prop_assert_eq!(shares.of_source.len(), shares.entries.len());
            }
        }
    }
}
