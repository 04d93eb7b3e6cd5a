//! What this process costs.

use crate::server::HEARD;
use serde_json::{Value, json};
use std::{fs, mem::MaybeUninit, sync::atomic::Ordering};

/// Processor time so far, in microseconds.
pub fn cpu() -> f64 {
    let mut usage = MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: the pointer is to a whole rusage, which all zeros is a valid value of.
    let usage = unsafe {
        libc::getrusage(libc::RUSAGE_SELF, usage.as_mut_ptr());
        usage.assume_init()
    };
    let micros = |time: libc::timeval| time.tv_sec as f64 * 1e6 + time.tv_usec as f64;
    micros(usage.ru_utime) + micros(usage.ru_stime)
}

/// Processor time in microseconds, resident memory in bytes, and what a server heard.
pub fn usage() -> Value {
    let pages = fs::read_to_string("/proc/self/statm")
        .ok()
        .and_then(|statm| statm.split(' ').nth(1)?.parse::<u64>().ok())
        .unwrap_or_default();
    json!({ "cpu": cpu(), "rss": pages * 4096, "heard": HEARD.load(Ordering::Relaxed) })
}

/// As many open files as the system lets us have: Node does the same when it starts.
pub fn raise_file_limit() {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: both calls get a pointer to a whole rlimit; that they may fail is harmless.
    unsafe {
        if libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit) == 0 {
            limit.rlim_cur = limit.rlim_max;
            libc::setrlimit(libc::RLIMIT_NOFILE, &limit);
        }
    }
}
