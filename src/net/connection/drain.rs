//! Pausing and draining: a connection that is not read for now, or not any more.

use super::{conn::Conn, half::Phase};
use crate::{
    net::settings::Io,
    rpc::{Event, leaving},
    ws::Opcode,
};
use std::{mem, sync::atomic::Ordering};

impl Conn {
    /// Pauses or resumes reading. Meanwhile the other side's data waits on its own host.
    pub fn set_reading(&self, reads: bool) {
        self.lock().paused = !reads;
        self.signal();
    }

    /// Drains a server's connection: no more is read. The client is sent the number of its messages
    /// that were read, as soon as it is known: later ones have not been started.
    pub fn drain(&self) {
        self.lock().drains = true;
        // With the other drivers nothing is read while JavaScript runs.
        if self.io() != Io::Tokio {
            self.stop_reading();
        }
        self.signal();
    }

    /// A draining connection is not read from here on.
    pub(in crate::net) fn stop_reading(&self) {
        let mut half = self.lock();
        if half.phase != Phase::Open || mem::replace(&mut half.reading_stopped, true) {
            return;
        }
        half.take_in(usize::MAX);
        half.out.frame(Opcode::Ping, &leaving(self.messages.load(Ordering::Relaxed)));
        if self.io() == Io::Stream {
            return self.emit(half, Event::Composed { conn: self.number });
        }
        drop(half);
        self.flush();
    }

    /// Whether reading has stopped, and all requests read are replied to and the replies written;
    /// or the connection is closed.
    pub fn is_drained(&self) -> bool {
        let half = self.lock();
        half.phase == Phase::Dead
            || (half.reading_stopped && self.unanswered() <= 0 && half.waiting() == 0)
    }
}
