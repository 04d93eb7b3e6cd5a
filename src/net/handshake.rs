//! Connections up to the end of their handshake, always on the tokio thread: name lookup,
//! dialling, upgrading, and the time limits of each.

use super::{Destination, conn::Connections, settings::Settings, tasks::Tasks};
use crate::{
    config,
    error::Error,
    ws::{ClientHandshake, Head, Outbound, Role, Upgrade, read_request},
};
use socket2::{SockRef, TcpKeepalive};
use std::{
    io::{self, ErrorKind},
    net::Shutdown,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU8, Ordering},
    },
    time::Duration,
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
    /// Clients whose handshake is done.
    pub connections: Counter,
    /// Clients in the middle of it.
    pub handshakes: Counter,
}

/// Counts those who have a clone of it.
#[derive(Clone, Debug, Default)]
pub(super) struct Counter(Arc<()>);

impl Counter {
    fn count(&self) -> usize {
        Arc::strong_count(&self.0) - 1
    }
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
                    let handshake = service.handshakes.clone();
                    if service.handshakes.count() > config::MAX_HANDSHAKES {
                        continue;
                    }
                    self.tasks.spawn(runtime, async move {
                        // A failed handshake concerns nobody but the client, who was told.
                        let time = Duration::from_millis(service.settings.handshake_timeout);
                        let Ok(Some(established)) = timeout(time, upgrade(stream)).await else {
                            return;
                        };
                        drop(handshake);
                        let limit = service.settings.max_connections;
                        if limit > 0 && service.connections.count() >= limit {
                            return turn_away(established).await;
                        }
                        if service.open.load(Ordering::SeqCst) {
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

/// Close code of a server that has enough connections (IANA's registry of close codes).
const TRY_AGAIN_LATER: u16 = 1013;

/// Tells a client that there are too many, in words that it understands.
async fn turn_away(established: Established) {
    let Established { stream, answer, .. } = established;
    let mut out = Outbound::new(Role::Server);
    out.raw(&answer);
    out.close(Some(TRY_AGAIN_LATER), "");
    let Some(bytes) = out.take_all() else { return };
    if write_all(&stream, &bytes).await.is_ok() {
        farewell(&stream).await;
    }
}

/// Lets the other side read our last words: closing with bytes of its own unread would reset the
/// connection, and the words with it (RFC 6455 section 7.1.1).
pub(super) async fn farewell(stream: &TcpStream) {
    let rest = async {
        SockRef::from(stream).shutdown(Shutdown::Write)?;
        let mut rest = Vec::new();
        while read_more(stream, &mut rest).await? {
            rest.clear();
        }
        Ok::<_, io::Error>(())
    };
    // Whoever does not listen need not be waited for.
    let _ = timeout(config::FAREWELL_TIMEOUT, rest).await;
}

/// What every connection's socket is set to.
fn prepare(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let socket = SockRef::from(stream);
    socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(config::KEEPALIVE))?;
    #[cfg(target_os = "linux")]
    socket.set_tcp_user_timeout(Some(config::TCP_USER_TIMEOUT))?;
    Ok(())
}

/// Reads a client's handshake. `None`: it was none, or the client went away.
async fn upgrade(stream: TcpStream) -> Option<Established> {
    prepare(&stream).ok()?;
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
                farewell(&stream).await;
                return None;
            }
        }
    }
}

/// A TCP connection to `dest` (`host:port`) and a handshake for `path` within `ms`.
///
/// # Errors
/// [`Error::BadDestination`], [`Error::UnknownHost`], what the system says of the last address
/// tried, or what was wrong with the server's answer.
pub(super) async fn connect(dest: &str, path: &str, ms: u64) -> Result<Established, Error> {
    let stream = dial(&Destination::parse(dest)?).await?;
    timeout(Duration::from_millis(ms), shake_hands(stream, dest, path))
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
                prepare(&stream).map_err(|error| Error::system("connect", error, Some(address)))?;
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
async fn read_more(stream: &TcpStream, bytes: &mut Vec<u8>) -> io::Result<bool> {
    let mut part = [0; 1024];
    loop {
        stream.readable().await?;
        match stream.try_read(&mut part) {
            Ok(read) => {
                bytes.extend_from_slice(&part[..read]);
                return Ok(read > 0);
            }
            Err(error) if is_passing(&error) => {}
            Err(error) => return Err(error),
        }
    }
}

pub(super) async fn write_all(stream: &TcpStream, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        stream.writable().await?;
        match stream.try_write(bytes) {
            Ok(written) => bytes = &bytes[written..],
            Err(error) if is_passing(&error) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Whether the same call can go well the next time.
fn is_passing(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_system_gives_up_a_dead_host_on_both_sides() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let accepted = async { upgrade(listener.accept().await.unwrap().0).await.unwrap().stream };
        let dialled = async {
            let stream = dial(&Destination::parse(&address).unwrap()).await.unwrap();
            write_all(&stream, &ClientHandshake::new(&address, "/").1).await.unwrap();
            stream
        };
        let (accepted, dialled) = tokio::join!(accepted, dialled);
        for stream in [accepted, dialled] {
            let socket = SockRef::from(&stream);
            assert!(socket.keepalive().unwrap());
            assert_eq!(socket.tcp_keepalive_time().unwrap(), config::KEEPALIVE);
            assert_eq!(socket.tcp_user_timeout().unwrap(), Some(config::TCP_USER_TIMEOUT));
        }
    }
}
