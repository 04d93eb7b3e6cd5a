//! Nesting of a JSON text, 64 bytes at a time: a large message is scanned in a few per cent of the
//! time that V8 takes to parse it.

use std::arch::x86_64::{
    __m128i, _mm_cmpeq_epi8, _mm_movemask_epi8, _mm_or_si128, _mm_set_epi64x, _mm_set1_epi8,
};

/// As [`is_nested`](super::is_nested), for any text.
pub fn exceeds(json: &[u8], most: usize) -> bool {
    // SAFETY: every processor of this architecture has SSE2.
    unsafe { exceeds_sse2(json, most) }
}

/// State of the text before a block.
#[derive(Default)]
struct Before {
    depth: usize,
    /// All ones in a string, else 0.
    in_string: u64,
    /// The block's first byte belongs to an escape.
    escapes: bool,
}

#[target_feature(enable = "sse2")]
fn exceeds_sse2(json: &[u8], most: usize) -> bool {
    let mut before = Before::default();
    let (blocks, rest) = json.as_chunks::<64>();
    let mut last = [b' '; 64];
    last[..rest.len()].copy_from_slice(rest);
    blocks.iter().chain([&last]).any(|block| {
        let bytes = [0, 16, 32, 48].map(|at| load(block, at));
        let backslashes = places(bytes, b'\\');
        let mut quotes = places(bytes, b'"');
        if backslashes != 0 || before.escapes {
            quotes &= !before.escaped(backslashes);
        }
        let strings = before.strings(quotes);
        // Both kinds of bracket differ in this bit only.
        let bit = _mm_set1_epi8(0x20);
        let either = bytes.map(|bytes| _mm_or_si128(bytes, bit));
        let opening = places(either, b'{') & !strings;
        let closing = places(either, b'}') & !strings;
        opening | closing != 0 && before.exceeds(opening, closing, most)
    })
}

/// Where the byte is: bit 0 is the block's first byte.
#[target_feature(enable = "sse2")]
fn places(bytes: [__m128i; 4], byte: u8) -> u64 {
    let byte = _mm_set1_epi8(byte as i8);
    let places = |bytes| u64::from(_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, byte)) as u16);
    let [a, b, c, d] = bytes;
    places(a) | places(b) << 16 | places(c) << 32 | places(d) << 48
}

/// Compiles to one instruction.
#[target_feature(enable = "sse2")]
fn load(block: &[u8; 64], at: usize) -> __m128i {
    let (words, _) = block.as_chunks::<8>();
    let word = |at: usize| i64::from_le_bytes(words[at / 8]);
    _mm_set_epi64x(word(at + 8), word(at))
}

impl Before {
    /// The bytes that follow a backslash which is not escaped itself.
    fn escaped(&mut self, mut backslashes: u64) -> u64 {
        let mut escaped = u64::from(self.escapes);
        backslashes &= !escaped;
        self.escapes = false;
        while backslashes != 0 {
            let next = backslashes.trailing_zeros() + 1;
            backslashes &= backslashes - 1;
            if next == u64::BITS {
                self.escapes = true;
            } else {
                escaped |= 1 << next;
                backslashes &= !(1 << next);
            }
        }
        escaped
    }

    /// The bytes that are in strings, including the opening quote.
    fn strings(&mut self, quotes: u64) -> u64 {
        let mut strings = quotes;
        // Each bit becomes the parity of all bits up to it.
        for shift in [1, 2, 4, 8, 16, 32] {
            strings ^= strings << shift;
        }
        strings ^= self.in_string;
        self.in_string = ((strings as i64) >> 63) as u64;
        strings
    }

    /// Advances past the block; true when it has more than `most` levels.
    fn exceeds(&mut self, opening: u64, closing: u64, most: usize) -> bool {
        let opened = opening.count_ones() as usize;
        if self.depth + opened > most {
            let mut depth = self.depth;
            for at in 0..u64::BITS {
                depth += (opening >> at & 1) as usize;
                if depth > most {
                    return true;
                }
                depth = depth.saturating_sub((closing >> at & 1) as usize);
            }
        }
        // The depth of a text that is no JSON could become negative.
        self.depth = (self.depth + opened).saturating_sub(closing.count_ones() as usize);
        false
    }
}
