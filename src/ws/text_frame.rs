//! Long text frames, composed by themselves: copying and masking their payload takes too long under
//! the lock of a connection.

use super::{
    Role,
    frame::{self, KEY_LEN, Opcode},
};

/// A text frame that belongs to no connection so far.
#[derive(Clone, Debug)]
pub struct TextFrame {
    bytes: Vec<u8>,
    /// Where the payload begins.
    payload: usize,
    is_masked: bool,
}

impl TextFrame {
    /// A frame of a side in `role`, whose UTF-8 payload `fill` appends; `None` when `fill` returns
    /// false.
    pub fn new(role: Role, fill: impl FnOnce(&mut Vec<u8>) -> bool) -> Option<Self> {
        let mut bytes = Vec::new();
        let mut len = 0;
        let filled = frame::append(&mut bytes, role, Opcode::Text, |out| {
            let before = out.len();
            let filled = fill(out);
            len = out.len() - before;
            filled
        });
        filled.then(|| Self { payload: bytes.len() - len, is_masked: role == Role::Client, bytes })
    }

    /// Overwrites the payload from its index `at` on; what is beyond its end is cut.
    pub fn set(&mut self, at: usize, new: &[u8]) {
        let (header, payload) = self.bytes.split_at_mut(self.payload);
        let key = match header.last_chunk::<KEY_LEN>() {
            Some(key) if self.is_masked => *key,
            _ => [0; KEY_LEN],
        };
        let old = payload.iter_mut().enumerate().skip(at);
        old.zip(new).for_each(|((at, old), new)| *old = new ^ key[at % KEY_LEN]);
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_frame_that_a_connection_composes() {
        for len in [0, 1, 125, 126, 0xffff, 0x1_0000] {
            let text = "x".repeat(len);
            let fill = |out: &mut Vec<u8>| {
                out.extend_from_slice(text.as_bytes());
                true
            };
            let mut expected = Vec::new();
            frame::append(&mut expected, Role::Server, Opcode::Text, fill);
            let composed = TextFrame::new(Role::Server, fill).unwrap();
            assert_eq!(composed.into_bytes(), expected, "{len}");
        }
        assert!(TextFrame::new(Role::Client, |_| false).is_none());
    }

    #[test]
    fn its_payload_can_be_overwritten_with_and_without_a_mask() {
        for role in [Role::Server, Role::Client] {
            let mut composed = TextFrame::new(role, |out| {
                out.extend_from_slice(b"[\"----\",1]");
                true
            })
            .unwrap();
            composed.set(2, b"abcd");
            composed.set(9, b"}beyond");
            let (payload, is_masked) = (composed.payload, composed.is_masked);
            let mut bytes = composed.into_bytes();
            assert_eq!(bytes.len(), payload + 10);
            if is_masked {
                let key = *bytes[..payload].last_chunk::<KEY_LEN>().unwrap();
                frame::mask(&mut bytes[payload..], key);
            }
            assert_eq!(&bytes[payload..], b"[\"abcd\",1}");
        }
    }
}
