//! The exchanges with other nodes: queries and their replies, the known nodes, which addresses are
//! proven or silent, and the limits of what strangers can cause.

use super::{
    Address, Contact, Counters, Generations, Heard, Id, Options, Silence, Sources, Table,
    hash::{HashSet, Keyed},
    krpc::{Message, Query, ReceivedQuery, Refusal, Response},
    transactions::{Due, Pending, Purpose, Transactions, transaction},
};
use crate::config::grape as config;
use rand::rngs::StdRng;
use std::mem;

/// A datagram to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Datagram {
    /// Destination.
    pub to: Address,
    /// Payload.
    pub bytes: Vec<u8>,
}

/// The network as this node sees it.
#[derive(Debug)]
pub(super) struct Network {
    id: Id,
    rng: StdRng,
    liveness: u64,
    table: Table,
    /// Nodes that did not answer the last query, and have not answered since.
    silent: Generations<Address, (), Keyed>,
    /// Nodes that were pinged because they sent a query.
    verifying: HashSet<Address>,
    sources: Sources,
    transactions: Transactions,
    counters: Counters,
    datagrams: Vec<Datagram>,
}

/// What a received datagram is.
#[derive(Debug, Default)]
pub(super) struct Received<'a> {
    /// It is not valid.
    pub is_invalid: bool,
    /// It made a new node known.
    pub is_new_node: bool,
    pub message: Option<Incoming<'a>>,
    /// It ended a query without a result.
    pub failed: Option<Failed>,
}

/// A valid message of another node.
#[derive(Debug)]
pub(super) enum Incoming<'a> {
    /// A query, and the limits of the reply.
    Query(ReceivedQuery<'a>, Allowance),
    /// The reply to a query of this node.
    Answer { purpose: Purpose, id: Id, response: Response<'a> },
}

/// A query that got no reply, or an error.
#[derive(Debug)]
pub(super) struct Failed {
    pub purpose: Purpose,
    pub to: Address,
    /// The error's code and text.
    pub refusal: Option<(i64, String)>,
}

/// Bytes that may be sent to the sender of a query.
#[derive(Debug)]
pub(super) struct Allowance {
    /// Most bytes of the reply; its mandatory fields may exceed them.
    pub bytes: usize,
    received: usize,
    /// The sender should be pinged: its id.
    verify: Option<Id>,
}

impl Network {
    /// No nodes so far.
    pub fn new(id: Id, options: &Options, rng: StdRng, now: u64) -> Self {
        Self {
            id,
            rng,
            liveness: options.liveness,
            table: Table::new(id),
            silent: Generations::new(config::SILENT, usize::MAX, Some(config::SILENT_MS), now),
            verifying: HashSet::default(),
            sources: Sources::new(options.rate, now),
            transactions: Transactions::default(),
            counters: Counters::default(),
            datagrams: Vec::new(),
        }
    }

    /// Forgets silent nodes after a while.
    pub fn age(&mut self, now: u64) {
        self.silent.age(now);
    }

    /// Handles a datagram.
    pub fn receive<'a>(&mut self, from: Address, bytes: &'a [u8], now: u64) -> Received<'a> {
        self.counters.received(bytes.len());
        // No reply would get there.
        if !from.is_one() {
            return self.malformed();
        }
        // A reply can only come to a query of ours. Anything else is rate-limited before it is
        // parsed, since long ones take longer.
        let awaited = self.transactions.awaits(bytes, from);
        let weight = 1 + (bytes.len() / config::RATE_BYTES) as u64;
        if awaited.is_none() && !self.sources.allows(from.ip, weight, now) {
            self.counters.limited += 1;
            return Received::default();
        }
        let mut received = match Message::decode(bytes) {
            Some(Message::Response(response)) => self.receive_response(from, response, now),
            Some(Message::Error(refusal)) => self.receive_error(from, refusal, now),
            Some(Message::Query(query)) => self.receive_query(from, query, bytes.len(), now),
            None => self.malformed(),
        };
        // The query counts as answered, whatever came: its number is not parsed for again.
        if let Some(pending) = awaited.and_then(|number| self.transactions.take(&number, from)) {
            received.failed = Some(self.fail(pending, None, now));
        }
        received
    }

    fn malformed(&mut self) -> Received<'static> {
        self.counters.malformed += 1;
        Received { is_invalid: true, ..Received::default() }
    }

    fn unexpected(&mut self) -> Received<'static> {
        self.counters.unexpected += 1;
        Received { is_invalid: true, ..Received::default() }
    }

    /// A sender without a proven address gets little more than it sent, whatever it queries.
    fn receive_query<'a>(
        &mut self,
        from: Address,
        query: ReceivedQuery<'a>,
        received: usize,
        now: u64,
    ) -> Received<'a> {
        let verify = query.id.filter(|id| self.is_to_be_verified(id, from, now));
        let reserved = if verify.is_some() { config::PING_BYTES } else { 0 };
        let bytes = self.sources.allowance(from, received, now).saturating_sub(reserved);
        let message = Incoming::Query(query, Allowance { bytes, received, verify });
        Received { message: Some(message), ..Received::default() }
    }

    /// Whether the sender of a query should be pinged: to add it, or to verify its address.
    fn is_to_be_verified(&self, id: &Id, from: Address, now: u64) -> bool {
        let is_proven = self.sources.is_proven_at(from, now);
        if self.verifying.contains(&from) || (is_proven && !self.table.has_room(id, from)) {
            return false;
        }
        // Forged addresses only use up the room for unknown senders.
        let most = if is_proven { 2 * config::VERIFYING } else { config::VERIFYING };
        let of_host = self.verifying.iter().filter(|other| other.group() == from.group()).count();
        self.verifying.len() < most && of_host < config::HOST_SHARE
    }

    /// Replies to a query, unless there is no reply, and pings its sender if needed.
    pub fn reply(&mut self, to: Address, allowance: Allowance, reply: Option<Vec<u8>>, now: u64) {
        let before = self.counters.bytes_out;
        if let Some(bytes) = reply {
            self.send(to, bytes);
        }
        if let Some(id) = allowance.verify
            && self.query((to, Some(id)), Purpose::Verify, &Query::Ping, now)
        {
            self.verifying.insert(to);
        }
        let sent = (self.counters.bytes_out - before) as usize;
        self.sources.spend(to, allowance.received, sent, now);
    }

    fn receive_response<'a>(
        &mut self,
        from: Address,
        response: Response<'a>,
        now: u64,
    ) -> Received<'a> {
        let Some(pending) = self.transactions.take(&response.transaction, from) else {
            return self.unexpected();
        };
        let Some(id) = response.id else {
            let failed = Some(self.fail(pending, None, now));
            // The node is alive all the same.
            self.is_alive(from, now);
            return Received { failed, ..Received::default() };
        };
        self.is_alive(from, now);
        self.counters.responses += 1;
        if let Some(expected) = pending.id.filter(|expected| *expected != id) {
            self.table.forget(&expected, from);
        }
        self.settle(&pending);
        let is_new_node = match self.table.heard(id, from, now) {
            Heard::Added => true,
            Heard::Known | Heard::Full(None) => false,
            Heard::Full(Some((id, address))) => {
                self.ping(id, address, now);
                false
            }
        };
        let message = Some(Incoming::Answer { purpose: pending.purpose, id, response });
        Received { is_new_node, message, ..Received::default() }
    }

    fn receive_error(
        &mut self,
        from: Address,
        refusal: Refusal<'_>,
        now: u64,
    ) -> Received<'static> {
        let Some(pending) = self.transactions.take(&refusal.transaction, from) else {
            return self.unexpected();
        };
        self.is_alive(from, now);
        self.counters.errors += 1;
        let failed = Some(self.fail(pending, Some((refusal.code, refusal.text)), now));
        Received { failed, ..Received::default() }
    }

    /// A node at this address answered.
    fn is_alive(&mut self, from: Address, now: u64) {
        self.sources.proves(from, now);
        self.silent.remove(&from);
    }

    /// A query got no reply, or an error.
    fn fail(&mut self, pending: Pending, refusal: Option<(i64, String)>, now: u64) -> Failed {
        self.settle(&pending);
        let Pending { purpose, to, id, .. } = pending;
        // A node that sends an error is alive.
        if refusal.is_none() {
            self.counters.timeouts += 1;
            self.set_silent(to);
            if let Some(id) = id
                && self.table.failed(&id, to) == Silence::Kept
            {
                self.ping(id, to, now);
            }
        }
        Failed { purpose, to, refusal }
    }

    fn settle(&mut self, pending: &Pending) {
        if pending.purpose == Purpose::Verify {
            self.verifying.remove(&pending.to);
        }
    }

    /// Sends pending queries again that are due, and returns the next one that timed out.
    pub fn handle_timeout(&mut self, now: u64) -> Option<Failed> {
        loop {
            match self.transactions.due(now)? {
                Due::Again(to, bytes) => self.send(to, bytes),
                Due::Expired(pending) => return Some(self.fail(pending, None, now)),
            }
        }
    }

    /// When [`handle_timeout`](Self::handle_timeout) has something to do.
    pub fn timeout(&self) -> u64 {
        self.transactions.due_at()
    }

    /// Updates the rates, and pings nodes that were idle for long, about once per second.
    pub fn sweep(&mut self, now: u64) {
        self.counters.measure(now);
        let quiet_since = now.saturating_sub(self.liveness);
        for (id, address) in self.table.idle(quiet_since, config::SWEEP_PINGS, now) {
            self.ping(id, address, now);
        }
    }

    fn ping(&mut self, id: Id, address: Address, now: u64) {
        self.query((address, Some(id)), Purpose::Ping, &Query::Ping, now);
    }

    /// Sends a query, unless too many are pending.
    pub fn query(
        &mut self,
        to: (Address, Option<Id>),
        purpose: Purpose,
        query: &Query,
        now: u64,
    ) -> bool {
        let number = self.transactions.number(&mut self.rng);
        let bytes = query.encode(&transaction(number), &self.id);
        if !self.transactions.has_room(bytes.len()) {
            return false;
        }
        self.counters.asked += 1;
        self.send(to.0, bytes.clone());
        self.transactions.insert(number, to, purpose, bytes, now);
        true
    }

    fn send(&mut self, to: Address, bytes: Vec<u8>) {
        self.counters.sent(bytes.len());
        self.datagrams.push(Datagram { to, bytes });
    }

    /// Takes the datagrams to be sent.
    pub fn take_datagrams(&mut self) -> Vec<Datagram> {
        mem::take(&mut self.datagrams)
    }

    /// This node's id.
    pub fn id(&self) -> Id {
        self.id
    }

    /// The known nodes.
    pub fn table(&self) -> &Table {
        &self.table
    }

    /// The known nodes, one by one.
    pub fn contacts(&self) -> impl Iterator<Item = &Contact> {
        self.table.iter()
    }

    /// Number of known nodes.
    pub fn known_nodes(&self) -> usize {
        self.table.len()
    }

    /// Number of pending queries.
    pub fn in_flight(&self) -> usize {
        self.transactions.len()
    }

    /// Whether a node is known at this address.
    pub fn knows(&self, address: Address) -> bool {
        self.contacts().any(|node| node.address == address)
    }

    /// Whether an address did not answer lately.
    pub fn is_silent(&self, address: Address) -> bool {
        self.silent.get(&address).is_some()
    }

    /// An address does not answer. The next walk need not wait for it to find that out.
    pub fn set_silent(&mut self, address: Address) {
        self.silent.insert(address, (), 0);
    }

    /// `from` presented a token: its address is proven.
    pub fn proves(&mut self, from: Address, now: u64) {
        self.sources.proves(from, now);
    }

    /// Whether a signature of `from` may be verified.
    pub fn allows_signature(&mut self, from: Address, now: u64) -> bool {
        self.sources.allows_signature(from.ip, now)
    }

    /// The counters.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// The counters, to count something.
    pub fn count(&mut self) -> &mut Counters {
        &mut self.counters
    }
}
