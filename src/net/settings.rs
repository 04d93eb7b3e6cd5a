//! What a caller may choose for its connections.

use crate::config;

/// Who gets the messages of a connection. Any combination: RPC goes on while others listen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lanes(u8);

impl Lanes {
    /// Nobody: messages are read and dropped.
    pub const NONE: Self = Self(0);
    /// The native RPC machinery.
    pub const RPC: Self = Self(1);
    /// Listeners of the socket itself, who also hear of pings, pongs and drains.
    pub const SOCKET: Self = Self(2);
    /// Of a server: JavaScript decides from now on who comes in, whatever [`Admission`] says.
    pub const ASK_ALL: Self = Self(4);

    /// The lanes of a set of bits.
    pub fn from_bits(bits: u8) -> Self {
        Self(bits)
    }

    /// The set's bits.
    pub fn bits(self) -> u8 {
        self.0
    }

    pub(super) fn has(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

/// Which driver moves a connection's bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Io {
    /// Node's own event loop.
    Libuv,
    /// A thread beside it.
    Tokio,
    /// JavaScript hands bytes in and out: TLS.
    Stream,
}

/// Who may come in, as far as that is decided without their certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// Whoever is no page of a foreign origin that comes over the loopback interface.
    Local,
    /// Everybody.
    Any,
    /// JavaScript is asked about clients that tell an origin.
    AskOrigins,
    /// JavaScript is asked about every client.
    AskAll,
}

/// What an event loop does after a message of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BusyPoll {
    /// It looks for the next one for [`config::SPIN`] where that has paid so far; of a stream for
    /// [`config::STREAM_SPIN`].
    Learnt,
    /// It looks for the next one for so many microseconds; 0 is not at all.
    Micros(u32),
}

/// A connection's settings; of a server, those of its connections.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Which driver moves the bytes.
    pub io: Io,
    /// Who gets the messages at first.
    pub lanes: Lanes,
    /// Whether Node's event loop looks for the next message for a while instead of sleeping. Not
    /// [`Io::Tokio`].
    pub busy_poll: BusyPoll,
    /// Largest message that is accepted, in bytes.
    pub max_payload: usize,
    /// Milliseconds of silence after which the other side is asked for a sign of life; 0 is never.
    pub heartbeat: u64,
    /// Milliseconds before a client connects at all; its requests wait.
    pub dial_after: u64,
    /// Milliseconds that TCP may take, for each address of a name.
    pub connect_timeout: u64,
    /// Milliseconds that a handshake may take.
    pub handshake_timeout: u64,
    /// Who may come in, on a server.
    pub admission: Admission,
    /// Connections that a server has at once; 0 is any number.
    pub max_connections: usize,
    /// Bytes that may wait for a slow receiver: its own requests are not read beyond that, and a
    /// subscriber gets no more.
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
