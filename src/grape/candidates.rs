//! One walk's view of the network: the nearest nodes to a key that it heard of, and what became of
//! asking them.

use super::{Address, Distance, Id};
use crate::config::grape as config;
use std::collections::HashMap;

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
    /// The host that named it; `None` if it is this node's own knowledge.
    by: Option<Address>,
}

/// The candidates; see the module.
#[derive(Debug)]
pub struct Candidates {
    key: Vec<u8>,
    own: Id,
    /// Nearest first.
    nodes: Vec<Candidate>,
    /// How many of them are at a host, and how many at hosts with more than their share.
    hosts: HashMap<Address, usize>,
    beyond: usize,
    /// Addresses without an id so far: bootstrap nodes.
    unknown: Vec<Address>,
    /// Who was asked, and the host that named it.
    asked: HashMap<Address, Option<Address>>,
    /// How many that a host named were asked and have not answered.
    named: HashMap<Address, usize>,
    /// How many at a host were asked and have not answered.
    at_host: HashMap<Address, usize>,
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
            hosts: HashMap::new(),
            beyond: 0,
            unknown: Vec::new(),
            asked: HashMap::new(),
            named: HashMap::new(),
            at_host: HashMap::new(),
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

    /// A node that may be worth asking, and who named it: `None` if it answered this node before.
    pub fn add(&mut self, id: Id, address: Address, by: Option<Address>) {
        if id == self.own || address.port == 0 {
            return;
        }
        let by = by.map(Address::group);
        let distance = id.distance(&self.key);
        // An id has one distance, and may be said to be at several addresses.
        let start = self.nodes.partition_point(|node| node.distance < distance);
        let same = self.nodes[start..].iter().take_while(|node| node.distance == distance);
        let end = start + same.count();
        let same = &mut self.nodes[start..end];
        if let Some(node) = same.iter_mut().find(|node| node.address == address) {
            // Who named more than its share may not keep others from naming the same.
            let is_new = node.state == State::New;
            if is_new && node.by.is_some_and(|by| !has_room(&self.named, by, NAMED)) {
                node.by = by;
            }
            return;
        }
        if by.is_some() && same.iter().any(|node| node.by == by) {
            return;
        }
        if same.len() >= config::ID_ADDRESSES {
            // Nobody is there, or nobody was asked and this node knows better.
            let is_idle = |node: &Candidate| {
                node.state == State::Failed || (by.is_none() && node.state == State::New)
            };
            match same.iter().position(is_idle) {
                Some(at) => self.drop_at(start + at),
                None => return,
            }
        }
        let state = if self.asked.contains_key(&address) { State::Asked } else { State::New };
        let node = Candidate { distance, id, address, state, holder: None, by };
        self.nodes.insert(start, node);
        let count = self.hosts.entry(address.group()).or_default();
        *count += 1;
        self.beyond += usize::from(*count > config::HOST_SHARE);
        if self.nodes.len() > config::CANDIDATES {
            self.drop_least();
        }
    }

    /// Lets one go: the farthest of a host that has more than its share, or of all.
    fn drop_least(&mut self) {
        let is_beyond = |node: &Candidate| {
            self.hosts.get(&node.address.group()).is_some_and(|count| *count > config::HOST_SHARE)
        };
        let at = (self.beyond > 0).then(|| self.nodes.iter().rposition(is_beyond)).flatten();
        self.drop_at(at.unwrap_or(self.nodes.len() - 1));
    }

    fn drop_at(&mut self, at: usize) {
        let node = self.nodes.remove(at);
        let host = node.address.group();
        let Some(count) = self.hosts.get_mut(&host) else { return };
        self.beyond -= usize::from(*count > config::HOST_SHARE);
        *count -= 1;
        if *count == 0 {
            self.hosts.remove(&host);
        }
    }

    /// Whom to ask next, if there is somebody and not too many are being asked.
    pub fn next(&mut self) -> Option<(Option<Id>, Address)> {
        if self.in_flight >= self.concurrency || self.asked.len() >= config::WALK_QUERIES {
            return None;
        }
        while let Some(address) = self.unknown.pop() {
            if !self.asked.contains_key(&address) {
                self.ask(address, None);
                return Some((None, address));
            }
        }
        // First the nearest of which no host has more than its share, then the nearest of all.
        self.next_of(config::HOST_SHARE).or_else(|| self.next_of(usize::MAX))
    }

    /// Whom to ask of the nearest nodes that live, of which a host may have so many.
    fn next_of(&mut self, share: usize) -> Option<(Option<Id>, Address)> {
        let mut of_host: Vec<(Address, usize)> = Vec::new();
        let mut counted = 0;
        let mut last = None;
        for at in 0..self.nodes.len() {
            let Candidate { state, address, id, by, .. } = self.nodes[at];
            if state == State::Failed {
                continue;
            }
            if share < usize::MAX {
                let host = address.group();
                match of_host.iter_mut().find(|(other, _)| *other == host) {
                    Some((_, count)) if *count >= share => continue,
                    Some((_, count)) => *count += 1,
                    None => of_host.push((host, 1)),
                }
            }
            // An id that is said to be at several addresses counts once.
            counted += usize::from(last != Some(id));
            last = Some(id);
            if counted > config::K {
                return None;
            }
            if state != State::New {
                continue;
            }
            if self.asked.contains_key(&address) {
                self.nodes[at].state = State::Asked;
                continue;
            }
            let may = by.is_none_or(|by| {
                has_room(&self.named, by, NAMED)
                    && has_room(&self.at_host, address.group(), AT_HOST)
            });
            if may {
                self.nodes[at].state = State::Asked;
                self.ask(address, by);
                return Some((Some(id), address));
            }
        }
        None
    }

    fn ask(&mut self, address: Address, by: Option<Address>) {
        self.asked.insert(address, by);
        self.in_flight += 1;
        if let Some(by) = by {
            *self.named.entry(by).or_default() += 1;
            *self.at_host.entry(address.group()).or_default() += 1;
        }
    }

    /// A node that was asked answered.
    pub fn answered(&mut self, id: Id, address: Address, token: Option<Vec<u8>>, ours: bool) {
        self.in_flight = self.in_flight.saturating_sub(1);
        if let Some(Some(by)) = self.asked.get(&address) {
            for (counts, of) in [(&mut self.named, *by), (&mut self.at_host, address.group())] {
                if let Some(count) = counts.get_mut(&of) {
                    *count = count.saturating_sub(1);
                }
            }
        }
        self.add(id, address, None);
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

    /// The nearest nodes that answered with a token. Those of a host beyond its share only count
    /// where there are no others.
    pub fn holders(&self) -> Vec<Holder> {
        let mut of_host: HashMap<Address, usize> = HashMap::new();
        let (mut chosen, mut rest) = (Vec::new(), Vec::new());
        for node in self.nodes.iter().filter(|node| node.state == State::Answered) {
            let Some((token, ours)) = node.holder.clone() else { continue };
            let count = of_host.entry(node.address.group()).or_default();
            *count += 1;
            let list = if *count <= config::HOST_SHARE { &mut chosen } else { &mut rest };
            list.push(Holder { id: node.id, address: node.address, token, ours });
        }
        chosen.extend(rest);
        chosen.truncate(config::K);
        chosen
    }
}

const NAMED: usize = config::UNPROVEN_NAMED;
const AT_HOST: usize = config::UNPROVEN_AT_HOST;

fn has_room(counts: &HashMap<Address, usize>, of: Address, most: usize) -> bool {
    counts.get(&of).is_none_or(|count| *count < most)
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
            walk.add(id, address, None);
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
        walk.add(id, address, None);
        assert_eq!(walk.next(), None);
        walk.answered(id, address, Some(vec![1]), false);
        assert_eq!(walk.next(), None);
        assert_eq!(walk.holders().len(), 1);
    }

    #[test]
    fn this_node_itself_is_no_candidate() {
        let mut walk = candidates(8);
        walk.add(Id([0xff; 20]), node(1).1, None);
        assert_eq!(walk.next(), None);
    }

    #[test]
    fn a_node_that_is_another_one_does_not_count() {
        let mut walk = candidates(8);
        let (id, address) = node(1);
        walk.add(id, address, None);
        walk.next();
        walk.answered(Id([9; 20]), address, Some(vec![1]), true);
        assert_eq!(
            walk.holders().iter().map(|holder| holder.id).collect::<Vec<_>>(),
            [Id([9; 20])]
        );
    }

    /// Far and near ids, of the same address but for the port.
    fn sybil(number: u16) -> (Id, Address) {
        let mut id = Id([0; 20]);
        id.0[18..].copy_from_slice(&number.to_be_bytes());
        (id, Address { ip: [10, 9, 9, 9], port: 1 + number })
    }

    #[test]
    fn a_liar_turns_a_walk_on_few_others() {
        let mut walk = candidates(16);
        let (id, liar) = node(1);
        walk.add(id, liar, None);
        walk.next();
        walk.answered(id, liar, None, true);
        for number in 2..200 {
            let (id, address) = node(number);
            walk.add(id, address, Some(Address { port: u16::from(number), ..liar }));
        }
        let asked: Vec<_> = std::iter::from_fn(|| walk.next()).collect();
        assert_eq!(asked.len(), config::UNPROVEN_NAMED);
        walk.failed(asked[0].1);
        assert_eq!(walk.next(), None, "who is silent makes no room");
        walk.answered(asked[1].0.unwrap(), asked[1].1, None, true);
        assert!(walk.next().is_some() && walk.next().is_none(), "who answers does");
        // Somebody else's word counts for itself.
        let (id, address) = node(20);
        walk.add(id, address, Some(node(201).1));
        assert_eq!(walk.next(), Some((Some(id), address)));
    }

    #[test]
    fn a_host_that_does_not_answer_is_asked_a_few_times() {
        let mut walk = candidates(16);
        for number in 0..100 {
            let (id, address) = sybil(number);
            walk.add(id, address, Some(node(number as u8).1));
        }
        let asked: Vec<_> = std::iter::from_fn(|| walk.next()).collect();
        assert_eq!(asked.len(), config::UNPROVEN_AT_HOST);
    }

    #[test]
    fn an_id_has_a_few_addresses_and_one_of_each_who_names_it() {
        let mut walk = candidates(16);
        let (id, _) = node(1);
        let at = |port| Address { ip: [10, 0, 1, 1], port };
        for number in 1..50 {
            let address = Address { ip: [10, 0, 2, number], port: 1 };
            walk.add(id, address, Some(at(u16::from(number))));
        }
        assert_eq!(walk.nodes.len(), 1, "one host names it");
        for number in 2..50 {
            walk.add(id, Address { ip: [10, 0, 3, number], port: 1 }, Some(node(number).1));
        }
        assert_eq!(walk.nodes.len(), config::ID_ADDRESSES);
        let asked: Vec<_> = std::iter::from_fn(|| walk.next()).collect();
        assert_eq!(asked.len(), config::ID_ADDRESSES);
        let own = Address { ip: [10, 0, 4, 1], port: 1 };
        walk.failed(asked[0].1);
        walk.add(id, own, Some(node(77).1));
        assert_eq!(walk.next(), Some((Some(id), own)), "it takes the place of who is silent");
    }

    #[test]
    fn what_this_node_knows_is_a_candidate_whatever_was_said() {
        let mut walk = candidates(16);
        let (id, address) = node(1);
        for number in 2..10 {
            walk.add(id, Address { ip: [10, 0, 3, number], port: 1 }, Some(node(number).1));
        }
        walk.add(id, address, None);
        assert!(walk.nodes.iter().any(|node| node.address == address));
        assert_eq!(walk.nodes.len(), config::ID_ADDRESSES);
    }

    #[test]
    fn many_nodes_of_one_host_drive_out_nobody() {
        let mut walk = candidates(1_000);
        let honest: Vec<_> = (1..=30).map(node).collect();
        for (id, address) in &honest {
            walk.add(*id, *address, None);
        }
        for number in 0..1_000 {
            let (id, address) = sybil(number);
            walk.add(id, address, None);
        }
        let mut order = Vec::new();
        while let Some((id, address)) = walk.next() {
            order.push(address.ip[1]);
            walk.answered(id.unwrap(), address, Some(vec![1]), true);
        }
        let holders = walk.holders();
        let of_sybils = holders.iter().filter(|holder| holder.address.ip[1] == 9).count();
        assert_eq!((holders.len(), of_sybils), (config::K, config::HOST_SHARE));
    }

    #[test]
    fn a_network_of_one_host_has_holders() {
        let mut walk = candidates(16);
        for number in 0..50 {
            let (id, address) = sybil(number);
            walk.add(id, address, Some(node(1).1));
        }
        while let Some((id, address)) = walk.next() {
            walk.answered(id.unwrap(), address, Some(vec![1]), true);
        }
        let ids: Vec<_> = walk.holders().iter().map(|holder| holder.id).collect();
        assert_eq!(ids, (0..20).map(|number| sybil(number).0).collect::<Vec<_>>());
    }

    proptest! {
        #[test]
        fn a_walk_ends_and_is_bounded(answers in proptest::collection::vec(any::<bool>(), 1..2_000)) {
            // Every answer brings new nodes that claim to be nearer still.
            let mut walk = candidates(16);
            let (id, address) = node(200);
            walk.add(id, address, None);
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
                    walk.add(id, Address { ip: [11, b, c, d], port: 1 }, Some(address));
                }
                prop_assert!(walk.nodes.len() <= config::CANDIDATES);
            }
            prop_assert!(walk.is_idle());
        }
    }
}
