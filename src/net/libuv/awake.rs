//! Keeps the loop awake for a moment after a message, where that pays.

use super::{
    spin::Spin,
    uv::{Idle, Loop},
};
use crate::{
    config,
    net::settings::{BusyPoll, Io, Settings},
};
use std::{
    cell::{Cell, RefCell},
    io,
    rc::{Rc, Weak},
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

/// Busy polling of one loop.
pub(super) struct Awake {
    /// Keeps the loop from sleeping; `None` once the loop is shut down.
    idle: RefCell<Option<Idle>>,
    until: Cell<Option<Instant>>,
    spin: Spin,
    /// Awake because of `spin`, and until when that pays.
    spinning: Cell<Option<Instant>>,
    /// How long polling pays, if something was read or written since the last sleep.
    active: Cell<Option<Duration>>,
}

impl Awake {
    /// Busy polling of the loop `uv`, not begun yet.
    ///
    /// # Errors
    /// libuv's error.
    pub fn new(uv: &Loop) -> io::Result<Rc<Self>> {
        let awake = Rc::new(Self {
            idle: RefCell::new(None),
            until: Cell::new(None),
            spin: Spin::default(),
            spinning: Cell::new(None),
            active: Cell::new(None),
        });
        let me: Weak<Self> = Rc::downgrade(&awake);
        let idle = uv.idle(move || {
            if let Some(awake) = me.upgrade() {
                awake.sleep_if_due();
            }
        })?;
        *awake.idle.borrow_mut() = Some(idle);
        Ok(awake)
    }

    /// A connection was read or written: decides whether the loop stays awake for what follows.
    pub fn active(&self, settings: &Settings) {
        let pays = match settings.io {
            Io::Libuv => config::SPIN,
            Io::Stream => config::STREAM_SPIN,
            // Another thread handles what follows.
            Io::Tokio => return,
        };
        match settings.busy_poll {
            BusyPoll::Learnt => self.active.set(self.active.get().max(Some(pays))),
            BusyPoll::Micros(0) => {}
            BusyPoll::Micros(micros) => self.stay(Duration::from_micros(micros.into())),
        }
    }

    /// A connection was read: polling may have paid.
    pub fn received(&self, settings: &Settings) {
        if let Some(in_time) = self.spinning.take() {
            if Instant::now() <= in_time {
                self.spin.hit();
            } else {
                self.spin.miss();
            }
            self.until.set(None);
            self.set_idle(false);
        }
        self.active(settings);
    }

    /// Before the wait for I/O, when all output is written. `will_sleep` says whether the wait
    /// takes time.
    pub fn before_sleep(&self, will_sleep: impl FnOnce() -> bool) {
        if let Some(pays) = self.active.take()
            && will_sleep()
            && let Some(time) = self.spin.wants(system_time(), pays)
        {
            self.spinning.set(Some(Instant::now() + pays));
            self.stay(time);
        }
    }

    /// The loop sleeps as it likes from now on.
    pub fn shut_down(&self) {
        self.idle.take();
    }

    fn stay(&self, time: Duration) {
        let until = Instant::now() + time;
        if self.until.get().is_some_and(|other| other >= until) {
            return;
        }
        if self.until.replace(Some(until)).is_none() {
            self.set_idle(true);
        }
    }

    fn set_idle(&self, awake: bool) {
        if let Some(idle) = &*self.idle.borrow() {
            idle.set(awake);
        }
    }

    fn sleep_if_due(&self) {
        if self.until.get().is_some_and(|until| until <= Instant::now()) {
            self.until.set(None);
            self.set_idle(false);
            if self.spinning.take().is_some() {
                self.spin.miss();
            }
        } else if self.spinning.get().is_some() {
            // Threads with work on this core go first.
            thread::yield_now();
        }
    }
}

/// Milliseconds on the clock that all processes of the machine share.
fn system_time() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_millis() as u64)
}
