//! What a node can be asked to do for its own machine, and what it tells.

use super::{Address, Failure, Found, Id, Item, load::Job};

/// Something to do in the network.
#[derive(Clone, Debug)]
pub enum Command {
    /// Find the addresses of a service.
    Lookup(Vec<u8>),
    /// Tell the nodes near its name that a service is on this machine.
    Announce {
        /// The raw name.
        key: Vec<u8>,
        /// Its port; 0 is the node's own.
        port: u16,
    },
    /// Tell the nodes that took an announce that it is over.
    Unannounce {
        /// The raw name.
        key: Vec<u8>,
        /// Its port.
        port: u16,
    },
    /// Store a value.
    Put {
        /// The value.
        item: Item,
        /// The sequence number that is to be replaced.
        cas: Option<i64>,
    },
    /// Read a value.
    Get {
        /// Where it is stored.
        target: Vec<u8>,
        /// Of a mutable value.
        salt: Vec<u8>,
    },
}

/// What became of a [`Command`].
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// Addresses in random order.
    Peers(Vec<Found>),
    /// How many nodes took it.
    Stored(usize),
    /// Where the value is stored.
    Put(Id),
    /// The value, if there is one.
    Value(Option<Box<Got>>),
}

/// A value that was read.
#[derive(Clone, Debug, PartialEq)]
pub struct Got {
    /// The node that had it.
    pub id: Id,
    /// The value.
    pub item: Item,
    /// That node's token; none for one of this node's own.
    pub token: Option<Vec<u8>>,
}

/// Something that the node tells.
#[derive(Clone, Debug)]
pub enum Event {
    /// The first walk through the network is done.
    Ready,
    /// A new node is known.
    Node,
    /// A lookup heard of an address.
    Peer(Address),
    /// An address was announced under this name.
    Announce(Vec<u8>),
    /// Something came that cannot be right.
    Warning,
    /// The command of this number is done.
    Done {
        /// The number.
        op: u64,
        /// What became of it.
        result: Result<Outcome, Failure>,
    },
}

/// Which events somebody listens for; of the rest fewer are told.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wanted {
    /// [`Event::Node`].
    pub node: bool,
    /// [`Event::Peer`].
    pub peer: bool,
    /// [`Event::Announce`].
    pub announce: bool,
}

/// What the answer to a query is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// To see whether a node lives.
    Ping,
    /// To see whether a node that asked is where it says.
    Verify,
    /// For the walk of this number.
    Walk(u64),
    /// For the store of this number.
    Store(u64),
}

/// What is waited for at the end of a walk.
#[derive(Clone, Debug)]
pub(super) enum Goal {
    /// To know more nodes.
    Join,
    /// A command.
    Command(Job),
}
