//! One WebSocket connection, independent of its driver: its state, and who may change it.

use super::{
    arrival::NewConnection,
    ended::{ABNORMAL, Ended},
    half::{Half, Phase, State},
    writer::Writer,
};
use crate::{
    config,
    error::Error,
    net::{
        budget::{Budget, Held, Share},
        counter::Counter,
        hub::Hub,
        liveness::Liveness,
        settings::{Io, Lanes, Settings},
        tcp::SendState,
    },
    rpc::Event,
    stats::{Served, Totals},
    ws::{Outbound, Role},
};
use socket2::SockRef;
use std::{
    fmt, mem,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicU8, AtomicU64, AtomicUsize, Ordering},
    },
};
use tokio::sync::Notify;

/// A new connection that JavaScript is to be notified of.
pub type Arrival = NewConnection<Arc<Conn>>;

/// An event of connections.
pub(super) type Happened = Event<Arrival>;

/// The hub of connections.
pub type Connections = Hub<Arrival>;

/// A connection, used by its driver and by the JavaScript thread.
pub struct Conn {
    pub(super) number: u32,
    role: Role,
    settings: Settings,
    lanes: AtomicU8,
    pub(in crate::net) hub: Arc<Connections>,
    half: Mutex<Half>,
    pub(super) liveness: Liveness,
    share: Share,
    /// Bytes and messages received, counted by the reading thread.
    pub(super) bytes_in: AtomicU64,
    pub(super) messages: AtomicU64,
    /// The number of its last addition to JavaScript's inbox.
    pub(super) added: AtomicU64,
    /// Missing bytes of an incomplete message, on a client's connection.
    pub(super) missing: AtomicUsize,
    /// Counts it as one of a server's connections.
    _counted: Option<Counter>,
    /// Wakes the task that dials or runs the connection.
    changed: Notify,
}

impl Conn {
    /// A connection that counts in `budget`, once it is registered by [`Budget::admit`].
    pub(in crate::net) fn new(
        hub: &Arc<Connections>,
        role: Role,
        settings: Settings,
        budget: &Arc<Budget>,
    ) -> Self {
        Self {
            number: hub.number(),
            role,
            settings,
            lanes: AtomicU8::new(settings.lanes.bits()),
            hub: hub.clone(),
            half: Mutex::new(Half::new(role, settings.heartbeat)),
            liveness: Liveness::new(hub.now()),
            share: Share::of(budget.clone()),
            bytes_in: AtomicU64::new(0),
            messages: AtomicU64::new(0),
            added: AtomicU64::new(0),
            missing: AtomicUsize::new(0),
            _counted: None,
            changed: Notify::new(),
        }
    }

    /// Counts it as one of a server's connections, for as long as it lives.
    pub(in crate::net) fn counted_in(self, connections: &Counter) -> Self {
        Self { _counted: Some(connections.clone()), ..self }
    }

    /// The connection's number, by which JavaScript knows it.
    pub fn number(&self) -> u32 {
        self.number
    }

    /// Which driver moves its bytes.
    pub fn io(&self) -> Io {
        self.settings.io
    }

    /// Whether JavaScript moves its bytes (TLS).
    pub(super) fn is_stream(&self) -> bool {
        self.io() == Io::Stream
    }

    pub(in crate::net) fn role(&self) -> Role {
        self.role
    }

    /// Its settings.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Changes who gets the messages received from now on.
    pub fn set_lanes(&self, lanes: Lanes) {
        self.lanes.store(lanes.bits(), Ordering::SeqCst);
    }

    pub(super) fn lanes(&self) -> Lanes {
        Lanes::from_bits(self.lanes.load(Ordering::Relaxed))
    }

    /// Calls `act` with the TCP socket; `None` without one.
    pub fn with_socket<R>(&self, act: impl FnOnce(SockRef<'_>) -> R) -> Option<R> {
        let half = self.lock();
        let writer = half.writer.clone().filter(|_| half.phase != Phase::Dead);
        drop(half);
        writer.map(|writer| act(writer.socket()))
    }

    pub(super) fn share(&self) -> &Share {
        &self.share
    }

    /// Sets the bytes of this kind that it holds; see [`Share::set`].
    pub(in crate::net) fn hold(&self, kind: Held, bytes: usize) {
        self.share.set(kind, bytes, self.hub.now());
    }

    /// JavaScript keeps this many bytes for the other side: unanswered requests.
    pub fn keeps(&self, bytes: usize) {
        self.hold(Held::Requests, bytes);
    }

    /// A reply to a request of the other side was composed.
    pub fn answered(&self) {
        self.liveness.replied();
    }

    /// Unanswered requests of the other side, as far as they are counted.
    pub fn unanswered(&self) -> i64 {
        self.liveness.unanswered()
    }

    /// Bytes of buffered output.
    pub fn waiting(&self) -> usize {
        self.lock().waiting()
    }

    /// Whether it moves something large, so that further requests on it have to wait. `descriptor`
    /// is that of a stream's TCP socket.
    pub fn moves_much(&self, descriptor: Option<i32>) -> bool {
        if self.missing.load(Ordering::Relaxed) >= config::LARGE_BYTES {
            return true;
        }
        let waiting = self.waiting();
        if waiting >= config::LARGE_BYTES {
            return true;
        }
        // Bytes that the system has accepted may still be unsent.
        let send_state = match descriptor {
            Some(descriptor) => SendState::of_descriptor(descriptor),
            None => self.with_socket(|socket| SendState::of(&socket)).flatten(),
        };
        let unsent = send_state.map_or(0, |send_state| send_state.unsent as usize);
        waiting + unsent >= config::LARGE_BYTES
    }

    /// Its counters so far.
    pub fn totals(&self) -> Totals {
        let half = self.lock();
        Totals {
            served: Served {
                received: self.liveness.requests(),
                replied: self.liveness.replies(),
                pending: self.unanswered().max(0) as u64,
                abandoned: 0,
            },
            messages: self.messages.load(Ordering::Relaxed),
            bytes_in: self.bytes_in.load(Ordering::Relaxed),
            bytes_out: half.bytes_out,
            bytes_waiting: half.waiting() as u64,
            ..half.requests.totals()
        }
    }

    /// Whether the receiver is so far behind that the service should not reply for now;
    /// [`Event::Room`] is emitted when it has caught up.
    pub fn is_behind(&self) -> bool {
        let mut half = self.lock();
        half.awaits_room = half.accepts() && half.out.len() > self.settings.high_water;
        half.awaits_room
    }

    /// The events that the driver has to wait for.
    pub(in crate::net) fn state(&self) -> State {
        let half = self.lock();
        State {
            phase: half.phase,
            writer: half.blocked.then(|| half.writer.clone()).flatten(),
            check_at: half.armed,
            // A client reads its replies however many requests it has buffered: otherwise, if the
            // server also stops reading until its replies are read, both would wait forever. A
            // closing handshake has to complete.
            may_read: (self.role == Role::Client || half.out.len() <= self.settings.high_water)
                && !((half.paused || half.drains) && half.phase == Phase::Open),
            drains: half.drains && !half.reading_stopped,
        }
    }

    /// Waits until something changed that the task has to look at.
    pub(in crate::net) async fn changed(&self) {
        self.changed.notified().await;
    }

    pub(in crate::net) fn signal(&self) {
        self.changed.notify_one();
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Half> {
        self.half.lock().unwrap_or_else(|poisoned| {
            let mut half = poisoned.into_inner();
            self.half.clear_poison();
            let (writer, closed) = self.spoil_half(&mut half, Error::Panic);
            // After a panic under the lock it is held until the caller is done.
            drop(writer);
            if let Some(closed) = closed {
                self.hub.event(closed);
            }
            self.signal();
            half
        })
    }

    /// Whether a panic interrupted composing, which ends the connection: its buffers may be
    /// inconsistent. The driver has to check this.
    pub fn is_spoilt(&self) -> bool {
        if !self.half.is_poisoned() {
            return false;
        }
        drop(self.lock());
        true
    }

    /// Ends the connection without a close frame, because of `error`: after a panic its buffers may
    /// be inconsistent. The driver has to check this.
    pub fn spoil(&self, error: Error) {
        let mut half = self.lock();
        let (writer, closed) = self.spoil_half(&mut half, error);
        self.unlock(half, closed);
        drop(writer);
        self.signal();
    }

    /// Returns what is left to do: the writer is to be dropped, and the event emitted.
    fn spoil_half(&self, half: &mut Half, error: Error) -> (Option<Writer>, Option<Happened>) {
        half.out = Outbound::new(self.role);
        let writer = half.stop_writing(error);
        half.requests.clear();
        half.phase = Phase::Dead;
        // The other drivers end it when they see its phase; a stream has no driver that looks.
        let is_stream = self.io() == Io::Stream;
        (writer, is_stream.then(|| self.closed(half, Ended::abnormal(None))).flatten())
    }

    /// Frees the lock, and emits the event.
    pub(super) fn unlock(&self, half: MutexGuard<'_, Half>, event: Option<Happened>) {
        match event {
            Some(event) => self.emit(half, event),
            None => drop(half),
        }
    }

    /// Emits an event, and frees the lock. The event is added under the lock, since after `Closed`
    /// the number may belong to another connection. JavaScript is woken without the lock, since
    /// that is a system call.
    pub(super) fn emit(&self, half: MutexGuard<'_, Half>, event: Happened) {
        self.hub.add_event(event);
        drop(half);
        self.hub.wake();
    }

    /// The event of the close, once.
    pub(super) fn closed(&self, half: &mut Half, ended: Ended) -> Option<Happened> {
        if mem::replace(&mut half.close_emitted, true) {
            return None;
        }
        let Ended { code, reason, error } = ended;
        // After a close frame of the other side the close was in order, whatever happened to our
        // output after that.
        let error = error.or_else(|| half.broken.take().filter(|_| code == ABNORMAL));
        Some(Event::Closed { conn: self.number, code, reason, error })
    }
}

impl fmt::Debug for Conn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Conn({} {:?} {:?})", self.number, self.role, self.io())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ws::Opcode;
    use std::sync::{OnceLock, Weak};

    /// Waking JavaScript is a system call.
    #[test]
    fn javascript_is_woken_without_the_lock() {
        let ends: [&dyn Fn(&Conn); 2] =
            [&|conn| conn.finish(Ended::abnormal(None)), &|conn| conn.spoil(Error::OverBudget)];
        for end in ends {
            let conn = Arc::new(OnceLock::<Weak<Conn>>::new());
            let (woken, locked) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
            let wake = {
                let (conn, woken, locked) = (conn.clone(), woken.clone(), locked.clone());
                move || {
                    let Some(conn) = conn.get().and_then(Weak::upgrade) else { return };
                    woken.fetch_add(1, Ordering::SeqCst);
                    locked.fetch_add(conn.half.try_lock().is_err().into(), Ordering::SeqCst);
                }
            };
            let hub = Arc::new(Connections::new(wake));
            let settings = Settings { io: Io::Stream, high_water: 0, ..Settings::default() };
            let client = Arc::new(Conn::new(&hub, Role::Client, settings, &Budget::new(0)));
            conn.set(Arc::downgrade(&client)).unwrap();
            client.open();
            let emits = |what: &str, act: &dyn Fn(&Conn)| {
                act(&client);
                assert_eq!(woken.swap(0, Ordering::SeqCst), 1, "{what}");
                assert_eq!(locked.load(Ordering::SeqCst), 0, "{what}, under the lock");
                while hub.fetch().is_some() {}
            };
            client.request(0, 0, 0, |_| true).unwrap();
            emits("Expired", &|conn| assert_eq!(conn.expire(), u64::MAX));
            emits("Composed", &Conn::probe);
            emits("Overdue", &Conn::emit_overdue);
            client.frame(Opcode::Text, true, b"x").unwrap();
            assert!(client.is_behind());
            emits("Room", &|conn| assert!(conn.take_output(&mut [0; 1024]) > 0));
            emits("Closed", end);
        }
    }
}
