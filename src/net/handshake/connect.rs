//! A client's side of the handshake, always on the tokio thread: name lookup, dialling and the
//! upgrade, with the time limits of each.

use super::{
    established::Established,
    socket::{read_more, write_all},
};
use crate::{
    dial::dial,
    error::{BadHandshake, Error},
    names::Asker,
    net::{address::Destination, settings::Settings, tcp},
    ws::{ClientHandshake, HeadEnd},
};
use socket2::SockRef;
use std::time::Duration;
use tokio::{net::TcpStream, time::timeout};

/// Connects to `dest` (`host:port`) by TCP within `connect_timeout` per address, and does the
/// handshake for `path` within `handshake_timeout`.
///
/// # Errors
/// [`Error::BadDestination`], [`Error::UnknownHost`], the system's error for the last address
/// tried, or what was wrong with the server's response.
pub(in crate::net) async fn connect(
    dest: &str,
    path: &str,
    settings: &Settings,
) -> Result<Established, Error> {
    let stream = connect_tcp(dest, settings).await?;
    timeout(Duration::from_millis(settings.handshake_timeout), upgrade(stream, dest, path))
        .await
        .map_err(|_| Error::HandshakeTimeout)?
}

pub(super) async fn connect_tcp(dest: &str, settings: &Settings) -> Result<TcpStream, Error> {
    let Destination { host, port } = Destination::parse(dest)?;
    if settings.dial_after > 0 {
        tokio::time::sleep(Duration::from_millis(settings.dial_after)).await;
    }
    let time = Duration::from_millis(settings.connect_timeout);
    let (stream, address) = dial(&host, port, Asker::Client, time).await?;
    tcp::prepare(&SockRef::from(&stream))
        .map_err(|error| Error::system("connect", error, Some(address)))?;
    Ok(stream)
}

async fn upgrade(stream: TcpStream, host: &str, path: &str) -> Result<Established, Error> {
    let failed = |error| Error::system("read", error, None);
    let (handshake, request) = ClientHandshake::new(host, path);
    write_all(&stream, &request).await.map_err(failed)?;
    let (mut bytes, mut end) = (Vec::new(), HeadEnd::default());
    loop {
        if !read_more(&stream, &mut bytes).await.map_err(failed)? {
            return Err(BadHandshake::HangUp.into());
        }
        if end.is_due(&mut bytes)
            && let Some(consumed) = handshake.read_response(&bytes)?
        {
            let rest = bytes.split_off(consumed);
            let (answer, head, ask, permit) = (Vec::new(), None, None, None);
            return Ok(Established { stream, rest, answer, head, ask, permit });
        }
    }
}
