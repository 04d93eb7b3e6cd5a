//! Whether the other side of a connection is alive: pure, with times of any clock.

use crate::config;
use std::sync::atomic::{AtomicU64, Ordering};

/// State of the other side.
#[derive(Debug)]
pub(super) struct Liveness {
    last_received: AtomicU64,
    /// Time of the last ping; 0 is never.
    last_ping: AtomicU64,
    /// Requests passed to the service: counted by the reading thread.
    requests: AtomicU64,
    /// Replies of the service: counted by the JavaScript thread.
    replies: AtomicU64,
}

/// The next step of a heartbeat.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Beat {
    /// Nothing before then.
    Wait(u64),
    /// Send a ping, and check again then.
    Ping(u64),
    /// The ping stayed unanswered for a whole interval.
    Gone,
}

impl Liveness {
    /// State of a connection that begins `now`, in ms.
    pub fn new(now: u64) -> Self {
        Self {
            last_received: AtomicU64::new(now),
            last_ping: AtomicU64::new(0),
            requests: AtomicU64::new(0),
            replies: AtomicU64::new(0),
        }
    }

    /// A sign of life came.
    pub fn received(&self, now: u64) {
        self.last_received.store(now, Ordering::Relaxed);
    }

    /// Time of the last sign of life.
    pub fn received_at(&self) -> u64 {
        self.last_received.load(Ordering::Relaxed)
    }

    /// A request was passed to the service.
    pub fn requested(&self) {
        bump(&self.requests, 1);
    }

    /// The service has replied to a request.
    pub fn replied(&self) {
        bump(&self.replies, 1);
    }

    /// Unanswered requests; negative when some were answered twice.
    pub fn unanswered(&self) -> i64 {
        self.requests() as i64 - self.replies() as i64
    }

    /// Requests passed to the service.
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// Replies of the service.
    pub fn replies(&self) -> u64 {
        self.replies.load(Ordering::Relaxed)
    }

    /// Whether nothing was received for `every` ms, as far as the socket was read.
    pub fn is_silent(&self, now: u64, every: u64) -> bool {
        self.last_received.load(Ordering::Relaxed) + every <= now
    }

    /// Checks whether the other side was silent for `every` ms. While it waits for a reply, or we
    /// wait for one (`waits`), it is never given up: work on a request may take minutes.
    pub fn beat(&self, now: u64, every: u64, waits: bool) -> Beat {
        let last_received = self.last_received.load(Ordering::Relaxed);
        if last_received + every > now {
            return Beat::Wait(on_grid(last_received + every, every));
        }
        let last_ping = self.last_ping.load(Ordering::Relaxed);
        if last_received < last_ping && !waits && self.unanswered() <= 0 {
            return Beat::Gone;
        }
        self.last_ping.store(now, Ordering::Relaxed);
        Beat::Ping(on_grid(now + every, every))
    }
}

/// Adds to a counter with one writer at a time: an atomic addition would cost as much as the rest
/// of the work on a small message.
pub(super) fn bump(counter: &AtomicU64, by: u64) {
    counter.store(counter.load(Ordering::Relaxed) + by, Ordering::Relaxed);
}

/// The next of a few times per interval at which all connections are checked together.
pub(super) fn on_grid(time: u64, every: u64) -> u64 {
    time.next_multiple_of((every / config::HEARTBEAT_CHECKS).max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVERY: u64 = 800;

    #[test]
    fn the_silent_are_asked_once_and_then_given_up() {
        let other = Liveness::new(50);
        assert_eq!(other.beat(700, EVERY, false), Beat::Wait(900));
        assert_eq!(other.beat(900, EVERY, false), Beat::Ping(1700));
        assert_eq!(other.beat(1700, EVERY, false), Beat::Gone);
    }

    #[test]
    fn who_answers_is_asked_again_later() {
        let other = Liveness::new(0);
        assert_eq!(other.beat(800, EVERY, false), Beat::Ping(1600));
        other.received(801);
        assert_eq!(other.beat(1600, EVERY, false), Beat::Wait(1700));
        assert_eq!(other.beat(1700, EVERY, false), Beat::Ping(2500));
    }

    #[test]
    fn nobody_is_given_up_while_something_is_under_way() {
        let other = Liveness::new(0);
        other.requested();
        for round in 1..5 {
            assert_eq!(other.beat(round * EVERY, EVERY, false), Beat::Ping((round + 1) * EVERY));
        }
        other.replied();
        assert_eq!(other.beat(5 * EVERY, EVERY, true), Beat::Ping(6 * EVERY));
        assert_eq!(other.beat(6 * EVERY, EVERY, false), Beat::Gone);
    }
}
