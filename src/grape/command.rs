//! Commands of the users of a node, and their results.

use super::{Address, Found, Id, Item, Source};
use crate::config::grape as config;

/// An operation in the network.
#[derive(Clone, Debug)]
pub enum Command {
    /// Find the addresses of a service.
    Lookup(Vec<u8>),
    /// Announce to the nodes near its name that a service is on this machine.
    Announce {
        /// The raw name.
        key: Vec<u8>,
        /// Its port; 0 is the node's own.
        port: u16,
    },
    /// Take an announce back from the nodes that accepted it.
    Unannounce {
        /// The raw name.
        key: Vec<u8>,
        /// Its port.
        port: u16,
    },
    /// Store the address of a service on another machine at this node, which reports it to others.
    AnnounceAt {
        /// The raw name.
        key: Vec<u8>,
        /// Where it is.
        address: Address,
    },
    /// Delete such an address.
    UnannounceAt {
        /// The raw name.
        key: Vec<u8>,
        /// Where it was.
        address: Address,
    },
    /// Store a value.
    Put {
        /// The value.
        item: Item,
        /// The sequence number to be replaced.
        cas: Option<i64>,
    },
    /// Read a value.
    Get {
        /// Where it is stored.
        target: Vec<u8>,
        /// Salt of a mutable value.
        salt: Vec<u8>,
    },
}

/// Result of a [`Command`].
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// Addresses in random order.
    Peers(Vec<Found>),
    /// How many nodes accepted it.
    Stored(usize),
    /// Where the value is stored.
    Put(Id),
    /// The value, if there is one.
    Value(Option<Box<Got>>),
}

/// A value that was found.
#[derive(Clone, Debug, PartialEq)]
pub struct Got {
    /// The node that had it.
    pub id: Id,
    /// The value.
    pub item: Item,
    /// That node's token; `None` for one stored at this node.
    pub token: Option<Vec<u8>>,
}

/// A pending command.
#[derive(Clone, Debug)]
pub(super) struct Job {
    /// The caller's number; `None` for an announce that this node repeats by itself.
    pub op: Option<u64>,
    /// The caller.
    pub client: Source,
    /// What to do.
    pub command: Command,
}

impl Command {
    /// The key of its walk, under which the nodes that the walk found are remembered.
    pub(super) fn key(&self) -> Vec<u8> {
        match self {
            Self::Lookup(key)
            | Self::Announce { key, .. }
            | Self::Unannounce { key, .. }
            | Self::AnnounceAt { key, .. }
            | Self::UnannounceAt { key, .. } => key.clone(),
            Self::Put { item, .. } => item.target().0.to_vec(),
            Self::Get { target, .. } => target.clone(),
        }
    }

    /// Bytes that it holds while it is pending.
    pub(super) fn cost(&self) -> usize {
        let bytes = match self {
            Self::Lookup(key)
            | Self::Announce { key, .. }
            | Self::Unannounce { key, .. }
            | Self::AnnounceAt { key, .. }
            | Self::UnannounceAt { key, .. } => key.len(),
            Self::Put { item, .. } => item.v.len(),
            Self::Get { target, salt } => target.len() + salt.len(),
        };
        // The walk, its candidates, and the map of walks have a copy each.
        config::COMMAND_COST + 4 * bytes
    }
}
