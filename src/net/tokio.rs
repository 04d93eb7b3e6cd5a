//! The portable driver: connections on a thread beside JavaScript's. Every connection begins here,
//! whichever driver gets it afterwards.

use super::{
    address::{self, Port},
    admission::Strangers,
    asks::{Ask, Asks, Question, Refusal},
    budget::{Budget, Held},
    conn::{Arrival, Conn, Connections, Ended, Phase, State},
    handshake::{self, Acceptor, Counter, Established, Service},
    io,
    receive::Reading,
    settings::{Io, Lanes, Settings},
    tasks::Tasks,
    transmit::Writer,
};
use crate::{
    caught::caught_in,
    config,
    error::Error,
    rpc::Event,
    ws::{Head, Role},
};
use socket2::SockRef;
use std::{
    cell::RefCell,
    convert::Infallible,
    future::{pending, poll_fn, ready},
    io::ErrorKind,
    net::{SocketAddr, TcpStream as StdTcpStream},
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU8, Ordering},
        mpsc,
    },
    task::Poll,
    time::Instant,
};
use tokio::{
    io::{AsyncRead, Interest, ReadBuf},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::{Notify, Semaphore},
    time::{Sleep, sleep_until, timeout},
};

thread_local! {
    /// Buffer for one read. Shared by all connections of a thread, since none keeps bytes here.
    static SCRATCH: RefCell<Vec<u8>> = RefCell::new(vec![0; config::SCRATCH_BYTES]);
}

/// The tasks of one JavaScript environment.
pub struct Driver {
    hub: Arc<Connections>,
    tasks: Tasks,
    asks: Asks,
    farewells: Strangers,
}

impl Driver {
    /// A driver that reports to `hub`.
    pub fn new(hub: Arc<Connections>) -> Self {
        Self {
            hub,
            tasks: Tasks::default(),
            asks: Asks::default(),
            farewells: Strangers::new(config::MAX_FAREWELLS),
        }
    }

    /// Listens; `settings` are those of its connections.
    ///
    /// # Errors
    /// The system's error, with the requested address.
    pub fn listen(
        &self,
        server: u32,
        at: Port<'_>,
        settings: Settings,
        budget: Arc<Budget>,
    ) -> Result<Server, Error> {
        let failed = |error| Error::system("listen", error, None);
        let runtime = io::runtime().map_err(failed)?;
        let listener = address::listen(at)?;
        let address = listener.local_addr().map_err(failed)?;
        let listener = {
            let _reactor = runtime.enter();
            TcpListener::from_std(listener).map_err(failed)?
        };
        let service = Arc::new(Service {
            number: server,
            settings,
            budget,
            lanes: AtomicU8::new(settings.lanes.bits()),
            open: AtomicBool::new(true),
            connections: Counter::default(),
            handshakes: Strangers::new(config::MAX_HANDSHAKES),
            arrivals: Arc::new(Semaphore::new(config::MAX_ARRIVALS)),
            asks: self.asks.clone(),
            farewells: self.farewells.clone(),
        });
        let closed = Arc::new(Notify::new());
        let acceptor =
            Acceptor { service: service.clone(), hub: self.hub.clone(), tasks: self.tasks.clone() };
        let until = closed.clone();
        let (gone, freed) = mpsc::channel();
        self.tasks.spawn(runtime, async move {
            tokio::select! {
                () = acceptor.run(runtime, listener, serve) => {}
                () = until.notified() => {}
            }
            // The listener is closed. It is fine if nothing waits for that any more.
            let _ = gone.send(());
        });
        Ok(Server { address, service, closed, freed })
    }

    /// The question for JavaScript about a client; `None` when the client has disconnected.
    pub fn question(&self, ask: u32) -> Option<Question> {
        self.asks.fetch(ask)
    }

    /// Accepts a client, or sends it the response that rejects it.
    pub fn decide(&self, ask: u32, refusal: Refusal) {
        self.asks.decide(ask, refusal);
    }

    /// Opens a connection to `dest`. The result is the event `Opened` or `Closed`.
    pub fn connect(
        &self,
        dest: &str,
        path: &str,
        settings: Settings,
        budget: &Arc<Budget>,
    ) -> Arc<Conn> {
        let conn = Arc::new(Conn::new(&self.hub, Role::Client, settings, budget));
        budget.admit(&conn);
        let (dialled, spoilt, hub) = (conn.clone(), conn.clone(), self.hub.clone());
        let farewells = self.farewells.clone();
        let (dest, path) = (dest.to_owned(), path.to_owned());
        let dialling = async move {
            match dial(&dialled, &hub, &dest, &path).await {
                Ok(established) => {
                    let opened = |conn| Event::Opened { conn };
                    run(&hub, &farewells, dialled, established, opened).await;
                }
                Err(ended) => dialled.finish(ended),
            }
        };
        let panicked = move || spoilt.finish(Ended::abnormal(Some(Error::Panic)));
        let started = self.spawn_or(dialling, panicked);
        if let Err(error) = started {
            conn.finish(Ended::abnormal(Some(Error::system("connect", error, None))));
        }
        conn
    }

    /// Writes the last `words` of a closed connection of Node's loop, and reads on so that the
    /// other side can read them.
    pub fn farewell(&self, stream: &StdTcpStream, words: Vec<u8>) {
        // A receiver with so much unread output does not read the close reason either.
        if words.len() > config::FAREWELL_BYTES {
            return;
        }
        // Without a file descriptor for it, only these bytes may be lost.
        let Ok(stream) = stream.try_clone() else { return };
        let farewells = self.farewells.clone();
        let _ = self.spawn(async move {
            if let Ok(stream) = TcpStream::from_std(stream) {
                handshake::farewell(&stream, &words, &farewells).await;
            }
        });
    }

    /// Runs another task of this environment.
    ///
    /// # Errors
    /// The system could not start the thread: no file descriptors are left.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) -> std::io::Result<()> {
        self.spawn_or(task, || {})
    }

    /// As [`spawn`](Self::spawn); `panicked` is called if the task panics, to notify those that
    /// wait for it.
    ///
    /// # Errors
    /// As of `spawn`.
    pub fn spawn_or(
        &self,
        task: impl Future<Output = ()> + Send + 'static,
        panicked: impl FnOnce() + Send + 'static,
    ) -> std::io::Result<()> {
        self.tasks.spawn_or(io::runtime()?, task, panicked);
        Ok(())
    }

    /// Closes everything at once.
    pub fn shut_down(&self) {
        self.tasks.abort_all();
    }
}

/// A listener. Dropping it stops the listening; connections stay.
pub struct Server {
    address: SocketAddr,
    service: Arc<Service>,
    closed: Arc<Notify>,
    freed: mpsc::Receiver<()>,
}

impl Server {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Changes who gets the messages of connections from now on; see [`Conn::set_lanes`].
    pub fn set_lanes(&self, lanes: Lanes) {
        self.service.lanes.store(lanes.bits(), Ordering::SeqCst);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.service.open.store(false, Ordering::SeqCst);
        self.closed.notify_one();
        // As with Node's own servers, the port is free at once. The other thread needs microseconds
        // for that; if it is stuck, this thread must not be.
        let _ = self.freed.recv_timeout(config::UNLISTEN_WAIT);
        // Clients in the handshake are not accepted any more.
        self.service.handshakes.clear();
    }
}

async fn serve(service: Arc<Service>, hub: Arc<Connections>, established: Established) {
    let lanes = Lanes::from_bits(service.lanes.load(Ordering::SeqCst));
    let settings = Settings { lanes, ..service.settings };
    let conn = Conn::new(&hub, Role::Server, settings, &service.budget);
    let conn = Arc::new(conn.counted(&service.connections));
    service.budget.admit(&conn);
    conn.hold(Held::Head, established.head.as_ref().map_or(0, Head::bytes));
    let server = service.number;
    let accepted = |conn| Event::Accepted { server, conn };
    let running = run(&hub, &service.farewells, conn.clone(), established, accepted);
    if let Err(error) = caught_in(running).await {
        // JavaScript may have been notified of it.
        conn.spoil(error);
        conn.end();
    }
}

/// Waits for the handshake; requests made meanwhile can expire, and the caller may give up.
async fn dial(
    conn: &Conn,
    hub: &Connections,
    dest: &str,
    path: &str,
) -> Result<Established, Ended> {
    let mut connected = pin!(handshake::connect(dest, path, conn.settings()));
    let mut alarm = Alarm::new();
    loop {
        let State { phase, check_at, .. } = conn.state();
        if phase == Phase::Dead {
            return Err(Ended::abnormal(None));
        }
        tokio::select! {
            result = &mut connected => {
                return result.map_err(|error| Ended::abnormal(Some(error)));
            }
            // The libuv driver has an alarm of its own.
            () = alarm.at(hub, check_at), if conn.io() == Io::Tokio => drop(conn.expire()),
            () = conn.changed() => {}
        }
    }
}

/// The handshake is complete except for a server's response: notifies JavaScript, and moves the
/// bytes or leaves that to the libuv driver.
async fn run(
    hub: &Connections,
    farewells: &Strangers,
    conn: Arc<Conn>,
    established: Established,
    event: impl FnOnce(Arrival) -> Event<Arrival>,
) {
    let Established { stream, rest, answer, head, ask, permit } = established;
    let remote = stream.peer_addr().ok();
    match conn.io() {
        Io::Libuv => match stream.into_std() {
            Ok(stream) => {
                let stream = Arc::new(stream);
                conn.attach(Writer::Libuv(stream.clone()), &answer);
                if conn.role() == Role::Client {
                    // Queued requests are sent now, also when JavaScript is busy composing more.
                    conn.open();
                }
                let socket = Some((stream, rest));
                let ask = ask.map(Ask::accepted);
                hub.event(event(Arrival { conn, socket, head, remote, ask, permit }));
            }
            Err(error) => {
                conn.finish(Ended::abnormal(Some(Error::system("connect", error, None))));
            }
        },
        // Streams have no handshake here.
        Io::Tokio | Io::Stream => {
            let (mut reader, writer) = stream.into_split();
            let writer = Arc::new(writer);
            conn.attach(Writer::Tokio(writer.clone()), &answer);
            if conn.role() == Role::Client {
                conn.open();
            }
            let (mine, socket) = (conn.clone(), None);
            let ask = ask.map(Ask::accepted);
            hub.event(event(Arrival { conn: mine, socket, head, remote, ask, permit }));
            while conn.state().phase == Phase::Connecting {
                conn.changed().await;
            }
            let ended = match caught_in(pump(&conn, hub, &mut reader, writer, rest)).await {
                Ok(Err(ended)) => ended,
                Err(error) => {
                    conn.spoil(error);
                    Ended::abnormal(None)
                }
            };
            let told = ended.is_told();
            if told {
                // Limited, since a client that does not read never gets the close frame.
                let _ = timeout(config::FAREWELL_TIMEOUT, written(&conn)).await;
            }
            conn.finish(ended);
            if told {
                handshake::farewell(reader.as_ref(), &[], farewells).await;
            }
        }
    }
}

/// Moves bytes until the connection ends. `rest` was received with the handshake, and `socket` is
/// the reader's other half.
async fn pump(
    conn: &Conn,
    hub: &Connections,
    reader: &mut OwnedReadHalf,
    socket: Arc<OwnedWriteHalf>,
    mut rest: Vec<u8>,
) -> Result<Infallible, Ended> {
    let mut reading = Reading::new(conn);
    conn.receive(&mut reading, &mut rest)?;
    let (mut alarm, mut heartbeat) = (Alarm::new(), Alarm::new());
    let mut beat_at = conn.beat()?;
    let mut probed = false;
    loop {
        let State { phase, writer, check_at, may_read, drains } = conn.state();
        if drains {
            // Between two reads.
            conn.be_still();
        }
        let until = match phase {
            Phase::Dead => return Err(Ended::abnormal(None)),
            Phase::Closing(until) => Some(until),
            Phase::Connecting | Phase::Open => None,
        };
        // Registered before the check, so that room made in between is noticed.
        let mut room = pin!(hub.room());
        room.as_mut().enable();
        let paused = !may_read || conn.waits_for_room();
        tokio::select! {
            // In this order, so that a socket that always has more data cannot delay the rest.
            biased;
            () = conn.changed() => {}
            () = alarm.at(hub, check_at) => {
                catch_up(conn, reader, &mut reading).await?;
                conn.expire();
            }
            () = heartbeat.at(hub, beat_at) => {
                catch_up(conn, reader, &mut reading).await?;
                beat_at = conn.beat()?;
            }
            () = closing(until) => {
                catch_up(conn, reader, &mut reading).await?;
                return Err(Ended::abnormal(None));
            }
            () = writable(writer) => conn.unblocked(),
            () = room, if paused => {}
            result = read(conn, reader, &mut reading), if !paused => {
                // There is certainly more. Other connections of this thread have their turn first.
                if result? == config::SCRATCH_BYTES {
                    tokio::task::yield_now().await;
                }
            }
            result = watch(conn, &socket, &mut probed), if !may_read => result?,
        }
    }
}

/// Reads available data of a connection whose deadline may have passed: the pause of a whole
/// process may not have been noticed yet.
async fn catch_up(
    conn: &Conn,
    reader: &mut OwnedReadHalf,
    reading: &mut Reading,
) -> Result<(), Ended> {
    if !conn.is_overdue() {
        return Ok(());
    }
    // So that the runtime polls the system for available data.
    tokio::task::yield_now().await;
    for _ in 0..config::OVERDUE_READS {
        if !conn.state().may_read || conn.waits_for_room() {
            break;
        }
        tokio::select! {
            biased;
            result = read(conn, reader, reading) => drop(result?),
            () = ready(()) => break,
        }
    }
    Ok(())
}

/// Reads once and handles the data; returns the number of bytes.
async fn read(
    conn: &Conn,
    reader: &mut OwnedReadHalf,
    reading: &mut Reading,
) -> Result<usize, Ended> {
    poll_fn(|cx| {
        SCRATCH.with_borrow_mut(|scratch| {
            let mut buf = ReadBuf::new(scratch);
            Poll::Ready(match Pin::new(&mut *reader).poll_read(cx, &mut buf) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(())) if buf.filled().is_empty() => Err(reading.ended(None)),
                Poll::Ready(Ok(())) => {
                    let length = buf.filled().len();
                    conn.receive(reading, buf.filled_mut()).map(|()| length)
                }
                Poll::Ready(Err(error)) if error.kind() == ErrorKind::Interrupted => Ok(0),
                Poll::Ready(Err(error)) => {
                    Err(reading.ended(Some(Error::system("read", error, None))))
                }
            })
        })
    })
    .await
}

/// Watches a connection that is not read for now. Where the system does not report these events,
/// pings find them later.
async fn watch(conn: &Conn, socket: &OwnedWriteHalf, probed: &mut bool) -> Result<(), Ended> {
    tokio::select! {
        // A reset ends both halves, and gives the reason.
        biased;
        // Waiting itself only fails when the runtime ends.
        _ = socket.ready(Interest::ERROR) => {
            conn.was_reset(SockRef::from(socket.as_ref()).take_error())
        }
        () = other_half_ended(socket), if !*probed => {
            *probed = true;
            conn.probe();
            Ok(())
        }
    }
}

/// Waits until the other side has closed its half of the connection.
#[cfg(target_os = "linux")]
async fn other_half_ended(socket: &OwnedWriteHalf) {
    // Or sends urgent data, which no peer does.
    let _ = socket.ready(Interest::PRIORITY).await;
}

#[cfg(not(target_os = "linux"))]
async fn other_half_ended(_: &OwnedWriteHalf) {
    pending().await
}

/// A sleep that is only reset when its time changes.
pub(super) struct Alarm {
    sleep: Pin<Box<Sleep>>,
    time: u64,
}

impl Alarm {
    pub fn new() -> Self {
        Self { sleep: Box::pin(sleep_until(Instant::now().into())), time: 0 }
    }

    pub async fn at(&mut self, hub: &Connections, time: u64) {
        if time == u64::MAX {
            return pending().await;
        }
        if time != self.time {
            self.sleep.as_mut().reset(hub.instant(time).into());
            self.time = time;
        }
        self.sleep.as_mut().await;
        self.time = 0;
    }
}

/// Waits until all composed output is written, by any thread.
async fn written(conn: &Conn) {
    while !conn.is_written() {
        conn.flush_now();
        match conn.state().writer {
            Some(writer) => writable(Some(writer)).await,
            None => tokio::task::yield_now().await,
        }
    }
}

async fn writable(writer: Option<Writer>) {
    match writer {
        // An error is reported by the write that follows.
        Some(Writer::Tokio(writer)) => drop(writer.writable().await),
        Some(Writer::Libuv(_)) | None => pending().await,
    }
}

async fn closing(until: Option<Instant>) {
    match until {
        Some(until) => sleep_until(until.into()).await,
        None => pending().await,
    }
}
