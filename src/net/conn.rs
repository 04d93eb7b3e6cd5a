//! One WebSocket connection, whichever driver moves its bytes.
//!
//! The thread that calls composes and writes; the driver reads, and writes what had to wait.
//! With the tokio driver those are two threads, so the shared half is locked, though never
//! during a system call.

use super::{
    Hub,
    handshake::Counter,
    hub::milliseconds,
    liveness::{Beat, Liveness},
    settings::{Io, Lanes, Settings},
};
use crate::{
    config,
    error::Error,
    pubsub::{Backlog, Published},
    rpc::{Event, Requests, Rid},
    stats::{Served, Totals},
    ws::{Head, Opcode, Outbound, Role},
};
use std::{
    fmt,
    io::{self, ErrorKind, Write},
    mem,
    net::{SocketAddr, TcpStream},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU8, AtomicU64, Ordering},
    },
    time::Instant,
};
use tokio::{net::tcp::OwnedWriteHalf, sync::Notify};

/// The hub of connections.
pub type Connections = Hub<Arrival>;

/// A connection that JavaScript is to hear of. With `socket` its reading is the libuv driver's
/// from then on; without one it runs already.
#[derive(Debug)]
pub struct Arrival {
    /// The connection, which is open.
    pub conn: Arc<Conn>,
    /// Its socket, and the bytes that came with the handshake.
    pub socket: Option<(Arc<TcpStream>, Vec<u8>)>,
    /// What the client asked, on a server.
    pub head: Option<Head>,
    /// The other side's address.
    pub remote: Option<SocketAddr>,
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
    /// Bytes and messages that came, counted by who reads.
    pub(super) bytes_in: AtomicU64,
    pub(super) messages: AtomicU64,
    /// Among a server's connections.
    _counted: Option<Counter>,
    /// Something changed that the task must look at which dials or runs the connection.
    changed: Notify,
}

pub(super) struct Half {
    pub phase: Phase,
    pub out: Outbound,
    pub requests: Requests,
    backlog: Backlog,
    writer: Option<Writer>,
    /// The kernel did not take everything: the driver waits for room.
    blocked: bool,
    /// When the driver looks for expired requests, as far as it knows.
    armed: u64,
    bytes_out: u64,
    /// JavaScript was told of the end; its number may mean another connection by now.
    finished: bool,
    /// JavaScript wants no more requests for now.
    paused: bool,
}

/// Where a connection is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// No handshake yet; requests are held.
    Connecting,
    /// Frames flow.
    Open,
    /// Our close frame is on its way; the connection must end by then.
    Closing(Instant),
    /// Nothing is composed or read any more.
    Dead,
}

/// The socket's writing side.
#[derive(Clone)]
pub(super) enum Writer {
    Tokio(Arc<OwnedWriteHalf>),
    Libuv(Arc<TcpStream>),
}

impl Writer {
    fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tokio(writer) => writer.try_write(bytes),
            Self::Libuv(stream) => (&**stream).write(bytes),
        }
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
    /// Whether the other side broke a rule, and was told so.
    pub fn is_told(&self) -> bool {
        matches!(self.error, Some(Error::Protocol(_) | Error::MessageTooBig))
    }

    pub fn abnormal(error: Option<Error>) -> Self {
        Self { code: ABNORMAL, reason: String::new(), error }
    }
}

/// What is done with a subscriber that does not keep up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SlowSubscriber {
    /// Its connection is to be ended.
    Disconnect,
    /// It loses the oldest messages that wait for it.
    Drop,
}

/// What became of a published message.
#[derive(Debug)]
pub enum Delivery {
    /// It goes out.
    Composed(Composed),
    /// It waits, and so many older ones are lost.
    Dropped(usize),
    /// The subscriber is too far behind and did not get it.
    Behind,
    /// The connection is over.
    Over,
}

/// What a caller has to see to after composing.
#[derive(Debug)]
pub struct Composed {
    /// Bytes that wait to be written.
    pub waiting: usize,
    /// A deadline before all that the driver knows of.
    pub deadline: Option<u64>,
}

impl fmt::Debug for Conn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Conn({} {:?} {:?})", self.number, self.role, self.io())
    }
}

impl Conn {
    pub(super) fn new(hub: &Arc<Connections>, role: Role, settings: Settings) -> Self {
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
                armed: u64::MAX,
                bytes_out: 0,
                finished: false,
                paused: false,
            }),
            liveness: Liveness::new(hub.now()),
            bytes_in: AtomicU64::new(0),
            messages: AtomicU64::new(0),
            _counted: None,
            changed: Notify::new(),
        }
    }

    /// Counts as one of a server's, for as long as it lives.
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

    /// A reply to one of the other side's requests was composed.
    pub fn answered(&self) {
        self.liveness.answer();
    }

    /// Requests of the other side that are not answered, as far as they are counted.
    pub fn unanswered(&self) -> i64 {
        self.liveness.unanswered()
    }

    /// Whether the socket is read. What the other side sends meanwhile waits on its own host.
    pub fn set_reading(&self, reads: bool) {
        self.lock().paused = !reads;
        self.signal();
    }

    /// What it did so far.
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

    /// The id of the request that waits in `slot`.
    pub fn rid(&self, slot: u32) -> Option<Rid> {
        self.lock().requests.pending.rid(slot)
    }

    /// Nobody waits any more for what was asked: whatever is answered is dropped.
    pub fn abandon(&self) {
        self.lock().requests.clear();
    }

    /// What was chosen for it.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    pub(super) fn role(&self) -> Role {
        self.role
    }

    /// Composes a request that fails `timeout` ms after `now`, which is in microseconds; see
    /// [`Requests::send`]. `None` when the connection is over and the request goes with it, or when
    /// there is none.
    pub fn request(
        &self,
        slot: u32,
        now: u64,
        timeout: u64,
        fill: impl FnOnce(&mut Vec<u8>) -> bool,
    ) -> Option<Composed> {
        let deadline = milliseconds(now) + timeout.min(config::MAX_TIMEOUT_MS);
        let mut half = self.lock();
        if !half.accepts() || slot >= config::MAX_SLOTS {
            half.requests.refuse();
            return None;
        }
        let Half { requests, out, .. } = &mut *half;
        if !requests.send(out, slot, now, deadline, fill) {
            return None;
        }
        let earlier = deadline < half.armed;
        if earlier {
            half.armed = deadline;
            self.signal();
        }
        Some(Composed { waiting: half.out.len(), deadline: earlier.then_some(deadline) })
    }

    /// Changes who gets the messages that come from now on.
    pub fn set_lanes(&self, lanes: Lanes) {
        self.lanes.store(lanes.bits(), Ordering::SeqCst);
    }

    pub(super) fn lanes(&self) -> Lanes {
        Lanes::from_bits(self.lanes.load(Ordering::Relaxed))
    }

    /// Composes any frame. `None` when the connection is over.
    pub fn frame(&self, opcode: Opcode, payload: &[u8]) -> Option<Composed> {
        let mut half = self.lock();
        if !half.accepts() {
            return None;
        }
        half.take_in(usize::MAX);
        half.out.frame(opcode, payload);
        Some(Composed { waiting: half.out.len(), deadline: None })
    }

    /// Adds a published message. A subscriber that is too far behind gets nothing any more, or
    /// loses its oldest messages, as `policy` says.
    pub fn publish(&self, message: &Arc<Published>, policy: SlowSubscriber) -> Delivery {
        let mut half = self.lock();
        if !half.accepts() {
            return Delivery::Over;
        }
        let Half { out, backlog, .. } = &mut *half;
        let len = message.frame().len();
        let own = out.is_empty() || out.len() + len <= config::SUBSCRIBER_OWN_BYTES;
        if own && backlog.is_empty() {
            out.raw(message.frame());
            return Delivery::Composed(Composed { waiting: out.len(), deadline: None });
        }
        let limit = self.settings.high_water.saturating_sub(out.len());
        let lost = match policy {
            SlowSubscriber::Disconnect if backlog.bytes() > limit => return Delivery::Behind,
            SlowSubscriber::Disconnect => 0,
            SlowSubscriber::Drop => backlog.shorten(limit),
        };
        backlog.push(message.clone());
        match lost {
            0 => Delivery::Composed(Composed { waiting: out.len(), deadline: None }),
            lost => Delivery::Dropped(lost),
        }
    }

    /// Bytes that wait to be written.
    pub fn waiting(&self) -> usize {
        self.lock().waiting()
    }

    /// Composes a text frame; see [`Outbound::text`]. `None` when the connection is over, or there
    /// is none.
    pub fn text(&self, fill: impl FnOnce(&mut Vec<u8>) -> bool) -> Option<Composed> {
        let mut half = self.lock();
        half.take_in(usize::MAX);
        if !half.accepts() || !half.out.text(fill) {
            return None;
        }
        Some(Composed { waiting: half.out.len(), deadline: None })
    }

    /// Writes what waits, as far as the kernel takes it without blocking. Returns whether
    /// something is left for the driver.
    pub fn flush(&self) -> bool {
        let mut half = self.lock();
        // A stream's bytes are fetched; a connection without a handshake has to wait.
        if half.phase == Phase::Connecting || self.io() == Io::Stream {
            return false;
        }
        loop {
            half.take_in(config::SUBSCRIBER_OWN_BYTES);
            let Some(bytes) = half.out.take() else { return false };
            let Some(writer) = half.writer.clone() else {
                half.out.put_back(bytes, 0);
                half.out.clear();
                return false;
            };
            drop(half);
            let result = writer.try_write(&bytes);
            half = self.lock();
            let written = match result {
                Ok(written) => {
                    half.bytes_out += written as u64;
                    written
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => 0,
                // The reading side meets the same error and tells it.
                Err(_) => bytes.len(),
            };
            let partial = written < bytes.len();
            half.out.put_back(bytes, written);
            if partial {
                half.blocked = true;
                self.signal();
                return true;
            }
        }
    }

    /// Ends the connection with a closing handshake; `None` is without a code. Replies that come
    /// until it is done are still heard.
    pub fn close(&self, code: Option<u16>, reason: &str) {
        let mut half = self.lock();
        match half.phase {
            Phase::Open => {
                half.take_in(usize::MAX);
                half.out.close(code, reason);
                half.phase = Phase::Closing(Instant::now() + config::CLOSE_TIMEOUT);
            }
            Phase::Connecting => half.phase = Phase::Dead,
            Phase::Closing(_) | Phase::Dead => return,
        }
        drop(half);
        self.flush();
        self.signal();
    }

    /// Ends the connection at once; what the kernel takes now still goes out.
    pub fn terminate(&self) {
        self.flush();
        self.lock().phase = Phase::Dead;
        self.signal();
    }

    /// The socket is there. `handshake` is what a server answers, held until [`open`](Self::open).
    pub(super) fn attach(&self, writer: Writer, handshake: &[u8]) {
        let mut half = self.lock();
        half.writer = Some(writer);
        half.out.raw(handshake);
    }

    /// Frames may flow, unless the connection was ended meanwhile. A server's connection is opened
    /// by the JavaScript thread, which knows of it by then: the client can ask for nothing earlier.
    pub fn open(&self) {
        {
            let mut half = self.lock();
            if half.phase == Phase::Connecting {
                half.phase = Phase::Open;
            }
            let Half { requests, out, .. } = &mut *half;
            requests.open(out);
        }
        self.flush();
        self.signal();
    }

    /// Gives up the request in `slot`. False: it waits no more, and JavaScript is told or was.
    pub fn forget(&self, slot: u32) -> bool {
        self.lock().requests.forget(slot)
    }

    /// Fails the requests whose deadline has come; returns when to look again.
    pub fn expire(&self) -> u64 {
        let mut half = self.lock();
        let slots = half.requests.expire(self.hub.now());
        half.armed = half.requests.pending.check_at();
        if !slots.is_empty() {
            // Under the lock: after `Closed` the number may mean another connection.
            self.hub.event(Event::Expired { conn: self.number, slots });
        }
        half.armed
    }

    /// Whether all that was composed is written.
    pub(super) fn is_written(&self) -> bool {
        self.lock().out.is_written()
    }

    /// Takes what the kernel has not taken so far, for good.
    pub(super) fn take_rest(&self) -> Vec<u8> {
        self.lock().out.take_all().unwrap_or_default()
    }

    /// Moves a stream's bytes that wait to be written into `to`; returns how many there were room
    /// for.
    pub(super) fn take_output(&self, to: &mut [u8]) -> usize {
        let mut half = self.lock();
        if half.phase == Phase::Connecting {
            return 0;
        }
        let Some(taken) = half.out.take() else { return 0 };
        let len = taken.len().min(to.len());
        to[..len].copy_from_slice(&taken[..len]);
        half.out.put_back(taken, len);
        half.bytes_out += len as u64;
        len
    }

    /// The connection is over: nobody composes any more, the socket closes, JavaScript hears of it
    /// the first time.
    pub(super) fn finish(&self, ended: Ended) {
        {
            let mut half = self.lock();
            half.out.clear();
            half.backlog = Backlog::default();
        }
        self.finish_keeping_output(ended);
    }

    /// As [`finish`](Self::finish), for a stream: what waits, a close frame, can still be fetched.
    pub(super) fn finish_keeping_output(&self, ended: Ended) {
        let mut half = self.lock();
        half.phase = Phase::Dead;
        half.requests.clear();
        half.writer = None;
        if !mem::replace(&mut half.finished, true) {
            let Ended { code, reason, error } = ended;
            self.hub.event(Event::Closed { conn: self.number, code, reason, error });
        }
        drop(half);
        self.signal();
    }

    /// What the driver has to wait for.
    pub(super) fn state(&self) -> State {
        let half = self.lock();
        State {
            phase: half.phase,
            writer: half.blocked.then(|| half.writer.clone()).flatten(),
            check_at: half.armed,
            // The closing handshake has to come to its end.
            may_read: half.out.len() <= self.settings.high_water
                && !(half.paused && half.phase == Phase::Open),
        }
    }

    /// Asks a silent other side for a sign of life; returns when to look again.
    ///
    /// # Errors
    /// It was asked, and said nothing for a whole interval.
    pub(super) fn beat(&self) -> Result<u64, Ended> {
        let every = self.settings.heartbeat;
        if every == 0 {
            return Ok(u64::MAX);
        }
        let mut half = self.lock();
        let waits = !half.requests.pending.is_empty() || half.phase != Phase::Open;
        match self.liveness.beat(self.hub.now(), every, waits) {
            Beat::Wait(time) => Ok(time),
            Beat::Gone => Err(Ended::abnormal(Some(Error::Silent))),
            Beat::Ask(time) => {
                if half.phase == Phase::Open {
                    half.out.frame(Opcode::Ping, b"");
                }
                drop(half);
                if self.io() == Io::Stream {
                    self.hub.event(Event::Composed { conn: self.number });
                } else {
                    self.flush();
                }
                Ok(time)
            }
        }
    }

    /// The socket takes bytes again, so somebody reads them.
    pub(super) fn unblocked(&self) {
        self.liveness.hear(self.hub.now());
        self.lock().blocked = false;
        if !self.flush() && self.lanes().has(Lanes::SOCKET) {
            self.hub.event(Event::Drained { conn: self.number });
        }
    }

    /// Waits until something changed that a task must look at.
    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }

    fn signal(&self) {
        self.changed.notify_one();
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Half> {
        self.half.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Half {
    /// Moves published messages that wait to the connection's own buffer, until it holds `bytes`:
    /// all of them before anything else is composed, so that nothing overtakes them.
    fn take_in(&mut self, bytes: usize) {
        while self.out.len() < bytes
            && let Some(message) = self.backlog.pop()
        {
            self.out.raw(message.frame());
        }
    }

    /// Bytes that wait to be written.
    fn waiting(&self) -> usize {
        self.out.len() + self.backlog.bytes()
    }

    fn accepts(&self) -> bool {
        matches!(self.phase, Phase::Connecting | Phase::Open)
    }
}

/// A driver's view of a connection.
pub(super) struct State {
    pub phase: Phase,
    /// Set while the kernel's buffer is full.
    pub writer: Option<Writer>,
    pub check_at: u64,
    /// A receiver that does not take its answers, or has too many to come, sends no more requests
    /// for now.
    pub may_read: bool,
}
