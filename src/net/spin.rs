//! Whether to look for the next message for a moment before sleeping: pure.

use crate::config;
use std::cell::Cell;

/// Learns from how it went. Looking on pays as long as messages keep coming before it is given up,
/// as between two processes that answer each other at once; otherwise it is tried ever more seldom.
#[derive(Debug)]
pub(super) struct Spin {
    /// Once in so many sleeps.
    gap: Cell<u32>,
    /// Sleeps until then.
    left: Cell<u32>,
}

impl Default for Spin {
    fn default() -> Self {
        Self { gap: Cell::new(config::SPIN_GAP), left: Cell::new(config::SPIN_GAP) }
    }
}

impl Spin {
    /// Before a sleep: whether to look on instead, this time.
    pub fn wants(&self) -> bool {
        let left = self.left.get() - 1;
        self.left.set(if left == 0 { self.gap.get() } else { left });
        left == 0
    }

    /// A message came in time.
    pub fn hit(&self) {
        self.set((self.gap.get() / 2).max(1));
    }

    /// It was for nothing. Costs twice of what a hit gains, so that it pays from two in three on.
    pub fn miss(&self) {
        self.set((self.gap.get() * 4).min(config::SPIN_GAP));
    }

    fn set(&self, gap: u32) {
        self.gap.set(gap);
        self.left.set(gap);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of `sleeps`, how many it looked on before, when every `nth` look is for nothing.
    fn looks(spin: &Spin, sleeps: u32, nth: u32) -> u32 {
        let mut looks = 0;
        for _ in 0..sleeps {
            if spin.wants() {
                looks += 1;
                if looks % nth == 0 { spin.miss() } else { spin.hit() }
            }
        }
        looks
    }

    #[test]
    fn it_is_tried_seldom_while_it_does_not_pay() {
        let spin = Spin::default();
        assert_eq!(looks(&spin, 100 * config::SPIN_GAP, 1), 100);
        assert!(looks(&spin, 100 * config::SPIN_GAP, 2) < 1000, "every other one is not enough");
    }

    #[test]
    fn it_is_done_always_while_it_pays() {
        let spin = Spin::default();
        looks(&spin, 2 * config::SPIN_GAP, u32::MAX);
        assert_eq!(looks(&spin, 1000, u32::MAX), 1000);
        assert!(looks(&spin, 1000, 100) > 900, "a few for nothing do no harm");
        spin.miss();
        spin.miss();
        assert!(!spin.wants());
    }
}
