//! A discovery node on real sockets: UDP for the network, HTTP for services and people.

mod actor;
mod backlog;
mod browser;
mod http;
mod names;
mod outbox;
mod pages;
mod places;
mod state;
mod stream;

use super::{Port, address, io, tasks::Tasks};
use crate::{
    caught::caught_in,
    config,
    error::Error,
    grape::{Address, Command, Core, Failure, Options, Outcome, Source, Status, Wanted, api},
};
use ::http::HeaderValue;
use actor::{Actor, Ask};
pub use backlog::{Backlog, Kind};
use browser::Guard;
use pages::Pages;
use places::Place;
use rand::Rng;
use socket2::{Domain, Protocol, Socket, Type};
use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, ToSocketAddrs},
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
        mpsc::{Receiver, channel},
    },
    time::{Duration, Instant},
};
use tokio::{
    net::{TcpListener, UdpSocket},
    select,
    sync::{
        Mutex,
        mpsc::{self, UnboundedSender},
        oneshot,
    },
    time::sleep,
};

/// Addresses and files of a node.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Options of the node itself.
    pub core: Options,
    /// Name or address that both sockets are bound to. Defaults to every interface.
    pub host: Option<String>,
    /// UDP port; 0 takes any free one.
    pub dht_port: u16,
    /// TCP port; 0 takes any free one.
    pub api_port: u16,
    /// Names of the API besides `host`, `localhost` and its addresses, for browsers.
    pub api_hosts: Vec<String>,
    /// Bootstrap nodes, as `host:port`.
    pub bootstrap: Vec<String>,
    /// Largest body of an API request, in bytes.
    pub body_limit: usize,
    /// File for known nodes and the id.
    pub state: Option<PathBuf>,
    /// How long after the start a lookup waits for an announce, instead of finding nothing: for a
    /// node that replaces one that has ended.
    pub grace: Duration,
}

/// An event of a node.
#[derive(Clone, Debug)]
pub enum Told {
    /// The first walk through the network is done.
    Ready,
    /// A new node is known.
    Node,
    /// A lookup found this address.
    Peer(String),
    /// An address was announced under this name.
    Announce(String),
    /// An invalid datagram was received, or the state file is damaged.
    Warning(String),
}

/// A running node. Dropping it stops it, without waiting and without writing its state.
#[derive(Debug)]
pub struct Grape {
    shared: Arc<Shared>,
    tasks: Tasks,
    /// Disconnected when the ports are free.
    freed: Receiver<()>,
    /// Disconnected when the connections are closed as well.
    over: Arc<Mutex<mpsc::Receiver<()>>>,
}

/// State shared by the API's requests.
#[derive(Debug)]
struct Shared {
    asks: UnboundedSender<Ask>,
    dht: SocketAddr,
    api: SocketAddr,
    guard: Guard,
    pages: Pages,
    body_limit: usize,
    state: Option<PathBuf>,
    grace_until: Instant,
    last_op: AtomicU64,
    /// A random number of this run.
    instance: HeaderValue,
}

impl Grape {
    /// Binds both sockets and starts; `tell` is called on another thread.
    ///
    /// # Errors
    /// The system's error, with the address.
    pub fn start(
        settings: Settings,
        tell: impl Fn(Told) + Send + Sync + 'static,
    ) -> Result<Self, Error> {
        let Settings { bootstrap, state, .. } = &settings;
        let host = &settings.host.as_deref().map(plain);
        let runtime = io::runtime().map_err(|error| Error::system("listen", error, None))?;
        let _reactor = runtime.enter();
        let ip = host.as_deref().map(resolve).transpose()?;
        if let (Some(host), Some(ip)) = (host, ip)
            && host.parse::<Ipv6Addr>().is_ok()
        {
            tell(Told::Warning(format!("host: the node of {host} is at {ip}, {IPV4_ALONE}")));
        }
        let at = SocketAddrV4::new(ip.unwrap_or(Ipv4Addr::UNSPECIFIED), settings.dht_port);
        let socket = bind(at)?;
        let listener = address::listen(Port {
            host: host.as_deref(),
            port: settings.api_port,
            shared: false,
        })?;
        let listener = TcpListener::from_std(listener)
            .map_err(|error| Error::system("listen", error, None))?;
        let dht = socket.local_addr().map_err(|error| Error::system("bind", error, None))?;
        let api = listener.local_addr().map_err(|error| Error::system("listen", error, None))?;

        let names = names::parse(bootstrap, |error| {
            tell(Told::Warning(format!("dht_bootstrap: {error}")));
        });
        let mut options = settings.core.clone();
        options.port = dht.port();
        options.is_own = is_own;
        options.host = ip.filter(|ip| !ip.is_unspecified()).map(|ip| ip.octets());
        let mut known = Vec::new();
        match state.as_deref().map(state::read).transpose() {
            Ok(Some(Some(kept))) => {
                options.id = options.id.or(Some(kept.id));
                known = kept.nodes;
            }
            Ok(_) => {}
            Err(text) => tell(Told::Warning(text)),
        }

        let (asks, asked) = mpsc::unbounded_channel();
        let shared = Arc::new(Shared {
            asks,
            dht,
            api,
            guard: Guard::new(api, host.iter().chain(&settings.api_hosts).cloned()),
            pages: Pages::default(),
            body_limit: settings.body_limit,
            state: state.clone(),
            grace_until: Instant::now() + settings.grace,
            last_op: AtomicU64::new(OVER),
            instance: rand::rng().next_u64().into(),
        });
        let mut seed = [0; 32];
        rand::rng().fill_bytes(&mut seed);
        let core = Core::new(options, seed, 0);
        let tasks = Tasks::default();
        // Nothing is ever sent: it closes when all tasks that hold the sender have ended.
        let (held, over) = mpsc::channel(1);
        let tell = Arc::new(tell);
        let (faulty, warned) = (tell.clone(), tell.clone());
        let actor = Actor::new(core, socket, asked, Box::new(move |told| tell(told)));
        let (holds_node, freed) = channel();
        let (holds_api, node) = (holds_node.clone(), held.clone());
        let running = async move {
            actor.run().await;
            drop((holds_node, node));
        };
        tasks.spawn_or(runtime, running, move || faulty(Told::Warning(Error::Panic.to_string())));
        let asks = shared.asks.clone();
        let warn = move |text| warned(Told::Warning(format!("dht_bootstrap: {text}")));
        tasks.spawn(runtime, names::keep_resolving(names, known, asks, warn));
        let server = http::Server { shared: shared.clone(), tasks: tasks.clone(), held };
        let asks = shared.asks.clone();
        tasks.spawn(runtime, async move {
            select! {
                () = server.run(listener) => {}
                () = asks.closed() => {}
            }
            drop(holds_api);
        });
        if shared.state.is_some() {
            tasks.spawn(runtime, state::keep_writing(shared.clone()));
        }
        Ok(Self { shared, tasks, freed, over: Arc::new(Mutex::new(over)) })
    }

    /// The node's address.
    pub fn dht_address(&self) -> SocketAddr {
        self.shared.dht
    }

    /// The API's address.
    pub fn api_address(&self) -> SocketAddr {
        self.shared.api
    }

    /// Sets which events have listeners.
    pub fn want(&self, wanted: Wanted) {
        // A stopped node emits nothing anyway.
        let _ = self.shared.asks.send(Ask::Want(wanted));
    }

    /// Handles a request of type `kind` as the API does; `v` is the value of a put that is not
    /// text.
    pub fn request(
        &self,
        kind: String,
        data: String,
        v: Option<Vec<u8>>,
        done: impl FnOnce(Result<String, Failure>) + Send + 'static,
    ) {
        let shared = self.shared.clone();
        // Without threads nothing can have been started either.
        let Ok(runtime) = io::runtime() else { return done(Err(Failure::Stopped)) };
        runtime.spawn(async move {
            let answer = caught_in(async {
                let request = api::request(&kind, &data, v.as_deref())?;
                shared.answer(request, Source::Own, None).await
            });
            done(answer.await.unwrap_or(Err(Failure::Stopped)));
        });
    }

    /// Stops; `done` is called when the connections are closed and the state is written.
    pub fn stop(&self, done: impl FnOnce() + Send + 'static) {
        let (shared, tasks, over) = (self.shared.clone(), self.tasks.clone(), self.over.clone());
        let Ok(runtime) = io::runtime() else { return done() };
        let (leave, known) = oneshot::channel();
        // A stopped node has returned its nodes already.
        let _ = shared.asks.send(Ask::Stop(leave));
        // As with Node's own sockets, both ports are free at once.
        let _ = self.freed.recv_timeout(config::UNLISTEN_WAIT);
        runtime.spawn(async move {
            // `done` is called whatever happens to the state.
            let _ = caught_in(async { state::write(&shared, known.await.ok()).await }).await;
            tasks.abort_all();
            while over.lock().await.recv().await.is_some() {}
            done();
        });
    }

    /// Stops at once.
    pub fn abort(&self) {
        self.tasks.abort_all();
    }
}

impl Drop for Grape {
    fn drop(&mut self) {
        self.abort();
    }
}

impl Shared {
    /// Handles a request of `who`, whose connection has a `place`.
    async fn answer(
        &self,
        request: api::Request,
        who: Source,
        place: Option<&Place>,
    ) -> Result<String, Failure> {
        let api::Request { mut command, freshest } = request;
        loop {
            let again = Instant::now() < self.grace_until;
            let next = again.then(|| command.clone());
            let outcome = self.command(command, who, place).await?;
            let empty = matches!(&outcome, Outcome::Peers(peers) if peers.is_empty());
            match next {
                Some(next) if empty => command = next,
                _ => return Ok(api::answer(outcome, freshest)),
            }
            sleep(config::grape::LOOK_AGAIN).await;
            if place.is_some_and(Place::is_recalled) {
                return Err(Failure::Busy);
            }
        }
    }

    async fn command(
        &self,
        command: Command,
        who: Source,
        place: Option<&Place>,
    ) -> Result<Outcome, Failure> {
        let op = self.last_op.fetch_add(1, Relaxed) + 1;
        let mut waiting = Waiting { asks: &self.asks, op };
        let (done, result) = oneshot::channel();
        let ask = Ask::Command { op, who, command, done };
        if self.asks.send(ask).is_err() {
            return Err(Failure::Stopped);
        }
        if let Some(place) = place {
            place.works_at(op);
        }
        let result = result.await;
        waiting.op = OVER;
        result.unwrap_or(Err(Failure::Stopped))
    }

    async fn status(&self) -> Option<Status> {
        self.ask(Ask::Status).await
    }

    async fn ask<T>(&self, ask: impl FnOnce(oneshot::Sender<T>) -> Ask) -> Option<T> {
        let (done, result) = oneshot::channel();
        self.asks.send(ask(done)).ok()?;
        result.await.ok()
    }
}

/// A caller waits for the outcome of a command. If it is dropped, the walk may end.
struct Waiting<'a> {
    asks: &'a UnboundedSender<Ask>,
    op: u64,
}

/// No command has this number.
const OVER: u64 = 0;

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if self.op != OVER {
            let _ = self.asks.send(Ask::Cancel(self.op));
        }
    }
}

/// Whether an address is this machine's: then the system would send from it to itself.
fn is_own(ip: [u8; 4]) -> bool {
    let own_end = || -> std::io::Result<IpAddr> {
        let socket = std::net::UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
        // Nothing is sent.
        socket.connect((Ipv4Addr::from(ip), DISCARD))?;
        Ok(socket.local_addr()?.ip())
    };
    own_end().is_ok_and(|end| end == IpAddr::from(ip))
}

/// Any port will do.
const DISCARD: u16 = 9;

/// Why a node cannot use an IPv6 address.
const IPV4_ALONE: &str = "since the discovery network has IPv4 alone";

/// An IPv4-mapped IPv6 address as IPv4.
fn plain(host: &str) -> String {
    match host.parse::<IpAddr>() {
        Ok(ip) => ip.to_canonical().to_string(),
        Err(_) => host.to_owned(),
    }
}

/// The IPv4 address to bind for a host; for every interface, and for the loopback one, those of
/// IPv4.
fn resolve(host: &str) -> Result<Ipv4Addr, Error> {
    match host.parse() {
        Ok(Ipv6Addr::UNSPECIFIED) => return Ok(Ipv4Addr::UNSPECIFIED),
        Ok(Ipv6Addr::LOCALHOST) => return Ok(Ipv4Addr::LOCALHOST),
        _ => {}
    }
    let found = (host, 0).to_socket_addrs().ok();
    let v4 = |address: SocketAddr| match address.ip() {
        IpAddr::V4(ip) => Some(ip),
        IpAddr::V6(_) => None,
    };
    found
        .and_then(|mut found| found.find_map(v4))
        .ok_or_else(|| Error::UnknownHost(host.to_owned()))
}

fn bind(at: SocketAddrV4) -> Result<UdpSocket, Error> {
    let bind = || {
        let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
        // The system may allow less.
        let _ = socket.set_recv_buffer_size(config::grape::RECEIVE_BUFFER);
        socket.set_nonblocking(true)?;
        socket.bind(&SocketAddr::V4(at).into())?;
        UdpSocket::from_std(socket.into())
    };
    bind().map_err(|error| Error::system("bind", error, Some(at.into())))
}

/// An address for the core; the network has IPv4 only.
fn compact(address: SocketAddr) -> Option<Address> {
    match address.ip().to_canonical() {
        IpAddr::V4(ip) => Some(Address { ip: ip.octets(), port: address.port() }),
        IpAddr::V6(_) => None,
    }
}
