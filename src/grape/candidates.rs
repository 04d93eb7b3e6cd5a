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
mod tests;
