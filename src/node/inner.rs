//! The state behind [`Core`](super::core::Core): the connections, servers and exchanges of one
//! JavaScript environment.

#[cfg(unix)]
use super::in_loop::InLoop;
use super::meter::Counted;
use crate::{
    caught::caught,
    link::Grapes,
    net::{
        Arrival, Conn, Connections, Io, Unsent,
        stream::Stream,
        tokio::{Driver, Server},
    },
};
use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    mem,
    rc::Rc,
    sync::Arc,
    time::Instant,
};
use tokio::sync::oneshot;

/// State of the JavaScript thread. Never passed to another thread.
pub(super) struct Inner {
    pub hub: Arc<Connections>,
    pub driver: Driver,
    #[cfg(unix)]
    pub in_loop: InLoop,
    pub grapes: Grapes,
    /// Senders that cancel the pending exchanges when they are dropped; may include some of
    /// finished exchanges.
    pub exchanges: RefCell<HashMap<u32, oneshot::Sender<()>>>,
    pub conns: RefCell<Vec<Option<Entry>>>,
    /// Unwritten output, and whether some of it waits for the turn's end.
    pub unsent: Unsent,
    pub any_unsent: Cell<bool>,
    /// Connections being written.
    pub leaving: RefCell<Vec<Arc<Conn>>>,
    /// Since when output may wait because the event loop does not sleep.
    pub lingering_since: Cell<Option<Instant>>,
    /// When all composed output had to be written, or JavaScript's turn began, in ms.
    pub flushed: Cell<u64>,
    pub servers: RefCell<HashMap<u32, (Server, Rc<Counted>)>>,
    pub next_server: Cell<u32>,
    /// Shut down.
    pub is_over: Cell<bool>,
}

/// A registered connection.
pub(super) struct Entry {
    pub conn: Arc<Conn>,
    /// The server that accepted it.
    pub server: Option<u32>,
    /// Counters of its transport.
    pub counted: Option<Rc<Counted>>,
    /// A stream, whose bytes JavaScript moves.
    pub stream: Option<Stream>,
    /// JSON text of the key of the last request, with its comma.
    pub key: RefCell<Vec<u8>>,
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
    pub fn new(hub: Arc<Connections>) -> Self {
        Self {
            driver: Driver::new(hub.clone()),
            #[cfg(unix)]
            in_loop: InLoop::default(),
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
        }
    }

    /// Keeps the sender that cancels an exchange. Those of finished ones are removed when there is
    /// no room for more.
    pub fn keep_exchange(&self, id: u32, end: oneshot::Sender<()>) {
        let mut exchanges = self.exchanges.borrow_mut();
        if exchanges.len() == exchanges.capacity() {
            exchanges.retain(|_, end| !end.is_closed());
            let left = exchanges.len();
            exchanges.reserve(left.max(1));
        }
        exchanges.insert(id, end);
    }

    pub fn with<R>(&self, number: u32, act: impl FnOnce(&Entry) -> R) -> Option<R> {
        let conns = self.conns.borrow();
        let entry = conns.get(number as usize).and_then(Option::as_ref)?;
        let interrupted = Interrupted { inner: self, entry };
        let result = act(entry);
        // It was not interrupted.
        mem::forget(interrupted);
        Some(result)
    }

    pub fn with_stream<R>(&self, number: u32, act: impl FnOnce(&Stream) -> R) -> Option<R> {
        self.with(number, |entry| entry.stream.as_ref().map(act)).flatten()
    }

    /// Registers a connection, and passes it to the libuv driver if that moves it.
    pub fn arrive(&self, server: Option<u32>, mut arrival: Arrival) -> u32 {
        let counted = server.and_then(|number| self.counted(number));
        let number = self.register(arrival.conn.clone(), server, None, counted);
        if server.is_some() {
            arrival.conn.open();
        }
        #[cfg(unix)]
        self.in_loop.adopt(&mut arrival);
        number
    }

    /// Registers a connection under its number.
    pub fn register(
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
    pub fn counted(&self, server: u32) -> Option<Rc<Counted>> {
        self.servers.borrow().get(&server).map(|(_, counted)| counted.clone())
    }

    /// Notifies the driver in the loop of actions of the JavaScript thread.
    pub fn touched(&self, conn: &Conn) {
        #[cfg(unix)]
        if conn.io() == Io::Libuv {
            self.in_loop.touched(conn.number());
        }
    }

    /// The environment ends: output is written, wake-ups end, sockets close.
    pub fn shut_down(&self) {
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
