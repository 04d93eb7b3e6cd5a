//! Connections up to the end of their handshake, always on the tokio thread: name lookup,
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
    /// The question that JavaScript has answered, on a server that asks: it is over if the client does
    /// not come in after all.
    pub(super) ask: Option<Ask>,
    /// A place among those that JavaScript has still to hear of, on a server.
    pub(super) permit: Option<OwnedSemaphorePermit>,
}

/// What a server's connections have in common.
#[derive(Debug)]
pub(super) struct Service {
    pub number: u32,
    /// Of its connections.
    pub settings: Settings,
    /// What they may hold together.
    pub budget: Arc<Budget>,
    /// Who gets the messages of new connections; see [`Lanes`](super::Lanes).
    pub lanes: AtomicU8,
    pub open: AtomicBool,
    /// Clients whose handshake is done.
    pub connections: Counter,
    /// Clients in the middle of it.
    pub handshakes: Strangers,
    /// Places for those that JavaScript has still to hear of.
    pub arrivals: Arc<Semaphore>,
    /// The questions of this JavaScript environment.
    pub asks: Asks,
    /// Those who are told why they are closed.
    pub farewells: Strangers,
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
        // A panic costs the client that it met, and not all that would come.
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
                        // A failed handshake concerns nobody but the client, who was told.
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
                // No descriptors left: whoever is in the middle of a handshake has some.
                Err(error)
                    if is_exhausted(&error) && self.service.handshakes.shed(config::SHED_AGE) =>
                {
                    tokio::time::sleep(config::SHED_PAUSE).await;
                }
                // None can be had, or a client that was gone already: go on, but not hot.
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

/// A client's handshake, up to the answer that lets it in. `None`: it was refused, or went away.
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

/// Waits for something beside the client, who may not care to.
async fn unless_gone<T>(stream: &TcpStream, future: impl Future<Output = T>) -> Option<T> {
    tokio::select! {
        biased;
        result = future => Some(result),
        () = gone(stream) => None,
    }
}

/// Waits for the end of a client that has nothing to say for now.
async fn gone(stream: &TcpStream) {
    let mut byte = [0];
    match stream.peek(&mut byte).await {
        Ok(0) | Err(_) => {}
        // It does not wait for its answer, and is not looked at before it gets one.
        Ok(_) => pending().await,
    }
}

/// Close code of a server that has enough connections (IANA's registry of close codes).
pub(super) const TRY_AGAIN_LATER: u16 = 1013;

/// Tells a client that there are too many, in words that it understands.
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

/// Answers a client that does not come in.
async fn refuse(stream: &TcpStream, answer: &[u8]) {
    if write_all(stream, answer).await.is_ok() {
        last_words(stream, &[]).await;
    }
}

/// Lets the other side read our last words, unless too many others are to: see [`last_words`].
pub(super) async fn farewell(stream: &TcpStream, words: &[u8], others: &Strangers) {
    let Ok(remote) = stream.peer_addr() else { return };
    let mut place = others.enter(remote.ip());
    tokio::select! {
        biased;
        () = place.lost() => {}
        () = last_words(stream, words) => {}
    }
}

/// Lets the other side read our last words: closing with bytes of its own unread would reset the
/// connection, and the words with it (RFC 6455 section 7.1.1).
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
    // Whoever does not listen need not be waited for.
    let _ = timeout(config::FAREWELL_TIMEOUT, rest).await;
}

/// Reads a client's handshake. `None`: it was none, or the client went away.
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
                    // While JavaScript is busy the bytes wait as they came, which is least.
                    drop((response, head));
                    let room = arrivals.clone().acquire_owned();
                    permit = Some(unless_gone(&stream, room).await?.ok()?);
                    continue;
                }
                // The head's own memory is given back.
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

/// A TCP connection to `dest` (`host:port`), which each of its addresses may take `connect_timeout` ms
/// for, and a handshake for `path` within `handshake_timeout`.
///
/// # Errors
/// [`Error::BadDestination`], [`Error::UnknownHost`], what the system says of the last address
/// tried, or what was wrong with the server's answer.
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

/// Apart from [`read_more`], whose memory every waiting connection has.
fn read_part(stream: &TcpStream, bytes: &mut Vec<u8>) -> io::Result<bool> {
    let mut part = [0; 1024];
    let room = config::MAX_HANDSHAKE_BYTES.saturating_sub(bytes.len()).clamp(1, part.len());
    let read = stream.try_read(&mut part[..room])?;
    grow(bytes, read);
    bytes.extend_from_slice(&part[..read]);
    Ok(read > 0)
}

/// Makes room for `more` bytes as a `Vec` does, but never for more than a head may have.
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

/// Whether the same call can go well the next time.
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
