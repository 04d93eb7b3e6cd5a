//! The second half of announces and puts: sending them to the nodes that a walk found.

use super::{
    Address, Command, Core, Failure, Holder, Outcome, Stored,
    core::cost_of,
    krpc::{Announcement, PutQuery, Query, code},
    load::Job,
    operation::Purpose,
    republish::NOBODY,
};
use crate::config::grape as config;
use std::cmp::Reverse;

/// A pending store.
#[derive(Debug)]
pub(super) struct Store {
    pub job: Job,
    /// Its nodes come from a walk of its own, so that another walk would find no better ones.
    fresh: bool,
    /// Nodes that have not answered so far.
    missing: Vec<Address>,
    /// Whether this node keeps it, which counts if no other node accepted it.
    kept: bool,
    /// After this time it ends as soon as one node accepted it, or this node keeps it: a node that
    /// never accepts anything, or died since the walk, does not delay it any longer.
    until: u64,
    taken: usize,
    refusal: Option<(i64, String)>,
    pub cost: usize,
}

impl Store {
    fn is_enough(&self) -> bool {
        self.taken > 0 || self.kept
    }
}

impl Core {
    /// Sends a command to the nodes that are to store it.
    pub(super) fn store(&mut self, job: Job, holders: Vec<Holder>, fresh: bool) {
        let (kept, refusal) = self.store_here(&job, holders.is_empty());
        let number = self.number();
        let cost = cost_of(&job.command);
        let until = self.now + config::HOLD_MS;
        let mut store =
            Store { job, fresh, missing: Vec::new(), kept, until, taken: 0, refusal, cost };
        for holder in &holders {
            // The original does not answer an unannounce.
            if matches!(store.job.command, Command::Unannounce { .. }) && !holder.ours {
                continue;
            }
            let query = self.store_query(&store.job.command, holder);
            let to = (holder.address, Some(holder.id));
            if self.query(to, Purpose::Store(number), &query) {
                store.missing.push(holder.address);
            }
        }
        if !store.missing.is_empty() {
            self.load.add(store.job.who, store.cost);
            self.stores.insert(number, store);
            self.alarms.push(Reverse((until, number)));
            return;
        }
        // Another walk would find no nodes either.
        store.fresh |= holders.is_empty();
        self.finish_store(store);
    }

    /// A node answered a store's query: it accepted it, or there is an error, with the node's text.
    pub(super) fn stored(
        &mut self,
        number: u64,
        from: Address,
        failure: Option<Option<(i64, String)>>,
    ) {
        let Some(store) = self.stores.get_mut(&number) else { return };
        if let Some(at) = store.missing.iter().position(|missing| *missing == from) {
            store.missing.swap_remove(at);
        }
        match failure {
            None => store.taken += 1,
            // Only these errors are relevant to the caller.
            Some(Some((code @ (code::CAS_MISMATCH | code::SEQ_NOT_NEWER), text))) => {
                store.refusal = Some((code, text));
            }
            Some(_) => {}
        }
        if store.missing.is_empty() || (store.is_enough() && self.now >= store.until) {
            self.end_store(number);
        }
    }

    /// A store's time limit has passed.
    pub(super) fn hurry_store(&mut self, number: u64) {
        if self.stores.get(&number).is_some_and(Store::is_enough) {
            self.end_store(number);
        }
    }

    fn end_store(&mut self, number: u64) {
        if let Some(store) = self.stores.remove(&number) {
            self.load.remove(store.job.who, store.cost);
            // The next walk, if no node accepted it, need not find that out by itself.
            if store.taken == 0 {
                for address in &store.missing {
                    self.silent.insert(*address, (), 0);
                }
            }
            self.finish_store(store);
        }
    }

    fn finish_store(&mut self, store: Store) {
        let Store { job, fresh, kept, taken, refusal, .. } = store;
        self.note_announce(&job.command, taken);
        let result = match (taken, refusal) {
            (0, Some((code, text))) => Err(Failure::Refused { code, text }),
            // Tokens may have expired, or nodes left, since the walk that found them.
            (0, None) if !fresh && !matches!(job.command, Command::Unannounce { .. }) => {
                self.nearest.remove(&key_of(&job.command));
                self.begin(job);
                return;
            }
            (0, None) => Ok(usize::from(kept)),
            _ => Ok(taken),
        };
        let result = result.and_then(|taken| match &job.command {
            Command::Unannounce { .. } => Ok(Outcome::Stored(taken)),
            _ if taken == 0 => Err(Failure::AllFailed),
            Command::Put { item, .. } => Ok(Outcome::Put(item.target())),
            _ => Ok(Outcome::Stored(taken)),
        });
        self.done(job.op, result);
    }

    /// Remembers an announce, so that an equal one shortly after need not be sent.
    fn note_announce(&mut self, command: &Command, taken: usize) {
        let (key, port, is_announce) = match command {
            Command::Announce { key, port } => (key, *port, true),
            Command::Unannounce { key, port } => (key, *port, false),
            _ => return,
        };
        let (now, since) = (self.now, self.same_since());
        let Some(nearest) = self.nearest.get_mut(key) else { return };
        nearest.announced.retain(|(other, at, _)| *other != port && *at > since);
        if is_announce && taken > 0 && nearest.announced.len() < config::SAME_PORTS {
            nearest.announced.push((port, now, taken));
        }
    }

    /// Stores at this node, for its own machine's commands: whether it does, or why not. A node
    /// that is `alone` stores signed values too, of which others may have newer ones.
    fn store_here(
        &mut self,
        Job { op, command, who }: &Job,
        alone: bool,
    ) -> (bool, Option<(i64, String)>) {
        match command {
            Command::Announce { key, port } => {
                let address = self.own_address(*port);
                // Without a host, only this machine can use this address; other machines know it by
                // another one.
                let here = self.options.host.is_none();
                // Only the service makes it last longer.
                if *op == NOBODY {
                    return (true, None);
                }
                let peers = if here { &mut self.local } else { &mut self.peers };
                peers.add(key, address, *who, self.now);
                if alone || !here {
                    self.tell_announce(key);
                }
                (true, None)
            }
            Command::Unannounce { key, port } => {
                let address = self.own_address(*port);
                if self.options.host.is_none() {
                    return (self.local.remove(key, address), None);
                }
                let known = self.peers.remove(key, address);
                self.forget_found(key, address);
                (known, None)
            }
            Command::Put { item, cas } if item.signed.is_none() || alone => {
                let stored = Stored { item: item.clone(), id: self.id };
                match self.values.put(stored, *cas, *who, self.now) {
                    Ok(()) => (true, None),
                    Err((code, text)) => (false, Some((code, format!("{code} {text}")))),
                }
            }
            _ => (false, None),
        }
    }

    /// The address under which this machine finds announces through this node.
    fn own_address(&self, port: u16) -> Address {
        let port = if port == 0 { self.options.port } else { port };
        Address { ip: self.options.host.unwrap_or([127, 0, 0, 1]), port }
    }

    fn store_query(&self, command: &Command, holder: &Holder) -> Query {
        let announcement = |key: &[u8], port: u16| Announcement {
            key: key.to_vec(),
            port: (port != 0).then_some(port),
            token: holder.token.clone(),
        };
        match command {
            Command::Announce { key, port } => Query::AnnouncePeer(announcement(key, *port)),
            Command::Unannounce { key, port } => Query::UnannouncePeer(announcement(key, *port)),
            Command::Put { item, cas } => Query::Put(Box::new(PutQuery {
                token: holder.token.clone(),
                v: item.v.clone(),
                signed: item.signed.clone(),
                cas: *cas,
            })),
            Command::Lookup(_)
            | Command::Get { .. }
            | Command::AnnounceAt { .. }
            | Command::UnannounceAt { .. } => Query::Ping,
        }
    }
}

/// The key under which a command's nodes are remembered.
fn key_of(command: &Command) -> Vec<u8> {
    match command {
        Command::Lookup(key)
        | Command::Announce { key, .. }
        | Command::Unannounce { key, .. }
        | Command::AnnounceAt { key, .. }
        | Command::UnannounceAt { key, .. } => key.clone(),
        Command::Put { item, .. } => item.target().0.to_vec(),
        Command::Get { target, .. } => target.clone(),
    }
}
