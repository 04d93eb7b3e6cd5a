//! Counts by host.

use crate::grape::{Address, hash::HashMap};

/// How many of something each host has.
#[derive(Debug, Default)]
pub(super) struct Counts(HashMap<Address, usize>);

impl Counts {
    /// Counts one more of a host, if there is one.
    pub fn add(&mut self, host: Option<Address>) {
        if let Some(host) = host {
            *self.0.entry(host).or_default() += 1;
        }
    }

    /// Counts one less.
    pub fn remove(&mut self, host: Option<Address>) {
        if let Some(count) = host.and_then(|host| self.0.get_mut(&host)) {
            *count = count.saturating_sub(1);
        }
    }

    /// Whether a host has less than `most`.
    pub fn has_room(&self, host: Address, most: usize) -> bool {
        self.0.get(&host).is_none_or(|count| *count < most)
    }
}
