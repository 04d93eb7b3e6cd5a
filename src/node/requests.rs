//! The requests of a connection beside the hot path, which is in `raw.rs`.

use super::core::Core;
use crate::rpc;
use napi::bindgen_prelude::{BufferSlice, Either};
use napi_derive::napi;

#[napi]
impl Core {
    /// Gives up a request without further events. False: an event for it is already pending.
    #[napi(catch_unwind)]
    pub fn forget(&self, conn: u32, slot: u32) -> bool {
        self.inner.with(conn, |entry| entry.conn.forget(slot)).unwrap_or(false)
    }

    /// Abandons the pending requests of `conn`.
    #[napi(catch_unwind)]
    pub fn abandon(&self, conn: u32) {
        self.inner.with(conn, |entry| entry.conn.abandon());
    }

    /// Withdraws the requests of `conn`, if nothing was sent. False: something was.
    #[napi(catch_unwind)]
    pub fn withdraw(&self, conn: u32) -> bool {
        self.inner.with(conn, |entry| entry.conn.withdraw()).unwrap_or(true)
    }

    /// Requests on `conn` from before it is open wait for `send_held_back`.
    #[napi(catch_unwind)]
    pub fn hold_back(&self, conn: u32) {
        self.inner.with(conn, |entry| entry.conn.hold_back());
    }

    /// Sends them, behind output composed since `conn` is open.
    #[napi(catch_unwind)]
    pub fn send_held_back(&self, conn: u32) {
        self.inner.with(conn, |entry| {
            if let Some(composed) = entry.conn.send_held_back() {
                self.inner.composed(entry, &composed);
            }
        });
    }

    /// The id of the pending request in `slot` of `conn`.
    #[napi(catch_unwind)]
    pub fn rid(&self, conn: u32, slot: u32) -> Option<String> {
        let rid = self.inner.with(conn, |entry| entry.conn.rid(slot)).flatten()?;
        String::from_utf8(rid.to_vec()).ok()
    }

    /// The slots of requests that the server of `conn` has not started, each followed by the ms
    /// left for it.
    #[napi(catch_unwind)]
    pub fn unread(&self, conn: u32) -> Vec<f64> {
        let unread = self.inner.with(conn, |entry| entry.conn.take_unread()).unwrap_or_default();
        unread.iter().flat_map(|u| [u.slot.into(), u.deadline as f64]).collect()
    }

    /// Unanswered requests received on `conn`, as far as they are counted.
    #[napi(catch_unwind)]
    pub fn unanswered(&self, conn: u32) -> i64 {
        self.inner.with(conn, |entry| entry.conn.unanswered()).unwrap_or(0)
    }

    /// A message of `conn` that was counted as a request is none, and will not be answered.
    #[napi(catch_unwind)]
    pub fn answered(&self, conn: u32) {
        self.inner.with(conn, |entry| entry.conn.answered());
    }

    /// The memory cost of a parsed message, in bytes.
    #[napi(catch_unwind)]
    pub fn cost(&self, message: Either<String, BufferSlice<'_>>) -> f64 {
        let bytes = match &message {
            Either::A(text) => text.as_bytes(),
            Either::B(bytes) => bytes,
        };
        (bytes.len() + rpc::Structure::of(bytes).cost()) as f64
    }
}
