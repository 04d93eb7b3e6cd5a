//! An event loop of libuv, and its handles as values that close when they are dropped.
//!
//! Everything here belongs to one event loop and its thread. A panic in a handle's callback is
//! caught here and does not reach libuv.

use super::functions::{RawHandle, Uv, uv};
use crate::caught::caught;
use std::{
    alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error},
    cell::{Cell, RefCell},
    ffi::{c_int, c_void},
    io::{self, ErrorKind},
    net::TcpStream,
    os::fd::AsRawFd,
    ptr::NonNull,
    rc::Rc,
    sync::Arc,
};

/// Bits of a poll's interest and of what is reported.
pub(super) const READABLE: c_int = 1;
pub(super) const WRITABLE: c_int = 2;
/// The other side has closed its half of the connection.
pub(super) const DISCONNECT: c_int = 4;
/// Urgent data arrived, which no peer sends: used for an interest in errors alone, which are always
/// reported.
pub(super) const PRIORITIZED: c_int = 8;
/// Reported: the socket has an error, and libuv has stopped the poll.
pub(super) const STOPPED: c_int = 1 << 8;

/// `uv_handle_type`, part of libuv 1.x's ABI.
const CHECK: c_int = 2;
const IDLE: c_int = 6;
const POLL: c_int = 8;
const PREPARE: c_int = 9;
const TIMER: c_int = 13;

/// One event loop.
#[derive(Clone)]
pub(super) struct Loop {
    uv: &'static Uv,
    raw: *mut c_void,
    open: Rc<OpenHandles>,
}

/// Handles that are not closed yet, and the callback for when there are none.
#[derive(Default)]
struct OpenHandles {
    count: Cell<usize>,
    then: RefCell<Option<Box<dyn FnOnce()>>>,
}

impl Loop {
    /// The loop at `raw`, if this program has all the functions, of the libuv with this `version`.
    ///
    /// # Safety
    /// `raw` is the `uv_loop_t` of the calling thread, made by that libuv, and outlives all handles
    /// made here.
    pub unsafe fn new(raw: *mut c_void, version: &str) -> Option<Self> {
        let uv = uv().filter(|uv| uv.is(version))?;
        Some(Self { uv, raw, open: Rc::default() })
    }

    /// Whether the next wait for I/O takes time.
    pub fn will_sleep(&self) -> bool {
        // SAFETY: the loop is live, as promised to `new`.
        unsafe { (self.uv.backend_timeout)(self.raw) != 0 }
    }

    /// Calls `then` once all handles are closed; they must have been dropped.
    pub fn when_closed(&self, then: impl FnOnce() + 'static) {
        if self.open.count.get() == 0 {
            then();
        } else {
            *self.open.then.borrow_mut() = Some(Box::new(then));
        }
    }

    /// Calls `call` with the ready events of a non-blocking socket; see [`Poll::watch`].
    ///
    /// # Errors
    /// libuv's error.
    pub fn poll(&self, stream: Arc<TcpStream>, call: impl Fn(c_int) + 'static) -> io::Result<Poll> {
        let fd = stream.as_raw_fd();
        // SAFETY: `uv_poll_init` fits a handle of its type; `fd` stays open as long as `Poll`
        // exists.
        let handle =
            self.handle(POLL, call, |handle| unsafe { (self.uv.poll_init)(self.raw, handle, fd) })?;
        Ok(Poll { handle, _stream: stream })
    }

    /// Calls `call` before each wait for I/O.
    ///
    /// # Errors
    /// libuv's error.
    pub fn prepare(&self, call: impl Fn() + 'static) -> io::Result<Handle> {
        // SAFETY: `uv_prepare_init` fits a handle of its type.
        let handle = self.handle(
            PREPARE,
            move |_| call(),
            |handle| unsafe { (self.uv.prepare_init)(self.raw, handle) },
        )?;
        // SAFETY: the handle is a prepare handle, and not closed.
        result(unsafe { (self.uv.prepare_start)(handle.handle.as_ptr(), on_handle) })?;
        Ok(handle)
    }

    /// Calls `call` after each wait for I/O.
    ///
    /// # Errors
    /// libuv's error.
    pub fn check(&self, call: impl Fn() + 'static) -> io::Result<Handle> {
        // SAFETY: `uv_check_init` fits a handle of its type.
        let handle = self.handle(
            CHECK,
            move |_| call(),
            |handle| unsafe { (self.uv.check_init)(self.raw, handle) },
        )?;
        // SAFETY: the handle is a check handle, and not closed.
        result(unsafe { (self.uv.check_start)(handle.handle.as_ptr(), on_handle) })?;
        Ok(handle)
    }

    /// Keeps the loop from sleeping while it is started, and calls `call` in each turn.
    ///
    /// # Errors
    /// libuv's error.
    pub fn idle(&self, call: impl Fn() + 'static) -> io::Result<Idle> {
        // SAFETY: `uv_idle_init` fits a handle of its type.
        let handle = self.handle(
            IDLE,
            move |_| call(),
            |handle| unsafe { (self.uv.idle_init)(self.raw, handle) },
        )?;
        Ok(Idle(handle))
    }

    /// Calls `call` at the set time; see [`Timer::fire_in`].
    ///
    /// # Errors
    /// libuv's error.
    pub fn timer(&self, call: impl Fn() + 'static) -> io::Result<Timer> {
        // SAFETY: `uv_timer_init` fits a handle of its type.
        let handle = self.handle(
            TIMER,
            move |_| call(),
            |handle| unsafe { (self.uv.timer_init)(self.raw, handle) },
        )?;
        Ok(Timer(handle))
    }

    /// A handle that does not keep the process alive: JavaScript decides that. If `init` fails, the
    /// loop does not know the handle.
    fn handle(
        &self,
        kind: c_int,
        call: impl Fn(c_int) + 'static,
        init: impl FnOnce(RawHandle) -> c_int,
    ) -> io::Result<Handle> {
        // SAFETY: libuv returns the size of its types; 16 is malloc's alignment, which they expect.
        let layout = unsafe { Layout::from_size_align((self.uv.handle_size)(kind), 16) }
            .map_err(|_| io::Error::from(ErrorKind::Unsupported))?;
        // SAFETY: the size is not zero.
        let memory = unsafe { alloc_zeroed(layout) };
        let Some(handle) = NonNull::new(memory.cast::<c_void>()) else {
            handle_alloc_error(layout)
        };
        if let Err(error) = result(init(handle.as_ptr())) {
            // SAFETY: allocated above with this layout; a handle that failed to initialise is
            // not known to the loop.
            unsafe { dealloc(memory, layout) };
            return Err(error);
        }
        let context = Context { layout, open: self.open.clone(), call: Rc::new(call) };
        self.open.count.set(self.open.count.get() + 1);
        // SAFETY: the handle is initialised; the context lives until `on_close` takes it back.
        unsafe {
            (self.uv.handle_set_data)(handle.as_ptr(), Box::into_raw(Box::new(context)).cast());
            (self.uv.unref)(handle.as_ptr());
        }
        Ok(Handle { uv: self.uv, raw: self.raw, handle })
    }
}

/// Result of a libuv function: negative numbers are errors.
fn result(code: c_int) -> io::Result<()> {
    if code < 0 { Err(io::Error::from_raw_os_error(-code)) } else { Ok(()) }
}

/// A handle's data: alive until the loop has released the handle.
struct Context {
    layout: Layout,
    open: Rc<OpenHandles>,
    call: Rc<dyn Fn(c_int)>,
}

/// A handle that closes when it is dropped, also from within its own callback.
pub(super) struct Handle {
    uv: &'static Uv,
    raw: *mut c_void,
    handle: NonNull<c_void>,
}

/// A watched socket, which stays open as long as this: libuv must not watch a descriptor that is
/// closed or reused.
pub(super) struct Poll {
    // Closes before the socket does: fields are dropped in this order.
    handle: Handle,
    _stream: Arc<TcpStream>,
}

impl Poll {
    /// Reports `interest` from now on, repeatedly while it holds.
    ///
    /// # Errors
    /// libuv's error.
    pub fn watch(&self, interest: c_int) -> io::Result<()> {
        let Handle { uv, handle, .. } = &self.handle;
        // SAFETY: the handle is a poll handle, and not closed.
        result(unsafe { (uv.poll_start)(handle.as_ptr(), interest, on_poll) })
    }
}

/// A timer that fires once.
pub(super) struct Timer(Handle);

impl Timer {
    /// Fires in `ms`; replaces an earlier time.
    pub fn fire_in(&self, ms: u64) {
        let Handle { uv, raw, handle } = &self.0;
        // SAFETY: the handle is a timer, and not closed, so that this does not fail. The loop's
        // time may be as old as the running callback.
        unsafe {
            (uv.update_time)(*raw);
            (uv.timer_start)(handle.as_ptr(), on_handle, ms, 0);
        }
    }

    /// Stops the timer.
    pub fn stop(&self) {
        let Handle { uv, handle, .. } = &self.0;
        // SAFETY: the handle is a timer, and not closed.
        unsafe { (uv.timer_stop)(handle.as_ptr()) };
    }
}

/// Keeps the loop from sleeping.
pub(super) struct Idle(Handle);

impl Idle {
    /// Sets whether the loop stays awake.
    pub fn set(&self, awake: bool) {
        let Handle { uv, handle, .. } = &self.0;
        // SAFETY: the handle is an idle handle, and not closed, so that this does not fail.
        unsafe {
            if awake {
                (uv.idle_start)(handle.as_ptr(), on_handle);
            } else {
                (uv.idle_stop)(handle.as_ptr());
            }
        }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        // SAFETY: not closed yet, since only this closes it. libuv stops the handle at once and
        // calls `on_close` in a later turn.
        unsafe { (self.uv.close)(self.handle.as_ptr(), Some(on_close)) };
    }
}

/// The callback's closure, held so that it may drop its own handle.
///
/// # Safety
/// `handle` was made by `Loop::handle` and its `on_close` was not called.
unsafe fn call_of(handle: RawHandle) -> Option<Rc<dyn Fn(c_int)>> {
    let uv = uv()?;
    // SAFETY: the data is the context that `Loop::handle` set, alive until `on_close`.
    let context = unsafe { &*(uv.handle_get_data)(handle).cast::<Context>() };
    Some(context.call.clone())
}

/// Calls the callback of a handle.
///
/// # Safety
/// The same promise as for `call_of`.
unsafe fn report(handle: RawHandle, what: c_int) {
    // The panic was printed to stderr. Its connection ends where it is known.
    let _ = caught(|| {
        // SAFETY: as promised by the caller.
        if let Some(call) = unsafe { call_of(handle) } {
            call(what);
        }
    });
}

unsafe extern "C" fn on_handle(handle: RawHandle) {
    // SAFETY: libuv calls this for handles that are not closed.
    unsafe { report(handle, 0) };
}

unsafe extern "C" fn on_poll(handle: RawHandle, status: c_int, events: c_int) {
    // A socket with an error counts as ready: a read or write reports the error, after all data
    // that arrived before.
    let what = if status < 0 { READABLE | WRITABLE | STOPPED } else { events };
    // SAFETY: libuv calls this for handles that are not closed.
    unsafe { report(handle, what) };
}

unsafe extern "C" fn on_close(handle: RawHandle) {
    let Some(uv) = uv() else { return };
    // SAFETY: libuv is done with the handle; data and memory come from `Loop::handle`, and this is
    // called once.
    let context = unsafe {
        let context = Box::from_raw((uv.handle_get_data)(handle).cast::<Context>());
        dealloc(handle.cast::<u8>(), context.layout);
        context
    };
    let open = context.open.clone();
    let _ = caught(|| drop(context));
    open.count.set(open.count.get() - 1);
    if open.count.get() == 0 {
        let then = open.then.borrow_mut().take();
        if let Some(then) = then {
            let _ = caught(then);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_below_zero_is_the_systems_error() {
        assert!(result(0).is_ok());
        assert_eq!(result(-17).unwrap_err().kind(), ErrorKind::AlreadyExists);
    }
}
