//! One connection: from `connect` to `release`.

use super::{budget::Budget, core::Core, meter::Meter, settings::ConnectionSettings};
use crate::net::Lanes;
use napi_derive::napi;

#[napi]
impl Core {
    #[napi(catch_unwind)]
    pub fn connect(
        &self,
        dest: String,
        path: String,
        settings: ConnectionSettings,
        meter: &Meter,
        budget: &Budget,
    ) -> u32 {
        let conn = self.inner.driver.connect(&dest, &path, settings.into(), &budget.inner);
        self.inner.register(conn, None, None, Some(meter.counted()))
    }

    /// Sets who gets a connection's messages: see `LANES` of the layout.
    #[napi(catch_unwind)]
    pub fn set_lanes(&self, conn: u32, lanes: u8) {
        self.inner.with(conn, |entry| entry.conn.set_lanes(Lanes::from_bits(lanes)));
    }

    /// Drops a connection's messages from now on, and those that wait to be fetched.
    #[napi(catch_unwind)]
    pub fn ignore(&self, conn: u32) {
        self.inner.with(conn, |entry| entry.conn.ignore());
    }

    /// Pauses or resumes reading a connection; not of streams, whose bytes JavaScript moves.
    #[napi(catch_unwind)]
    pub fn set_reading(&self, conn: u32, reads: bool) {
        self.inner.with(conn, |entry| {
            entry.conn.set_reading(reads);
            self.inner.touched(&entry.conn);
        });
    }

    /// Milliseconds since anything was received on `conn`; `u32::MAX` when it is closed.
    #[napi(catch_unwind)]
    pub fn silence(&self, conn: u32) -> u32 {
        let silence = self.inner.with(conn, |entry| entry.conn.silence()).unwrap_or(u64::MAX);
        u32::try_from(silence).unwrap_or(u32::MAX)
    }

    /// Whether a connection moves something large; `descriptor` is that of a stream's TCP socket.
    #[napi(catch_unwind)]
    pub fn moves_much(&self, conn: u32, descriptor: Option<i32>) -> bool {
        self.inner.with(conn, |entry| entry.conn.moves_much(descriptor)).unwrap_or(false)
    }

    /// JavaScript keeps this many bytes of data received on `conn`.
    #[napi(catch_unwind)]
    pub fn keeps(&self, conn: u32, bytes: f64) {
        self.inner.with(conn, |entry| entry.conn.keeps(bytes as usize)); // Saturates.
    }

    /// Stops reading a server's connection, and tells its client how many messages were read.
    #[napi(catch_unwind)]
    pub fn drain(&self, conn: u32) {
        self.inner.with(conn, |entry| {
            entry.conn.drain();
            self.inner.touched(&entry.conn);
        });
    }

    /// Whether all replies of a draining connection are written.
    #[napi(catch_unwind)]
    pub fn is_drained(&self, conn: u32) -> bool {
        self.inner.with(conn, |entry| entry.conn.is_drained()).unwrap_or(true)
    }

    #[napi(catch_unwind)]
    pub fn close(&self, conn: u32, code: Option<u16>, reason: Option<String>) {
        self.inner.with(conn, |entry| {
            entry.conn.close(code, reason.as_deref().unwrap_or_default());
            self.inner.touched(&entry.conn);
        });
    }

    #[napi(catch_unwind)]
    pub fn terminate(&self, conn: u32) {
        self.inner.with(conn, |entry| {
            entry.conn.terminate();
            self.inner.touched(&entry.conn);
        });
    }

    /// JavaScript has handled the close of `conn`: its number may be reused.
    #[napi(catch_unwind)]
    pub fn release(&self, conn: u32) {
        let entry = self.inner.conns.borrow_mut().get_mut(conn as usize).and_then(Option::take);
        if let Some(entry) = entry {
            if let Some(counted) = &entry.counted {
                counted.add(&entry.conn.totals().ended());
            }
            // A driver may keep it alive a moment longer than JavaScript counts its requests.
            entry.conn.keeps(0);
            self.inner.hub.release(conn);
        }
    }
}
