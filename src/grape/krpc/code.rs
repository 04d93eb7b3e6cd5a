//! Codes of errors (BEP 5, BEP 44).

/// The node cannot handle it now.
pub const SERVER: i64 = 202;
/// Malformed query, missing field, bad token.
pub const PROTOCOL: i64 = 203;
/// The value is too large.
pub const TOO_LARGE: i64 = 205;
/// The signature does not match the value.
pub const BAD_SIGNATURE: i64 = 206;
/// The salt is too large.
pub const SALT_TOO_LARGE: i64 = 207;
/// The value to be replaced is another one (compare-and-swap).
pub const CAS_MISMATCH: i64 = 301;
/// The sequence number is not newer.
pub const SEQ_NOT_NEWER: i64 = 302;
