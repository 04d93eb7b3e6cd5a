//! Tells nodes that come later what is announced through this one: a service may be there before all
//! grapes of its network, and announces again only after minutes.

use super::{Address, Command, Core, Source, load::Job};
use crate::config::grape as config;
use std::mem;

/// The number of a command that nobody waits for.
pub(super) const NOBODY: u64 = u64::MAX;

impl Core {
    /// A node became known. In a small network it stores every name, and knows none of them. In a
    /// larger one others store them too, and nodes come all the time.
    pub(super) fn came(&mut self) {
        self.has_newcomers |= self.table.len() <= config::K;
    }

    /// Announces again what is announced here, a few at a time, once nodes have come.
    pub(super) fn republish(&mut self) {
        if self.republished.is_empty() && mem::take(&mut self.has_newcomers) {
            let host = self.options.host;
            let own = if host.is_none() { &self.local } else { &self.peers };
            let is_own = |address: Address| host.is_none_or(|host| host == address.ip);
            self.republished = own.of_api(is_own, config::REPUBLISHED);
        }
        let left = self.republished.len().saturating_sub(config::REPUBLISHED_AT_ONCE);
        for (key, address) in self.republished.split_off(left) {
            let own = if self.options.host.is_none() { &self.local } else { &self.peers };
            // It may have been taken back since.
            if !own.has(&key, address) {
                continue;
            }
            // Its nodes of before are not all any more.
            self.nearest.remove(&key);
            let command = Command::Announce { key, port: address.port };
            self.begin(Job { op: NOBODY, who: Source::Own, command });
        }
        self.relieve(Source::Own);
    }
}
