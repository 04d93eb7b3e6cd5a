//! When composed output is written: in one write per turn and connection; earlier if it is large;
//! later if it was published while the event loop is busy. While JavaScript is busy, the thread of
//! [`Unsent`](crate::net::Unsent) writes it.

use super::inner::{Entry, Inner};
use crate::{
    caught::caught,
    config,
    error::Error,
    net::{Composed, Conn, Io},
};
use std::{sync::Arc, time::Instant};

impl Inner {
    /// Output was composed: written at the end of the tick, or at once if it is large.
    pub(super) fn composed(&self, entry: &Entry, composed: &Composed) {
        self.arm(entry, composed);
        if composed.waiting >= config::FLUSH_BYTES {
            self.write(&entry.conn, composed.first);
        } else if composed.first {
            self.any_unsent.set(true);
            if !self.unsent.list(&entry.conn) {
                self.write(&entry.conn, true);
            }
        }
    }

    /// Makes sure that requests are checked by their deadline.
    fn arm(&self, entry: &Entry, composed: &Composed) {
        #[cfg(unix)]
        if entry.conn.io() == Io::Libuv
            && let Some(deadline) = composed.deadline
        {
            self.in_loop.arm(deadline);
        }
    }

    /// As [`composed`](Self::composed), for the frames of a hot path: a reply does not wait for
    /// long work on the messages of the same batch.
    pub(super) fn composed_in_time(&self, entry: &Entry, composed: &Composed, now: u64) {
        if now == self.flushed.get() {
            return self.composed(entry, composed);
        }
        self.arm(entry, composed);
        self.flush();
        // This connection is written here, not by a later flush.
        if composed.first {
            self.write(&entry.conn, true);
        }
        self.flushed.set(now);
    }

    /// JavaScript's turn begins, at `now` in milliseconds: output composed right away is written
    /// together. A separate write for the first frame would cost each side another wake-up.
    pub(super) fn turn_begins(&self, now: u64) {
        self.flushed.set(now);
    }

    /// A message was published: written as [`composed`](Self::composed) output, but if Node's loop
    /// moves the bytes, not before the loop has nothing else to do.
    pub(super) fn published(&self, entry: &Entry, composed: &Composed) {
        if entry.conn.io() != Io::Libuv || composed.waiting >= config::FLUSH_BYTES {
            self.composed(entry, composed);
        } else if composed.first {
            if !self.unsent.linger(&entry.conn) {
                return self.write(&entry.conn, true);
            }
            if self.lingering_since.get().is_none() {
                self.lingering_since.set(Some(Instant::now()));
            }
        }
    }

    /// Writes output that need not wait any longer; `sleeps`: the event loop has nothing else to
    /// do. Returns whether any is left.
    pub(super) fn flush_lingering(&self, sleeps: bool) -> bool {
        let Some(since) = self.lingering_since.get() else { return false };
        let waits = !sleeps && since.elapsed() < config::PUBLISH_LINGER;
        if !waits {
            self.lingering_since.set(None);
            self.unsent.take_lingering(&mut self.leaving.borrow_mut());
            self.write_all();
        }
        waits
    }

    pub(super) fn flush(&self) {
        if self.any_unsent.replace(false) {
            self.unsent.take_turn(&mut self.leaving.borrow_mut());
            self.write_all();
        }
    }

    fn write_all(&self) {
        for conn in self.leaving.borrow_mut().drain(..) {
            // A panic costs this connection, and the others are still written.
            if let Err(error) = caught(|| self.write(&conn, true)) {
                self.spoil(&conn, error);
            }
        }
    }

    /// Ends a connection whose state may be inconsistent, because of `error`.
    pub(super) fn spoil(&self, conn: &Conn, error: Error) {
        conn.spoil(error);
        self.touched(conn);
    }

    /// `listed`: this write takes it off the list.
    fn write(&self, conn: &Arc<Conn>, listed: bool) {
        #[cfg(unix)]
        self.in_loop.active(conn.settings());
        if if listed { conn.flush_listed() } else { conn.flush() } {
            self.touched(conn);
        }
    }
}
