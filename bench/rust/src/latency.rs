//! Latencies of requests.

/// Of a sorted list in nanoseconds, in microseconds.
fn percentile(sorted: &[u32], share: f64) -> f64 {
    let at = (sorted.len() as f64 * share) as usize;
    sorted.get(at).map_or(0.0, |&nanos| f64::from(nanos) / 1000.0)
}

/// The median and the 99th percentile.
pub fn p50_p99(nanos: &mut [u32]) -> (f64, f64) {
    nanos.sort_unstable();
    (percentile(nanos, 0.5), percentile(nanos, 0.99))
}
