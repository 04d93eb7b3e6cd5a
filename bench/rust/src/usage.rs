//! Resource use of this process.

use crate::server::HEARD;
use serde_json::{Value, json};
use std::{fs, mem::MaybeUninit, sync::atomic::Ordering};

/// Processor time so far, in microseconds.
pub fn cpu() -> f64 {
    let mut usage = MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: the pointer is to a complete rusage, for which all zeros is a valid value.
    let usage = unsafe {
        libc::getrusage(libc::RUSAGE_SELF, usage.as_mut_ptr());
        usage.assume_init()
    };
    let micros = |time: libc::timeval| time.tv_sec as f64 * 1e6 + time.tv_usec as f64;
    micros(usage.ru_utime) + micros(usage.ru_stime)
}

/// Processor time in microseconds, resident memory in bytes, and the messages that a server
/// received.
pub fn usage() -> Value {
    let pages = fs::read_to_string("/proc/self/statm")
        .ok()
        .and_then(|statm| statm.split(' ').nth(1)?.parse::<u64>().ok())
        .unwrap_or_default();
    json!({ "cpu": cpu(), "rss": pages * 4096, "heard": HEARD.load(Ordering::Relaxed) })
}

/// Raises the limit of open files as far as the system allows: Node does the same when it starts.
pub fn raise_file_limit() {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: both calls get a pointer to a complete rlimit; their failure is harmless.
    unsafe {
        if libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit) == 0 {
            limit.rlim_cur = limit.rlim_max;
            libc::setrlimit(libc::RLIMIT_NOFILE, &limit);
        }
    }
}
