//! A memory budget as a JavaScript object.

use crate::net;
use napi_derive::napi;
use std::sync::Arc;

/// The memory limit of a server's connections, or of all clients.
#[napi]
pub struct Budget {
    pub(super) inner: Arc<net::Budget>,
}

#[napi]
impl Budget {
    /// `limit` in bytes; 0 is unlimited.
    #[napi(constructor)]
    pub fn new(limit: f64) -> Self {
        Self { inner: net::Budget::new(limit as usize) } // Saturates, and makes 0 of NaN.
    }

    /// JavaScript keeps this many bytes for closed connections.
    #[napi(catch_unwind)]
    pub fn abandoned(&self, bytes: f64) {
        self.inner.abandoned(bytes as usize); // Saturates.
    }

    /// Counts bytes that JavaScript keeps for no single connection. False: there is no room for
    /// them, and they are not counted.
    #[napi(catch_unwind)]
    pub fn take(&self, bytes: f64) -> bool {
        self.inner.take(bytes as usize)
    }

    /// Frees such bytes.
    #[napi(catch_unwind)]
    pub fn give_back(&self, bytes: f64) {
        self.inner.give_back(bytes as usize);
    }
}
