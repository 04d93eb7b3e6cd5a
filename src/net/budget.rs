//! The memory limit of all connections of one peer together, and which of them is closed above it.
//!
//! A connection reports its share when it changes by a [`GRAIN`](config::BUDGET_GRAIN): incomplete
//! messages, unread output, and memory that JavaScript keeps for it. Small traffic never reaches a
//! grain, so it costs nothing.

use crate::config;
use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError, Weak,
    atomic::{AtomicU64, AtomicUsize, Ordering},
};

/// The budget of the connections of one peer.
#[derive(Debug, Default)]
pub struct Budget {
    /// Bytes; 0 is unlimited.
    limit: usize,
    used: AtomicUsize,
    /// Part of that for closed connections.
    abandoned: AtomicUsize,
    members: Mutex<Members>,
}

/// A connection that may be closed to free its memory.
pub(super) trait Holder: Send + Sync {
    /// Its part of the budget.
    fn share(&self) -> &Share;

    /// Closes it and drops its data: the memory is needed for others.
    fn give_up(&self);
}

#[derive(Debug, Default)]
struct Members {
    all: Vec<Weak<dyn Holder>>,
    /// How many may be registered before closed ones are removed.
    room: usize,
}

/// Kinds of memory that a connection holds.
#[derive(Clone, Copy, Debug)]
pub(super) enum Held {
    /// Its upgrade request, for as long as it lives.
    Head,
    /// An incomplete message.
    Message,
    /// Output that the other side has not read.
    Output,
    /// Memory that JavaScript keeps for it: unanswered requests.
    Requests,
}

/// The kinds of [`Held`].
const KINDS: usize = 4;

/// One connection's part of a budget.
#[derive(Debug)]
pub(super) struct Share {
    budget: Arc<Budget>,
    parts: [AtomicUsize; KINDS],
    /// When it fell last, or rose from zero, in ms on the hub's clock.
    since: AtomicU64,
}

impl Budget {
    /// A budget of `limit` bytes; 0 is unlimited.
    pub fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self { limit, ..Self::default() })
    }

    /// Most bytes that a single message may cost when it is parsed.
    pub(super) fn message_limit(&self) -> usize {
        if self.limit == 0 { usize::MAX } else { self.limit }
    }

    /// Counts bytes that belong to no single connection: JavaScript keeps the joined replies of
    /// several. False: there is no room, and they are not counted.
    pub fn take(&self, bytes: usize) -> bool {
        let before = self.used.fetch_add(bytes, Ordering::Relaxed);
        let fits = self.limit == 0 || before.saturating_add(bytes) <= self.limit;
        if !fits {
            self.give_back(bytes);
        }
        fits
    }

    /// Frees such bytes.
    pub fn give_back(&self, bytes: usize) {
        self.used.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Registers a connection as one that may be closed for memory.
    pub(super) fn admit<H: Holder + 'static>(&self, holder: &Arc<H>) {
        if self.limit == 0 {
            return;
        }
        let member: Weak<dyn Holder> = Arc::downgrade(holder) as _;
        let mut members = self.lock();
        if members.all.len() >= members.room {
            members.all.retain(|member| member.strong_count() > 0);
            members.room = 2 * members.all.len() + 64;
        }
        members.all.push(member);
    }

    /// Sets the bytes kept for closed connections. A part of the budget stays reserved for open
    /// ones: closed connections cannot be closed again, and the open ones must not pay for them
    /// alone.
    pub fn abandoned(&self, bytes: usize) {
        let bytes = bytes.min(self.limit - self.limit / config::BUDGET_FOR_THE_LIVING);
        let before = self.abandoned.swap(bytes, Ordering::Relaxed);
        // Wraps around for a decrease, as the counter does.
        self.used.fetch_add(bytes.wrapping_sub(before), Ordering::Relaxed);
    }

    /// The budget is exceeded: closes the connections that hold much and have freed nothing for
    /// long, until there is some room. A connection that makes progress outlives one that only
    /// grows.
    fn relieve(&self, now: u64) {
        let open: Vec<_> = self.lock().all.iter().filter_map(Weak::upgrade).collect();
        // Outside of the lock from here on: a closed connection may drop the last reference to
        // others.
        let mut holders: Vec<_> = open
            .into_iter()
            .map(|holder| (holder.share().weight(now), holder))
            .filter(|(weight, _)| *weight > 0)
            .collect();
        holders.sort_unstable_by_key(|(weight, _)| std::cmp::Reverse(*weight));
        let wanted = self.limit / 8 * 7;
        for (_, holder) in holders {
            if self.used.load(Ordering::Relaxed) <= wanted {
                return;
            }
            holder.share().clear();
            holder.give_up();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Members> {
        self.members.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Share {
    pub fn of(budget: Arc<Budget>) -> Self {
        Self { budget, parts: Default::default(), since: AtomicU64::new(0) }
    }

    pub fn budget(&self) -> &Arc<Budget> {
        &self.budget
    }

    /// Sets the bytes of this kind that the connection holds. Call without the connection's lock:
    /// it, or another one, may have to be closed.
    pub fn set(&self, kind: Held, bytes: usize, now: u64) {
        let part = &self.parts[kind as usize];
        let before = part.load(Ordering::Relaxed);
        // Usually both are zero.
        if before / config::BUDGET_GRAIN == bytes / config::BUDGET_GRAIN {
            return;
        }
        let bytes = bytes / config::BUDGET_GRAIN * config::BUDGET_GRAIN;
        // Another thread may have set it meanwhile: only this thread's change is added.
        let before = part.swap(bytes, Ordering::Relaxed);
        let used = &self.budget.used;
        if bytes < before {
            self.since.store(now, Ordering::Relaxed);
            used.fetch_sub(before - bytes, Ordering::Relaxed);
            return;
        }
        if before == 0 && self.bytes() == bytes {
            self.since.store(now, Ordering::Relaxed);
        }
        let all = used.fetch_add(bytes - before, Ordering::Relaxed) + bytes - before;
        if self.budget.limit > 0 && all > self.budget.limit {
            self.budget.relieve(now);
        }
    }

    fn clear(&self) {
        let bytes: usize = self.parts.iter().map(|part| part.swap(0, Ordering::Relaxed)).sum();
        self.budget.used.fetch_sub(bytes, Ordering::Relaxed);
    }

    fn bytes(&self) -> usize {
        self.parts.iter().map(|part| part.load(Ordering::Relaxed)).sum()
    }

    /// Bytes times the milliseconds since any were freed.
    fn weight(&self, now: u64) -> u128 {
        let time = now.saturating_sub(self.since.load(Ordering::Relaxed)) + 1;
        self.bytes() as u128 * u128::from(time)
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicBool;

    const MIB: usize = 1024 * 1024;

    struct Connection {
        share: Share,
        closed: AtomicBool,
    }

    impl Holder for Connection {
        fn share(&self) -> &Share {
            &self.share
        }

        fn give_up(&self) {
            self.closed.store(true, Ordering::Relaxed);
        }
    }

    impl Connection {
        fn in_budget(budget: &Arc<Budget>) -> Arc<Self> {
            let share = Share::of(budget.clone());
            let conn = Arc::new(Self { share, closed: AtomicBool::new(false) });
            budget.admit(&conn);
            conn
        }

        fn hold(&self, kind: Held, bytes: usize) {
            self.share.set(kind, bytes, 0);
        }

        fn has_given_up(&self) -> bool {
            self.closed.load(Ordering::Relaxed)
        }
    }

    #[test]
    fn who_holds_most_for_longest_goes_and_makes_room() {
        let budget = Budget::new(8 * MIB);
        let [idle, stalled, lively] = [(); 3].map(|()| Connection::in_budget(&budget));
        stalled.share().set(Held::Message, 3 * MIB, 0);
        for now in (0..10_000).step_by(10) {
            lively.share().set(Held::Message, 4 * MIB, now);
            lively.share().set(Held::Message, 0, now + 5);
        }
        lively.share().set(Held::Message, 4 * MIB, 10_000);
        assert!(!stalled.has_given_up(), "all fits");
        idle.share().set(Held::Output, 2 * MIB, 10_000);
        assert!(stalled.has_given_up() && !lively.has_given_up() && !idle.has_given_up());
        assert_eq!(budget.used.load(Ordering::Relaxed), 6 * MIB);
    }

    #[test]
    fn who_takes_a_little_all_the_time_is_not_young() {
        let budget = Budget::new(8 * MIB);
        let [greedy, honest] = [(); 2].map(|()| Connection::in_budget(&budget));
        for step in 0..1_000 {
            greedy.share().set(
                Held::Message,
                6 * MIB + step * config::BUDGET_GRAIN / 4,
                step as u64,
            );
        }
        honest.share().set(Held::Requests, MIB, 900);
        greedy.share().set(Held::Message, 8 * MIB, 1_000);
        assert!(greedy.has_given_up() && !honest.has_given_up());
    }

    #[test]
    fn all_kinds_count_and_the_end_gives_all_back() {
        let budget = Budget::new(100 * MIB);
        let one = Connection::in_budget(&budget);
        for (kind, mib) in
            [(Held::Head, 1), (Held::Message, 2), (Held::Output, 4), (Held::Requests, 8)]
        {
            one.hold(kind, mib * MIB);
        }
        one.hold(Held::Message, MIB);
        one.hold(Held::Output, 4 * MIB + 100);
        assert_eq!(budget.used.load(Ordering::Relaxed), 14 * MIB);
        drop(one);
        assert_eq!(budget.used.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn what_is_kept_for_those_who_are_gone_leaves_room_for_the_others() {
        let budget = Budget::new(8 * MIB);
        let one = Connection::in_budget(&budget);
        for (mib, counted) in [(2, 2), (1, 1), (100, 6), (6, 6)] {
            budget.abandoned(mib * MIB);
            assert_eq!(budget.used.load(Ordering::Relaxed), counted * MIB);
        }
        one.share().set(Held::Message, 2 * MIB, 0);
        assert!(!one.has_given_up());
        one.share().set(Held::Message, 3 * MIB, 0);
        assert!(one.has_given_up());
        budget.abandoned(0);
        assert_eq!(budget.used.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn what_is_no_connections_counts_while_there_is_room() {
        let budget = Budget::new(8 * MIB);
        let one = Connection::in_budget(&budget);
        one.hold(Held::Message, 4 * MIB);
        assert!(budget.take(3 * MIB) && !budget.take(2 * MIB) && budget.take(MIB));
        assert_eq!(budget.used.load(Ordering::Relaxed), 8 * MIB);
        budget.give_back(4 * MIB);
        assert!(budget.take(4 * MIB) && !one.has_given_up());
        assert!(Budget::new(0).take(usize::MAX / 2));
    }

    #[test]
    fn connections_that_are_gone_are_forgotten() {
        let budget = Budget::new(MIB);
        for _ in 0..1_000 {
            let _ = Connection::in_budget(&budget);
        }
        assert!(budget.lock().all.len() <= 64);
    }

    #[test]
    fn without_a_limit_nobody_goes() {
        let budget = Budget::new(0);
        let one = Connection::in_budget(&budget);
        one.hold(Held::Message, usize::MAX / 2);
        assert!(!one.has_given_up());
        assert_eq!(budget.message_limit(), usize::MAX);
    }
}
