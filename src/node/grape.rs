//! The discovery node as a JavaScript object.

use super::events::{Failure, failure};
use crate::{
    grape::{Options, Wanted},
    net::grape::{Backlog, Grape, Kind, Notice, Settings},
};
use napi::{
    CleanupEnvHook, Env, Result,
    bindgen_prelude::{BufferSlice, Function},
    threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode},
};
use napi_derive::napi;
use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// Options of a node; times in ms. `lib/options/defaults.js` has the defaults.
#[napi(object)]
pub struct GrapeOptions {
    pub host: Option<String>,
    pub dht_port: u16,
    pub api_port: u16,
    pub api_hosts: Vec<String>,
    pub bootstrap: Vec<String>,
    pub max_tables: u32,
    pub max_values: u32,
    pub concurrency: u32,
    pub node_liveness: f64,
    pub peer_max_age: f64,
    pub rate_limit: u32,
    pub max_payload_size: u32,
    pub state: Option<String>,
    pub grace: f64,
}

/// An event of a node: `ready`, `node`, `peer`, `announce`, `warning`, `stopped`, or the response
/// to the request `id`.
#[napi(object)]
pub struct GrapeEvent {
    pub name: String,
    pub text: Option<String>,
    pub id: Option<u32>,
    /// Of a failed request: the HTTP status of the error text.
    pub status: Option<u32>,
}

type Tell = ThreadsafeFunction<Sent, (), GrapeEvent, napi::Status, false, true>;

/// An event on its way to the JavaScript thread, with its kind if events of that kind are limited.
struct Sent {
    event: GrapeEvent,
    kind: Option<Kind>,
}

/// Empty after the environment has ended: no more events are sent.
type Teller = Arc<Mutex<Option<Tell>>>;

/// Only the JavaScript thread uses the content.
type Slot = Mutex<Option<Grape>>;

type Hook = CleanupEnvHook<(Teller, Arc<Slot>)>;

/// A node, and the function that receives its events.
#[napi]
#[derive(Default)]
pub struct NativeGrape {
    teller: Teller,
    grape: Arc<Slot>,
    hook: Mutex<Option<Hook>>,
}

#[napi]
impl NativeGrape {
    #[napi(constructor, catch_unwind)]
    pub fn new() -> Self {
        Self::default()
    }

    /// Binds both ports, or returns the error. `tell` is called on the JavaScript thread with each
    /// event.
    #[napi(catch_unwind)]
    pub fn start(
        &self,
        env: Env,
        options: GrapeOptions,
        tell: Function<'_, GrapeEvent, ()>,
    ) -> Result<Option<Failure>> {
        let backlog = Arc::new(Backlog::default());
        // Weak: `lib/native/keepAlive.js` keeps the process alive.
        let function = tell
            .build_threadsafe_function::<Sent>()
            .weak::<true>()
            .callee_handled::<false>()
            .build_callback({
                let (backlog, teller) = (backlog.clone(), self.teller.clone());
                move |context| {
                    let Sent { event, kind } = context.value;
                    if let Some(kind) = kind {
                        let lost = backlog.received(kind, length(event.text.as_ref()));
                        if lost > 0 {
                            let name = kind.name();
                            let text =
                                format!("{lost} events {name} were lost: JavaScript was busy");
                            call(&teller, named("warning", Some(text)));
                        }
                    }
                    Ok(event)
                }
            })?;
        *lock(&self.teller) = Some(function);
        let teller = self.teller.clone();
        let started = Grape::start(settings(options), move |notice| {
            let kind = Kind::of(&notice);
            let (name, text) = match notice {
                Notice::Ready => ("ready", None),
                Notice::Node => ("node", None),
                Notice::Peer(text) => ("peer", Some(text)),
                Notice::Announce(text) => ("announce", Some(text)),
                Notice::Warning(text) => ("warning", Some(text)),
            };
            if kind.is_none_or(|kind| backlog.admit(kind, length(text.as_ref()))) {
                send(&teller, Sent { event: named(name, text), kind });
            }
        });
        match started {
            Ok(grape) => *lock(&self.grape) = Some(grape),
            Err(error) => {
                lock(&self.teller).take();
                return Ok(Some(failure(&error)));
            }
        }
        let held = (self.teller.clone(), self.grape.clone());
        *lock(&self.hook) = Some(env.add_env_cleanup_hook(held, |(teller, grape)| {
            lock(&teller).take();
            lock(&grape).take();
        })?);
        Ok(None)
    }

    /// After `stopped`: frees all of it.
    #[napi(catch_unwind)]
    pub fn release(&self, env: Env) -> Result<()> {
        lock(&self.teller).take();
        lock(&self.grape).take();
        match lock(&self.hook).take() {
            Some(hook) => env.remove_env_cleanup_hook(hook),
            None => Ok(()),
        }
    }

    /// Addresses of the node and its API, as `host:port`.
    #[napi(catch_unwind)]
    pub fn addresses(&self) -> Vec<String> {
        let grape = lock(&self.grape);
        let addresses = grape.as_ref().map(|grape| [grape.dht_address(), grape.api_address()]);
        addresses.into_iter().flatten().map(|address| address.to_string()).collect()
    }

    /// Sets which events have listeners.
    #[napi(catch_unwind)]
    pub fn want(&self, node: bool, peer: bool, announce: bool) {
        if let Some(grape) = &*lock(&self.grape) {
            grape.want(Wanted { node, peer, announce });
        }
    }

    /// Handles a request of this type as the API does; the response is an event with this `id`. `v`
    /// is the value of a put that is not text.
    #[napi(catch_unwind)]
    pub fn request(&self, id: u32, kind: String, data: String, v: Option<BufferSlice<'_>>) {
        let teller = self.teller.clone();
        let answered = move |result: std::result::Result<String, crate::grape::Failure>| {
            let (text, status) = match result {
                Ok(text) => (text, None),
                Err(failure) => (failure.to_string(), Some(failure.status().into())),
            };
            let name = "answered".into();
            call(&teller, GrapeEvent { name, text: Some(text), id: Some(id), status });
        };
        match &*lock(&self.grape) {
            Some(grape) => grape.request(kind, data, v.map(|v| v.to_vec()), answered),
            None => answered(Err(crate::grape::Failure::Stopped)),
        }
    }

    /// Stops; the event `stopped` is emitted when the ports are free.
    #[napi(catch_unwind)]
    pub fn stop(&self) {
        let teller = self.teller.clone();
        let stopped = move || {
            call(&teller, named("stopped", None));
        };
        match &*lock(&self.grape) {
            Some(grape) => grape.stop(stopped),
            None => stopped(),
        }
    }
}

fn call(teller: &Teller, event: GrapeEvent) {
    send(teller, Sent { event, kind: None });
}

fn send(teller: &Teller, sent: Sent) {
    if let Some(tell) = &*lock(teller) {
        tell.call(sent, ThreadsafeFunctionCallMode::NonBlocking);
    }
}

fn named(name: &str, text: Option<String>) -> GrapeEvent {
    GrapeEvent { name: name.into(), text, id: None, status: None }
}

fn length(text: Option<&String>) -> usize {
    text.map_or(0, String::len)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn settings(options: GrapeOptions) -> Settings {
    // Casts saturate, and turn NaN into 0.
    Settings {
        core: Options {
            max_tables: options.max_tables as usize,
            max_values: options.max_values as usize,
            concurrency: options.concurrency as usize,
            liveness: (options.node_liveness as u64).max(1),
            peer_age: (options.peer_max_age as u64).max(1),
            rate: options.rate_limit,
            ..Options::default()
        },
        host: options.host,
        dht_port: options.dht_port,
        api_port: options.api_port,
        api_hosts: options.api_hosts,
        bootstrap: options.bootstrap,
        body_limit: options.max_payload_size as usize,
        state: options.state.map(Into::into),
        grace: Duration::from_millis(options.grace as u64),
    }
}
