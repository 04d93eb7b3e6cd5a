//! Where the connections of one JavaScript environment (the main thread, a worker) exchange data
//! with it: numbers for connections, and the batches to be fetched.

use crate::{
    config,
    rpc::{Batch, Event, Weigh},
};
use std::{
    collections::VecDeque,
    mem,
    sync::{
        Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, ThreadId},
    time::{Duration, Instant},
};
use tokio::sync::{Notify, futures::Notified};

/// The hub. `C` is a driver's type of a connection.
pub struct Hub<C> {
    epoch: Instant,
    inbox: Mutex<Inbox<C>>,
    numbers: Mutex<Numbers>,
    room: Notify,
    /// A wake-up is pending: one is enough until JavaScript runs.
    woken: AtomicBool,
    wake: Mutex<Option<Box<dyn Fn() + Send>>>,
    /// The thread that fetches by itself after each turn of its event loop.
    home: OnceLock<ThreadId>,
    /// That thread has something to fetch.
    due: AtomicBool,
    /// Connections of that thread that others have closed or written to: it has to look at them.
    revisited: Mutex<Vec<u32>>,
    has_revisited: AtomicBool,
}

/// How much is waiting for JavaScript.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backlog {
    /// Nothing.
    None,
    /// One message or event.
    One,
    /// More.
    Some,
    /// So much that sockets should not be read.
    Full,
}

struct Inbox<C> {
    /// Each with its last addition's number.
    full: VecDeque<(Batch<C>, u64)>,
    last: Batch<C>,
    bytes: usize,
    /// The number of the last addition, and of the last one that is fetched.
    added: u64,
    fetched: u64,
    /// Nothing is fetched any more.
    silent: bool,
}

impl<C> Default for Inbox<C> {
    fn default() -> Self {
        Self {
            full: VecDeque::new(),
            last: Batch::default(),
            bytes: 0,
            added: 0,
            fetched: 0,
            silent: false,
        }
    }
}

#[derive(Default)]
struct Numbers {
    free: Vec<u32>,
    next: u32,
}

impl<C: Weigh> Hub<C> {
    /// A hub that calls `wake` from any thread when there is something to fetch.
    pub fn new(wake: impl Fn() + Send + 'static) -> Self {
        Self {
            epoch: Instant::now(),
            inbox: Mutex::default(),
            numbers: Mutex::default(),
            room: Notify::new(),
            woken: AtomicBool::new(false),
            wake: Mutex::new(Some(Box::new(wake))),
            home: OnceLock::new(),
            due: AtomicBool::new(false),
            revisited: Mutex::default(),
            has_revisited: AtomicBool::new(false),
        }
    }

    /// A connection was closed because of another one, or written to by another thread. Its driver
    /// is notified by itself, except the one in the event loop, which calls
    /// [`take_revisited`](Self::take_revisited) in each turn.
    pub(super) fn revisit(&self, number: u32) {
        if self.home.get().is_some() {
            lock(&self.revisited).push(number);
            self.has_revisited.store(true, Ordering::Relaxed);
            self.wake();
        }
    }

    /// The connections to look at, since the last call.
    pub fn take_revisited(&self) -> Vec<u32> {
        // Called in each turn, and hardly ever true.
        if !self.has_revisited.load(Ordering::Relaxed) {
            return Vec::new();
        }
        self.has_revisited.store(false, Ordering::Relaxed);
        mem::take(&mut *lock(&self.revisited))
    }

    /// From now on this thread calls [`take_due`](Self::take_due) after each turn of its event
    /// loop, and is not woken for its own additions.
    pub fn settle(&self) {
        // A second call comes from the same thread.
        let _ = self.home.set(thread::current().id());
    }

    /// Wakes JavaScript, as another thread would, if this thread added something.
    pub fn wake_if_due(&self) {
        if self.take_due() {
            self.wake_from_outside();
        }
    }

    /// Whether this thread added something since the last call.
    pub fn take_due(&self) -> bool {
        self.due.swap(false, Ordering::Relaxed)
    }

    /// Milliseconds since the hub was created: the clock of all deadlines.
    pub fn now(&self) -> u64 {
        milliseconds(self.micros())
    }

    /// Microseconds on the same clock.
    pub fn micros(&self) -> u64 {
        self.epoch.elapsed().as_micros() as u64
    }

    /// The instant of `time` on this clock.
    pub(super) fn instant(&self, time: u64) -> Instant {
        self.epoch + Duration::from_millis(time)
    }

    /// A time on this clock that is after `instant`.
    pub(super) fn time_after(&self, instant: Instant) -> u64 {
        instant.saturating_duration_since(self.epoch).as_millis() as u64 + 1
    }

    /// An unused number for a connection, as small as possible.
    pub fn number(&self) -> u32 {
        let mut numbers = lock(&self.numbers);
        numbers.free.pop().unwrap_or_else(|| {
            numbers.next += 1;
            numbers.next - 1
        })
    }

    /// Frees a number. Only JavaScript may do this, after it saw the connection's close: until then
    /// the number could refer to the wrong connection.
    pub fn release(&self, number: u32) {
        lock(&self.numbers).free.push(number);
    }

    /// Adds an event and wakes JavaScript.
    pub fn event(&self, event: Event<C>) {
        self.add_event(event);
        self.wake();
    }

    /// Adds an event; the caller has to [`wake`](Self::wake) JavaScript, once it holds no lock.
    pub(super) fn add_event(&self, event: Event<C>) {
        let mut batch = Batch::default();
        batch.event(event);
        self.add(batch);
    }

    /// Adds data of a connection behind all earlier data, and wakes JavaScript. Returns the
    /// addition's number, for [`is_full_for`](Self::is_full_for).
    pub fn append(&self, batch: Batch<C>) -> u64 {
        let added = self.add(batch);
        self.wake();
        added
    }

    fn add(&self, mut batch: Batch<C>) -> u64 {
        batch.shrink();
        let mut inbox = lock(&self.inbox);
        if inbox.silent {
            drop(inbox);
            drop(batch);
            return 0;
        }
        // As counted after merging, which renumbers events: `fetch` subtracts the same.
        let before = inbox.last.bytes();
        match inbox.last.merge(batch) {
            Ok(()) => inbox.bytes += inbox.last.bytes() - before,
            Err(batch) => {
                inbox.bytes += batch.bytes();
                let full = (mem::replace(&mut inbox.last, batch), inbox.added);
                inbox.full.push_back(full);
            }
        }
        inbox.added += 1;
        inbox.added
    }

    /// How much is waiting to be fetched.
    pub fn backlog(&self) -> Backlog {
        let inbox = lock(&self.inbox);
        match inbox.last.len() {
            _ if inbox.bytes > config::INBOX_HIGH_WATER => Backlog::Full,
            _ if !inbox.full.is_empty() => Backlog::Some,
            0 => Backlog::None,
            1 => Backlog::One,
            _ => Backlog::Some,
        }
    }

    /// Takes the next batch, and says whether more wait.
    pub fn fetch(&self) -> Option<(Batch<C>, bool)> {
        // First, so that later additions wake JavaScript again.
        self.woken.store(false, Ordering::SeqCst);
        let mut inbox = lock(&self.inbox);
        let (batch, fetched) = match inbox.full.pop_front() {
            Some(full) => full,
            None => (mem::take(&mut inbox.last), inbox.added),
        };
        inbox.fetched = fetched;
        let was_crowded = inbox.bytes > config::INBOX_SHARE;
        inbox.bytes -= batch.bytes();
        let more = !inbox.full.is_empty() || !inbox.last.is_empty();
        if was_crowded {
            self.room.notify_waiters();
        }
        (!batch.is_empty()).then_some((batch, more))
    }

    /// Drops unfetched data of `conn`, where a batch holds only its data.
    pub fn drop_from(&self, conn: u32) {
        let mut dropped = Vec::new();
        {
            let mut inbox = lock(&self.inbox);
            let (from, others) = mem::take(&mut inbox.full)
                .into_iter()
                .partition(|(batch, _)| batch.is_brought_by(conn));
            inbox.full = others;
            dropped.extend(VecDeque::into_iter(from).map(|(batch, _)| batch));
            if inbox.last.is_brought_by(conn) {
                dropped.push(mem::take(&mut inbox.last));
            }
            inbox.bytes -= dropped.iter().map(Batch::bytes).sum::<usize>();
            if inbox.full.is_empty() && inbox.last.is_empty() {
                inbox.fetched = inbox.added;
            }
        }
        self.room.notify_waiters();
    }

    /// Whether JavaScript is so far behind that sockets should not be read.
    pub fn is_full(&self) -> bool {
        lock(&self.inbox).bytes > config::INBOX_HIGH_WATER
    }

    /// As [`is_full`](Self::is_full), for the connection whose last addition has that number. A
    /// connection with unfetched data gets only a part of the room: so connections whose requests
    /// are all fetched get their turn, however much others send.
    pub fn is_full_for(&self, added: u64) -> bool {
        let inbox = lock(&self.inbox);
        let waits = added > inbox.fetched;
        inbox.bytes > if waits { config::INBOX_SHARE } else { config::INBOX_HIGH_WATER }
    }

    /// Waits until JavaScript has fetched something.
    pub(super) fn room(&self) -> Notified<'_> {
        self.room.notified()
    }

    /// The environment ends: no more wake-ups, and no data is kept. Waiting data is dropped, since
    /// it may hold connections, which hold this hub.
    pub fn silence(&self) {
        *lock(&self.wake) = None;
        let waiting = {
            let mut inbox = lock(&self.inbox);
            inbox.silent = true;
            inbox.bytes = 0;
            (mem::take(&mut inbox.full), mem::take(&mut inbox.last))
        };
        // Outside of the lock: connections that close report here.
        drop(waiting);
    }

    /// Wakes JavaScript, unless this is its own thread: that fetches by itself.
    pub(super) fn wake(&self) {
        if self.home.get() == Some(&thread::current().id()) {
            self.due.store(true, Ordering::Relaxed);
        } else {
            self.wake_from_outside();
        }
    }

    fn wake_from_outside(&self) {
        if !self.woken.swap(true, Ordering::SeqCst)
            && let Some(wake) = lock(&self.wake).as_ref()
        {
            wake();
        }
    }
}

/// The value of [`Hub::now`] at this value of [`Hub::micros`].
pub fn milliseconds(micros: u64) -> u64 {
    micros / 1000
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
