//! The node as a state machine: its whole state, and the handling of a datagram.

use super::{
    Address, Answers, Command, Counters, Event, Failure, Generations, Heard, Holder, Id, Options,
    Outcome, Peers, Silence, Source, Sources, Table, Tokens, Values, Wanted, hash,
    krpc::{Asked, Message, Query, Refusal, Response},
    load::{Job, Load},
    operation::Purpose,
    sources::Bucket,
    store::Store,
    transactions::{Due, Pending, Transactions, transaction},
    walk::Walk,
};
use crate::config::grape as config;
use rand::{SeedableRng, rngs::StdRng};
use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap},
    mem,
};

/// A datagram to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Datagram {
    /// Destination.
    pub to: Address,
    /// Payload.
    pub bytes: Vec<u8>,
}

/// Result of a [`Core::tick`].
#[derive(Debug, Default)]
pub struct Output {
    /// Datagrams to be sent.
    pub datagrams: Vec<Datagram>,
    /// Events to be emitted.
    pub events: Vec<Event>,
}

/// The nodes that a name's walk found.
#[derive(Debug)]
pub(super) struct Nearest {
    pub holders: Vec<Holder>,
    pub at: u64,
    /// Announces that they accepted: port, time, and number of nodes.
    pub announced: Vec<(u16, u64, usize)>,
}

/// The node. Times are milliseconds on any monotonic clock.
#[derive(Debug)]
pub struct Core {
    pub(super) id: Id,
    pub(super) options: Options,
    pub(super) now: u64,
    pub(super) started: u64,
    pub(super) rng: StdRng,
    pub(super) table: Table,
    pub(super) tokens: Tokens,
    /// Announced to this node.
    pub(super) peers: Peers,
    /// Announced through this node, which does not know its own address as seen by others.
    pub(super) local: Peers,
    /// Results of this node's lookups.
    pub(super) found: Generations<Vec<u8>, Box<Answers>>,
    pub(super) values: Values,
    pub(super) nearest: Generations<Vec<u8>, Nearest>,
    pub(super) transactions: Transactions,
    pub(super) walks: hash::HashMap<u64, Walk>,
    /// The walks that equal lookups and announces share.
    pub(super) lookups: HashMap<Vec<u8>, u64>,
    pub(super) stores: hash::HashMap<u64, Store>,
    pub(super) last_number: u64,
    /// When walks and stores are continued, by their numbers; they may have ended before.
    pub(super) alarms: BinaryHeap<Reverse<(u64, u64)>>,
    pub(super) bootstrap: Vec<Address>,
    /// Addresses of nodes from an earlier run, and how many of them were pinged.
    pub(super) hints: Vec<Address>,
    pub(super) hinted: usize,
    pub(super) joining: bool,
    pub(super) ready: bool,
    /// The event about silent bootstrap nodes was emitted.
    pub(super) silence_told: bool,
    pub(super) rejoin_at: u64,
    pub(super) rejoin_wait: u64,
    pub(super) refresh_at: u64,
    pub(super) counters: Counters,
    pub(super) out: Output,
    pub(super) sources: Sources,
    pub(super) load: Load,
    /// Cached results of whether an address is this machine's own.
    pub(super) own_ips: Generations<[u8; 4], bool, hash::Keyed>,
    /// Nodes that did not answer the last query, and have not answered since.
    pub(super) silent: Generations<Address, (), hash::Keyed>,
    /// Nodes have come that do not know what is announced here.
    pub(super) has_newcomers: bool,
    /// What is still to be announced again for them.
    pub(super) republished: Vec<(Vec<u8>, Address)>,
    /// Nodes that were pinged because they sent a query.
    verifying: hash::HashSet<Address>,
    sweep_at: u64,
    wanted: Wanted,
    told: Told,
}

/// How many events of each kind may still be emitted.
#[derive(Debug)]
struct Told {
    warnings: Bucket,
    nodes: Bucket,
    peers: Bucket,
    announces: Bucket,
}

impl Core {
    /// A node that knows no others. Two with the same seed behave the same.
    pub fn new(options: Options, seed: [u8; 32], now: u64) -> Self {
        let mut rng = StdRng::from_seed(seed);
        let id = options.id.unwrap_or_else(|| Id::random(&mut rng));
        let age = options.peer_age;
        Self {
            id,
            now,
            started: now,
            table: Table::new(id),
            tokens: Tokens::new(&mut rng, now),
            peers: Peers::new(config::PEERS_BYTES, age),
            local: Peers::new(config::PEERS_BYTES, age),
            found: Generations::new(
                usize::MAX,
                config::FOUND_BYTES,
                Some(age.div_ceil(2).max(1)),
                now,
            ),
            values: Values::new(options.max_values),
            nearest: Generations::new(options.max_tables, config::TABLES_BYTES, None, now),
            transactions: Transactions::default(),
            walks: hash::HashMap::default(),
            lookups: HashMap::new(),
            stores: hash::HashMap::default(),
            last_number: 0,
            alarms: BinaryHeap::new(),
            bootstrap: Vec::new(),
            hints: Vec::new(),
            hinted: 0,
            joining: false,
            ready: false,
            silence_told: false,
            rejoin_at: 0,
            rejoin_wait: config::REJOIN_MS.0,
            refresh_at: now.saturating_add(options.liveness),
            counters: Counters::default(),
            out: Output::default(),
            sources: Sources::new(options.rate, now),
            load: Load::default(),
            own_ips: Generations::new(config::OWN_IPS, usize::MAX, Some(config::OWN_IP_MS), now),
            has_newcomers: false,
            republished: Vec::new(),
            silent: Generations::new(config::SILENT, usize::MAX, Some(config::SILENT_MS), now),
            verifying: hash::HashSet::default(),
            sweep_at: now + config::SWEEP_MS,
            wanted: Wanted::default(),
            told: Told {
                warnings: Bucket::per_second(config::WARNINGS, now),
                nodes: Bucket::per_second(config::EVENTS, now),
                peers: Bucket::per_second(config::EVENTS, now),
                announces: Bucket::per_second(config::EVENTS, now),
            },
            rng,
            options,
        }
    }

    /// The node's id.
    pub fn id(&self) -> Id {
        self.id
    }

    /// The nodes that it knows.
    pub fn table(&self) -> &Table {
        &self.table
    }

    /// Sets which events have listeners.
    pub fn want(&mut self, wanted: Wanted) {
        self.wanted = wanted;
    }

    /// Starts the command numbered `op`, for this process; see [`start_for`](Self::start_for).
    pub fn start(&mut self, now: u64, op: u64, command: Command) {
        self.start_for(now, op, Source::Own, command);
    }

    /// Starts the command numbered `op`, for `who`; an [`Event::Done`] of the next tick, or of a
    /// later one, ends it. Returns the number of the walk that a lookup or a get waits for, so that
    /// it can be [abandoned](Self::abandon).
    pub fn start_for(&mut self, now: u64, op: u64, who: Source, command: Command) -> Option<u64> {
        self.advance(now);
        self.counters.started(&command);
        let walk = self.begin(Job { op, who, command });
        self.relieve(who);
        walk
    }

    /// Handles received datagrams, and the time that has passed.
    pub fn tick<'a>(
        &mut self,
        now: u64,
        datagrams: impl IntoIterator<Item = (Address, &'a [u8])>,
    ) -> Output {
        self.advance(now);
        for (from, bytes) in datagrams {
            self.receive(from, bytes);
        }
        while let Some(due) = self.transactions.due(now) {
            match due {
                Due::Again(to, bytes) => self.send(to, bytes),
                Due::Expired(pending) => self.failed(pending, None),
            }
        }
        while let Some(Reverse((at, number))) = self.alarms.peek().copied()
            && at <= now
        {
            self.alarms.pop();
            self.awaken(number);
        }
        if now >= self.sweep_at {
            self.sweep_at = now + config::SWEEP_MS;
            self.sweep();
        }
        mem::take(&mut self.out)
    }

    /// When the next tick is due, if no datagram comes before.
    pub fn wake_at(&self) -> u64 {
        let alarm = self.alarms.peek().map_or(u64::MAX, |Reverse((at, _))| *at);
        self.sweep_at.min(self.transactions.due_at()).min(alarm)
    }

    fn advance(&mut self, now: u64) {
        self.now = self.now.max(now);
        self.peers.age(now);
        self.local.age(now);
        self.found.age(now);
        self.values.age(now);
        self.own_ips.age(now);
        self.silent.age(now);
        self.tokens.rotate(&mut self.rng, now);
    }

    fn receive(&mut self, from: Address, bytes: &[u8]) {
        self.counters.received(bytes.len());
        // No reply would get there.
        if !from.is_one() {
            self.counters.malformed += 1;
            return self.warn();
        }
        // A reply can only come to a query of ours. Anything else is rate-limited before it is
        // parsed, since long ones take longer.
        let awaited = self.transactions.awaits(bytes, from);
        let weight = 1 + (bytes.len() / config::RATE_BYTES) as u64;
        if awaited.is_none() && !self.sources.allows(from.ip, weight, self.now) {
            self.counters.limited += 1;
            return;
        }
        match Message::decode(bytes) {
            Some(Message::Response(response)) => self.responded(from, response),
            Some(Message::Error(refusal)) => self.refused(from, refusal),
            Some(Message::Query(asked)) => self.asked(from, asked, bytes.len()),
            None => {
                self.counters.malformed += 1;
                self.warn();
            }
        }
        // The query counts as answered, whatever came: its number is not parsed for again.
        if let Some(pending) = awaited.and_then(|number| self.transactions.take(&number, from)) {
            self.failed(pending, None);
        }
    }

    /// Handles a query. A sender without a proven address gets little more than it sent, whatever
    /// it queries.
    fn asked(&mut self, from: Address, asked: Asked<'_>, len: usize) {
        let before = self.counters.bytes_out;
        let id = asked.id.filter(|id| self.is_to_be_verified(id, from));
        let reserved = if id.is_some() { config::PING_BYTES } else { 0 };
        let allowed = self.sources.allowance(from, len, self.now).saturating_sub(reserved);
        self.answer(from, asked, allowed);
        if let Some(id) = id
            && self.query((from, Some(id)), Purpose::Verify, &Query::Ping)
        {
            self.verifying.insert(from);
        }
        let sent = (self.counters.bytes_out - before) as usize;
        self.sources.spend(from, len, sent, self.now);
    }

    /// Whether the sender of a query should be pinged: to add it, or to verify its address.
    fn is_to_be_verified(&self, id: &Id, from: Address) -> bool {
        let is_proven = self.sources.is_proven_at(from, self.now);
        if self.verifying.contains(&from) || (is_proven && !self.table.has_room(id, from)) {
            return false;
        }
        // Forged addresses only use up the room for unknown senders.
        let most = if is_proven { 2 * config::VERIFYING } else { config::VERIFYING };
        let of_host = self.verifying.iter().filter(|other| other.group() == from.group()).count();
        self.verifying.len() < most && of_host < config::HOST_SHARE
    }

    fn responded(&mut self, from: Address, mut response: Response<'_>) {
        let Some(pending) = self.transactions.take(&response.transaction, from) else {
            self.counters.unexpected += 1;
            return self.warn();
        };
        let Some(id) = response.id else {
            self.failed(pending, None);
            // The node is alive all the same.
            return self.answered(from);
        };
        self.answered(from);
        self.leave_out_loopback(from, &mut response);
        self.counters.responses += 1;
        if let Some(expected) = pending.id.filter(|expected| *expected != id) {
            self.table.forget(&expected, from);
        }
        self.settled(&pending);
        self.heard(id, from);
        match pending.purpose {
            Purpose::Ping | Purpose::Verify => {}
            Purpose::Walk(walk) => self.walked(walk, id, from, response),
            Purpose::Store(store) => self.stored(store, from, None),
        }
    }

    /// Removes loopback addresses from the reply of another machine: this node, and services that
    /// look up a name, would connect to themselves.
    fn leave_out_loopback(&mut self, from: Address, response: &mut Response<'_>) {
        let nodes = response.nodes.iter().map(|(_, address)| address);
        let mut all = nodes.chain(response.values.iter().map(|(address, _)| address));
        if all.any(|address| address.is_loopback()) && !from.is_loopback() && !self.is_own(from.ip)
        {
            response.nodes.retain(|(_, address)| !address.is_loopback());
            response.values.retain(|(address, _)| !address.is_loopback());
        }
    }

    fn refused(&mut self, from: Address, refusal: Refusal<'_>) {
        let Some(pending) = self.transactions.take(&refusal.transaction, from) else {
            self.counters.unexpected += 1;
            return self.warn();
        };
        self.answered(from);
        self.counters.errors += 1;
        self.failed(pending, Some((refusal.code, refusal.text)));
    }

    /// A node at this address is alive.
    fn answered(&mut self, from: Address) {
        self.sources.proves(from, self.now);
        self.silent.remove(&from);
    }

    /// A query got no answer, or an error.
    fn failed(&mut self, pending: Pending, refusal: Option<(i64, String)>) {
        self.settled(&pending);
        // A node that sends an error is alive.
        if refusal.is_none() {
            self.counters.timeouts += 1;
            self.silent.insert(pending.to, (), 0);
            if let Some(id) = pending.id
                && self.table.failed(&id, pending.to) == Silence::Kept
            {
                self.ping(id, pending.to);
            }
        }
        match pending.purpose {
            Purpose::Ping | Purpose::Verify => {}
            Purpose::Walk(walk) => self.unwalked(walk, pending.to),
            Purpose::Store(store) => self.stored(store, pending.to, Some(refusal)),
        }
    }

    fn settled(&mut self, pending: &Pending) {
        if pending.purpose == Purpose::Verify {
            self.verifying.remove(&pending.to);
        }
    }

    /// A node answered.
    fn heard(&mut self, id: Id, address: Address) {
        match self.table.heard(id, address, self.now) {
            Heard::Known | Heard::Full(None) => {}
            Heard::Full(Some((id, address))) => self.ping(id, address),
            Heard::Added => {
                self.came();
                if self.told.nodes.take_one(events(self.wanted.node), self.now) {
                    self.out.events.push(Event::Node);
                }
            }
        }
    }

    pub(super) fn ping(&mut self, id: Id, address: Address) {
        self.query((address, Some(id)), Purpose::Ping, &Query::Ping);
    }

    /// Sends a query, unless too many are pending.
    pub(super) fn query(
        &mut self,
        to: (Address, Option<Id>),
        purpose: Purpose,
        query: &Query,
    ) -> bool {
        let number = self.transactions.number(&mut self.rng);
        let bytes = query.encode(&transaction(number), &self.id);
        if !self.transactions.has_room(bytes.len()) {
            return false;
        }
        self.counters.asked += 1;
        self.send(to.0, bytes.clone());
        self.transactions.insert(number, to, purpose, bytes, self.now);
        true
    }

    pub(super) fn send(&mut self, to: Address, bytes: Vec<u8>) {
        self.counters.sent(bytes.len());
        self.out.datagrams.push(Datagram { to, bytes });
    }

    pub(super) fn done(&mut self, op: u64, result: Result<Outcome, Failure>) {
        self.out.events.push(Event::Done { op, result });
    }

    pub(super) fn tell_peer(&mut self, address: Address) {
        if self.told.peers.take_one(events(self.wanted.peer), self.now) {
            self.out.events.push(Event::Peer(address));
        }
    }

    pub(super) fn tell_announce(&mut self, key: &[u8]) {
        if self.told.announces.take_one(events(self.wanted.announce), self.now) {
            self.out.events.push(Event::Announce(key.to_vec()));
        }
    }

    /// Whether a result from `at` is recent enough to be shared.
    pub(super) fn is_same(&self, at: u64) -> bool {
        at > self.same_since()
    }

    /// Results from before this time are not shared.
    pub(super) fn same_since(&self) -> u64 {
        let span = config::SAME_MS.min(self.options.peer_age / config::SAME_OF_AGE);
        self.now.saturating_sub(span)
    }

    /// A number for a walk or a store.
    pub(super) fn number(&mut self) -> u64 {
        self.last_number += 1;
        self.last_number
    }

    fn warn(&mut self) {
        if self.told.warnings.take_one(config::WARNINGS, self.now) {
            self.out.events.push(Event::Warning);
        }
    }
}

/// Events of one kind that are emitted per second.
fn events(wanted: bool) -> u32 {
    if wanted { config::EVENTS } else { config::UNHEARD_EVENTS }
}

/// Bytes that a pending command holds.
pub(super) fn cost_of(command: &Command) -> usize {
    let bytes = match command {
        Command::Lookup(key)
        | Command::Announce { key, .. }
        | Command::Unannounce { key, .. }
        | Command::AnnounceAt { key, .. }
        | Command::UnannounceAt { key, .. } => key.len(),
        Command::Put { item, .. } => item.v.len(),
        Command::Get { target, salt } => target.len() + salt.len(),
    };
    // The walk, its candidates, and the map of walks have a copy each.
    config::COMMAND_COST + 4 * bytes
}
