//! The libuv driver's part of the binding: what happens in each turn of Node's event loop.

use super::Inner;
use crate::{
    caught::caught,
    net::{
        Arrival, Conn, Io, Settings,
        libuv::{Driver, Turn},
    },
};
use napi::{Env, JsValue, Result, bindgen_prelude::Function, check_status, sys};
use std::{
    cell::RefCell,
    ffi::c_void,
    net::TcpStream,
    ptr::{null, null_mut},
    rc::Rc,
    sync::Arc,
};

/// The driver, where there is one.
#[derive(Default)]
pub(super) struct InLoop(RefCell<Option<Rc<Driver>>>);

impl InLoop {
    pub fn is_running(&self) -> bool {
        self.0.borrow().is_some()
    }

    pub fn adopt(&self, arrival: &mut Arrival) {
        self.with(|driver| driver.adopt(arrival));
    }

    pub fn arm(&self, deadline: u64) {
        self.with(|driver| driver.arm(deadline));
    }

    /// See [`Driver::will_sleep`].
    fn will_sleep(&self) -> bool {
        self.0.borrow().as_ref().is_none_or(|driver| driver.will_sleep())
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
        let driver = self.0.borrow().clone();
        if let Some(driver) = driver {
            act(&driver);
        }
    }
}

/// What a turn needs of JavaScript.
struct JsTurn {
    env: sys::napi_env,
    deliver: sys::napi_ref,
    inner: Rc<Inner>,
}

impl Turn for JsTurn {
    fn before_wait(&self) {
        self.inner.flush();
        self.inner.in_loop.with(Driver::revisit);
        if self.inner.flush_lingering(self.inner.in_loop.will_sleep()) {
            self.inner.in_loop.with(Driver::turn_again);
        }
        // What JavaScript itself caused since the last wait: nothing else would end this one.
        self.inner.hub.wake_if_due();
        self.inner.in_loop.with(Driver::before_sleep);
    }

    fn after_wait(&self) {
        self.inner.turn_begins(self.inner.hub.now());
        if self.inner.hub.take_due() {
            // What was answered before leaves all the same.
            let _ = caught(|| self.deliver());
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

impl JsTurn {
    /// Calls `deliver` as Node calls a callback: ticks and microtasks run after it, and what it
    /// throws is an uncaught exception.
    fn deliver(&self) {
        // SAFETY: this runs on the environment's thread, and only until its cleanup hook, which
        // drops the handles that lead here. Every value is made and used in the scope.
        unsafe {
            let env = self.env;
            let mut scope = null_mut();
            if sys::napi_open_handle_scope(env, &mut scope) != sys::Status::napi_ok {
                return;
            }
            let (mut function, mut result) = (null_mut(), null_mut());
            sys::napi_get_reference_value(env, self.deliver, &mut function);
            // Its own `this`: Node would take a property `domain` of it, as the global object may
            // have, for the domain of this call.
            let this = function;
            let status =
                sys::napi_make_callback(env, null_mut(), this, function, 0, null(), &mut result);
            if status == sys::Status::napi_pending_exception {
                let mut error = null_mut();
                sys::napi_get_and_clear_last_exception(env, &mut error);
                sys::napi_fatal_exception(env, error);
            }
            sys::napi_close_handle_scope(env, scope);
        }
    }
}

/// Starts the driver, if this Node has what it needs.
pub(super) fn start(env: &Env, inner: &Rc<Inner>, deliver: &Function<'_, (), ()>) -> Result<()> {
    let mut uv_loop = null_mut();
    let mut reference = null_mut();
    // SAFETY: `env` is live, and `deliver` is a function of it.
    unsafe {
        check_status!(sys::napi_get_uv_event_loop(env.raw(), &mut uv_loop))?;
        check_status!(sys::napi_create_reference(env.raw(), deliver.raw(), 1, &mut reference))?;
    }
    let turn: Rc<dyn Turn> =
        Rc::new(JsTurn { env: env.raw(), deliver: reference, inner: inner.clone() });
    // SAFETY: the loop is the environment's own and runs until `closed` below was called.
    let driver =
        unsafe { Driver::new(uv_loop.cast::<c_void>(), inner.hub.clone(), Rc::downgrade(&turn)) };
    let Some(driver) = driver else { return Ok(()) };
    *inner.in_loop.0.borrow_mut() = Some(driver);

    let ending = Box::into_raw(Box::new((inner.clone(), turn)));
    // SAFETY: the hook gets the box back once.
    check_status!(unsafe {
        sys::napi_add_async_cleanup_hook(
            env.raw(),
            Some(on_cleanup),
            ending.cast::<c_void>(),
            null_mut(),
        )
    })
}

/// The environment ends: closes the handles, and lets the loop go on until they are closed.
unsafe extern "C" fn on_cleanup(hook: sys::napi_async_cleanup_hook_handle, data: *mut c_void) {
    // SAFETY: `data` is the box of `start`, given back once.
    let (inner, turn) = *unsafe { Box::from_raw(data.cast::<(Rc<Inner>, Rc<dyn Turn>)>()) };
    let driver = caught(|| {
        inner.flush();
        drop(turn);
        inner.in_loop.0.borrow_mut().take()
    });
    // SAFETY: called once, when all is closed, as Node-API wants it.
    let closed = move || unsafe {
        sys::napi_remove_async_cleanup_hook(hook);
    };
    // Without a word the environment would wait for ever.
    let Ok(Some(driver)) = driver else { return closed() };
    let _ = caught(|| driver.shut_down(closed));
}
