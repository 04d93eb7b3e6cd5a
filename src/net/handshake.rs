//! Connections until their handshake is complete, always on the tokio thread: name lookup,
//! dialling, upgrading, and the time limits of each.

use super::{
    Destination,
    admission::Strangers,
    asks::{Ask, Asks, Question},
    budget::Budget,
    conn::Connections,
    settings::{Admission, Lanes, Settings},
    tasks::Tasks,
    tcp,
};
use crate::{
    caught::caught_in,
    config,
    dial::dial,
    error::Error,
    names::Asker,
    rpc::NOTHING_READ,
    ws::{self, ClientHandshake, Head, HeadEnd, Outbound, Role, Upgrade, read_request},
};
use http::StatusCode;
use socket2::SockRef;
use std::{
    future::pending,
    io::{self, ErrorKind},
    net::{Shutdown, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU8, Ordering},
    },
    time::Duration,
};
use tokio::{
    net::{TcpListener, TcpStream},
    runtime::Handle,
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

/// A connection whose handshake is complete except for a server's response.
#[derive(Debug)]
pub struct Established {
    /// The socket.
    pub(super) stream: TcpStream,
    /// Bytes received right after the handshake.
    pub(super) rest: Vec<u8>,
    /// A server's response, not sent yet.
    pub(super) answer: Vec<u8>,
    /// The client's request, on a server.
    pub(super) head: Option<Head>,
    /// The question that JavaScript has answered, on a server that asks; dropped if the client is
    /// not accepted after all.
    pub(super) ask: Option<Ask>,
    /// A place in the queue of connections that JavaScript has not been notified of, on a server.
    pub(super) permit: Option<OwnedSemaphorePermit>,
}

/// Shared state of a server's connections.
#[derive(Debug)]
pub(super) struct Service {
    pub number: u32,
    /// Settings of its connections.
    pub settings: Settings,
    /// Their common memory budget.
    pub budget: Arc<Budget>,
    /// Who gets the messages of new connections; see [`Lanes`](super::Lanes).
    pub lanes: AtomicU8,
    pub open: AtomicBool,
    /// Clients with a complete handshake.
    pub connections: Counter,
    /// Clients in the handshake.
    pub handshakes: Strangers,
    /// Places for clients that JavaScript has not been notified of.
    pub arrivals: Arc<Semaphore>,
    /// The pending questions of this JavaScript environment.
    pub asks: Asks,
    /// Clients that are being told why they are closed.
    pub farewells: Strangers,
}

/// Counts its clones.
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
        // A panic costs the client that caused it, not the listener.
        while caught_in(self.accept(runtime, &listener, serve)).await.is_err() {}
    }

    async fn accept<F, T>(&self, runtime: &'static Handle, listener: &TcpListener, serve: F)
    where
        F: Fn(Arc<Service>, Arc<Connections>, Established) -> T + Copy + Send + 'static,
        T: Future<Output = ()> + Send + 'static,
    {
        loop {
            match listener.accept().await {
                Ok((stream, remote)) => {
                    let (service, hub) = (self.service.clone(), self.hub.clone());
                    let mut place = service.handshakes.enter(remote.ip());
                    self.tasks.spawn(runtime, async move {
                        // A failed handshake concerns only the client, which was told.
                        let time = Duration::from_millis(service.settings.handshake_timeout);
                        let established = tokio::select! {
                            biased;
                            () = place.lost() => return,
                            done = timeout(time, welcome(&service, &hub, stream, remote)) => done,
                        };
                        drop(place);
                        if let Ok(Some(established)) = established
                            && service.open.load(Ordering::SeqCst)
                        {
                            serve(service, hub, established).await;
                        }
                    });
                }
                // No file descriptors left: open handshakes hold some.
                Err(error)
                    if is_exhausted(&error) && self.service.handshakes.shed(config::SHED_AGE) =>
                {
                    tokio::time::sleep(config::SHED_PAUSE).await;
                }
                // None can be freed, or the client had disconnected already: go on, but without a
                // busy loop.
                Err(_) => tokio::time::sleep(config::ACCEPT_RETRY).await,
            }
        }
    }
}

/// Whether the process or the system has no descriptors left.
fn is_exhausted(error: &io::Error) -> bool {
    const ENFILE: i32 = 23;
    const EMFILE: i32 = 24;
    cfg!(unix) && matches!(error.raw_os_error(), Some(ENFILE | EMFILE))
}

/// A client's handshake, up to the response that accepts it. `None`: it was rejected, or
/// disconnected.
async fn welcome(
    service: &Service,
    hub: &Arc<Connections>,
    stream: TcpStream,
    remote: SocketAddr,
) -> Option<Established> {
    let mut established = upgrade(stream, &service.arrivals).await?;
    let Established { stream, head, permit, .. } = &mut established;
    let head = head.as_ref()?;
    let lanes = Lanes::from_bits(service.lanes.load(Ordering::SeqCst));
    let asks = match service.settings.admission {
        _ if lanes.has(Lanes::ASK_ALL) => true,
        Admission::Any => false,
        Admission::Local => {
            if remote.ip().to_canonical().is_loopback() && !head.is_of_loopback() {
                refuse(stream, &ws::refusal(StatusCode::FORBIDDEN)).await;
                return None;
            }
            false
        }
        Admission::AskOrigins => head.has_origin(),
        Admission::AskAll => true,
    };
    if asks {
        let question = Question { head: head.clone(), remote: Some(remote) };
        let mut ask = service.asks.ask(hub, service.number, question, permit.take()?);
        if let Some(refusal) = unless_gone(stream, ask.decision()).await?? {
            refuse(stream, &refusal).await;
            return None;
        }
        established.ask = Some(ask);
    }
    if established.permit.is_none() {
        let permit = service.arrivals.clone().acquire_owned();
        established.permit = Some(unless_gone(&established.stream, permit).await?.ok()?);
    }
    let limit = service.settings.max_connections;
    if limit > 0 && service.connections.count() >= limit {
        turn_away(established).await;
        return None;
    }
    Some(established)
}

/// Waits for `future`, unless the client disconnects first.
async fn unless_gone<T>(stream: &TcpStream, future: impl Future<Output = T>) -> Option<T> {
    tokio::select! {
        biased;
        result = future => Some(result),
        () = gone(stream) => None,
    }
}

/// Waits until a client that sends nothing for now disconnects.
async fn gone(stream: &TcpStream) {
    let mut byte = [0];
    match stream.peek(&mut byte).await {
        Ok(0) | Err(_) => {}
        // It sends before it has its response; its data is not read until then.
        Ok(_) => pending().await,
    }
}

/// Close code of a server with too many connections (IANA's registry of close codes).
pub(super) const TRY_AGAIN_LATER: u16 = 1013;

/// Closes a client with this code, since there are too many.
async fn turn_away(established: Established) {
    let Established { stream, answer, permit, .. } = established;
    drop(permit);
    let mut out = Outbound::new(Role::Server);
    out.raw(&answer);
    out.close(Some(TRY_AGAIN_LATER), NOTHING_READ);
    if let Some(bytes) = out.take_all() {
        refuse(&stream, &bytes).await;
    }
}

/// Sends the response that rejects a client.
async fn refuse(stream: &TcpStream, answer: &[u8]) {
    if write_all(stream, answer).await.is_ok() {
        last_words(stream, &[]).await;
    }
}

/// Lets the other side read the last bytes, unless too many other connections wait for that: see
/// [`last_words`].
pub(super) async fn farewell(stream: &TcpStream, words: &[u8], others: &Strangers) {
    let Ok(remote) = stream.peer_addr() else { return };
    let mut place = others.enter(remote.ip());
    tokio::select! {
        biased;
        () = place.lost() => {}
        () = last_words(stream, words) => {}
    }
}

/// Lets the other side read the last bytes: closing a socket with unread data would reset the
/// connection, and lose them (RFC 6455 section 7.1.1).
async fn last_words(stream: &TcpStream, words: &[u8]) {
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

/// Reads a client's handshake. `None`: it was invalid, or the client disconnected.
async fn upgrade(stream: TcpStream, arrivals: &Arc<Semaphore>) -> Option<Established> {
    tcp::prepare(&SockRef::from(&stream)).ok()?;
    let (mut bytes, mut end, mut permit) = (Vec::new(), HeadEnd::default(), None);
    loop {
        if permit.is_none() {
            if !read_more(&stream, &mut bytes).await.ok()? {
                return None;
            }
            if !end.is_due(&mut bytes) {
                continue;
            }
        }
        match read_request(&bytes) {
            Upgrade::Partial => {}
            Upgrade::Accept { response, consumed, head } => {
                permit = permit.or_else(|| arrivals.clone().try_acquire_owned().ok());
                if permit.is_none() {
                    // While JavaScript is busy only the raw bytes are kept, which take the least
                    // memory.
                    drop((response, head));
                    let room = arrivals.clone().acquire_owned();
                    permit = Some(unless_gone(&stream, room).await?.ok()?);
                    continue;
                }
                // Frees the head's own memory.
                let (rest, answer, head) = (bytes.split_off(consumed), response, Some(head));
                return Some(Established { stream, rest, answer, head, ask: None, permit });
            }
            Upgrade::Refuse { response } => {
                refuse(&stream, &response).await;
                return None;
            }
        }
    }
}

/// Connects to `dest` (`host:port`) by TCP within `connect_timeout` per address, and does the
/// handshake for `path` within `handshake_timeout`.
///
/// # Errors
/// [`Error::BadDestination`], [`Error::UnknownHost`], the system's error for the last address
/// tried, or what was wrong with the server's response.
pub(super) async fn connect(
    dest: &str,
    path: &str,
    settings: &Settings,
) -> Result<Established, Error> {
    let stream = reach(dest, settings).await?;
    timeout(Duration::from_millis(settings.handshake_timeout), shake_hands(stream, dest, path))
        .await
        .map_err(|_| Error::HandshakeTimeout)?
}

async fn reach(dest: &str, settings: &Settings) -> Result<TcpStream, Error> {
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

async fn shake_hands(stream: TcpStream, host: &str, path: &str) -> Result<Established, Error> {
    let failed = |error| Error::system("read", error, None);
    let (handshake, request) = ClientHandshake::new(host, path);
    write_all(&stream, &request).await.map_err(failed)?;
    let (mut bytes, mut end) = (Vec::new(), HeadEnd::default());
    loop {
        if !read_more(&stream, &mut bytes).await.map_err(failed)? {
            return Err(Error::Handshake("socket hang up".into()));
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

/// Reads once into `bytes`, up to the size of a head; false at the end of the stream.
async fn read_more(stream: &TcpStream, bytes: &mut Vec<u8>) -> io::Result<bool> {
    loop {
        stream.readable().await?;
        match read_part(stream, bytes) {
            Err(error) if is_passing(&error) => {}
            result => return result,
        }
    }
}

/// Separate from [`read_more`], whose memory every waiting connection holds.
fn read_part(stream: &TcpStream, bytes: &mut Vec<u8>) -> io::Result<bool> {
    let mut part = [0; 1024];
    let room = config::MAX_HANDSHAKE_BYTES.saturating_sub(bytes.len()).clamp(1, part.len());
    let read = stream.try_read(&mut part[..room])?;
    grow(bytes, read);
    bytes.extend_from_slice(&part[..read]);
    Ok(read > 0)
}

/// Makes room for `more` bytes as a `Vec` does, but never for more than the limit of a head.
fn grow(bytes: &mut Vec<u8>, more: usize) {
    let needed = bytes.len() + more;
    if needed > bytes.capacity() {
        let most = config::MAX_HANDSHAKE_BYTES.max(needed);
        bytes.reserve_exact((2 * bytes.capacity()).clamp(needed, most) - bytes.len());
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

/// Whether the same call may succeed the next time.
fn is_passing(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_never_has_more_memory_than_its_largest_size() {
        for part in [1, 7, 800, 1000, 1024] {
            let mut bytes = Vec::new();
            while bytes.len() < config::MAX_HANDSHAKE_BYTES {
                let read = part.min(config::MAX_HANDSHAKE_BYTES - bytes.len());
                grow(&mut bytes, read);
                bytes.extend(std::iter::repeat_n(b'a', read));
            }
            assert_eq!(bytes.capacity(), config::MAX_HANDSHAKE_BYTES);
        }
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn the_system_gives_up_an_idle_dead_host_on_both_sides_and_no_living_one() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let accepted = async {
            upgrade(listener.accept().await.unwrap().0, &Arc::new(Semaphore::new(1)))
                .await
                .unwrap()
                .stream
        };
        let dialled = async {
            let stream = reach(&address, &Settings::default()).await.unwrap();
            write_all(&stream, &ClientHandshake::new(&address, "/").1).await.unwrap();
            stream
        };
        let (accepted, dialled) = tokio::join!(accepted, dialled);
        for stream in [accepted, dialled] {
            let socket = SockRef::from(&stream);
            assert!(socket.keepalive().unwrap());
            assert_eq!(socket.tcp_keepalive_time().unwrap(), config::KEEPALIVE);
            assert_eq!(socket.tcp_keepalive_interval().unwrap(), config::KEEPALIVE_INTERVAL);
            assert_eq!(socket.tcp_keepalive_retries().unwrap(), config::KEEPALIVE_RETRIES);
            assert_eq!(socket.tcp_user_timeout().unwrap(), None);
        }
    }
}
