//! One walk's view of the network: the nearest nodes to a key that it heard of, and what became of
//! asking them.

use super::{Address, Distance, Id};
use crate::config::grape as config;
use std::collections::HashSet;

/// A node that answered, with what it needs to store something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// Its id.
    pub id: Id,
    /// Where it is.
    pub address: Address,
    /// Its token.
    pub token: Vec<u8>,
    /// It is of our kind.
    pub ours: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    New,
    Asked,
    Answered,
    Failed,
}

#[derive(Debug)]
struct Candidate {
    distance: Distance,
    id: Id,
    address: Address,
    state: State,
    holder: Option<(Vec<u8>, bool)>,
}

/// The candidates; see the module.
#[derive(Debug)]
pub struct Candidates {
    key: Vec<u8>,
    own: Id,
    /// Nearest first.
    nodes: Vec<Candidate>,
    /// Addresses without an id so far: bootstrap nodes.
    unknown: Vec<Address>,
    asked: HashSet<Address>,
    in_flight: usize,
    concurrency: usize,
}

impl Candidates {
    /// For a walk of the node `own` to `key`, with at most `concurrency` queries in flight.
    pub fn new(own: Id, key: &[u8], concurrency: usize) -> Self {
        Self {
            key: key.to_vec(),
            own,
            nodes: Vec::new(),
            unknown: Vec::new(),
            asked: HashSet::new(),
            in_flight: 0,
            concurrency: concurrency.max(1),
        }
    }

    /// The key that is walked to.
    pub fn key(&self) -> &[u8] {
        &self.key
    }

    /// Queries sent.
    pub fn queries(&self) -> usize {
        self.asked.len()
    }

    /// An address that should be asked who it is.
    pub fn add_unknown(&mut self, address: Address) {
        self.unknown.push(address);
    }

    /// A node that may be worth asking.
    pub fn add(&mut self, id: Id, address: Address) {
        if id == self.own {
            return;
        }
        let distance = id.distance(&self.key);
        let place = self.nodes.binary_search_by(|node| node.distance.cmp(&distance));
        // Ids are unique, and so are their distances.
        if let Err(at) = place
            && at < config::CANDIDATES
        {
            let state = if self.asked.contains(&address) { State::Asked } else { State::New };
            self.nodes.insert(at, Candidate { distance, id, address, state, holder: None });
            self.nodes.truncate(config::CANDIDATES);
        }
    }

    /// Whom to ask next, if there is somebody and not too many are being asked.
    pub fn next(&mut self) -> Option<(Option<Id>, Address)> {
        if self.in_flight >= self.concurrency || self.asked.len() >= config::WALK_QUERIES {
            return None;
        }
        while let Some(address) = self.unknown.pop() {
            if self.asked.insert(address) {
                self.in_flight += 1;
                return Some((None, address));
            }
        }
        let alive = self.nodes.iter_mut().filter(|node| node.state != State::Failed);
        for node in alive.take(config::K) {
            if node.state == State::New {
                node.state = State::Asked;
                if self.asked.insert(node.address) {
                    self.in_flight += 1;
                    return Some((Some(node.id), node.address));
                }
            }
        }
        None
    }

    /// A node that was asked answered.
    pub fn answered(&mut self, id: Id, address: Address, token: Option<Vec<u8>>, ours: bool) {
        self.in_flight = self.in_flight.saturating_sub(1);
        self.add(id, address);
        for node in self.nodes.iter_mut().filter(|node| node.address == address) {
            // What else was said to be at this address is not there.
            if node.id != id {
                node.state = State::Failed;
            } else if node.state != State::Failed {
                node.state = State::Answered;
                node.holder = token.clone().map(|token| (token, ours));
            }
        }
    }

    /// A node that was asked did not answer, or not well.
    pub fn failed(&mut self, address: Address) {
        self.in_flight = self.in_flight.saturating_sub(1);
        for node in self.nodes.iter_mut().filter(|node| node.address == address) {
            if node.state != State::Answered {
                node.state = State::Failed;
            }
        }
    }

    /// Whether nobody is being asked. Only after [`next`](Self::next) had nobody, it is the end.
    pub fn is_idle(&self) -> bool {
        self.in_flight == 0
    }

    /// The nearest nodes that answered with a token.
    pub fn holders(&self) -> Vec<Holder> {
        self.nodes
            .iter()
            .filter(|node| node.state == State::Answered)
            .filter_map(|node| {
                let (token, ours) = node.holder.clone()?;
                Some(Holder { id: node.id, address: node.address, token, ours })
            })
            .take(config::K)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn node(number: u8) -> (Id, Address) {
        (Id([number; 20]), Address { ip: [10, 0, 0, number], port: 1 })
    }

    fn candidates(concurrency: usize) -> Candidates {
        Candidates::new(Id([0xff; 20]), &[0], concurrency)
    }

    #[test]
    fn the_nearest_are_asked_first_and_not_too_many_at_once() {
        let mut walk = candidates(2);
        for number in [3, 1, 2, 1] {
            let (id, address) = node(number);
            walk.add(id, address);
        }
        let asked = |walk: &mut Candidates| walk.next().map(|(_, address)| address.ip[3]);
        assert_eq!(
            [asked(&mut walk), asked(&mut walk), asked(&mut walk)],
            [Some(1), Some(2), None]
        );
        let (id, address) = node(1);
        walk.answered(id, address, Some(vec![1]), true);
        walk.failed(node(2).1);
        assert_eq!([asked(&mut walk), asked(&mut walk)], [Some(3), None]);
        walk.failed(node(3).1);
        assert!(walk.next().is_none() && walk.is_idle());
        assert_eq!(walk.holders(), [Holder { id, address, token: vec![1], ours: true }]);
    }

    #[test]
    fn a_bootstrap_node_is_asked_once() {
        let mut walk = candidates(8);
        let (id, address) = node(1);
        walk.add_unknown(address);
        walk.add_unknown(address);
        assert_eq!(walk.next(), Some((None, address)));
        walk.add(id, address);
        assert_eq!(walk.next(), None);
        walk.answered(id, address, Some(vec![1]), false);
        assert_eq!(walk.next(), None);
        assert_eq!(walk.holders().len(), 1);
    }

    #[test]
    fn this_node_itself_is_no_candidate() {
        let mut walk = candidates(8);
        walk.add(Id([0xff; 20]), node(1).1);
        assert_eq!(walk.next(), None);
    }

    #[test]
    fn a_node_that_is_another_one_does_not_count() {
        let mut walk = candidates(8);
        let (id, address) = node(1);
        walk.add(id, address);
        walk.next();
        walk.answered(Id([9; 20]), address, Some(vec![1]), true);
        assert_eq!(
            walk.holders().iter().map(|holder| holder.id).collect::<Vec<_>>(),
            [Id([9; 20])]
        );
    }

    proptest! {
        #[test]
        fn a_walk_ends_and_is_bounded(answers in proptest::collection::vec(any::<bool>(), 1..2_000)) {
            // Every answer brings new nodes that claim to be nearer still.
            let mut walk = candidates(16);
            let (id, address) = node(200);
            walk.add(id, address);
            let mut number = 0_u32;
            let mut queries = 0;
            while let Some((id, address)) = walk.next() {
                queries += 1;
                prop_assert!(queries <= config::WALK_QUERIES);
                if answers[queries % answers.len()] {
                    walk.failed(address);
                    continue;
                }
                walk.answered(id.unwrap_or(Id([1; 20])), address, None, true);
                for _ in 0..20 {
                    number += 1;
                    let mut id = Id([0; 20]);
                    id.0[4..8].copy_from_slice(&(u32::MAX - number).to_be_bytes());
                    let [_, b, c, d] = number.to_be_bytes();
                    walk.add(id, Address { ip: [11, b, c, d], port: 1 });
                }
                prop_assert!(walk.nodes.len() <= config::CANDIDATES);
            }
            prop_assert!(walk.is_idle());
        }
    }
}
