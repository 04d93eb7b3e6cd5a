//! The TCP socket below a connection, for JavaScript.

use super::{
    core::Core,
    events::{Failure, failure},
};
use crate::error::Error;
use napi_derive::napi;
use socket2::{SockAddr, TcpKeepalive};
use std::time::Duration;

/// One end of a connection.
#[napi(object)]
pub struct End {
    pub address: String,
    pub port: u32,
}

/// Both ends of a connection.
#[napi(object)]
pub struct Ends {
    pub local: End,
    pub remote: End,
}

/// Options of [`Core::set_socket`].
#[napi(object)]
pub struct SocketOptions {
    pub no_delay: Option<bool>,
    /// Milliseconds of silence before the first probe; 0 is the system's default, negative is no
    /// probes.
    pub keep_alive: Option<f64>,
}

#[napi]
impl Core {
    /// Both ends of a connection, while it is connected and its bytes are moved here.
    #[napi(catch_unwind)]
    pub fn ends(&self, conn: u32) -> Option<Ends> {
        let end = |address: SockAddr| {
            let address = address.as_socket()?;
            Some(End { address: address.ip().to_string(), port: address.port().into() })
        };
        let ends = self.inner.with(conn, |entry| {
            entry.conn.with_socket(|socket| {
                let local = end(socket.local_addr().ok()?)?;
                Some(Ends { local, remote: end(socket.peer_addr().ok()?)? })
            })
        });
        ends.flatten().flatten()
    }

    /// Sets an option of its TCP socket: whether small writes are collected (Nagle), and whether
    /// the system probes an idle connection, first after `keepAlive` milliseconds. Returns the
    /// error, if it fails.
    #[napi(catch_unwind)]
    pub fn set_socket(&self, conn: u32, options: SocketOptions) -> Option<Failure> {
        let set = self.inner.with(conn, |entry| {
            entry.conn.with_socket(|socket| {
                if let Some(no_delay) = options.no_delay {
                    socket.set_tcp_nodelay(no_delay)?;
                }
                if let Some(after) = options.keep_alive {
                    socket.set_keepalive(after >= 0.0)?;
                    if after > 0.0 {
                        let after = Duration::from_millis(after as u64);
                        socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(after))?;
                    }
                }
                Ok(())
            })
        });
        set.flatten()?.err().map(|error| failure(&Error::system("setsockopt", error, None)))
    }

    /// Bytes read and written on a connection so far.
    #[napi(catch_unwind)]
    pub fn traffic(&self, conn: u32) -> Option<Vec<f64>> {
        self.inner.with(conn, |entry| {
            let totals = entry.conn.totals();
            vec![totals.bytes_in as f64, totals.bytes_out as f64]
        })
    }
}
