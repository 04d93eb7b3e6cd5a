//! HTTP exchanges with grapes.

use super::core::Core;
use crate::{error::Error, rpc::Event};
use napi_derive::napi;
use tokio::sync::oneshot;

#[napi]
impl Core {
    /// Posts to a grape, with header fields as alternating names and values; the response is an
    /// event with this `id`.
    #[napi(catch_unwind)]
    pub fn post(&self, id: u32, url: String, fields: Vec<String>, body: String, timeout: f64) {
        let (hub, answered) = (self.inner.hub.clone(), self.inner.hub.clone());
        let (end, ended) = oneshot::channel::<()>();
        self.inner.keep_exchange(id, end);
        let post = self.inner.grapes.post(&url, &fields, body, timeout.max(0.0) as u64);
        let exchange = async move {
            tokio::select! {
                result = post => hub.event(Event::Answered { id, result }),
                // JavaScript handles a cancelled exchange itself.
                _ = ended => {}
            }
        };
        let started = self.inner.driver.spawn_or(exchange, move || {
            answered.event(Event::Answered { id, result: Err(Error::Panic) });
        });
        if let Err(error) = started {
            let result = Err(Error::system("connect", error, None));
            self.inner.hub.event(Event::Answered { id, result });
        }
    }

    /// Cancels an exchange with a grape, and closes its connection. There is no event.
    #[napi(catch_unwind)]
    pub fn end_post(&self, id: u32) {
        self.inner.exchanges.borrow_mut().remove(&id);
    }

    /// Closes idle connections to grapes, and others after their exchange.
    #[napi(catch_unwind)]
    pub fn let_grapes_go(&self) {
        self.inner.grapes.let_go();
    }
}
