//! The half of a connection that composing and writing share, and what a driver sees of it.

use super::writer::Writer;
use crate::{
    error::Error,
    net::tcp::OtherHost,
    pubsub::Backlog,
    rpc::Requests,
    ws::{Outbound, Role},
};
use std::time::Instant;

/// Phase of a connection's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::net) enum Phase {
    /// No handshake yet; requests are queued.
    Connecting,
    /// Frames flow.
    Open,
    /// Our close frame is sent; the connection must be closed by then.
    Closing(Instant),
    /// Closed: nothing is composed or read.
    Dead,
}

impl Phase {
    /// Whether the closing handshake has taken too long.
    pub fn is_over(self) -> bool {
        matches!(self, Self::Closing(until) if until <= Instant::now())
    }
}

/// A driver's view of a connection.
pub(in crate::net) struct State {
    pub phase: Phase,
    /// Set while the kernel's buffer is full.
    pub writer: Option<Writer>,
    /// When to check for expired requests.
    pub check_at: u64,
    /// A receiver that does not read its replies, or has too many requests pending, is not read for
    /// now.
    pub may_read: bool,
    /// Reading has to stop, and the client to be sent the number of messages read.
    pub drains: bool,
}

/// The half, under the lock of its connection.
pub(super) struct Half {
    pub phase: Phase,
    pub out: Outbound,
    pub requests: Requests,
    pub backlog: Backlog,
    pub writer: Option<Writer>,
    /// The kernel did not take all output: the driver waits for room.
    pub blocked: bool,
    /// On the list of connections to be written, or between the list and the write.
    pub listed: bool,
    /// Requests to be sent once JavaScript has been notified of the open connection.
    pub held_back: Option<Vec<u8>>,
    /// When the driver checks for expired requests, as far as it knows.
    pub armed: u64,
    pub bytes_out: u64,
    /// When the other side's silence is checked next.
    pub peer_check_at: u64,
    /// When the system's view of the other host is checked next.
    pub host_check_at: u64,
    pub other_host: OtherHost,
    /// Why writing has stopped, and the error reported on close.
    pub broken: Option<Error>,
    /// JavaScript was notified of the close; its number may be reused by another connection.
    pub close_emitted: bool,
    /// JavaScript has paused reading requests.
    pub paused: bool,
    /// The server drains: no more requests are read.
    pub drains: bool,
    /// Reading has stopped, and the client is sent the number of messages read.
    pub reading_stopped: bool,
    /// JavaScript waits until the receiver has caught up.
    pub awaits_room: bool,
}

impl Half {
    /// The half of a connection before its handshake. `heartbeat` is in ms; 0 is none.
    pub fn new(role: Role, heartbeat: u64) -> Self {
        let requests = match role {
            Role::Client => Requests::held(),
            Role::Server => Requests::default(),
        };
        Self {
            phase: Phase::Connecting,
            out: Outbound::new(role),
            requests,
            backlog: Backlog::default(),
            writer: None,
            blocked: false,
            listed: false,
            held_back: None,
            armed: u64::MAX,
            bytes_out: 0,
            peer_check_at: if heartbeat == 0 { u64::MAX } else { 0 },
            host_check_at: 0,
            other_host: OtherHost::default(),
            broken: None,
            close_emitted: false,
            paused: false,
            drains: false,
            reading_stopped: false,
            awaits_room: false,
        }
    }

    /// Stops writing. Returns the writer, which is to be dropped without the lock: that may close
    /// the socket.
    #[must_use]
    pub fn stop_writing(&mut self, error: Error) -> Option<Writer> {
        self.broken.get_or_insert(error);
        self.out.clear();
        self.backlog = Backlog::default();
        self.blocked = false;
        self.writer.take()
    }

    /// Moves queued published messages to the connection's own buffer, until it holds `bytes`; all
    /// of them before anything else is composed, so that nothing overtakes them.
    pub fn take_in(&mut self, bytes: usize) {
        while self.out.len() < bytes
            && let Some(message) = self.backlog.pop()
        {
            self.out.raw(message.frame());
        }
    }

    /// Bytes of buffered output.
    pub fn waiting(&self) -> usize {
        self.out.len() + self.backlog.bytes()
    }

    /// Whether anything may be composed.
    pub fn accepts(&self) -> bool {
        matches!(self.phase, Phase::Connecting | Phase::Open)
    }
}
