//! Stored values (BEP 44): immutable ones under their hash, mutable ones under the hash of a public
//! key.

use super::{
    Id,
    bencode::Value,
    krpc::{Signed, code},
    shares::{Budget, Shares, Source},
};
use crate::config::grape as config;
use ed25519_dalek::{Signature, VerifyingKey};
use sha1::{Digest, Sha1};

/// A value, with the fields of a mutable one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// The bencoded value.
    pub v: Vec<u8>,
    /// Key, signature, sequence number and salt.
    pub signed: Option<Signed>,
}

/// A stored value.
#[derive(Clone, Debug)]
pub struct Stored {
    /// The value.
    pub item: Item,
    /// The node that stored it.
    pub id: Id,
}

/// The stored values.
#[derive(Debug)]
pub struct Values(Shares<Id, Stored>);

impl Item {
    /// The key under which the network stores it.
    pub fn target(&self) -> Id {
        let hash = match &self.signed {
            Some(signed) => Sha1::new().chain_update(&signed.k).chain_update(&signed.salt),
            None => Sha1::new().chain_update(&self.v),
        };
        Id(hash.finalize().into())
    }

    /// Checks the sizes.
    ///
    /// # Errors
    /// A code and a text, as sent over the network.
    pub fn check_size(&self) -> Result<(), (i64, &'static str)> {
        if self.size() > config::VALUE_BYTES {
            return Err((code::TOO_LARGE, "data payload too large"));
        }
        match &self.signed {
            Some(signed) if signed.salt.len() > config::SALT_BYTES => {
                Err((code::SALT_TOO_LARGE, "salt too large"))
            }
            _ => Ok(()),
        }
    }

    /// Checks that an immutable value is valid, and that a mutable one is signed.
    ///
    /// # Errors
    /// A code and a text, as sent over the network.
    pub fn check(&self) -> Result<(), (i64, &'static str)> {
        self.check_size()?;
        match &self.signed {
            Some(signed) if !signed.is_good(&self.v) => {
                Err((code::BAD_SIGNATURE, "invalid signature"))
            }
            _ => Ok(()),
        }
    }

    /// The size that the limit applies to: a string's own bytes, of anything else the bencoded
    /// ones.
    pub fn size(&self) -> usize {
        match Value::decode(&self.v) {
            Some(Value::Bytes(bytes)) => bytes.len(),
            _ => self.v.len(),
        }
    }
}

impl Signed {
    fn is_good(&self, v: &[u8]) -> bool {
        let key = <&[u8; 32]>::try_from(&self.k[..]).ok();
        let key = key.and_then(|key| VerifyingKey::from_bytes(key).ok());
        let signature = <&[u8; 64]>::try_from(&self.sig[..]).map(Signature::from_bytes).ok();
        match (key, signature) {
            (Some(key), Some(signature)) => key.verify_strict(&self.message(v), &signature).is_ok(),
            _ => false,
        }
    }

    /// The signed message: the bencoded pairs, without the dictionary around them.
    pub fn message(&self, v: &[u8]) -> Vec<u8> {
        let mut message = Vec::with_capacity(v.len() + self.salt.len() + 48);
        if !self.salt.is_empty() {
            message.extend_from_slice(format!("4:salt{}:", self.salt.len()).as_bytes());
            message.extend_from_slice(&self.salt);
        }
        message.extend_from_slice(format!("3:seqi{}e1:v", self.seq).as_bytes());
        message.extend_from_slice(v);
        message
    }
}

impl Values {
    /// Keeps `size` values of others, and as many that are stored through this node.
    pub fn new(size: usize) -> Self {
        let budget = Budget { entries: size.max(1), bytes: config::VALUES_BYTES };
        Self(Shares::new(budget, config::VALUE_AGE_MS))
    }

    /// Deletes values that were not stored again for long.
    pub fn age(&mut self, now: u64) {
        self.0.expire(now, drop);
    }

    /// The value under `target`.
    pub fn get(&self, target: &[u8]) -> Option<&Stored> {
        self.0.get(&Id::from_slice(target)?)
    }

    /// Whether [`put`](Self::put) would accept a value, given a valid signature: a cheaper check.
    ///
    /// # Errors
    /// A code and a text, as sent over the network.
    pub fn check(&self, item: &Item, cas: Option<i64>) -> Result<(), (i64, &'static str)> {
        if let Some(signed) = &item.signed
            && let Some(old) = self.0.get(&item.target()).map(|old| &old.item)
            && let Some(old_signed) = &old.signed
        {
            if cas.is_some_and(|cas| cas != old_signed.seq) {
                return Err((code::CAS_MISMATCH, "CAS mismatch, re-read and try again"));
            }
            // Storing the same value again renews it (BEP 44).
            let is_same = signed.seq == old_signed.seq && item.v == old.v;
            if signed.seq <= old_signed.seq && !is_same {
                return Err((code::SEQ_NOT_NEWER, "sequence number less than current"));
            }
        }
        Ok(())
    }

    /// Stores a checked value, for `source`. A mutable value only replaces an older one or itself,
    /// and with `cas` only the one with that number.
    ///
    /// # Errors
    /// A code and a text, as sent over the network.
    pub fn put(
        &mut self,
        stored: Stored,
        cas: Option<i64>,
        source: Source,
        now: u64,
    ) -> Result<(), (i64, &'static str)> {
        self.check(&stored.item, cas)?;
        let target = stored.item.target();
        let cost = config::VALUE_COST + stored.item.v.len();
        self.0.insert(target, stored, (source, cost), now, drop);
        Ok(())
    }

    /// Number of values.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are no values.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grape::Address;
    use ed25519_dalek::{Signer, SigningKey};

    fn signed(seq: i64, salt: &[u8], v: &[u8]) -> Item {
        let key = SigningKey::from_bytes(&[3; 32]);
        let mut signed = Signed {
            k: key.verifying_key().to_bytes().to_vec(),
            sig: Vec::new(),
            seq,
            salt: salt.to_vec(),
        };
        signed.sig = key.sign(&signed.message(v)).to_bytes().to_vec();
        Item { v: v.to_vec(), signed: Some(signed) }
    }

    fn stored(item: Item) -> Stored {
        Stored { item, id: Id([1; 20]) }
    }

    #[test]
    fn the_test_vectors_of_bep_44() {
        let immutable = Item { v: b"12:Hello World!".to_vec(), signed: None };
        assert_eq!(immutable.target().to_string(), "e5f96f6f38320f0f33959cb4d3d656452117aadb");

        let hex = |text: &str| -> Vec<u8> {
            let byte = |at: usize| u8::from_str_radix(&text[at..at + 2], 16).unwrap();
            (0..text.len()).step_by(2).map(byte).collect()
        };
        let mut item = Item {
            v: b"12:Hello World!".to_vec(),
            signed: Some(Signed {
                k: hex("77ff84905a91936367c01360803104f92432fcd904a43511876df5cdf3e7e548"),
                sig: hex(concat!(
                    "305ac8aeb6c9c151fa120f120ea2cfb923564e11552d06a5d856091e5e853cff",
                    "1260d3f39e4999684aa92eb73ffd136e6f4f3ecbfda0ce53a1608ecd7ae21f01"
                )),
                seq: 1,
                salt: Vec::new(),
            }),
        };
        assert_eq!(item.target().to_string(), "4a533d47ec9c7d95b1ad75f576cffc641853b750");
        assert_eq!(item.check(), Ok(()));
        item.v = b"12:Hello world!".to_vec();
        assert_eq!(item.check(), Err((206, "invalid signature")));
    }

    #[test]
    fn salt_and_sequence_number_are_signed() {
        let item = signed(1, b"salt", b"5:hello");
        assert_eq!(item.check(), Ok(()));
        assert_ne!(item.target(), signed(1, b"", b"5:hello").target());
        let change = |change: fn(&mut Signed)| {
            let mut item = item.clone();
            item.signed.iter_mut().for_each(change);
            item.check()
        };
        assert!(change(|signed| signed.seq = 2).is_err());
        assert!(change(|signed| signed.salt.clear()).is_err());
        assert!(change(|signed| signed.k.clear()).is_err());
        assert!(change(|signed| signed.sig.push(0)).is_err());
        assert_eq!(change(|signed| signed.salt = vec![0; 65]), Err((207, "salt too large")));
    }

    #[test]
    fn sizes_are_those_of_the_original() {
        let item =
            |length: usize| Item { v: Value::bytes(&vec![b'x'; length]).encode(), signed: None };
        assert_eq!(item(1_000).check(), Ok(()));
        assert_eq!(item(1_001).check(), Err((205, "data payload too large")));
    }

    #[test]
    fn a_mutable_value_only_moves_forward() {
        let mut values = Values::new(10);
        let mut put = |item, cas| values.put(stored(item), cas, Source::Own, 0);
        assert_eq!(put(signed(2, b"", b"1:a"), None), Ok(()));
        let older = put(signed(2, b"", b"1:b"), None);
        assert_eq!(older, Err((302, "sequence number less than current")));
        let other = put(signed(3, b"", b"1:b"), Some(1));
        assert_eq!(other, Err((301, "CAS mismatch, re-read and try again")));
        assert_eq!(put(signed(3, b"", b"1:b"), Some(2)), Ok(()));
        let target = signed(3, b"", b"1:b").target();
        assert_eq!(values.get(&target.0).map(|stored| &stored.item.v[..]), Some(&b"1:b"[..]));
        assert!(values.get(b"short").is_none());
    }

    #[test]
    fn the_same_value_again_makes_it_younger() {
        let mut values = Values::new(10);
        for now in [0, config::VALUE_AGE_MS / 2, config::VALUE_AGE_MS] {
            values.age(now);
            let again = values.put(stored(signed(2, b"", b"1:a")), None, Source::Own, now);
            assert_eq!(again, Ok(()));
        }
        values.age(2 * config::VALUE_AGE_MS - 1);
        assert_eq!(values.len(), 1);
        values.age(2 * config::VALUE_AGE_MS);
        assert!(values.is_empty());
    }

    #[test]
    fn a_flood_of_values_drives_out_nobody_else() {
        let mut values = Values::new(100);
        let value = |number: u32| Item { v: format!("i{number}e").into_bytes(), signed: None };
        let mut put = |number, source| values.put(stored(value(number)), None, source, 0);
        put(0, Source::of(Address { ip: [1; 4], port: 1 })).unwrap();
        put(1, Source::Own).unwrap();
        for number in 2..10_000 {
            put(number, Source::of(Address { ip: [2; 4], port: 1 })).unwrap();
        }
        assert!((0..2).all(|number| values.get(&value(number).target().0).is_some()));
        assert_eq!(values.len(), 101);
    }
}
