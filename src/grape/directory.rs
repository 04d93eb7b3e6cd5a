//! What this node knows by name: announced addresses, the results of its lookups, the nodes near a
//! name, and stored values. From that it plans each command.

use super::{
    Address, Command, Failure, Found, Got, Holder, Id, Item, Options, Outcome, Source, Stored,
    Values,
    announces::{Announces, Services},
    command::Job,
    event::Events,
    krpc::Query,
    nearest::Nearest,
    own_addresses::OwnAddresses,
    peers::limit_greediest,
    reports::Reports,
};
use crate::config::grape as config;
use rand::{RngExt, rngs::StdRng};

/// A code and a text, as sent over the network.
type Refusal = (i64, &'static str);

/// The names; see the module's description.
#[derive(Debug)]
pub(super) struct Directory {
    id: Id,
    rng: StdRng,
    announces: Announces,
    reports: Reports,
    nearest: Nearest,
    values: Values,
    own_addresses: OwnAddresses,
}

/// What a command needs.
#[derive(Debug)]
pub(super) enum Plan {
    /// Nothing: this is its result.
    Done(Result<Outcome, Failure>),
    /// A walk to the nodes near its key. With it, the best value so far.
    Walk(Query, Option<Got>),
    /// To be sent to these nodes, which an earlier walk found.
    Store(Vec<Holder>),
}

/// What this node itself stores of a command.
#[derive(Debug, Default)]
pub(super) struct StoredHere {
    /// It does, or did.
    pub is_stored: bool,
    /// Why it does not.
    pub refusal: Option<(i64, String)>,
}

impl Directory {
    /// An empty directory of the node `id`, with random numbers from `rng`.
    pub fn new(id: Id, options: &Options, rng: StdRng, now: u64) -> Self {
        Self {
            id,
            rng,
            announces: Announces::new(options),
            reports: Reports::new(id, options.peer_age, now),
            nearest: Nearest::new(options.max_tables, options.peer_age, now),
            values: Values::new(options.max_values),
            own_addresses: OwnAddresses::new(options.is_own, now),
        }
    }

    /// Deletes what has expired.
    pub fn age(&mut self, now: u64) {
        self.announces.age(now);
        self.reports.age(now);
        self.values.age(now);
        self.own_addresses.age(now);
    }

    /// What a command needs. An announce of a named address may turn into one of this machine.
    pub fn plan(&mut self, job: &mut Job, now: u64, events: &mut Events) -> Plan {
        if let Command::AnnounceAt { .. } | Command::UnannounceAt { .. } = &job.command {
            match self.announce_named(job.client, &job.command, now, events) {
                Named::Done(result) => return Plan::Done(result),
                Named::Here(command) => job.command = command,
            }
        }
        match &job.command {
            Command::Lookup(key) => match self.repeat_lookup(key, job.client, now, events) {
                Some(peers) => Plan::Done(Ok(Outcome::Peers(peers))),
                None => Plan::Walk(Query::GetPeers(key.clone()), None),
            },
            Command::Announce { key, port } => match self.nearest.announced(key, *port, now) {
                Some(nodes) => Plan::Done(Ok(Outcome::Stored(nodes))),
                None => self.store_or_walk(Query::GetPeers(key.clone()), now),
            },
            Command::Unannounce { key, .. } => {
                self.store_or_walk(Query::GetPeers(key.clone()), now)
            }
            Command::Put { item, .. } => match item.check() {
                Err((_, text)) => Plan::Done(Err(Failure::BadPut(text.into()))),
                Ok(()) => self.store_or_walk(Query::Get(item.target().0.to_vec()), now),
            },
            Command::Get { target, .. } => self.plan_get(target),
            // Handled above.
            Command::AnnounceAt { .. } | Command::UnannounceAt { .. } => {
                Plan::Done(Err(Failure::ForeignService))
            }
        }
    }

    fn store_or_walk(&self, query: Query, now: u64) -> Plan {
        match self.nearest.holders(query.key(), now) {
            Some(holders) => Plan::Store(holders.to_vec()),
            None => Plan::Walk(query, None),
        }
    }

    fn plan_get(&self, target: &[u8]) -> Plan {
        let own = self.values.get(target).map(|stored| Got {
            id: stored.id,
            item: stored.item.clone(),
            token: None,
        });
        match own {
            // Of a mutable value, another node may have a newer version.
            Some(own) if own.item.signed.is_none() => {
                Plan::Done(Ok(Outcome::Value(Some(Box::new(own)))))
            }
            own => Plan::Walk(Query::Get(target.to_vec()), own),
        }
    }

    /// Stores or deletes an address that a client of the API named. The network cannot be told such
    /// an address: a datagram announces the address that it comes from, and no other is believed. So
    /// this node stores it, and reports it to others.
    fn announce_named(
        &mut self,
        client: Source,
        command: &Command,
        now: u64,
        events: &mut Events,
    ) -> Named {
        let (Command::AnnounceAt { key, address } | Command::UnannounceAt { key, address }) =
            command
        else {
            return Named::Done(Err(Failure::ForeignService));
        };
        let (key, address) = (key.clone(), *address);
        let is_here = self.announces.is_at_host(address) || self.own_addresses.contains(address.ip);
        if !is_here && !may_announce(client, address) {
            return Named::Done(Err(Failure::ForeignService));
        }
        let is_announce = matches!(command, Command::AnnounceAt { .. });
        let was_known = if is_announce {
            self.announces.add_named(&key, address, client, now);
            events.announce(&key, now);
            true
        } else {
            let was_known = self.announces.remove_named(&key, address);
            self.reports.remove(&key, address);
            was_known
        };
        let port = address.port;
        match (is_here, is_announce) {
            (false, _) => Named::Done(Ok(Outcome::Stored(usize::from(was_known)))),
            // Datagrams of this node come from there.
            (true, true) => Named::Here(Command::Announce { key, port }),
            (true, false) => Named::Here(Command::Unannounce { key, port }),
        }
    }

    /// The result of a recent equal lookup, unless it found nothing.
    fn repeat_lookup(
        &mut self,
        key: &[u8],
        client: Source,
        now: u64,
        events: &mut Events,
    ) -> Option<Vec<Found>> {
        if !self.nearest.is_recent(key, now) {
            return None;
        }
        let own = self.announced_here(key, now, events);
        let peers = self.reports.repeat(key, &own, config::VALUES, &mut self.rng, now);
        if peers.is_empty() { None } else { Some(self.with_local(key, peers, client)) }
    }

    /// Addresses announced to this node.
    fn announced_here(&mut self, key: &[u8], now: u64, events: &mut Events) -> Vec<Found> {
        let own = self.announces.sample(key, config::VALUES, &mut self.rng);
        for found in &own {
            events.peer(found.address, now);
        }
        own
    }

    /// A walk begins.
    pub fn begin_walk(&mut self, query: &Query, now: u64, events: &mut Events) {
        if let Query::GetPeers(key) = query {
            let own = self.announced_here(key, now, events);
            self.reports.begin(key, &own, now);
        }
    }

    /// A node reports these addresses to a walk.
    pub fn learn(&mut self, key: &[u8], from: (Id, Address), found: &[Found], now: u64) {
        self.reports.learn(key, from, found, now);
    }

    /// A walk has ended. `holders` are the nodes that it found, unless it was given up.
    pub fn end_walk(&mut self, query: &Query, holders: Option<&[Holder]>, now: u64) {
        if let (Query::GetPeers(key) | Query::Get(key), Some(holders)) = (query, holders) {
            self.nearest.insert(key, holders.to_vec(), now);
        }
        if let Query::GetPeers(key) = query {
            self.reports.end(key);
        }
    }

    /// The addresses that a finished walk found.
    pub fn found(&mut self, key: &[u8], client: Source) -> Vec<Found> {
        let peers = self.reports.sample(key, config::VALUES, &mut self.rng);
        self.with_local(key, peers, client)
    }

    /// Adds addresses that are of use on this machine alone, unless they are known by another
    /// address of this machine. Any node can report any port: reports of others do not replace
    /// these. For other machines they do, since a local address is of no use there.
    fn with_local(&mut self, key: &[u8], mut peers: Vec<Found>, client: Source) -> Vec<Found> {
        limit_greediest(&mut peers);
        for local in self.announces.sample_local(key, config::VALUES, &mut self.rng) {
            let is_known = peers.iter().any(|found| {
                let Address { ip, port } = found.address;
                port == local.address.port
                    && (!client.is_here()
                        || found.address == local.address
                        || self.own_addresses.contains(ip))
            });
            if is_known {
                continue;
            }
            if peers.len() >= config::VALUES {
                peers.pop();
            }
            peers.insert(self.rng.random_range(0..=peers.len()), local);
        }
        peers
    }

    /// Stores at this node what a client of the API announces or puts. A node that `is_alone`
    /// stores mutable values too, of which other nodes may have newer versions.
    pub fn store_here(
        &mut self,
        job: &Job,
        is_alone: bool,
        now: u64,
        events: &mut Events,
    ) -> StoredHere {
        let stored = |is_stored| StoredHere { is_stored, refusal: None };
        match &job.command {
            // Only the service itself makes its announce last longer.
            Command::Announce { .. } if job.op.is_none() => stored(true),
            Command::Announce { key, port } => {
                self.announces.add_here(key, *port, job.client, now);
                if is_alone || self.announces.has_host() {
                    events.announce(key, now);
                }
                stored(true)
            }
            Command::Unannounce { key, port } => {
                let removed = self.announces.remove_here(key, *port);
                if let Some(address) = removed.address {
                    self.reports.remove(key, address);
                }
                stored(removed.was_known)
            }
            Command::Put { item, cas } if item.signed.is_none() || is_alone => {
                let value = Stored { item: item.clone(), id: self.id };
                match self.values.put(value, *cas, job.client, now) {
                    Ok(()) => stored(true),
                    Err((code, text)) => StoredHere {
                        is_stored: false,
                        refusal: Some((code, format!("{code} {text}"))),
                    },
                }
            }
            _ => stored(false),
        }
    }

    /// An announce or unannounce was sent to the nodes near its name, and `nodes` of them accepted
    /// it: an equal announce shortly after it need not be sent.
    pub fn sent(&mut self, command: &Command, nodes: usize, now: u64) {
        match command {
            Command::Announce { key, port } => self.nearest.add_announce(key, *port, nodes, now),
            Command::Unannounce { key, port } => self.nearest.remove_announce(key, *port, now),
            _ => {}
        }
    }

    /// The nodes near `key` are no longer those of the last walk.
    pub fn forget_nearest(&mut self, key: &[u8]) {
        self.nearest.remove(key);
    }

    /// Addresses of a service for the reply to another node.
    pub fn report(&mut self, key: &[u8], count: usize) -> Vec<Found> {
        self.announces.sample(key, count, &mut self.rng)
    }

    /// The node `from` announces an address.
    pub fn add(&mut self, key: &[u8], address: Address, from: Address, now: u64) {
        self.announces.add_of_node(key, address, from, now);
    }

    /// A node takes its announce back.
    pub fn take_back(&mut self, key: &[u8], address: Address) {
        if self.announces.take_back(key, address) {
            self.reports.remove(key, address);
        }
    }

    /// The value stored under `target`.
    pub fn value(&self, target: &[u8]) -> Option<&Item> {
        self.values.get(target).map(|stored| &stored.item)
    }

    /// Whether [`put`](Self::put) would accept a value, given a valid signature: a cheaper check.
    ///
    /// # Errors
    /// A code and a text, as sent over the network.
    pub fn check(&self, item: &Item, cas: Option<i64>) -> Result<(), Refusal> {
        self.values.check(item, cas)
    }

    /// Stores a checked value of the node `from`.
    ///
    /// # Errors
    /// A code and a text, as sent over the network.
    pub fn put(
        &mut self,
        item: Item,
        cas: Option<i64>,
        from: Address,
        now: u64,
    ) -> Result<(), Refusal> {
        self.values.put(Stored { item, id: self.id }, cas, Source::of(from), now)
    }

    /// Whether other machines can reach this one at `ip`.
    pub fn is_own(&mut self, ip: [u8; 4]) -> bool {
        self.own_addresses.contains(ip)
    }

    /// At most `count` services of this machine that the API announced.
    pub fn of_this_machine(&self, count: usize) -> Vec<(Vec<u8>, Address)> {
        self.announces.of_this_machine(count)
    }

    /// Whether a service of this machine is still announced.
    pub fn has_here(&self, key: &[u8], address: Address) -> bool {
        self.announces.has_here(key, address)
    }

    /// All announced addresses.
    pub fn services(&self, now: u64) -> Services {
        self.announces.services(now)
    }

    /// Number of stored values.
    pub fn values(&self) -> usize {
        self.values.len()
    }
}

/// What becomes of an announce of a named address.
enum Named {
    Done(Result<Outcome, Failure>),
    /// The address is this machine's: the announce is also sent to other nodes.
    Here(Command),
}

/// Whether a client of the API may announce an address. A program of this machine may announce any.
/// Another machine may announce the address that its connection comes from: so nobody sends the
/// callers of a service to a third host.
fn may_announce(client: Source, address: Address) -> bool {
    match client {
        Source::Own | Source::Local => true,
        Source::Client([0, 0, 0, 0, ip @ ..]) => ip == address.ip,
        Source::Client(_) | Source::Host(_) => false,
    }
}
