//! Servers: ports, and the clients that JavaScript decides about.

use super::{
    budget::Budget,
    core::Core,
    events::{Failure, failure},
    meter::Meter,
    settings::ConnectionSettings,
};
use crate::net::{Lanes, Port};
use napi_derive::napi;

/// A server's address, or its error.
#[napi(object)]
pub struct Listening {
    pub server: Option<u32>,
    pub port: Option<u32>,
    pub address: Option<String>,
    pub error: Option<Failure>,
}

#[napi]
impl Core {
    /// `shared`: other processes that set this too can listen on the same port.
    #[napi(catch_unwind)]
    pub fn listen(
        &self,
        port: u16,
        host: Option<String>,
        shared: bool,
        settings: ConnectionSettings,
        meter: &Meter,
        budget: &Budget,
    ) -> Listening {
        let number = self.inner.next_server.get();
        let at = Port { host: host.as_deref(), port, shared };
        match self.inner.driver.listen(number, at, settings.into(), budget.inner.clone()) {
            Ok(server) => {
                self.inner.next_server.set(number.wrapping_add(1));
                let address = server.address();
                self.inner.servers.borrow_mut().insert(number, (server, meter.counted()));
                Listening {
                    server: Some(number),
                    port: Some(address.port().into()),
                    address: Some(address.ip().to_string()),
                    error: None,
                }
            }
            Err(error) => {
                Listening { server: None, port: None, address: None, error: Some(failure(&error)) }
            }
        }
    }

    /// Sets who gets the messages of a server's future connections; see `setLanes`.
    #[napi(catch_unwind)]
    pub fn set_server_lanes(&self, server: u32, lanes: u8) {
        if let Some((server, _)) = self.inner.servers.borrow().get(&server) {
            server.set_lanes(Lanes::from_bits(lanes));
        }
    }

    /// Accepts the client of a question, or rejects it with the response `refusal`.
    #[napi(catch_unwind)]
    pub fn decide(&self, ask: u32, refusal: Option<String>) {
        self.inner.driver.decide(ask, refusal.map(String::into_bytes));
    }

    #[napi(catch_unwind)]
    pub fn unlisten(&self, server: u32) {
        self.inner.servers.borrow_mut().remove(&server);
    }
}
