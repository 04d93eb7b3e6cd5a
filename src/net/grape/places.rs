//! The API's connections: what each is doing, and which one goes when there are too many.

use crate::config::grape as config;
use slab::Slab;
use std::{
    collections::HashMap,
    future::poll_fn,
    net::{IpAddr, Ipv6Addr},
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    task::{Context, Poll},
    time::Instant,
};
use tokio::{
    sync::Notify,
    task::AbortHandle,
    time::{sleep, timeout},
};

/// What a connection is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Doing {
    /// It has asked for nothing so far.
    New,
    /// Its requests are answered.
    Idle,
    /// A request is coming.
    Receiving,
    /// The node is at work for it.
    Working,
    /// An answer is being composed.
    Answering,
    /// An answer is composed, and not all written.
    Flushing,
    /// It waits for the end of the node.
    Watching,
}

impl Doing {
    fn of(byte: u8) -> Self {
        match byte {
            0 => Self::New,
            1 => Self::Idle,
            2 => Self::Receiving,
            3 => Self::Working,
            4 => Self::Answering,
            5 => Self::Flushing,
            _ => Self::Watching,
        }
    }

    /// How many ms it may last.
    fn limit(self) -> u64 {
        match self {
            Self::New | Self::Receiving => config::API_READ_MS,
            Self::Idle => config::API_IDLE_MS,
            Self::Answering | Self::Flushing => config::API_WRITE_MS,
            // The node ends what it works at.
            Self::Working | Self::Watching => u64::MAX,
        }
    }

    /// Who goes first when a place is wanted; none with a request under way.
    fn rank(self, lasts: u64) -> Option<u8> {
        match self {
            Self::New => Some(0),
            Self::Idle | Self::Watching => Some(1),
            Self::Working => None,
            Self::Receiving | Self::Answering | Self::Flushing => {
                (lasts > config::API_PATIENCE_MS).then_some(2)
            }
        }
    }
}

/// Where connections come from, as far as they share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Source {
    /// This machine, by whichever of its addresses.
    Loopback,
    V4([u8; 4]),
    /// A network of 64 bits, which one machine may have to itself.
    V6([u8; 8]),
}

impl Source {
    fn of(ip: IpAddr) -> Self {
        match ip.to_canonical() {
            ip if ip.is_loopback() => Self::Loopback,
            IpAddr::V4(ip) => Self::V4(ip.octets()),
            IpAddr::V6(ip) => Self::V6(half(ip)),
        }
    }

    fn share(self) -> usize {
        match self {
            Self::Loopback => config::API_LOOPBACK_CONNECTIONS,
            Self::V4(_) | Self::V6(_) => config::API_SOURCE_CONNECTIONS,
        }
    }
}

fn half(ip: Ipv6Addr) -> [u8; 8] {
    let [a, b, c, d, e, f, g, h, ..] = ip.octets();
    [a, b, c, d, e, f, g, h]
}

/// All connections.
#[derive(Clone, Debug)]
pub(super) struct Places(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    epoch: Instant,
    /// In ms since then, as of the last sweep: requests need no clock of their own.
    now: AtomicU64,
    /// Who became idle before whom.
    order: AtomicU64,
    held: Mutex<Held>,
    freed: Notify,
}

#[derive(Debug, Default)]
struct Held {
    places: Slab<Arc<Place>>,
    by_source: HashMap<Source, usize>,
}

/// One connection.
#[derive(Debug)]
pub(super) struct Place {
    all: Arc<Inner>,
    source: Source,
    /// A [`Doing`] in the upper byte, and since when.
    doing: AtomicU64,
    order: AtomicU64,
    /// It goes when its answer is written.
    leaves: AtomicBool,
    /// Its next request waits for the answer before to be written.
    waits: AtomicBool,
    task: OnceLock<AbortHandle>,
}

/// A place, until it is dropped.
#[derive(Debug)]
pub(super) struct Taken {
    pub place: Arc<Place>,
    key: usize,
}

const TIME_BITS: u32 = 56;

impl Places {
    pub fn new() -> Self {
        Self(Arc::new(Inner {
            epoch: Instant::now(),
            now: AtomicU64::new(0),
            order: AtomicU64::new(0),
            held: Mutex::default(),
            freed: Notify::new(),
        }))
    }

    /// A place for a connection from there. When there are too many, the idlest goes; `None` when
    /// its own machine has so many requests under way that none of them does.
    pub async fn take(&self, ip: IpAddr) -> Option<Taken> {
        let source = Source::of(ip);
        loop {
            {
                let mut held = self.0.lock();
                let own = held.by_source.get(&source).copied().unwrap_or_default();
                let is_over = own >= source.share();
                if is_over && !self.0.evict(&mut held, |place| place.source == source) {
                    self.0.ask_to_leave(&held, |place| place.source == source);
                    return None;
                }
                let is_full = held.places.len() >= config::API_CONNECTIONS;
                if !is_full || self.0.evict(&mut held, |_| true) {
                    return Some(self.0.insert(&mut held, source));
                }
                self.0.ask_to_leave(&held, |_| true);
            }
            // Who goes may do so without being asked.
            let _ = timeout(config::API_PLACE_RETRY, self.0.freed.notified()).await;
        }
    }

    /// Lets the idlest go: there is something else than places that there is not enough of.
    pub fn spare(&self) {
        self.0.evict(&mut self.0.lock(), |_| true);
    }

    /// Lets the watchers go that there are too many of, the oldest first, for one that comes.
    pub fn make_room_for_watcher(&self) {
        let mut held = self.0.lock();
        let watches = |place: &Place| place.doing().0 == Doing::Watching;
        let count = held.places.iter().filter(|(_, place)| watches(place)).count();
        for _ in config::API_WATCHERS..=count {
            self.0.evict(&mut held, watches);
        }
    }

    /// Looks after the time limits for as long as the node runs.
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

    fn insert(self: &Arc<Self>, held: &mut Held, source: Source) -> Taken {
        let place = Arc::new(Place {
            all: self.clone(),
            source,
            doing: AtomicU64::new(0),
            order: AtomicU64::new(self.order.fetch_add(1, Relaxed)),
            leaves: AtomicBool::new(false),
            waits: AtomicBool::new(false),
            task: OnceLock::new(),
        });
        place.set(Doing::New);
        *held.by_source.entry(source).or_default() += 1;
        Taken { key: held.places.insert(place.clone()), place }
    }

    fn sweep(&self, now: u64) {
        self.now.store(now, Relaxed);
        let mut held = self.lock();
        let is_over = |place: &Place| {
            let (doing, since) = place.doing();
            now.saturating_sub(since) > doing.limit()
        };
        let over: Vec<_> =
            held.places.iter().filter(|(_, place)| is_over(place)).map(|(key, _)| key).collect();
        for key in over {
            self.end(&mut held, key);
        }
    }

    /// Ends the idlest of those; `false` when all have requests under way.
    fn evict(&self, held: &mut Held, of: impl Fn(&Place) -> bool) -> bool {
        let now = self.now.load(Relaxed);
        let rank = |place: &Place| {
            let (doing, since) = place.doing();
            doing.rank(now.saturating_sub(since)).map(|rank| (rank, place.order.load(Relaxed)))
        };
        let candidates = held.places.iter().filter(|(_, place)| of(place));
        let idlest = candidates.filter_map(|(key, place)| Some((rank(place)?, key))).min();
        match idlest {
            Some((_, key)) => self.end(held, key),
            None => return false,
        }
        true
    }

    /// The one that was idle longest before its request goes after it.
    fn ask_to_leave(&self, held: &Held, of: impl Fn(&Place) -> bool) {
        let places = held.places.iter().map(|(_, place)| place);
        let first = places
            .filter(|place| of(place) && !place.leaves.load(Relaxed))
            .min_by_key(|place| place.order.load(Relaxed));
        if let Some(place) = first {
            place.leaves.store(true, Relaxed);
        }
    }

    fn end(&self, held: &mut Held, key: usize) {
        if let Some(task) = held.places[key].task.get() {
            task.abort();
        }
        self.remove(held, key);
    }

    fn remove(&self, held: &mut Held, key: usize) {
        let source = held.places.remove(key).source;
        if let Some(count) = held.by_source.get_mut(&source) {
            *count -= 1;
            if *count == 0 {
                held.by_source.remove(&source);
            }
        }
    }
}

impl Taken {
    /// The task that is ended with the connection.
    pub fn served_by(&self, task: AbortHandle) {
        // Nobody else sets it.
        let _ = self.place.task.set(task);
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        let all = &self.place.all;
        let mut held = all.lock();
        // Its number may be another's if it was told to go.
        if held.places.get(self.key).is_some_and(|place| Arc::ptr_eq(place, &self.place)) {
            all.remove(&mut held, self.key);
        }
        all.freed.notify_one();
    }
}

impl Place {
    pub fn set(&self, doing: Doing) {
        let now = self.all.now.load(Relaxed);
        self.doing.store(u64::from(doing as u8) << TIME_BITS | now, Relaxed);
    }

    fn doing(&self) -> (Doing, u64) {
        let doing = self.doing.load(Relaxed);
        (Doing::of((doing >> TIME_BITS) as u8), doing & ((1 << TIME_BITS) - 1))
    }

    /// Bytes came.
    pub fn received(&self) {
        if matches!(self.doing().0, Doing::New | Doing::Idle) {
            self.set(Doing::Receiving);
        }
    }

    /// A request came. It waits until the answer before it is written: who does not read one gets
    /// no more.
    pub async fn asked(&self) {
        poll_fn(|_| {
            if self.doing().0 != Doing::Flushing {
                return Poll::Ready(());
            }
            self.waits.store(true, Relaxed);
            Poll::Pending
        })
        .await;
        self.received();
    }

    /// An answer is composed.
    pub fn answered(&self) {
        if self.doing().0 == Doing::Answering {
            self.set(Doing::Flushing);
        }
    }

    /// All that was composed is written. `false`: it is time to go.
    pub fn flushed(&self, context: &Context<'_>) -> bool {
        if self.doing().0 != Doing::Flushing {
            return true;
        }
        self.order.store(self.all.order.fetch_add(1, Relaxed), Relaxed);
        self.set(Doing::Idle);
        if self.waits.swap(false, Relaxed) {
            context.waker().wake_by_ref();
        }
        !self.leaves.load(Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(last: u8) -> IpAddr {
        IpAddr::from([10, 0, 0, last])
    }

    fn is_there(taken: &Taken) -> bool {
        let held = taken.place.all.lock();
        held.places.iter().any(|(_, place)| Arc::ptr_eq(place, &taken.place))
    }

    /// As after a request and its answer.
    fn prove(taken: &Taken) {
        taken.place.received();
        taken.place.set(Doing::Answering);
        taken.place.answered();
        assert!(taken.place.flushed(&Context::from_waker(std::task::Waker::noop())));
    }

    #[tokio::test]
    async fn an_address_has_a_share_and_its_own_idlest_goes_first() {
        let places = Places::new();
        let other = places.take(ip(2)).await.unwrap();
        let proven = places.take(ip(1)).await.unwrap();
        prove(&proven);
        let mut many = Vec::new();
        for _ in 1..config::API_SOURCE_CONNECTIONS {
            many.push(places.take(ip(1)).await.unwrap());
        }
        let newest = places.take(ip(1)).await.unwrap();
        assert!(!is_there(&many[0]), "the oldest that asked for nothing");
        assert!(is_there(&other) && is_there(&proven) && is_there(&many[1]) && is_there(&newest));
        assert_eq!(places.0.lock().by_source.len(), 2);
        drop((many, newest, proven, other));
        assert!(places.0.lock().places.is_empty() && places.0.lock().by_source.is_empty());
    }

    #[tokio::test]
    async fn who_has_a_request_under_way_stays_and_goes_after_it_when_its_address_has_too_many() {
        let places = Places::new();
        let mut many = Vec::new();
        for _ in 0..config::API_SOURCE_CONNECTIONS {
            let taken = places.take(ip(1)).await.unwrap();
            taken.place.set(Doing::Working);
            many.push(taken);
        }
        assert!(places.take(ip(1)).await.is_none());
        assert!(many.iter().all(is_there));
        many[0].place.set(Doing::Flushing);
        assert!(!many[0].place.flushed(&Context::from_waker(std::task::Waker::noop())));
        assert!(places.take(ip(1)).await.is_some());
    }

    #[tokio::test]
    async fn a_newcomer_waits_for_one_of_all_that_ask() {
        let places = Places::new();
        let mut many = Vec::new();
        let share = config::API_SOURCE_CONNECTIONS;
        for at in 0..config::API_CONNECTIONS {
            let taken = places.take(ip((at / share) as u8)).await.unwrap();
            taken.place.set(Doing::Working);
            many.push(taken);
        }
        let newcomer = {
            let places = places.clone();
            tokio::spawn(async move { places.take(ip(200)).await })
        };
        tokio::task::yield_now().await;
        assert!(!newcomer.is_finished());
        drop(many.pop());
        assert!(newcomer.await.unwrap().is_some());
    }

    #[tokio::test]
    async fn loopback_leaves_places_to_others_and_watchers_to_newer_ones() {
        let places = Places::new();
        let mut many = Vec::new();
        for at in 0..config::API_LOOPBACK_CONNECTIONS {
            let taken = places.take(IpAddr::from([127, 0, 0, (at % 250) as u8])).await.unwrap();
            many.push(taken);
        }
        let v6 = places.take(IpAddr::from(Ipv6Addr::LOCALHOST)).await.unwrap();
        assert!(!is_there(&many[0]) && is_there(&v6));
        assert!(places.take(ip(1)).await.is_some());

        for taken in &many[1..=config::API_WATCHERS] {
            places.make_room_for_watcher();
            taken.place.set(Doing::Watching);
        }
        assert!(is_there(&many[1]));
        places.make_room_for_watcher();
        assert!(!is_there(&many[1]) && is_there(&many[2]));
    }

    #[tokio::test]
    async fn what_takes_too_long_is_ended_however_much_comes() {
        let places = Places::new();
        let mut taken = Vec::new();
        for _ in 0..4 {
            taken.push(places.take(ip(1)).await.unwrap());
        }
        taken[1].place.received();
        prove(&taken[2]);
        taken[3].place.set(Doing::Working);
        places.0.sweep(config::API_READ_MS);
        // One more byte, and one more.
        taken[1].place.received();
        assert!(taken.iter().all(is_there));
        places.0.sweep(config::API_READ_MS + 1);
        assert_eq!(taken.iter().map(is_there).collect::<Vec<_>>(), [false, false, true, true]);
        places.0.sweep(config::API_IDLE_MS + 1);
        assert_eq!(taken.iter().map(is_there).collect::<Vec<_>>(), [false, false, false, true]);
    }
}
