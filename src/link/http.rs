//! An HTTP/1.1 client with kept-alive connections.

use super::bounded::Connector;
use crate::{
    body::{self, Unread},
    config,
    error::Error,
    exchange::Answer,
};
use bytes::Bytes;
use http::{Method, Request, Uri, header};
use http_body_util::Full;
use hyper_util::{
    client::legacy::Client,
    rt::{TokioExecutor, TokioTimer},
};
use std::{
    io, mem,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// The port of a URL that names none.
pub(super) const HTTP_PORT: u16 = 80;

type Pool = Client<Connector, Full<Bytes>>;

/// Connections to the grapes that one JavaScript environment uses.
#[derive(Clone, Debug)]
pub struct Grapes {
    pool: Arc<Mutex<Pool>>,
}

impl Default for Grapes {
    fn default() -> Self {
        Self { pool: Arc::new(Mutex::new(Self::pool())) }
    }
}

impl Grapes {
    fn pool() -> Pool {
        Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(config::GRAPE_KEEP_ALIVE)
            .build(Connector)
    }

    /// Closes the connections that are kept, and those with an exchange under way after it.
    pub fn let_go(&self) {
        // The old one ends with the last exchange that it has.
        let old = mem::replace(&mut *self.lock(), Self::pool());
        drop(old);
    }

    fn lock(&self) -> MutexGuard<'_, Pool> {
        // Nothing panics while it is held.
        self.pool.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Posts a JSON text to `url` and returns the answer, whatever its status.
    ///
    /// # Errors
    /// [`Error::BadUrl`], [`Error::Timeout`] when all of it takes longer than `timeout` ms, a
    /// system error of the connection, or [`Error::Http`].
    pub async fn post(
        &self,
        url: &str,
        authorization: Option<&str>,
        body: String,
        timeout: u64,
    ) -> Result<Answer, Error> {
        let uri: Uri = url.parse().map_err(|_| Error::BadUrl(url.to_owned()))?;
        let Some(host) = uri.host().filter(|_| uri.scheme_str() == Some("http")) else {
            return Err(Error::BadUrl(url.to_owned()));
        };
        let host = host.trim_matches(['[', ']']).to_owned();
        let address =
            host.parse().ok().map(|ip| SocketAddr::new(ip, uri.port_u16().unwrap_or(HTTP_PORT)));
        let explain = |error: &(dyn std::error::Error + 'static)| explain(error, &host, address);
        let mut request = Request::builder()
            .method(Method::POST)
            .uri(uri)
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::ACCEPT, "*/*");
        if let Some(authorization) = authorization {
            request = request.header(header::AUTHORIZATION, authorization);
        }
        let request = request
            .body(Full::new(Bytes::from(body)))
            .map_err(|error| Error::Http(error.to_string()))?;
        let client = self.lock().clone();
        let exchange = async {
            let response = client.request(request).await.map_err(|error| explain(&error))?;
            let status = response.status().as_u16();
            let location = response.headers().get(header::LOCATION);
            let location = location.and_then(|at| at.to_str().ok()).map(str::to_owned);
            let body = body::read(response.into_body(), config::MAX_GRAPE_ANSWER_BYTES);
            let body = body.await.map_err(|unread| match unread {
                Unread::TooLong => Error::Http(body::TOO_LONG.to_owned()),
                Unread::Broken(error) => explain(&error),
            })?;
            let body = String::from_utf8_lossy(&body).into_owned();
            Ok(Answer { status, body, location })
        };
        tokio::time::timeout(Duration::from_millis(timeout), exchange)
            .await
            .map_err(|_| Error::Timeout)?
    }
}

/// The system's error is the innermost source, if there is one.
fn explain(
    error: &(dyn std::error::Error + 'static),
    host: &str,
    address: Option<SocketAddr>,
) -> Error {
    let mut source = Some(error);
    let mut text = error.to_string();
    while let Some(inner) = source {
        text = inner.to_string();
        if let Some(error) = inner.downcast_ref::<Error>() {
            return of_dial(error, host);
        }
        if let Some(system) = inner.downcast_ref::<io::Error>()
            && let Some(errno) = system.raw_os_error()
        {
            // As Node, which names the address of a connection that it could not make.
            let (syscall, address) =
                if errno_is_refusal(system) { ("connect", address) } else { ("read", None) };
            return Error::system(syscall, io::Error::from_raw_os_error(errno), address);
        }
        if inner
            .downcast_ref::<io::Error>()
            .is_some_and(|error| error.kind() == io::ErrorKind::UnexpectedEof)
        {
            return Error::HangUp;
        }
        if inner.downcast_ref::<hyper::Error>().is_some_and(hung_up) {
            return Error::HangUp;
        }
        source = inner.source();
    }
    Error::Http(text)
}

/// What became of the attempt to connect.
fn of_dial(error: &Error, host: &str) -> Error {
    match error {
        Error::System { syscall, source, address } => {
            let source = match source.raw_os_error() {
                Some(errno) => io::Error::from_raw_os_error(errno),
                None => source.kind().into(),
            };
            Error::system(syscall, source, *address)
        }
        Error::ConnectTimeout(address) => Error::ConnectTimeout(*address),
        _ => Error::UnknownHost(host.to_owned()),
    }
}

/// The connection ended in the middle of an exchange.
fn hung_up(error: &hyper::Error) -> bool {
    error.is_incomplete_message() || error.is_canceled() || error.is_closed()
}

fn errno_is_refusal(error: &io::Error) -> bool {
    use io::ErrorKind as Kind;
    matches!(
        error.kind(),
        Kind::ConnectionRefused | Kind::HostUnreachable | Kind::NetworkUnreachable | Kind::TimedOut
    )
}
