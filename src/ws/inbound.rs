//! The reading half of a connection: bytes in, messages out.

use super::{Role, frame};
use crate::{
    config,
    error::{Error, Violation},
};
use std::{
    io::{self, Read, Write},
    mem,
};
use tungstenite::protocol::{Message, WebSocketConfig, WebSocketContext};

/// A message received on a connection.
#[derive(Debug)]
pub enum Incoming<'a> {
    /// A text message; UTF-8 was checked.
    Text(&'a str),
    /// A binary message.
    Binary(&'a [u8]),
    /// A ping, already answered.
    Ping(&'a [u8]),
    /// A pong, expected or not.
    Pong(&'a [u8]),
    /// The other side closes the connection. `None`: without a code.
    Close(Option<(u16, &'a str)>),
}

/// Splits the bytes into frames. An unfragmented data frame, as nearly all are, is read in place;
/// any other goes to tungstenite's protocol core, which implements fragmentation, closing and
/// errors, and answers pings.
#[derive(Debug)]
pub struct Inbound {
    role: Role,
    context: WebSocketContext,
    /// The beginning of an incomplete frame.
    partial: Vec<u8>,
    /// Frames of an incomplete fragmented message in the core.
    fragments: usize,
    /// Their bytes.
    collected: usize,
    max_payload: usize,
    /// A close frame was received: "a peer discards any further data received" (RFC 6455 section
    /// 1.4).
    closed: bool,
}

impl Inbound {
    /// A half that begins right after the handshake and accepts messages of `max_payload` bytes.
    pub fn new(role: Role, max_payload: usize) -> Self {
        Self {
            role,
            context: core(role, max_payload),
            partial: Vec::new(),
            fragments: 0,
            collected: 0,
            max_payload,
            closed: false,
        }
    }

    /// Memory of an incomplete message.
    pub fn held(&self) -> usize {
        // The core keeps the frame in addition to the collected data.
        self.partial.capacity() + 2 * self.collected
    }

    /// Missing bytes of the incomplete message, as far as its frames tell; of a fragmented one, the
    /// bytes received.
    pub fn missing(&self) -> usize {
        if self.partial.is_empty() {
            return self.collected;
        }
        let needed = self.needed(&self.partial).map_or(0, |needed| needed.bytes());
        self.collected + needed.saturating_sub(self.partial.len())
    }

    /// Parses `bytes`, in place, and calls `each` for every message that they complete. Control
    /// frames in response are appended to `control`.
    ///
    /// # Errors
    /// The protocol violation of the other side; the connection is unusable afterwards.
    pub fn receive(
        &mut self,
        bytes: &mut [u8],
        control: &mut Vec<u8>,
        mut each: impl FnMut(Incoming<'_>),
    ) -> Result<(), Error> {
        if self.closed {
            return Ok(());
        }
        let mut rest = bytes;
        while !self.partial.is_empty() {
            let needed = self.needed(&self.partial)?;
            let missing = needed.bytes() - self.partial.len();
            if missing == 0
                && let Needed::Frame(header) = needed
            {
                let mut frame = mem::take(&mut self.partial);
                self.frame(header, &mut frame, control, &mut each)?;
                break;
            }
            if rest.is_empty() {
                return Ok(());
            }
            let (more, after) = rest.split_at_mut(missing.min(rest.len()));
            // Memory grows with the received data, not with the length in a header.
            self.partial.reserve_exact(missing.min(self.partial.len().max(config::SCRATCH_BYTES)));
            self.partial.extend_from_slice(more);
            rest = after;
        }
        while !self.closed {
            match self.needed(rest)? {
                Needed::Frame(header) if header.frame <= rest.len() => {
                    let (frame, after) = rest.split_at_mut(header.frame);
                    self.frame(header, frame, control, &mut each)?;
                    rest = after;
                }
                _ => {
                    self.partial.extend_from_slice(rest);
                    break;
                }
            }
        }
        Ok(())
    }

    /// Size of the frame that begins with `bytes`, as far as they tell. They are checked as they
    /// arrive: an invalid frame must not make us wait for the rest, or keep it.
    fn needed(&self, bytes: &[u8]) -> Result<Needed, Error> {
        let [first, second, rest @ ..] = bytes else { return Ok(Needed::Header(2)) };
        let (first, second) = (*first, *second);
        self.check(first, second)?;
        let extended = match second & LENGTH {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        let key_len = if second & MASKED == 0 { 0 } else { 4 };
        let len = 2 + extended + key_len;
        if bytes.len() < 2 + extended {
            return Ok(Needed::Header(len));
        }
        let payload = match extended {
            0 => u64::from(second & LENGTH),
            _ => rest[..extended].iter().fold(0, |len, byte| len << 8 | u64::from(*byte)),
        };
        let before = if first & OPCODE < CONTROL { self.collected } else { 0 };
        if payload > (self.max_payload - before) as u64 {
            return Err(Error::MessageTooBig);
        }
        if bytes.len() < len {
            return Ok(Needed::Header(len));
        }
        let key = <[u8; 4]>::try_from(&rest[extended..extended + key_len]).ok();
        Ok(Needed::Frame(Header { first, key, len, frame: len.saturating_add(payload as usize) }))
    }

    /// Checks a frame's first two bytes (RFC 6455 sections 5.1, 5.2, 5.4 and 5.5).
    fn check(&self, first: u8, second: u8) -> Result<(), Error> {
        let last = first & FIN != 0;
        let broken = match first & OPCODE {
            _ if first & RESERVED != 0 => Violation::ReservedBit,
            _ if (second & MASKED != 0) != (self.role == Role::Server) => match self.role {
                Role::Server => Violation::Unmasked,
                Role::Client => Violation::Masked,
            },
            0 if self.fragments == 0 => Violation::LoneContinuation,
            1 | 2 if self.fragments > 0 => Violation::Interleaved,
            0..=2 if !last && self.fragments == config::MAX_FRAGMENTS => {
                return Err(Error::MessageTooBig);
            }
            0..=2 => return Ok(()),
            CONTROL..=PONG if !last => Violation::FragmentedControl,
            CONTROL..=PONG if second & LENGTH > MAX_CONTROL => Violation::LargeControl,
            CONTROL..=PONG => return Ok(()),
            _ => Violation::ReservedOpcode,
        };
        Err(broken.into())
    }

    /// Handles one complete frame with a valid header.
    fn frame(
        &mut self,
        header: Header,
        frame: &mut [u8],
        control: &mut Vec<u8>,
        each: &mut impl FnMut(Incoming<'_>),
    ) -> Result<(), Error> {
        if header.first == CLOSE {
            return self.close(header, frame, control, each);
        }
        // Not passed to the core either, which takes ten times as long for them.
        if matches!(header.first, WHOLE_PING | WHOLE_PONG) {
            let payload = &*header.unmask(frame);
            if header.first == WHOLE_PONG {
                each(Incoming::Pong(payload));
                return Ok(());
            }
            frame::append(control, self.role, frame::Opcode::Pong, |out| {
                out.extend_from_slice(payload);
                true
            });
            each(Incoming::Ping(payload));
            return Ok(());
        }
        if !matches!(header.first, TEXT | BINARY) {
            if header.first & OPCODE < CONTROL {
                let more = header.first & FIN == 0;
                self.fragments = if more { self.fragments + 1 } else { 0 };
                let collected = self.collected + frame.len() - header.len;
                self.collected = if more { collected } else { 0 };
                let result = self.core(frame, control, each);
                if !more && collected > config::IDLE_READ_BYTES {
                    // The core does not free the memory of its largest frame.
                    self.context = core(self.role, self.max_payload);
                }
                return result;
            }
            return self.core(frame, control, each);
        }
        let payload = header.unmask(frame);
        each(match header.first {
            TEXT => {
                Incoming::Text(std::str::from_utf8(payload).map_err(|_| Violation::InvalidUtf8)?)
            }
            _ => Incoming::Binary(payload),
        });
        Ok(())
    }

    /// Handles a close frame, which is answered with its own payload. Not passed to the core, which
    /// does not know 1014, and reports a forbidden code as a 1002 that the other side sent.
    fn close(
        &mut self,
        header: Header,
        frame: &mut [u8],
        control: &mut Vec<u8>,
        each: &mut impl FnMut(Incoming<'_>),
    ) -> Result<(), Error> {
        let payload = &*header.unmask(frame);
        let close = match payload {
            [] => None,
            [_] => {
                return Err(Violation::HalfCloseCode.into());
            }
            [high, low, reason @ ..] => {
                let code = u16::from_be_bytes([*high, *low]);
                if !matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999) {
                    return Err(Violation::CloseCode(code).into());
                }
                let reason = std::str::from_utf8(reason);
                Some((code, reason.map_err(|_| Violation::InvalidUtf8)?))
            }
        };
        frame::append(control, self.role, frame::Opcode::Close, |out| {
            out.extend_from_slice(payload);
            true
        });
        self.closed = true;
        each(Incoming::Close(close));
        Ok(())
    }

    /// Lets the core read `bytes`.
    fn core(
        &mut self,
        bytes: &[u8],
        control: &mut Vec<u8>,
        each: &mut impl FnMut(Incoming<'_>),
    ) -> Result<(), Error> {
        let mut feed = Feed { bytes, control };
        loop {
            match self.context.read(&mut feed) {
                Ok(Message::Text(text)) => each(Incoming::Text(text.as_str())),
                Ok(Message::Binary(data)) => each(Incoming::Binary(&data)),
                Ok(Message::Ping(data)) => each(Incoming::Ping(&data)),
                Ok(Message::Pong(data)) => each(Incoming::Pong(&data)),
                // Close frames never reach the core, and `Frame` is only used for writing.
                Ok(Message::Close(_) | Message::Frame(_)) => {}
                Err(tungstenite::Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => {
                    return Ok(());
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// A core in its initial state.
fn core(role: Role, max_payload: usize) -> WebSocketContext {
    let config = WebSocketConfig::default()
        .read_buffer_size(config::IDLE_READ_BYTES)
        .write_buffer_size(0)
        .max_frame_size(Some(max_payload))
        .max_message_size(Some(max_payload));
    WebSocketContext::new(role, Some(config))
}

/// First bytes of unfragmented data frames without reserved bits.
const TEXT: u8 = 0x81;
const WHOLE_PING: u8 = 0x89;
const WHOLE_PONG: u8 = 0x8a;
const BINARY: u8 = 0x82;
/// First byte of a close frame.
const CLOSE: u8 = 0x88;
/// Parts of a frame's first byte.
const FIN: u8 = 0x80;
const RESERVED: u8 = 0x70;
const OPCODE: u8 = 0x0f;
/// Opcodes of control frames are these, and those between them.
const CONTROL: u8 = 0x8;
const PONG: u8 = 0xa;
/// Parts of its second byte.
const MASKED: u8 = 0x80;
const LENGTH: u8 = 0x7f;
/// Largest payload of a control frame (RFC 6455 section 5.5).
const MAX_CONTROL: u8 = 125;

/// A frame's header (RFC 6455 section 5.2).
#[derive(Clone, Copy)]
struct Header {
    first: u8,
    key: Option<[u8; 4]>,
    /// Bytes of the header.
    len: usize,
    /// Bytes of header and payload.
    frame: usize,
}

impl Header {
    /// The payload of `frame`, unmasked in place.
    fn unmask<'a>(&self, frame: &'a mut [u8]) -> &'a mut [u8] {
        let payload = &mut frame[self.len..];
        if let Some(key) = self.key {
            frame::mask(payload, key);
        }
        payload
    }
}

/// How many bytes a frame has at least, known from its received part.
enum Needed {
    Header(usize),
    Frame(Header),
}

impl Needed {
    fn bytes(&self) -> usize {
        match self {
            Self::Header(bytes) => *bytes,
            Self::Frame(header) => header.frame,
        }
    }
}

/// The stream that tungstenite reads and writes: reads come from memory and then would block,
/// writes always succeed.
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

    #[test]
    fn it_tells_what_is_missing_of_a_message() {
        let mut inbound = Inbound::new(Role::Client, usize::MAX);
        let mut receive = |bytes: &[u8]| {
            inbound.receive(&mut bytes.to_vec(), &mut Vec::new(), |_| {}).unwrap();
            inbound.missing()
        };
        assert_eq!(receive(&[]), 0);
        // 65,536 bytes, five of which come with the header.
        assert_eq!(receive(&[0x81, 127, 0, 0, 0, 0]), 4);
        assert_eq!(receive(&[0, 1, 0, 0, 1, 2, 3, 4, 5]), 65_531);
        assert_eq!(receive(&vec![b'a'; 65_530]), 1);
        assert_eq!(receive(b"a"), 0);
        // With fragments the total is unknown.
        assert_eq!(receive(&[0x01, 3, b'a', b'a', b'a']), 3);
        assert_eq!(receive(&[0x80, 1, b'a']), 0);
    }
}
