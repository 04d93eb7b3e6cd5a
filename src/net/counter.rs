//! A count of live values.

use std::sync::Arc;

/// Counts its clones: each of a server's connections holds one.
#[derive(Clone, Debug, Default)]
pub(super) struct Counter(Arc<()>);

impl Counter {
    /// The number of clones.
    pub fn count(&self) -> usize {
        Arc::strong_count(&self.0) - 1
    }
}
