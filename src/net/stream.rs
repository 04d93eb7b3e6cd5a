//! The driver for bytes that JavaScript moves: TLS is Node's own, and what it decrypts comes
//! here.

use super::{
    budget::Budget,
    conn::{Conn, Connections, Ended, Phase, State},
    receive::Reading,
    settings::Settings,
    tokio::{Alarm, Driver, closing},
};
use crate::{caught::caught, error::Error, ws::Role};
use std::{cell::RefCell, sync::Arc};

/// A connection whose bytes are handed in and fetched.
pub struct Stream {
    conn: Arc<Conn>,
    reading: RefCell<Reading>,
}

impl Stream {
    /// A connection without a handshake so far; requests are held. Its deadlines are kept by a
    /// task of `driver`.
    pub fn new(
        driver: &Driver,
        hub: &Arc<Connections>,
        role: Role,
        settings: Settings,
        budget: &Arc<Budget>,
    ) -> Self {
        let conn = Arc::new(Conn::new(hub, role, settings, budget));
        budget.admit(&conn);
        let (watched, clock, spoilt) = (conn.clone(), hub.clone(), conn.clone());
        let watching = async move { watch(&watched, &clock).await };
        let started = driver.spawn_or(watching, move || spoilt.spoil(Error::Panic));
        if let Err(error) = started {
            conn.finish(Ended::abnormal(Some(Error::system("connect", error, None))));
        }
        Self { reading: RefCell::new(Reading::new(&conn)), conn }
    }

    /// The connection.
    pub fn conn(&self) -> &Arc<Conn> {
        &self.conn
    }

    /// The handshake is done.
    pub fn open(&self) {
        self.conn.open();
    }

    /// Bytes came, which stay as they are. When they end the connection, what is left of its
    /// output can still be taken.
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

    /// Moves bytes that wait to be written into `to`; returns how many.
    pub fn take(&self, to: &mut [u8]) -> usize {
        self.conn.take_output(to)
    }

    /// The stream is over.
    pub fn end(&self) {
        let ended = self.reading.borrow_mut().ended(None);
        self.conn.finish(ended);
    }
}

/// Expires requests, and gives up a closing handshake that takes too long.
async fn watch(conn: &Conn, hub: &Connections) {
    let (mut alarm, mut heartbeat) = (Alarm::new(), Alarm::new());
    let mut beat_at = hub.now() + conn.settings().heartbeat;
    loop {
        let State { phase, check_at, .. } = conn.state();
        let until = match phase {
            Phase::Dead => return,
            Phase::Closing(until) => Some(until),
            Phase::Connecting | Phase::Open => None,
        };
        tokio::select! {
            () = conn.changed() => {}
            () = alarm.at(hub, check_at) => drop(conn.expire()),
            () = heartbeat.at(hub, beat_at) => match conn.beat() {
                Ok(time) => beat_at = time,
                Err(ended) => return conn.finish(ended),
            },
            () = closing(until) => return conn.finish(Ended::abnormal(None)),
        }
    }
}
