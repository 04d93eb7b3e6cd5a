//! The pending commands: their walks and stores, by number. [`poll`](Operations::poll) returns their
//! steps one by one, and [`Core`](super::Core) carries them out.

use super::{
    Address, Id, Source,
    hash::HashMap,
    krpc::Query,
    load::Load,
    store::{self, Store, StoreEnd},
    transactions::Purpose,
    walk::{self, Goal, Walk, Walked},
};
use std::{
    borrow::Cow,
    cmp::Reverse,
    collections::{BinaryHeap, VecDeque},
};

/// The walks and stores.
#[derive(Debug, Default)]
pub(super) struct Operations {
    walks: HashMap<u64, Walk>,
    /// The walks that equal lookups and announces share. Names may be long.
    by_name: std::collections::HashMap<Vec<u8>, u64>,
    stores: HashMap<u64, Store>,
    last_number: u64,
    /// When walks and stores are polled again, by their numbers; they may have ended before.
    alarms: BinaryHeap<Reverse<(u64, u64)>>,
    load: Load,
    /// Numbers of those that may have a step.
    ready: VecDeque<u64>,
    /// Steps of those that have ended early.
    ended: VecDeque<Step<'static>>,
}

/// Something to be done.
#[derive(Debug)]
pub(super) enum Step<'a> {
    /// Send a query, or report with [`Operations::failed`] that it cannot be sent.
    Ask { to: (Address, Option<Id>), purpose: Purpose, query: Cow<'a, Query> },
    /// An address does not answer.
    Silent(Address),
    /// A walk has ended.
    Walked(Walked),
    /// A store has ended.
    Stored(StoreEnd),
    /// This command has ended in favour of others.
    Busy(Option<u64>),
}

impl Operations {
    /// The running walk to the name `key`.
    pub fn walk_to(&self, key: &[u8]) -> Option<u64> {
        self.by_name.get(key).copied()
    }

    /// Adds a command to a running walk.
    pub fn share_walk(&mut self, number: u64, goal: Goal) {
        let Some(walk) = self.walks.get_mut(&number) else { return };
        self.load.remove(walk.client(), walk.cost());
        walk.add(goal);
        self.load.add(walk.client(), walk.cost());
    }

    /// Starts a walk, and returns its number.
    pub fn start_walk(&mut self, walk: Walk) -> u64 {
        let number = self.next_number();
        if let Query::GetPeers(key) = walk.query() {
            self.by_name.insert(key.clone(), number);
        }
        self.load.add(walk.client(), walk.cost());
        self.walks.insert(number, walk);
        number
    }

    /// Starts a store.
    pub fn start_store(&mut self, store: Store) {
        let number = self.next_number();
        self.load.add(store.client(), store.cost());
        self.stores.insert(number, store);
    }

    fn next_number(&mut self) -> u64 {
        self.last_number += 1;
        self.ready.push_back(self.last_number);
        self.last_number
    }

    /// A running walk that a node answered; it is polled again.
    pub fn walk(&mut self, number: u64) -> Option<&mut Walk> {
        // It may have ended without this answer.
        let walk = self.walks.get_mut(&number)?;
        self.ready.push_back(number);
        Some(walk)
    }

    /// Whether a walk is running.
    pub fn has_walk(&self, number: u64) -> bool {
        self.walks.contains_key(&number)
    }

    /// A node accepted a store.
    pub fn accepted(&mut self, number: u64, from: Address) {
        if let Some(store) = self.stores.get_mut(&number) {
            store.accepted(from);
            self.ready.push_back(number);
        }
    }

    /// A query got no reply, or an error with this code and text, or could not be sent.
    pub fn failed(&mut self, purpose: Purpose, to: Address, refusal: Option<(i64, String)>) {
        match purpose {
            Purpose::Ping | Purpose::Verify => {}
            Purpose::Walk(number) => {
                if let Some(walk) = self.walk(number) {
                    walk.failed(to);
                }
            }
            Purpose::Store(number) => {
                if let Some(store) = self.stores.get_mut(&number) {
                    store.failed(to, refusal);
                    self.ready.push_back(number);
                }
            }
        }
    }

    /// Walks and stores whose alarm is due are polled again.
    pub fn handle_timeout(&mut self, now: u64) {
        while let Some(Reverse((at, number))) = self.alarms.peek().copied()
            && at <= now
        {
            self.alarms.pop();
            self.ready.push_back(number);
        }
    }

    /// When [`handle_timeout`](Self::handle_timeout) has something to do.
    pub fn timeout(&self) -> u64 {
        self.alarms.peek().map_or(u64::MAX, |Reverse((at, _))| *at)
    }

    /// The next step, if there is one now.
    pub fn poll(&mut self, now: u64) -> Option<Step<'_>> {
        loop {
            if let Some(step) = self.ended.pop_front() {
                return Some(step);
            }
            let number = *self.ready.front()?;
            if let Some(walk) = self.walks.get_mut(&number) {
                match walk.poll(now) {
                    walk::Step::Ask(address, id) => {
                        let query = Cow::Borrowed(self.walks.get(&number)?.query());
                        let purpose = Purpose::Walk(number);
                        return Some(Step::Ask { to: (address, id), purpose, query });
                    }
                    walk::Step::Silent(address) => return Some(Step::Silent(address)),
                    walk::Step::Wait(alarm) => self.wait(number, alarm),
                    walk::Step::Done => self.end_walk(number, false),
                }
            } else if let Some(store) = self.stores.get_mut(&number) {
                match store.poll(now) {
                    store::Step::Ask(address, id, query) => {
                        let (to, purpose) = ((address, Some(id)), Purpose::Store(number));
                        return Some(Step::Ask { to, purpose, query: Cow::Owned(query) });
                    }
                    store::Step::Wait(alarm) => self.wait(number, alarm),
                    store::Step::Done => self.end_store(number),
                }
            } else {
                self.ready.pop_front();
            }
        }
    }

    fn wait(&mut self, number: u64, alarm: Option<u64>) {
        self.ready.pop_front();
        self.alarms.extend(alarm.map(|at| Reverse((at, number))));
    }

    fn end_walk(&mut self, number: u64, is_given_up: bool) {
        let Some(walk) = self.walks.remove(&number) else { return };
        self.load.remove(walk.client(), walk.cost());
        if let Query::GetPeers(key) = walk.query() {
            self.by_name.remove(key);
        }
        self.ended.push_back(Step::Walked(walk.end(is_given_up)));
    }

    fn end_store(&mut self, number: u64) {
        let Some(store) = self.stores.remove(&number) else { return };
        self.load.remove(store.client(), store.cost());
        self.ended.push_back(Step::Stored(store.end()));
    }

    /// The lookup or get `op`, which waits for this walk, was given up. The walk ends if nothing
    /// else waits for it.
    pub fn abandon(&mut self, number: u64, op: u64) {
        if self.walks.get_mut(&number).is_some_and(|walk| walk.remove(op)) {
            self.end_walk(number, true);
        }
    }

    /// Something of `client` was started: if the budget is exceeded, ends the oldest commands of the
    /// client that has the most.
    pub fn enforce_budget(&mut self, client: Source) {
        while let Some((greediest, count)) = self.load.greediest(client) {
            let walks = self.walks.iter().filter(|(_, walk)| walk.client() == greediest);
            let stores = self.stores.iter().filter(|(_, store)| store.client() == greediest);
            let mut numbers: Vec<_> =
                walks.map(|(number, _)| *number).chain(stores.map(|(number, _)| *number)).collect();
            numbers.sort_unstable();
            for number in numbers.into_iter().take(count) {
                if let Some(store) = self.stores.remove(&number) {
                    self.load.remove(greediest, store.cost());
                    self.ended.push_back(Step::Busy(store.op()));
                } else {
                    self.end_commands(number, greediest);
                }
            }
        }
    }

    /// Ends the commands of a client that wait for a walk. The walk goes on for other clients, and is
    /// charged to them.
    fn end_commands(&mut self, number: u64, client: Source) {
        let Some(walk) = self.walks.get_mut(&number) else { return };
        let ended = walk.remove_client(client);
        if walk.client() == client {
            self.end_walk(number, true);
        } else {
            self.load.remove(client, walk.cost());
            self.load.add(walk.client(), walk.cost());
        }
        self.ended.extend(ended.into_iter().map(Step::Busy));
    }
}
