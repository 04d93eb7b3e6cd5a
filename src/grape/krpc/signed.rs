//! Mutable values (BEP 44).

use super::code;
use crate::{config::grape as config, grape::bencode::Value};
use ed25519_dalek::{PUBLIC_KEY_LENGTH, SIGNATURE_LENGTH};

/// The fields of a mutable value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed {
    /// Public key.
    pub k: Vec<u8>,
    /// Signature.
    pub sig: Vec<u8>,
    /// Sequence number.
    pub seq: i64,
    /// Distinguishes values of one key.
    pub salt: Vec<u8>,
}

impl Signed {
    /// Reads the fields of a query or a reply; `None` for an immutable value.
    pub(super) fn read(a: &Value<'_>) -> Result<Option<Self>, (i64, &'static str)> {
        let bytes = |key| a.get(key).and_then(Value::as_bytes);
        let of = |key, length, text| match bytes(key) {
            Some(bytes) if bytes.len() > length => Err((code::PROTOCOL, text)),
            bytes => Ok(bytes.unwrap_or_default().to_vec()),
        };
        if bytes("k").or(bytes("sig")).is_none() {
            return Ok(None);
        }
        if bytes("salt").is_some_and(|salt| salt.len() > config::SALT_BYTES) {
            return Err((code::SALT_TOO_LARGE, "salt too large"));
        }
        Ok(Some(Self {
            k: of("k", PUBLIC_KEY_LENGTH, "invalid `a.k` field")?,
            sig: of("sig", SIGNATURE_LENGTH, "invalid `a.sig` field")?,
            seq: a.get("seq").and_then(Value::as_int).unwrap_or(0),
            salt: bytes("salt").unwrap_or_default().to_vec(),
        }))
    }
}
