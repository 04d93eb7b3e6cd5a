//! Whether to poll for the next message for a moment before sleeping: pure.

use crate::config;
use std::{cell::Cell, time::Duration};

/// Learns from the results. Polling pays as long as messages arrive before it is given up, as
/// between two processes that reply to each other at once. Neither side can learn that alone: while
/// the other one sleeps, its reply is late. So now and then all processes try it at the same time,
/// by their shared clock.
#[derive(Debug, Default)]
pub(super) struct Spin {
    /// While positive, the loop polls before each sleep.
    credit: Cell<u32>,
}

impl Spin {
    /// Before a sleep at `now`, in milliseconds of the system's clock: how long to poll instead,
    /// where polling `pays` for that long.
    pub fn wants(&self, now: u64, pays: Duration) -> Option<Duration> {
        if now % config::SPIN_TRIAL_EVERY < config::SPIN_TRIAL {
            Some(config::SPIN_TRIAL_PATIENCE.max(pays))
        } else {
            (self.credit.get() > 0).then_some(pays)
        }
    }

    /// A message came in time.
    pub fn hit(&self) {
        self.credit.set((self.credit.get() + 1).min(config::SPIN_CREDIT));
    }

    /// No message came.
    pub fn miss(&self) {
        self.credit.set(self.credit.get().saturating_sub(config::SPIN_MISS));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIME: Duration = Duration::from_micros(50);
    /// A time of a trial, and one between two.
    const TRIAL: u64 = 10 * config::SPIN_TRIAL_EVERY;
    const BETWEEN: u64 = TRIAL + config::SPIN_TRIAL;

    /// A state whose trial succeeded.
    fn after_success() -> Spin {
        let spin = Spin::default();
        for _ in 0..config::SPIN_CREDIT {
            assert_eq!(spin.wants(TRIAL, TIME), Some(config::SPIN_TRIAL_PATIENCE));
            spin.hit();
        }
        spin
    }

    /// How often it polls in `sleeps` sleeps between two trials, when every `nth` poll is useless.
    fn looks(spin: &Spin, sleeps: u32, nth: u32) -> u32 {
        let mut looks = 0;
        for _ in 0..sleeps {
            if spin.wants(BETWEEN, TIME).is_some() {
                looks += 1;
                if looks % nth == 0 { spin.miss() } else { spin.hit() }
            }
        }
        looks
    }

    #[test]
    fn all_try_it_at_the_same_time() {
        let tried = |spin: Spin| -> Vec<u64> {
            let tries = |now: &u64| spin.wants(*now, TIME) == Some(config::SPIN_TRIAL_PATIENCE);
            (TRIAL..TRIAL + 2 * config::SPIN_TRIAL_EVERY).filter(tries).collect()
        };
        let all = tried(Spin::default());
        assert_eq!(all.len() as u64, 2 * config::SPIN_TRIAL);
        assert_eq!(all, tried(after_success()));
    }

    #[test]
    fn a_trial_takes_no_less_than_what_pays() {
        let long = 2 * config::SPIN_TRIAL_PATIENCE;
        assert_eq!(Spin::default().wants(TRIAL, long), Some(long));
    }

    #[test]
    fn it_is_not_done_while_it_does_not_pay() {
        assert_eq!(Spin::default().wants(BETWEEN, TIME), None);
        assert_eq!(looks(&after_success(), 1000, 1), config::SPIN_CREDIT / config::SPIN_MISS);
        assert!(
            looks(&after_success(), 1000, 2) < 3 * config::SPIN_CREDIT,
            "every other one is not enough"
        );
    }

    #[test]
    fn it_is_done_always_while_it_pays() {
        let spin = after_success();
        assert_eq!(spin.wants(BETWEEN, TIME), Some(TIME));
        assert_eq!(looks(&spin, 1000, u32::MAX), 1000);
        assert_eq!(looks(&spin, 1000, 4), 1000);
    }
}
