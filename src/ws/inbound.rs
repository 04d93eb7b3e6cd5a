//! The reading half of a connection: bytes in, messages out.

use super::Role;
use crate::{
    config,
    error::{Error, INVALID_UTF8},
};
use std::io::{self, Read, Write};
use tokio_tungstenite::tungstenite::{
    self,
    protocol::{Message, WebSocketConfig, WebSocketContext},
};

/// What arrived on a connection.
#[derive(Debug)]
pub enum Incoming<'a> {
    /// A text message; UTF-8 was checked.
    Text(&'a str),
    /// A binary message.
    Binary(&'a [u8]),
    /// A ping, which is answered already.
    Ping(&'a [u8]),
    /// A pong, asked for or not.
    Pong(&'a [u8]),
    /// The other side ends the connection. `None`: without a code.
    Close(Option<(u16, &'a str)>),
}

/// Parses frames with tungstenite's protocol core, which also answers pings and closes.
#[derive(Debug)]
pub struct Inbound {
    context: WebSocketContext,
}

impl Inbound {
    /// A half that begins right after the handshake.
    pub fn new(role: Role) -> Self {
        let config = WebSocketConfig::default()
            .read_buffer_size(config::IDLE_READ_BYTES)
            .write_buffer_size(0)
            .max_frame_size(Some(config::MAX_MESSAGE_BYTES))
            .max_message_size(Some(config::MAX_MESSAGE_BYTES));
        Self { context: WebSocketContext::new(role, Some(config)) }
    }

    /// Takes `bytes` and calls `each` for every message that they complete. Control frames
    /// that answer them are appended to `control`, complete or not at all.
    ///
    /// # Errors
    /// The rule that the other side broke; the connection is unusable afterwards.
    pub fn receive(
        &mut self,
        bytes: &[u8],
        control: &mut Vec<u8>,
        mut each: impl FnMut(Incoming<'_>),
    ) -> Result<(), Error> {
        let mut feed = Feed { bytes, control };
        loop {
            match self.context.read(&mut feed) {
                Ok(Message::Text(text)) => each(Incoming::Text(text.as_str())),
                Ok(Message::Binary(data)) => each(Incoming::Binary(&data)),
                Ok(Message::Close(None)) => each(Incoming::Close(None)),
                Ok(Message::Close(Some(frame))) => {
                    each(Incoming::Close(Some((frame.code.into(), frame.reason.as_str()))));
                }
                Ok(Message::Ping(data)) => each(Incoming::Ping(&data)),
                Ok(Message::Pong(data)) => each(Incoming::Pong(&data)),
                // Only ever composed, never read.
                Ok(Message::Frame(_)) => {}
                Err(tungstenite::Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => {
                    return Ok(());
                }
                Err(tungstenite::Error::ConnectionClosed | tungstenite::Error::AlreadyClosed) => {
                    return Ok(());
                }
                Err(tungstenite::Error::Utf8(_)) => {
                    return Err(Error::Protocol(INVALID_UTF8.into()));
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// The stream that tungstenite believes it talks to: reads come from memory and then would
/// block, writes always fit.
struct Feed<'a> {
    bytes: &'a [u8],
    control: &'a mut Vec<u8>,
}

impl Read for Feed<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if self.bytes.is_empty() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        self.bytes.read(buf)
    }
}

impl Write for Feed<'_> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.control.extend_from_slice(buf);
        Ok(buf.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ws::Outbound;

    fn texts(inbound: &mut Inbound, bytes: &[u8]) -> Vec<String> {
        let mut got = Vec::new();
        inbound
            .receive(bytes, &mut Vec::new(), |message| {
                if let Incoming::Text(text) = message {
                    got.push(text.to_owned());
                }
            })
            .unwrap();
        got
    }

    #[test]
    fn messages_cut_at_any_byte_arrive_whole() {
        for role in [Role::Client, Role::Server] {
            let mut out = Outbound::new(role);
            let sent = ["a".to_owned(), "ü".repeat(70), "x".repeat(3000), "y".repeat(70_000)];
            for text in &sent {
                out.text(|buf| buf.extend_from_slice(text.as_bytes()));
            }
            let bytes = out.take().unwrap();
            for step in [1, 7, 1024, bytes.len()] {
                let other = if role == Role::Client { Role::Server } else { Role::Client };
                let mut inbound = Inbound::new(other);
                let got: Vec<_> =
                    bytes.chunks(step).flat_map(|part| texts(&mut inbound, part)).collect();
                assert_eq!(got, sent);
            }
        }
    }

    #[test]
    fn a_ping_is_answered() {
        let mut control = Vec::new();
        Inbound::new(Role::Client).receive(b"\x89\x02hi", &mut control, |_| {}).unwrap();
        assert_eq!(control[0], 0x8a);
        assert_eq!(control.len(), 2 + 4 + 2);
    }

    #[test]
    fn rules_broken_are_named_with_their_code() {
        for (bytes, code) in [
            (&b"\x81\x02hi"[..], 1002),            // no mask
            (b"\x83\x80\0\0\0\0", 1002),           // reserved opcode
            (b"\xc1\x80\0\0\0\0", 1002),           // reserved bit
            (b"\x81\x81\0\0\0\0\xff", 1007),       // not UTF-8
            (b"\x81\xff\0\0\0\0\x7f\0\0\0", 1009), // 2 GiB
        ] {
            let mut bytes = bytes.to_vec();
            bytes.resize(20, 0);
            let error =
                Inbound::new(Role::Server).receive(&bytes, &mut Vec::new(), |_| {}).unwrap_err();
            assert_eq!(error.close_code(), code, "{error}");
        }
    }

    #[test]
    fn an_idle_connection_is_small() {
        // Whatever the context holds inline plus the read buffer it allocates at once.
        assert!(size_of::<Inbound>() + config::IDLE_READ_BYTES <= 2048);
    }
}
