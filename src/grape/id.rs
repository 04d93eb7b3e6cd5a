//! Node ids, and their distance to a name.

use rand::Rng;
use std::fmt;

/// A node's id, and the target of a stored value.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Id(pub [u8; Self::BYTES]);

/// Distance of an id to a key. The key is the raw name of a service, of any length.
///
/// The network's rule compares the bytes that both have, and every further byte of the longer one
/// counts as 255. Since all ids have the same length, that leaves ties behind a short key; they are
/// broken as if the key continued with zeros, which is where the original's tree looks first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Distance(u128, u32);

impl Id {
    /// Bytes of an id.
    pub const BYTES: usize = 20;
    /// Bits of an id.
    pub const BITS: usize = Self::BYTES * 8;

    /// A new random id.
    pub fn random(rng: &mut impl Rng) -> Self {
        let mut bytes = [0; Self::BYTES];
        rng.fill_bytes(&mut bytes);
        Self(bytes)
    }

    /// The id in `bytes`, if the length is right.
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// Reads 40 hexadecimal digits.
    pub fn from_hex(text: &str) -> Option<Self> {
        let mut bytes = [0; Self::BYTES];
        if text.len() != 2 * Self::BYTES || !text.is_ascii() {
            return None;
        }
        for (at, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&text[2 * at..2 * at + 2], 16).ok()?;
        }
        Some(Self(bytes))
    }

    /// The distance of this id to `key`.
    pub fn distance(&self, key: &[u8]) -> Distance {
        let mut padded = [0; Self::BYTES];
        let len = key.len().min(Self::BYTES);
        padded[..len].copy_from_slice(&key[..len]);
        let (Distance(high, low), Distance(key_high, key_low)) = (whole(&self.0), whole(&padded));
        Distance(high ^ key_high, low ^ key_low)
    }

    /// Number of leading bits in common with `key`.
    pub fn shared_bits(&self, key: &[u8]) -> usize {
        let Distance(high, low) = self.distance(key);
        let zeros = if high == 0 { 128 + low.leading_zeros() } else { high.leading_zeros() };
        zeros as usize
    }
}

/// The bytes as numbers, which are compared at once.
fn whole(bytes: &[u8; Id::BYTES]) -> Distance {
    let [.., a, b, c, d] = *bytes;
    let high = bytes.first_chunk().map_or(0, |high| u128::from_be_bytes(*high));
    Distance(high, u32::from_be_bytes([a, b, c, d]))
}

impl Distance {
    /// Whether the two differ in the bit `at`, counted from the most significant.
    pub(super) fn has_bit(self, at: usize) -> bool {
        match at {
            0..128 => self.0 >> (127 - at) & 1 != 0,
            _ => self.1 >> (159 - at) & 1 != 0,
        }
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The network's rule, byte by byte.
    fn rule(key: &[u8], id: &Id) -> Vec<u8> {
        let longer = key.len().max(Id::BYTES);
        let byte = |at: usize| match (key.get(at), id.0.get(at)) {
            (Some(a), Some(b)) => a ^ b,
            _ => 255,
        };
        (0..longer).map(byte).collect()
    }

    proptest! {
        #[test]
        fn the_order_keeps_the_rule(
            key in proptest::collection::vec(any::<u8>(), 0..64),
            a in any::<[u8; 20]>(),
            b in any::<[u8; 20]>(),
            same in 0..20_usize,
        ) {
            let a = Id(a);
            let mut b = Id(b);
            b.0[..same].copy_from_slice(&a.0[..same]);
            let ours = a.distance(&key).cmp(&b.distance(&key));
            let theirs = rule(&key, &a).cmp(&rule(&key, &b));
            prop_assert!(theirs.is_eq() || ours == theirs);
        }

        #[test]
        fn shared_bits_count_the_common_prefix(a in any::<[u8; 20]>(), bit in 0..160_usize) {
            let id = Id(a);
            let mut other = id;
            other.0[bit / 8] ^= 0x80 >> (bit % 8);
            prop_assert_eq!(id.shared_bits(&other.0), bit);
            prop_assert_eq!(id.shared_bits(&id.0), Id::BITS);
        }
    }

    #[test]
    fn hexadecimal_and_back() {
        let id = Id([0xa5; 20]);
        assert_eq!(Id::from_hex(&id.to_string()), Some(id));
        for bad in ["", "a5", &"g".repeat(40), &"é".repeat(20), &"a5".repeat(21)] {
            assert_eq!(Id::from_hex(bad), None);
        }
    }
}
