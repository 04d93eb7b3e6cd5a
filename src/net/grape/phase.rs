//! What a connection of the API is doing.

use crate::config::grape as config;

/// The phase of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Phase {
    /// No request so far.
    New,
    /// All requests are answered.
    Idle,
    /// A request is being received.
    Receiving,
    /// The node works on its request.
    Working,
    /// A response is being composed.
    Answering,
    /// A response is composed, and not completely written.
    Flushing,
    /// It waits for the end of the node.
    Watching,
}

impl Phase {
    /// The phase with this number.
    pub fn of(byte: u8) -> Self {
        match byte {
            0 => Self::New,
            1 => Self::Idle,
            2 => Self::Receiving,
            3 => Self::Working,
            4 => Self::Answering,
            5 => Self::Flushing,
            _ => Self::Watching,
        }
    }

    /// Time limit of the phase, in ms.
    pub fn limit(self) -> u64 {
        match self {
            Self::New | Self::Receiving => config::API_READ_MS,
            Self::Idle => config::API_IDLE_MS,
            Self::Answering | Self::Flushing => config::API_WRITE_MS,
            // The node ends its own work.
            Self::Working | Self::Watching => u64::MAX,
        }
    }

    /// Order in which connections are closed when a place is needed. `None`: it has a pending
    /// request, or watches.
    pub fn rank(self, lasts: u64) -> Option<u8> {
        match self {
            Self::Idle => Some(1),
            Self::Working | Self::Watching => None,
            Self::New => (lasts > config::API_PATIENCE_MS).then_some(0),
            Self::Receiving | Self::Answering | Self::Flushing => {
                (lasts > config::API_PATIENCE_MS).then_some(2)
            }
        }
    }
}
