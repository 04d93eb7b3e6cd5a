//! The tasks of one JavaScript environment, so that all of them end with it.

use slab::Slab;
use std::{
    future::Future,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::{runtime::Handle, task::AbortHandle};

#[derive(Clone, Debug, Default)]
pub(super) struct Tasks(Arc<Mutex<Slab<AbortHandle>>>);

impl Tasks {
    /// Runs `task` on `runtime` until it is done or everything is aborted.
    pub fn spawn(&self, runtime: &Handle, task: impl Future<Output = ()> + Send + 'static) {
        let mut running = self.lock();
        let entry = running.vacant_entry();
        let done = Done { tasks: self.clone(), key: entry.key() };
        // Under the lock, so that a task that ends at once finds itself in the list.
        let handle = runtime.spawn(async move {
            let _done = done;
            task.await;
        });
        entry.insert(handle.abort_handle());
    }

    /// Ends all tasks; their sockets close as they are dropped.
    pub fn abort_all(&self) {
        for (_, task) in self.lock().iter() {
            task.abort();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Slab<AbortHandle>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Done {
    tasks: Tasks,
    key: usize,
}

impl Drop for Done {
    fn drop(&mut self) {
        self.tasks.lock().try_remove(self.key);
    }
}
