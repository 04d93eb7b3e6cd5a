//! Violations of RFC 6455 by the other side of a connection.

use std::{error, fmt};

/// A violation of the protocol on an open connection.
#[derive(Debug)]
pub enum Violation {
    /// A reserved bit is set (section 5.2).
    ReservedBit,
    /// A client did not mask a frame (section 5.1).
    Unmasked,
    /// A server masked a frame (section 5.1).
    Masked,
    /// A continuation without a message (section 5.4).
    LoneContinuation,
    /// A new message between the fragments of another one (section 5.4).
    Interleaved,
    /// A control frame in fragments (section 5.5).
    FragmentedControl,
    /// A control frame with a payload of more than 125 bytes (section 5.5).
    LargeControl,
    /// A reserved opcode (section 5.2).
    ReservedOpcode,
    /// A text or a close reason that is not UTF-8 (section 8.1).
    InvalidUtf8,
    /// Half of a close code (section 5.5.1).
    HalfCloseCode,
    /// A close code that may not be sent (section 7.4).
    CloseCode(u16),
    /// Any other violation that tungstenite found.
    Other(Box<tungstenite::Error>),
}

impl Violation {
    /// The close code that answers it (section 7.4.1).
    pub fn close_code(&self) -> u16 {
        match self {
            Self::InvalidUtf8 => 1007,
            _ => 1002,
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let broken = match self {
            Self::Other(error) => return write!(f, "{error}"),
            Self::CloseCode(code) => {
                return write!(f, "Invalid WebSocket frame: invalid status code {code}");
            }
            Self::ReservedBit => "RSV1, RSV2 and RSV3 must be clear",
            Self::Unmasked => "MASK must be set",
            Self::Masked => "MASK must be clear",
            Self::LoneContinuation => "a continuation of nothing",
            Self::Interleaved => "a new message between fragments",
            Self::FragmentedControl => "FIN must be set",
            Self::LargeControl => "a control frame above 125 bytes",
            Self::ReservedOpcode => "a reserved opcode",
            Self::InvalidUtf8 => "invalid UTF-8 sequence",
            Self::HalfCloseCode => "invalid payload length 1",
        };
        write!(f, "Invalid WebSocket frame: {broken}")
    }
}

impl error::Error for Violation {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match self {
            // Its text is this one's.
            Self::Other(error) => error.source(),
            _ => None,
        }
    }
}

/// Why a server's response to an upgrade is no WebSocket handshake (section 4.1).
#[derive(Debug)]
pub enum BadHandshake {
    /// The connection closed before the response was complete.
    HangUp,
    /// The response's head is too large.
    Overflow,
    /// The response is not HTTP.
    NotHttp(httparse::Error),
    /// A header that is not one of HTTP.
    Headers,
    /// No `Upgrade: websocket`.
    Upgrade,
    /// No `Connection: Upgrade`.
    Connection,
    /// Not the accept value of our key.
    Accept,
    /// A subprotocol, although none was requested.
    Subprotocol,
    /// An extension, although none was requested.
    Extension,
}

impl fmt::Display for BadHandshake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::HangUp => "socket hang up",
            Self::Overflow => "Header overflow",
            Self::NotHttp(error) => return write!(f, "Parse Error: {error}"),
            Self::Headers => "Invalid headers",
            Self::Upgrade => "Invalid Upgrade header",
            Self::Connection => "Invalid Connection header",
            Self::Accept => "Invalid Sec-WebSocket-Accept header",
            Self::Subprotocol => "Server sent a subprotocol but none was requested",
            Self::Extension => "Server sent an extension but none was requested",
        })
    }
}

impl error::Error for BadHandshake {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match self {
            Self::NotHttp(error) => Some(error),
            _ => None,
        }
    }
}
