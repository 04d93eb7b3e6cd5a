//! Settings of connections.

use crate::config;

/// Receivers of a connection's messages, in any combination: RPC goes on while the socket has
/// listeners.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lanes(u8);

impl Lanes {
    /// None: messages are read and dropped.
    pub const NONE: Self = Self(0);
    /// The native RPC machinery.
    pub const RPC: Self = Self(1);
    /// Listeners of the socket itself, which also get pings, pongs and drains.
    pub const SOCKET: Self = Self(2);
    /// Of a server: from now on JavaScript decides which clients are accepted, whatever
    /// [`Admission`] says.
    pub const ASK_ALL: Self = Self(4);

    /// The lanes of a set of bits.
    pub fn from_bits(bits: u8) -> Self {
        Self(bits)
    }

    /// The set's bits.
    pub const fn bits(self) -> u8 {
        self.0
    }

    pub(super) fn has(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

/// The driver that moves a connection's bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Io {
    /// Node's own event loop.
    Libuv,
    /// A thread beside it.
    Tokio,
    /// JavaScript, which passes bytes in and out: TLS.
    Stream,
}

/// Which clients are accepted, without regard to their certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// All but pages of a foreign origin over the loopback interface.
    Local,
    /// All.
    Any,
    /// JavaScript decides about clients with an `Origin`.
    AskOrigins,
    /// JavaScript decides about every client.
    AskAll,
}

/// How long an event loop stays awake after a message of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BusyPoll {
    /// It polls for the next message for [`config::SPIN`] where that has paid so far; for a stream
    /// for [`config::STREAM_SPIN`].
    Learnt,
    /// It polls for the next message for this many microseconds; 0 is never.
    Micros(u32),
}

/// Settings of a connection, or of all connections of a server.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// The driver that moves the bytes.
    pub io: Io,
    /// The initial receivers of messages.
    pub lanes: Lanes,
    /// Whether Node's event loop polls for the next message for a while instead of sleeping. Not
    /// [`Io::Tokio`].
    pub busy_poll: BusyPoll,
    /// Largest message that is accepted, in bytes.
    pub max_payload: usize,
    /// Milliseconds of silence before a ping; 0 is never.
    pub heartbeat: u64,
    /// Milliseconds before a client starts to connect; its requests wait.
    pub dial_after: u64,
    /// Milliseconds that connecting by TCP may take, for each address of a name.
    pub connect_timeout: u64,
    /// Milliseconds that a handshake may take.
    pub handshake_timeout: u64,
    /// Which clients a server accepts.
    pub admission: Admission,
    /// Most connections of a server; 0 is unlimited.
    pub max_connections: usize,
    /// Most bytes of buffered output for a slow receiver: above it, its requests are not read, and
    /// a subscriber gets no more messages.
    pub high_water: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            io: Io::Tokio,
            lanes: Lanes::RPC,
            busy_poll: BusyPoll::Learnt,
            max_payload: config::MAX_MESSAGE_BYTES,
            heartbeat: config::HEARTBEAT.as_millis() as u64,
            dial_after: 0,
            connect_timeout: config::CONNECT_TIMEOUT.as_millis() as u64,
            handshake_timeout: config::HANDSHAKE_TIMEOUT.as_millis() as u64,
            admission: Admission::Local,
            max_connections: 0,
            high_water: config::HIGH_WATER,
        }
    }
}
