//! Walks: querying nearer and nearer nodes until there are none nearer, and the purpose of each
//! walk.

use super::{
    Address, Answers, Command, Core, Event, Failure, Found, Got, Id, Item, Outcome, Source,
    Witness,
    address::is_loopback,
    candidates::Candidates,
    core::{Nearest, cost_of},
    krpc::{Query, Response},
    load::Job,
    operation::{Goal, Purpose},
    peers::limit_greediest,
};
use crate::config::grape as config;
use rand::RngExt;
use std::cmp::Reverse;

/// A running walk.
#[derive(Debug)]
pub(super) struct Walk {
    query: Query,
    candidates: Candidates,
    pub goals: Vec<Goal>,
    /// The client that started it.
    pub who: Source,
    /// The best value so far, of a walk for a value.
    best: Option<Got>,
    /// Reports to a walk for a service, now and before.
    answers: Option<Box<Answers>>,
    /// There is nothing better to find.
    over: bool,
    /// Bytes that it holds.
    pub cost: usize,
    /// When it ends with the results so far.
    until: u64,
    /// When it is continued, if no node answers before.
    wake_at: u64,
}

impl Core {
    /// Starts a command whose nodes are not known yet, or that needs none. Returns the walk of a
    /// lookup or a get, unless it is done.
    pub(super) fn begin(&mut self, job: Job) -> Option<u64> {
        let op = job.op;
        match &job.command {
            Command::Lookup(key) => {
                if self.nearest.get(key).is_some_and(|nearest| self.is_same(nearest.at)) {
                    let own = self.own_word(key);
                    if let Some(answers) = self.found.get_mut(key) {
                        answers.learn(key, (self.id, NOWHERE), &own, self.now);
                        let peers = answers.sample(config::VALUES, &mut self.rng);
                        if !peers.is_empty() {
                            let peers = self.with_local(key, peers, job.who);
                            self.done(op, Ok(Outcome::Peers(peers)));
                            return None;
                        }
                    }
                }
                self.walk(Query::GetPeers(key.clone()), Goal::Command(job))
            }
            Command::Announce { key, port } => {
                let announced = self.nearest.get(key).and_then(|nearest| {
                    let of_port =
                        |(other, at, _): &&(u16, u64, usize)| other == port && self.is_same(*at);
                    nearest.announced.iter().find(of_port).map(|(_, _, taken)| *taken)
                });
                match announced {
                    Some(taken) => self.done(op, Ok(Outcome::Stored(taken))),
                    None => self.store_or_walk(Query::GetPeers(key.clone()), job),
                }
                None
            }
            Command::AnnounceAt { .. } => {
                self.announce_elsewhere(job, true);
                None
            }
            Command::UnannounceAt { .. } => {
                self.announce_elsewhere(job, false);
                None
            }
            Command::Unannounce { key, .. } => {
                self.store_or_walk(Query::GetPeers(key.clone()), job);
                None
            }
            Command::Put { item, .. } => {
                match item.check() {
                    Err((_, text)) => self.done(op, Err(Failure::BadPut(text.into()))),
                    Ok(()) => self.store_or_walk(Query::Get(item.target().0.to_vec()), job),
                }
                None
            }
            Command::Get { target, .. } => {
                let stored = self.values.get(target);
                let own = stored.map(|stored| Got {
                    id: stored.id,
                    item: stored.item.clone(),
                    token: None,
                });
                // For a mutable value, another node may have a newer one.
                if own.as_ref().is_some_and(|own| own.item.signed.is_none()) {
                    self.done(op, Ok(Outcome::Value(own.map(Box::new))));
                    return None;
                }
                self.walk_with(Query::Get(target.clone()), Goal::Command(job), own)
            }
        }
    }

    /// Walks to the target of `query`. Equal lookups, and announces with them, share one walk.
    /// Returns its number, unless it is done.
    pub(super) fn walk(&mut self, query: Query, goal: Goal) -> Option<u64> {
        if let Query::GetPeers(key) = &query
            && let Some(number) = self.lookups.get(key).copied()
            && let Some(walk) = self.walks.get_mut(&number)
        {
            let cost = goal.cost();
            self.load.remove(walk.who, walk.cost);
            walk.cost += cost;
            self.load.add(walk.who, walk.cost);
            walk.goals.push(goal);
            return Some(number);
        }
        self.walk_with(query, goal, None)
    }

    fn walk_with(&mut self, query: Query, goal: Goal, best: Option<Got>) -> Option<u64> {
        let number = self.number();
        let key = match &query {
            Query::FindNode(key) | Query::GetPeers(key) | Query::Get(key) => &key[..],
            _ => &[],
        };
        let mut candidates = Candidates::new(self.id, key, self.options.concurrency);
        let known = self.table.closest(key, config::K);
        for (_, address) in &known {
            self.doubt(&mut candidates, *address);
        }
        for address in &self.bootstrap {
            self.doubt(&mut candidates, *address);
        }
        // All known nodes may be on one side of a partitioned network, or of one host.
        if matches!(goal, Goal::Join) || known.len() < self.bootstrap.len() || known.is_empty() {
            self.bootstrap.iter().for_each(|address| candidates.add_unknown(*address));
        }
        if known.is_empty() {
            self.hints.iter().for_each(|address| candidates.add_hint(*address));
        }
        for (id, address) in known {
            candidates.add(id, address, None);
        }
        let mut answers = None;
        if let Query::GetPeers(key) = &query {
            self.lookups.insert(key.clone(), number);
            let own = self.own_word(key);
            let mut known =
                self.found.remove(key).unwrap_or_else(|| Box::new(Answers::new(self.id)));
            known.begin(self.now.checked_sub(self.options.peer_age / 2));
            known.learn(key, (self.id, NOWHERE), &own, self.now);
            answers = Some(known);
        }
        let cost = config::WALK_COST + goal.cost();
        let who = match &goal {
            Goal::Command(job) => job.who,
            Goal::Join => Source::Own,
        };
        self.load.add(who, cost);
        let until =
            self.now + if matches!(goal, Goal::Join) { config::JOIN_MS } else { config::WALK_MS };
        let goals = vec![goal];
        let (over, wake_at) = (false, 0);
        let walk =
            Walk { query, candidates, goals, who, best, answers, over, cost, until, wake_at };
        self.go_on(number, walk).then_some(number)
    }

    /// A node answered a walk's query.
    pub(super) fn walked(&mut self, number: u64, id: Id, from: Address, response: Response<'_>) {
        // A node that claims this node's id cannot report anything.
        if id == self.id {
            return self.unwalked(number, from);
        }
        // The walk may have ended without this answer.
        let Some(mut walk) = self.walks.remove(&number) else { return };
        if let Some(answers) = &mut walk.answers {
            let found = |(address, age): &(Address, Option<u64>)| {
                let announced = age.map(|age| self.now.saturating_sub(age.saturating_mul(1_000)));
                Found { address: *address, announced, witness: Witness::One }
            };
            let found: Vec<_> = response.values.iter().map(found).collect();
            for found in &found {
                self.tell_peer(found.address);
            }
            answers.learn(walk.candidates.key(), (id, from), &found, self.now);
        }
        if let Some(v) = response.v {
            let signed = response.signed;
            walk.look_at(Got { id, item: Item { v, signed }, token: response.token.clone() });
        }
        walk.candidates.answered(id, from, response.token, response.ours);
        for (id, address) in response.nodes {
            self.doubt(&mut walk.candidates, address);
            walk.candidates.add(id, address, Some(from));
        }
        self.go_on(number, walk);
    }

    /// Nodes that were silent lately are not waited for.
    fn doubt(&self, candidates: &mut Candidates, address: Address) {
        if self.silent.get(&address).is_some() {
            candidates.doubt(address);
        }
    }

    /// A node did not answer a walk's query.
    pub(super) fn unwalked(&mut self, number: u64, from: Address) {
        if let Some(mut walk) = self.walks.remove(&number) {
            walk.candidates.failed(from);
            self.go_on(number, walk);
        }
    }

    /// A walk or a store is due.
    pub(super) fn awaken(&mut self, number: u64) {
        match self.walks.remove(&number) {
            Some(walk) => {
                self.go_on(number, walk);
            }
            None => self.hurry_store(number),
        }
    }

    /// Queries the next nodes, or ends a walk; whether it goes on.
    fn go_on(&mut self, number: u64, mut walk: Walk) -> bool {
        // The next walk need not find that out by itself, long before the query times out.
        for address in walk.candidates.silent(self.now) {
            self.silent.insert(address, (), 0);
        }
        // However many hosts take turns at being late.
        walk.over |= self.now >= walk.until;
        while !walk.over
            && let Some((id, address)) = walk.candidates.next(self.now)
        {
            if !self.query((address, id), Purpose::Walk(number), &walk.query) {
                walk.candidates.failed(address);
            }
        }
        if !walk.over
            && let Some(wake_at) = walk.candidates.wake_at(self.now)
        {
            let wake_at = wake_at.min(walk.until);
            // One alarm is enough, unless it is too late.
            if walk.wake_at <= self.now || wake_at < walk.wake_at {
                walk.wake_at = wake_at;
                self.alarms.push(Reverse((wake_at, number)));
            }
            self.walks.insert(number, walk);
            return true;
        }
        let holders = walk.candidates.holders();
        self.counters.walked(walk.candidates.queries());
        self.load.remove(walk.who, walk.cost);
        if let Some(answers) = &mut walk.answers {
            answers.end();
        }
        match &walk.query {
            Query::GetPeers(key) => {
                self.lookups.remove(key);
                self.remember(key, holders.clone());
            }
            Query::Get(key) => self.remember(key, holders.clone()),
            _ => {}
        }
        let mut best = walk.best;
        let mut stores = Vec::new();
        for goal in walk.goals {
            match goal {
                Goal::Join => self.joined(),
                Goal::Command(Job { op, who, command: Command::Lookup(key) }) => {
                    let answers = walk.answers.as_deref();
                    let peers = answers.map(|told| told.sample(config::VALUES, &mut self.rng));
                    let peers = self.with_local(&key, peers.unwrap_or_default(), who);
                    self.done(op, Ok(Outcome::Peers(peers)));
                }
                Goal::Command(Job { op, command: Command::Get { .. }, .. }) => {
                    self.done(op, Ok(Outcome::Value(best.take().map(Box::new))));
                }
                Goal::Command(job) => stores.push(job),
            }
        }
        self.keep(walk.query, walk.answers);
        for job in stores {
            self.store(job, holders.clone(), true);
        }
        false
    }

    /// Ends a walk that no command waits for.
    pub(super) fn drop_walk(&mut self, number: u64) {
        let Some(mut walk) = self.walks.remove(&number) else { return };
        self.load.remove(walk.who, walk.cost);
        self.counters.walked(walk.candidates.queries());
        if let Query::GetPeers(key) = &walk.query {
            self.lookups.remove(key);
        }
        if let Some(answers) = &mut walk.answers {
            answers.end();
        }
        self.keep(walk.query, walk.answers);
    }

    fn keep(&mut self, query: Query, answers: Option<Box<Answers>>) {
        if let (Query::GetPeers(key), Some(answers)) = (query, answers)
            && !answers.is_empty()
        {
            let cost = answers.cost() + key.len();
            self.found.insert(key, answers, cost);
        }
    }

    /// Addresses announced to this node.
    fn own_word(&mut self, key: &[u8]) -> Vec<Found> {
        let own = self.peers.sample(key, config::VALUES, &mut self.rng);
        for own in &own {
            self.tell_peer(own.address);
        }
        own
    }

    /// Adds addresses announced through this node, unless they are known by another address of this
    /// machine. Any node can report any port: reports of others do not replace these. For other
    /// machines they do, since the address here is of no use there.
    fn with_local(&mut self, key: &[u8], mut peers: Vec<Found>, who: Source) -> Vec<Found> {
        limit_greediest(&mut peers);
        for local in self.local.sample(key, config::VALUES, &mut self.rng) {
            let is_told = peers.iter().any(|found| {
                let Address { ip, port } = found.address;
                port == local.address.port
                    && (!who.is_here() || found.address == local.address || self.is_own(ip))
            });
            if is_told {
                continue;
            }
            if peers.len() >= config::VALUES {
                peers.pop();
            }
            peers.insert(self.rng.random_range(0..=peers.len()), local);
        }
        peers
    }

    pub(super) fn is_own(&mut self, ip: [u8; 4]) -> bool {
        // Any program of the machine can have such an address.
        if is_loopback(ip) {
            return false;
        }
        if let Some(known) = self.own_ips.get(&ip) {
            return *known;
        }
        let is_own = (self.options.is_own)(ip);
        self.own_ips.insert(ip, is_own, 0);
        is_own
    }

    /// An address is no longer announced.
    pub(super) fn forget_found(&mut self, key: &[u8], address: Address) {
        if let Some(answers) = self.found.get_mut(key) {
            answers.remove(address);
        }
        let walk = self.lookups.get(key).and_then(|walk| self.walks.get_mut(walk));
        if let Some(answers) = walk.and_then(|walk| walk.answers.as_mut()) {
            answers.remove(address);
        }
    }

    fn remember(&mut self, key: &[u8], holders: Vec<super::Holder>) {
        if !holders.is_empty() {
            let tokens: usize =
                holders.iter().map(|holder| config::HOLDER_COST + holder.token.len()).sum();
            let nearest = Nearest { holders, at: self.now, announced: Vec::new() };
            self.nearest.insert(key.to_vec(), nearest, config::TABLE_COST + key.len() + tokens);
        }
    }

    fn store_or_walk(&mut self, query: Query, job: Job) {
        let key = match &query {
            Query::GetPeers(key) | Query::Get(key) => key,
            _ => return,
        };
        let good = self.now.saturating_sub(config::TABLE_AGE_MS);
        match self.nearest.get(key).filter(|nearest| nearest.at >= good) {
            Some(Nearest { holders, .. }) => {
                let holders = holders.clone();
                self.store(job, holders, false);
            }
            None => {
                self.walk(query, Goal::Command(job));
            }
        }
    }

    pub(super) fn tell_ready(&mut self) {
        if !self.ready {
            self.ready = true;
            self.out.events.push(Event::Ready);
        }
    }
}

impl Walk {
    /// Keeps a value if it is the requested one, and better than the one before.
    fn look_at(&mut self, mut got: Got) {
        let Some(Goal::Command(job)) = self.goals.first() else { return };
        let Command::Get { target, salt } = &job.command else { return };
        if let Some(signed) = &mut got.item.signed {
            signed.salt.clone_from(salt);
        }
        if got.item.target().0 != target[..] {
            return;
        }
        let seq = |got: &Got| got.item.signed.as_ref().map(|signed| signed.seq);
        // A signature is only checked if the value would be used.
        let is_better = self.best.as_ref().is_none_or(|best| seq(best) < seq(&got));
        if is_better && got.item.check().is_ok() {
            self.over = got.item.signed.is_none();
            self.best = Some(got);
        }
    }
}

impl Goal {
    fn cost(&self) -> usize {
        match self {
            Self::Join => config::COMMAND_COST,
            Self::Command(job) => cost_of(&job.command),
        }
    }
}

/// The source of this node's own reports.
const NOWHERE: Address = Address { ip: [0; 4], port: 0 };
