//! A connection to a grape, with limits that the HTTP client lacks. It closes when the response to
//! one request never ends: heads of informational responses (RFC 9110 section 15.2) may follow each
//! other forever, and the connection outlives an exchange that was given up. It also closes without
//! a request in time: the request that it was opened for may have used another connection.

use crate::{body::TooLong, config};
use hyper_util::client::legacy::connect::{Connected, Connection};
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

/// The connection; see the module's description.
#[derive(Debug)]
pub(super) struct Bounded {
    stream: TcpStream,
    /// Bytes received since the last request.
    received: usize,
    requested_at: Instant,
    /// Limits the wait for the first request.
    unused: Option<Pin<Box<Sleep>>>,
}

impl Bounded {
    pub fn new(stream: TcpStream) -> Self {
        let unused = Some(Box::pin(sleep(config::GRAPE_UNUSED)));
        Self { stream, received: 0, requested_at: Instant::now(), unused }
    }

    /// A request was written: its response has a limit of its own.
    fn wrote(&mut self, result: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if matches!(result, Poll::Ready(Ok(written)) if written > 0) {
            (self.received, self.requested_at) = (0, Instant::now());
            self.unused = None;
        }
        result
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
        self.received += buf.filled().len() - before;
        let is_too_long = self.received > config::MAX_GRAPE_ANSWER_BYTES + config::GRAPE_HEAD_BYTES;
        if result.is_ready()
            && (is_too_long
                || self.received > 0 && self.requested_at.elapsed() > config::GRAPE_ANSWER_TIMEOUT)
        {
            return Poll::Ready(Err(io::Error::other(TooLong)));
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
