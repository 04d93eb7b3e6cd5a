//! The reading state machine: the same results for any split of the input, and the same as of
//! tungstenite alone.

use crate::{Frame, cut, frames, parts};
use grenache_nodejs_ws_native::{
    error::Error,
    ws::{Inbound, Incoming, Role},
};
use std::io::{self, Read, Write};
use tungstenite::protocol::{Message, WebSocketConfig, WebSocketContext};

/// Small, so that the limit is reached.
const MAX_PAYLOAD: usize = 600;

/// Part of the error for a control frame whose length has more than one byte.
const LONG_CONTROL: &str = "a control frame above 125 bytes";

/// Bytes of the longest header.
const MAX_HEADER: usize = 14;

#[derive(Debug, PartialEq)]
enum Heard {
    Text(String),
    Binary(Vec<u8>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(Option<(u16, String)>),
}

/// Result of some bytes.
#[derive(Debug, PartialEq)]
struct Outcome {
    heard: Vec<Heard>,
    answered: Vec<Frame>,
    failed: Option<String>,
}

/// Checks the state machine of one side with one input.
pub fn machine(role: Role, input: &[u8]) {
    let (lengths, bytes) = cut(input);
    let outcome = receive(role, &[bytes]);
    assert_eq!(outcome, receive(role, &parts(&lengths, bytes)), "whole and in parts");
    assert_eq!(outcome, receive(role, &parts(&[1], bytes)), "whole and by single bytes");

    let end = outcome.heard.iter().position(|heard| matches!(heard, Heard::Close(_)));
    if let Some(end) = end {
        assert_eq!(end + 1, outcome.heard.len(), "something was heard after a close frame");
        assert_eq!(outcome.failed, None, "what is behind a close frame is nobody's");
        assert_eq!(outcome.answered.last().map(|(first, _)| *first), Some(0x88), "no answer");
    }
    // Pongs, and a close frame at the end.
    let closes = outcome.answered.iter().position(|(first, _)| *first == 0x88);
    assert!(closes.is_none_or(|at| at + 1 == outcome.answered.len()), "after the close frame");
    for (first, payload) in &outcome.answered {
        assert!(matches!(first, 0x88 | 0x8a), "opcode");
        assert!(payload.len() <= 125, "control frame");
    }

    let reference = reference(role, bytes);
    let before = &outcome.heard[..end.unwrap_or(outcome.heard.len())];
    if outcome.failed.as_ref().is_some_and(|error| error.contains(LONG_CONTROL)) {
        // Tungstenite accepts such a frame if the long form has a short length, though only the
        // shortest form is allowed (RFC 6455 section 5.2).
        assert!(reference.heard.starts_with(before), "tungstenite heard something else");
        return;
    }
    assert_eq!(before, reference.heard, "tungstenite heard something else");
    assert!(end.is_none() || reference.closed, "tungstenite heard no close frame");
    if outcome.failed.is_some() {
        // Tungstenite checks most of a header only when the frame is complete, and takes a
        // forbidden close code for a close frame.
        let whole = self::reference(role, &[bytes, &[0; MAX_PAYLOAD + MAX_HEADER]].concat());
        assert!(whole.failed || whole.closed, "tungstenite takes what we do not");
        assert_eq!(whole.heard, reference.heard, "tungstenite hears what we do not");
    }
}

fn receive(role: Role, reads: &[&[u8]]) -> Outcome {
    let mut inbound = Inbound::new(role, MAX_PAYLOAD);
    let (mut heard, mut control, mut failed) = (Vec::new(), Vec::new(), None);
    for read in reads {
        let result = inbound.receive(&mut read.to_vec(), &mut control, |message| {
            heard.push(match message {
                Incoming::Text(text) => Heard::Text(text.to_owned()),
                Incoming::Binary(bytes) => Heard::Binary(bytes.to_owned()),
                Incoming::Ping(bytes) => Heard::Ping(bytes.to_owned()),
                Incoming::Pong(bytes) => Heard::Pong(bytes.to_owned()),
                Incoming::Close(frame) => {
                    Heard::Close(frame.map(|(code, reason)| (code, reason.to_owned())))
                }
            });
        });
        if let Err(error) = result {
            assert!(matches!(error, Error::Protocol(_) | Error::MessageTooBig));
            assert!(matches!(error.close_code(), 1002 | 1007 | 1009));
            failed = Some(error.to_string());
            break;
        }
    }
    Outcome { heard, answered: frames(&control, role == Role::Client), failed }
}

/// Tungstenite's result for some bytes, up to a close frame.
#[derive(Default)]
struct Reference {
    heard: Vec<Heard>,
    closed: bool,
    failed: bool,
}

fn reference(role: Role, bytes: &[u8]) -> Reference {
    let config = WebSocketConfig::default()
        .max_frame_size(Some(MAX_PAYLOAD))
        .max_message_size(Some(MAX_PAYLOAD));
    let mut context = WebSocketContext::new(role, Some(config));
    let mut stream = Feed(bytes);
    let mut reference = Reference::default();
    loop {
        reference.heard.push(match context.read(&mut stream) {
            Ok(Message::Text(text)) => Heard::Text(text.to_string()),
            Ok(Message::Binary(bytes)) => Heard::Binary(bytes.to_vec()),
            Ok(Message::Ping(bytes)) => Heard::Ping(bytes.to_vec()),
            Ok(Message::Pong(bytes)) => Heard::Pong(bytes.to_vec()),
            Ok(Message::Close(_)) => {
                reference.closed = true;
                return reference;
            }
            Ok(Message::Frame(_)) => unreachable!("only ever composed"),
            Err(error) => {
                reference.failed = !matches!(error, tungstenite::Error::Io(_));
                return reference;
            }
        });
    }
}

/// Reads from memory, and then would block; writes are discarded.
struct Feed<'a>(&'a [u8]);

impl Read for Feed<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if self.0.is_empty() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        self.0.read(buf)
    }
}

impl Write for Feed<'_> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        Ok(buf.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
