//! Reports of the nodes near a name. Each node's report is kept separately, so that a node that
//! reports thousands of addresses hides none of the others'.

use super::{Address, Found, Id, Witness, hash::HashMap};
use crate::config::grape as config;
use rand::{Rng, seq::SliceRandom};
use std::collections::BTreeMap;

/// A node with a report.
#[derive(Debug)]
struct Word {
    source: Id,
    host: Address,
}

/// A reported address.
#[derive(Clone, Copy, Debug)]
struct Told {
    /// When it was announced: according to the freshest report, the host of that report, and the
    /// freshest report of another host.
    announced: Option<u64>,
    freshest: [u8; 4],
    second: Option<u64>,
    /// According to this node itself.
    own: Option<u64>,
    /// When it was reported last.
    at: u64,
    /// The reporting nodes: a bit for each.
    by: u64,
    /// Reported since the last [`Answers::begin`].
    now: bool,
    /// A node that reported it before does not any more.
    retracted: bool,
}

impl Told {
    /// A report through another node may be older than the known one, and a lie can claim any age:
    /// of several hosts' reports the freshest is not believed.
    fn heard(&mut self, announced: Option<u64>, host: [u8; 4]) {
        if host == self.freshest {
            self.announced = self.announced.max(announced);
        } else if announced > self.announced {
            self.second = self.announced;
            (self.announced, self.freshest) = (announced, host);
        } else {
            self.second = self.second.max(announced);
        }
    }
}

/// The reports on one name.
#[derive(Debug)]
pub struct Answers {
    own: Id,
    /// One per bit.
    words: [Option<Box<Word>>; config::WORDS],
    told: HashMap<Address, Told>,
}

impl Answers {
    /// No reports so far, for the node `own`.
    pub fn new(own: Id) -> Self {
        Self { own, words: [const { None }; config::WORDS], told: HashMap::default() }
    }

    /// The nodes are queried again; reports from before `since` do not count any more.
    pub fn begin(&mut self, since: Option<u64>) {
        self.told.retain(|_, told| since.is_none_or(|since| told.at >= since));
        for told in self.told.values_mut() {
            told.now = false;
            told.retracted = false;
        }
    }

    /// The node `source` at `from` reports exactly these addresses of `key` now. If they are fewer
    /// than a reply can hold, its earlier reports of other addresses are retracted.
    pub fn learn(&mut self, key: &[u8], (source, from): (Id, Address), found: &[Found], now: u64) {
        let found = &found[..found.len().min(config::VALUES)];
        let Some(slot) = self.slot(key, source, from, !found.is_empty()) else { return };
        let bit = 1 << slot;
        for found in found {
            let told = self.told.entry(found.address).or_insert(Told {
                announced: None,
                freshest: from.ip,
                second: None,
                own: None,
                at: now,
                by: 0,
                now: true,
                retracted: false,
            });
            if source == self.own {
                told.own = found.announced;
            } else {
                told.heard(found.announced, from.ip);
            }
            told.by |= bit;
            told.at = now;
            told.now = true;
        }
        let retracts = found.len() < config::VALUES;
        self.told.retain(|address, told| {
            if told.by & bit != 0 && !(told.now && found.iter().any(|at| at.address == *address)) {
                told.by &= !bit;
                told.retracted |= retracts;
            }
            told.by != 0
        });
        if self.told.len() > config::TOLD {
            self.shorten();
        }
    }

    /// The nodes were queried: deletes retracted addresses, unless a node reported them again.
    pub fn end(&mut self) {
        self.told.retain(|_, told| told.now || !told.retracted);
    }

    /// Deletes an address; whether it was known.
    pub fn remove(&mut self, address: Address) {
        self.told.remove(&address);
    }

    /// Whether nothing was reported.
    pub fn is_empty(&self) -> bool {
        self.told.is_empty()
    }

    /// Memory cost besides the name, in bytes.
    pub fn cost(&self) -> usize {
        let words = self.words.iter().flatten().count();
        (config::WORDS + words) * config::WORD_COST + self.told.len() * config::TOLD_COST
    }

    /// At most `count` addresses in random order: in turn one of each reporting node, and of a
    /// node's addresses in turn one of each host, those with the most reporters first.
    pub fn sample(&self, count: usize, rng: &mut impl Rng) -> Vec<Found> {
        let mut chosen: Vec<Address> = if self.told.len() <= count {
            self.told.keys().copied().collect()
        } else {
            self.by_turns(count, rng)
        };
        chosen.shuffle(rng);
        let found = |address| {
            let told = self.told.get(&address)?;
            let (witness, announced) = self.age(told);
            Some(Found { address, announced, witness })
        };
        chosen.into_iter().filter_map(found).collect()
    }

    /// When an address was announced, and the credibility of that.
    fn age(&self, told: &Told) -> (Witness, Option<u64>) {
        let slots = (0..config::WORDS).filter(|slot| told.by & (1 << slot) != 0);
        let mut words = slots.filter_map(|slot| self.words[slot].as_deref());
        let Some(first) = words.next() else { return (Witness::One, None) };
        let is_own = |word: &Word| word.source == self.own;
        if told.own.is_some() && (is_own(first) || words.clone().any(is_own)) {
            (Witness::Own, told.own)
        } else if words.any(|word| word.host.ip != first.host.ip) {
            (Witness::Several, told.second)
        } else {
            (Witness::One, told.announced)
        }
    }

    fn by_turns(&self, count: usize, rng: &mut impl Rng) -> Vec<Address> {
        let mut lists: Vec<_> =
            (0..config::WORDS).map(|slot| self.list(slot, |_| true, rng).into_iter()).collect();
        let mut chosen = Vec::with_capacity(count);
        let mut taken = std::collections::HashSet::with_capacity(count);
        lists.shuffle(rng);
        while chosen.len() < count && !lists.is_empty() {
            lists.retain_mut(|list| {
                let next = list.find(|address| !taken.contains(address));
                if let Some(address) = next.filter(|_| chosen.len() < count) {
                    taken.insert(address);
                    chosen.push(address);
                }
                next.is_some()
            });
        }
        chosen
    }

    /// A node's reported addresses for which `counts` is true: the first of each host, then the
    /// second, and so on; within that those with the most reporters first.
    fn list(
        &self,
        slot: usize,
        counts: impl Fn(&Told) -> bool,
        rng: &mut impl Rng,
    ) -> Vec<Address> {
        let told = self.told.iter().filter(|(_, told)| told.by & (1 << slot) != 0 && counts(told));
        let mut list: Vec<_> =
            told.map(|(address, told)| (*address, told.by.count_ones(), 0_usize)).collect();
        list.shuffle(rng);
        list.sort_by_key(|(_, nodes, _)| std::cmp::Reverse(*nodes));
        let mut turns: BTreeMap<Address, usize> = BTreeMap::new();
        for (address, _, turn) in &mut list {
            let next = turns.entry(address.group()).or_default();
            *turn = *next;
            *next += 1;
        }
        list.sort_by_key(|(_, _, turn)| *turn);
        list.into_iter().map(|(address, ..)| address).collect()
    }

    /// Above the limit: deletes addresses that only one node reports, of the node with the most of
    /// them.
    fn shorten(&mut self) {
        // Any order will do: a separate seed keeps the node's random numbers reproducible.
        let mut rng =
            <rand::rngs::StdRng as rand::SeedableRng>::seed_from_u64(self.told.len() as u64);
        let mut lists: Vec<_> = (0..config::WORDS)
            .map(|slot| self.list(slot, |told| told.by.count_ones() == 1, &mut rng))
            .collect();
        lists.sort_by_key(Vec::len);
        let alone: usize = lists.iter().map(Vec::len).sum();
        let mut room = config::TOLD.saturating_sub(self.told.len() - alone);
        let count = lists.len();
        for (at, list) in lists.into_iter().enumerate() {
            let share = (room / (count - at)).min(list.len());
            room -= share;
            for address in &list[share..] {
                self.told.remove(address);
            }
        }
    }

    /// The slot for a node's report: its own, a free one, that of another node of its host if the
    /// host has its share, or that of the farthest node among hosts with several. A node that
    /// reports nothing needs no new slot.
    fn slot(&mut self, key: &[u8], source: Id, host: Address, tells: bool) -> Option<usize> {
        let host = host.group();
        let slots = || self.words.iter().enumerate();
        let is = |word: &Option<Box<Word>>, test: &dyn Fn(&Word) -> bool| {
            word.as_deref().is_some_and(test)
        };
        if let Some((slot, _)) =
            slots().find(|(_, word)| is(word, &|word| word.source == source && word.host == host))
        {
            return Some(slot);
        }
        if !tells {
            return None;
        }
        let of_host: Vec<_> =
            slots().filter(|(_, word)| is(word, &|word| word.host == host)).collect();
        let slot = if of_host.len() >= config::HOST_SHARE {
            of_host.first().map(|(slot, _)| *slot)?
        } else if let Some((slot, _)) = slots().find(|(_, word)| word.is_none()) {
            slot
        } else {
            // First the farthest of those whose host has others, if this one's has none.
            let has_others =
                |host| slots().filter(|(_, word)| is(word, &|word| word.host == host)).count() > 1;
            let rank = |word: &Option<Box<Word>>| {
                let word = word.as_deref().filter(|word| word.source != self.own);
                word.map(|word| (has_others(word.host), word.source.distance(key)))
            };
            let (slot, last) =
                slots().map(|(slot, word)| (slot, rank(word))).max_by_key(|(_, rank)| *rank)?;
            if last? <= (!of_host.is_empty(), source.distance(key)) {
                return None;
            }
            slot
        };
        let bit = 1 << slot;
        self.told.retain(|_, told| {
            told.by &= !bit;
            told.by != 0
        });
        self.words[slot] = Some(Box::new(Word { source, host }));
        Some(slot)
    }
}

#[cfg(test)]
mod tests;
