//! The libuv driver's part of the binding: the work in each turn of Node's event loop.

use super::{Inner, wake::Deliver};
use crate::{
    caught::caught,
    net::{
        Arrival, Conn, Io, Settings,
        libuv::{Driver, Turn},
    },
};
use napi::{Env, Result, bindgen_prelude::Function, check_status, sys};
use std::{
    cell::{Cell, RefCell},
    ffi::c_void,
    net::TcpStream,
    ptr::null_mut,
    rc::Rc,
    sync::Arc,
};

/// The driver, if there is one.
#[derive(Default)]
pub(super) struct InLoop {
    driver: RefCell<Option<Rc<Driver>>>,
    ending: Cell<Option<(sys::napi_async_cleanup_hook_handle, *mut Ending)>>,
}

impl InLoop {
    pub fn is_running(&self) -> bool {
        self.driver.borrow().is_some()
    }

    pub fn adopt(&self, arrival: &mut Arrival) {
        self.with(|driver| driver.adopt(arrival));
    }

    pub fn arm(&self, deadline: u64) {
        self.with(|driver| driver.arm(deadline));
    }

    /// See [`Driver::will_sleep`].
    fn will_sleep(&self) -> bool {
        self.driver.borrow().as_ref().is_none_or(|driver| driver.will_sleep())
    }

    /// See [`Driver::active`].
    pub fn active(&self, settings: &Settings) {
        self.with(|driver| driver.active(settings));
    }

    /// See [`Driver::heard`].
    pub fn heard(&self, settings: &Settings) {
        self.with(|driver| driver.heard(settings));
    }

    pub fn touched(&self, conn: u32) {
        self.with(|driver| driver.touched(conn));
    }

    fn with(&self, act: impl FnOnce(&Driver)) {
        let driver = self.driver.borrow().clone();
        if let Some(driver) = driver {
            act(&driver);
        }
    }
}

/// References for a turn's calls into JavaScript.
struct JsTurn {
    deliver: Deliver,
    inner: Rc<Inner>,
}

impl Turn for JsTurn {
    fn before_wait(&self) {
        self.inner.flush();
        self.inner.in_loop.with(Driver::revisit);
        if self.inner.flush_lingering(self.inner.in_loop.will_sleep()) {
            self.inner.in_loop.with(Driver::turn_again);
        }
        // JavaScript's own actions since the last wait: nothing else would end this wait.
        self.inner.hub.wake_if_due();
        self.inner.in_loop.with(Driver::before_sleep);
    }

    fn after_wait(&self) {
        self.inner.turn_begins(self.inner.hub.now());
        self.inner.in_loop.with(Driver::expire);
        if self.inner.hub.take_due() {
            // Replies composed before are written in any case. SAFETY: this runs on the
            // environment's thread, and only until `on_cleanup` or `end`, which drop the handles
            // that lead here before the reference.
            let _ = caught(|| unsafe { self.deliver.call() });
            self.inner.flush();
        }
    }

    fn told(&self, stream: &TcpStream, words: Vec<u8>) {
        self.inner.driver.farewell(stream, words);
    }

    fn expire(&self) -> u64 {
        let conns: Vec<_> = self
            .inner
            .conns
            .borrow()
            .iter()
            .flatten()
            .filter(|entry| entry.conn.io() == Io::Libuv)
            .map(|entry| entry.conn.clone())
            .collect();
        let expire = |conn: &Arc<Conn>| {
            caught(|| conn.expire()).unwrap_or_else(|error| {
                self.inner.spoil(conn, error);
                u64::MAX
            })
        };
        conns.iter().map(expire).min().unwrap_or(u64::MAX)
    }
}

/// Starts the driver, if this Node has the needed functions.
pub(super) fn start(env: &Env, inner: &Rc<Inner>, deliver: &Function<'_, (), ()>) -> Result<()> {
    let mut uv_loop = null_mut();
    // SAFETY: `env` is live.
    check_status!(unsafe { sys::napi_get_uv_event_loop(env.raw(), &mut uv_loop) })?;
    let deliver = Deliver::new(env, deliver)?;
    let turn: Rc<dyn Turn> = Rc::new(JsTurn { deliver, inner: inner.clone() });
    // SAFETY: the loop is the environment's own and runs until `closed` below was called.
    let driver =
        unsafe { Driver::new(uv_loop.cast::<c_void>(), inner.hub.clone(), Rc::downgrade(&turn)) };
    let Some(driver) = driver else { return Ok(()) };
    *inner.in_loop.driver.borrow_mut() = Some(driver);

    let ending = Box::into_raw(Box::new(Ending { inner: inner.clone(), deliver, _turn: turn }));
    let mut hook = null_mut();
    // SAFETY: the hook, or `end` in its place, gets the box back once.
    check_status!(unsafe {
        sys::napi_add_async_cleanup_hook(
            env.raw(),
            Some(on_cleanup),
            ending.cast::<c_void>(),
            &mut hook,
        )
    })?;
    inner.in_loop.ending.set(Some((hook, ending)));
    Ok(())
}

/// Lives until the driver ends.
struct Ending {
    inner: Rc<Inner>,
    deliver: Deliver,
    _turn: Rc<dyn Turn>,
}

impl Ending {
    /// Drops everything but the driver, which is to be shut down.
    fn driver(self) -> Option<Rc<Driver>> {
        let Self { inner, deliver, _turn: turn } = self;
        inner.in_loop.ending.set(None);
        let driver = caught(|| {
            inner.flush();
            drop(turn);
            inner.in_loop.driver.borrow_mut().take()
        });
        // SAFETY: nothing calls it any more; this is the environment's thread.
        unsafe { deliver.release() };
        driver.ok().flatten()
    }
}

/// The environment ends: closes the handles, and lets the loop go on until they are closed.
unsafe extern "C" fn on_cleanup(hook: sys::napi_async_cleanup_hook_handle, data: *mut c_void) {
    // SAFETY: `data` is the box of `start`, given back once.
    let ending = unsafe { Box::from_raw(data.cast::<Ending>()) };
    // SAFETY: called once, when all is closed, as Node-API requires.
    let closed = move || unsafe {
        sys::napi_remove_async_cleanup_hook(hook);
    };
    // Without this call the environment would wait forever.
    let Some(driver) = ending.driver() else { return closed() };
    let _ = caught(|| driver.shut_down(closed));
}

/// JavaScript has released the core: closes the handles, while the environment goes on.
pub(super) fn end(inner: &Inner) {
    let Some((hook, ending)) = inner.in_loop.ending.take() else { return };
    // SAFETY: the hook was not called, since it takes this; now it is removed, and the box of
    // `start` is given back here.
    let ending = unsafe {
        sys::napi_remove_async_cleanup_hook(hook);
        Box::from_raw(ending)
    };
    if let Some(driver) = ending.driver() {
        driver.shut_down(|| {});
    }
}
