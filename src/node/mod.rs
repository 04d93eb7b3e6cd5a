//! The binding: converts between JavaScript values and the plain data of the other modules,
//! and nothing else. One [`Core`] per JavaScript environment.

// The binding is described in index.d.ts and docs/ARCHITECTURE.md, for JavaScript's side.
#![allow(missing_docs)]

mod events;
mod raw;
#[cfg(unix)]
mod turn;

use crate::{
    config,
    link::Grapes,
    net::{
        Arrival, Composed, Conn, Connections, Destination, Hub, Io,
        tokio::{Driver, Server},
    },
    rpc::Event,
};
use events::{Failure, failure};
use napi::{
    Env, Result,
    bindgen_prelude::{Function, Object},
    threadsafe_function::ThreadsafeFunctionCallMode,
};
use napi_derive::napi;
use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    rc::Rc,
    sync::Arc,
};

/// What the JavaScript thread holds. Never left for another thread.
struct Inner {
    hub: Arc<Connections>,
    driver: Driver,
    #[cfg(unix)]
    in_loop: turn::InLoop,
    grapes: Grapes,
    conns: RefCell<Vec<Option<Entry>>>,
    dirty: RefCell<Vec<u32>>,
    servers: RefCell<HashMap<u32, Server>>,
    next_server: Cell<u32>,
}

struct Entry {
    conn: Arc<Conn>,
    /// In `dirty` already.
    dirty: Cell<bool>,
}

impl Inner {
    fn with<R>(&self, number: u32, act: impl FnOnce(&Entry) -> R) -> Option<R> {
        self.conns.borrow().get(number as usize).and_then(Option::as_ref).map(act)
    }

    /// Keeps a connection that the libuv driver takes over, if it is to.
    fn arrive(&self, mut arrival: Arrival) -> u32 {
        let number = self.keep(arrival.conn.clone());
        #[cfg(unix)]
        self.in_loop.adopt(&mut arrival);
        number
    }

    fn keep(&self, conn: Arc<Conn>) -> u32 {
        let number = conn.number();
        let mut conns = self.conns.borrow_mut();
        if conns.len() <= number as usize {
            conns.resize_with(number as usize + 1, || None);
        }
        conns[number as usize] = Some(Entry { conn, dirty: Cell::new(false) });
        number
    }

    /// Composed something: goes out with the tick's flush, or at once when it is much.
    fn composed(&self, number: u32, entry: &Entry, composed: Composed) {
        #[cfg(unix)]
        if entry.conn.io() == Io::Libuv
            && let Some(deadline) = composed.deadline
        {
            self.in_loop.arm(deadline);
        }
        if composed.waiting >= config::FLUSH_BYTES {
            self.write(entry);
        } else if !entry.dirty.replace(true) {
            self.dirty.borrow_mut().push(number);
        }
    }

    fn flush(&self) {
        for number in self.dirty.borrow_mut().drain(..) {
            self.with(number, |entry| {
                entry.dirty.set(false);
                self.write(entry);
            });
        }
    }

    fn write(&self, entry: &Entry) {
        if entry.conn.flush() {
            self.touched(&entry.conn);
        }
    }

    /// The driver in the loop is not told by itself what the JavaScript thread does.
    fn touched(&self, conn: &Conn) {
        #[cfg(unix)]
        if conn.io() == Io::Libuv {
            self.in_loop.touched(conn.number());
        }
    }

    /// The environment ends: what was composed goes out, nobody is woken any more, sockets close.
    fn shut_down(&self) {
        self.flush();
        self.hub.silence();
        self.servers.borrow_mut().clear();
        self.driver.shut_down();
        self.conns.borrow_mut().clear();
    }
}

/// Where a server listens, or why it does not.
#[napi(object)]
pub struct Listening {
    pub server: Option<u32>,
    pub port: Option<u32>,
    pub address: Option<String>,
    pub error: Option<Failure>,
}

#[napi]
pub struct Core {
    inner: Rc<Inner>,
}

#[napi]
impl Core {
    /// `deliver` is called on the JavaScript thread when there is something to fetch. With
    /// `in_loop` connections may be moved by Node's own event loop, where that is possible.
    #[napi(constructor)]
    pub fn new(env: Env, deliver: Function<'_, (), ()>, in_loop: bool) -> Result<Self> {
        // Weak: listening and waiting keep the process alive, not the bare module.
        let wake = deliver
            .build_threadsafe_function::<()>()
            .weak::<true>()
            .callee_handled::<false>()
            .build()?;
        let hub = Arc::new(Hub::new(move || {
            wake.call((), ThreadsafeFunctionCallMode::NonBlocking);
        }));
        let inner = Rc::new(Inner {
            driver: Driver::new(hub.clone()),
            #[cfg(unix)]
            in_loop: turn::InLoop::default(),
            hub,
            grapes: Grapes::default(),
            conns: RefCell::default(),
            dirty: RefCell::default(),
            servers: RefCell::default(),
            next_server: Cell::new(0),
        });
        #[cfg(unix)]
        if in_loop {
            turn::start(&env, &inner, &deliver)?;
        }
        env.add_env_cleanup_hook(inner.clone(), |inner| inner.shut_down())?;
        Ok(Self { inner })
    }

    /// Whether Node's own event loop can move connections here.
    #[napi(getter)]
    pub fn in_loop(&self) -> bool {
        #[cfg(unix)]
        return self.inner.in_loop.is_running();
        #[cfg(not(unix))]
        return false;
    }

    /// The functions of the hot path: `request reply flush fetch`.
    #[napi(catch_unwind)]
    pub fn raw<'env>(&self, env: &'env Env) -> Result<Object<'env>> {
        raw::functions(env, &self.inner)
    }

    #[napi(catch_unwind)]
    pub fn listen(&self, port: u16, host: Option<String>, in_loop: bool) -> Listening {
        let number = self.inner.next_server.get();
        match self.inner.driver.listen(number, host.as_deref(), port, io(in_loop)) {
            Ok(server) => {
                self.inner.next_server.set(number.wrapping_add(1));
                let address = server.address();
                self.inner.servers.borrow_mut().insert(number, server);
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

    #[napi(catch_unwind)]
    pub fn unlisten(&self, server: u32) {
        self.inner.servers.borrow_mut().remove(&server);
    }

    #[napi(catch_unwind)]
    pub fn connect(&self, dest: String, path: String, in_loop: bool) -> u32 {
        self.inner.keep(self.inner.driver.connect(&dest, &path, io(in_loop)))
    }

    /// Whether `dest` is `host:port`.
    #[napi(catch_unwind)]
    pub fn is_destination(&self, dest: String) -> bool {
        Destination::parse(&dest).is_ok()
    }

    #[napi(catch_unwind)]
    pub fn close(&self, conn: u32) {
        self.inner.with(conn, |entry| {
            entry.conn.close();
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

    /// The end of `conn` was seen: its number may be used again.
    #[napi(catch_unwind)]
    pub fn release(&self, conn: u32) {
        let entry = self.inner.conns.borrow_mut().get_mut(conn as usize).and_then(Option::take);
        if entry.is_some() {
            self.inner.hub.release(conn);
        }
    }

    /// Posts to a grape; the answer comes as an event with this `id`.
    #[napi(catch_unwind)]
    pub fn post(&self, id: u32, url: String, body: String, timeout: f64) {
        let (grapes, hub) = (self.inner.grapes.clone(), self.inner.hub.clone());
        self.inner.driver.spawn(async move {
            let result = grapes.post(&url, body, timeout.max(0.0) as u64).await;
            hub.event(Event::Answered { id, result });
        });
    }
}

fn io(in_loop: bool) -> Io {
    if in_loop { Io::Libuv } else { Io::Tokio }
}
