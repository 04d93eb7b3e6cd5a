//! A running node: its start and its stop.

use super::{
    actor::Actor,
    api::Api,
    browser::Guard,
    client::Client,
    http::Server,
    message::Message,
    names,
    notice::Notice,
    pages::Pages,
    settings::Settings,
    sockets::{self, IPV4_ALONE},
    state,
};
use crate::{
    caught::caught_in,
    config,
    error::Error,
    grape::{Core, Failure, Source, Wanted, api as texts},
    net::{Port, address, io, tasks::Tasks},
};
use rand::Rng;
use std::{
    net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4},
    path::PathBuf,
    sync::{
        Arc,
        mpsc::{Receiver, channel},
    },
    time::Instant,
};
use tokio::{
    net::TcpListener,
    select,
    sync::{Mutex, mpsc, oneshot},
};

/// A running node. Dropping it stops it, without waiting and without writing its state.
#[derive(Debug)]
pub struct Grape {
    api: Arc<Api>,
    dht_address: SocketAddr,
    api_address: SocketAddr,
    /// The file for known nodes and the id.
    state: Option<PathBuf>,
    tasks: Tasks,
    /// Disconnected when the ports are free.
    freed: Receiver<()>,
    /// Disconnected when the connections are closed as well.
    closed: Arc<Mutex<mpsc::Receiver<()>>>,
}

impl Grape {
    /// Binds both sockets and starts; `emit` is called on another thread.
    ///
    /// # Errors
    /// The system's error, with the address.
    pub fn start(
        settings: Settings,
        emit: impl Fn(Notice) + Send + Sync + 'static,
    ) -> Result<Self, Error> {
        let Settings { bootstrap, state, .. } = &settings;
        let host = &settings.host.as_deref().map(sockets::plain);
        let runtime = io::runtime().map_err(|error| Error::system("listen", error, None))?;
        let _reactor = runtime.enter();
        let ip = host.as_deref().map(sockets::resolve).transpose()?;
        if let (Some(host), Some(ip)) = (host, ip)
            && host.parse::<Ipv6Addr>().is_ok()
        {
            emit(Notice::Warning(format!("host: the node of {host} is at {ip}, {IPV4_ALONE}")));
        }
        let at = SocketAddrV4::new(ip.unwrap_or(Ipv4Addr::UNSPECIFIED), settings.dht_port);
        let socket = sockets::bind(at)?;
        let listener = address::listen(Port {
            host: host.as_deref(),
            port: settings.api_port,
            shared: false,
        })?;
        let listener = TcpListener::from_std(listener)
            .map_err(|error| Error::system("listen", error, None))?;
        let dht_address =
            socket.local_addr().map_err(|error| Error::system("bind", error, None))?;
        let api_address =
            listener.local_addr().map_err(|error| Error::system("listen", error, None))?;

        let names = names::parse(bootstrap, |error| {
            emit(Notice::Warning(format!("dht_bootstrap: {error}")));
        });
        let mut options = settings.core.clone();
        options.port = dht_address.port();
        options.is_own = sockets::is_own;
        options.host = ip.filter(|ip| !ip.is_unspecified()).map(|ip| ip.octets());
        let mut known = Vec::new();
        match state.as_deref().map(state::read).transpose() {
            Ok(Some(Some(kept))) => {
                options.id = options.id.or(Some(kept.id));
                known = kept.nodes;
            }
            Ok(_) => {}
            Err(text) => emit(Notice::Warning(text)),
        }

        let (inbox, messages) = mpsc::unbounded_channel();
        let client = Client::new(inbox.clone());
        let api = Arc::new(Api {
            guard: Guard::new(api_address, host.iter().chain(&settings.api_hosts).cloned()),
            pages: Pages::new(client.clone(), dht_address, api_address),
            client: client.clone(),
            body_limit: settings.body_limit,
            grace_until: Instant::now() + settings.grace,
            instance: rand::rng().next_u64().into(),
        });
        let mut seed = [0; 32];
        rand::rng().fill_bytes(&mut seed);
        let core = Core::new(options, seed, 0);
        let tasks = Tasks::default();
        // Nothing is ever sent: these close when all tasks that hold the sender have ended.
        let (holds_socket, closed) = mpsc::channel(1);
        let (holds_port, freed) = channel();
        let emit = Arc::new(emit);
        let (emit_fault, emit_warning) = (emit.clone(), emit.clone());
        let actor = Actor::new(core, socket, messages, Box::new(move |notice| emit(notice)));
        let held = (holds_port.clone(), holds_socket.clone());
        let run_actor = async move {
            actor.run().await;
            drop(held);
        };
        tasks.spawn_or(runtime, run_actor, move || {
            emit_fault(Notice::Warning(Error::Panic.to_string()));
        });
        let warn = move |text| emit_warning(Notice::Warning(format!("dht_bootstrap: {text}")));
        tasks.spawn(runtime, names::keep_resolving(names, known, inbox.clone(), warn));
        let server = Server { api: api.clone(), tasks: tasks.clone(), held: holds_socket };
        tasks.spawn(runtime, async move {
            select! {
                () = server.run(listener) => {}
                () = inbox.closed() => {}
            }
            drop(holds_port);
        });
        if let Some(path) = state.clone() {
            tasks.spawn(runtime, state::keep_writing(path, client));
        }
        let closed = Arc::new(Mutex::new(closed));
        let state = state.clone();
        Ok(Self { api, dht_address, api_address, state, tasks, freed, closed })
    }

    /// The node's address.
    pub fn dht_address(&self) -> SocketAddr {
        self.dht_address
    }

    /// The API's address.
    pub fn api_address(&self) -> SocketAddr {
        self.api_address
    }

    /// Sets which events have listeners.
    pub fn want(&self, wanted: Wanted) {
        self.api.client.send(Message::Want(wanted));
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
        let api = self.api.clone();
        // Without threads nothing can have been started either.
        let Ok(runtime) = io::runtime() else { return done(Err(Failure::Stopped)) };
        runtime.spawn(async move {
            let answer = caught_in(async {
                let request = texts::request(&kind, &data, v.as_deref())?;
                api.answer(request, Source::Own, None).await
            });
            done(answer.await.unwrap_or(Err(Failure::Stopped)));
        });
    }

    /// Stops; `done` is called when the connections are closed and the state is written.
    pub fn stop(&self, done: impl FnOnce() + Send + 'static) {
        let (state, tasks, closed) = (self.state.clone(), self.tasks.clone(), self.closed.clone());
        let Ok(runtime) = io::runtime() else { return done() };
        let (leave, known) = oneshot::channel();
        // A stopped node has returned its nodes already.
        self.api.client.send(Message::Stop(leave));
        // As with Node's own sockets, both ports are free at once.
        let _ = self.freed.recv_timeout(config::UNLISTEN_WAIT);
        runtime.spawn(async move {
            // `done` is called whatever happens to the state.
            let _ = caught_in(async {
                if let (Some(path), Ok(known)) = (state, known.await) {
                    state::write(path, known).await;
                }
            })
            .await;
            tasks.abort_all();
            while closed.lock().await.recv().await.is_some() {}
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
