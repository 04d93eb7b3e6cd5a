//! The tasks of one JavaScript environment, so that all of them end with it.

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
    /// Runs `task` on `runtime` until it is done or everything is aborted; not at all after that.
    pub fn spawn(&self, runtime: &Handle, task: impl Future<Output = ()> + Send + 'static) {
        let mut running = self.lock();
        if running.over {
            return;
        }
        let entry = running.tasks.vacant_entry();
        let done = Done { tasks: self.clone(), key: entry.key() };
        // Under the lock, so that a task that ends at once finds itself in the list.
        let handle = runtime.spawn(async move {
            let _done = done;
            task.await;
        });
        entry.insert(handle.abort_handle());
    }

    /// Ends all tasks, also those that a running one is about to start; their sockets close as
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
