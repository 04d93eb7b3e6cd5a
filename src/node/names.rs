//! Destinations, and the addresses of host names.

use super::core::Core;
use crate::{
    error::Error,
    names::{self, Asker},
    net::{Destination, resolve},
    rpc::Event,
};
use napi_derive::napi;
use std::time::Duration;

#[napi]
impl Core {
    /// Whether `dest` is `host:port`.
    #[napi(catch_unwind)]
    pub fn is_destination(&self, dest: String) -> bool {
        Destination::parse(&dest).is_ok()
    }

    /// The address of the interface `host`, which may be a name; blocks while it is looked up.
    #[napi(catch_unwind)]
    pub fn address_of(&self, host: String) -> Option<String> {
        resolve(&host, 0).map(|address| address.ip().to_string())
    }

    /// Resolves a host name within `timeout` ms, of a grape or a destination; the addresses are an
    /// event with this `id`.
    #[napi(catch_unwind)]
    pub fn resolve(&self, id: u32, host: String, is_grape: bool, timeout: f64) {
        let asker = if is_grape { Asker::Link } else { Asker::Client };
        let (hub, answered) = (self.inner.hub.clone(), self.inner.hub.clone());
        let looking = async move {
            let time = Duration::from_millis(timeout.max(0.0) as u64); // Saturates.
            let result = names::addresses(&host, asker, time).await;
            let result = result.map(|found| found.iter().map(ToString::to_string).collect());
            hub.event(Event::Resolved { id, result });
        };
        let started = self.inner.driver.spawn_or(looking, move || {
            answered.event(Event::Resolved { id, result: Err(Error::Panic) });
        });
        if let Err(error) = started {
            let result = Err(Error::system("connect", error, None));
            self.inner.hub.event(Event::Resolved { id, result });
        }
    }
}
