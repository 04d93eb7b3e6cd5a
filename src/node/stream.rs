//! Connections whose bytes JavaScript moves (TLS). `raw.rs` passes these bytes.

use super::{budget::Budget, core::Core, meter::Meter, settings::ConnectionSettings};
use crate::{
    net::{Io, Settings, stream::Stream},
    ws::Role,
};
use napi_derive::napi;

#[napi]
impl Core {
    /// A connection whose bytes JavaScript moves, on the side of a server or a client; it waits for
    /// `open_stream`.
    #[napi(catch_unwind)]
    pub fn stream(
        &self,
        is_server: bool,
        settings: ConnectionSettings,
        meter: &Meter,
        budget: &Budget,
    ) -> u32 {
        let role = if is_server { Role::Server } else { Role::Client };
        let settings = Settings { io: Io::Stream, ..settings.into() };
        let stream =
            Stream::new(&self.inner.driver, &self.inner.hub, role, settings, &budget.inner);
        self.inner.register(stream.conn().clone(), None, Some(stream), Some(meter.counted()))
    }

    /// The handshake of a stream is complete; `descriptor` is that of its TCP socket.
    #[napi(catch_unwind)]
    pub fn open_stream(&self, conn: u32, descriptor: Option<i32>) {
        self.inner.with_stream(conn, |stream| stream.open(descriptor));
    }

    /// Whether so much waits to be fetched that reading should stop.
    #[napi(getter, catch_unwind)]
    pub fn is_full(&self) -> bool {
        self.inner.hub.is_full()
    }

    /// All data received until a stream's deadline was read: what is due ends now.
    #[napi(catch_unwind)]
    pub fn expire_stream(&self, conn: u32, descriptor: Option<i32>) {
        self.inner.with_stream(conn, |stream| stream.expire(descriptor));
    }

    /// A stream is closed.
    #[napi(catch_unwind)]
    pub fn end_stream(&self, conn: u32) {
        self.inner.with_stream(conn, Stream::end);
    }
}
