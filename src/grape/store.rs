//! A store: the second half of an announce, an unannounce or a put, which sends it to the nodes that
//! a walk found. A state machine whose steps [`Operations`](super::operations::Operations) carries
//! out.

use super::{
    Address, Command, Failure, Holder, Id, Outcome, Source,
    command::Job,
    directory::StoredHere,
    krpc::{Announcement, PutQuery, Query, code},
};
use crate::config::grape as config;
use std::collections::VecDeque;

/// A running store.
#[derive(Debug)]
pub(super) struct Store {
    job: Job,
    /// Its nodes come from a walk of its own, so that another walk would find no better ones.
    is_fresh: bool,
    /// Nodes that are to be queried.
    waiting: VecDeque<Holder>,
    /// Nodes that have not answered so far.
    missing: Vec<Address>,
    here: StoredHere,
    /// After this time it ends as soon as one node accepted it, or this node stores it: a node that
    /// never accepts anything, or died since the walk, does not delay it any longer.
    until: u64,
    has_alarm: bool,
    /// How many nodes accepted it.
    accepted: usize,
    refusal: Option<(i64, String)>,
}

/// What a store needs next.
#[derive(Debug)]
pub(super) enum Step {
    /// Send this query to a node.
    Ask(Address, Id, Query),
    /// Wait for replies. At this time it is to be polled again; `None` if an earlier alarm does.
    Wait(Option<u64>),
    /// Nothing: it has ended.
    Done,
}

/// A store that has ended.
#[derive(Debug)]
pub(super) struct StoreEnd {
    pub job: Job,
    /// How many nodes accepted it.
    pub accepted: usize,
    /// Nodes that did not answer, if none accepted it.
    pub silent: Vec<Address>,
    /// Its result; `None` if another walk may find better nodes.
    pub result: Option<Result<Outcome, Failure>>,
}

impl Store {
    /// Sends `job` to `holders`, which a walk for this command found if it `is_fresh`. `here` is what
    /// this node itself stores of it.
    pub fn new(
        job: Job,
        mut holders: Vec<Holder>,
        is_fresh: bool,
        here: StoredHere,
        now: u64,
    ) -> Self {
        // Another walk would find no nodes either.
        let is_fresh = is_fresh || holders.is_empty();
        // The original does not answer an unannounce.
        if matches!(job.command, Command::Unannounce { .. }) {
            holders.retain(|holder| holder.ours);
        }
        Self {
            job,
            is_fresh,
            waiting: holders.into(),
            missing: Vec::new(),
            here,
            until: now + config::HOLD_MS,
            has_alarm: false,
            accepted: 0,
            refusal: None,
        }
    }

    /// The client that it is charged to.
    pub fn client(&self) -> Source {
        self.job.client
    }

    /// Bytes that it holds.
    pub fn cost(&self) -> usize {
        self.job.command.cost()
    }

    /// The number of its command.
    pub fn op(&self) -> Option<u64> {
        self.job.op
    }

    /// A node accepted it.
    pub fn accepted(&mut self, from: Address) {
        self.settle(from);
        self.accepted += 1;
    }

    /// A node did not answer, or sent an error with this code and text, or the query could not be
    /// sent.
    pub fn failed(&mut self, address: Address, refusal: Option<(i64, String)>) {
        self.settle(address);
        // Only these errors are relevant to the caller.
        if let Some((code::CAS_MISMATCH | code::SEQ_NOT_NEWER, _)) = refusal {
            self.refusal = refusal;
        }
    }

    fn settle(&mut self, address: Address) {
        if let Some(at) = self.missing.iter().position(|missing| *missing == address) {
            self.missing.swap_remove(at);
        }
    }

    /// The next step.
    pub fn poll(&mut self, now: u64) -> Step {
        if let Some(holder) = self.waiting.pop_front() {
            self.missing.push(holder.address);
            let query = query(&self.job.command, holder.token);
            return Step::Ask(holder.address, holder.id, query);
        }
        let is_enough = self.accepted > 0 || self.here.is_stored;
        if self.missing.is_empty() || (is_enough && now >= self.until) {
            return Step::Done;
        }
        let alarm = (!self.has_alarm).then_some(self.until);
        self.has_alarm = true;
        Step::Wait(alarm)
    }

    /// Ends it.
    pub fn end(self) -> StoreEnd {
        let result = self.result();
        let Self { job, accepted, missing, .. } = self;
        let silent = if accepted == 0 { missing } else { Vec::new() };
        StoreEnd { job, accepted, silent, result }
    }

    fn result(&self) -> Option<Result<Outcome, Failure>> {
        let command = &self.job.command;
        let is_unannounce = matches!(command, Command::Unannounce { .. });
        let nodes = match (self.accepted, self.refusal.as_ref().or(self.here.refusal.as_ref())) {
            (0, Some((code, text))) => {
                return Some(Err(Failure::Refused { code: *code, text: text.clone() }));
            }
            // Tokens may have expired, or nodes left, since the walk that found them.
            (0, None) if !self.is_fresh && !is_unannounce => return None,
            // This node counts if no other one accepted it.
            (0, None) => usize::from(self.here.is_stored),
            (accepted, _) => accepted,
        };
        Some(match command {
            Command::Unannounce { .. } => Ok(Outcome::Stored(nodes)),
            _ if nodes == 0 => Err(Failure::AllFailed),
            Command::Put { item, .. } => Ok(Outcome::Put(item.target())),
            _ => Ok(Outcome::Stored(nodes)),
        })
    }
}

/// The query to a node whose token this is.
fn query(command: &Command, token: Vec<u8>) -> Query {
    let announcement = |key: &[u8], port: u16, token| Announcement {
        key: key.to_vec(),
        port: (port != 0).then_some(port),
        token,
    };
    match command {
        Command::Announce { key, port } => Query::AnnouncePeer(announcement(key, *port, token)),
        Command::Unannounce { key, port } => Query::UnannouncePeer(announcement(key, *port, token)),
        Command::Put { item, cas } => Query::Put(Box::new(PutQuery {
            token,
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

#[cfg(test)]
mod tests {
    use super::*;

    fn holder(port: u16, ours: bool) -> Holder {
        let address = Address { ip: [10, 0, 0, 1], port };
        Holder { id: Id([port as u8; Id::BYTES]), address, token: b"token".to_vec(), ours }
    }

    fn store(command: Command, is_stored: bool) -> Store {
        let job = Job { op: Some(1), client: Source::Own, command };
        let here = StoredHere { is_stored, refusal: None };
        Store::new(job, vec![holder(1, true), holder(2, false)], false, here, 0)
    }

    fn announce() -> Command {
        Command::Announce { key: b"a".to_vec(), port: 1337 }
    }

    /// The addresses that it asks before it waits or ends, and whether it has ended.
    fn asked(store: &mut Store, now: u64) -> (Vec<Address>, bool) {
        let mut asked = Vec::new();
        loop {
            match store.poll(now) {
                Step::Ask(address, ..) => asked.push(address),
                Step::Wait(_) => return (asked, false),
                Step::Done => return (asked, true),
            }
        }
    }

    #[test]
    fn it_waits_for_the_last_node_for_a_limited_time() {
        let mut store = store(announce(), false);
        let (one, two) = (holder(1, true).address, holder(2, true).address);
        assert_eq!(asked(&mut store, 0), (vec![one, two], false));
        store.accepted(one);
        assert_eq!(asked(&mut store, config::HOLD_MS - 1), (Vec::new(), false));
        assert_eq!(asked(&mut store, config::HOLD_MS), (Vec::new(), true));
        assert_eq!(store.end().result, Some(Ok(Outcome::Stored(1))));
    }

    #[test]
    fn nodes_that_all_fail_are_silent_and_another_walk_is_needed() {
        let mut store = store(announce(), true);
        let (one, two) = (holder(1, true).address, holder(2, true).address);
        asked(&mut store, 0);
        store.failed(one, None);
        assert_eq!(asked(&mut store, config::HOLD_MS), (Vec::new(), true));
        let end = store.end();
        assert_eq!((end.silent, end.result), (vec![two], None));
    }

    #[test]
    fn an_unannounce_is_sent_to_nodes_that_know_it() {
        let unannounce = Command::Unannounce { key: b"a".to_vec(), port: 1337 };
        let mut store = store(unannounce, true);
        assert_eq!(asked(&mut store, 0).0, [holder(1, true).address]);
        store.failed(holder(1, true).address, Some((code::SERVER, "202 text".into())));
        assert!(asked(&mut store, 0).1);
        assert_eq!(store.end().result, Some(Ok(Outcome::Stored(1))));
    }
}
