//! The threads that move bytes, shared by every JavaScript environment of the process.

use crate::config;
use std::{
    io,
    sync::{Mutex, OnceLock, PoisonError},
};
use tokio::runtime::{Builder, Handle, Runtime};

/// The runtime's handle; the first call starts the threads.
///
/// # Errors
/// The system could not create threads.
pub(super) fn runtime() -> io::Result<&'static Handle> {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    static STARTING: Mutex<()> = Mutex::new(());
    // One at a time: a second runtime could not be dropped on a thread that may not block.
    let _starting = STARTING.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(runtime) = RUNTIME.get() {
        return Ok(runtime.handle());
    }
    let runtime = Builder::new_multi_thread()
        .worker_threads(config::IO_THREADS)
        .thread_name("grenache-io")
        .enable_all()
        .build()?;
    Ok(RUNTIME.get_or_init(|| runtime).handle())
}
