//! The writing side of a connection: what was composed goes to the socket, as far as it takes it.

use super::{
    budget::Held,
    conn::{Conn, Half, Phase},
    settings::{Io, Lanes},
};
use crate::{config, error::Error, rpc::Event};
use socket2::SockRef;
use std::{
    io::{self, ErrorKind, Write},
    net::{Shutdown, TcpStream},
    sync::{Arc, MutexGuard},
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

    /// Nothing is written any more, which the other side sees if it is still there.
    pub fn shut_down(&self) {
        // A socket with an error is shut down already.
        let _ = match self {
            Self::Tokio(writer) => SockRef::from((**writer).as_ref()).shutdown(Shutdown::Write),
            Self::Libuv(stream) => stream.shutdown(Shutdown::Write),
        };
    }
}

impl Conn {
    /// Writes what waits, as far as the kernel takes it without blocking. Returns whether
    /// the driver has something left to do.
    pub fn flush(&self) -> bool {
        let mut half = self.lock();
        // A stream's bytes are fetched; a connection without a handshake has to wait.
        if half.phase == Phase::Connecting || self.io() == Io::Stream {
            self.wrote(half);
            return false;
        }
        loop {
            half.take_in(config::SUBSCRIBER_OWN_BYTES);
            let Some(bytes) = half.out.take() else {
                self.wrote(half);
                return false;
            };
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
                Err(error) if error.kind() == ErrorKind::Interrupted => {
                    half.out.put_back(bytes, 0);
                    continue;
                }
                Err(error) => {
                    half.out.put_back(bytes, 0);
                    self.cannot_write(&mut half, &writer, Error::system("write", error, None));
                    return true;
                }
            };
            let partial = written < bytes.len();
            half.out.put_back(bytes, written);
            if partial {
                half.blocked = true;
                self.signal();
                self.wrote(half);
                return true;
            }
        }
    }

    /// Notes what is left, and tells JavaScript if it waits for that.
    fn wrote(&self, mut half: MutexGuard<'_, Half>) {
        let left = half.out.len();
        if half.tells_room && left <= self.settings().high_water / 2 {
            half.tells_room = false;
            // Under the lock: after `Closed` the number may mean another connection.
            if half.phase != Phase::Dead {
                self.hub.event(Event::Room { conn: self.number });
            }
        }
        drop(half);
        self.hold(Held::Output, left);
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
        self.wrote(half);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        net::{Arrival, Budget, Connections, Hub, Settings, conn::Ended},
        ws::{Opcode, Role},
    };
    use std::{
        net::TcpListener,
        thread,
        time::{Duration, Instant},
    };

    /// A connection that no driver reads, and the other side's socket.
    fn unread() -> (Arc<Connections>, Conn, TcpStream) {
        let hub = Arc::new(Hub::<Arrival>::new(|| {}));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        stream.set_nonblocking(true).unwrap();
        let conn = Conn::new(
            &hub,
            Role::Server,
            Settings { io: Io::Libuv, ..Settings::default() },
            &Budget::new(0),
        );
        conn.attach(Writer::Libuv(Arc::new(stream)), b"");
        conn.open();
        (hub, conn, listener.accept().unwrap().0)
    }

    #[test]
    fn a_write_that_fails_is_what_ends_the_connection() {
        let (hub, conn, other) = unread();
        SockRef::from(&other).set_linger(Some(Duration::ZERO)).unwrap();
        drop(other);
        let patience = Instant::now() + Duration::from_secs(8);
        while conn.state().phase == Phase::Open {
            assert!(Instant::now() < patience, "no write fails");
            conn.frame(Opcode::Text, b"x").unwrap();
            conn.flush();
            thread::yield_now();
        }
        assert!(conn.frame(Opcode::Text, b"x").is_none(), "nothing more is composed");
        assert_eq!(conn.waiting(), 0);
        assert!(conn.state().may_read, "what came before is still read");
        // The reading side meets the end.
        conn.finish(Ended::abnormal(None));
        let (_, events) = hub.fetch().unwrap().0.finish();
        let Some(Event::Closed { code: 1006, error: Some(error), .. }) = events.last() else {
            panic!("{events:?}")
        };
        assert_eq!(error.syscall(), Some("write"));
        assert!(matches!(error.code(), Some("ECONNRESET" | "EPIPE")), "{error}");
    }

    #[test]
    fn a_goodbye_that_came_is_an_end_in_order() {
        let (hub, conn, other) = unread();
        let writer = Writer::Libuv(Arc::new(other));
        let error = Error::system("write", ErrorKind::BrokenPipe.into(), None);
        conn.cannot_write(&mut conn.lock(), &writer, error);
        conn.finish(Ended { code: 1000, reason: String::new(), error: None });
        let (_, events) = hub.fetch().unwrap().0.finish();
        assert!(
            matches!(events[..], [Event::Closed { code: 1000, error: None, .. }]),
            "{events:?}"
        );
    }
}
