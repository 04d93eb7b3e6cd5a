//! The portable driver: sockets on a thread of their own.
//!
//! Reading, parsing and correlating happen there; composing and the first attempt to write
//! happen on the thread that calls, so that an answer leaves without a thread hop.

use super::{Destination, Hub, address, io, tasks::Tasks};
use crate::{
    config,
    error::Error,
    rpc::{Batch, Event, Frame, Requests, split},
    ws::{ClientHandshake, Inbound, Incoming, Outbound, Role, Upgrade, read_request},
};
use std::{
    cell::RefCell,
    future::{pending, poll_fn},
    io::ErrorKind,
    net::SocketAddr,
    pin::{Pin, pin},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::Poll,
};
use tokio::{
    io::{AsyncRead, ReadBuf},
    net::{
        TcpListener, TcpStream, lookup_host,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::Notify,
    time::{Instant, sleep_until, timeout},
};

type Connections = Hub<Arc<Conn>>;

thread_local! {
    /// What a read brings. Shared by all connections of a thread, since none keeps bytes here.
    static SCRATCH: RefCell<Vec<u8>> = RefCell::new(vec![0; config::SCRATCH_BYTES]);
}

/// The sockets of one JavaScript environment.
pub struct Driver {
    hub: Arc<Connections>,
    tasks: Tasks,
}

impl Driver {
    /// A driver that reports to `hub`.
    pub fn new(hub: Arc<Connections>) -> Self {
        Self { hub, tasks: Tasks::default() }
    }

    /// Listens on `port` (0: any free one) of `host` (`None`: every interface).
    ///
    /// # Errors
    /// What the system says, with the address that was asked for.
    pub fn listen(&self, number: u32, host: Option<&str>, port: u16) -> Result<Server, Error> {
        let failed = |error| Error::system("listen", error, None);
        let runtime = io::runtime().map_err(failed)?;
        let listener = address::listen(host, port)?;
        let address = listener.local_addr().map_err(failed)?;
        let listener = {
            let _reactor = runtime.enter();
            TcpListener::from_std(listener).map_err(failed)?
        };
        let open = Arc::new(AtomicBool::new(true));
        let closed = Arc::new(Notify::new());
        let acceptor = Acceptor {
            number,
            hub: self.hub.clone(),
            tasks: self.tasks.clone(),
            open: open.clone(),
        };
        let until = closed.clone();
        self.tasks.spawn(runtime, async move {
            tokio::select! {
                () = acceptor.run(listener) => {}
                () = until.notified() => {}
            }
        });
        Ok(Server { address, open, closed })
    }

    /// Opens a connection to `dest`. It reports with `Opened` or `Closed`.
    pub fn connect(&self, dest: &str, path: &str) -> Arc<Conn> {
        let conn = Arc::new(Conn::new(&self.hub, self.hub.number(), Role::Client));
        let (dialled, dest, path) = (conn.clone(), dest.to_owned(), path.to_owned());
        self.spawn(async move {
            let ended = dialled.dial(&dest, &path).await;
            dialled.finish(ended);
        });
        conn
    }

    /// Runs another task of this environment.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        // Without threads nothing can have been listening or connected either.
        if let Ok(runtime) = io::runtime() {
            self.tasks.spawn(runtime, task);
        }
    }

    /// Ends everything at once.
    pub fn shut_down(&self) {
        self.tasks.abort_all();
    }
}

/// A listener. Dropping it stops the listening; connections stay.
pub struct Server {
    address: SocketAddr,
    open: Arc<AtomicBool>,
    closed: Arc<Notify>,
}

impl Server {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.open.store(false, Ordering::SeqCst);
        self.closed.notify_one();
    }
}

struct Acceptor {
    number: u32,
    hub: Arc<Connections>,
    tasks: Tasks,
    open: Arc<AtomicBool>,
}

impl Acceptor {
    async fn run(self, listener: TcpListener) {
        let Ok(runtime) = io::runtime() else { return };
        loop {
            match listener.accept().await {
                Ok((stream, _)) => {
                    let (server, hub, open) = (self.number, self.hub.clone(), self.open.clone());
                    self.tasks.spawn(runtime, async move {
                        // A failed handshake concerns nobody but the client, who was told.
                        if let Ok(Some((stream, rest))) =
                            timeout(config::HANDSHAKE_TIMEOUT, upgrade(stream)).await
                            && open.load(Ordering::SeqCst)
                        {
                            serve(server, &hub, stream, &rest).await;
                        }
                    });
                }
                // No descriptors left, or a client that was gone already: go on, but not hot.
                Err(_) => tokio::time::sleep(config::ACCEPT_RETRY).await,
            }
        }
    }
}

/// Answers a client's handshake. `None`: it was none, or the client went away.
async fn upgrade(stream: TcpStream) -> Option<(TcpStream, Vec<u8>)> {
    stream.set_nodelay(true).ok()?;
    let mut bytes = Vec::new();
    loop {
        if !read_more(&stream, &mut bytes).await.ok()? {
            return None;
        }
        match read_request(&bytes) {
            Upgrade::Partial => {}
            Upgrade::Accept { response, consumed } => {
                write_all(&stream, &response).await.ok()?;
                bytes.drain(..consumed);
                return Some((stream, bytes));
            }
            Upgrade::Refuse { response } => {
                write_all(&stream, &response).await.ok()?;
                return None;
            }
        }
    }
}

async fn serve(server: u32, hub: &Arc<Connections>, stream: TcpStream, rest: &[u8]) {
    let conn = Arc::new(Conn::new(hub, hub.number(), Role::Server));
    let reader = conn.open(stream);
    hub.event(Event::Accepted { server, conn: conn.clone() });
    let ended = conn.run(reader, rest).await;
    conn.finish(ended);
}

/// Reads once into `bytes`; false at the end of the stream. Handshakes only.
async fn read_more(stream: &TcpStream, bytes: &mut Vec<u8>) -> std::io::Result<bool> {
    let mut part = [0; 1024];
    loop {
        stream.readable().await?;
        match stream.try_read(&mut part) {
            Ok(read) => {
                bytes.extend_from_slice(&part[..read]);
                return Ok(read > 0);
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
}

async fn write_all(stream: &TcpStream, mut bytes: &[u8]) -> std::io::Result<()> {
    while !bytes.is_empty() {
        stream.writable().await?;
        match stream.try_write(bytes) {
            Ok(written) => bytes = &bytes[written..],
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// One WebSocket connection, used by its task and by the JavaScript thread.
pub struct Conn {
    number: u32,
    role: Role,
    hub: Arc<Connections>,
    half: Mutex<Half>,
    /// Something in `half` changed that the task must look at.
    changed: Notify,
}

/// What both threads touch. Never locked during a system call.
struct Half {
    phase: Phase,
    out: Outbound,
    requests: Requests,
    writer: Option<Arc<OwnedWriteHalf>>,
    /// The kernel did not take everything: the task waits for room.
    blocked: bool,
    /// When the task wakes up for deadlines, as far as it knows.
    armed: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Connecting,
    Open,
    /// A close frame is on its way; the connection must end by then.
    Closing(Instant),
    Dead,
}

/// How a connection ended.
struct Ended {
    code: u16,
    reason: String,
    error: Option<Error>,
}

/// Close code of a connection that just broke (RFC 6455 section 7.1.5).
const ABNORMAL: u16 = 1006;
/// Close code of a close frame without one.
const NO_CODE: u16 = 1005;

impl Ended {
    fn abnormal(error: Option<Error>) -> Self {
        Self { code: ABNORMAL, reason: String::new(), error }
    }
}

impl Conn {
    fn new(hub: &Arc<Connections>, number: u32, role: Role) -> Self {
        let requests = match role {
            Role::Client => Requests::held(),
            Role::Server => Requests::default(),
        };
        Self {
            number,
            role,
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

    /// Composes a request that fails after `timeout` ms; see [`Requests::send`]. Returns how
    /// many bytes wait, or `None` when the connection is over and the request goes with it.
    pub fn request(&self, slot: u32, timeout: u64, fill: impl FnOnce(&mut Vec<u8>)) -> Option<usize> {
        let deadline = self.hub.now() + timeout.min(config::MAX_TIMEOUT_MS);
        let mut half = self.lock();
        if !half.accepts() || slot >= config::MAX_SLOTS {
            return None;
        }
        let Half { requests, out, .. } = &mut *half;
        requests.send(out, slot, deadline, fill);
        if deadline < half.armed {
            half.armed = deadline;
            self.changed.notify_one();
        }
        Some(half.waiting())
    }

    /// Composes a text frame. Returns how many bytes wait, or `None` when the connection is over.
    pub fn text(&self, fill: impl FnOnce(&mut Vec<u8>)) -> Option<usize> {
        let mut half = self.lock();
        if !half.accepts() {
            return None;
        }
        half.out.text(fill);
        Some(half.waiting())
    }

    /// Writes what waits, as far as the kernel takes it without blocking.
    pub fn flush(&self) {
        let mut half = self.lock();
        if half.phase == Phase::Connecting {
            return;
        }
        while let Some(bytes) = half.out.take() {
            let Some(writer) = half.writer.clone() else {
                half.out.clear();
                return;
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
                self.changed.notify_one();
                return;
            }
        }
    }

    /// Ends the connection with a closing handshake. Requests that wait are forgotten.
    pub fn close(&self) {
        let mut half = self.lock();
        half.requests.pending.clear();
        match half.phase {
            Phase::Open => {
                half.out.close(None, "");
                half.phase = Phase::Closing(Instant::now() + config::CLOSE_TIMEOUT);
            }
            Phase::Connecting => half.phase = Phase::Dead,
            Phase::Closing(_) | Phase::Dead => return,
        }
        drop(half);
        self.flush();
        self.changed.notify_one();
    }

    /// Ends the connection at once; what the kernel takes now still goes out.
    pub fn terminate(&self) {
        self.flush();
        self.lock().phase = Phase::Dead;
        self.changed.notify_one();
    }

    /// Connects, does the handshake, and stays for the connection's life.
    async fn dial(&self, dest: &str, path: &str) -> Ended {
        let mut connected = pin!(connect(dest, path));
        let mut alarm = Alarm::new();
        loop {
            let (phase, check_at) = self.arm();
            if phase == Phase::Dead {
                return Ended::abnormal(None);
            }
            tokio::select! {
                result = &mut connected => {
                    return match result {
                        Ok((stream, rest)) => {
                            let reader = self.open(stream);
                            self.hub.event(Event::Opened { conn: self.number });
                            self.flush();
                            self.run(reader, &rest).await
                        }
                        Err(error) => Ended::abnormal(Some(error)),
                    };
                }
                () = alarm.at(&self.hub, check_at) => self.expire(),
                () = self.changed.notified() => {}
            }
        }
    }

    /// The handshake is done: frames may flow.
    fn open(&self, stream: TcpStream) -> OwnedReadHalf {
        let (reader, writer) = stream.into_split();
        let mut half = self.lock();
        half.writer = Some(Arc::new(writer));
        if half.phase == Phase::Connecting {
            half.phase = Phase::Open;
        }
        let Half { requests, out, .. } = &mut *half;
        requests.open(out);
        reader
    }

    /// Moves bytes until the connection ends. `rest` came with the handshake.
    async fn run(&self, mut reader: OwnedReadHalf, rest: &[u8]) -> Ended {
        let mut state = Reading { inbound: Inbound::new(self.role), end: None, control: Vec::new() };
        if let Err(ended) = self.received(&mut state, rest) {
            return ended;
        }
        let mut alarm = Alarm::new();
        loop {
            let (phase, check_at) = self.arm();
            let until = match phase {
                Phase::Dead => return Ended::abnormal(None),
                Phase::Closing(until) => Some(until),
                Phase::Connecting | Phase::Open => None,
            };
            let (blocked, waiting) = {
                let half = self.lock();
                (half.blocked.then(|| half.writer.clone()).flatten(), half.waiting())
            };
            // Registered before the check, so that room made in between is noticed.
            let mut room = pin!(self.hub.room());
            room.as_mut().enable();
            let paused = waiting > config::WRITE_HIGH_WATER || self.hub.is_full();
            tokio::select! {
                // In this order, so that a socket that always has more cannot hold up the rest.
                biased;
                () = self.changed.notified() => {}
                () = alarm.at(&self.hub, check_at) => self.expire(),
                () = closing(until) => return Ended::abnormal(None),
                () = writable(blocked) => {
                    self.lock().blocked = false;
                    self.flush();
                }
                () = room, if paused => {}
                result = self.read(&mut reader, &mut state), if !paused => {
                    if let Err(ended) = result {
                        return ended;
                    }
                }
            }
        }
    }

    /// Reads once and deals with what came.
    async fn read(&self, reader: &mut OwnedReadHalf, state: &mut Reading) -> Result<(), Ended> {
        poll_fn(|cx| {
            SCRATCH.with_borrow_mut(|scratch| {
                let mut buf = ReadBuf::new(scratch);
                match Pin::new(&mut *reader).poll_read(cx, &mut buf) {
                    Poll::Pending => Poll::Pending,
                    Poll::Ready(Ok(())) if buf.filled().is_empty() => {
                        Poll::Ready(Err(state.end.take().unwrap_or_else(|| Ended::abnormal(None))))
                    }
                    Poll::Ready(Ok(())) => Poll::Ready(self.received(state, buf.filled())),
                    Poll::Ready(Err(error)) => {
                        let error = Error::system("read", error, None);
                        Poll::Ready(Err(state.end.take().unwrap_or(Ended::abnormal(Some(error)))))
                    }
                }
            })
        })
        .await
    }

    /// Parses bytes, and passes on what they complete.
    fn received(&self, state: &mut Reading, bytes: &[u8]) -> Result<(), Ended> {
        let mut batch = Batch::with_capacity(bytes.len());
        let Reading { inbound, end, control } = state;
        let result = inbound.receive(bytes, control, |message| match message {
            Incoming::Text(text) => self.message(&mut batch, text),
            Incoming::Binary(data) => self.message(&mut batch, &String::from_utf8_lossy(data)),
            Incoming::Close(frame) => {
                let (code, reason) = frame.map_or((NO_CODE, ""), |(code, text)| (code, text));
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
        match (self.role, end.take()) {
            // The server ends the TCP connection first (RFC 6455 section 7.1.1).
            (Role::Server, Some(ended)) => Err(ended),
            (_, ended) => {
                *end = ended;
                Ok(())
            }
        }
    }

    fn message(&self, batch: &mut Batch<Arc<Conn>>, text: &str) {
        match self.role {
            Role::Server => self.incoming_request(batch, text),
            Role::Client => self.incoming_reply(batch, text),
        }
        if batch.is_full() {
            self.hub.append(std::mem::take(batch));
        }
    }

    fn incoming_request(&self, batch: &mut Batch<Arc<Conn>>, text: &str) {
        let conn = self.number;
        if text.len() <= config::BATCHED_MESSAGE_BYTES
            && let Frame::Three(rid, key, payload) = split(text)
        {
            batch.request(conn, rid, key, payload);
        } else {
            batch.event(Event::RequestText { conn, text: text.to_owned() });
        }
    }

    /// Replies that belong to no request are dropped here: late ones, and what is no reply.
    fn incoming_reply(&self, batch: &mut Batch<Arc<Conn>>, text: &str) {
        let conn = self.number;
        let resolve = |rid: &str| self.lock().requests.pending.resolve(rid.as_bytes());
        if text.len() <= config::BATCHED_MESSAGE_BYTES
            && let Frame::Three(rid, error, result) = split(text)
        {
            if let Some(slot) = unquote(rid).and_then(resolve) {
                batch.reply(conn, slot, error, result);
            }
        } else if let Some(slot) = first_string(text).and_then(resolve) {
            batch.event(Event::ReplyText { conn, slot, text: text.to_owned() });
        }
    }

    fn expire(&self) {
        let slots = self.lock().requests.pending.expire(self.hub.now());
        if !slots.is_empty() {
            self.hub.event(Event::Expired { conn: self.number, slots });
        }
    }

    /// The connection is over: nobody composes any more, the socket closes, JavaScript hears.
    fn finish(&self, ended: Ended) {
        {
            let mut half = self.lock();
            half.phase = Phase::Dead;
            half.requests.pending.clear();
            half.writer = None;
            half.out.clear();
        }
        let Ended { code, reason, error } = ended;
        self.hub.event(Event::Closed { conn: self.number, code, reason, error });
    }

    /// Notes that the task will wake up for the next deadline; returns it, and the phase.
    fn arm(&self) -> (Phase, u64) {
        let mut half = self.lock();
        half.armed = half.requests.pending.check_at();
        (half.phase, half.armed)
    }

    fn lock(&self) -> MutexGuard<'_, Half> {
        self.half.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Half {
    fn accepts(&self) -> bool {
        matches!(self.phase, Phase::Connecting | Phase::Open)
    }

    fn waiting(&self) -> usize {
        self.out.len()
    }
}

/// What the task alone has.
struct Reading {
    inbound: Inbound,
    /// The other side's close frame has come.
    end: Option<Ended>,
    control: Vec<u8>,
}

/// A sleep that is only set again when its time changes.
struct Alarm {
    sleep: Pin<Box<tokio::time::Sleep>>,
    time: u64,
}

impl Alarm {
    fn new() -> Self {
        Self { sleep: Box::pin(sleep_until(Instant::now())), time: 0 }
    }

    async fn at(&mut self, hub: &Connections, time: u64) {
        if time == u64::MAX {
            return pending().await;
        }
        if time != self.time {
            self.sleep.as_mut().reset(hub.instant(time));
            self.time = time;
        }
        self.sleep.as_mut().await;
        self.time = 0;
    }
}

async fn writable(writer: Option<Arc<OwnedWriteHalf>>) {
    match writer {
        // An error shows at the write that follows.
        Some(writer) => drop(writer.writable().await),
        None => pending().await,
    }
}

async fn closing(until: Option<Instant>) {
    match until {
        Some(until) => sleep_until(until).await,
        None => pending().await,
    }
}

/// A TCP connection and a handshake; returns what came after it.
async fn connect(dest: &str, path: &str) -> Result<(TcpStream, Vec<u8>), Error> {
    let stream = dial(&Destination::parse(dest)?).await?;
    timeout(config::HANDSHAKE_TIMEOUT, shake_hands(stream, dest, path))
        .await
        .map_err(|_| Error::HandshakeTimeout)?
}

async fn dial(dest: &Destination) -> Result<TcpStream, Error> {
    let unknown = || Error::UnknownHost(dest.host.clone());
    let found = lookup_host((dest.host.as_str(), dest.port)).await.map_err(|_| unknown())?;
    let mut last = unknown();
    for address in found {
        match timeout(config::CONNECT_TIMEOUT, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => {
                let nodelay = stream.set_nodelay(true);
                nodelay.map_err(|error| Error::system("connect", error, Some(address)))?;
                return Ok(stream);
            }
            Ok(Err(error)) => last = Error::system("connect", error, Some(address)),
            Err(_) => last = Error::ConnectTimeout(address),
        }
    }
    Err(last)
}

async fn shake_hands(
    stream: TcpStream,
    host: &str,
    path: &str,
) -> Result<(TcpStream, Vec<u8>), Error> {
    let failed = |error| Error::system("read", error, None);
    let (handshake, request) = ClientHandshake::new(host, path);
    write_all(&stream, &request).await.map_err(failed)?;
    let mut bytes = Vec::new();
    loop {
        if !read_more(&stream, &mut bytes).await.map_err(failed)? {
            return Err(Error::Handshake("socket hang up".into()));
        }
        if let Some(consumed) = handshake.read_response(&bytes)? {
            bytes.drain(..consumed);
            return Ok((stream, bytes));
        }
    }
}

/// A JSON string's content, if it needs no unescaping; ids never do.
fn unquote(json: &str) -> Option<&str> {
    json.strip_prefix('"')?.strip_suffix('"')
}

/// The first element of an array's text, if it is a plain string. V8 checks the rest.
fn first_string(text: &str) -> Option<&str> {
    let (first, _) = text.trim_start().strip_prefix('[')?.trim_start().strip_prefix('"')?.split_once('"')?;
    Some(first)
}
