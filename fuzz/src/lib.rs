//! Helpers of the targets: split bytes as a socket might, parse frames, and parse batches as
//! JavaScript does.

mod batch;
mod machine;

pub use batch::{Record, records};
pub use machine::machine;

/// Splits an input into parts as reads of a socket would. The first byte is the number of lengths
/// that follow; the last length repeats.
pub fn cut(input: &[u8]) -> (Vec<usize>, &[u8]) {
    let Some((count, rest)) = input.split_first() else { return (Vec::new(), input) };
    let (lengths, bytes) = rest.split_at(usize::from(count % 8).min(rest.len()));
    (lengths.iter().map(|len| usize::from(*len) + 1).collect(), bytes)
}

/// The parts of `bytes` with these lengths; all of it without any.
pub fn parts<'a>(lengths: &[usize], mut bytes: &'a [u8]) -> Vec<&'a [u8]> {
    let mut parts = Vec::new();
    let mut lengths = lengths.iter();
    let mut len = bytes.len();
    while !bytes.is_empty() {
        len = lengths.next().copied().unwrap_or(len);
        let (part, rest) = bytes.split_at(len.min(bytes.len()));
        parts.push(part);
        bytes = rest;
    }
    parts
}

/// A sent frame: its first byte, and the unmasked payload.
pub type Frame = (u8, Vec<u8>);

/// Parses composed frames. Panics unless they are complete, masked if `masked`, with lengths in
/// their shortest form (RFC 6455 section 5.2).
pub fn frames(mut bytes: &[u8], masked: bool) -> Vec<Frame> {
    let mut frames = Vec::new();
    while let [first, second, rest @ ..] = bytes {
        assert_eq!(second & 0x80 != 0, masked, "mask");
        let (len, rest) = match second & 0x7f {
            126 => {
                let (len, rest) = rest.split_at(2);
                let len = len.iter().fold(0, |len, byte| len << 8 | usize::from(*byte));
                assert!(len > 125, "shortest form");
                (len, rest)
            }
            127 => {
                let (len, rest) = rest.split_at(8);
                let len = len.iter().fold(0, |len, byte| len << 8 | usize::from(*byte));
                assert!(len > 0xffff, "shortest form");
                (len, rest)
            }
            len => (usize::from(len), rest),
        };
        let (key, rest) = rest.split_at(if masked { 4 } else { 0 });
        let (payload, rest) = rest.split_at(len);
        let payload = payload.iter().enumerate();
        let payload = payload.map(|(at, byte)| byte ^ key.get(at % 4).unwrap_or(&0)).collect();
        frames.push((*first, payload));
        bytes = rest;
    }
    assert!(bytes.is_empty(), "half a frame");
    frames
}
