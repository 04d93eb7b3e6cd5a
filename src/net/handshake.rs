//! Connections up to the end of their handshake, always on the tokio thread: name lookup,
//! dialling, upgrading, and the time limits of each.

use super::{
    Destination,
    conn::Connections,
    settings::Settings,
    tasks::Tasks,
};
use crate::{
    config,
    error::Error,
    ws::{ClientHandshake, Head, Upgrade, read_request},
};
use std::{
    io::ErrorKind,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU8, Ordering},
    },
};
use tokio::{
    net::{TcpListener, TcpStream, lookup_host},
    runtime::Handle,
    time::timeout,
};

/// A connection whose handshake is done but for a server's answer.
#[derive(Debug)]
pub struct Established {
    /// The socket.
    pub(super) stream: TcpStream,
    /// What the other side sent right after the handshake.
    pub(super) rest: Vec<u8>,
    /// What a server has still to answer.
    pub(super) answer: Vec<u8>,
    /// What the client asked, on a server.
    pub(super) head: Option<Head>,
}

/// What a server's connections have in common.
#[derive(Debug)]
pub(super) struct Service {
    pub number: u32,
    /// Of its connections.
    pub settings: Settings,
    /// Who gets the messages of new connections; see [`Lanes`](super::Lanes).
    pub lanes: AtomicU8,
    pub open: AtomicBool,
}

/// Accepts connections of one server.
pub(super) struct Acceptor {
    pub service: Arc<Service>,
    pub hub: Arc<Connections>,
    pub tasks: Tasks,
}

impl Acceptor {
    /// Accepts until it is dropped, and hands each upgraded connection to `serve`.
    pub async fn run<F, T>(self, runtime: &'static Handle, listener: TcpListener, serve: F)
    where
        F: Fn(Arc<Service>, Arc<Connections>, Established) -> T + Copy + Send + 'static,
        T: Future<Output = ()> + Send + 'static,
    {
        loop {
            match listener.accept().await {
                Ok((stream, _)) => {
                    let (service, hub) = (self.service.clone(), self.hub.clone());
                    self.tasks.spawn(runtime, async move {
                        // A failed handshake concerns nobody but the client, who was told.
                        if let Ok(Some(established)) =
                            timeout(config::HANDSHAKE_TIMEOUT, upgrade(stream)).await
                            && service.open.load(Ordering::SeqCst)
                        {
                            serve(service, hub, established).await;
                        }
                    });
                }
                // No descriptors left, or a client that was gone already: go on, but not hot.
                Err(_) => tokio::time::sleep(config::ACCEPT_RETRY).await,
            }
        }
    }
}

/// Reads a client's handshake. `None`: it was none, or the client went away.
async fn upgrade(stream: TcpStream) -> Option<Established> {
    stream.set_nodelay(true).ok()?;
    let mut bytes = Vec::new();
    loop {
        if !read_more(&stream, &mut bytes).await.ok()? {
            return None;
        }
        match read_request(&bytes) {
            Upgrade::Partial => {}
            Upgrade::Accept { response, consumed, head } => {
                bytes.drain(..consumed);
                let (rest, answer, head) = (bytes, response, Some(head));
                return Some(Established { stream, rest, answer, head });
            }
            Upgrade::Refuse { response } => {
                write_all(&stream, &response).await.ok()?;
                return None;
            }
        }
    }
}

/// A TCP connection to `dest` (`host:port`) and a handshake for `path`.
///
/// # Errors
/// [`Error::BadDestination`], [`Error::UnknownHost`], what the system says of the last address
/// tried, or what was wrong with the server's answer.
pub(super) async fn connect(dest: &str, path: &str) -> Result<Established, Error> {
    let stream = dial(&Destination::parse(dest)?).await?;
    timeout(config::HANDSHAKE_TIMEOUT, shake_hands(stream, dest, path))
        .await
        .map_err(|_| Error::HandshakeTimeout)?
}

async fn dial(dest: &Destination) -> Result<TcpStream, Error> {
    let unknown = || Error::UnknownHost(dest.host.clone());
    let found = lookup_host((dest.host.as_str(), dest.port)).await.map_err(|_| unknown())?;
    let mut last = unknown();
    for address in found {
        match timeout(config::CONNECT_TIMEOUT, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => {
                let nodelay = stream.set_nodelay(true);
                nodelay.map_err(|error| Error::system("connect", error, Some(address)))?;
                return Ok(stream);
            }
            Ok(Err(error)) => last = Error::system("connect", error, Some(address)),
            Err(_) => last = Error::ConnectTimeout(address),
        }
    }
    Err(last)
}

async fn shake_hands(stream: TcpStream, host: &str, path: &str) -> Result<Established, Error> {
    let failed = |error| Error::system("read", error, None);
    let (handshake, request) = ClientHandshake::new(host, path);
    write_all(&stream, &request).await.map_err(failed)?;
    let mut bytes = Vec::new();
    loop {
        if !read_more(&stream, &mut bytes).await.map_err(failed)? {
            return Err(Error::Handshake("socket hang up".into()));
        }
        if let Some(consumed) = handshake.read_response(&bytes)? {
            bytes.drain(..consumed);
            return Ok(Established { stream, rest: bytes, answer: Vec::new(), head: None });
        }
    }
}

/// Reads once into `bytes`; false at the end of the stream.
async fn read_more(stream: &TcpStream, bytes: &mut Vec<u8>) -> std::io::Result<bool> {
    let mut part = [0; 1024];
    loop {
        stream.readable().await?;
        match stream.try_read(&mut part) {
            Ok(read) => {
                bytes.extend_from_slice(&part[..read]);
                return Ok(read > 0);
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
}

async fn write_all(stream: &TcpStream, mut bytes: &[u8]) -> std::io::Result<()> {
    while !bytes.is_empty() {
        stream.writable().await?;
        match stream.try_write(bytes) {
            Ok(written) => bytes = &bytes[written..],
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
