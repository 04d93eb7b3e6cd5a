//! The result of a handshake.

use super::questions::OpenQuestion;
use crate::ws::Head;
use tokio::{net::TcpStream, sync::OwnedSemaphorePermit};

/// A connection whose handshake is complete except for a server's response.
#[derive(Debug)]
pub struct Established {
    /// The socket.
    pub(in crate::net) stream: TcpStream,
    /// Bytes received right after the handshake.
    pub(in crate::net) rest: Vec<u8>,
    /// A server's response, not sent yet.
    pub(in crate::net) answer: Vec<u8>,
    /// The client's request, on a server.
    pub(in crate::net) head: Option<Head>,
    /// The question that JavaScript has answered, on a server that asks; dropped if the client is
    /// not accepted after all.
    pub(in crate::net) ask: Option<OpenQuestion>,
    /// A place in the queue of connections that JavaScript has not been notified of, on a server.
    pub(in crate::net) permit: Option<OwnedSemaphorePermit>,
}
