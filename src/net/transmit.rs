//! The writing side of a connection: what was composed goes to the socket, as far as it takes it.

use super::{
    conn::{Conn, Phase},
    settings::{Io, Lanes},
};
use crate::{config, rpc::Event};
use std::{
    io::{self, ErrorKind, Write},
    net::TcpStream,
    sync::Arc,
};
use tokio::net::tcp::OwnedWriteHalf;

/// The socket's writing side.
#[derive(Clone)]
pub(super) enum Writer {
    Tokio(Arc<OwnedWriteHalf>),
    Libuv(Arc<TcpStream>),
}

impl Writer {
    fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tokio(writer) => writer.try_write(bytes),
            Self::Libuv(stream) => (&**stream).write(bytes),
        }
    }
}

impl Conn {
    /// Writes what waits, as far as the kernel takes it without blocking. Returns whether
    /// something is left for the driver.
    pub fn flush(&self) -> bool {
        let mut half = self.lock();
        // A stream's bytes are fetched; a connection without a handshake has to wait.
        if half.phase == Phase::Connecting || self.io() == Io::Stream {
            return false;
        }
        loop {
            half.take_in(config::SUBSCRIBER_OWN_BYTES);
            let Some(bytes) = half.out.take() else { return false };
            let Some(writer) = half.writer.clone() else {
                half.out.put_back(bytes, 0);
                half.out.clear();
                return false;
            };
            drop(half);
            let result = writer.try_write(&bytes);
            half = self.lock();
            let written = match result {
                Ok(written) => {
                    half.bytes_out += written as u64;
                    written
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => 0,
                // The reading side meets the same error and tells it.
                Err(_) => bytes.len(),
            };
            let partial = written < bytes.len();
            half.out.put_back(bytes, written);
            if partial {
                half.blocked = true;
                self.signal();
                return true;
            }
        }
    }

    /// Whether all that was composed is written.
    pub(super) fn is_written(&self) -> bool {
        self.lock().out.is_written()
    }

    /// Takes what the kernel has not taken so far, for good.
    pub(super) fn take_rest(&self) -> Vec<u8> {
        self.lock().out.take_all().unwrap_or_default()
    }

    /// Moves a stream's bytes that wait to be written into `to`; returns how many there were room
    /// for.
    pub(super) fn take_output(&self, to: &mut [u8]) -> usize {
        let mut half = self.lock();
        if half.phase == Phase::Connecting {
            return 0;
        }
        let Some(taken) = half.out.take() else { return 0 };
        let len = taken.len().min(to.len());
        to[..len].copy_from_slice(&taken[..len]);
        half.out.put_back(taken, len);
        half.bytes_out += len as u64;
        len
    }

    /// The socket takes bytes again, so somebody reads them.
    pub(super) fn unblocked(&self) {
        self.liveness.hear(self.hub.now());
        self.lock().blocked = false;
        if !self.flush() && self.lanes().has(Lanes::SOCKET) {
            self.hub.event(Event::Drained { conn: self.number });
        }
    }
}
