//! A hash with a random key for short keys: addresses and numbers. It takes a tenth of the time of
//! the standard library's, which is still used for names.
//!
//! Strangers choose addresses, so the key is secret: without it, they cannot know which addresses
//! collide. Each process has one.

use std::{
    hash::{BuildHasher, Hasher, RandomState},
    sync::OnceLock,
};

/// A map from such keys.
pub type HashMap<K, V> = std::collections::HashMap<K, V, Keyed>;

/// A set of such keys.
pub type HashSet<K> = std::collections::HashSet<K, Keyed>;

/// The secret key.
#[derive(Clone, Copy, Debug)]
pub struct Keyed {
    start: u64,
    factor: u64,
}

/// A hash being computed.
#[derive(Clone, Debug)]
pub struct Short {
    state: u64,
    factor: u64,
}

impl Keyed {
    fn random() -> Self {
        let random = RandomState::new();
        Self { start: random.hash_one(0), factor: random.hash_one(1) | 1 }
    }
}

impl Default for Keyed {
    fn default() -> Self {
        static OURS: OnceLock<Keyed> = OnceLock::new();
        *OURS.get_or_init(Self::random)
    }
}

impl BuildHasher for Keyed {
    type Hasher = Short;

    fn build_hasher(&self) -> Short {
        Short { state: self.start, factor: self.factor }
    }
}

impl Short {
    /// Both halves of the product count: each bit of the added value changes bits everywhere.
    fn add(&mut self, value: u64) {
        let product = u128::from(self.state ^ value) * u128::from(self.factor);
        self.state = (product as u64) ^ ((product >> 64) as u64);
    }
}

impl Hasher for Short {
    fn write(&mut self, bytes: &[u8]) {
        for part in bytes.chunks(8) {
            let mut value = [0; 8];
            value[..part.len()].copy_from_slice(part);
            self.add(u64::from_le_bytes(value));
        }
    }

    fn write_u32(&mut self, value: u32) {
        self.add(value.into());
    }

    fn write_u64(&mut self, value: u64) {
        self.add(value);
    }

    fn write_usize(&mut self, value: usize) {
        self.add(value as u64);
    }

    fn finish(&self) -> u64 {
        self.state
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grape::Address;

    #[test]
    fn addresses_in_a_row_are_spread_and_each_key_spreads_them_anew() {
        let all = || {
            (0..65_536_u32).map(|number| {
                let [a, b, c, d] = number.to_be_bytes();
                Address { ip: [10, a, b, c], port: u16::from(d) + 1 }
            })
        };
        let places = |keyed: &Keyed, shift: u32| -> Vec<u64> {
            all().map(|address| (keyed.hash_one(address) >> shift) % 65_536).collect()
        };
        for _ in 0..20 {
            let keyed = Keyed::random();
            for shift in [0, 48] {
                let mut places = places(&keyed, shift);
                places.sort_unstable();
                let most = places.chunk_by(|a, b| a == b).map(<[u64]>::len).max();
                assert!(most < Some(32), "{most:?} of 65,536 in one of as many places");
            }
        }
        assert_ne!(places(&Keyed::random(), 0), places(&Keyed::random(), 0));
    }
}
