//! The native side of one JavaScript environment: how it begins and ends.

#[cfg(unix)]
use super::turn::{self, Turns};
use super::{inner::Inner, raw, wake::Wake};
use crate::{caught::caught, net::Hub, process};
use napi::{
    CleanupEnvHook, Env, Result,
    bindgen_prelude::{Function, Object},
    sys,
};
use napi_derive::napi;
use std::{
    rc::{Rc, Weak},
    sync::Arc,
};

/// Its methods are in the files of their purpose: `connection.rs`, `requests.rs`, `messages.rs`,
/// `stream.rs`, `server.rs`, `socket.rs`, `names.rs`, `exchanges.rs` and `meter.rs`.
#[napi]
pub struct Core {
    env: sys::napi_env,
    hook: Option<CleanupEnvHook<Weak<Inner>>>,
    /// The work in each turn of Node's event loop.
    #[cfg(unix)]
    turns: Option<Turns>,
    pub(super) inner: Rc<Inner>,
}

impl Drop for Core {
    /// JavaScript has released it, as a test runner does with everything that it has loaded for one
    /// file: frees everything, as if its environment had ended. It is dropped after that as well.
    fn drop(&mut self) {
        if self.inner.is_over.get() {
            return;
        }
        let _ = caught(|| {
            #[cfg(unix)]
            if let Some(turns) = self.turns.take() {
                turns.end();
            }
            self.inner.shut_down();
        });
        if let Some(hook) = self.hook.take() {
            // Keeps the hook from being called. The hook's small allocation is not freed.
            let _ = Env::from_raw(self.env).remove_env_cleanup_hook(hook);
        }
    }
}

#[napi]
impl Core {
    /// `deliver` is called on the JavaScript thread when there is something to fetch. With
    /// `uv_version`, that of Node's libuv, Node's own event loop may move connections, if the
    /// functions of that libuv are found.
    #[napi(constructor, catch_unwind)]
    pub fn new(
        env: Env,
        deliver: Function<'_, (), ()>,
        uv_version: Option<String>,
    ) -> Result<Self> {
        // Unreferenced: listening and pending requests keep the process alive, not the loaded
        // module.
        //
        // SAFETY: the hub drops it when it is silenced, in `Inner::shut_down`, which the hook below
        // calls if `drop` has not. If this function fails before, the hub drops it at once.
        let wake = unsafe { Wake::new(&env, &deliver) }?;
        let hub = Arc::new(Hub::new(move || wake.call()));
        let inner = Rc::new(Inner::new(hub));
        #[cfg(unix)]
        let turns = match uv_version {
            Some(version) => turn::start(&env, &inner, &deliver, &version)?,
            None => None,
        };
        #[cfg(not(unix))]
        drop(uv_version);
        let hook = env.add_env_cleanup_hook(Rc::downgrade(&inner), |inner| {
            // There is no caller that could handle the panic.
            let _ = caught(|| inner.upgrade().map(|inner| inner.shut_down()));
        })?;
        Ok(Self {
            env: env.raw(),
            hook: Some(hook),
            #[cfg(unix)]
            turns,
            inner,
        })
    }

    /// Whether Node's own event loop can move connections here.
    #[napi(getter, catch_unwind)]
    pub fn in_loop(&self) -> bool {
        #[cfg(unix)]
        return self.inner.in_loop.is_running();
        #[cfg(not(unix))]
        return false;
    }

    /// The functions of the hot path: see `raw.rs`.
    #[napi(catch_unwind)]
    pub fn raw<'env>(&self, env: &'env Env) -> Result<Object<'env>> {
        raw::functions(env, &self.inner)
    }

    /// The limit of this process's file descriptors; `None` where the system does not tell.
    #[napi(catch_unwind)]
    pub fn descriptors(&self) -> Option<u32> {
        process::descriptors().map(|count| u32::try_from(count).unwrap_or(u32::MAX))
    }

    /// The process exits during this turn: from now on output is written right away.
    #[napi(catch_unwind)]
    pub fn write_at_once(&self) {
        self.inner.unsent.shut_down();
    }
}
