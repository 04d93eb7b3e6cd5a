//! The API's connections: the state of each, and which one is closed when there are too many.

use super::{message::Message, phase::Phase, source::Source};
use crate::{config::grape as config, grape};
use slab::Slab;
use std::{
    collections::HashMap,
    future::poll_fn,
    net::IpAddr,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    task::{Context, Poll},
    time::{Duration, Instant},
};
use tokio::{
    sync::{Notify, mpsc::UnboundedSender},
    task::AbortHandle,
    time::{sleep, timeout},
};

/// All connections.
#[derive(Clone, Debug)]
pub(super) struct Places(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    epoch: Instant,
    /// Most connections: the process may have too few descriptors for all.
    limit: usize,
    inbox: UnboundedSender<Message>,
    /// In ms since then, as of the last sweep: requests need no clock of their own.
    now: AtomicU64,
    /// Order in which connections became idle.
    order: AtomicU64,
    held: Mutex<Held>,
    freed: Notify,
}

#[derive(Debug, Default)]
struct Held {
    places: Slab<Arc<Place>>,
    /// Without those being recalled.
    by_source: HashMap<Source, usize>,
    /// Connections that get a 503 and are closed after it: they no longer count.
    recalled: usize,
}

/// One connection.
#[derive(Debug)]
pub(super) struct Place {
    all: Arc<Inner>,
    source: Source,
    /// A [`Phase`] in the upper byte, and since when.
    phase: AtomicU64,
    order: AtomicU64,
    /// The node's command for it.
    op: AtomicU64,
    /// Its request is ended, and it closes when that response is written.
    recalled: AtomicBool,
    /// Its next request waits until the previous response is written.
    waits: AtomicBool,
    task: OnceLock<AbortHandle>,
}

/// A place, until it is dropped.
#[derive(Debug)]
pub(super) struct Lease {
    pub place: Arc<Place>,
    key: usize,
}

const TIME_BITS: u32 = 56;

impl Places {
    /// For a process with this limit of descriptors; `inbox` ends the node's commands.
    pub fn new(inbox: UnboundedSender<Message>, descriptors: Option<usize>) -> Self {
        let for_api = |all: usize| {
            all.saturating_sub(config::API_DESCRIPTORS_KEPT).max(config::API_CONNECTIONS_LEAST)
        };
        Self(Arc::new(Inner {
            epoch: Instant::now(),
            limit: descriptors.map_or(usize::MAX, for_api).min(config::API_CONNECTIONS),
            inbox,
            now: AtomicU64::new(0),
            order: AtomicU64::new(0),
            held: Mutex::default(),
            freed: Notify::new(),
        }))
    }

    /// A place for a connection from there. When there are too many, the longest idle one is
    /// closed, or the oldest pending request of the source that has the most: a newcomer is always
    /// served.
    pub fn take(&self, ip: IpAddr) -> Lease {
        let source = Source::of(ip);
        let mut held = self.0.lock();
        let own = held.by_source.get(&source).copied().unwrap_or_default();
        let all = held.places.len() - held.recalled;
        let local = held.by_source.get(&Source::Loopback).copied().unwrap_or_default();
        let is_remote = source != Source::Loopback;
        if own >= self.0.part(source.share()) {
            self.0.make_room(&mut held, |place| place.source == source);
        } else if is_remote && all - local >= self.0.part(config::API_REMOTE_CONNECTIONS) {
            self.0.make_room(&mut held, |place| place.source != Source::Loopback);
        } else if all >= self.0.limit {
            self.0.make_room(&mut held, |_| true);
        }
        self.0.insert(&mut held, source)
    }

    /// Closes some, since another resource than places is exhausted. Returns when one is closed, or
    /// after `patience`; `false` at once when there are none.
    pub async fn spare(&self, patience: Duration) -> bool {
        {
            let mut held = self.0.lock();
            if held.places.is_empty() {
                return false;
            }
            for _ in 0..config::API_SPARED {
                self.0.make_room(&mut held, |_| true);
            }
        }
        timeout(patience, self.0.freed.notified()).await.is_ok()
    }

    /// Closes a watcher if there are too many, for a new one: the newest of the source that has the
    /// most, so that a client with many loses its own.
    pub fn make_room_for_watcher(&self) {
        let mut held = self.0.lock();
        let watches = |place: &Place| place.phase().0 == Phase::Watching;
        let count = held.places.iter().filter(|(_, place)| watches(place)).count();
        for _ in self.0.part(config::API_WATCHERS)..=count {
            self.0.end_newest_watcher(&mut held, |_| true);
        }
    }

    /// Enforces the time limits as long as the node runs.
    pub async fn keep_sweeping(&self) {
        loop {
            sleep(config::API_SWEEP).await;
            self.0.sweep(self.0.epoch.elapsed().as_millis() as u64);
        }
    }
}

impl Inner {
    fn lock(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A proportional part of a limit, if there can be fewer connections than usual.
    fn part(&self, of_all: usize) -> usize {
        of_all * self.limit / config::API_CONNECTIONS
    }

    fn insert(self: &Arc<Self>, held: &mut Held, source: Source) -> Lease {
        let place = Arc::new(Place {
            all: self.clone(),
            source,
            phase: AtomicU64::new(0),
            order: AtomicU64::new(self.order.fetch_add(1, Relaxed)),
            op: AtomicU64::new(0),
            recalled: AtomicBool::new(false),
            waits: AtomicBool::new(false),
            task: OnceLock::new(),
        });
        place.set(Phase::New);
        *held.by_source.entry(source).or_default() += 1;
        Lease { key: held.places.insert(place.clone()), place }
    }

    fn sweep(&self, now: u64) {
        self.now.store(now, Relaxed);
        let mut held = self.lock();
        let is_over = |place: &Place| {
            let (phase, since) = place.phase();
            now.saturating_sub(since) > phase.limit()
        };
        let over: Vec<_> =
            held.places.iter().filter(|(_, place)| is_over(place)).map(|(key, _)| key).collect();
        for key in over {
            self.end(&mut held, key);
        }
    }

    /// Closes the longest idle one of these, or else the oldest request of the source with the
    /// most.
    fn make_room(&self, held: &mut Held, of: impl Fn(&Place) -> bool) {
        if self.end_newcomer(held, &of) || self.end_idlest(held, &of) {
            return;
        }
        let is_under_way = |place: &Place| of(place) && place.phase().0 != Phase::Watching;
        let Some(greediest) = held.greediest(is_under_way) else {
            return self.end_newest_watcher(held, of);
        };
        let of_greediest =
            held.counted().filter(|(_, place)| place.source == greediest && is_under_way(place));
        let oldest = of_greediest.min_by_key(|(_, place)| place.order.load(Relaxed));
        if let Some((key, _)) = oldest {
            self.recall(held, key);
        }
    }

    /// Closes the oldest of the newcomers, if there are many: their first requests may not have
    /// been read yet.
    fn end_newcomer(&self, held: &mut Held, of: impl Fn(&Place) -> bool) -> bool {
        let is_new = |place: &Place| of(place) && place.phase().0 == Phase::New;
        let newcomers = || held.counted().filter(|(_, place)| is_new(place));
        if newcomers().count() <= self.part(config::API_NEWCOMERS) {
            return false;
        }
        let oldest = newcomers().min_by_key(|(_, place)| place.order.load(Relaxed));
        let Some((key, _)) = oldest else { return false };
        self.end(held, key);
        true
    }

    /// Closes the longest idle one of these; `false` when all have pending requests.
    fn end_idlest(&self, held: &mut Held, of: impl Fn(&Place) -> bool) -> bool {
        let now = self.now.load(Relaxed);
        let rank = |place: &Place| {
            let (phase, since) = place.phase();
            phase.rank(now.saturating_sub(since)).map(|rank| (rank, place.order.load(Relaxed)))
        };
        let candidates = held.counted().filter(|(_, place)| of(place));
        let idlest = candidates.filter_map(|(key, place)| Some((rank(place)?, key))).min();
        match idlest {
            Some((_, key)) => self.end(held, key),
            None => return false,
        }
        true
    }

    fn end_newest_watcher(&self, held: &mut Held, of: impl Fn(&Place) -> bool) {
        let watches = |place: &Place| of(place) && place.phase().0 == Phase::Watching;
        let Some(greediest) = held.greediest(watches) else { return };
        let of_greediest =
            held.counted().filter(|(_, place)| place.source == greediest && watches(place));
        if let Some((key, _)) = of_greediest.max_by_key(|(_, place)| place.order.load(Relaxed)) {
            self.end(held, key);
        }
    }

    /// Ends a request: with a response that says so, if the node works on it.
    fn recall(&self, held: &mut Held, key: usize) {
        let place = held.places[key].clone();
        if place.phase().0 != Phase::Working || held.recalled >= config::API_RECALLED {
            return self.end(held, key);
        }
        place.recalled.store(true, Relaxed);
        held.recalled += 1;
        held.discount(place.source);
        let _ = self.inbox.send(Message::Cancel(place.op.load(Relaxed)));
    }

    fn end(&self, held: &mut Held, key: usize) {
        if let Some(task) = held.places[key].task.get() {
            task.abort();
        }
        self.remove(held, key);
    }

    fn remove(&self, held: &mut Held, key: usize) {
        let place = held.places.remove(key);
        if place.is_recalled() {
            held.recalled -= 1;
        } else {
            held.discount(place.source);
        }
    }
}

impl Held {
    /// All but those about to close.
    fn counted(&self) -> impl Iterator<Item = (usize, &Arc<Place>)> {
        self.places.iter().filter(|(_, place)| !place.is_recalled())
    }

    /// The source with the most of these.
    fn greediest(&self, of: impl Fn(&Place) -> bool) -> Option<Source> {
        let mut counts: HashMap<Source, usize> = HashMap::new();
        for (_, place) in self.counted().filter(|(_, place)| of(place)) {
            *counts.entry(place.source).or_default() += 1;
        }
        counts.into_iter().max_by_key(|(_, count)| *count).map(|(source, _)| source)
    }

    fn discount(&mut self, source: Source) {
        if let Some(count) = self.by_source.get_mut(&source) {
            *count -= 1;
            if *count == 0 {
                self.by_source.remove(&source);
            }
        }
    }
}

impl Lease {
    /// Sets the task that is aborted with the connection.
    pub fn served_by(&self, task: AbortHandle) {
        // It is set only here.
        let _ = self.place.task.set(task);
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let all = &self.place.all;
        let mut held = all.lock();
        // If it was told to close, its number may be in use again.
        if held.places.get(self.key).is_some_and(|place| Arc::ptr_eq(place, &self.place)) {
            all.remove(&mut held, self.key);
        }
        all.freed.notify_one();
    }
}

impl Place {
    pub fn set(&self, phase: Phase) {
        let now = self.all.now.load(Relaxed);
        self.phase.store(u64::from(phase as u8) << TIME_BITS | now, Relaxed);
    }

    fn phase(&self) -> (Phase, u64) {
        let phase = self.phase.load(Relaxed);
        (Phase::of((phase >> TIME_BITS) as u8), phase & ((1 << TIME_BITS) - 1))
    }

    /// Bytes were received.
    pub fn received(&self) {
        if matches!(self.phase().0, Phase::New | Phase::Idle) {
            self.order.store(self.all.order.fetch_add(1, Relaxed), Relaxed);
            self.set(Phase::Receiving);
        }
    }

    /// The client.
    pub fn client(&self) -> grape::Source {
        self.source.client()
    }

    /// The node's command for its request.
    pub fn works_at(&self, op: u64) {
        self.op.store(op, Relaxed);
    }

    /// Whether it is to close.
    pub fn is_recalled(&self) -> bool {
        self.recalled.load(Relaxed)
    }

    /// A request was received. It waits until the previous response is written: a client that does
    /// not read one gets no more.
    pub async fn asked(&self) {
        poll_fn(|_| {
            if self.phase().0 != Phase::Flushing {
                return Poll::Ready(());
            }
            self.waits.store(true, Relaxed);
            Poll::Pending
        })
        .await;
        self.received();
    }

    /// A response is composed.
    pub fn answered(&self) {
        if self.phase().0 == Phase::Answering {
            self.set(Phase::Flushing);
        }
    }

    /// All output is written. `false`: it is time to close.
    pub fn flushed(&self, context: &Context<'_>) -> bool {
        if self.phase().0 != Phase::Flushing {
            return true;
        }
        self.order.store(self.all.order.fetch_add(1, Relaxed), Relaxed);
        self.set(Phase::Idle);
        if self.waits.swap(false, Relaxed) {
            context.waker().wake_by_ref();
        }
        !self.is_recalled()
    }
}

#[cfg(test)]
mod tests;
