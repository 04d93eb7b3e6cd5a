//! Results of this node's lookups: what the nodes near each name report, during a walk and after
//! it.

use super::{Address, Answers, Found, Generations, Id};
use crate::config::grape as config;
use rand::Rng;
use std::collections::HashMap;

/// The reports on each name.
#[derive(Debug)]
pub(super) struct Reports {
    own: Id,
    peer_age: u64,
    /// Of names with a running walk.
    walking: HashMap<Vec<u8>, Box<Answers>>,
    /// Of finished walks.
    finished: Generations<Vec<u8>, Box<Answers>>,
}

impl Reports {
    /// No reports so far, for the node `own`. Announced addresses expire after `peer_age` ms.
    pub fn new(own: Id, peer_age: u64, now: u64) -> Self {
        let age = peer_age.div_ceil(2).max(1);
        let finished = Generations::new(usize::MAX, config::FOUND_BYTES, Some(age), now);
        Self { own, peer_age, walking: HashMap::new(), finished }
    }

    /// Deletes old results.
    pub fn age(&mut self, now: u64) {
        self.finished.age(now);
    }

    /// A walk to `key` begins: earlier reports count until their nodes answer again. `own` are the
    /// addresses that are announced to this node.
    pub fn begin(&mut self, key: &[u8], own: &[Found], now: u64) {
        let earlier = self.finished.remove(key);
        let mut answers = earlier.unwrap_or_else(|| Box::new(Answers::new(self.own)));
        answers.begin(now.checked_sub(self.peer_age / 2));
        answers.learn(key, (self.own, NOWHERE), own, now);
        self.walking.insert(key.to_vec(), answers);
    }

    /// The node `from` reports exactly these addresses to the walk to `key`.
    pub fn learn(&mut self, key: &[u8], from: (Id, Address), found: &[Found], now: u64) {
        if let Some(answers) = self.walking.get_mut(key) {
            answers.learn(key, from, found, now);
        }
    }

    /// The walk to `key` has ended: its result is kept, and no longer changed by other nodes.
    pub fn end(&mut self, key: &[u8]) {
        let Some(mut answers) = self.walking.remove(key) else { return };
        answers.end();
        if !answers.is_empty() {
            let cost = answers.cost() + key.len();
            self.finished.insert(key.to_vec(), answers, cost);
        }
    }

    /// At most `count` addresses that the last walk to `key` found, in random order. `own` are the
    /// addresses that are announced to this node now.
    pub fn repeat(
        &mut self,
        key: &[u8],
        own: &[Found],
        count: usize,
        rng: &mut impl Rng,
        now: u64,
    ) -> Vec<Found> {
        let Some(answers) = self.finished.get_mut(key) else { return Vec::new() };
        answers.learn(key, (self.own, NOWHERE), own, now);
        answers.sample(count, rng)
    }

    /// At most `count` addresses that the finished walk to `key` found, in random order.
    pub fn sample(&self, key: &[u8], count: usize, rng: &mut impl Rng) -> Vec<Found> {
        self.finished.get(key).map(|answers| answers.sample(count, rng)).unwrap_or_default()
    }

    /// An address is no longer announced to this node.
    pub fn remove(&mut self, key: &[u8], address: Address) {
        let known = [self.finished.get_mut(key), self.walking.get_mut(key)];
        known.into_iter().flatten().for_each(|answers| answers.remove(address));
    }
}

/// The source of this node's own reports.
const NOWHERE: Address = Address { ip: [0; 4], port: 0 };
