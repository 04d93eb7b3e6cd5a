//! Counters of connections and latencies of requests, as pure data: counted where they occur,
//! combined on demand.

use crate::config::{LATENCY_BITS as BITS, MAX_LATENCY_US as MOST};

/// Latencies in microseconds, in buckets that grow with the latency: below 64 us one each, above
/// that 32 per doubling. So a quantile is at most 3.2 % above the recorded value, and never below
/// it. Recording is an addition; memory is allocated only up to the slowest request.
#[derive(Clone, Debug, Default)]
pub struct Histogram {
    counts: Vec<u64>,
    sum: u64,
    max: u64,
}

impl Histogram {
    /// Adds a latency.
    pub fn record(&mut self, micros: u64) {
        let at = bucket(micros);
        if at >= self.counts.len() {
            self.grow(at);
        }
        self.counts[at] += 1;
        self.sum = self.sum.saturating_add(micros);
        self.max = self.max.max(micros);
    }

    #[cold]
    fn grow(&mut self, at: usize) {
        self.counts.reserve_exact(at + 1 - self.counts.len());
        self.counts.resize(at + 1, 0);
    }

    /// Adds all of another histogram.
    pub fn add(&mut self, other: &Self) {
        if other.counts.len() > self.counts.len() {
            self.counts.resize(other.counts.len(), 0);
        }
        for (count, more) in self.counts.iter_mut().zip(&other.counts) {
            *count += more;
        }
        self.sum = self.sum.saturating_add(other.sum);
        self.max = self.max.max(other.max);
    }

    /// Number of latencies.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Their mean; 0 if there are none.
    pub fn mean(&self) -> f64 {
        match self.count() {
            0 => 0.0,
            count => self.sum as f64 / count as f64,
        }
    }

    /// The longest, to the microsecond.
    pub fn max(&self) -> u64 {
        self.max
    }

    /// The latency that the share `q` of all does not exceed; 0 if there are none.
    pub fn quantile(&self, q: f64) -> u64 {
        let rank = ((self.count() as f64 * q).ceil() as u64).max(1);
        let mut seen = 0;
        for (at, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= rank {
                return highest(at).min(self.max);
            }
        }
        self.max
    }
}

/// The bucket of a latency.
fn bucket(micros: u64) -> usize {
    let micros = micros.min(MOST);
    // Only as many of its highest bits as select a bucket; all of a small one.
    let shift = 63 - BITS - (micros | 1 << BITS).leading_zeros();
    ((shift << BITS) as u64 + (micros >> shift)) as usize
}

/// The longest latency of a bucket.
fn highest(at: usize) -> u64 {
    let shift = (at >> BITS).saturating_sub(1);
    (((at - (shift << BITS) + 1) as u64) << shift) - 1
}

/// Counters of one connection, or of all of a transport or a peer together.
#[derive(Clone, Debug, Default)]
pub struct Totals {
    /// Requests that this side sent.
    pub asked: Asked,
    /// Requests of the other sides.
    pub served: Served,
    /// Messages received, of any kind.
    pub messages: u64,
    /// Copies of published messages that were passed to subscribers' connections.
    pub delivered: u64,
    /// Published messages that a subscriber did not get, since it was too far behind.
    pub lost: u64,
    /// Bytes of received frames.
    pub bytes_in: u64,
    /// Bytes of written frames, and of handshake responses.
    pub bytes_out: u64,
    /// Bytes of buffered output.
    pub bytes_waiting: u64,
    /// On a client from sending a request to its reply; on a server from passing it to JavaScript
    /// to composing the reply.
    pub latency: Histogram,
}

/// Results of requests that were sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// All of them.
    pub started: u64,
    /// Replied to with an error.
    pub failed: u64,
    /// Timed out.
    pub timed_out: u64,
    /// Unanswered when their connection closed.
    pub broken: u64,
    /// Given up by the caller.
    pub aborted: u64,
    /// Pending.
    pub pending: u64,
}

/// Results of requests that were received.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Served {
    /// All of them.
    pub received: u64,
    /// Replied to.
    pub replied: u64,
    /// Pending.
    pub pending: u64,
    /// Unanswered when their connection closed.
    pub abandoned: u64,
}

impl Totals {
    /// Adds the counters of another one.
    pub fn add(&mut self, other: &Self) {
        let Self { asked, served, latency, .. } = other;
        self.asked.started += asked.started;
        self.asked.failed += asked.failed;
        self.asked.timed_out += asked.timed_out;
        self.asked.broken += asked.broken;
        self.asked.aborted += asked.aborted;
        self.asked.pending += asked.pending;
        self.served.received += served.received;
        self.served.replied += served.replied;
        self.served.pending += served.pending;
        self.served.abandoned += served.abandoned;
        self.messages += other.messages;
        self.delivered += other.delivered;
        self.lost += other.lost;
        self.bytes_in += other.bytes_in;
        self.bytes_out += other.bytes_out;
        self.bytes_waiting += other.bytes_waiting;
        self.latency.add(latency);
    }

    /// The final counters of a closed connection.
    pub fn ended(mut self) -> Self {
        self.asked.broken += self.asked.pending;
        self.asked.pending = 0;
        self.served.abandoned += self.served.pending;
        self.served.pending = 0;
        self.bytes_waiting = 0;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn small_latencies_are_exact() {
        for micros in 0..64 {
            assert_eq!(highest(bucket(micros)), micros);
        }
    }

    #[test]
    fn buckets_follow_one_another() {
        for at in 0..bucket(MOST) {
            assert_eq!(bucket(highest(at)), at);
            assert_eq!(bucket(highest(at) + 1), at + 1);
        }
    }

    #[test]
    fn nothing_is_zero() {
        let none = Histogram::default();
        assert_eq!((none.count(), none.quantile(0.99), none.max()), (0, 0, 0));
        assert_eq!(none.mean(), 0.0);
    }

    #[test]
    fn the_longest_is_exact_whatever_it_is() {
        let mut histogram = Histogram::default();
        histogram.record(u64::MAX / 2);
        assert_eq!(histogram.max(), u64::MAX / 2);
        assert_eq!(histogram.count(), 1);
        assert!(histogram.counts.len() <= bucket(MOST) + 1);
    }

    #[test]
    fn an_end_leaves_nothing_open() {
        let totals = Totals {
            asked: Asked { started: 5, pending: 2, broken: 1, ..Asked::default() },
            served: Served { received: 4, replied: 1, pending: 3, abandoned: 0 },
            bytes_waiting: 7,
            ..Totals::default()
        };
        let Totals { asked, served, bytes_waiting, .. } = totals.ended();
        assert_eq!((asked.pending, asked.broken), (0, 3));
        assert_eq!((served.pending, served.abandoned), (0, 3));
        assert_eq!(bytes_waiting, 0);
    }

    proptest! {
        #[test]
        fn quantiles_are_a_little_more_than_what_was_seen(
            mut seen in prop::collection::vec(0u64..10_000_000, 1..200),
            other in prop::collection::vec(0u64..100_000, 0..200),
            q in 0.0f64..=1.0,
        ) {
            let mut histogram = Histogram::default();
            seen.iter().for_each(|micros| histogram.record(*micros));
            let mut more = Histogram::default();
            other.iter().for_each(|micros| more.record(*micros));
            histogram.add(&more);
            seen.extend(other);
            seen.sort_unstable();
            let rank = ((seen.len() as f64 * q).ceil() as usize).max(1);
            let exact = seen[rank - 1];
            let quantile = histogram.quantile(q);
            prop_assert!(quantile >= exact);
            prop_assert!(quantile as f64 <= exact as f64 * 1.032);
            prop_assert_eq!(histogram.count(), seen.len() as u64);
            prop_assert_eq!(histogram.max(), seen[seen.len() - 1]);
            let mean = seen.iter().sum::<u64>() as f64 / seen.len() as f64;
            prop_assert!((histogram.mean() - mean).abs() < 0.001);
        }
    }
}
