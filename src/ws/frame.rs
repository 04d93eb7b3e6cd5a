//! Frames composed straight into a connection's buffer (RFC 6455 section 5.2).
//!
//! Written here and not through tungstenite: its writer copies each frame twice.

use super::Role;

/// Opcode of a frame that this side composes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Opcode {
    /// The next part of a fragmented message.
    Continuation = 0x0,
    /// UTF-8 text.
    Text = 0x1,
    /// Bytes.
    Binary = 0x2,
    /// Closes the connection.
    Close = 0x8,
    /// Requests a pong.
    Ping = 0x9,
    /// Answers a ping, or shows that this side is alive.
    Pong = 0xA,
}

impl Opcode {
    /// Control frames hold at most 125 bytes (RFC 6455 section 5.5).
    pub fn is_control(self) -> bool {
        self as u8 & 0x8 != 0
    }
}

/// In the first byte: the last frame of the message.
pub const FIN: u8 = 0x80;
const MASKED: u8 = 0x80;
pub(super) const KEY_LEN: usize = 4;

/// Appends one unfragmented frame: see [`append_part`].
pub(super) fn append(
    out: &mut Vec<u8>,
    role: Role,
    opcode: Opcode,
    fill: impl FnOnce(&mut Vec<u8>) -> bool,
) -> bool {
    append_part(out, role, FIN | opcode as u8, fill)
}

/// Appends one frame with this `first` byte, whose payload `fill` writes. When `fill` returns
/// false, nothing is appended, and this returns false.
///
/// `fill` gets the buffer and may only append. Room is left for the shortest header; a longer
/// payload is moved up by the difference, which costs little compared with the copy itself.
pub(super) fn append_part(
    out: &mut Vec<u8>,
    role: Role,
    first: u8,
    fill: impl FnOnce(&mut Vec<u8>) -> bool,
) -> bool {
    let key = match role {
        // One random number instead of an array, which would take one per byte.
        Role::Client => Some(rand::random::<u32>().to_ne_bytes()),
        Role::Server => None,
    };
    let key_len = if key.is_some() { KEY_LEN } else { 0 };
    let start = out.len();
    let short = 2 + key_len;
    out.resize(start + short, 0);
    if !fill(out) {
        out.truncate(start);
        return false;
    }
    let len = out.len() - start - short;

    let extra = match len {
        0..=125 => 0,
        126..=0xffff => 2,
        _ => 8,
    };
    if extra > 0 {
        let end = out.len();
        out.resize(end + extra, 0);
        out.copy_within(start + short..end, start + short + extra);
    }
    out[start] = first;
    let masked = if key.is_some() { MASKED } else { 0 };
    match extra {
        0 => out[start + 1] = masked | len as u8,
        2 => {
            out[start + 1] = masked | 126;
            out[start + 2..start + 4].copy_from_slice(&(len as u16).to_be_bytes());
        }
        _ => {
            out[start + 1] = masked | 127;
            out[start + 2..start + 10].copy_from_slice(&(len as u64).to_be_bytes());
        }
    }
    if let Some(key) = key {
        let payload = start + 2 + extra + KEY_LEN;
        out[payload - KEY_LEN..payload].copy_from_slice(&key);
        mask(&mut out[payload..], key);
    }
    true
}

/// XORs `bytes` with the repeated `key` (RFC 6455 section 5.3).
pub(super) fn mask(bytes: &mut [u8], key: [u8; KEY_LEN]) {
    let wide = u64::from(u32::from_ne_bytes(key));
    let wide = wide | wide << 32;
    let mut chunks = bytes.chunks_exact_mut(8);
    for chunk in &mut chunks {
        if let Ok(eight) = <[u8; 8]>::try_from(&*chunk) {
            chunk.copy_from_slice(&(u64::from_ne_bytes(eight) ^ wide).to_ne_bytes());
        }
    }
    for (byte, key) in chunks.into_remainder().iter_mut().zip(key.iter().cycle()) {
        *byte ^= key;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_length_follows_the_payload() {
        for (len, header) in [(0, 2), (125, 2), (126, 4), (0xffff, 4), (0x1_0000, 10)] {
            let mut out = b"before".to_vec();
            append(&mut out, Role::Server, Opcode::Text, |out| {
                out.resize(out.len() + len, b'x');
                true
            });
            assert_eq!(out.len(), 6 + header + len);
            assert!(out[6 + header..].iter().all(|byte| *byte == b'x'));
        }
    }

    #[test]
    fn what_cannot_be_filled_leaves_nothing() {
        let mut out = b"before".to_vec();
        assert!(!append(&mut out, Role::Client, Opcode::Text, |out| {
            out.extend_from_slice(b"half");
            false
        }));
        assert_eq!(out, b"before");
    }

    #[test]
    fn masking_twice_is_identity_at_every_length() {
        for len in 0..40 {
            let plain: Vec<u8> = (0..len).collect();
            let mut bytes = plain.clone();
            mask(&mut bytes, [1, 2, 3, 4]);
            for (at, byte) in bytes.iter().enumerate() {
                assert_eq!(*byte, plain[at] ^ [1, 2, 3, 4][at % 4]);
            }
        }
    }
}
