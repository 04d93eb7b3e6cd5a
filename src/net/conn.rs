//! One WebSocket connection, whichever driver moves its bytes.
//!
//! The thread that calls composes and writes; the driver reads, and writes what had to wait.
//! With the tokio driver those are two threads, so the shared half is locked, though never
//! during a system call.

use super::Hub;
use crate::{
    config,
    error::Error,
    rpc::{Batch, Data, Event, Frame, Requests, split},
    ws::{Head, Inbound, Incoming, Opcode, Outbound, Role},
};
use std::{
    fmt,
    io::{self, ErrorKind, Write},
    net::{SocketAddr, TcpStream},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU8, Ordering},
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

/// Who gets the messages of a connection. Any combination: RPC goes on while others listen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lanes(u8);

impl Lanes {
    /// Nobody: messages are read and dropped.
    pub const NONE: Self = Self(0);
    /// The native RPC machinery.
    pub const RPC: Self = Self(1);
    /// Listeners of the socket itself, who also hear of pings, pongs and drains.
    pub const SOCKET: Self = Self(2);

    /// The lanes of a set of bits.
    pub fn from_bits(bits: u8) -> Self {
        Self(bits)
    }

    /// The set's bits.
    pub fn bits(self) -> u8 {
        self.0
    }

    fn has(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

/// Which driver moves a connection's bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Io {
    /// Node's own event loop.
    Libuv,
    /// A thread beside it.
    Tokio,
    /// JavaScript hands bytes in and out: TLS.
    Stream,
}

/// A connection, used by its driver and by the JavaScript thread.
pub struct Conn {
    number: u32,
    role: Role,
    io: Io,
    lanes: AtomicU8,
    hub: Arc<Connections>,
    half: Mutex<Half>,
    /// Something changed that the task must look at which dials or runs the connection.
    changed: Notify,
}

struct Half {
    phase: Phase,
    out: Outbound,
    requests: Requests,
    writer: Option<Writer>,
    /// The kernel did not take everything: the driver waits for room.
    blocked: bool,
    /// When the driver looks for expired requests, as far as it knows.
    armed: u64,
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
    code: u16,
    reason: String,
    error: Option<Error>,
}

/// Close code of a connection that just broke (RFC 6455 section 7.1.5).
const ABNORMAL: u16 = 1006;
/// Close code of a close frame without one.
const NO_CODE: u16 = 1005;

impl Ended {
    pub fn abnormal(error: Option<Error>) -> Self {
        Self { code: ABNORMAL, reason: String::new(), error }
    }
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
        write!(f, "Conn({} {:?} {:?})", self.number, self.role, self.io)
    }
}

impl Conn {
    pub(super) fn new(hub: &Arc<Connections>, number: u32, role: Role, io: Io) -> Self {
        let requests = match role {
            Role::Client => Requests::held(),
            Role::Server => Requests::default(),
        };
        Self {
            number,
            role,
            io,
            lanes: AtomicU8::new(Lanes::RPC.bits()),
            hub: hub.clone(),
            half: Mutex::new(Half {
                phase: Phase::Connecting,
                out: Outbound::new(role),
                requests,
                writer: None,
                blocked: false,
                armed: u64::MAX,
            }),
            changed: Notify::new(),
        }
    }

    /// The connection's number, by which JavaScript knows it.
    pub fn number(&self) -> u32 {
        self.number
    }

    /// Which driver moves its bytes.
    pub fn io(&self) -> Io {
        self.io
    }

    pub(super) fn role(&self) -> Role {
        self.role
    }

    /// Composes a request that fails after `timeout` ms; see [`Requests::send`]. `None` when the
    /// connection is over and the request goes with it, or when there is none.
    pub fn request(
        &self,
        slot: u32,
        timeout: u64,
        fill: impl FnOnce(&mut Vec<u8>) -> bool,
    ) -> Option<Composed> {
        let deadline = self.hub.now() + timeout.min(config::MAX_TIMEOUT_MS);
        let mut half = self.lock();
        if !half.accepts() || slot >= config::MAX_SLOTS {
            return None;
        }
        let Half { requests, out, .. } = &mut *half;
        if !requests.send(out, slot, deadline, fill) {
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

    fn lanes(&self) -> Lanes {
        Lanes::from_bits(self.lanes.load(Ordering::Relaxed))
    }

    /// Composes any frame. `None` when the connection is over.
    pub fn frame(&self, opcode: Opcode, payload: &[u8]) -> Option<Composed> {
        let mut half = self.lock();
        if !half.accepts() {
            return None;
        }
        half.out.frame(opcode, payload);
        Some(Composed { waiting: half.out.len(), deadline: None })
    }

    /// Adds a frame that is composed already. `None` when the connection is over.
    pub fn composed(&self, frame: &[u8]) -> Option<Composed> {
        let mut half = self.lock();
        if !half.accepts() {
            return None;
        }
        half.out.raw(frame);
        Some(Composed { waiting: half.out.len(), deadline: None })
    }

    /// Bytes that wait to be written.
    pub fn waiting(&self) -> usize {
        self.lock().out.len()
    }

    /// Composes a text frame; see [`Outbound::text`]. `None` when the connection is over, or there
    /// is none.
    pub fn text(&self, fill: impl FnOnce(&mut Vec<u8>) -> bool) -> Option<Composed> {
        let mut half = self.lock();
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
        if half.phase == Phase::Connecting || self.io == Io::Stream {
            return false;
        }
        while let Some(bytes) = half.out.take() {
            let Some(writer) = half.writer.clone() else {
                half.out.put_back(bytes, 0);
                half.out.clear();
                return false;
            };
            drop(half);
            let result = writer.try_write(&bytes);
            half = self.lock();
            let written = match result {
                Ok(written) => written,
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
        false
    }

    /// Ends the connection with a closing handshake; `None` is without a code. Requests that wait
    /// are forgotten.
    pub fn close(&self, code: Option<u16>, reason: &str) {
        let mut half = self.lock();
        half.requests.pending.clear();
        match half.phase {
            Phase::Open => {
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

    /// Parses bytes, which it may change, and passes on what they complete.
    pub(super) fn receive(&self, reading: &mut Reading, bytes: &mut [u8]) -> Result<(), Ended> {
        let mut batch = Batch::with_capacity(bytes.len());
        let Reading { inbound, end, control } = reading;
        let result = inbound.receive(bytes, control, |message| match message {
            Incoming::Text(text) => self.message(&mut batch, Message::Text(text)),
            Incoming::Binary(bytes) => self.message(&mut batch, Message::Binary(bytes)),
            Incoming::Ping(data) if self.lanes().has(Lanes::SOCKET) => {
                batch.event(Event::Ping { conn: self.number, data: data.to_owned() });
            }
            Incoming::Pong(data) if self.lanes().has(Lanes::SOCKET) => {
                batch.event(Event::Pong { conn: self.number, data: data.to_owned() });
            }
            Incoming::Ping(_) | Incoming::Pong(_) => {}
            Incoming::Close(frame) => {
                let (code, reason) = frame.unwrap_or((NO_CODE, ""));
                *end = Some(Ended { code, reason: reason.to_owned(), error: None });
            }
        });
        if !batch.is_empty() {
            self.hub.append(batch);
        }
        if !control.is_empty() {
            let mut half = self.lock();
            // After our own close frame nothing more may be sent.
            if half.phase == Phase::Open {
                half.out.raw(control);
            }
            drop(half);
            control.clear();
            self.flush();
        }
        if let Err(error) = result {
            let mut half = self.lock();
            if half.phase == Phase::Open {
                half.out.close(Some(error.close_code()), "");
            }
            drop(half);
            self.flush();
            return Err(Ended::abnormal(Some(error)));
        }
        // A client that closed lets the server end the TCP connection (RFC 6455 section 7.1.1),
        // which has a time limit. One that was told to close is done with its answer: nobody
        // reads its requests any more.
        let waits = self.role == Role::Client && self.lock().phase != Phase::Open;
        if !waits && let Some(ended) = end.take() {
            return Err(ended);
        }
        Ok(())
    }

    fn message(&self, batch: &mut Batch<Arrival>, message: Message<'_>) {
        let lanes = self.lanes();
        if lanes.has(Lanes::RPC) {
            match self.role {
                Role::Server => self.incoming_request(batch, message),
                Role::Client => self.incoming_reply(batch, message),
            }
        }
        // After the RPC machinery, whose listener was there first.
        if lanes.has(Lanes::SOCKET) {
            let conn = self.number;
            match message {
                Message::Text(text) if text.len() <= config::BATCHED_MESSAGE_BYTES => {
                    batch.message(conn, text);
                }
                _ => batch.event(Event::Message { conn, data: message.to_data() }),
            }
        }
        if batch.is_full() {
            self.hub.append(std::mem::take(batch));
        }
    }

    fn incoming_request(&self, batch: &mut Batch<Arrival>, message: Message<'_>) {
        let conn = self.number;
        if let Some(text) = message.small_text()
            && let Frame::Three(rid, key, payload) = split(text)
        {
            batch.request(conn, rid, key, payload);
        } else {
            batch.event(Event::Request { conn, data: message.to_data() });
        }
    }

    /// Replies that belong to no request are dropped here: late ones, and what is no reply.
    fn incoming_reply(&self, batch: &mut Batch<Arrival>, message: Message<'_>) {
        let conn = self.number;
        let resolve = |rid: &str| self.lock().requests.pending.resolve(rid.as_bytes());
        if let Some(text) = message.small_text()
            && let Frame::Three(rid, error, result) = split(text)
        {
            if let Some(slot) = unquote(rid).and_then(resolve) {
                batch.reply(conn, slot, error, result);
            }
        } else if let Some(slot) = message.first_string().and_then(resolve) {
            batch.event(Event::Reply { conn, slot, data: message.to_data() });
        }
    }

    /// Fails the requests whose deadline has come; returns when to look again.
    pub fn expire(&self) -> u64 {
        let (slots, next) = {
            let mut half = self.lock();
            let slots = half.requests.pending.expire(self.hub.now());
            half.armed = half.requests.pending.check_at();
            (slots, half.armed)
        };
        if !slots.is_empty() {
            self.hub.event(Event::Expired { conn: self.number, slots });
        }
        next
    }

    /// A stream's bytes that wait to be written.
    pub(super) fn take_output(&self) -> Option<Vec<u8>> {
        let mut half = self.lock();
        if half.phase == Phase::Connecting {
            return None;
        }
        half.out.take_all()
    }

    /// The connection is over: nobody composes any more, the socket closes, JavaScript hears.
    pub(super) fn finish(&self, ended: Ended) {
        self.lock().out.clear();
        self.finish_keeping_output(ended);
    }

    /// As [`finish`](Self::finish), for a stream: what waits, a close frame, can still be fetched.
    pub(super) fn finish_keeping_output(&self, ended: Ended) {
        {
            let mut half = self.lock();
            half.phase = Phase::Dead;
            half.requests.pending.clear();
            half.writer = None;
        }
        self.signal();
        let Ended { code, reason, error } = ended;
        self.hub.event(Event::Closed { conn: self.number, code, reason, error });
    }

    /// What the driver has to wait for.
    pub(super) fn state(&self) -> State {
        let half = self.lock();
        State {
            phase: half.phase,
            writer: half.blocked.then(|| half.writer.clone()).flatten(),
            check_at: half.armed,
            may_read: half.out.len() <= config::WRITE_HIGH_WATER,
        }
    }

    /// The socket takes bytes again.
    pub(super) fn unblocked(&self) {
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

    fn lock(&self) -> MutexGuard<'_, Half> {
        self.half.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Half {
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
    /// A receiver that does not take its answers sends no more requests for now.
    pub may_read: bool,
}

/// The reading half, the driver's alone.
pub(super) struct Reading {
    inbound: Inbound,
    /// The other side's close frame has come.
    end: Option<Ended>,
    control: Vec<u8>,
}

impl Reading {
    pub fn new(role: Role) -> Self {
        Self { inbound: Inbound::new(role), end: None, control: Vec::new() }
    }

    /// How the connection ended whose stream is over.
    pub fn ended(&mut self, error: Option<Error>) -> Ended {
        self.end.take().unwrap_or_else(|| Ended::abnormal(error))
    }
}

/// A JSON string's content, if it needs no unescaping; ids never do.
fn unquote(json: &str) -> Option<&str> {
    json.strip_prefix('"')?.strip_suffix('"')
}

/// A message while it is looked at.
#[derive(Clone, Copy)]
enum Message<'a> {
    Text(&'a str),
    Binary(&'a [u8]),
}

impl<'a> Message<'a> {
    /// The text, if it is small enough for a batch. Binary frames may hold JSON too.
    fn small_text(self) -> Option<&'a str> {
        let text = match self {
            Self::Text(text) => text,
            Self::Binary(bytes) if bytes.len() <= config::BATCHED_MESSAGE_BYTES => {
                std::str::from_utf8(bytes).ok()?
            }
            Self::Binary(_) => return None,
        };
        (text.len() <= config::BATCHED_MESSAGE_BYTES).then_some(text)
    }

    /// The first element of an array's text, if it is a plain string. V8 checks the rest.
    fn first_string(self) -> Option<&'a str> {
        let bytes = match self {
            Self::Text(text) => text.as_bytes(),
            Self::Binary(bytes) => bytes,
        };
        let inner = bytes.trim_ascii_start().strip_prefix(b"[")?.trim_ascii_start();
        let inner = inner.strip_prefix(b"\"")?;
        let end = inner.iter().position(|byte| *byte == b'"')?;
        std::str::from_utf8(&inner[..end]).ok()
    }

    fn to_data(self) -> Data {
        match self {
            Self::Text(text) => Data::Text(text.to_owned()),
            Self::Binary(bytes) => Data::Binary(bytes.to_owned()),
        }
    }
}
