//! One connection to the server under load.

use crate::Result;
use tokio::net::TcpStream;
use tokio_tungstenite::{WebSocketStream, client_async};

pub type Socket = WebSocketStream<TcpStream>;

pub async fn connect(port: u16) -> Result<Socket> {
    let stream = TcpStream::connect(("127.0.0.1", port)).await?;
    stream.set_nodelay(true)?;
    Ok(client_async(format!("ws://127.0.0.1:{port}/ws"), stream).await?.0)
}
