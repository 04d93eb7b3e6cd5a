//! A server's side of the handshake, always on the tokio thread: clients are accepted, upgraded and
//! admitted within their time limits.

use super::{
    established::Established,
    farewell::reject,
    questions::{Question, Questions},
    socket::read_more,
};
use crate::{
    caught::caught_in,
    config,
    net::{
        admission::Places,
        budget::Budget,
        connection::{Connections, TRY_AGAIN_LATER},
        counter::Counter,
        settings::{Admission, Lanes, Settings},
        tasks::Tasks,
        tcp,
    },
    rpc::NOTHING_READ,
    ws::{self, HeadEnd, Outbound, Role, Upgrade, read_request},
};
use http::StatusCode;
use socket2::SockRef;
use std::{
    future::pending,
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU8, Ordering},
    },
    time::Duration,
};
use tokio::{
    net::{TcpListener, TcpStream},
    runtime::Handle,
    sync::Semaphore,
    time::timeout,
};

/// Shared state of a server's connections.
#[derive(Debug)]
pub(in crate::net) struct Service {
    pub number: u32,
    /// Settings of its connections.
    pub settings: Settings,
    /// Their common memory budget.
    pub budget: Arc<Budget>,
    /// Receivers of the messages of new connections; see [`Lanes`].
    pub lanes: AtomicU8,
    pub open: AtomicBool,
    /// Clients with a complete handshake.
    pub connections: Counter,
    /// Clients in the handshake.
    pub handshakes: Places,
    /// Places for clients that JavaScript has not been notified of.
    pub arrivals: Arc<Semaphore>,
    /// The pending questions of this JavaScript environment.
    pub questions: Questions,
    /// Closed clients that are still read, so that they receive the close reason.
    pub farewells: Places,
}

/// Accepts connections of one server.
pub(in crate::net) struct Acceptor {
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
                        // A failed handshake concerns only the client, which has its response.
                        let time = Duration::from_millis(service.settings.handshake_timeout);
                        let established = tokio::select! {
                            biased;
                            () = place.lost() => return,
                            done = timeout(time, admit(&service, &hub, stream, remote)) => done,
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
async fn admit(
    service: &Service,
    hub: &Arc<Connections>,
    stream: TcpStream,
    remote: SocketAddr,
) -> Option<Established> {
    let mut established = upgrade(stream, &service.arrivals).await?;
    let Established { stream, head, permit, .. } = &mut established;
    let head = head.as_ref()?;
    let lanes = Lanes::from_bits(service.lanes.load(Ordering::SeqCst));
    let is_asked = match service.settings.admission {
        _ if lanes.has(Lanes::ASK_ALL) => true,
        Admission::Any => false,
        Admission::Local => {
            if remote.ip().to_canonical().is_loopback() && !head.is_of_loopback() {
                reject(stream, &ws::refusal(StatusCode::FORBIDDEN)).await;
                return None;
            }
            false
        }
        Admission::AskOrigins => head.has_origin(),
        Admission::AskAll => true,
    };
    if is_asked {
        let question = Question { head: head.clone(), remote: Some(remote) };
        let mut ask = service.questions.ask(hub, service.number, question, permit.take()?);
        if let Some(rejection) = unless_disconnected(stream, ask.decision()).await?? {
            reject(stream, &rejection).await;
            return None;
        }
        established.ask = Some(ask);
    }
    if established.permit.is_none() {
        let permit = service.arrivals.clone().acquire_owned();
        established.permit = Some(unless_disconnected(&established.stream, permit).await?.ok()?);
    }
    let limit = service.settings.max_connections;
    if limit > 0 && service.connections.count() >= limit {
        reject_surplus(established).await;
        return None;
    }
    Some(established)
}

/// Waits for `future`, unless the client disconnects first.
async fn unless_disconnected<T>(stream: &TcpStream, future: impl Future<Output = T>) -> Option<T> {
    tokio::select! {
        biased;
        result = future => Some(result),
        () = disconnected(stream) => None,
    }
}

/// Waits until a client that sends nothing for now disconnects.
async fn disconnected(stream: &TcpStream) {
    let mut byte = [0];
    match stream.peek(&mut byte).await {
        Ok(0) | Err(_) => {}
        // It sends before it has its response; its data is not read until then.
        Ok(_) => pending().await,
    }
}

/// Closes a client with this code, since there are too many.
async fn reject_surplus(established: Established) {
    let Established { stream, answer, permit, .. } = established;
    drop(permit);
    let mut out = Outbound::new(Role::Server);
    out.raw(&answer);
    out.close(Some(TRY_AGAIN_LATER), NOTHING_READ);
    if let Some(bytes) = out.take_all() {
        reject(&stream, &bytes).await;
    }
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
                    permit = Some(unless_disconnected(&stream, room).await?.ok()?);
                    continue;
                }
                // Frees the head's own memory.
                let (rest, answer, head) = (bytes.split_off(consumed), response, Some(head));
                return Some(Established { stream, rest, answer, head, ask: None, permit });
            }
            Upgrade::Refuse { response } => {
                reject(&stream, &response).await;
                return None;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        net::handshake::{connect::connect_tcp, socket::write_all},
        ws::ClientHandshake,
    };

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
            let stream = connect_tcp(&address, &Settings::default()).await.unwrap();
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
