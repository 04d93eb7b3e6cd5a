//! Announces the services of this machine again when new nodes come: a service may start before all
//! grapes of its network, and announces again only after minutes.

use super::{Address, Command, directory::Directory};
use crate::config::grape as config;
use std::mem;

/// The announces to be repeated.
#[derive(Debug, Default)]
pub(super) struct Republish {
    /// Nodes have come that do not know what is announced here.
    has_newcomers: bool,
    pending: Vec<(Vec<u8>, Address)>,
}

impl Republish {
    /// A node became known; now there are `known_nodes`. In a small network a node stores every
    /// name, and a new one knows none of them. In a larger one other nodes store them too, and nodes
    /// come all the time.
    pub fn node_added(&mut self, known_nodes: usize) {
        self.has_newcomers |= known_nodes <= config::K;
    }

    /// The next announces to be repeated, a few at a time.
    pub fn next(&mut self, directory: &mut Directory) -> Vec<Command> {
        if self.pending.is_empty() && mem::take(&mut self.has_newcomers) {
            self.pending = directory.of_this_machine(config::REPUBLISHED);
        }
        let left = self.pending.len().saturating_sub(config::REPUBLISHED_AT_ONCE);
        let mut next = self.pending.split_off(left);
        // The service may have been unannounced since.
        next.retain(|(key, address)| directory.has_here(key, *address));
        let announce = |(key, address): (Vec<u8>, Address)| {
            // Another walk finds the new nodes.
            directory.forget_nearest(&key);
            Command::Announce { key, port: address.port }
        };
        next.into_iter().map(announce).collect()
    }
}
