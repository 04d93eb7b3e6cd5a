//! One walk's view of the network: the nearest known nodes to a key, and the results of querying
//! them.

mod counts;
mod pending;

use super::{
    Address, Distance, Id,
    hash::{HashMap, HashSet},
};
use crate::config::grape as config;
use counts::Counts;
use pending::Pending;
use std::collections::VecDeque;

/// A node that answered, with the data needed to store something there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// Its id.
    pub id: Id,
    /// Its address.
    pub address: Address,
    /// Its token.
    pub token: Vec<u8>,
    /// It runs this package.
    pub ours: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    New,
    Asked,
    /// Queried a while ago: others take its place, until it answers.
    Late,
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
    /// The host that named it; `None` if this node knows it itself, or it answered.
    by: Option<Address>,
}

/// The candidates; see the module's description.
#[derive(Debug)]
pub struct Candidates {
    key: Vec<u8>,
    own: Id,
    /// Nearest first.
    nodes: Vec<Candidate>,
    /// How many of them each host has, and how many are beyond their host's share.
    hosts: HashMap<Address, usize>,
    beyond: usize,
    /// How many unanswered ones of them each host has named.
    waiting: Counts,
    /// Addresses without a known id: bootstrap nodes.
    unknown: VecDeque<Address>,
    /// Addresses that may be queried if no other node answers.
    hints: VecDeque<Address>,
    /// Addresses that were silent lately.
    doubtful: HashSet<Address>,
    /// Queried addresses, and the host that named each.
    asked: HashMap<Address, Option<Address>>,
    /// How many unanswered nodes that each host named were queried.
    named: Counts,
    /// How many unanswered nodes at each host were queried.
    at_host: Counts,
    pending: Pending,
    /// A named node does not answer at once, and may not exist.
    is_wary: bool,
    /// The hosts that answered.
    answers: HashSet<Address>,
    concurrency: usize,
}

impl Candidates {
    /// For a walk of the node `own` to `key`, with at most `concurrency` queries in flight.
    pub fn new(own: Id, key: &[u8], concurrency: usize) -> Self {
        Self {
            key: key.to_vec(),
            own,
            nodes: Vec::new(),
            hosts: HashMap::default(),
            beyond: 0,
            waiting: Counts::default(),
            unknown: VecDeque::new(),
            hints: VecDeque::new(),
            doubtful: HashSet::default(),
            asked: HashMap::default(),
            named: Counts::default(),
            at_host: Counts::default(),
            pending: Pending::default(),
            is_wary: false,
            answers: HashSet::default(),
            concurrency: concurrency.max(1),
        }
    }

    /// Queries sent.
    pub fn queries(&self) -> usize {
        self.asked.len()
    }

    /// Adds an address whose node id is to be queried.
    pub fn add_unknown(&mut self, address: Address) {
        self.unknown.push_back(address);
    }

    /// Marks an address as silent lately. It is queried in its turn, but the walk does not wait for
    /// it, unless no other node answers, or most are silent.
    pub fn doubt(&mut self, address: Address) {
        self.doubtful.insert(address);
    }

    /// Adds an address where a node may be. The walk does not wait for it.
    pub fn add_hint(&mut self, address: Address) {
        self.hints.push_back(address);
    }

    /// Adds a possible candidate, and the host that named it: `None` if it answered this node
    /// before.
    pub fn add(&mut self, id: Id, address: Address, by: Option<Address>) {
        if id == self.own || address.port == 0 {
            return;
        }
        let by = by.map(Address::group);
        let distance = id.distance(&self.key);
        // Nodes at different addresses can claim the same id, and so the same distance.
        let start = self.nodes.partition_point(|node| node.distance < distance);
        let same = self.nodes[start..].iter().take_while(|node| node.distance == distance);
        let end = start + same.count();
        let same = &mut self.nodes[start..end];
        if let Some(node) = same.iter_mut().find(|node| node.address == address) {
            // A host that named more than its share must not keep others from naming the same.
            let is_new = node.state == State::New;
            if is_new && node.by.is_some_and(|by| !self.named.has_room(by, NAMED)) {
                self.waiting.remove(node.by);
                self.waiting.add(by);
                node.by = by;
            }
            return;
        }
        if by.is_some() && same.iter().any(|node| node.by == by) {
            return;
        }
        if same.len() >= config::ID_ADDRESSES {
            // No node answered there, or this node knows better.
            let is_idle = |node: &Candidate| match node.state {
                State::Failed => true,
                State::Answered => false,
                _ => by.is_none(),
            };
            match same.iter().position(is_idle) {
                Some(at) => self.drop_at(start + at),
                None => return,
            }
        }
        let state = self.state_of(address);
        let node = Candidate { distance, id, address, state, holder: None, by };
        self.nodes.insert(start, node);
        self.waiting.add(by);
        let count = self.hosts.entry(address.group()).or_default();
        *count += 1;
        self.beyond += usize::from(*count > config::HOST_PLACES);
        if self.nodes.len() > config::CANDIDATES {
            self.drop_least();
        }
    }

    /// The initial state of a node named at `address`.
    fn state_of(&self, address: Address) -> State {
        match self.pending.is_late(address) {
            Some(true) => State::Late,
            Some(false) => State::Asked,
            // Another node answered there, or none.
            None if self.asked.contains_key(&address) => State::Failed,
            None => State::New,
        }
    }

    /// Drops one: the farthest beyond a host's share, of those that a host named beyond its share,
    /// or of all.
    fn drop_least(&mut self) {
        let is_beyond = |node: &Candidate| {
            self.hosts.get(&node.address.group()).is_some_and(|count| *count > config::HOST_PLACES)
        };
        let mut at = (self.beyond > 0).then(|| self.nodes.iter().rposition(is_beyond)).flatten();
        for most in [NAMED, config::NAMED_KEPT] {
            let is_beyond =
                |node: &Candidate| node.by.is_some_and(|by| !self.waiting.has_room(by, most + 1));
            at = at.or_else(|| self.nodes.iter().rposition(is_beyond));
        }
        self.drop_at(at.unwrap_or(self.nodes.len() - 1));
    }

    fn drop_at(&mut self, at: usize) {
        let node = self.nodes.remove(at);
        self.waiting.remove(node.by);
        let host = node.address.group();
        let Some(count) = self.hosts.get_mut(&host) else { return };
        self.beyond -= usize::from(*count > config::HOST_PLACES);
        *count -= 1;
        if *count == 0 {
            self.hosts.remove(&host);
        }
    }

    /// The next node to query, if there is one and not too many queries are in flight.
    pub fn next(&mut self, now: u64) -> Option<(Option<Id>, Address)> {
        self.pass_over_late(now);
        if self.pending.in_flight() >= self.concurrency || self.asked.len() >= config::WALK_QUERIES
        {
            return None;
        }
        while let Some(address) = self.unknown.pop_front() {
            if !self.asked.contains_key(&address) {
                self.ask(address, None, now);
                return Some((None, address));
            }
        }
        // First the nearest within each host's share, and within each naming host's share while
        // other nodes that it named are silent; then the nearest of all, which leave half of the
        // room, since they may be silent as well.
        let has_share = self.beyond > 0 || self.is_wary;
        let most = if self.is_wary { 1 } else { NAMED };
        let mut next = has_share.then(|| self.next_of(config::HOST_PLACES, most, now)).flatten();
        if !self.is_wary || self.pending.in_flight() < self.concurrency.div_ceil(2) {
            next = next.or_else(|| self.next_of(usize::MAX, NAMED, now));
        }
        next.or_else(|| self.next_hint(now))
    }

    /// Leaves half of the room for nodes that are named in the meantime.
    fn next_hint(&mut self, now: u64) -> Option<(Option<Id>, Address)> {
        while self.answers.is_empty() && self.pending.in_flight() < self.concurrency.div_ceil(2) {
            let address = self.hints.pop_front()?;
            if !self.asked.contains_key(&address) {
                self.ask(address, None, now);
                self.pending.do_not_wait_for_last(now);
                return Some((None, address));
            }
        }
        None
    }

    /// The next node whose query has been pending for [`config::LATE_MS`], each once.
    pub fn silent(&mut self, now: u64) -> Option<Address> {
        self.pending.next_silent(now)
    }

    /// Nodes that are late make room for others.
    fn pass_over_late(&mut self, now: u64) {
        while let Some(late) = self.pending.next_late(now) {
            self.is_wary |= late.is_early;
            for node in self.nodes.iter_mut().filter(|node| node.address == late.address) {
                if node.state == State::Asked {
                    node.state = State::Late;
                }
            }
        }
    }

    /// The next of the nearest living nodes to query, with limits for the nodes of a host, and for
    /// the unanswered nodes that a host named.
    fn next_of(&mut self, share: usize, most: usize, now: u64) -> Option<(Option<Id>, Address)> {
        let share = if self.beyond > 0 { share } else { usize::MAX };
        let mut of_host: Vec<(Address, usize)> = Vec::new();
        let mut counted = 0;
        let mut last = None;
        for at in 0..self.nodes.len() {
            let Candidate { state, address, id, by, .. } = self.nodes[at];
            if matches!(state, State::Failed | State::Late) {
                continue;
            }
            // Its host had its time.
            if state == State::New && self.pending.until(address, by, now) <= now {
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
            // An id at several addresses counts once.
            counted += usize::from(last != Some(id));
            last = Some(id);
            if counted > config::K {
                return None;
            }
            if state != State::New {
                continue;
            }
            if self.asked.contains_key(&address) {
                self.nodes[at].state = self.state_of(address);
                continue;
            }
            let may = by.is_none_or(|by| {
                self.named.has_room(by, most) && self.at_host.has_room(address.group(), AT_HOST)
            });
            if !may {
                continue;
            }
            self.ask(address, by, now);
            self.nodes[at].state = self.state_of(address);
            return Some((Some(id), address));
        }
        None
    }

    fn ask(&mut self, address: Address, by: Option<Address>, now: u64) {
        self.asked.insert(address, by);
        if self.doubtful.contains(&address) {
            self.pending.add_doubtful(address, now);
        } else {
            self.pending.add(address, by, now);
        }
        if by.is_some() {
            self.named.add(by);
            self.at_host.add(Some(address.group()));
        }
    }

    /// A queried node answered.
    pub fn answered(&mut self, id: Id, address: Address, token: Option<Vec<u8>>, ours: bool) {
        self.answers.insert(address.group());
        if let Some(Some(by)) = self.asked.get(&address) {
            self.named.remove(Some(*by));
            self.at_host.remove(Some(address.group()));
        }
        self.add(id, address, None);
        self.pending.remove(address);
        for node in self.nodes.iter_mut().filter(|node| node.address == address) {
            // Other ids that were named at this address are not there.
            self.waiting.remove(node.by.take());
            if node.id != id {
                node.state = State::Failed;
            } else if node.state != State::Failed {
                node.state = State::Answered;
                node.holder = token.clone().map(|token| (token, ours));
            }
        }
    }

    /// A queried node did not answer, or sent an error.
    pub fn failed(&mut self, address: Address) {
        self.pending.remove(address);
        for node in self.nodes.iter_mut().filter(|node| node.address == address) {
            if node.state != State::Answered {
                node.state = State::Failed;
            }
        }
    }

    /// When the walk has to be continued if no node answers before; `None` if there is no node to
    /// wait for. Right after [`next`](Self::next) returned `None`, that is the end.
    pub fn wake_at(&self, now: u64) -> Option<u64> {
        self.pending.wake_at(self.answers.len(), now)
    }

    /// The nearest nodes that answered with a token. Those beyond a host's share only count if
    /// there are no others.
    pub fn holders(&self) -> Vec<Holder> {
        let mut of_host: HashMap<Address, usize> = HashMap::default();
        let (mut chosen, mut rest) = (Vec::new(), Vec::new());
        for node in self.nodes.iter().filter(|node| node.state == State::Answered) {
            let Some((token, ours)) = node.holder.clone() else { continue };
            let count = of_host.entry(node.address.group()).or_default();
            *count += 1;
            let list = if *count <= config::HOST_PLACES { &mut chosen } else { &mut rest };
            list.push(Holder { id: node.id, address: node.address, token, ours });
        }
        chosen.extend(rest);
        chosen.truncate(config::K);
        chosen
    }
}

const NAMED: usize = config::UNPROVEN_NAMED;
const AT_HOST: usize = config::UNPROVEN_AT_HOST;

#[cfg(test)]
mod tests;
