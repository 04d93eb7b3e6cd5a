//! The two ends of an exchange that report its progress to its [`Place`]: the socket, and the
//! response.

use super::places::Place;
use crate::config::{self, grape::API_CHUNK_BYTES, grape::API_HEARTBEAT};
use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use socket2::{SockRef, TcpKeepalive};
use std::{
    convert::Infallible,
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::{Instant, Interval, interval_at},
};

/// A socket.
pub(super) struct Stream {
    io: TcpStream,
    place: Arc<Place>,
}

impl Stream {
    /// # Errors
    /// The client has disconnected.
    pub fn new(io: TcpStream, place: Arc<Place>) -> io::Result<Self> {
        // A response is one write; waiting for more would only delay it.
        io.set_nodelay(true)?;
        let socket = SockRef::from(&io);
        socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(config::KEEPALIVE))?;
        #[cfg(target_os = "linux")]
        socket.set_tcp_user_timeout(Some(config::TCP_USER_TIMEOUT))?;
        Ok(Self { io, place })
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.io).poll_read(context, buffer))?;
        if buffer.filled().len() > before {
            self.place.received();
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(context, bytes)
    }

    /// Hyper calls this when it has written its output.
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.io).poll_flush(context))?;
        if self.place.flushed(context) {
            Poll::Ready(Ok(()))
        } else {
            Poll::Ready(Err(io::Error::other("another connection needs the place")))
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(context)
    }
}

/// The body of a response.
pub(super) struct Answer {
    content: Content,
    place: Arc<Place>,
}

enum Content {
    Text(Bytes),
    /// A line now and then as long as the node runs: the reader notices the end of the node, or a
    /// broken connection.
    Endless(Interval),
}

impl Answer {
    /// A text, which other responses may share.
    pub fn text(text: Bytes, place: Arc<Place>) -> Self {
        Self { content: Content::Text(text), place }
    }

    /// An endless one.
    pub fn endless(place: Arc<Place>) -> Self {
        let interval = interval_at(Instant::now() + API_HEARTBEAT, API_HEARTBEAT);
        Self { content: Content::Endless(interval), place }
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        self.place.answered();
    }
}

impl Body for Answer {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match &mut self.content {
            Content::Text(rest) if rest.is_empty() => Poll::Ready(None),
            Content::Text(rest) => {
                // Hyper copies at most as much as the connection may hold.
                let next = rest.split_to(rest.len().min(API_CHUNK_BYTES));
                Poll::Ready(Some(Ok(Frame::data(next))))
            }
            Content::Endless(interval) => {
                ready!(interval.poll_tick(context));
                Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(b"\n")))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(&self.content, Content::Text(rest) if rest.is_empty())
    }

    fn size_hint(&self) -> SizeHint {
        match &self.content {
            Content::Text(rest) => SizeHint::with_exact(rest.len() as u64),
            Content::Endless(_) => SizeHint::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::grape::places::Places;
    use tokio::net::TcpListener;

    #[tokio::test]
    async fn a_cut_link_shows() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap());
        let (client, accepted) = tokio::join!(client, listener.accept());
        let (io, from) = accepted.unwrap();
        let (inbox, _asked) = tokio::sync::mpsc::unbounded_channel();
        let lease = Places::new(inbox, None).take(from.ip());
        let stream = Stream::new(io, lease.place.clone()).unwrap();
        let socket = SockRef::from(&stream.io);
        assert!(socket.keepalive().unwrap() && socket.tcp_nodelay().unwrap());
        #[cfg(target_os = "linux")]
        {
            assert_eq!(socket.tcp_keepalive_time().unwrap(), config::KEEPALIVE);
            assert_eq!(socket.tcp_user_timeout().unwrap(), Some(config::TCP_USER_TIMEOUT));
        }
        drop(client);
    }
}
