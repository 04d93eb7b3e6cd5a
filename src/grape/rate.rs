//! How much one sender may ask.

use super::Generations;
use crate::config::grape as config;

/// A budget for each address: a second's worth at once, and then as many a second.
#[derive(Debug)]
pub struct Rate {
    per_second: u32,
    budgets: Generations<[u8; 4], Budget>,
}

#[derive(Debug)]
struct Budget {
    /// In thousandths, so that a millisecond's refill is whole.
    left: u64,
    at: u64,
}

impl Rate {
    /// Lets each address ask `per_second` times a second.
    pub fn new(per_second: u32, now: u64) -> Self {
        Self { per_second, budgets: Generations::new(config::SOURCES, None, now) }
    }

    /// Whether `ip` may ask once more.
    pub fn allows(&mut self, ip: [u8; 4], now: u64) -> bool {
        let full = u64::from(self.per_second) * 1_000;
        if self.budgets.get(&ip).is_none() {
            self.budgets.insert(ip, Budget { left: full, at: now });
        }
        let Some(budget) = self.budgets.get_mut(&ip) else { return true };
        let refill = now.saturating_sub(budget.at).saturating_mul(self.per_second.into());
        budget.left = budget.left.saturating_add(refill).min(full);
        budget.at = now;
        let allowed = budget.left >= 1_000;
        if allowed {
            budget.left -= 1_000;
        }
        allowed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_cut_to_the_rate_and_others_are_not() {
        let mut rate = Rate::new(100, 0);
        let asked = |rate: &mut Rate, ip, now| (0..1_000).filter(|_| rate.allows(ip, now)).count();
        assert_eq!(asked(&mut rate, [1; 4], 0), 100);
        assert_eq!(asked(&mut rate, [1; 4], 10), 1);
        assert_eq!(asked(&mut rate, [2; 4], 10), 100);
        assert_eq!(asked(&mut rate, [1; 4], 60_000), 100);
    }

    #[test]
    fn many_senders_cost_bounded_memory() {
        let mut rate = Rate::new(1, 0);
        for ip in 0..100_000_u32 {
            rate.allows(ip.to_be_bytes(), 0);
        }
        assert!(rate.budgets.len() <= 2 * config::SOURCES + 1);
    }
}
