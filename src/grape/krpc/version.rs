//! The field for the client's version (BEP 5).

/// Marks our messages, in BEP 5's field for the client's version. Others ignore it; it tells us
/// which nodes understand `unannounce_peer`.
pub(super) const VERSION: &[u8] = b"GN01";
