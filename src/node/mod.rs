//! The binding: converts between JavaScript values and the plain data of the other modules,
//! and nothing else. One [`Core`] per JavaScript environment.

// The binding is described in index.d.ts and docs/ARCHITECTURE.md, from JavaScript's side.
#![allow(missing_docs)]

mod budget;
mod events;
mod flush;
mod grape;
mod meter;
mod raw;
mod socket;
#[cfg(unix)]
mod turn;
mod value;
mod wake;

use crate::{
    caught::caught,
    error::Error,
    link::Grapes,
    names::{self, Asker},
    net::{
        Admission, Arrival, BusyPoll, Conn, Connections, Delivery, Destination, Hub, Io, Lanes,
        Port, Settings, SlowSubscriber, Unsent, resolve,
        stream::Stream,
        tokio::{Driver, Server},
    },
    process,
    pubsub::Published,
    rpc::{self, Event},
    ws::{FIN, Opcode, Role},
};
use budget::Budget;
use events::{Failure, failure};
use meter::{Counted, Meter, Stats};
use napi::{
    CleanupEnvHook, Env, Result,
    bindgen_prelude::{BufferSlice, Either, Function, Object},
    sys,
};
use napi_derive::napi;
use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    mem,
    rc::{Rc, Weak},
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::sync::oneshot;
use wake::Wake;

/// JavaScript compares it with its own version: both are released together.
#[napi]
#[cfg_attr(test, expect(dead_code, reason = "napi exports nothing to Rust's tests"))]
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// State of the JavaScript thread. Never passed to another thread.
struct Inner {
    hub: Arc<Connections>,
    driver: Driver,
    #[cfg(unix)]
    in_loop: turn::InLoop,
    grapes: Grapes,
    /// Senders that cancel the pending exchanges when they are dropped; may include some of
    /// finished exchanges.
    exchanges: RefCell<HashMap<u32, oneshot::Sender<()>>>,
    conns: RefCell<Vec<Option<Entry>>>,
    /// Unwritten output, and whether some of it waits for the turn's end.
    unsent: Unsent,
    any_unsent: Cell<bool>,
    /// Connections being written.
    leaving: RefCell<Vec<Arc<Conn>>>,
    /// Since when output may wait because the event loop does not sleep.
    lingering_since: Cell<Option<Instant>>,
    /// When all composed output had to be written, or JavaScript's turn began, in ms.
    flushed: Cell<u64>,
    servers: RefCell<HashMap<u32, (Server, Rc<Counted>)>>,
    next_server: Cell<u32>,
    /// Shut down.
    is_over: Cell<bool>,
}

struct Entry {
    conn: Arc<Conn>,
    /// The server that accepted it.
    server: Option<u32>,
    /// Counters of its transport.
    counted: Option<Rc<Counted>>,
    /// A stream, whose bytes JavaScript moves.
    stream: Option<Stream>,
    /// JSON text of the key of the last request, with its comma.
    key: RefCell<Vec<u8>>,
}

/// Dropped when a panic interrupts work on a connection, which ends if its state is inconsistent.
struct Interrupted<'a> {
    inner: &'a Inner,
    entry: &'a Entry,
}

impl Drop for Interrupted<'_> {
    fn drop(&mut self) {
        // The first panic propagates to where it is caught; a second one must not join it.
        let _ = caught(|| {
            if self.entry.conn.is_spoilt() {
                self.inner.touched(&self.entry.conn);
            }
        });
    }
}

impl Inner {
    /// Keeps the sender that cancels an exchange. Those of finished ones are removed when there is
    /// no room for more.
    fn keep_exchange(&self, id: u32, end: oneshot::Sender<()>) {
        let mut exchanges = self.exchanges.borrow_mut();
        if exchanges.len() == exchanges.capacity() {
            exchanges.retain(|_, end| !end.is_closed());
            let left = exchanges.len();
            exchanges.reserve(left.max(1));
        }
        exchanges.insert(id, end);
    }

    fn with<R>(&self, number: u32, act: impl FnOnce(&Entry) -> R) -> Option<R> {
        let conns = self.conns.borrow();
        let entry = conns.get(number as usize).and_then(Option::as_ref)?;
        let interrupted = Interrupted { inner: self, entry };
        let result = act(entry);
        // It was not interrupted.
        mem::forget(interrupted);
        Some(result)
    }

    fn with_stream<R>(&self, number: u32, act: impl FnOnce(&Stream) -> R) -> Option<R> {
        self.with(number, |entry| entry.stream.as_ref().map(act)).flatten()
    }

    /// Registers a connection, and passes it to the libuv driver if that moves it.
    fn arrive(&self, server: Option<u32>, mut arrival: Arrival) -> u32 {
        let counted = server.and_then(|number| self.counted(number));
        let number = self.keep(arrival.conn.clone(), server, None, counted);
        if server.is_some() {
            arrival.conn.open();
        }
        #[cfg(unix)]
        self.in_loop.adopt(&mut arrival);
        number
    }

    fn keep(
        &self,
        conn: Arc<Conn>,
        server: Option<u32>,
        stream: Option<Stream>,
        counted: Option<Rc<Counted>>,
    ) -> u32 {
        let number = conn.number();
        let mut conns = self.conns.borrow_mut();
        if conns.len() <= number as usize {
            conns.resize_with(number as usize + 1, || None);
        }
        // A client's connection has been registered since the request for it.
        conns[number as usize].get_or_insert_with(|| Entry {
            conn,
            server,
            counted,
            stream,
            key: RefCell::default(),
        });
        number
    }

    /// Counters for a server's connections.
    fn counted(&self, server: u32) -> Option<Rc<Counted>> {
        self.servers.borrow().get(&server).map(|(_, counted)| counted.clone())
    }

    /// Notifies the driver in the loop of actions of the JavaScript thread.
    fn touched(&self, conn: &Conn) {
        #[cfg(unix)]
        if conn.io() == Io::Libuv {
            self.in_loop.touched(conn.number());
        }
    }

    /// The environment ends: output is written, wake-ups end, sockets close.
    fn shut_down(&self) {
        self.is_over.set(true);
        self.flush();
        self.flush_lingering(true);
        self.unsent.shut_down();
        self.hub.silence();
        self.servers.borrow_mut().clear();
        self.driver.shut_down();
        self.conns.borrow_mut().clear();
        self.exchanges.borrow_mut().clear();
    }
}

/// Results of composing a frame: the connection is closed, the frame is queued, or the receiver is
/// so far behind that the service should not reply until the event `room`.
const OVER: u32 = 0;
const SENT: u32 = 1;
const BEHIND: u32 = 2;

/// See [`Settings`].
#[napi(object)]
pub struct ConnectionSettings {
    pub in_loop: bool,
    /// Bits: 1 the RPC machinery, 2 listeners of the socket.
    pub lanes: u8,
    /// Microseconds; negative is adaptive.
    pub busy_poll: i32,
    pub max_payload: u32,
    pub heartbeat: u32,
    pub dial_after: u32,
    pub connect_timeout: u32,
    pub handshake_timeout: u32,
    /// Which clients are accepted: 0 no foreign pages over loopback, 1 all, 2 JavaScript decides
    /// about clients with an origin, 3 about every client.
    pub admission: u8,
    pub max_connections: u32,
    pub high_water: u32,
}

/// A subscriber that does not keep up.
#[napi(object)]
pub struct SlowConnection {
    pub conn: u32,
    pub lost: u32,
}

/// A server's address, or its error.
#[napi(object)]
pub struct Listening {
    pub server: Option<u32>,
    pub port: Option<u32>,
    pub address: Option<String>,
    pub error: Option<Failure>,
}

#[napi]
pub struct Core {
    env: sys::napi_env,
    hook: Option<CleanupEnvHook<Weak<Inner>>>,
    inner: Rc<Inner>,
}

impl Drop for Core {
    /// JavaScript has released it, as a test runner does with everything that it has loaded for one
    /// file: frees everything, as if its environment had ended. It is dropped after that as well.
    fn drop(&mut self) {
        if self.inner.is_over.get() {
            return;
        }
        let _ = caught(|| {
            #[cfg(unix)]
            turn::end(&self.inner);
            self.inner.shut_down();
        });
        if let Some(hook) = self.hook.take() {
            // Keeps the hook from being called. The hook's small allocation is not freed.
            let _ = Env::from_raw(self.env).remove_env_cleanup_hook(hook);
        }
    }
}

#[napi]
impl Core {
    /// `deliver` is called on the JavaScript thread when there is something to fetch. With
    /// `in_loop`, Node's own event loop may move connections, where that is possible.
    #[napi(constructor, catch_unwind)]
    pub fn new(env: Env, deliver: Function<'_, (), ()>, in_loop: bool) -> Result<Self> {
        // Unreferenced: listening and pending requests keep the process alive, not the loaded
        // module.
        let wake = Wake::new(&env, &deliver)?;
        let hub = Arc::new(Hub::new(move || wake.call()));
        let inner = Rc::new(Inner {
            driver: Driver::new(hub.clone()),
            #[cfg(unix)]
            in_loop: turn::InLoop::default(),
            hub,
            grapes: Grapes::default(),
            exchanges: RefCell::default(),
            conns: RefCell::default(),
            unsent: Unsent::default(),
            any_unsent: Cell::new(false),
            leaving: RefCell::default(),
            lingering_since: Cell::new(None),
            flushed: Cell::new(0),
            servers: RefCell::default(),
            next_server: Cell::new(0),
            is_over: Cell::new(false),
        });
        #[cfg(unix)]
        if in_loop {
            turn::start(&env, &inner, &deliver)?;
        }
        let hook = env.add_env_cleanup_hook(Rc::downgrade(&inner), |inner| {
            // There is no caller that could handle the panic.
            let _ = caught(|| inner.upgrade().map(|inner| inner.shut_down()));
        })?;
        Ok(Self { env: env.raw(), hook: Some(hook), inner })
    }

    /// Whether Node's own event loop can move connections here.
    #[napi(getter, catch_unwind)]
    pub fn in_loop(&self) -> bool {
        #[cfg(unix)]
        return self.inner.in_loop.is_running();
        #[cfg(not(unix))]
        return false;
    }

    /// The functions of the hot path: see `raw.rs`.
    #[napi(catch_unwind)]
    pub fn raw<'env>(&self, env: &'env Env) -> Result<Object<'env>> {
        raw::functions(env, &self.inner)
    }

    /// `shared`: other processes that set this too can listen on the same port.
    #[napi(catch_unwind)]
    pub fn listen(
        &self,
        port: u16,
        host: Option<String>,
        shared: bool,
        settings: ConnectionSettings,
        meter: &Meter,
        budget: &Budget,
    ) -> Listening {
        let number = self.inner.next_server.get();
        let at = Port { host: host.as_deref(), port, shared };
        match self.inner.driver.listen(number, at, settings.into(), budget.inner.clone()) {
            Ok(server) => {
                self.inner.next_server.set(number.wrapping_add(1));
                let address = server.address();
                self.inner.servers.borrow_mut().insert(number, (server, meter.counted()));
                Listening {
                    server: Some(number),
                    port: Some(address.port().into()),
                    address: Some(address.ip().to_string()),
                    error: None,
                }
            }
            Err(error) => {
                Listening { server: None, port: None, address: None, error: Some(failure(&error)) }
            }
        }
    }

    /// Accepts the client of a question, or rejects it with the response `refusal`.
    #[napi(catch_unwind)]
    pub fn decide(&self, ask: u32, refusal: Option<String>) {
        self.inner.driver.decide(ask, refusal.map(String::into_bytes));
    }

    /// The limit of this process's file descriptors; `None` where the system does not tell.
    #[napi(catch_unwind)]
    pub fn descriptors(&self) -> Option<u32> {
        process::descriptors().map(|count| u32::try_from(count).unwrap_or(u32::MAX))
    }

    #[napi(catch_unwind)]
    pub fn unlisten(&self, server: u32) {
        self.inner.servers.borrow_mut().remove(&server);
    }

    #[napi(catch_unwind)]
    pub fn connect(
        &self,
        dest: String,
        path: String,
        settings: ConnectionSettings,
        meter: &Meter,
        budget: &Budget,
    ) -> u32 {
        let conn = self.inner.driver.connect(&dest, &path, settings.into(), &budget.inner);
        self.inner.keep(conn, None, None, Some(meter.counted()))
    }

    /// A connection whose bytes JavaScript moves, on the side of a server or a client; it waits for
    /// `open_stream`.
    #[napi(catch_unwind)]
    pub fn stream(
        &self,
        is_server: bool,
        settings: ConnectionSettings,
        meter: &Meter,
        budget: &Budget,
    ) -> u32 {
        let role = if is_server { Role::Server } else { Role::Client };
        let settings = Settings { io: Io::Stream, ..settings.into() };
        let stream =
            Stream::new(&self.inner.driver, &self.inner.hub, role, settings, &budget.inner);
        self.inner.keep(stream.conn().clone(), None, Some(stream), Some(meter.counted()))
    }

    /// Whether a connection moves something large; `descriptor` is that of a stream's TCP socket.
    #[napi(catch_unwind)]
    pub fn moves_much(&self, conn: u32, descriptor: Option<i32>) -> bool {
        self.inner.with(conn, |entry| entry.conn.moves_much(descriptor)).unwrap_or(false)
    }

    /// The handshake of a stream is complete; `descriptor` is that of its TCP socket.
    #[napi(catch_unwind)]
    pub fn open_stream(&self, conn: u32, descriptor: Option<i32>) {
        self.inner.with_stream(conn, |stream| stream.open(descriptor));
    }

    /// Whether so much waits to be fetched that reading should stop.
    #[napi(getter, catch_unwind)]
    pub fn is_full(&self) -> bool {
        self.inner.hub.is_full()
    }

    /// All data received until a stream's deadline was read: what is due ends now.
    #[napi(catch_unwind)]
    pub fn expire_stream(&self, conn: u32, descriptor: Option<i32>) {
        self.inner.with_stream(conn, |stream| stream.expire(descriptor));
    }

    /// A stream is closed.
    #[napi(catch_unwind)]
    pub fn end_stream(&self, conn: u32) {
        self.inner.with_stream(conn, Stream::end);
    }

    /// Sets who gets a connection's messages: 1 the RPC machinery, 2 listeners of the socket.
    #[napi(catch_unwind)]
    pub fn set_lanes(&self, conn: u32, lanes: u8) {
        self.inner.with(conn, |entry| entry.conn.set_lanes(Lanes::from_bits(lanes)));
    }

    /// Drops a connection's messages from now on, and those that wait to be fetched.
    #[napi(catch_unwind)]
    pub fn ignore(&self, conn: u32) {
        self.inner.with(conn, |entry| entry.conn.ignore());
    }

    /// The same, for future connections of a server.
    #[napi(catch_unwind)]
    pub fn set_server_lanes(&self, server: u32, lanes: u8) {
        if let Some((server, _)) = self.inner.servers.borrow().get(&server) {
            server.set_lanes(Lanes::from_bits(lanes));
        }
    }

    /// Composes a frame: `first` is its first byte, the opcode and whether it ends the message (RFC
    /// 6455 section 5.2). Returns 0 when the connection is closed, 2 when its receiver is far
    /// behind, else 1.
    #[napi(catch_unwind)]
    pub fn send(&self, conn: u32, first: u8, data: Either<String, BufferSlice<'_>>) -> u32 {
        let inner = &self.inner;
        let bytes = match &data {
            Either::A(text) => text.as_bytes(),
            Either::B(bytes) => bytes,
        };
        let sent = inner.with(conn, |entry| {
            let composed = entry.conn.frame(frame_opcode(first), first & FIN != 0, bytes)?;
            let much = composed.waiting > entry.conn.settings().high_water;
            inner.composed(entry, &composed);
            Some(if much && entry.conn.is_behind() { BEHIND } else { SENT })
        });
        sent.flatten().unwrap_or(OVER)
    }

    /// Sends one message to all connections of a server but `except`. Returns those that do not
    /// keep up, each with the number of older messages it lost; with `disconnect` they did not get
    /// the message, lost nothing, and are to be closed.
    #[napi(catch_unwind)]
    pub fn publish(
        &self,
        server: u32,
        opcode: u8,
        data: Either<String, BufferSlice<'_>>,
        disconnect: bool,
        except: Option<Vec<u32>>,
    ) -> Vec<SlowConnection> {
        let inner = &self.inner;
        let mut except = except.unwrap_or_default();
        except.sort_unstable();
        let bytes = match &data {
            Either::A(text) => text.as_bytes(),
            Either::B(bytes) => bytes,
        };
        let message = Arc::new(Published::new(frame_opcode(opcode), bytes));
        let policy = if disconnect { SlowSubscriber::Disconnect } else { SlowSubscriber::Drop };
        let (mut slow, mut delivered, mut missed) = (Vec::new(), 0, 0);
        for (number, entry) in inner.conns.borrow().iter().enumerate() {
            let Some(entry) = entry.as_ref().filter(|entry| entry.server == Some(server)) else {
                continue;
            };
            let conn = number as u32;
            if except.binary_search(&conn).is_ok() {
                continue;
            }
            let delivery =
                caught(|| entry.conn.publish(&message, policy)).unwrap_or_else(|error| {
                    inner.spoil(&entry.conn, error);
                    Delivery::Over
                });
            match delivery {
                Delivery::Composed(composed) => {
                    delivered += 1;
                    inner.published(entry, &composed);
                }
                Delivery::Dropped(lost) => {
                    delivered += 1;
                    missed += lost as u64;
                    slow.push(SlowConnection {
                        conn,
                        lost: u32::try_from(lost).unwrap_or(u32::MAX),
                    });
                }
                Delivery::Behind => {
                    missed += 1;
                    slow.push(SlowConnection { conn, lost: 0 });
                }
                Delivery::Over => {}
            }
        }
        if let Some(counted) = inner.counted(server) {
            counted.published(delivered, missed);
        }
        slow
    }

    /// Whether `dest` is `host:port`.
    #[napi(catch_unwind)]
    pub fn is_destination(&self, dest: String) -> bool {
        Destination::parse(&dest).is_ok()
    }

    /// The address of the interface `host`, which may be a name; blocks while it is looked up.
    #[napi(catch_unwind)]
    pub fn address_of(&self, host: String) -> Option<String> {
        resolve(&host, 0).map(|address| address.ip().to_string())
    }

    /// The memory cost of a parsed message, in bytes.
    #[napi(catch_unwind)]
    pub fn cost(&self, message: Either<String, BufferSlice<'_>>) -> f64 {
        let bytes = match &message {
            Either::A(text) => text.as_bytes(),
            Either::B(bytes) => bytes,
        };
        (bytes.len() + rpc::Structure::of(bytes).cost()) as f64
    }

    #[napi(catch_unwind)]
    pub fn close(&self, conn: u32, code: Option<u16>, reason: Option<String>) {
        self.inner.with(conn, |entry| {
            entry.conn.close(code, reason.as_deref().unwrap_or_default());
            self.inner.touched(&entry.conn);
        });
    }

    #[napi(catch_unwind)]
    pub fn terminate(&self, conn: u32) {
        self.inner.with(conn, |entry| {
            entry.conn.terminate();
            self.inner.touched(&entry.conn);
        });
    }

    /// Gives up a request without further events. False: an event for it is already pending.
    #[napi(catch_unwind)]
    pub fn forget(&self, conn: u32, slot: u32) -> bool {
        self.inner.with(conn, |entry| entry.conn.forget(slot)).unwrap_or(false)
    }

    /// Pauses or resumes reading a connection; not of streams, whose bytes JavaScript moves.
    #[napi(catch_unwind)]
    pub fn set_reading(&self, conn: u32, reads: bool) {
        self.inner.with(conn, |entry| {
            entry.conn.set_reading(reads);
            self.inner.touched(&entry.conn);
        });
    }

    /// Milliseconds since anything was received on `conn`; `u32::MAX` when it is closed.
    #[napi(catch_unwind)]
    pub fn silence(&self, conn: u32) -> u32 {
        let silence = self.inner.with(conn, |entry| entry.conn.silence()).unwrap_or(u64::MAX);
        u32::try_from(silence).unwrap_or(u32::MAX)
    }

    /// Stops reading a server's connection, and tells its client how many messages were read.
    #[napi(catch_unwind)]
    pub fn drain(&self, conn: u32) {
        self.inner.with(conn, |entry| {
            entry.conn.drain();
            self.inner.touched(&entry.conn);
        });
    }

    /// Whether all replies of a draining connection are written.
    #[napi(catch_unwind)]
    pub fn is_drained(&self, conn: u32) -> bool {
        self.inner.with(conn, |entry| entry.conn.is_drained()).unwrap_or(true)
    }

    /// The slots of requests that the server of `conn` has not started, each followed by the ms
    /// left for it.
    #[napi(catch_unwind)]
    pub fn unread(&self, conn: u32) -> Vec<f64> {
        let unread = self.inner.with(conn, |entry| entry.conn.take_unread()).unwrap_or_default();
        unread.iter().flat_map(|u| [u.slot.into(), u.deadline as f64]).collect()
    }

    /// Unanswered requests received on `conn`, as far as they are counted.
    #[napi(catch_unwind)]
    pub fn unanswered(&self, conn: u32) -> i64 {
        self.inner.with(conn, |entry| entry.conn.unanswered()).unwrap_or(0)
    }

    /// A message of `conn` that was counted as a request is none, and will not be answered.
    #[napi(catch_unwind)]
    pub fn answered(&self, conn: u32) {
        self.inner.with(conn, |entry| entry.conn.answered());
    }

    /// JavaScript keeps this many bytes of data received on `conn`.
    #[napi(catch_unwind)]
    pub fn keeps(&self, conn: u32, bytes: f64) {
        self.inner.with(conn, |entry| entry.conn.keeps(bytes as usize)); // Saturates.
    }

    /// Abandons the pending requests of `conn`.
    #[napi(catch_unwind)]
    pub fn abandon(&self, conn: u32) {
        self.inner.with(conn, |entry| entry.conn.abandon());
    }

    /// Withdraws the requests of `conn`, if nothing was sent. False: something was.
    #[napi(catch_unwind)]
    pub fn withdraw(&self, conn: u32) -> bool {
        self.inner.with(conn, |entry| entry.conn.withdraw()).unwrap_or(true)
    }

    /// Requests on `conn` from before it is open wait for `send_held_back`.
    #[napi(catch_unwind)]
    pub fn hold_back(&self, conn: u32) {
        self.inner.with(conn, |entry| entry.conn.hold_back());
    }

    /// Sends them, behind output composed since `conn` is open.
    #[napi(catch_unwind)]
    pub fn send_held_back(&self, conn: u32) {
        self.inner.with(conn, |entry| {
            if let Some(composed) = entry.conn.send_held_back() {
                self.inner.composed(entry, &composed);
            }
        });
    }

    /// The id of the pending request in `slot` of `conn`.
    #[napi(catch_unwind)]
    pub fn rid(&self, conn: u32, slot: u32) -> Option<String> {
        let rid = self.inner.with(conn, |entry| entry.conn.rid(slot)).flatten()?;
        String::from_utf8(rid.to_vec()).ok()
    }

    /// The totals of a meter, including its open connections.
    #[napi(catch_unwind)]
    pub fn stats(&self, meter: &Meter) -> Stats {
        let counted = meter.counted();
        let mut totals = counted.totals();
        for entry in self.inner.conns.borrow().iter().flatten() {
            if entry.counted.as_ref().is_some_and(|own| own.is_part_of(&counted)) {
                totals.add(&entry.conn.totals());
            }
        }
        totals.into()
    }

    /// JavaScript has handled the close of `conn`: its number may be reused.
    #[napi(catch_unwind)]
    pub fn release(&self, conn: u32) {
        let entry = self.inner.conns.borrow_mut().get_mut(conn as usize).and_then(Option::take);
        if let Some(entry) = entry {
            if let Some(counted) = &entry.counted {
                counted.add(&entry.conn.totals().ended());
            }
            // A driver may keep it alive a moment longer than JavaScript counts its requests.
            entry.conn.keeps(0);
            self.inner.hub.release(conn);
        }
    }

    /// Resolves a host name within `timeout` ms, of a grape or a destination; the addresses are an
    /// event with this `id`.
    #[napi(catch_unwind)]
    pub fn resolve(&self, id: u32, host: String, is_grape: bool, timeout: f64) {
        let asker = if is_grape { Asker::Link } else { Asker::Client };
        let (hub, answered) = (self.inner.hub.clone(), self.inner.hub.clone());
        let looking = async move {
            let time = Duration::from_millis(timeout.max(0.0) as u64); // Saturates.
            let result = names::addresses(&host, asker, time).await;
            let result = result.map(|found| found.iter().map(ToString::to_string).collect());
            hub.event(Event::Resolved { id, result });
        };
        let started = self.inner.driver.spawn_or(looking, move || {
            answered.event(Event::Resolved { id, result: Err(Error::Panic) });
        });
        if let Err(error) = started {
            let result = Err(Error::system("connect", error, None));
            self.inner.hub.event(Event::Resolved { id, result });
        }
    }

    /// Posts to a grape, with header fields as alternating names and values; the response is an
    /// event with this `id`.
    #[napi(catch_unwind)]
    pub fn post(&self, id: u32, url: String, fields: Vec<String>, body: String, timeout: f64) {
        let (grapes, hub) = (self.inner.grapes.clone(), self.inner.hub.clone());
        let answered = self.inner.hub.clone();
        let (end, ended) = oneshot::channel::<()>();
        self.inner.keep_exchange(id, end);
        let exchange = async move {
            let post = grapes.post(&url, &fields, body, timeout.max(0.0) as u64);
            tokio::select! {
                result = post => hub.event(Event::Answered { id, result }),
                // JavaScript handles a cancelled exchange itself.
                _ = ended => {}
            }
        };
        let started = self.inner.driver.spawn_or(exchange, move || {
            answered.event(Event::Answered { id, result: Err(Error::Panic) });
        });
        if let Err(error) = started {
            let result = Err(Error::system("connect", error, None));
            self.inner.hub.event(Event::Answered { id, result });
        }
    }

    /// Cancels an exchange with a grape, and closes its connection. There is no event.
    #[napi(catch_unwind)]
    pub fn end_post(&self, id: u32) {
        self.inner.exchanges.borrow_mut().remove(&id);
    }

    /// The process exits during this turn: from now on output is written right away.
    #[napi(catch_unwind)]
    pub fn write_at_once(&self) {
        self.inner.unsent.shut_down();
    }

    /// Closes idle connections to grapes, and others after their exchange.
    #[napi(catch_unwind)]
    pub fn let_grapes_go(&self) {
        self.inner.grapes.let_go();
    }
}

impl From<ConnectionSettings> for Settings {
    fn from(settings: ConnectionSettings) -> Self {
        Self {
            io: if settings.in_loop { Io::Libuv } else { Io::Tokio },
            lanes: Lanes::from_bits(settings.lanes),
            busy_poll: match u32::try_from(settings.busy_poll) {
                Ok(micros) => BusyPoll::Micros(micros),
                Err(_) => BusyPoll::Learnt,
            },
            max_payload: settings.max_payload as usize,
            heartbeat: settings.heartbeat.into(),
            dial_after: settings.dial_after.into(),
            connect_timeout: settings.connect_timeout.into(),
            handshake_timeout: settings.handshake_timeout.into(),
            admission: match settings.admission {
                1 => Admission::Any,
                2 => Admission::AskOrigins,
                3 => Admission::AskAll,
                _ => Admission::Local,
            },
            max_connections: settings.max_connections as usize,
            high_water: settings.high_water as usize,
        }
    }
}

fn frame_opcode(first: u8) -> Opcode {
    match first & !FIN {
        0 => Opcode::Continuation,
        1 => Opcode::Text,
        9 => Opcode::Ping,
        10 => Opcode::Pong,
        _ => Opcode::Binary,
    }
}
