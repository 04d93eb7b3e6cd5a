//! The writing side of a connection: composed output goes to the socket, as far as the socket
//! accepts it.

use super::{
    conn::Conn,
    half::{Half, Phase},
    writer::Writer,
};
use crate::{
    caught::caught,
    config,
    error::Error,
    net::{
        budget::Held,
        settings::{Io, Lanes},
    },
    rpc::Event,
    ws::Role,
};
use std::{io::ErrorKind, sync::MutexGuard, thread, time::Instant};

impl Conn {
    /// Writes buffered output, as far as the kernel takes it without blocking. Returns whether the
    /// driver has something left to do that it does not know of.
    pub fn flush(&self) -> bool {
        self.flush_half(self.lock())
    }

    fn flush_half<'a>(&'a self, half: MutexGuard<'a, Half>) -> bool {
        if half.blocked {
            // The driver continues when the socket is writable. Until then each try would be a
            // useless system call.
            self.wrote(half);
            return false;
        }
        self.write(half)
    }

    /// As [`flush`](Self::flush), for the caller that the connection is listed for: further output
    /// lists it again.
    pub fn flush_listed(&self) -> bool {
        let mut half = self.lock();
        half.listed = false;
        self.flush_half(half)
    }

    /// As [`flush_listed`](Self::flush_listed), on a thread of our own while JavaScript is busy.
    pub(super) fn flush_late(&self) {
        match caught(|| self.flush_listed()) {
            Ok(false) => {}
            Ok(true) => self.hub.revisit(self.number),
            Err(error) => {
                self.spoil(error);
                self.hub.revisit(self.number);
            }
        }
    }

    /// As [`flush`](Self::flush), without waiting for the driver: output of a closing connection
    /// that the kernel takes now is sent.
    pub(in crate::net) fn flush_now(&self) {
        self.write(self.lock_between_writes());
    }

    /// The shared half, while no other thread writes: another thread's write does not block, so it
    /// ends soon, and its unwritten rest would be lost with the connection.
    pub(super) fn lock_between_writes(&self) -> MutexGuard<'_, Half> {
        loop {
            let half = self.lock();
            if !half.out.is_taken() {
                return half;
            }
            drop(half);
            thread::yield_now();
        }
    }

    fn write<'a>(&'a self, mut half: MutexGuard<'a, Half>) -> bool {
        // A stream's output is fetched; a connection without a handshake has to wait.
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
            let written = match writer.try_write(&bytes) {
                Ok(written) => written,
                Err(error) if error.kind() == ErrorKind::WouldBlock => 0,
                Err(error) => {
                    half = self.lock();
                    half.out.put_back(bytes, 0);
                    self.write_failed(half, &writer, Error::system("write", error, None));
                    return true;
                }
            };
            // Closes the socket, if the connection ended meanwhile.
            drop(writer);
            half = self.lock();
            half.bytes_out += written as u64;
            let partial = written < bytes.len();
            half.out.put_back(bytes, written);
            if partial {
                half.blocked = true;
                self.wrote(half);
                self.signal();
                return true;
            }
        }
    }

    /// A write failed with `error`; `writer` is the writing side. Data that the other side sent
    /// before is still read; then the connection ends with this error.
    pub(super) fn write_failed(
        &self,
        mut half: MutexGuard<'_, Half>,
        writer: &Writer,
        error: Error,
    ) {
        let stopped = half.stop_writing(error);
        if half.phase == Phase::Open {
            // A client that is paused or drained has sent requests that cannot be answered any
            // more.
            half.phase = match (half.paused || half.drains) && self.role() == Role::Server {
                true => Phase::Dead,
                false => Phase::Closing(Instant::now() + config::CLOSE_TIMEOUT),
            };
        }
        drop(half);
        drop(stopped);
        // So that the reading side reaches an end with any kind of error.
        writer.shut_down();
        self.signal();
    }

    /// Updates counters, and notifies JavaScript if it waits for room.
    fn wrote(&self, mut half: MutexGuard<'_, Half>) {
        let left = half.out.len();
        let own = half.backlog.own();
        let has_room = half.awaits_room && left <= self.settings().high_water / 2;
        half.awaits_room &= !has_room;
        if has_room && half.phase != Phase::Dead {
            self.emit(half, Event::Room { conn: self.number });
        } else {
            drop(half);
        }
        self.hold(Held::Output, left + own);
    }

    /// Whether all composed output is written.
    pub(in crate::net) fn is_written(&self) -> bool {
        self.lock().out.is_written()
    }

    /// Takes the output that the kernel has not taken, for good.
    pub(in crate::net) fn take_rest(&self) -> Vec<u8> {
        self.lock_between_writes().out.take_all().unwrap_or_default()
    }

    /// Moves a stream's buffered output into `to`; returns how many bytes fit.
    pub(in crate::net) fn take_output(&self, to: &mut [u8]) -> usize {
        let mut half = self.lock();
        if half.phase == Phase::Connecting {
            return 0;
        }
        let mut moved = 0;
        while moved < to.len()
            && let Some(taken) = half.out.take()
        {
            let len = taken.len().min(to.len() - moved);
            to[moved..moved + len].copy_from_slice(&taken[..len]);
            half.out.put_back(taken, len);
            moved += len;
        }
        half.bytes_out += moved as u64;
        self.wrote(half);
        moved
    }

    /// The socket takes bytes again, so the other side reads.
    pub(in crate::net) fn unblocked(&self) {
        self.liveness.received(self.hub.now());
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
        net::{
            budget::Budget,
            connection::{
                compose::SlowSubscriber,
                conn::{Arrival, Connections},
                ended::Ended,
            },
            hub::Hub,
            settings::Settings,
        },
        pubsub::Published,
        ws::Opcode,
    };
    use socket2::SockRef;
    use std::{
        io::Read,
        net::{TcpListener, TcpStream},
        sync::Arc,
        time::Duration,
    };

    /// A connection that no driver reads, and the other side's socket.
    fn unread() -> (Arc<Connections>, Arc<Conn>, TcpStream) {
        unread_within(&Budget::new(0))
    }

    fn unread_within(budget: &Arc<Budget>) -> (Arc<Connections>, Arc<Conn>, TcpStream) {
        let hub = Arc::new(Hub::<Arrival>::new(|| {}));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        stream.set_nonblocking(true).unwrap();
        let settings = Settings { io: Io::Libuv, ..Settings::default() };
        let conn = Arc::new(Conn::new(&hub, Role::Server, settings, budget));
        budget.admit(&conn);
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
            conn.frame(Opcode::Text, true, b"x").unwrap();
            conn.flush();
            thread::yield_now();
        }
        assert!(conn.frame(Opcode::Text, true, b"x").is_none(), "nothing more is composed");
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

    fn block(conn: &Conn) {
        while !conn.lock().blocked {
            conn.frame(Opcode::Text, true, &[b'x'; 100_000]).unwrap();
            conn.flush();
        }
    }

    fn read(other: &mut TcpStream, bytes: usize) {
        let mut scratch = vec![0; 65536];
        let mut left = bytes;
        while left > 0 {
            left = left.saturating_sub(other.read(&mut scratch).unwrap());
        }
    }

    #[test]
    fn a_receiver_that_takes_nothing_is_tried_again_once_its_socket_takes_something() {
        let (_hub, conn, mut other) = unread();
        block(&conn);
        read(&mut other, 300_000);
        let before = conn.waiting();
        assert!(!conn.flush(), "the driver knows already");
        assert_eq!(conn.waiting(), before);
        conn.unblocked();
        assert!(conn.waiting() < before);
        // Bytes that the system takes at the end are not lost.
        block(&conn);
        read(&mut other, 300_000);
        let before = conn.lock().bytes_out;
        conn.terminate();
        assert!(conn.lock().bytes_out > before);
    }

    #[test]
    fn a_slow_subscriber_holds_its_list_too() {
        const MIB: usize = 1024 * 1024;
        let (_hub, conn, _other) = unread_within(&Budget::new(4 * MIB));
        block(&conn);
        let message = Arc::new(Published::new(Opcode::Text, b"1"));
        let mut count = 0;
        while conn.state().phase == Phase::Open {
            assert!(count < 2 * MIB, "two million entries fit 4 MiB");
            conn.publish(&message, SlowSubscriber::Drop);
            conn.flush();
            count += 1;
        }
    }

    #[test]
    fn a_goodbye_that_came_is_an_end_in_order() {
        let (hub, conn, other) = unread();
        let writer = Writer::Libuv(Arc::new(other));
        let error = Error::system("write", ErrorKind::BrokenPipe.into(), None);
        conn.write_failed(conn.lock(), &writer, error);
        conn.finish(Ended { code: 1000, reason: String::new(), error: None });
        let (_, events) = hub.fetch().unwrap().0.finish();
        assert!(
            matches!(events[..], [Event::Closed { code: 1000, error: None, .. }]),
            "{events:?}"
        );
    }
}
