//! An HTTP/1.1 client with kept-alive connections.

use super::connector::Connector;
use crate::{
    body::{self, TooLong, Unread},
    config,
    error::Error,
    exchange::Answer,
};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri, header};
use http_body_util::Full;
use hyper_util::{
    client::legacy::Client,
    rt::{TokioExecutor, TokioTimer},
};
use std::{
    io, mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

type Pool = Client<Connector, Full<Bytes>>;

/// The connections of one JavaScript environment to the grapes.
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

    /// Closes idle connections, and those with a pending exchange after it.
    pub fn let_go(&self) {
        // The old pool closes with its last exchange.
        let old = mem::replace(&mut *self.lock(), Self::pool());
        drop(old);
    }

    fn lock(&self) -> MutexGuard<'_, Pool> {
        // Nothing panics while it is held.
        self.pool.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Posts a JSON text to `url` and returns the response, whatever its status. `fields` are
    /// alternating names and values of header fields, whose characters are bytes.
    ///
    /// # Errors
    /// [`Error::BadUrl`], [`Error::Timeout`] when everything together takes longer than `timeout`
    /// ms, a system error of the connection, or [`Error::Http`].
    pub fn post(
        &self,
        url: &str,
        fields: &[String],
        body: String,
        timeout: u64,
    ) -> impl Future<Output = Result<Answer, Error>> + use<> {
        let request = request(url, fields, body);
        // Now, and not at the first poll: `let_go` may come in between, and closes this connection.
        let client = self.lock().clone();
        async move {
            let exchange = exchange(client, request?);
            tokio::time::timeout(Duration::from_millis(timeout), exchange)
                .await
                .map_err(|_| Error::Timeout)?
        }
    }
}

/// A request to `url`.
fn request(url: &str, fields: &[String], body: String) -> Result<Request<Full<Bytes>>, Error> {
    let uri: Uri = url.parse().map_err(|_| Error::BadUrl(url.to_owned()))?;
    if uri.host().is_none() || uri.scheme_str() != Some("http") {
        return Err(Error::BadUrl(url.to_owned()));
    }
    let mut request = Request::new(Full::new(Bytes::from(body)));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = uri;
    *request.headers_mut() = head(fields)?;
    Ok(request)
}

/// The response to a request, with its whole body.
async fn exchange(client: Pool, request: Request<Full<Bytes>>) -> Result<Answer, Error> {
    let response = client.request(request).await.map_err(explain)?;
    let status = response.status().as_u16();
    let location = response.headers().get(header::LOCATION);
    let location = location.and_then(|at| at.to_str().ok()).map(str::to_owned);
    let body = body::read(response.into_body(), config::MAX_GRAPE_ANSWER_BYTES);
    let body = body.await.map_err(|unread| match unread {
        Unread::TooLong => Error::Http(TooLong.into()),
        Unread::Broken(error) => explain(error),
    })?;
    let body = String::from_utf8_lossy(&body).into_owned();
    Ok(Answer { status, body, location })
}

/// The header of a request.
fn head(fields: &[String]) -> Result<HeaderMap, Error> {
    let refused = |error: http::Error| Error::Http(error.into());
    let mut head = HeaderMap::new();
    head.insert(header::ACCEPT, HeaderValue::from_static("*/*"));
    for field in fields.chunks_exact(2) {
        let name = HeaderName::try_from(&field[0]).map_err(|error| refused(error.into()))?;
        // A character above a byte becomes one that no field may contain.
        let bytes: Vec<u8> =
            field[1].chars().map(|character| u8::try_from(character).unwrap_or(0)).collect();
        let value = HeaderValue::try_from(bytes).map_err(|error| refused(error.into()))?;
        head.insert(name, value);
    }
    head.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(head)
}

/// The system's error is the innermost source, if there is one.
fn explain(error: impl std::error::Error + Send + Sync + 'static) -> Error {
    let mut source: Option<&(dyn std::error::Error + 'static)> = Some(&error);
    while let Some(inner) = source {
        if let Some(error) = inner.downcast_ref::<Error>() {
            if let Some(error) = of_dial(error) {
                return error;
            }
            break;
        }
        if let Some(system) = inner.downcast_ref::<io::Error>()
            && let Some(errno) = system.raw_os_error()
        {
            // Connected already: an error of dialling would be our own.
            return Error::system("read", io::Error::from_raw_os_error(errno), None);
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
    Error::Http(error.into())
}

/// A copy of the error of an attempt to connect, if it is one of its usual errors.
fn of_dial(error: &Error) -> Option<Error> {
    Some(match error {
        Error::System { syscall, source, address } => {
            let source = match source.raw_os_error() {
                Some(errno) => io::Error::from_raw_os_error(errno),
                None => source.kind().into(),
            };
            Error::system(syscall, source, *address)
        }
        Error::ConnectTimeout(address) => Error::ConnectTimeout(*address),
        Error::NameTimeout(host) => Error::NameTimeout(host.clone()),
        Error::UnknownHost(host) => Error::UnknownHost(host.clone()),
        _ => return None,
    })
}

/// The connection closed in the middle of an exchange.
fn hung_up(error: &hyper::Error) -> bool {
    error.is_incomplete_message() || error.is_canceled() || error.is_closed()
}
