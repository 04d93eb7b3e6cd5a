//! The node as a state machine. Its parts are machines that return steps; it carries them out.

use super::{
    Address, Command, Event, Failure, Found, Got, Holder, Id, Options, Outcome, Source, Status,
    Table, Tokens, Wanted, Witness,
    command::Job,
    directory::{Directory, Plan},
    event::Events,
    join::{self, Membership},
    krpc::{Query, Response},
    network::{Datagram, Failed, Incoming, Network},
    operations::{Operations, Step},
    republish::Republish,
    responder::Responder,
    store::{Store, StoreEnd},
    transactions::Purpose,
    walk::{Goal, Walk, Walked},
};
use crate::config::grape as config;
use rand::{SeedableRng, rngs::StdRng};

/// Result of a [`Core::tick`].
#[derive(Debug, Default)]
pub struct Output {
    /// Datagrams to be sent.
    pub datagrams: Vec<Datagram>,
    /// Events to be emitted.
    pub events: Vec<Event>,
}

/// The node. Times are milliseconds on any monotonic clock.
#[derive(Debug)]
pub struct Core {
    id: Id,
    now: u64,
    started: u64,
    rng: StdRng,
    /// Queries that one walk has in flight.
    concurrency: usize,
    network: Network,
    membership: Membership,
    directory: Directory,
    operations: Operations,
    republish: Republish,
    tokens: Tokens,
    events: Events,
    sweep_at: u64,
}

impl Core {
    /// A node that knows no others. Two with the same seed behave the same.
    pub fn new(options: Options, seed: [u8; 32], now: u64) -> Self {
        let mut rng = StdRng::from_seed(seed);
        let id = options.id.unwrap_or_else(|| Id::random(&mut rng));
        Self {
            id,
            now,
            started: now,
            concurrency: options.concurrency,
            network: Network::new(id, &options, StdRng::from_rng(&mut rng), now),
            membership: Membership::new(&options, now),
            directory: Directory::new(id, &options, StdRng::from_rng(&mut rng), now),
            operations: Operations::default(),
            republish: Republish::default(),
            tokens: Tokens::new(&mut rng, now),
            events: Events::new(now),
            sweep_at: now + config::SWEEP_MS,
            rng,
        }
    }

    /// The node's id.
    pub fn id(&self) -> Id {
        self.id
    }

    /// The nodes that it knows.
    pub fn table(&self) -> &Table {
        self.network.table()
    }

    /// The node's view of itself. Services are pages of their own, see [`super::listing`].
    pub fn status(&self) -> Status {
        Status::new(&self.network, &self.membership, &self.directory, self.started, self.now)
    }

    /// State to keep over a restart: the id, and the nodes that answered.
    pub fn known(&self) -> (Id, Vec<Address>) {
        (self.id, self.network.table().iter().map(|node| node.address).collect())
    }

    /// Whether no nodes are known although there are bootstrap nodes.
    pub fn is_isolated(&self) -> bool {
        self.membership.is_isolated(self.network.known_nodes())
    }

    /// Sets which events have listeners.
    pub fn want(&mut self, wanted: Wanted) {
        self.events.want(wanted);
    }

    /// Sets the bootstrap nodes, and searches for others through them.
    pub fn bootstrap(&mut self, now: u64, addresses: Vec<Address>) {
        self.now = self.now.max(now);
        self.membership.set_bootstrap(addresses);
        self.carry_out();
    }

    /// Sets nodes known from an earlier run, for the next [`bootstrap`](Self::bootstrap). They are
    /// queried, but count for nothing until they answer.
    pub fn hint(&mut self, addresses: Vec<Address>) {
        self.membership.set_hints(addresses);
    }

    /// Starts the command numbered `op`, for this process; see [`start_for`](Self::start_for).
    pub fn start(&mut self, now: u64, op: u64, command: Command) {
        self.start_for(now, op, Source::Own, command);
    }

    /// Starts the command numbered `op`, for `client`; an [`Event::Done`] of the next tick, or of a
    /// later one, ends it. Returns the number of the walk that a lookup or a get waits for, so that
    /// it can be [abandoned](Self::abandon).
    pub fn start_for(
        &mut self,
        now: u64,
        op: u64,
        client: Source,
        command: Command,
    ) -> Option<u64> {
        self.advance(now);
        self.network.count().started(&command);
        let is_read = matches!(command, Command::Lookup(_) | Command::Get { .. });
        let walk = self.begin(Job { op: Some(op), client, command });
        self.carry_out();
        let walk = walk.filter(|number| is_read && self.operations.has_walk(*number));
        self.operations.enforce_budget(client);
        self.carry_out();
        walk
    }

    /// The lookup or the get `op`, which [`start_for`](Self::start_for) put into this walk, was
    /// given up. The walk ends if no other command waits for it.
    pub fn abandon(&mut self, number: u64, op: u64) {
        self.operations.abandon(number, op);
        self.carry_out();
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
        while let Some(failed) = self.network.handle_timeout(now) {
            self.fail(failed);
        }
        self.operations.handle_timeout(now);
        self.carry_out();
        if now >= self.sweep_at {
            self.sweep_at = now + config::SWEEP_MS;
            self.sweep();
        }
        Output { datagrams: self.network.take_datagrams(), events: self.events.take() }
    }

    /// When the next tick is due, if no datagram comes before.
    pub fn wake_at(&self) -> u64 {
        self.sweep_at.min(self.network.timeout()).min(self.operations.timeout())
    }

    fn advance(&mut self, now: u64) {
        self.now = self.now.max(now);
        self.directory.age(now);
        self.network.age(now);
        self.tokens.rotate(&mut self.rng, now);
    }

    /// Periodic work.
    fn sweep(&mut self) {
        self.network.sweep(self.now);
        self.membership.sweep(self.network.known_nodes(), self.now);
        self.carry_out();
        for command in self.republish.next(&mut self.directory) {
            self.begin(Job { op: None, client: Source::Own, command });
            self.carry_out();
        }
        self.operations.enforce_budget(Source::Own);
        self.carry_out();
    }

    fn receive(&mut self, from: Address, bytes: &[u8]) {
        let received = self.network.receive(from, bytes, self.now);
        if received.is_invalid {
            self.events.warn(self.now);
        }
        if received.is_new_node {
            self.republish.node_added(self.network.known_nodes());
            self.events.node(self.now);
        }
        match received.message {
            Some(Incoming::Query(asked, allowance)) => {
                let mut responder = Responder {
                    id: self.id,
                    network: &mut self.network,
                    directory: &mut self.directory,
                    tokens: &self.tokens,
                    events: &mut self.events,
                    now: self.now,
                };
                let reply = responder.reply(from, asked, allowance.bytes);
                self.network.reply(from, allowance, reply, self.now);
            }
            Some(Incoming::Answer { purpose, id, response }) => match purpose {
                Purpose::Ping | Purpose::Verify => {}
                Purpose::Walk(number) => self.answered(number, id, from, response),
                Purpose::Store(number) => self.operations.accepted(number, from),
            },
            None => {}
        }
        self.carry_out();
        if let Some(failed) = received.failed {
            self.fail(failed);
        }
    }

    /// A node answered a walk's query.
    fn answered(&mut self, number: u64, id: Id, from: Address, mut response: Response<'_>) {
        let Some(walk) = self.operations.walk(number) else { return };
        // A node that claims this node's id cannot report anything.
        if id == self.id {
            return walk.failed(from);
        }
        // Of no use from another machine: this node, and services that look up a name, would connect
        // to themselves.
        if response.has_loopback() && !from.is_loopback() && !self.directory.is_own(from.ip) {
            response.remove_loopback();
        }
        if let Query::GetPeers(key) = walk.query() {
            let found = |(address, age): &(Address, Option<u64>)| {
                let announced = age.map(|age| self.now.saturating_sub(age.saturating_mul(1_000)));
                Found { address: *address, announced, witness: Witness::One }
            };
            let found: Vec<_> = response.values.iter().map(found).collect();
            for found in &found {
                self.events.peer(found.address, self.now);
            }
            self.directory.learn(key, (id, from), &found, self.now);
        }
        walk.answered(id, from, response, |address| self.network.is_silent(address));
    }

    /// A query got no reply, or an error.
    fn fail(&mut self, Failed { purpose, to, refusal }: Failed) {
        self.operations.failed(purpose, to, refusal);
        self.carry_out();
    }

    /// Begins a command. Returns the number of its walk, if it needs one.
    fn begin(&mut self, mut job: Job) -> Option<u64> {
        match self.directory.plan(&mut job, self.now, &mut self.events) {
            Plan::Done(result) => self.events.done(job.op, result),
            Plan::Store(holders) => self.store(job, holders, false),
            Plan::Walk(query, best) => return Some(self.walk(query, Goal::Command(job), best)),
        }
        None
    }

    /// Starts a walk to the key of `query`, and returns its number. Equal lookups, and announces with
    /// them, share one walk.
    fn walk(&mut self, query: Query, goal: Goal, best: Option<Got>) -> u64 {
        if let Query::GetPeers(key) = &query
            && let Some(number) = self.operations.walk_to(key)
        {
            self.operations.share_walk(number, goal);
            return number;
        }
        self.directory.begin_walk(&query, self.now, &mut self.events);
        let known = self.network.table().closest(query.key(), config::K);
        let mut walk = Walk::new((self.id, self.concurrency), query, goal, best, self.now);
        let is_silent = |address| self.network.is_silent(address);
        walk.begin_with(known, self.membership.bootstrap(), self.membership.hints(), is_silent);
        self.operations.start_walk(walk)
    }

    /// Sends a command to the nodes that are to store it.
    fn store(&mut self, job: Job, holders: Vec<Holder>, is_fresh: bool) {
        let is_alone = holders.is_empty();
        let here = self.directory.store_here(&job, is_alone, self.now, &mut self.events);
        self.operations.start_store(Store::new(job, holders, is_fresh, here, self.now));
    }

    /// Carries out the steps that the machines have now.
    fn carry_out(&mut self) {
        while let Some(step) = self.membership.poll() {
            let target = match step {
                join::Step::Ping(address) => {
                    self.network.query((address, None), Purpose::Ping, &Query::Ping, self.now);
                    continue;
                }
                join::Step::SearchNear => self.id,
                join::Step::SearchAnywhere => Id::random(&mut self.rng),
            };
            self.walk(Query::FindNode(target.0.to_vec()), Goal::Join, None);
        }
        while let Some(step) = self.operations.poll(self.now) {
            match step {
                Step::Ask { to, purpose, query } => {
                    let is_sent = self.network.query(to, purpose, &query, self.now);
                    drop(query);
                    if !is_sent {
                        self.operations.failed(purpose, to.0, None);
                    }
                }
                Step::Silent(address) => self.network.set_silent(address),
                Step::Walked(walked) => self.walked(walked),
                Step::Stored(end) => self.stored(end),
                Step::Busy(op) => self.events.done(op, Err(Failure::Busy)),
            }
        }
    }

    /// A walk has ended: so have its lookups, and its stores begin.
    fn walked(&mut self, walked: Walked) {
        let Walked { query, goals, holders, mut best, queries } = walked;
        self.network.count().walked(queries);
        self.directory.end_walk(&query, holders.as_deref(), self.now);
        for goal in goals {
            match goal {
                Goal::Join => {
                    let is_alone = self.network.known_nodes() == 0;
                    let is_known = |address| self.network.knows(address);
                    let events = self.membership.joined(is_known, is_alone);
                    events.into_iter().for_each(|event| self.events.push(event));
                }
                Goal::Command(Job { op, client, command: Command::Lookup(key) }) => {
                    let peers = self.directory.found(&key, client);
                    self.events.done(op, Ok(Outcome::Peers(peers)));
                }
                Goal::Command(Job { op, command: Command::Get { .. }, .. }) => {
                    self.events.done(op, Ok(Outcome::Value(best.take().map(Box::new))));
                }
                Goal::Command(job) => self.store(job, holders.clone().unwrap_or_default(), true),
            }
        }
    }

    /// A store has ended. If no node accepted it, another walk may find better ones.
    fn stored(&mut self, StoreEnd { job, accepted, silent, result }: StoreEnd) {
        silent.into_iter().for_each(|address| self.network.set_silent(address));
        self.directory.sent(&job.command, accepted, self.now);
        match result {
            Some(result) => self.events.done(job.op, result),
            None => {
                self.directory.forget_nearest(&job.command.key());
                self.begin(job);
            }
        }
    }
}

#[cfg(test)]
mod tests;
