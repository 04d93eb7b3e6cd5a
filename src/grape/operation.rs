//! Commands of a node's own machine, and the node's events.

use super::{Address, Failure, Found, Id, Item, load::Job};

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
    /// Keep an address that a service has, and tell it to who asks.
    AnnounceAt {
        /// The raw name.
        key: Vec<u8>,
        /// Where it is.
        address: Address,
    },
    /// Forget it.
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

/// An event of the node.
#[derive(Clone, Debug)]
pub enum Event {
    /// The first walk through the network is done.
    Ready,
    /// Bootstrap nodes that did not answer the first walk with any, and whether other nodes did.
    Silent {
        /// Their addresses.
        addresses: Vec<Address>,
        /// No other node answered either.
        is_alone: bool,
    },
    /// A new node is known.
    Node,
    /// A lookup found an address.
    Peer(Address),
    /// An address was announced under this name.
    Announce(Vec<u8>),
    /// An invalid datagram was received.
    Warning,
    /// The command with this number is done.
    Done {
        /// The number.
        op: u64,
        /// Its result.
        result: Result<Outcome, Failure>,
    },
}

/// Events that have listeners; fewer of the others are emitted.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wanted {
    /// [`Event::Node`].
    pub node: bool,
    /// [`Event::Peer`].
    pub peer: bool,
    /// [`Event::Announce`].
    pub announce: bool,
}

/// Purpose of a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// To check that a node is alive.
    Ping,
    /// To verify the address of a node that sent a query.
    Verify,
    /// For the walk with this number.
    Walk(u64),
    /// For the store with this number.
    Store(u64),
}

/// Purpose of a walk.
#[derive(Clone, Debug)]
pub(super) enum Goal {
    /// To know more nodes.
    Join,
    /// A command.
    Command(Job),
}
