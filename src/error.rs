//! Errors, and the exact texts that callers see.

mod websocket;

use std::{error, fmt, io, net::SocketAddr};

pub use websocket::{BadHandshake, Violation};

/// An error as it reaches JavaScript: a text, and the fields of Node's own system errors.
#[derive(Debug)]
pub enum Error {
    /// A destination that is not `host:port`.
    BadDestination(String),
    /// The host name has no address.
    UnknownHost(String),
    /// The lookup of the host name timed out.
    NameTimeout(String),
    /// The operating system refused `syscall`.
    System {
        /// The call, as Node names it: `connect`, `listen`, `read`, `write`.
        syscall: &'static str,
        /// The system's error.
        source: io::Error,
        /// The other side's address, or the own address for `listen`.
        address: Option<SocketAddr>,
    },
    /// Connecting timed out.
    ConnectTimeout(SocketAddr),
    /// The handshake timed out.
    HandshakeTimeout,
    /// The server answered the upgrade with another status than 101.
    UnexpectedResponse(u16),
    /// The server's response to the upgrade violates RFC 6455.
    Handshake(BadHandshake),
    /// The other side violated RFC 6455.
    Protocol(Violation),
    /// The other side sent a message above the limit.
    MessageTooBig,
    /// The grape's address is not a usable URL.
    BadUrl(String),
    /// The connection to a grape closed in the middle of an exchange.
    HangUp,
    /// The exchange with a grape failed. Its text is that of the innermost source.
    Http(Box<dyn error::Error + Send + Sync>),
    /// No response in time.
    Timeout,
    /// The other side did not answer a ping.
    Silent,
    /// The native code panicked, which ended this connection, exchange or call.
    Panic,
    /// All connections together exceeded the memory budget, and this one held the most for the
    /// longest.
    OverBudget,
}

impl Error {
    /// Wraps a system error of `syscall`.
    pub fn system(syscall: &'static str, source: io::Error, address: Option<SocketAddr>) -> Self {
        Self::System { syscall, source, address }
    }

    /// Node's symbolic code, where the kind of error determines it on every system.
    pub fn code(&self) -> Option<&'static str> {
        use io::ErrorKind as Kind;
        match self {
            Self::System { source, .. } => match source.kind() {
                Kind::AddrInUse => Some("EADDRINUSE"),
                Kind::AddrNotAvailable => Some("EADDRNOTAVAIL"),
                Kind::PermissionDenied => Some("EACCES"),
                Kind::ConnectionRefused => Some("ECONNREFUSED"),
                Kind::ConnectionReset => Some("ECONNRESET"),
                Kind::ConnectionAborted => Some("ECONNABORTED"),
                Kind::HostUnreachable => Some("EHOSTUNREACH"),
                Kind::NetworkUnreachable => Some("ENETUNREACH"),
                Kind::TimedOut => Some("ETIMEDOUT"),
                Kind::BrokenPipe => Some("EPIPE"),
                _ => None,
            },
            Self::UnknownHost(_) => Some("ENOTFOUND"),
            Self::NameTimeout(_) => Some("EAI_AGAIN"),
            Self::OverBudget => Some("ERR_MEMORY_BUDGET"),
            Self::HangUp => Some("ECONNRESET"),
            Self::ConnectTimeout(_) => Some("ETIMEDOUT"),
            _ => None,
        }
    }

    /// The system's error number, if there is one.
    pub fn errno(&self) -> Option<i32> {
        match self {
            Self::System { source, .. } => source.raw_os_error(),
            _ => None,
        }
    }

    /// The call that failed, as Node names it.
    pub fn syscall(&self) -> Option<&'static str> {
        match self {
            Self::System { syscall, .. } => Some(syscall),
            Self::UnknownHost(_) | Self::NameTimeout(_) => Some("getaddrinfo"),
            Self::ConnectTimeout(_) => Some("connect"),
            _ => None,
        }
    }

    /// The address of the call.
    pub fn address(&self) -> Option<SocketAddr> {
        match self {
            Self::System { address, .. } => *address,
            Self::ConnectTimeout(address) => Some(*address),
            _ => None,
        }
    }

    /// The close code sent to the other side (RFC 6455 section 7.4.1).
    pub fn close_code(&self) -> u16 {
        match self {
            Self::MessageTooBig => 1009,
            Self::Protocol(violation) => violation.close_code(),
            _ => 1006,
        }
    }
}

/// The innermost source of an error: the error itself, if it has none.
pub fn innermost<'a>(
    mut error: &'a (dyn error::Error + 'static),
) -> &'a (dyn error::Error + 'static) {
    while let Some(source) = error.source() {
        error = source;
    }
    error
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadDestination(dest) => write!(f, "ERR_DEST_INVALID: {dest}"),
            Self::UnknownHost(host) => write!(f, "getaddrinfo ENOTFOUND {host}"),
            Self::NameTimeout(host) => write!(f, "getaddrinfo EAI_AGAIN {host}"),
            Self::System { syscall, source, .. } => write!(f, "{syscall} {source}"),
            Self::ConnectTimeout(address) => write!(f, "connect ETIMEDOUT {address}"),
            Self::HandshakeTimeout => f.write_str("Opening handshake has timed out"),
            Self::UnexpectedResponse(status) => write!(f, "Unexpected server response: {status}"),
            Self::Handshake(bad) => bad.fmt(f),
            Self::Protocol(violation) => violation.fmt(f),
            Self::Http(error) => fmt::Display::fmt(innermost(&**error), f),
            Self::HangUp => f.write_str("socket hang up"),
            Self::MessageTooBig => f.write_str("Max payload size exceeded"),
            Self::BadUrl(url) => write!(f, "ERR_GRAPE_URL: {url}"),
            Self::Timeout => f.write_str("ERR_TIMEOUT"),
            Self::Silent => f.write_str("ERR_HEARTBEAT"),
            Self::Panic => f.write_str("ERR_NATIVE_PANIC"),
            Self::OverBudget => f.write_str("ERR_MEMORY_BUDGET"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match self {
            Self::System { source, .. } => Some(source),
            Self::Handshake(bad) => Some(bad),
            Self::Protocol(violation) => Some(violation),
            Self::Http(error) => Some(&**error),
            _ => None,
        }
    }
}

impl From<BadHandshake> for Error {
    fn from(bad: BadHandshake) -> Self {
        Self::Handshake(bad)
    }
}

impl From<Violation> for Error {
    fn from(violation: Violation) -> Self {
        Self::Protocol(violation)
    }
}

impl From<tungstenite::Error> for Error {
    fn from(error: tungstenite::Error) -> Self {
        use tungstenite::Error as Ws;
        match error {
            Ws::Capacity(_) => Self::MessageTooBig,
            Ws::Utf8(_) => Violation::InvalidUtf8.into(),
            other => Violation::Other(Box::new(other)).into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn public_texts() {
        let address: SocketAddr = "127.0.0.1:80".parse().unwrap();
        for (error, text) in [
            (Error::BadDestination("x".into()), "ERR_DEST_INVALID: x"),
            (Error::UnknownHost("x".into()), "getaddrinfo ENOTFOUND x"),
            (Error::NameTimeout("x".into()), "getaddrinfo EAI_AGAIN x"),
            (Error::ConnectTimeout(address), "connect ETIMEDOUT 127.0.0.1:80"),
            (Error::HandshakeTimeout, "Opening handshake has timed out"),
            (Error::UnexpectedResponse(426), "Unexpected server response: 426"),
            (Error::HangUp, "socket hang up"),
            (Error::MessageTooBig, "Max payload size exceeded"),
            (Error::BadUrl("x".into()), "ERR_GRAPE_URL: x"),
            (Error::Timeout, "ERR_TIMEOUT"),
            (Error::Silent, "ERR_HEARTBEAT"),
            (Error::Panic, "ERR_NATIVE_PANIC"),
            (Error::OverBudget, "ERR_MEMORY_BUDGET"),
            (BadHandshake::HangUp.into(), "socket hang up"),
            (BadHandshake::Overflow.into(), "Header overflow"),
            (BadHandshake::Headers.into(), "Invalid headers"),
            (BadHandshake::Upgrade.into(), "Invalid Upgrade header"),
            (BadHandshake::Connection.into(), "Invalid Connection header"),
            (BadHandshake::Accept.into(), "Invalid Sec-WebSocket-Accept header"),
            (BadHandshake::Subprotocol.into(), "Server sent a subprotocol but none was requested"),
            (BadHandshake::Extension.into(), "Server sent an extension but none was requested"),
            (Violation::CloseCode(999).into(), "Invalid WebSocket frame: invalid status code 999"),
            (Violation::InvalidUtf8.into(), "Invalid WebSocket frame: invalid UTF-8 sequence"),
            (Violation::HalfCloseCode.into(), "Invalid WebSocket frame: invalid payload length 1"),
            (Violation::Unmasked.into(), "Invalid WebSocket frame: MASK must be set"),
        ] {
            assert_eq!(error.to_string(), text);
        }
    }

    #[test]
    fn sources_are_kept() {
        let refused = || io::Error::from(io::ErrorKind::ConnectionRefused);
        let utf8 = tungstenite::Error::Utf8(String::new());
        let reset = tungstenite::error::ProtocolError::ResetWithoutClosingHandshake;
        for (error, innermost_text) in [
            (Error::system("connect", refused(), None), Some("connection refused")),
            (BadHandshake::NotHttp(httparse::Error::Token).into(), Some("invalid token")),
            (
                Error::Http(Box::new(Error::system("x", refused(), None))),
                Some("connection refused"),
            ),
            (utf8.into(), Some("Invalid WebSocket frame: invalid UTF-8 sequence")),
            (
                tungstenite::Error::Protocol(reset).into(),
                Some("Connection reset without closing handshake"),
            ),
            (Error::Timeout, None),
        ] {
            let source = error::Error::source(&error).map(|source| innermost(source).to_string());
            assert_eq!(source.as_deref(), innermost_text);
        }
    }

    #[test]
    fn close_codes() {
        assert_eq!(Error::MessageTooBig.close_code(), 1009);
        assert_eq!(Error::Protocol(Violation::InvalidUtf8).close_code(), 1007);
        assert_eq!(Error::Protocol(Violation::ReservedBit).close_code(), 1002);
        assert_eq!(Error::Timeout.close_code(), 1006);
    }
}
