//! The node's events. Each kind has a rate: an event costs JavaScript more than the datagram that
//! caused it cost its sender.

use super::{Address, Failure, Outcome, sources::Bucket};
use crate::config::grape as config;
use std::mem;

/// An event of the node.
#[derive(Clone, Debug)]
pub enum Event {
    /// The first walk through the network is done.
    Ready,
    /// Bootstrap nodes that did not answer the first walk.
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

/// The events that are to be emitted.
#[derive(Debug)]
pub(super) struct Events {
    waiting: Vec<Event>,
    wanted: Wanted,
    warnings: Bucket,
    nodes: Bucket,
    peers: Bucket,
    announces: Bucket,
}

impl Events {
    /// No events so far, and no listeners.
    pub fn new(now: u64) -> Self {
        Self {
            waiting: Vec::new(),
            wanted: Wanted::default(),
            warnings: Bucket::per_second(config::WARNINGS, now),
            nodes: Bucket::per_second(config::EVENTS, now),
            peers: Bucket::per_second(config::EVENTS, now),
            announces: Bucket::per_second(config::EVENTS, now),
        }
    }

    /// Sets which events have listeners.
    pub fn want(&mut self, wanted: Wanted) {
        self.wanted = wanted;
    }

    /// Adds an event without a limit: commands end, and the node becomes ready once.
    pub fn push(&mut self, event: Event) {
        self.waiting.push(event);
    }

    /// A command has ended. An announce that the node repeats by itself has no number.
    pub fn done(&mut self, op: Option<u64>, result: Result<Outcome, Failure>) {
        if let Some(op) = op {
            self.push(Event::Done { op, result });
        }
    }

    /// An invalid datagram was received.
    pub fn warn(&mut self, now: u64) {
        if self.warnings.take_one(config::WARNINGS, now) {
            self.push(Event::Warning);
        }
    }

    /// A new node is known.
    pub fn node(&mut self, now: u64) {
        if self.nodes.take_one(per_second(self.wanted.node), now) {
            self.push(Event::Node);
        }
    }

    /// A lookup found `address`.
    pub fn peer(&mut self, address: Address, now: u64) {
        if self.peers.take_one(per_second(self.wanted.peer), now) {
            self.push(Event::Peer(address));
        }
    }

    /// An address was announced under the name `key`.
    pub fn announce(&mut self, key: &[u8], now: u64) {
        if self.announces.take_one(per_second(self.wanted.announce), now) {
            self.push(Event::Announce(key.to_vec()));
        }
    }

    /// Takes the events.
    pub fn take(&mut self) -> Vec<Event> {
        mem::take(&mut self.waiting)
    }
}

/// Events of one kind that are emitted per second.
fn per_second(has_listener: bool) -> u32 {
    if has_listener { config::EVENTS } else { config::UNHEARD_EVENTS }
}
