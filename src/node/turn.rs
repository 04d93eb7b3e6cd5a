//! The binding's work in each turn of Node's event loop, where the libuv driver runs in it.

use super::{inner::Inner, wake::Deliver};
use crate::{
    caught::caught,
    net::{
        Conn, Io,
        libuv::{Driver, Turn},
    },
};
use napi::{Env, Result, bindgen_prelude::Function, check_status, sys};
use std::{cell::Cell, ffi::c_void, net::TcpStream, ptr::null_mut, rc::Rc, sync::Arc};

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

/// Starts the driver, if the functions of Node's libuv are found, which has the version
/// `uv_version`.
pub(super) fn start(
    env: &Env,
    inner: &Rc<Inner>,
    deliver: &Function<'_, (), ()>,
    uv_version: &str,
) -> Result<Option<Turns>> {
    let mut uv_loop = null_mut();
    // SAFETY: `env` is live.
    check_status!(unsafe { sys::napi_get_uv_event_loop(env.raw(), &mut uv_loop) })?;
    let deliver = Deliver::new(env, deliver)?;
    let turn: Rc<dyn Turn> = Rc::new(JsTurn { deliver, inner: inner.clone() });
    // SAFETY: the loop is the environment's own and runs until `closed` below was called.
    let driver = unsafe {
        let hub = inner.hub.clone();
        Driver::new(uv_loop.cast::<c_void>(), uv_version, hub, Rc::downgrade(&turn))
    };
    let Some(driver) = driver else { return Ok(None) };
    inner.in_loop.set(driver);

    let ending = Rc::new(Cell::new(Some(Ending { inner: inner.clone(), deliver, _turn: turn })));
    let mut hook = null_mut();
    // SAFETY: `env` is live. The data is one strong count of `ending`, which `on_cleanup` gives
    // back, or `Turns::end` if that removes the hook.
    check_status!(unsafe {
        sys::napi_add_async_cleanup_hook(
            env.raw(),
            Some(on_cleanup),
            Rc::into_raw(ending.clone()).cast_mut().cast::<c_void>(),
            &mut hook,
        )
    })?;
    Ok(Some(Turns { hook, ending }))
}

/// The driver's part in the turns of the loop, until it ends.
pub(super) struct Turns {
    hook: sys::napi_async_cleanup_hook_handle,
    ending: Slot,
}

/// Empty once the driver ends: whichever of the environment and the core ends first takes it.
type Slot = Rc<Cell<Option<Ending>>>;

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
        let driver = caught(|| {
            inner.flush();
            drop(turn);
            inner.in_loop.take()
        });
        // SAFETY: nothing calls it any more; this is the environment's thread.
        unsafe { deliver.release() };
        driver.ok().flatten()
    }
}

/// The environment ends: closes the handles, and lets the loop go on until they are closed.
unsafe extern "C" fn on_cleanup(hook: sys::napi_async_cleanup_hook_handle, data: *mut c_void) {
    // SAFETY: `data` is the count of `start`. `Turns::end` has not given it back, since it removes
    // the hook before.
    let slot = unsafe { Rc::from_raw(data.cast::<Cell<Option<Ending>>>()) };
    // SAFETY: called once, when all is closed, as Node-API requires.
    let closed = move || unsafe {
        sys::napi_remove_async_cleanup_hook(hook);
    };
    // Without this call the environment would wait forever.
    let Some(driver) = slot.take().and_then(Ending::driver) else { return closed() };
    let _ = caught(|| driver.shut_down(closed));
}

impl Turns {
    /// JavaScript has released the core: closes the handles, while the environment goes on.
    pub fn end(self) {
        let Some(ending) = self.ending.take() else { return };
        // SAFETY: the hook was not called, since that takes the `ending`. Now it is removed and
        // never called, so its count of `start` is given back here.
        unsafe {
            sys::napi_remove_async_cleanup_hook(self.hook);
            Rc::decrement_strong_count(Rc::as_ptr(&self.ending));
        }
        if let Some(driver) = ending.driver() {
            driver.shut_down(|| {});
        }
    }
}
