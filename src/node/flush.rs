//! When what JavaScript composed is written: one write for a turn's messages of a connection, sooner
//! when it is much, later when it was published while the event loop is busy.

use super::{Entry, Inner};
use crate::{
    caught::caught,
    config,
    error::Error,
    net::{Composed, Conn, Io},
};
use std::{cell::RefCell, time::Instant};

impl Inner {
    /// Composed something: goes out with the tick's flush, or at once when it is much.
    pub(super) fn composed(&self, number: u32, entry: &Entry, composed: Composed) {
        #[cfg(unix)]
        if entry.conn.io() == Io::Libuv
            && let Some(deadline) = composed.deadline
        {
            self.in_loop.arm(deadline);
        }
        if composed.waiting >= config::FLUSH_BYTES {
            self.write(entry);
        } else if !entry.dirty.replace(true) {
            self.dirty.borrow_mut().push(number);
        }
    }

    /// As [`composed`](Self::composed), for the frames of a hot path: an answer does not wait for
    /// long work on the messages that came with it.
    pub(super) fn composed_in_time(
        &self,
        number: u32,
        entry: &Entry,
        composed: Composed,
        now: u64,
    ) {
        self.composed(number, entry, composed);
        if now != self.flushed.get() {
            self.flush();
            self.flushed.set(now);
        }
    }

    /// JavaScript has its turn, at `now` in milliseconds: what it composes right away leaves together.
    /// A write for the first frame alone would cost each side a wake-up more.
    pub(super) fn turn_begins(&self, now: u64) {
        self.flushed.set(now);
    }

    /// Published something: goes out as what is [`composed`](Self::composed), but where Node's loop
    /// moves the bytes not before it has nothing else to do.
    pub(super) fn published(&self, number: u32, entry: &Entry, composed: Composed) {
        if entry.conn.io() != Io::Libuv || composed.waiting >= config::FLUSH_BYTES {
            self.composed(number, entry, composed);
        } else if !entry.dirty.replace(true) {
            self.lingering.borrow_mut().push(number);
            if self.lingering_since.get().is_none() {
                self.lingering_since.set(Some(Instant::now()));
            }
        }
    }

    /// Writes what need not wait any longer; `sleeps`: the event loop has nothing else to do.
    /// Returns whether something waits.
    pub(super) fn flush_lingering(&self, sleeps: bool) -> bool {
        let Some(since) = self.lingering_since.get() else { return false };
        let waits = !sleeps && since.elapsed() < config::PUBLISH_LINGER;
        if !waits {
            self.lingering_since.set(None);
            self.write_all(&self.lingering);
        }
        waits
    }

    pub(super) fn flush(&self) {
        self.write_all(&self.dirty);
    }

    fn write_all(&self, numbers: &RefCell<Vec<u32>>) {
        for number in numbers.borrow_mut().drain(..) {
            self.with(number, |entry| {
                entry.dirty.set(false);
                // A panic costs this connection, and the others are still written.
                if let Err(error) = caught(|| self.write(entry)) {
                    self.spoil(&entry.conn, error);
                }
            });
        }
    }

    /// Ends a connection that is not to be trusted any more, because of `error`.
    pub(super) fn spoil(&self, conn: &Conn, error: Error) {
        conn.spoil(error);
        self.touched(conn);
    }

    fn write(&self, entry: &Entry) {
        #[cfg(unix)]
        self.in_loop.active(entry.conn.settings());
        if entry.conn.flush() {
            self.touched(&entry.conn);
        }
    }
}
