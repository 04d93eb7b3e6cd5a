//! The tasks of one JavaScript environment: listening, dialling, farewells. Every connection
//! without TLS begins here, whichever driver gets it afterwards.

use super::{
    pump::run,
    server::{Server, serve},
};
use crate::{
    config,
    error::Error,
    net::{
        address::{self, Port},
        admission::Places,
        alarm::Alarm,
        budget::Budget,
        connection::{Conn, Connections, Ended, Phase, State},
        counter::Counter,
        handshake::{self, Acceptor, Decision, Established, Question, Questions, Service},
        io,
        settings::{Io, Settings},
        tasks::Tasks,
    },
    rpc::Event,
    ws::Role,
};
use std::{
    net::TcpStream as StdTcpStream,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU8},
        mpsc,
    },
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Notify, Semaphore},
};

/// The tasks of one JavaScript environment.
pub struct Driver {
    hub: Arc<Connections>,
    tasks: Tasks,
    questions: Questions,
    farewells: Places,
}

impl Driver {
    /// A driver that reports to `hub`.
    pub fn new(hub: Arc<Connections>) -> Self {
        Self {
            hub,
            tasks: Tasks::default(),
            questions: Questions::default(),
            farewells: Places::new(config::MAX_FAREWELLS),
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
            handshakes: Places::new(config::MAX_HANDSHAKES),
            arrivals: Arc::new(Semaphore::new(config::MAX_ARRIVALS)),
            questions: self.questions.clone(),
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
        self.questions.fetch(ask)
    }

    /// Accepts a client, or sends it the response that rejects it.
    pub fn decide(&self, ask: u32, decision: Decision) {
        self.questions.decide(ask, decision);
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
    /// As [`spawn`](Self::spawn).
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
