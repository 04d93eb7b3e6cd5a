//! The discovery node as a JavaScript object.

use super::events::{Failure, failure};
use crate::{
    grape::{Options, Wanted},
    net::grape::{Grape, Settings, Told},
};
use napi::{
    Env, Result,
    bindgen_prelude::{BufferSlice, Function},
    threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode},
};
use napi_derive::napi;
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

/// Options of a node; times in ms. `lib/defaults.js` has the defaults.
#[napi(object)]
pub struct GrapeOptions {
    pub host: Option<String>,
    pub dht_port: u16,
    pub api_port: u16,
    pub bootstrap: Vec<String>,
    pub max_tables: u32,
    pub max_values: u32,
    pub concurrency: u32,
    pub node_liveness: f64,
    pub peer_max_age: f64,
    pub rate_limit: u32,
    pub max_payload_size: u32,
    pub state: Option<String>,
    pub embedded: bool,
    pub grace: f64,
}

/// Something that a node tells: `ready`, `node`, `peer`, `announce`, `warning`, `stopped`, or the
/// answer to the request `id`.
#[napi(object)]
pub struct GrapeEvent {
    pub name: String,
    pub text: Option<String>,
    pub id: Option<u32>,
    /// Of a request that failed: the HTTP status that goes with the text.
    pub status: Option<u32>,
}

type Tell = ThreadsafeFunction<GrapeEvent, (), GrapeEvent, napi::Status, false, true>;

/// Empty when the environment has ended: nobody is told anything any more.
type Teller = Arc<Mutex<Option<Tell>>>;

/// A node, and the function that is told what happens.
#[napi]
pub struct NativeGrape {
    teller: Teller,
    grape: Arc<Slot>,
}

/// Only the JavaScript thread looks inside.
type Slot = Mutex<Option<Grape>>;

#[napi]
impl NativeGrape {
    /// `tell` is called on the JavaScript thread with each event.
    #[napi(constructor)]
    pub fn new(env: Env, tell: Function<'_, GrapeEvent, ()>) -> Result<Self> {
        // Weak: what keeps the process alive is counted in `lib/dispatch.js`.
        let tell = tell
            .build_threadsafe_function::<GrapeEvent>()
            .weak::<true>()
            .callee_handled::<false>()
            .build()?;
        let teller: Teller = Arc::new(Mutex::new(Some(tell)));
        let grape = Arc::<Slot>::default();
        env.add_env_cleanup_hook((teller.clone(), grape.clone()), |(teller, grape)| {
            teller.lock().unwrap_or_else(PoisonError::into_inner).take();
            grape.lock().unwrap_or_else(PoisonError::into_inner).take();
        })?;
        Ok(Self { teller, grape })
    }

    /// Binds both ports, or says why not.
    #[napi(catch_unwind)]
    pub fn start(&self, options: GrapeOptions) -> Option<Failure> {
        let teller = self.teller.clone();
        let started = Grape::start(settings(options), move |told| {
            let (name, text) = match told {
                Told::Ready => ("ready", None),
                Told::Node => ("node", None),
                Told::Peer(text) => ("peer", Some(text)),
                Told::Announce(text) => ("announce", Some(text)),
                Told::Warning(text) => ("warning", Some(text)),
            };
            tell(&teller, GrapeEvent { name: name.into(), text, id: None, status: None });
        });
        match started {
            Ok(grape) => {
                *self.lock() = Some(grape);
                None
            }
            Err(error) => Some(failure(&error)),
        }
    }

    /// Where the node and its API are, as `host:port`.
    #[napi(catch_unwind)]
    pub fn addresses(&self) -> Vec<String> {
        let grape = self.lock();
        let addresses = grape.as_ref().map(|grape| [grape.dht_address(), grape.api_address()]);
        addresses.into_iter().flatten().map(|address| address.to_string()).collect()
    }

    /// Says which events somebody listens for.
    #[napi(catch_unwind)]
    pub fn want(&self, node: bool, peer: bool, announce: bool, warning: bool) {
        if let Some(grape) = &*self.lock() {
            grape.want(Wanted { node, peer, announce, warning });
        }
    }

    /// What the API does with a request of this type; the answer comes as an event with this `id`.
    /// `v` is the value of a put that is no text.
    #[napi(catch_unwind)]
    pub fn request(&self, id: u32, kind: String, data: String, v: Option<BufferSlice<'_>>) {
        let teller = self.teller.clone();
        let answered = move |result: std::result::Result<String, crate::grape::Failure>| {
            let (text, status) = match result {
                Ok(text) => (text, None),
                Err(failure) => (failure.to_string(), Some(failure.status().into())),
            };
            let name = "answered".into();
            tell(&teller, GrapeEvent { name, text: Some(text), id: Some(id), status });
        };
        match &*self.lock() {
            Some(grape) => grape.request(kind, data, v.map(|v| v.to_vec()), answered),
            None => answered(Err(crate::grape::Failure::Stopped)),
        }
    }

    /// Stops; the event `stopped` says that the ports are free.
    #[napi(catch_unwind)]
    pub fn stop(&self) {
        let teller = self.teller.clone();
        let stopped = move || {
            let name = "stopped".into();
            tell(&teller, GrapeEvent { name, text: None, id: None, status: None });
        };
        match &*self.lock() {
            Some(grape) => grape.stop(stopped),
            None => stopped(),
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Grape>> {
        self.grape.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn tell(teller: &Teller, event: GrapeEvent) {
    if let Some(tell) = &*teller.lock().unwrap_or_else(PoisonError::into_inner) {
        tell.call(event, ThreadsafeFunctionCallMode::NonBlocking);
    }
}

fn settings(options: GrapeOptions) -> Settings {
    // Casts saturate, and make 0 of NaN.
    Settings {
        core: Options {
            embedded: options.embedded,
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
        bootstrap: options.bootstrap,
        body_limit: options.max_payload_size as usize,
        state: options.state.map(Into::into),
        grace: Duration::from_millis(options.grace as u64),
    }
}
