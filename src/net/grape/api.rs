//! The API's requests, whichever way they come: by HTTP, or from this process.

use super::{browser::Guard, client::Client, pages::Pages, places::Place};
use crate::{
    config::grape as config,
    grape::{Failure, Outcome, Source, api},
};
use http::HeaderValue;
use std::time::Instant;
use tokio::time::sleep;

/// State shared by the requests.
#[derive(Debug)]
pub(super) struct Api {
    pub client: Client,
    pub guard: Guard,
    pub pages: Pages,
    /// Largest body of a request, in bytes.
    pub body_limit: usize,
    /// Until then a lookup that finds nothing is repeated.
    pub grace_until: Instant,
    /// A random number of this run.
    pub instance: HeaderValue,
}

impl Api {
    /// Handles a request of `source`, whose connection has a `place`.
    ///
    /// # Errors
    /// The API's error response.
    pub async fn answer(
        &self,
        request: api::Request,
        source: Source,
        place: Option<&Place>,
    ) -> Result<String, Failure> {
        let api::Request { mut command, freshest } = request;
        loop {
            let again = Instant::now() < self.grace_until;
            let next = again.then(|| command.clone());
            let outcome = self.client.command(command, source, place).await?;
            let empty = matches!(&outcome, Outcome::Peers(peers) if peers.is_empty());
            match next {
                Some(next) if empty => command = next,
                _ => return Ok(api::answer(outcome, freshest)),
            }
            sleep(config::LOOK_AGAIN).await;
            if place.is_some_and(Place::is_recalled) {
                return Err(Failure::Busy);
            }
        }
    }
}
