//! An exchange with a grape, as those see it who carry it and those who tell of it.

/// What a grape, or a proxy before it, answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The text.
    pub body: String,
    /// Where else to ask (RFC 9110 section 10.2.2).
    pub location: Option<String>,
}
