//! The connections that Node's event loop moves.
//!
//! Connections come here once their handshake is complete. A turn of the loop reads available data,
//! hands it to JavaScript after the wait for I/O, and writes JavaScript's output before the next
//! wait.

use super::{
    awake::Awake,
    polled::Polled,
    uv::{DISCONNECT, Handle, Loop, PRIORITIZED, READABLE, STOPPED, Timer, WRITABLE},
};
use crate::{
    caught::caught,
    config,
    error::Error,
    net::{
        connection::{Arrival, Connections, Ended, Phase, State},
        settings::Settings,
    },
};
use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    ffi::{c_int, c_void},
    net::TcpStream,
    rc::{Rc, Weak},
    sync::Arc,
    time::{Duration, Instant},
};

/// The binding's part in a turn of the loop.
pub trait Turn {
    /// Before the wait for I/O: writes composed output.
    fn before_wait(&self);
    /// After it: fetches received data.
    fn after_wait(&self);
    /// Fails the requests of all connections whose deadline has passed; returns when to be called
    /// again, on the hub's clock.
    fn expire(&self) -> u64;
    /// A connection is closed after a protocol error: `words` have still to be written.
    fn told(&self, stream: &TcpStream, words: Vec<u8>);
}

/// The connections that a loop moves.
pub struct Driver {
    uv: Loop,
    hub: Arc<Connections>,
    me: Weak<Self>,
    binding: Weak<dyn Turn>,
    scratch: RefCell<Vec<u8>>,
    polled: RefCell<HashMap<u32, Rc<Polled>>>,
    alarm: RefCell<Option<Timer>>,
    /// When the alarm fires, on the hub's clock.
    armed: Cell<u64>,
    /// It fired: sockets are read once more before anything expires.
    alarm_fired: Cell<bool>,
    /// Handles that are called in every turn.
    turn_handles: RefCell<Vec<Handle>>,
    /// Makes the next wait for I/O return at once.
    next_turn: RefCell<Option<Timer>>,
    awake: Rc<Awake>,
}

impl Driver {
    /// A driver in the loop at `uv_loop`, made by the libuv with this `version`. `None` when the
    /// libuv found in the program has another one or lacks a function, or one fails.
    ///
    /// # Safety
    /// `uv_loop` is the `uv_loop_t` of the calling thread, and runs until
    /// [`shut_down`](Self::shut_down) has called back.
    pub unsafe fn new(
        uv_loop: *mut c_void,
        version: &str,
        hub: Arc<Connections>,
        turn: Weak<dyn Turn>,
    ) -> Option<Rc<Self>> {
        // SAFETY: as promised by the caller.
        let uv = unsafe { Loop::new(uv_loop, version) }?;
        let (before, after) = (turn.clone(), turn.clone());
        let handles = vec![
            uv.prepare(move || {
                if let Some(turn) = before.upgrade() {
                    turn.before_wait();
                }
            })
            .ok()?,
            uv.check(move || {
                if let Some(turn) = after.upgrade() {
                    turn.after_wait();
                }
            })
            .ok()?,
        ];
        let awake = Awake::new(&uv).ok()?;
        hub.settle();
        let driver = Rc::new_cyclic(|me: &Weak<Self>| Self {
            uv,
            hub,
            me: me.clone(),
            binding: turn.clone(),
            scratch: RefCell::new(vec![0; config::SCRATCH_BYTES]),
            polled: RefCell::default(),
            alarm: RefCell::new(None),
            armed: Cell::new(u64::MAX),
            alarm_fired: Cell::new(false),
            turn_handles: RefCell::new(handles),
            next_turn: RefCell::new(None),
            awake,
        });
        *driver.next_turn.borrow_mut() = Some(driver.uv.timer(|| {}).ok()?);
        let me = driver.me.clone();
        let alarm = driver.uv.timer(move || {
            if let Some(driver) = me.upgrade() {
                driver.armed.set(u64::MAX);
                driver.alarm_fired.set(true);
            }
        });
        *driver.alarm.borrow_mut() = Some(alarm.ok()?);
        Some(driver)
    }

    /// Reads an open connection from now on.
    pub fn adopt(&self, arrival: &mut Arrival) {
        let Some((stream, mut rest)) = arrival.socket.take() else { return };
        let conn = arrival.conn.clone();
        let (me, number) = (self.me.clone(), conn.number());
        let poll = self.uv.poll(stream.clone(), move |events| {
            if let Some(driver) = me.upgrade() {
                driver.with(number, |polled| driver.ready(polled, events));
            }
        });
        let poll = match poll {
            Ok(poll) => poll,
            Err(error) => {
                let error = Error::system("read", error, None);
                return conn.finish(Ended::abnormal(Some(error)));
            }
        };
        let polled = Rc::new(Polled::new(conn, stream, poll));
        self.polled.borrow_mut().insert(number, polled);
        self.with(number, |polled| {
            match polled.receive(&mut rest) {
                Ok(()) => self.update(polled),
                Err(ended) => return self.end(polled, ended),
            }
            self.beat(polled);
        });
    }

    /// Calls `act` with a connection, if it still exists. A panic costs this connection.
    fn with<R>(&self, number: u32, act: impl FnOnce(&Polled) -> R) -> Option<R> {
        let polled = self.polled.borrow().get(&number).cloned()?;
        match caught(|| act(&polled)) {
            Ok(result) => Some(result),
            Err(error) => {
                polled.conn.spoil(error);
                self.end(&polled, Ended::abnormal(None));
                None
            }
        }
    }

    /// Makes sure that requests are checked by `deadline`.
    pub fn arm(&self, deadline: u64) {
        if deadline >= self.armed.get() {
            return;
        }
        self.armed.set(deadline);
        if let Some(alarm) = &*self.alarm.borrow() {
            alarm.fire_in(deadline.saturating_sub(self.hub.now()));
        }
    }

    /// After the wait for I/O: handles what the alarm was set for. If the loop was busy, replies
    /// may have arrived in time and be read just now, or still be in the sockets, also in sockets
    /// that the loop has only now learnt of.
    pub fn expire(&self) {
        if !self.alarm_fired.replace(false) {
            return;
        }
        self.each(|polled| self.catch_up(polled));
        if let Some(turn) = self.binding.upgrade() {
            self.arm(turn.expire().min(self.check_all()));
        }
    }

    /// Before the wait for I/O, when all output is written.
    pub fn before_sleep(&self) {
        if self.alarm_fired.get() {
            return self.turn_again();
        }
        self.awake.before_sleep(|| self.will_sleep());
    }

    /// A connection was read or written: decides whether the loop stays awake for what follows.
    pub fn active(&self, settings: &Settings) {
        self.awake.active(settings);
    }

    /// A connection was read: staying awake may have paid.
    pub fn heard(&self, settings: &Settings) {
        self.awake.received(settings);
    }

    /// Makes another turn follow this one at once.
    pub fn turn_again(&self) {
        if let Some(next_turn) = &*self.next_turn.borrow() {
            next_turn.fire_in(0);
        }
    }

    /// Before the wait for I/O: whether the loop is going to sleep, for it has nothing else to do.
    /// It may sleep even if this is false: libuv reports no sleep while the poll of a socket has
    /// still to be updated.
    pub fn will_sleep(&self) -> bool {
        self.uv.will_sleep()
    }

    /// Handles the connections that others have closed or written to.
    pub fn revisit(&self) {
        self.hub.take_revisited().into_iter().for_each(|number| self.touched(number));
    }

    /// Handles a connection that JavaScript wrote to or closed.
    pub fn touched(&self, number: u32) {
        self.with(number, |polled| self.update(polled));
    }

    /// Closes everything; `then` is called when the loop has released it.
    pub fn shut_down(&self, then: impl FnOnce() + 'static) {
        for polled in self.polled.take().into_values() {
            polled.close();
        }
        self.turn_handles.borrow_mut().clear();
        self.awake.shut_down();
        self.next_turn.take();
        if let Some(alarm) = self.alarm.take() {
            alarm.stop();
        }
        self.uv.when_closed(then);
    }

    fn ready(&self, polled: &Polled, events: c_int) {
        if events & STOPPED != 0 {
            polled.stopped();
        }
        if events & (STOPPED | DISCONNECT | PRIORITIZED) != 0 && !polled.conn.state().may_read {
            match polled.ready_while_paused(events) {
                Ok(()) => {}
                Err(ended) => return self.end(polled, ended),
            }
            return self.update(polled);
        }
        if events & WRITABLE != 0 {
            polled.conn.unblocked();
        }
        // While JavaScript is behind, received data can wait in the kernel: the poll reports it
        // again.
        if events & READABLE != 0 && !polled.conn.waits_for_room() {
            let result = polled.read(&mut self.scratch.borrow_mut());
            if let Err(ended) = result {
                return self.end(polled, ended);
            }
            self.heard(polled.conn.settings());
        }
        self.update(polled);
    }

    /// Reads available data of a connection whose deadline has passed.
    fn catch_up(&self, polled: &Polled) {
        if !polled.conn.is_overdue() {
            return;
        }
        for _ in 0..config::OVERDUE_READS {
            if !polled.conn.state().may_read || polled.conn.waits_for_room() {
                break;
            }
            let result = polled.read(&mut self.scratch.borrow_mut());
            match result {
                Ok(true) => {}
                Ok(false) => break,
                Err(ended) => return self.end(polled, ended),
            }
        }
        self.update(polled);
    }

    /// Polls for what the connection waits for, or ends it.
    fn update(&self, polled: &Polled) {
        let State { phase, writer, may_read, .. } = polled.conn.state();
        match phase {
            Phase::Dead => return self.end(polled, Ended::abnormal(None)),
            Phase::Closing(until) => self.arm_at(until),
            Phase::Connecting | Phase::Open => {}
        }
        if let Err(ended) = polled.watch(may_read, writer.is_some()) {
            self.end(polled, ended);
        }
    }

    fn end(&self, polled: &Polled, ended: Ended) {
        // The poll goes first: libuv must not watch a closed descriptor.
        polled.close();
        self.polled.borrow_mut().remove(&polled.conn.number());
        if ended.sent_code()
            && let Some(turn) = self.binding.upgrade()
        {
            turn.told(&polled.stream, polled.conn.take_rest());
        }
        polled.conn.finish(ended);
    }

    fn arm_at(&self, time: Instant) {
        let ms = time.saturating_duration_since(Instant::now()) + Duration::from_millis(1);
        self.arm(self.hub.now() + ms.as_millis() as u64);
    }

    /// Pings a silent other side, or gives it up; returns when to check again.
    fn beat(&self, polled: &Polled) -> u64 {
        match polled.conn.beat() {
            Ok(time) => {
                self.arm(time);
                time
            }
            Err(ended) => {
                self.end(polled, ended);
                u64::MAX
            }
        }
    }

    /// Checks the connections that are due: silent ones, and those whose closing handshake takes
    /// too long. Returns when to check again.
    fn check_all(&self) -> u64 {
        let mut next = u64::MAX;
        self.each(|polled| {
            let again = match polled.conn.state().phase {
                phase if phase.is_over() => {
                    self.end(polled, Ended::abnormal(None));
                    u64::MAX
                }
                Phase::Closing(until) => self.hub.time_after(until),
                _ => self.beat(polled),
            };
            next = next.min(again);
        });
        next
    }

    fn each(&self, mut act: impl FnMut(&Polled)) {
        let all: Vec<_> = self.polled.borrow().keys().copied().collect();
        for number in all {
            self.with(number, &mut act);
        }
    }
}
