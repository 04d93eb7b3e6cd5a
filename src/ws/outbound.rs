//! The writing half of a connection: frames in, bytes out.

use super::{
    Role,
    frame::{self, Opcode},
};
use crate::config;

/// Frames that wait to be written, as one run of bytes.
///
/// [`take`](Self::take) hands the bytes to whoever writes them, and [`put_back`](Self::put_back)
/// returns what the socket did not accept, so that no lock is held during a system call.
#[derive(Debug)]
pub struct Outbound {
    role: Role,
    bytes: Vec<u8>,
    taken: bool,
}

impl Outbound {
    /// An empty half of a connection in `role`: a client masks its frames.
    pub fn new(role: Role) -> Self {
        Self { role, bytes: Vec::new(), taken: false }
    }

    /// Composes one text frame whose UTF-8 payload `fill` appends.
    pub fn text<R>(&mut self, fill: impl FnOnce(&mut Vec<u8>) -> R) -> R {
        frame::append(&mut self.bytes, self.role, Opcode::Text, fill)
    }

    /// Composes a close frame; `None` is one without a code. `reason` beyond 123 bytes is cut.
    pub fn close(&mut self, code: Option<u16>, reason: &str) {
        frame::append(&mut self.bytes, self.role, Opcode::Close, |out| {
            if let Some(code) = code {
                out.extend_from_slice(&code.to_be_bytes());
                let end = (0..=reason.len().min(123)).rfind(|at| reason.is_char_boundary(*at));
                out.extend_from_slice(&reason.as_bytes()[..end.unwrap_or_default()]);
            }
        });
    }

    /// Appends bytes that are composed already: handshakes, and tungstenite's control frames.
    pub fn raw(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// Bytes that wait, without those being written right now.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Takes the waiting bytes for writing. `None` when there are none, or when somebody else
    /// is writing: that one goes on with what came in between.
    pub fn take(&mut self) -> Option<Vec<u8>> {
        if self.taken || self.bytes.is_empty() {
            return None;
        }
        self.taken = true;
        Some(std::mem::take(&mut self.bytes))
    }

    /// Ends a [`take`](Self::take): of `taken`, the first `written` bytes are gone.
    pub fn put_back(&mut self, mut taken: Vec<u8>, written: usize) {
        self.taken = false;
        if written == taken.len() {
            if self.bytes.is_empty() && taken.capacity() <= config::KEEP_WRITE_BYTES {
                taken.clear();
                self.bytes = taken;
            }
            return;
        }
        taken.drain(..written);
        taken.append(&mut self.bytes);
        self.bytes = taken;
    }

    /// Drops what waits and gives the memory back.
    pub fn clear(&mut self) {
        self.bytes = Vec::new();
    }

    /// Keeps only the parts of the waiting bytes for which `keep` says so. `ends` are the
    /// ascending ends of the parts.
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
        assert_eq!(out.take().unwrap(), b"bcdef");
    }

    #[test]
    fn a_full_write_leaves_what_came_in_between() {
        let mut out = with("abc");
        let taken = out.take().unwrap();
        out.raw(b"def");
        out.put_back(taken, 3);
        assert_eq!(out.take().unwrap(), b"def");
    }

    #[test]
    fn parts_can_be_left_out() {
        let mut out = with("aabbbc");
        out.retain([(2, true), (5, false), (6, true)].into_iter());
        assert_eq!(out.take().unwrap(), b"aac");
    }

    #[test]
    fn close_reason_is_cut_at_a_character() {
        let mut out = Outbound::new(Role::Server);
        out.close(Some(1000), &"ä".repeat(100));
        assert_eq!(out.len(), 2 + 2 + 122);
    }
}
