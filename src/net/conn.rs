//! One WebSocket connection, independent of its driver: its state, and its life from the handshake
//! to its close.
//!
//! The calling thread composes (`compose.rs`) and writes (`transmit.rs`); the driver reads
//! (`receive.rs`), and writes output that had to wait. With the tokio driver these are two threads,
//! so the shared half is locked, though never during a system call.

use super::{
    Hub,
    budget::{Budget, Held, Share},
    handshake::Counter,
    liveness::{Beat, Liveness, on_grid},
    settings::{Io, Lanes, Settings},
    tcp::{Look, OtherHost, WayOut},
    transmit::Writer,
};
use crate::{
    config,
    error::Error,
    net::milliseconds,
    pubsub::Backlog,
    rpc::{Event, Requests, Rid, Unread, Weigh, leaving},
    stats::{Served, Totals},
    ws::{Head, Opcode, Outbound, Role},
};
use socket2::SockRef;
use std::{
    fmt,
    io::{self, ErrorKind},
    mem,
    net::{SocketAddr, TcpStream},
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicU8, AtomicU64, AtomicUsize, Ordering},
    },
    time::Instant,
};
use tokio::sync::{Notify, OwnedSemaphorePermit};

/// The hub of connections.
pub type Connections = Hub<Arrival>;

/// A new connection that JavaScript is to be notified of. With `socket`, the libuv driver reads it
/// from then on; without, it is running already.
#[derive(Debug)]
pub struct Arrival {
    /// The connection, which is open.
    pub conn: Arc<Conn>,
    /// Its socket, and the bytes that came with the handshake.
    pub socket: Option<(Arc<TcpStream>, Vec<u8>)>,
    /// The client's request, on a server.
    pub head: Option<Head>,
    /// The other side's address.
    pub remote: Option<SocketAddr>,
    /// The number of JavaScript's admission decision, on a server that asks for one.
    pub ask: Option<u32>,
    /// A place in the queue of connections that JavaScript has not been notified of, on a server.
    pub permit: Option<OwnedSemaphorePermit>,
}

impl Weigh for Arrival {
    fn bytes(&self) -> usize {
        let rest = self.socket.as_ref().map_or(0, |(_, rest)| rest.len());
        rest + self.head.as_ref().map_or(0, Head::bytes)
    }
}

/// A connection, used by its driver and by the JavaScript thread.
pub struct Conn {
    pub(super) number: u32,
    role: Role,
    settings: Settings,
    lanes: AtomicU8,
    pub(super) hub: Arc<Connections>,
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

pub(super) struct Half {
    pub phase: Phase,
    pub out: Outbound,
    pub requests: Requests,
    pub backlog: Backlog,
    pub writer: Option<Writer>,
    /// The kernel did not take all output: the driver waits for room.
    pub blocked: bool,
    /// On the list of connections to be written, or between the list and the write.
    pub listed: bool,
    /// Requests to be sent once JavaScript has been notified of the open connection.
    pub held_back: Option<Vec<u8>>,
    /// When the driver checks for expired requests, as far as it knows.
    pub armed: u64,
    pub bytes_out: u64,
    /// When its silence, and its system's state of the other host, are checked next.
    beat_at: u64,
    look_at: u64,
    other_host: OtherHost,
    /// Why writing has stopped, and the error reported on close.
    broken: Option<Error>,
    /// JavaScript was notified of the close; its number may be reused by another connection.
    finished: bool,
    /// JavaScript has paused reading requests.
    paused: bool,
    /// The server drains: no more requests are read.
    drains: bool,
    /// The last request was passed on, and the client is told so.
    still: bool,
    /// JavaScript waits until the receiver has caught up.
    pub tells_room: bool,
}

/// Phase of a connection's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// No handshake yet; requests are queued.
    Connecting,
    /// Frames flow.
    Open,
    /// Our close frame is sent; the connection must be closed by then.
    Closing(Instant),
    /// Closed: nothing is composed or read.
    Dead,
}

impl Phase {
    /// Whether the closing handshake has taken too long.
    pub fn is_over(self) -> bool {
        matches!(self, Self::Closing(until) if until <= Instant::now())
    }
}

/// How a connection ended.
#[derive(Debug)]
pub(super) struct Ended {
    pub code: u16,
    pub reason: String,
    pub error: Option<Error>,
}

/// Close code of a connection that just broke (RFC 6455 section 7.1.5).
const ABNORMAL: u16 = 1006;

impl Ended {
    /// Whether the other side violated the protocol, and was sent the close code.
    pub fn is_told(&self) -> bool {
        matches!(self.error, Some(Error::Protocol(_) | Error::MessageTooBig))
    }

    pub fn abnormal(error: Option<Error>) -> Self {
        Self { code: ABNORMAL, reason: String::new(), error }
    }
}

impl fmt::Debug for Conn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Conn({} {:?} {:?})", self.number, self.role, self.io())
    }
}

impl Conn {
    /// A connection that counts in `budget`, once it is registered by [`Budget::admit`].
    pub(super) fn new(
        hub: &Arc<Connections>,
        role: Role,
        settings: Settings,
        budget: &Arc<Budget>,
    ) -> Self {
        let requests = match role {
            Role::Client => Requests::held(),
            Role::Server => Requests::default(),
        };
        Self {
            number: hub.number(),
            role,
            settings,
            lanes: AtomicU8::new(settings.lanes.bits()),
            hub: hub.clone(),
            half: Mutex::new(Half {
                phase: Phase::Connecting,
                out: Outbound::new(role),
                requests,
                backlog: Backlog::default(),
                writer: None,
                blocked: false,
                listed: false,
                held_back: None,
                armed: u64::MAX,
                bytes_out: 0,
                beat_at: if settings.heartbeat == 0 { u64::MAX } else { 0 },
                look_at: 0,
                other_host: OtherHost::default(),
                broken: None,
                finished: false,
                paused: false,
                drains: false,
                still: false,
                tells_room: false,
            }),
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
    pub(super) fn counted(self, connections: &Counter) -> Self {
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

    /// Calls `act` with the TCP socket; `None` without one.
    pub fn with_socket<R>(&self, act: impl FnOnce(SockRef<'_>) -> R) -> Option<R> {
        let half = self.lock();
        let writer = half.writer.clone().filter(|_| half.phase != Phase::Dead);
        drop(half);
        writer.map(|writer| act(writer.socket()))
    }

    /// A reply to a request of the other side was composed.
    pub fn answered(&self) {
        self.liveness.answer();
    }

    /// Unanswered requests of the other side, as far as they are counted.
    pub fn unanswered(&self) -> i64 {
        self.liveness.unanswered()
    }

    /// Pauses or resumes reading. Meanwhile the other side's data waits on its own host.
    pub fn set_reading(&self, reads: bool) {
        self.lock().paused = !reads;
        self.signal();
    }

    /// Drains a server's connection: no more is read. The client is told how many of its messages
    /// were read, as soon as that is known: later ones have not been started.
    pub fn drain(&self) {
        self.lock().drains = true;
        // With the other drivers nothing is read while JavaScript runs.
        if self.io() != Io::Tokio {
            self.be_still();
        }
        self.signal();
    }

    /// A draining connection is not read from here on.
    pub(super) fn be_still(&self) {
        let mut half = self.lock();
        if half.phase != Phase::Open || mem::replace(&mut half.still, true) {
            return;
        }
        half.take_in(usize::MAX);
        half.out.frame(Opcode::Ping, &leaving(self.messages.load(Ordering::Relaxed)));
        if self.io() == Io::Stream {
            // Under the lock: after `Closed` the number may belong to another connection.
            self.hub.event(Event::Composed { conn: self.number });
            return;
        }
        drop(half);
        self.flush();
    }

    /// Whether reading has stopped, and all requests read are replied to and the replies written;
    /// or the connection is closed.
    pub fn is_drained(&self) -> bool {
        let half = self.lock();
        half.phase == Phase::Dead || (half.still && self.unanswered() <= 0 && half.waiting() == 0)
    }

    /// Requests that the server has not read, with the ms left for each; see
    /// [`Requests::take_unread`].
    pub fn take_unread(&self) -> Vec<Unread> {
        let now = self.hub.now();
        let unread = self.lock().requests.take_unread();
        unread
            .into_iter()
            .map(|u| Unread { deadline: u.deadline.saturating_sub(now), ..u })
            .collect()
    }

    /// JavaScript keeps this many bytes for the other side: unanswered requests.
    pub fn keeps(&self, bytes: usize) {
        self.hold(Held::Requests, bytes);
    }

    /// Sets the bytes of this kind that it holds; see [`Share::set`].
    pub(super) fn hold(&self, kind: Held, bytes: usize) {
        self.share.set(kind, bytes, self.hub.now());
    }

    pub(super) fn share(&self) -> &Share {
        &self.share
    }

    /// Whether the receiver is so far behind that the service should not reply for now;
    /// [`Event::Room`] is emitted when it has caught up.
    pub fn is_behind(&self) -> bool {
        let mut half = self.lock();
        half.tells_room = half.accepts() && half.out.len() > self.settings.high_water;
        half.tells_room
    }

    /// Closes the connection and drops its data: the memory is needed for others.
    pub(super) fn give_up(&self) {
        self.spoil(Error::OverBudget);
        self.hub.revisit(self.number);
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

    /// The id of the pending request in `slot`.
    pub fn rid(&self, slot: u32) -> Option<Rid> {
        self.lock().requests.pending.rid(slot)
    }

    /// Abandons all pending requests: replies are dropped.
    pub fn abandon(&self) {
        self.lock().requests.clear();
    }

    /// Drops the requests of a client's connection, if nothing was sent. False: something was.
    pub fn withdraw(&self) -> bool {
        // A concurrent write may not have counted its bytes yet.
        let mut half = self.undisturbed();
        if half.bytes_out > 0 {
            return false;
        }
        let Half { requests, out, held_back, .. } = &mut *half;
        requests.withdraw(out);
        *held_back = None;
        true
    }

    /// Its settings.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    pub(super) fn role(&self) -> Role {
        self.role
    }

    /// Changes who gets the messages received from now on.
    pub fn set_lanes(&self, lanes: Lanes) {
        self.lanes.store(lanes.bits(), Ordering::SeqCst);
    }

    pub(super) fn lanes(&self) -> Lanes {
        Lanes::from_bits(self.lanes.load(Ordering::Relaxed))
    }

    /// Bytes of buffered output.
    pub fn waiting(&self) -> usize {
        self.lock().waiting()
    }

    /// Closes the connection with a closing handshake; `None` is without a code. Replies received
    /// until it is complete are still processed.
    pub fn close(&self, code: Option<u16>, reason: &str) {
        let mut half = self.lock();
        match half.phase {
            Phase::Open => {
                half.take_in(usize::MAX);
                half.out.close(code, reason);
                if half.drains {
                    // Further requests are not started: see `drain`.
                    self.set_lanes(Lanes::from_bits(0));
                }
                half.phase = Phase::Closing(Instant::now() + config::CLOSE_TIMEOUT);
            }
            Phase::Connecting => half.phase = Phase::Dead,
            Phase::Closing(_) | Phase::Dead => return,
        }
        drop(half);
        self.flush();
        self.signal();
    }

    /// Drops all messages received from now on, and those that JavaScript has not fetched.
    pub fn ignore(&self) {
        self.set_lanes(Lanes::from_bits(0));
        self.hub.drop_from(self.number);
    }

    /// Closes the connection at once; output that the kernel takes now is still sent.
    pub fn terminate(&self) {
        self.flush_now();
        self.lock().phase = Phase::Dead;
        self.signal();
    }

    /// Attaches the connected socket. `handshake` is a server's response, held until
    /// [`open`](Self::open).
    pub(super) fn attach(&self, writer: Writer, handshake: &[u8]) {
        let mut half = self.lock();
        half.writer = Some(writer);
        half.out.raw(handshake);
    }

    /// Allows frames, unless the connection was closed meanwhile. A server's connection is opened
    /// by the JavaScript thread once it knows of it, so that no request comes earlier.
    pub fn open(&self) {
        {
            let mut half = self.lock();
            if half.phase == Phase::Connecting {
                half.phase = Phase::Open;
            }
            let Half { requests, out, held_back, .. } = &mut *half;
            requests.open(out);
            if let Some(held_back) = held_back {
                *held_back = out.take_all().unwrap_or_default();
            }
            if half.listed {
                // The caller may withdraw requests in the same turn. They are written when it ends,
                // or by a thread if it takes long.
                drop(half);
                self.signal();
                return;
            }
        }
        self.flush();
        self.signal();
    }

    /// Gives up the request in `slot`. False: it is no longer pending, and JavaScript has been or
    /// will be notified.
    pub fn forget(&self, slot: u32) -> bool {
        self.lock().requests.forget(slot)
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
        let way_out = match descriptor {
            Some(descriptor) => WayOut::of_descriptor(descriptor),
            None => self.with_socket(|socket| WayOut::of(&socket)).flatten(),
        };
        let unsent = way_out.map_or(0, |way_out| way_out.unsent as usize);
        waiting + unsent >= config::LARGE_BYTES
    }

    /// Milliseconds since anything was received.
    pub fn silence(&self) -> u64 {
        self.hub.now().saturating_sub(self.liveness.heard())
    }

    /// Fails the requests whose deadline has passed; returns when to check again.
    pub fn expire(&self) -> u64 {
        let mut half = self.lock();
        let now = self.hub.now();
        let slots = half.requests.expire(now);
        // A service that sends other replies, or a ping, is alive.
        let since = milliseconds(half.requests.pending.expired_since());
        let silent_for = if self.liveness.heard() <= since { now.saturating_sub(since) } else { 0 };
        half.armed = half.requests.pending.check_at();
        if !slots.is_empty() {
            // Under the lock: after `Closed` the number may belong to another connection.
            self.hub.event(Event::Expired { conn: self.number, slots, silent_for });
        }
        half.armed
    }

    /// Whether something of it may be about to time out: data received before has to be read first.
    pub(super) fn is_overdue(&self) -> bool {
        let now = self.hub.now();
        let half = self.lock();
        half.requests.pending.check_at() <= now
            || half.phase.is_over()
            || half.beat_at.min(half.look_at) <= now
    }

    /// Ends the connection: no more composing, the socket closes, JavaScript is notified once.
    pub(super) fn finish(&self, ended: Ended) {
        {
            let mut half = self.lock();
            half.out.clear();
            half.backlog = Backlog::default();
        }
        self.finish_keeping_output(ended);
    }

    /// As [`finish`](Self::finish), for a stream: buffered output, a close frame, can still be
    /// fetched.
    pub(super) fn finish_keeping_output(&self, ended: Ended) {
        let mut half = self.lock();
        half.phase = Phase::Dead;
        half.requests.clear();
        half.writer = None;
        self.tell(&mut half, ended);
        drop(half);
        self.signal();
    }

    /// Notifies JavaScript of the close, once.
    fn tell(&self, half: &mut Half, ended: Ended) {
        if mem::replace(&mut half.finished, true) {
            return;
        }
        let Ended { code, reason, error } = ended;
        // After a close frame of the other side the close was in order, whatever happened to our
        // output after that.
        let error = error.or_else(|| half.broken.take().filter(|_| code == ABNORMAL));
        self.hub.event(Event::Closed { conn: self.number, code, reason, error });
    }

    /// A write failed with `error`; `writer` is the writing side. Data that the other side sent
    /// before is still read; then the connection ends with this error.
    pub(super) fn cannot_write(&self, half: &mut Half, writer: &Writer, error: Error) {
        // So that the reading side reaches an end with any kind of error.
        writer.shut_down();
        half.give_up(error);
        if half.phase == Phase::Open {
            // A client that is paused or drained has sent requests that cannot be answered any
            // more.
            half.phase = match (half.paused || half.drains) && self.role == Role::Server {
                true => Phase::Dead,
                false => Phase::Closing(Instant::now() + config::CLOSE_TIMEOUT),
            };
        }
        self.signal();
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
        self.spoil_half(&mut self.lock(), error);
    }

    /// Ends a connection that no driver has.
    pub fn end(&self) {
        self.finish(Ended::abnormal(None));
    }

    fn spoil_half(&self, half: &mut Half, error: Error) {
        half.out = Outbound::new(self.role);
        half.give_up(error);
        half.requests.clear();
        half.phase = Phase::Dead;
        if self.io() == Io::Stream {
            // The other drivers end it when they see its phase; a stream has no driver that looks.
            self.tell(half, Ended::abnormal(None));
        }
        self.signal();
    }

    /// The events that the driver has to wait for.
    pub(super) fn state(&self) -> State {
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
            drains: half.drains && !half.still,
        }
    }

    /// Checks for a silent other side, if it is time to; returns when to check again.
    ///
    /// # Errors
    /// A ping, or the system's probes, stayed unanswered for a whole interval.
    pub(super) fn beat(&self) -> Result<u64, Ended> {
        self.beat_with(|| self.with_socket(|socket| WayOut::of(&socket)).flatten())
    }

    /// The same, with `way_out` as the system's view of the connection.
    pub(super) fn beat_with(&self, way_out: impl FnOnce() -> Option<WayOut>) -> Result<u64, Ended> {
        let now = self.hub.now();
        let look_at = self.look(now, way_out)?;
        Ok(self.ask_if_silent(now)?.min(look_at))
    }

    /// Checks the system's view of a connection that has been silent for long.
    fn look(&self, now: u64, way_out: impl FnOnce() -> Option<WayOut>) -> Result<u64, Ended> {
        let look_at = self.lock().look_at;
        if now < look_at {
            return Ok(look_at);
        }
        let is_silent = self.liveness.is_silent(now, config::LOOK_AFTER_MS);
        let way_out = if is_silent { way_out() } else { None };
        let mut half = self.lock();
        half.look_at = if is_silent {
            match half.other_host.look(now, way_out) {
                Look::Wait(until) => on_grid(until, config::LOOK_AFTER_MS),
                Look::Gone => {
                    let error = Error::system("read", ErrorKind::TimedOut.into(), None);
                    return Err(Ended::abnormal(Some(error)));
                }
            }
        } else {
            half.other_host.hear();
            on_grid(self.liveness.heard() + config::LOOK_AFTER_MS, config::LOOK_AFTER_MS)
        };
        Ok(half.look_at)
    }

    /// Pings the other side after an interval of silence.
    fn ask_if_silent(&self, now: u64) -> Result<u64, Ended> {
        let mut half = self.lock();
        // Before that time the pong may still be in flight.
        if now < half.beat_at {
            return Ok(half.beat_at);
        }
        // While output is waiting, the other side has not read the ping. Then the system's view
        // shows whether its host lives.
        let is_asked = !cfg!(target_os = "linux") || half.waiting() == 0;
        let waits = !half.requests.pending.is_empty() || half.phase != Phase::Open || !is_asked;
        match self.liveness.beat(now, self.settings.heartbeat, waits) {
            Beat::Wait(time) => half.beat_at = time,
            Beat::Gone => return Err(Ended::abnormal(Some(Error::Silent))),
            Beat::Ask(time) => {
                half.beat_at = time;
                drop(half);
                self.probe();
                return Ok(time);
            }
        }
        Ok(half.beat_at)
    }

    /// Something of a stream is due: JavaScript reads once more and checks.
    pub(super) fn tell_overdue(&self) {
        // Under the lock: after `Closed` the number may belong to another connection.
        let half = self.lock();
        if half.phase != Phase::Dead {
            self.hub.event(Event::Overdue { conn: self.number });
        }
    }

    /// Pings the other side. The system of a closed connection responds too, with a reset.
    pub(super) fn probe(&self) {
        let mut half = self.lock();
        if half.phase != Phase::Open {
            return;
        }
        half.out.frame(Opcode::Ping, b"");
        if self.io() == Io::Stream {
            // Under the lock: after `Closed` the number may belong to another connection.
            self.hub.event(Event::Composed { conn: self.number });
            return;
        }
        drop(half);
        self.flush();
    }

    /// The other side has reset a connection that is not read for now, with `error`.
    ///
    /// # Errors
    /// The connection ends: requests that a client sent before need no reply. Replies that a server
    /// sent before are still read; then the connection ends.
    pub(super) fn was_reset(&self, error: io::Result<Option<io::Error>>) -> Result<(), Ended> {
        let error = error.ok().flatten().unwrap_or_else(|| ErrorKind::ConnectionReset.into());
        let error = Error::system("read", error, None);
        let mut half = self.lock();
        match half.writer.clone() {
            Some(writer) if self.role == Role::Client => {
                self.cannot_write(&mut half, &writer, error);
                Ok(())
            }
            _ => Err(Ended::abnormal(Some(error))),
        }
    }

    /// Waits until something changed that the task has to look at.
    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }

    pub(super) fn signal(&self) {
        self.changed.notify_one();
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Half> {
        self.half.lock().unwrap_or_else(|poisoned| {
            let mut half = poisoned.into_inner();
            self.half.clear_poison();
            self.spoil_half(&mut half, Error::Panic);
            half
        })
    }
}

impl Half {
    /// Stops writing.
    fn give_up(&mut self, error: Error) {
        self.broken.get_or_insert(error);
        self.out.clear();
        self.backlog = Backlog::default();
        self.writer = None;
        self.blocked = false;
    }

    /// Moves queued published messages to the connection's own buffer, until it holds `bytes`; all
    /// of them before anything else is composed, so that nothing overtakes them.
    pub fn take_in(&mut self, bytes: usize) {
        while self.out.len() < bytes
            && let Some(message) = self.backlog.pop()
        {
            self.out.raw(message.frame());
        }
    }

    /// Bytes of buffered output.
    fn waiting(&self) -> usize {
        self.out.len() + self.backlog.bytes()
    }

    pub fn accepts(&self) -> bool {
        matches!(self.phase, Phase::Connecting | Phase::Open)
    }
}

/// A driver's view of a connection.
pub(super) struct State {
    pub phase: Phase,
    /// Set while the kernel's buffer is full.
    pub writer: Option<Writer>,
    pub check_at: u64,
    /// A receiver that does not read its replies, or has too many requests pending, is not read for
    /// now.
    pub may_read: bool,
    /// Reading stops, and the client has to be told.
    pub drains: bool,
}
