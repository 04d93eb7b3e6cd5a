//! The writing side of a connection's socket.

use socket2::SockRef;
use std::{
    io::{self, ErrorKind, Write},
    net::{Shutdown, TcpStream},
    sync::Arc,
};
use tokio::net::tcp::OwnedWriteHalf;

/// The socket's writing side.
#[derive(Clone)]
pub(in crate::net) enum Writer {
    Tokio(Arc<OwnedWriteHalf>),
    Libuv(Arc<TcpStream>),
}

impl Writer {
    pub fn socket(&self) -> SockRef<'_> {
        match self {
            Self::Tokio(writer) => SockRef::from((**writer).as_ref()),
            Self::Libuv(stream) => SockRef::from(&**stream),
        }
    }

    /// Writes as many bytes as the kernel takes without blocking.
    #[inline]
    pub fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        loop {
            let result = match self {
                Self::Tokio(writer) => writer.try_write(bytes),
                Self::Libuv(stream) => (&**stream).write(bytes),
            };
            match result {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                result => return result,
            }
        }
    }

    /// Shuts down writing, which the other side sees if it is alive.
    pub fn shut_down(&self) {
        // A socket with an error is shut down already.
        let _ = self.socket().shutdown(Shutdown::Write);
    }
}
