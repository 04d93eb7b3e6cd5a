//! What the nodes near a name told of it. Each node has its own word, so that one that tells
//! thousands of addresses hides none of the others'.

use super::{Address, Found, Id, Witness};
use crate::config::grape as config;
use rand::{Rng, RngExt};
use std::collections::{BTreeMap, HashMap};

/// A node that told something.
#[derive(Debug)]
struct Word {
    source: Id,
    host: Address,
}

/// An address that was told.
#[derive(Clone, Copy, Debug)]
struct Told {
    /// When it announced itself: the freshest word, whose it is, and the next one of another host.
    announced: Option<u64>,
    freshest: [u8; 4],
    second: Option<u64>,
    /// As this node heard it itself.
    own: Option<u64>,
    /// When it was told last.
    at: u64,
    /// Who tells it: a bit for each word.
    by: u64,
    /// Somebody told it since the last [`Answers::begin`].
    now: bool,
    /// Somebody who told it before does not any more.
    retracted: bool,
}

impl Told {
    /// A report through another node may be older than what is known, and a lie is as fresh as can
    /// be: of several hosts the freshest is not believed.
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

/// The words on one name.
#[derive(Debug)]
pub struct Answers {
    own: Id,
    /// A slot for each bit.
    words: [Option<Box<Word>>; config::WORDS],
    told: HashMap<Address, Told>,
}

impl Answers {
    /// Nothing was told so far to the node `own`.
    pub fn new(own: Id) -> Self {
        Self { own, words: [const { None }; config::WORDS], told: HashMap::new() }
    }

    /// The nodes are asked anew; what was told before `since` does not count any more.
    pub fn begin(&mut self, since: Option<u64>) {
        self.told.retain(|_, told| since.is_none_or(|since| told.at >= since));
        for told in self.told.values_mut() {
            told.now = false;
            told.retracted = false;
        }
    }

    /// The node `source`, which is at `from`, knows just these addresses of `key` now. Who tells
    /// less than an answer holds takes back what it told before.
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

    /// The nodes were asked: forgets what was taken back, unless somebody told it again.
    pub fn end(&mut self) {
        self.told.retain(|_, told| told.now || !told.retracted);
    }

    /// Forgets an address; whether it was known.
    pub fn remove(&mut self, address: Address) {
        self.told.remove(&address);
    }

    /// Whether nothing was told.
    pub fn is_empty(&self) -> bool {
        self.told.is_empty()
    }

    /// Bytes that this costs beside its name.
    pub fn cost(&self) -> usize {
        let words = self.words.iter().flatten().count();
        (config::WORDS + words) * config::WORD_COST + self.told.len() * config::TOLD_COST
    }

    /// At most `count` addresses in random order: by turns one of each node that told some, and of
    /// its addresses by turns one of each host, what most nodes tell first.
    pub fn sample(&self, count: usize, rng: &mut impl Rng) -> Vec<Found> {
        let mut chosen: Vec<Address> = if self.told.len() <= count {
            self.told.keys().copied().collect()
        } else {
            self.by_turns(count, rng)
        };
        shuffle(&mut chosen, rng);
        let found = |address| {
            let told = self.told.get(&address)?;
            let (witness, announced) = self.age(told);
            Some(Found { address, announced, witness })
        };
        chosen.into_iter().filter_map(found).collect()
    }

    /// Who says when an address was announced, and what he says.
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
        shuffle(&mut lists, rng);
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

    /// What a node tells, of that which `counts`: the first of each host, then the second, and so
    /// on; of these what most nodes tell first.
    fn list(
        &self,
        slot: usize,
        counts: impl Fn(&Told) -> bool,
        rng: &mut impl Rng,
    ) -> Vec<Address> {
        let told = self.told.iter().filter(|(_, told)| told.by & (1 << slot) != 0 && counts(told));
        let mut list: Vec<_> =
            told.map(|(address, told)| (*address, told.by.count_ones(), 0_usize)).collect();
        shuffle(&mut list, rng);
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

    /// There is too much: what only one node tells goes, of who tells most of it.
    fn shorten(&mut self) {
        // Any order does: a seed of its own keeps this free of the node's.
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

    /// The slot of a node's word: its own, a free one, that of another node of its host that has
    /// its share, or that of the farthest node. A node that tells nothing needs no new one.
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
            let distance = |word: &Option<Box<Word>>| {
                let word = word.as_deref().filter(|word| word.source != self.own);
                word.map(|word| word.source.distance(key))
            };
            let (slot, farthest) =
                slots().map(|(slot, word)| (slot, distance(word))).max_by_key(|(_, far)| *far)?;
            if farthest? <= source.distance(key) {
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

fn shuffle<T>(list: &mut [T], rng: &mut impl Rng) {
    for at in 1..list.len() {
        list.swap(at, rng.random_range(0..=at));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{SeedableRng, rngs::StdRng};

    const KEY: &[u8] = b"key";

    fn node(number: u8) -> (Id, Address) {
        (Id([number; 20]), Address { ip: [10, 0, 0, number], port: 1 })
    }

    fn found(host: u8, port: u16) -> Found {
        let address = Address { ip: [10, 1, 0, host], port };
        Found { address, announced: Some(1), witness: Witness::One }
    }

    fn answers() -> Answers {
        Answers::new(Id([0xff; 20]))
    }

    fn addresses(answers: &Answers) -> Vec<Found> {
        let all = answers.sample(config::TOLD, &mut StdRng::seed_from_u64(1));
        let one = |found| Found { witness: Witness::One, ..found };
        let mut all: Vec<_> = all.into_iter().map(one).collect();
        all.sort_by_key(|found| found.address);
        all
    }

    fn has(sample: &[Found], host: u8) -> bool {
        sample.iter().any(|told| told.address == found(host, host.into()).address)
    }

    #[test]
    fn the_freshest_word_of_several_is_not_believed() {
        let mut answers = answers();
        let said = |announced| Found { announced: Some(announced), ..found(1, 1) };
        let age = |answers: &Answers| {
            let sample = answers.sample(1, &mut StdRng::seed_from_u64(1));
            (sample[0].witness, sample[0].announced)
        };
        answers.learn(KEY, node(1), &[said(10)], 90);
        answers.learn(KEY, (node(9).0, node(1).1), &[said(20)], 90);
        assert_eq!(age(&answers), (Witness::One, Some(20)), "one host");
        answers.learn(KEY, node(2), &[said(15)], 90);
        assert_eq!(age(&answers), (Witness::Several, Some(15)));
        answers.learn(KEY, node(3), &[said(90)], 90);
        assert_eq!(age(&answers), (Witness::Several, Some(20)));
        answers.learn(KEY, (Id([0xff; 20]), node(0).1), &[said(5)], 90);
        assert_eq!(age(&answers), (Witness::Own, Some(5)));
        answers.learn(KEY, (Id([0xff; 20]), node(0).1), &[], 90);
        assert_eq!(age(&answers).0, Witness::Several, "it knows no more of it");
    }

    #[test]
    fn an_older_report_does_not_make_an_address_older() {
        let mut answers = answers();
        for announced in [Some(10), None, Some(5)] {
            answers.learn(KEY, node(1), &[Found { announced, ..found(1, 1) }], 10);
        }
        assert_eq!(addresses(&answers), [Found { announced: Some(10), ..found(1, 1) }]);
    }

    #[test]
    fn an_address_is_gone_when_who_told_it_does_not_any_more() {
        let mut answers = answers();
        answers.learn(KEY, node(1), &[found(1, 1), found(2, 1)], 1);
        answers.learn(KEY, node(2), &[found(1, 1)], 1);
        answers.begin(None);
        answers.learn(KEY, node(3), &[], 2);
        answers.end();
        assert_eq!(addresses(&answers).len(), 2, "another node's word");
        answers.begin(None);
        answers.learn(KEY, node(1), &[found(2, 1)], 3);
        answers.learn(KEY, node(3), &[found(1, 1)], 3);
        answers.end();
        assert_eq!(addresses(&answers).len(), 2, "another node tells it now");
        answers.begin(None);
        answers.learn(KEY, node(3), &[], 4);
        answers.end();
        assert_eq!(addresses(&answers), [found(2, 1)], "though one is silent");
        answers.begin(Some(4));
        assert!(answers.is_empty(), "it is old");
    }

    #[test]
    fn an_id_that_another_host_uses_takes_nothing_back() {
        let mut answers = answers();
        let ((honest, _), (_, elsewhere)) = (node(1), node(2));
        answers.learn(KEY, node(1), &[found(1, 1)], 1);
        answers.begin(None);
        answers.learn(KEY, (honest, elsewhere), &[found(66, 6)], 2);
        answers.end();
        assert_eq!(addresses(&answers), [found(1, 1), found(66, 6)]);
    }

    #[test]
    fn a_liar_hides_nothing() {
        let mut rng = StdRng::seed_from_u64(1);
        for liars in [1, 5, 15] {
            let mut answers = answers();
            for round in 0..10_u16 {
                answers.begin(None);
                for liar in 0..liars {
                    let lies: Vec<_> =
                        (0..100).map(|port| found(100 + liar, 1 + round * 100 + port)).collect();
                    answers.learn(KEY, node(100 + liar), &lies, 1);
                }
                for honest in 1..=5 {
                    answers.learn(KEY, node(honest), &[found(1, 1), found(2, 2)], 1);
                }
                answers.end();
                assert!(answers.told.len() <= config::TOLD);
                let sample = answers.sample(100, &mut rng);
                assert_eq!(sample.len(), 100);
                assert!(has(&sample, 1) && has(&sample, 2));
            }
        }
    }

    #[test]
    fn lies_that_honest_nodes_took_hide_nothing() {
        let mut answers = answers();
        for node_number in 1..=20 {
            // As such a node chooses: one of each host first.
            let mut told: Vec<_> =
                (1..100).map(|port| found(200, u16::from(node_number) * 100 + port)).collect();
            told.push(found(1, 1));
            answers.learn(KEY, node(node_number), &told, 1);
        }
        for seed in 0..50 {
            let sample = answers.sample(100, &mut StdRng::seed_from_u64(seed));
            assert!(has(&sample, 1));
        }
    }

    #[test]
    fn a_host_has_few_words() {
        let mut answers = answers();
        for number in 0..=255 {
            let (id, _) = node(number);
            let from = Address { ip: [10, 9, 9, 9], port: 1 + u16::from(number) };
            answers.learn(KEY, (id, from), &[found(number, 1)], 1);
        }
        assert_eq!(answers.told.len(), config::HOST_SHARE);
        assert_eq!(answers.words.iter().flatten().count(), config::HOST_SHARE);
    }

    #[test]
    fn the_nearest_have_a_word() {
        let mut answers = Answers::new(Id([0x80; 20]));
        answers.learn(&[], (Id([0x80; 20]), node(0).1), &[found(0, 9)], 1);
        for number in (1..=100).rev() {
            answers.learn(&[], node(number), &[found(number, 1)], 1);
        }
        let words = answers.words.iter().flatten().map(|word| word.source.0[0]);
        let mut words: Vec<_> = words.collect();
        words.sort_unstable();
        let mut expected: Vec<_> = (1..40).collect();
        expected.push(0x80);
        assert_eq!(words, expected);
    }
}
