//! The threads that move bytes, shared by every JavaScript environment of the process.

use crate::config;
use std::{io, sync::OnceLock};
use tokio::runtime::{Builder, Handle, Runtime};

/// The runtime's handle; the threads start with the first call.
///
/// # Errors
/// The system gave no threads.
pub(super) fn runtime() -> io::Result<&'static Handle> {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    if let Some(runtime) = RUNTIME.get() {
        return Ok(runtime.handle());
    }
    let runtime = Builder::new_multi_thread()
        .worker_threads(config::IO_THREADS)
        .thread_name("grenache-io")
        .enable_all()
        .build()?;
    // A second thread that came here at the same time loses its runtime, which nobody uses yet.
    Ok(RUNTIME.get_or_init(|| runtime).handle())
}
