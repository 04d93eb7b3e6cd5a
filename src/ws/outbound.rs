//! The writing half of a connection: frames in, bytes out.

use super::{
    Role,
    frame::{self, Opcode},
    text_frame::TextFrame,
};
use crate::config;
use std::{collections::VecDeque, mem, ops::Deref};

/// Frames to be written, as one run of bytes; a long frame behind others keeps its own memory, since
/// copying it would take too long.
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
    /// Long frames behind `bytes`, each with the frames composed after it; none if `bytes` is
    /// empty.
    later: VecDeque<Vec<u8>>,
    later_len: usize,
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
        Self {
            role,
            bytes: Vec::new(),
            start: 0,
            later: VecDeque::new(),
            later_len: 0,
            taken: false,
        }
    }

    /// Composes one text frame whose UTF-8 payload `fill` appends; nothing, and false, when `fill`
    /// returns false.
    pub fn text(&mut self, fill: impl FnOnce(&mut Vec<u8>) -> bool) -> bool {
        self.write(|out, role| frame::append(out, role, Opcode::Text, fill))
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
        self.write(|out, role| {
            frame::append_part(out, role, first, |out| {
                out.extend_from_slice(payload);
                true
            })
        });
    }

    /// Composes a close frame; `None` is one without a code. `reason` beyond 123 bytes is cut.
    pub fn close(&mut self, code: Option<u16>, reason: &str) {
        let fill = |out: &mut Vec<u8>| {
            if let Some(code) = code {
                out.extend_from_slice(&code.to_be_bytes());
                let end = (0..=reason.len().min(123)).rfind(|at| reason.is_char_boundary(*at));
                out.extend_from_slice(&reason.as_bytes()[..end.unwrap_or_default()]);
            }
            true
        };
        self.write(|out, role| frame::append(out, role, Opcode::Close, fill));
    }

    /// Appends bytes that are composed already: handshakes, and tungstenite's control frames.
    pub fn raw(&mut self, bytes: &[u8]) {
        self.write(|out, _| out.extend_from_slice(bytes));
    }

    /// Appends a text frame that was composed by itself. It is copied only if it is short enough for
    /// a copy to cost less than a write of its own.
    pub fn append(&mut self, frame: TextFrame) {
        let frame = frame.into_bytes();
        if self.bytes.is_empty() {
            self.bytes = frame;
        } else if frame.len() <= config::KEEP_WRITE_BYTES {
            self.raw(&frame);
        } else {
            self.later_len += frame.len();
            self.later.push_back(frame);
        }
    }

    /// Appends to the last bytes.
    #[inline]
    fn write<R>(&mut self, write: impl FnOnce(&mut Vec<u8>, Role) -> R) -> R {
        let Some(last) = self.later.back_mut() else { return write(&mut self.bytes, self.role) };
        let before = last.len();
        let result = write(last, self.role);
        self.later_len += last.len() - before;
        result
    }

    /// Buffered bytes, without those being written right now.
    pub fn len(&self) -> usize {
        self.bytes.len() - self.start + self.later_len
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
        let next = self.later.pop_front().unwrap_or_default();
        self.later_len -= next.len();
        let bytes = mem::replace(&mut self.bytes, next);
        Some(Taken { bytes, start: mem::take(&mut self.start) })
    }

    /// Takes the buffered bytes for good.
    pub fn take_all(&mut self) -> Option<Vec<u8>> {
        if !self.taken {
            self.join();
        }
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
        if self.later.is_empty() && self.bytes.len() <= config::KEEP_WRITE_BYTES {
            bytes.append(&mut self.bytes);
        } else {
            let next = mem::take(&mut self.bytes);
            self.later_len += next.len();
            self.later.push_front(next);
        }
        self.bytes = bytes;
        self.start = start;
    }

    /// Makes one run of bytes of all.
    fn join(&mut self) {
        self.later_len = 0;
        for later in mem::take(&mut self.later) {
            self.bytes.extend_from_slice(&later);
        }
    }

    /// Drops the buffered bytes and frees the memory.
    pub fn clear(&mut self) {
        self.bytes = Vec::new();
        self.start = 0;
        self.later = VecDeque::new();
        self.later_len = 0;
    }

    /// Before anything was taken: keeps only the parts of the buffered bytes for which `keep` is
    /// true. `ends` are the ascending ends of the parts.
    pub fn retain(&mut self, ends: impl Iterator<Item = (usize, bool)>) {
        self.join();
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

    /// A frame whose payload begins with `text`, and is long enough for memory of its own.
    fn long(text: &str) -> TextFrame {
        TextFrame::new(Role::Server, |out| {
            out.extend_from_slice(text.as_bytes());
            out.resize(config::KEEP_WRITE_BYTES, b'-');
            true
        })
        .unwrap()
    }

    #[test]
    fn long_frames_stay_in_order_and_are_counted_whatever_the_socket_takes() {
        for step in 1..12 {
            let (mut out, mut together) = (Outbound::new(Role::Server), Vec::new());
            let mut written = Vec::new();
            let add_long = |out: &mut Outbound, together: &mut Vec<u8>, text: &str| {
                let frame = long(text);
                together.extend_from_slice(&frame.clone().into_bytes());
                out.append(frame);
            };
            for round in 0..40usize {
                let text = "x".repeat(round % 7);
                if round % 3 == 0 {
                    add_long(&mut out, &mut together, &text);
                } else {
                    out.raw(text.as_bytes());
                    together.extend_from_slice(text.as_bytes());
                }
                if round % 4 == 3 {
                    let taken = out.take().unwrap();
                    add_long(&mut out, &mut together, "in between");
                    let now = (round * step * 5000) % (taken.len() + 1);
                    written.extend_from_slice(&taken[..now]);
                    out.put_back(taken, now);
                }
                assert_eq!(out.len() + written.len(), together.len());
            }
            while let Some(taken) = out.take() {
                let now = (step * 10_000).min(taken.len());
                written.extend_from_slice(&taken[..now]);
                out.put_back(taken, now);
            }
            assert!(out.is_written());
            assert!(written == together, "step {step}");
        }
    }

    #[test]
    fn a_composed_frame_joins_the_buffered_bytes_if_it_is_short() {
        let mut out = with("a");
        let frame = TextFrame::new(Role::Server, |out| {
            out.push(b'b');
            true
        });
        out.append(frame.unwrap());
        assert_eq!(&*out.take().unwrap(), b"a\x81\x01b");
    }

    #[test]
    fn long_frames_are_taken_left_out_and_dropped_with_the_others() {
        let frame = long("bb").into_bytes();
        let mut out = with("a");
        out.append(long("bb"));
        out.raw(b"c");
        out.append(long("bb"));
        assert!(out.take_all().unwrap() == [b"a", &frame[..], b"c", &frame[..]].concat());
        assert!(out.is_written());
        out.raw(b"a");
        out.append(long("bb"));
        out.raw(b"c");
        let end = 1 + frame.len();
        out.retain([(1, true), (end, false), (end + 1, true)].into_iter());
        assert_eq!((out.len(), &*out.take_all().unwrap()), (2, &b"ac"[..]));
        out.append(long("bb"));
        out.append(long("bb"));
        out.clear();
        assert!(out.is_written() && out.take().is_none());
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
