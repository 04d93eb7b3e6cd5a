//! A connection and the poll handle of its socket.

use super::uv::{DISCONNECT, PRIORITIZED, Poll, READABLE, STOPPED, WRITABLE};
use crate::{
    error::Error,
    net::connection::{Conn, Ended, Reading},
};
use socket2::SockRef;
use std::{
    cell::{Cell, RefCell},
    ffi::c_int,
    io::{ErrorKind, Read},
    net::TcpStream,
    sync::Arc,
};

/// A connection that the loop moves.
pub(super) struct Polled {
    pub conn: Arc<Conn>,
    pub stream: Arc<TcpStream>,
    reading: RefCell<Reading>,
    /// `None` once the connection has ended.
    poll: RefCell<Option<Poll>>,
    interest: Cell<c_int>,
    /// Poll events of interest while reading is paused.
    paused: Cell<c_int>,
}

impl Polled {
    /// A connection that nothing is polled for yet.
    pub fn new(conn: Arc<Conn>, stream: Arc<TcpStream>, poll: Poll) -> Self {
        Self {
            reading: RefCell::new(Reading::new(&conn)),
            conn,
            stream,
            poll: RefCell::new(Some(poll)),
            interest: Cell::new(0),
            paused: Cell::new(DISCONNECT),
        }
    }

    /// Handles received bytes.
    pub fn receive(&self, bytes: &mut [u8]) -> Result<(), Ended> {
        self.conn.receive(&mut self.reading.borrow_mut(), bytes)
    }

    /// Reads once, up to the size of `scratch`, in fairness to other connections. False: nothing
    /// was available.
    pub fn read(&self, scratch: &mut [u8]) -> Result<bool, Ended> {
        let mut reading = self.reading.borrow_mut();
        match (&*self.stream).read(scratch) {
            Ok(0) => Err(reading.ended(None)),
            Ok(read) => self.conn.receive(&mut reading, &mut scratch[..read]).map(|()| true),
            Err(error)
                if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) =>
            {
                Ok(false)
            }
            Err(error) => Err(reading.ended(Some(Error::system("read", error, None)))),
        }
    }

    /// Polls for what the connection waits for: data if it `may_read`, and room in the kernel's
    /// buffer if that is full (`is_blocked`).
    pub fn watch(&self, may_read: bool, is_blocked: bool) -> Result<(), Ended> {
        let interest = match (may_read, is_blocked) {
            (true, false) => READABLE,
            (true, true) => READABLE | WRITABLE,
            (false, true) => WRITABLE,
            (false, false) => self.paused.get(),
        };
        if self.interest.replace(interest) == interest {
            return Ok(());
        }
        let watched = self.poll.borrow().as_ref().map_or(Ok(()), |poll| poll.watch(interest));
        watched.map_err(|error| Ended::abnormal(Some(Error::system("read", error, None))))
    }

    /// libuv has stopped the poll, because of an error of the socket.
    pub fn stopped(&self) {
        self.interest.set(0);
    }

    /// Handles an event of a connection that is not read for now.
    pub fn ready_while_paused(&self, events: c_int) -> Result<(), Ended> {
        if events & STOPPED != 0 {
            return self.conn.was_reset(SockRef::from(&*self.stream).take_error());
        }
        // Each is reported as long as it holds; once is enough.
        if events & DISCONNECT != 0 {
            self.paused.set(PRIORITIZED);
            self.conn.probe();
        } else {
            self.paused.set(0);
        }
        Ok(())
    }

    /// Polls no more.
    pub fn close(&self) {
        self.poll.take();
    }
}
