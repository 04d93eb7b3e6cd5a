//! An exchange with a grape, as data for the transport and its callers.

/// The response of a grape, or of a proxy before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The body.
    pub body: String,
    /// Redirect target (RFC 9110 section 10.2.2).
    pub location: Option<String>,
}
