//! An echo server, as fast as tokio-tungstenite goes: requests that are read at once are answered
//! with one write.

use crate::{Result, frame};
use futures_util::{FutureExt, SinkExt, StreamExt};
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::{accept_async, tungstenite::Message};

/// Messages received so far.
pub static HEARD: AtomicUsize = AtomicUsize::new(0);

/// Listens in the background. Without `answer` it only reads.
pub async fn listen(port: u16, answer: bool) -> Result<()> {
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                // Each measurement ends with the client's disconnection.
                let _ = serve(stream, answer).await;
            });
        }
    });
    Ok(())
}

async fn serve(stream: TcpStream, answer: bool) -> Result<()> {
    stream.set_nodelay(true)?;
    let mut socket = accept_async(stream).await?;
    while let Some(message) = socket.next().await {
        let mut message = message?;
        loop {
            HEARD.fetch_add(1, Ordering::Relaxed);
            if let (Message::Text(text), true) = (&message, answer) {
                socket.feed(Message::text(frame::reply(text)?)).await?;
            }
            match socket.next().now_or_never() {
                Some(Some(next)) => message = next?,
                Some(None) => return Ok(()),
                None => break,
            }
        }
        socket.flush().await?;
    }
    Ok(())
}
