//! The pending queries of a walk, and how long the walk waits for each.

use crate::{
    config::grape as config,
    grape::{Address, hash::HashMap},
};

/// A pending query.
#[derive(Debug)]
struct Query {
    address: Address,
    /// Until when it counts as in flight.
    in_flight_until: u64,
    /// Until when the walk waits for it though there are enough others.
    late_at: u64,
    is_late: bool,
    /// Its node was silent lately.
    is_doubtful: bool,
    /// Its node was already reported as silent.
    is_reported: bool,
    /// Until when the walk goes on for it.
    until: u64,
}

/// The pending queries.
#[derive(Debug, Default)]
pub(super) struct Pending {
    queries: Vec<Query>,
    /// Those of them that are not late.
    in_flight: usize,
    /// When each host was queried first. From then the walk goes on for the host's nodes, and for
    /// those that they name, for a limited time: so a host cannot prolong it by naming one late
    /// node after another.
    since: HashMap<Address, u64>,
}

/// A query that became late.
#[derive(Clone, Copy, Debug)]
pub(super) struct Late {
    pub address: Address,
    /// Its node was only named by another one, and may not exist.
    pub is_early: bool,
}

impl Pending {
    /// Number of queries in flight.
    pub fn in_flight(&self) -> usize {
        self.in_flight
    }

    /// Whether the query to an address is late; `None` if there is none.
    pub fn is_late(&self, address: Address) -> Option<bool> {
        let query = self.queries.iter().find(|query| query.address == address);
        query.map(|query| query.is_late)
    }

    /// Until when the walk goes on for a node that is queried now, and that the host `by` named.
    pub fn until(&self, address: Address, by: Option<Address>, now: u64) -> u64 {
        let since = |host| self.since.get(&host).copied().unwrap_or(now);
        since(address.group()).min(by.map_or(now, since)) + config::HOLD_MS
    }

    /// A node is queried, which the host `by` named.
    pub fn add(&mut self, address: Address, by: Option<Address>, now: u64) {
        self.in_flight += 1;
        let until = self.until(address, by, now);
        let late_at = until.min(now + config::LATE_MS);
        self.queries.push(Query {
            address,
            in_flight_until: if by.is_some() {
                late_at.min(now + config::WARY_MS)
            } else {
                late_at
            },
            late_at,
            is_late: false,
            is_doubtful: false,
            is_reported: false,
            until,
        });
        self.since.entry(address.group()).or_insert(now);
    }

    /// A node that was silent lately is queried.
    pub fn add_doubtful(&mut self, address: Address, now: u64) {
        self.queries.push(Query {
            address,
            in_flight_until: now,
            late_at: now,
            is_late: true,
            is_doubtful: true,
            is_reported: true,
            until: now + config::WARY_MS,
        });
    }

    /// The walk does not go on for the latest query.
    pub fn do_not_wait_for_last(&mut self, now: u64) {
        if let Some(query) = self.queries.last_mut() {
            query.until = now;
        }
    }

    /// A query got a reply or failed.
    pub fn remove(&mut self, address: Address) {
        let at = self.queries.iter().position(|query| query.address == address);
        if let Some(at) = at
            && !self.queries.swap_remove(at).is_late
        {
            self.in_flight -= 1;
        }
    }

    /// The next query that became late, each once: it makes room for another.
    pub fn next_late(&mut self, now: u64) -> Option<Late> {
        let mut queries = self.queries.iter_mut();
        let query = queries.find(|query| !query.is_late && query.in_flight_until <= now)?;
        query.is_late = true;
        self.in_flight -= 1;
        let is_early = query.in_flight_until < query.late_at;
        Some(Late { address: query.address, is_early })
    }

    /// The next node whose query has been pending for [`config::LATE_MS`], each once.
    pub fn next_silent(&mut self, now: u64) -> Option<Address> {
        let mut queries = self.queries.iter_mut();
        let query = queries.find(|query| !query.is_reported && query.late_at <= now)?;
        query.is_reported = true;
        Some(query.address)
    }

    /// When the walk has to be continued if no node answers before, after answers of this many
    /// hosts; `None` if there is no node to wait for.
    ///
    /// As long as no node answers, the walk waits for all; with enough answers, for none that is
    /// late. It does not wait for nodes that were silent lately, unless they are the majority: then
    /// it was this node whose queries were lost. When no other nodes are left, each lookup would
    /// wait for the dead ones again: they get the time that the farthest node needs.
    pub fn wake_at(&self, answers: usize, now: u64) -> Option<u64> {
        let doubtful = self.queries.iter().filter(|query| query.is_doubtful).count();
        let doubted_until = |query: &Query| {
            if answers == 0 { query.late_at + config::LATE_MS } else { query.until }
        };
        let is_awaited = |query: &&Query| match answers {
            _ if query.is_doubtful => doubtful > answers && doubted_until(query) > now,
            0 => true,
            config::K.. => query.late_at > now,
            _ => query.until > now,
        };
        let next = |query: &Query| {
            if query.is_doubtful {
                return doubted_until(query);
            }
            let times = [query.in_flight_until, query.late_at, query.until].into_iter();
            times.filter(|time| *time > now).min().unwrap_or(u64::MAX)
        };
        self.queries.iter().filter(is_awaited).map(next).min()
    }
}
