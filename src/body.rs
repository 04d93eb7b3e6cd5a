//! Bodies of HTTP messages, read completely.

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::Body;
use std::{error::Error, fmt};

/// Why a body could not be read.
#[derive(Debug)]
pub enum Unread<E> {
    /// It is longer than the limit.
    TooLong,
    /// It did not arrive.
    Broken(E),
}

/// A message that is longer than the limit, as an error.
#[derive(Clone, Copy, Debug)]
pub struct TooLong;

impl fmt::Display for TooLong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("length limit exceeded")
    }
}

impl Error for TooLong {}

/// Reads a body of at most `most` bytes. Each part is copied and released: however short, it keeps
/// a whole buffer of its connection, and the other side chooses the number of parts.
///
/// # Errors
/// [`Unread`].
pub async fn read<B>(mut body: B, most: usize) -> Result<Vec<u8>, Unread<B::Error>>
where
    B: Body<Data = Bytes> + Unpin,
{
    let mut read = Vec::new();
    while let Some(frame) = body.frame().await {
        // Trailers are ignored.
        let Ok(data) = frame.map_err(Unread::Broken)?.into_data() else { continue };
        if data.len() > most - read.len() {
            return Err(Unread::TooLong);
        }
        read.extend_from_slice(&data);
    }
    Ok(read)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderMap;
    use hyper::body::Frame;
    use std::{
        convert::Infallible,
        pin::Pin,
        sync::Arc,
        task::{Context, Poll},
    };

    /// A body of so many parts of one byte, which counts the parts still held.
    struct Dripping {
        left: usize,
        buffer: Arc<[u8; 1]>,
        held: usize,
    }

    struct Part(Arc<[u8; 1]>);

    impl AsRef<[u8]> for Part {
        fn as_ref(&self) -> &[u8] {
            &self.0[..]
        }
    }

    impl Body for &mut Dripping {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            self.held = self.held.max(Arc::strong_count(&self.buffer) - 1);
            let frame = match self.left {
                0 => return Poll::Ready(None),
                1 => Frame::trailers(HeaderMap::new()),
                _ => Frame::data(Bytes::from_owner(Part(self.buffer.clone()))),
            };
            self.left -= 1;
            Poll::Ready(Some(Ok(frame)))
        }
    }

    fn dripping(bytes: usize) -> Dripping {
        Dripping { left: bytes + 1, buffer: Arc::new([b'x']), held: 0 }
    }

    #[tokio::test]
    async fn no_part_of_a_body_is_held_when_the_next_one_comes() {
        let mut body = dripping(1_000);
        assert_eq!(read(&mut body, 1_000).await.unwrap(), [b'x'; 1_000]);
        assert_eq!(body.held, 0);
    }

    #[tokio::test]
    async fn a_body_has_a_limit() {
        for (bytes, most) in [(1, 0), (11, 10), (1_000, 999)] {
            let mut body = dripping(bytes);
            let unread = read(&mut body, most).await;
            assert!(matches!(unread, Err(Unread::TooLong)), "{bytes}");
        }
        assert!(read(&mut dripping(0), 0).await.unwrap().is_empty());
    }
}
