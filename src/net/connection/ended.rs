//! How a connection ended, and the close codes for it.

use crate::error::Error;

/// Close code of a close frame without one (RFC 6455 section 7.1.5).
pub(super) const NO_CODE: u16 = 1005;

/// Close code of a connection that just broke (RFC 6455 section 7.1.5).
pub(super) const ABNORMAL: u16 = 1006;

/// Close code of a server with too many connections (IANA's registry of close codes).
pub(in crate::net) const TRY_AGAIN_LATER: u16 = 1013;

/// How a connection ended.
#[derive(Debug)]
pub(in crate::net) struct Ended {
    pub code: u16,
    pub reason: String,
    pub error: Option<Error>,
}

impl Ended {
    pub fn abnormal(error: Option<Error>) -> Self {
        Self { code: ABNORMAL, reason: String::new(), error }
    }

    /// Whether the other side violated the protocol, and was sent the close code.
    pub fn sent_code(&self) -> bool {
        matches!(self.error, Some(Error::Protocol(_) | Error::MessageTooBig))
    }
}
