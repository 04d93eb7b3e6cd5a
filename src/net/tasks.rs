//! The tasks of one JavaScript environment, which all end with it.

use crate::caught::caught_in;
use slab::Slab;
use std::{
    future::Future,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::{runtime::Handle, task::AbortHandle};

#[derive(Clone, Debug, Default)]
pub(super) struct Tasks(Arc<Mutex<Running>>);

#[derive(Debug, Default)]
struct Running {
    tasks: Slab<AbortHandle>,
    over: bool,
}

impl Tasks {
    /// Runs `task` on `runtime` until it is done or everything is aborted; after that it does not
    /// start. A panic is not reported: see [`spawn_or`](Self::spawn_or) if something waits for the
    /// task. The returned handle aborts this task alone.
    pub fn spawn(
        &self,
        runtime: &Handle,
        task: impl Future<Output = ()> + Send + 'static,
    ) -> Option<AbortHandle> {
        self.spawn_or(runtime, task, || {})
    }

    /// As [`spawn`](Self::spawn); `panicked` is called if the task panics, to notify those that
    /// wait for its result.
    pub fn spawn_or(
        &self,
        runtime: &Handle,
        task: impl Future<Output = ()> + Send + 'static,
        panicked: impl FnOnce() + Send + 'static,
    ) -> Option<AbortHandle> {
        let mut running = self.lock();
        if running.over {
            return None;
        }
        let entry = running.tasks.vacant_entry();
        let done = Done { tasks: self.clone(), key: entry.key() };
        // Under the lock, so that a task that ends at once finds itself in the list.
        let handle = runtime.spawn(async move {
            let _done = done;
            if caught_in(task).await.is_err() {
                panicked();
            }
        });
        entry.insert(handle.abort_handle());
        Some(handle.abort_handle())
    }

    /// Ends all tasks, also those that a running one is about to start; their sockets close when
    /// they are dropped.
    pub fn abort_all(&self) {
        let mut running = self.lock();
        running.over = true;
        for (_, task) in &running.tasks {
            task.abort();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Running> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Done {
    tasks: Tasks,
    key: usize,
}

impl Drop for Done {
    fn drop(&mut self) {
        self.tasks.lock().tasks.try_remove(self.key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::pending;
    use tokio::sync::oneshot;

    #[tokio::test]
    async fn who_waits_for_a_task_that_panics_is_told_and_the_others_go_on() {
        let tasks = Tasks::default();
        let (tell, told) = oneshot::channel();
        let (go, gone) = oneshot::channel::<()>();
        let other = async move { drop(gone.await) };
        let runtime = Handle::current();
        tasks.spawn_or(&runtime, other, || {});
        tasks.spawn_or(&runtime, async { panic!("by a test") }, move || {
            let _ = tell.send("panicked");
        });
        assert_eq!(told.await, Ok("panicked"));
        go.send(()).unwrap();
        while !tasks.lock().tasks.is_empty() {
            tokio::task::yield_now().await;
        }
        tasks.spawn(&runtime, pending());
        tasks.abort_all();
    }
}
