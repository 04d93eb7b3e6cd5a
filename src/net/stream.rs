//! The driver for connections whose bytes JavaScript moves: TLS is Node's own, and the decrypted
//! bytes come here.

use super::{
    alarm::Alarm,
    budget::Budget,
    connection::{Conn, Connections, Ended, Phase, Reading, State},
    settings::Settings,
    tcp::{self, SendState},
    tokio::Driver,
};
use crate::{caught::caught, config, error::Error, ws::Role};
use std::{
    cell::RefCell,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

/// A connection whose bytes JavaScript passes in and fetches.
pub struct Stream {
    conn: Arc<Conn>,
    reading: RefCell<Reading>,
    deadlines: Arc<Deadlines>,
}

/// State of a stream's task besides its connection.
struct Deadlines {
    /// When the other side is checked next, on the hub's clock.
    beat_at: AtomicU64,
    /// JavaScript was notified that something is due, and has not checked yet.
    is_notified: AtomicBool,
}

impl Stream {
    /// A connection before its handshake; requests are queued. A task of `driver` keeps its
    /// deadlines.
    pub fn new(
        driver: &Driver,
        hub: &Arc<Connections>,
        role: Role,
        settings: Settings,
        budget: &Arc<Budget>,
    ) -> Self {
        let conn = Arc::new(Conn::new(hub, role, settings, budget));
        budget.admit(&conn);
        let beat_at = hub.now()
            + match conn.settings().heartbeat {
                0 => config::LOOK_AFTER_MS,
                every => every.min(config::LOOK_AFTER_MS),
            };
        let deadlines = Arc::new(Deadlines { beat_at: beat_at.into(), is_notified: false.into() });
        let (watched, clock, spoilt) = (conn.clone(), hub.clone(), conn.clone());
        let known = deadlines.clone();
        let watching = async move { watch(&watched, &clock, &known).await };
        let started = driver.spawn_or(watching, move || spoilt.spoil(Error::Panic));
        if let Err(error) = started {
            conn.finish(Ended::abnormal(Some(Error::system("connect", error, None))));
        }
        Self { reading: RefCell::new(Reading::new(&conn)), conn, deadlines }
    }

    /// The connection.
    pub fn conn(&self) -> &Arc<Conn> {
        &self.conn
    }

    /// The handshake is complete. `descriptor` is that of the TCP socket below, if there is one.
    #[cfg_attr(not(unix), allow(unused_variables, reason = "there are no descriptors"))]
    pub fn open(&self, descriptor: Option<i32>) {
        #[cfg(unix)]
        if let Some(descriptor) = descriptor {
            tcp::limit_pauses_of(descriptor);
        }
        self.conn.open();
    }

    /// Handles received bytes, without changing them. If they end the connection, the rest of its
    /// output can still be fetched.
    pub fn receive(&self, bytes: &[u8]) {
        if self.conn.state().phase == Phase::Dead {
            return;
        }
        let mut reading = self.reading.borrow_mut();
        match caught(|| self.conn.receive(&mut reading, &mut bytes.to_vec())) {
            Ok(Ok(())) => {}
            Ok(Err(ended)) => self.conn.finish_keeping_output(ended),
            Err(error) => self.conn.spoil(error),
        }
    }

    /// Moves buffered output into `to`; returns how many bytes.
    pub fn take(&self, to: &mut [u8]) -> usize {
        self.conn.take_output(to)
    }

    /// Ends what is due, now that all data received until then was read. `descriptor` as for
    /// [`open`](Self::open), and still open.
    pub fn expire(&self, descriptor: Option<i32>) {
        let ended = caught(|| {
            self.conn.expire();
            if self.conn.state().phase.is_over() {
                return Err(Ended::abnormal(None));
            }
            if self.deadlines.beat_at.load(Ordering::SeqCst) <= self.conn.hub.now() {
                let beat_at =
                    self.conn.beat_with(|| descriptor.and_then(SendState::of_descriptor))?;
                self.deadlines.beat_at.store(beat_at, Ordering::SeqCst);
            }
            Ok(())
        });
        match ended {
            Ok(Ok(())) => {}
            Ok(Err(ended)) => self.conn.finish(ended),
            Err(error) => self.conn.spoil(error),
        }
        self.deadlines.is_notified.store(false, Ordering::SeqCst);
        self.conn.signal();
    }

    /// The stream is closed.
    pub fn end(&self) {
        let ended = self.reading.borrow_mut().ended(None);
        self.conn.finish(ended);
    }
}

/// Notifies JavaScript when something of the connection is due. JavaScript reads the bytes, so only
/// it knows whether a reply has arrived: a thread that was busy reads once more before anything
/// ends.
async fn watch(conn: &Conn, hub: &Connections, deadlines: &Deadlines) {
    let mut alarm = Alarm::new();
    loop {
        let State { phase, check_at, .. } = conn.state();
        let until = match phase {
            Phase::Dead => return,
            Phase::Closing(until) => hub.time_after(until),
            Phase::Connecting | Phase::Open => u64::MAX,
        };
        let due = match deadlines.is_notified.load(Ordering::SeqCst) {
            true => u64::MAX,
            false => until.min(check_at).min(deadlines.beat_at.load(Ordering::SeqCst)),
        };
        tokio::select! {
            () = conn.changed() => {}
            () = alarm.at(hub, due) => {
                deadlines.is_notified.store(true, Ordering::SeqCst);
                conn.emit_overdue();
            }
        }
    }
}
