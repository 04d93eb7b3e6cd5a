//! One direction of a cable: its effect on each frame.

use rand::{Rng, RngExt};
use serde::Deserialize;
use std::time::{Duration, Instant};

/// Quality of a cable; everything is off by default.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Quality {
    /// Delay in milliseconds.
    delay: f64,
    /// Variation of the delay in milliseconds. Frames stay in order.
    jitter: f64,
    /// Fraction of frames that are lost, from 0 to 1.
    loss: f64,
    /// Kilobits per second; 0 is unlimited.
    rate: f64,
    /// Milliseconds that a frame may wait for its turn at `rate`; frames that would wait longer are
    /// lost.
    queue: f64,
}

/// One direction of a cable.
#[derive(Debug)]
pub struct Link {
    quality: Quality,
    /// When the previous frame is transmitted.
    free: Instant,
    /// When the previous frame arrives.
    last: Instant,
}

impl Link {
    pub fn new(quality: Quality, now: Instant) -> Self {
        Self { quality, free: now, last: now }
    }

    /// When a frame of `bytes` sent at `at` arrives; `None`: it is lost.
    pub fn arrival(&mut self, bytes: usize, at: Instant, rng: &mut impl Rng) -> Option<Instant> {
        let Quality { delay, jitter, loss, rate, queue } = self.quality;
        if loss > 0.0 && rng.random::<f64>() < loss {
            return None;
        }
        let mut at = at;
        if rate > 0.0 {
            let begin = self.free.max(at);
            if begin - at > millis(queue) {
                return None;
            }
            self.free = begin + millis(bytes as f64 * 8.0 / rate);
            at = self.free;
        }
        let swing = jitter * (2.0 * rng.random::<f64>() - 1.0);
        self.last = self.last.max(at + millis(delay + swing));
        Some(self.last)
    }
}

fn millis(ms: f64) -> Duration {
    Duration::from_secs_f64(ms.max(0.0) / 1_000.0)
}
