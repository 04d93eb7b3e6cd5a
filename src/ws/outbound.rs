//! The writing half of a connection: frames in, bytes out.

use super::{
    Role,
    frame::{self, Opcode},
};
use crate::config;
use std::{mem, ops::Deref};

/// Frames to be written, as one run of bytes.
///
/// [`take`](Self::take) hands the bytes to the writer, and [`put_back`](Self::put_back) returns
/// those that the socket did not accept, so that no lock is held during a system call.
#[derive(Debug)]
pub struct Outbound {
    role: Role,
    bytes: Vec<u8>,
    /// Bytes before it are written. Moving the rest up after every write would cost more than the
    /// write.
    start: usize,
    taken: bool,
}

/// Bytes being written to the socket.
#[derive(Debug)]
pub struct Taken {
    bytes: Vec<u8>,
    start: usize,
}

impl Deref for Taken {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes[self.start..]
    }
}

impl Outbound {
    /// An empty half of a connection in `role`: a client masks its frames.
    pub fn new(role: Role) -> Self {
        Self { role, bytes: Vec::new(), start: 0, taken: false }
    }

    /// Composes one text frame whose UTF-8 payload `fill` appends; nothing, and false, when `fill`
    /// returns false.
    pub fn text(&mut self, fill: impl FnOnce(&mut Vec<u8>) -> bool) -> bool {
        frame::append(&mut self.bytes, self.role, Opcode::Text, fill)
    }

    /// Composes one frame. The payload of a control frame is cut to the 125 bytes it may hold.
    pub fn frame(&mut self, opcode: Opcode, payload: &[u8]) {
        self.part(opcode, true, payload);
    }

    /// As [`frame`](Self::frame); without `fin` more of its message follows, as continuations.
    pub fn part(&mut self, opcode: Opcode, fin: bool, payload: &[u8]) {
        let payload = match opcode.is_control() {
            true => &payload[..payload.len().min(125)],
            false => payload,
        };
        let first = if fin { frame::FIN } else { 0 } | opcode as u8;
        frame::append_part(&mut self.bytes, self.role, first, |out| {
            out.extend_from_slice(payload);
            true
        });
    }

    /// Composes a close frame; `None` is one without a code. `reason` beyond 123 bytes is cut.
    pub fn close(&mut self, code: Option<u16>, reason: &str) {
        frame::append(&mut self.bytes, self.role, Opcode::Close, |out| {
            if let Some(code) = code {
                out.extend_from_slice(&code.to_be_bytes());
                let end = (0..=reason.len().min(123)).rfind(|at| reason.is_char_boundary(*at));
                out.extend_from_slice(&reason.as_bytes()[..end.unwrap_or_default()]);
            }
            true
        });
    }

    /// Appends bytes that are composed already: handshakes, and tungstenite's control frames.
    pub fn raw(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// Buffered bytes, without those being written right now.
    pub fn len(&self) -> usize {
        self.bytes.len() - self.start
    }

    /// Whether no bytes are buffered.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether no bytes are buffered, and none are being written right now.
    pub fn is_written(&self) -> bool {
        !self.taken && self.is_empty()
    }

    /// Whether a write is in progress.
    pub fn is_taken(&self) -> bool {
        self.taken
    }

    /// Takes the buffered bytes for writing. `None` when there are none, or when a write is in
    /// progress, whose writer continues with later bytes.
    pub fn take(&mut self) -> Option<Taken> {
        if self.taken || self.is_empty() {
            return None;
        }
        self.taken = true;
        Some(Taken { bytes: mem::take(&mut self.bytes), start: mem::take(&mut self.start) })
    }

    /// Takes the buffered bytes for good.
    pub fn take_all(&mut self) -> Option<Vec<u8>> {
        let Taken { mut bytes, start } = self.take()?;
        self.taken = false;
        bytes.drain(..start);
        Some(bytes)
    }

    /// Ends a [`take`](Self::take): the first `written` bytes of `taken` are written.
    pub fn put_back(&mut self, taken: Taken, written: usize) {
        self.taken = false;
        let Taken { mut bytes, mut start } = taken;
        start += written;
        if start == bytes.len() {
            if self.bytes.is_empty() && bytes.capacity() <= config::KEEP_WRITE_BYTES {
                bytes.clear();
                self.bytes = bytes;
            }
            return;
        }
        // Moves at most as many bytes as were written since the last time.
        if start > bytes.len() / 2 {
            bytes.drain(..start);
            start = 0;
        }
        bytes.append(&mut self.bytes);
        self.bytes = bytes;
        self.start = start;
    }

    /// Drops the buffered bytes and frees the memory.
    pub fn clear(&mut self) {
        self.bytes = Vec::new();
        self.start = 0;
    }

    /// Before anything was taken: keeps only the parts of the buffered bytes for which `keep` is
    /// true. `ends` are the ascending ends of the parts.
    pub fn retain(&mut self, ends: impl Iterator<Item = (usize, bool)>) {
        let (mut from, mut to) = (0, 0);
        for (end, keep) in ends {
            if keep {
                self.bytes.copy_within(from..end, to);
                to += end - from;
            }
            from = end;
        }
        self.bytes.truncate(to);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(text: &str) -> Outbound {
        let mut out = Outbound::new(Role::Server);
        out.raw(text.as_bytes());
        out
    }

    #[test]
    fn what_was_not_written_stays_in_front() {
        let mut out = with("abc");
        let taken = out.take().unwrap();
        out.raw(b"def");
        assert!(out.take().is_none(), "one writer at a time");
        out.put_back(taken, 1);
        assert_eq!(out.len(), 5);
        assert_eq!(&*out.take().unwrap(), b"bcdef");
    }

    #[test]
    fn a_full_write_leaves_what_came_in_between() {
        let mut out = with("abc");
        let taken = out.take().unwrap();
        out.raw(b"def");
        out.put_back(taken, 3);
        assert_eq!(&*out.take().unwrap(), b"def");
    }

    #[test]
    fn bytes_written_in_small_steps_stay_in_order() {
        let mut out = Outbound::new(Role::Server);
        let (mut sent, mut written) = (Vec::new(), Vec::new());
        for step in 0..500u32 {
            let bytes = step.to_be_bytes();
            sent.extend_from_slice(&bytes);
            out.raw(&bytes);
            let taken = out.take().unwrap();
            let now = (step as usize * 7) % 9 % (taken.len() + 1);
            written.extend_from_slice(&taken[..now]);
            out.put_back(taken, now);
        }
        written.extend_from_slice(&out.take_all().unwrap());
        assert_eq!(written, sent);
        assert!(out.is_empty());
    }

    #[test]
    fn parts_can_be_left_out() {
        let mut out = with("aabbbc");
        out.retain([(2, true), (5, false), (6, true)].into_iter());
        assert_eq!(&*out.take().unwrap(), b"aac");
    }

    #[test]
    fn close_reason_is_cut_at_a_character() {
        let mut out = Outbound::new(Role::Server);
        out.close(Some(1000), &"ä".repeat(100));
        assert_eq!(out.len(), 2 + 2 + 122);
    }
}
