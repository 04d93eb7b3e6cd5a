//! Last bytes for the other side of a connection that closes.

use super::socket::{read_more, write_all};
use crate::{config, net::admission::Places};
use socket2::SockRef;
use std::{io, net::Shutdown};
use tokio::{net::TcpStream, time::timeout};

/// Sends the response that rejects a client.
pub(super) async fn reject(stream: &TcpStream, answer: &[u8]) {
    if write_all(stream, answer).await.is_ok() {
        write_and_drain(stream, &[]).await;
    }
}

/// Lets the other side read the last bytes, unless too many other connections wait for that: see
/// [`write_and_drain`].
pub(in crate::net) async fn farewell(stream: &TcpStream, words: &[u8], others: &Places) {
    let Ok(remote) = stream.peer_addr() else { return };
    let mut place = others.enter(remote.ip());
    tokio::select! {
        biased;
        () = place.lost() => {}
        () = write_and_drain(stream, words) => {}
    }
}

/// Lets the other side read the last bytes: closing a socket with unread data would reset the
/// connection, and lose them (RFC 6455 section 7.1.1).
async fn write_and_drain(stream: &TcpStream, words: &[u8]) {
    let rest = async {
        write_all(stream, words).await?;
        SockRef::from(stream).shutdown(Shutdown::Write)?;
        let mut rest = Vec::new();
        while read_more(stream, &mut rest).await? {
            rest.clear();
        }
        Ok::<_, io::Error>(())
    };
    // Not longer: the other side may not read.
    let _ = timeout(config::FAREWELL_TIMEOUT, rest).await;
}
