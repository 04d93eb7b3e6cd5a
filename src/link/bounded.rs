//! A connection to a grape that closes when the response to one request never ends: heads of
//! informational responses (RFC 9110 section 15.2) may follow each other forever, and the
//! connection outlives an exchange that was given up. It also closes without any request: the
//! request it was opened for may have used another connection.

use super::http::HTTP_PORT;
use crate::{body, config, dial::dial, error::Error, names::Asker};
use http::Uri;
use hyper_util::{
    client::legacy::connect::{Connected, Connection},
    rt::TokioIo,
};
use std::{
    future::Future,
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll},
    time::Instant,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::{Sleep, sleep},
};
use tower_service::Service;

/// Connects to grapes.
#[derive(Clone, Debug)]
pub(super) struct Connector;

/// See the module's description.
#[derive(Debug)]
pub(super) struct Bounded {
    stream: TcpStream,
    /// Bytes received since the last request, and its time.
    read: usize,
    asked: Instant,
    /// Until the first request.
    unused: Option<Pin<Box<Sleep>>>,
}

impl Bounded {
    fn new(stream: TcpStream) -> Self {
        let unused = Some(Box::pin(sleep(config::GRAPE_UNUSED)));
        Self { stream, read: 0, asked: Instant::now(), unused }
    }

    fn wrote(&mut self, result: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if matches!(result, Poll::Ready(Ok(written)) if written > 0) {
            (self.read, self.asked) = (0, Instant::now());
            self.unused = None;
        }
        result
    }
}

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

impl Connection for Bounded {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

impl AsyncRead for Bounded {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if let Some(unused) = &mut self.unused
            && unused.as_mut().poll(cx).is_ready()
        {
            // As if the grape had closed it.
            return Poll::Ready(Ok(()));
        }
        let before = buf.filled().len();
        let result = Pin::new(&mut self.stream).poll_read(cx, buf);
        self.read += buf.filled().len() - before;
        let is_much = self.read > config::MAX_GRAPE_ANSWER_BYTES + config::GRAPE_HEAD_BYTES;
        if result.is_ready()
            && (is_much || self.read > 0 && self.asked.elapsed() > config::GRAPE_ANSWER_TIMEOUT)
        {
            return Poll::Ready(Err(io::Error::other(body::TOO_LONG)));
        }
        result
    }
}

impl AsyncWrite for Bounded {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.wrote(result)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write_vectored(cx, bytes);
        self.wrote(result)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
