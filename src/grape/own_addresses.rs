//! Which addresses are this machine's own.

use super::{Generations, address::is_loopback, hash::Keyed};
use crate::config::grape as config;

/// Asks the system, and caches its results.
#[derive(Debug)]
pub(super) struct OwnAddresses {
    is_own: fn([u8; 4]) -> bool,
    known: Generations<[u8; 4], bool, Keyed>,
}

impl OwnAddresses {
    /// `is_own` asks the system.
    pub fn new(is_own: fn([u8; 4]) -> bool, now: u64) -> Self {
        let known = Generations::new(config::OWN_IPS, usize::MAX, Some(config::OWN_IP_MS), now);
        Self { is_own, known }
    }

    /// Deletes old results.
    pub fn age(&mut self, now: u64) {
        self.known.age(now);
    }

    /// Whether other machines can reach this one at `ip`. A loopback address is no such address:
    /// any program of any machine can have it.
    pub fn contains(&mut self, ip: [u8; 4]) -> bool {
        if is_loopback(ip) {
            return false;
        }
        if let Some(known) = self.known.get(&ip) {
            return *known;
        }
        let is_own = (self.is_own)(ip);
        self.known.insert(ip, is_own, 0);
        is_own
    }
}
