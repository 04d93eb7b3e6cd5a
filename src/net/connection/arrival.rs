//! A new connection on its way from the handshake to JavaScript.

use crate::{rpc::Weigh, ws::Head};
use std::{
    net::{SocketAddr, TcpStream},
    sync::Arc,
};
use tokio::sync::OwnedSemaphorePermit;

/// A new connection that JavaScript is to be notified of; `C` is the connection. With `socket`,
/// the libuv driver reads it from then on; without, it is running already.
#[derive(Debug)]
pub struct NewConnection<C> {
    /// The connection, which is open.
    pub conn: C,
    /// Its socket, and the bytes that came with the handshake.
    pub socket: Option<(Arc<TcpStream>, Vec<u8>)>,
    /// The client's request, on a server.
    pub head: Option<Head>,
    /// The other side's address.
    pub remote: Option<SocketAddr>,
    /// The number of JavaScript's admission decision, on a server that asks for one.
    pub ask: Option<u32>,
    /// A place in the queue of connections that JavaScript has not been notified of, on a server.
    pub permit: Option<OwnedSemaphorePermit>,
}

impl<C> Weigh for NewConnection<C> {
    fn bytes(&self) -> usize {
        let rest = self.socket.as_ref().map_or(0, |(_, rest)| rest.len());
        rest + self.head.as_ref().map_or(0, Head::bytes)
    }
}
