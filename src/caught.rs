//! Catches panics: at the borders to libuv, to the tasks of the runtime, and to Node. A panic ends
//! only the affected connection or exchange.
//!
//! Rust's own hook writes the panic's message and location to stderr.

use crate::error::Error;
use std::{
    any::Any,
    future::poll_fn,
    mem,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    task::Poll,
};

/// Runs `act`.
///
/// # Errors
/// [`Error::Panic`] if it panicked. The data that it was changing may be inconsistent.
pub fn caught<R>(act: impl FnOnce() -> R) -> Result<R, Error> {
    catch_unwind(AssertUnwindSafe(act)).map_err(panicked)
}

/// Runs `task` to its end.
///
/// # Errors
/// As of [`caught`].
pub async fn caught_in<R>(task: impl Future<Output = R>) -> Result<R, Error> {
    let mut task = pin!(task);
    poll_fn(|cx| match caught(|| task.as_mut().poll(cx)) {
        Ok(Poll::Pending) => Poll::Pending,
        Ok(Poll::Ready(result)) => Poll::Ready(Ok(result)),
        Err(error) => Poll::Ready(Err(error)),
    })
    .await
}

fn panicked(payload: Box<dyn Any + Send>) -> Error {
    // The payload is not needed, and dropping it could panic again.
    mem::forget(payload);
    Error::Panic
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::panic::panic_any;

    /// A payload whose drop panics too.
    struct Worse;

    impl Drop for Worse {
        fn drop(&mut self) {
            panic!("again");
        }
    }

    #[test]
    fn a_panic_is_an_error() {
        assert_eq!(caught(|| 5).unwrap(), 5);
        assert!(matches!(caught(|| panic!("by a test")), Err::<(), _>(Error::Panic)));
        assert!(matches!(caught(|| panic_any(Worse)), Err::<(), _>(Error::Panic)));
    }

    #[tokio::test]
    async fn a_task_that_panics_later_is_an_error() {
        let task = async {
            tokio::task::yield_now().await;
            panic!("by a test");
        };
        assert!(matches!(caught_in(task).await, Err::<(), _>(Error::Panic)));
        assert_eq!(caught_in(async { 5 }).await.unwrap(), 5);
    }
}
