//! Connects to grapes.

use super::bounded::Bounded;
use crate::{config, dial::dial, error::Error, names::Asker};
use http::Uri;
use hyper_util::rt::TokioIo;
use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};
use tower_service::Service;

/// The port of a URL without one.
const HTTP_PORT: u16 = 80;

/// Opens the connections of the pool.
#[derive(Clone, Debug)]
pub(super) struct Connector;

impl Service<Uri> for Connector {
    type Response = TokioIo<Bounded>;
    type Error = Error;
    type Future =
        Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send + 'static>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        Box::pin(async move {
            let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
            let port = uri.port_u16().unwrap_or(HTTP_PORT);
            let (stream, address) = dial(host, port, Asker::Link, config::CONNECT_TIMEOUT).await?;
            let prepared = stream.set_nodelay(true);
            prepared.map_err(|error| Error::system("connect", error, Some(address)))?;
            Ok(TokioIo::new(Bounded::new(stream)))
        })
    }
}
