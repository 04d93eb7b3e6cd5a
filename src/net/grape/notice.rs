//! The events of a node as JavaScript receives them.

/// An event of a node.
#[derive(Clone, Debug)]
pub enum Notice {
    /// The first walk through the network is done.
    Ready,
    /// A new node is known.
    Node,
    /// A lookup found this address.
    Peer(String),
    /// An address was announced under this name.
    Announce(String),
    /// An invalid datagram was received, or the state file is damaged.
    Warning(String),
}
