//! Errors of the API, with the original's texts where it has one.

use std::{borrow::Cow, fmt};

/// An error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// Unknown type of request.
    UnknownType,
    /// No page at this path.
    NotFound,
    /// Changes need a POST.
    BadMethod,
    /// A request from a page of another site.
    ForeignOrigin,
    /// A host name that is not the API's own.
    ForeignHost,
    /// The body is not JSON.
    BadBody,
    /// The body is too large.
    LargeBody,
    /// A lookup whose key is not text.
    BadLookup,
    /// An announce that is not an array.
    BadAnnounce,
    /// An invalid port.
    BadPort,
    /// An announce for another host that names none.
    BadHost,
    /// An announce for another host than the caller's.
    ForeignService,
    /// A get without a hash.
    BadGet,
    /// Invalid options of a put; the text says which.
    BadPut(Cow<'static, str>),
    /// An invalid request; the text says why.
    Malformed(&'static str),
    /// No node accepted it.
    AllFailed,
    /// All nodes rejected it.
    Refused {
        /// 301 or 302.
        code: i64,
        /// Code and text.
        text: String,
    },
    /// Too many pending operations.
    Busy,
    /// The node has stopped.
    Stopped,
}

impl Failure {
    /// The HTTP status. Most errors have status 200, as in the original.
    pub fn status(&self) -> u16 {
        match self {
            Self::BadBody | Self::Malformed(_) => 500,
            Self::LargeBody => 413,
            Self::Busy | Self::Stopped => 503,
            Self::NotFound => 404,
            Self::BadMethod => 405,
            Self::ForeignOrigin | Self::ForeignHost | Self::ForeignService => 403,
            // Other codes are chosen by strangers.
            Self::Refused { code: 301, .. } => 301,
            Self::Refused { code: 302, .. } => 302,
            _ => 200,
        }
    }

    /// Whether the body is the plain text, and not JSON.
    pub fn is_plain(&self) -> bool {
        matches!(self, Self::BadBody | Self::LargeBody | Self::Malformed(_))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::UnknownType | Self::NotFound => "ERR_REQ_NOTFOUND",
            Self::BadMethod => "ERR_GRAPE_METHOD",
            Self::ForeignOrigin => "ERR_GRAPE_ORIGIN",
            Self::ForeignHost => "ERR_GRAPE_HOST",
            Self::BadBody => "ERR_GRAPE_PAYLOAD_INVALID",
            Self::LargeBody => "ERR_GRAPE_PAYLOAD_SIZE",
            Self::BadLookup => "ERR_GRAPE_LOOKUP",
            Self::BadAnnounce => "ERR_GRAPE_ANNOUNCE",
            Self::BadPort => "ERR_GRAPE_SERVICE_PORT",
            Self::BadHost => "ERR_GRAPE_SERVICE_HOST",
            Self::ForeignService => "ERR_GRAPE_SERVICE_FOREIGN",
            Self::BadGet => "ERR_GRAPE_GENERIC",
            Self::BadPut(text) => text,
            Self::Malformed(text) => text,
            Self::AllFailed => "All queries failed",
            Self::Refused { text, .. } => text,
            Self::Busy => "ERR_GRAPE_BUSY",
            Self::Stopped => "ERR_GRAPE_STOPPED",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn public_texts_and_statuses() {
        let refused = Failure::Refused { code: 302, text: "302 sequence number".into() };
        for (failure, status, text) in [
            (Failure::UnknownType, 200, "ERR_REQ_NOTFOUND"),
            (Failure::NotFound, 404, "ERR_REQ_NOTFOUND"),
            (Failure::BadMethod, 405, "ERR_GRAPE_METHOD"),
            (Failure::ForeignOrigin, 403, "ERR_GRAPE_ORIGIN"),
            (Failure::ForeignHost, 403, "ERR_GRAPE_HOST"),
            (Failure::BadBody, 500, "ERR_GRAPE_PAYLOAD_INVALID"),
            (Failure::LargeBody, 413, "ERR_GRAPE_PAYLOAD_SIZE"),
            (Failure::BadLookup, 200, "ERR_GRAPE_LOOKUP"),
            (Failure::BadAnnounce, 200, "ERR_GRAPE_ANNOUNCE"),
            (Failure::BadPort, 200, "ERR_GRAPE_SERVICE_PORT"),
            (Failure::BadHost, 200, "ERR_GRAPE_SERVICE_HOST"),
            (Failure::ForeignService, 403, "ERR_GRAPE_SERVICE_FOREIGN"),
            (Failure::BadGet, 200, "ERR_GRAPE_GENERIC"),
            (Failure::BadPut("opts.v not given".into()), 200, "opts.v not given"),
            (Failure::Malformed("x"), 500, "x"),
            (Failure::AllFailed, 200, "All queries failed"),
            (refused, 302, "302 sequence number"),
            (Failure::Busy, 503, "ERR_GRAPE_BUSY"),
            (Failure::Stopped, 503, "ERR_GRAPE_STOPPED"),
        ] {
            assert_eq!((failure.status(), failure.to_string()), (status, text.into()));
        }
    }

    #[test]
    fn the_code_of_another_node_is_no_status() {
        for code in
            [i64::MIN, -1, 0, 100, 101, 103, 200, 203, 204, 205, 304, 418, 500, 999, 1 << 40]
        {
            let refused = Failure::Refused { code, text: "text".into() };
            assert_eq!(refused.status(), 200, "{code}");
        }
    }
}
