//! The task that owns the core and its UDP socket.

use super::{
    message::{Done, Message},
    notice::Notice,
    outbox::Outbox,
    sockets::compact,
};
use crate::{
    config::grape as config,
    grape::{Address, Core, Datagram, Event, Failure, Output},
};
use std::{
    collections::HashMap,
    io::ErrorKind,
    net::{Ipv4Addr, SocketAddr},
    pin::pin,
    time::{Duration, Instant},
};
use tokio::{net::UdpSocket, sync::mpsc::UnboundedReceiver, task::yield_now, time::sleep_until};

/// The task; see the module's description.
pub(super) struct Actor {
    core: Core,
    epoch: Instant,
    socket: UdpSocket,
    inbox: UnboundedReceiver<Message>,
    emit: Box<dyn Fn(Notice) + Send + Sync>,
    /// Callbacks for the outcomes of commands, and the walks that they wait for.
    waiters: HashMap<u64, (Done, Option<u64>)>,
    outbox: Outbox,
    is_over: bool,
}

impl Actor {
    pub fn new(
        core: Core,
        socket: UdpSocket,
        inbox: UnboundedReceiver<Message>,
        emit: Box<dyn Fn(Notice) + Send + Sync>,
    ) -> Self {
        Self {
            core,
            epoch: Instant::now(),
            socket,
            inbox,
            emit,
            waiters: HashMap::new(),
            outbox: Outbox::default(),
            is_over: false,
        }
    }

    /// Runs until it is stopped, or all senders are dropped.
    pub async fn run(mut self) {
        // One more byte shows that a datagram is longer than any message.
        let mut buffer = vec![0; config::MESSAGE_BYTES + 1];
        let mut alarm = pin!(sleep_until(self.epoch.into()));
        while !self.is_over {
            let wake = self.epoch + Duration::from_millis(self.core.wake_at());
            if alarm.deadline() != wake.into() {
                alarm.as_mut().reset(wake.into());
            }
            tokio::select! {
                message = self.inbox.recv() => {
                    let Some(message) = message else { return };
                    self.handle(message);
                }
                _ = self.socket.readable() => {}
                _ = self.socket.writable(), if !self.outbox.is_empty() => {}
                () = &mut alarm => {}
            }
            // Before the datagrams: listeners added now must get the events that they cause.
            for _ in 0..config::ASKS {
                let Ok(message) = self.inbox.try_recv() else { break };
                self.handle(message);
            }
            self.write();
            let is_drained = self.read(&mut buffer);
            let output = self.core.tick(self.now(), []);
            self.pass_on(output);
            if !is_drained {
                // One thread serves the whole process: other tasks run first.
                yield_now().await;
            }
        }
    }

    fn now(&self) -> u64 {
        self.epoch.elapsed().as_millis() as u64
    }

    /// Reads within its time limit; whether no datagrams are left.
    fn read(&mut self, buffer: &mut [u8]) -> bool {
        let started = self.epoch.elapsed().as_millis();
        for _ in 0..config::READ_BATCH {
            let (len, from) = match self.socket.try_recv_from(buffer) {
                Ok(received) => received,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return true,
                // Some systems report here that an earlier datagram was refused, or too long.
                Err(_) => continue,
            };
            let Some(from) = compact(from) else { continue };
            let now = self.epoch.elapsed().as_millis();
            let output = self.core.tick(now as u64, [(from, &buffer[..len])]);
            self.pass_on(output);
            if now - started > config::READ_MS {
                break;
            }
        }
        false
    }

    fn handle(&mut self, message: Message) {
        // The caller may have given up, which is fine.
        match message {
            Message::Command { op, client, command, done } => {
                let walk = self.core.start_for(self.now(), op, client, command);
                self.waiters.insert(op, (done, walk));
            }
            Message::Cancel(op) => {
                if let Some((done, walk)) = self.waiters.remove(&op) {
                    let _ = done.send(Err(Failure::Busy));
                    if let Some(walk) = walk {
                        self.core.abandon(walk, op);
                    }
                }
            }
            Message::Status(done) => drop(done.send(self.core.status())),
            Message::Known(done) => drop(done.send(self.core.known())),
            Message::Bootstrap { addresses, known } => {
                if !known.is_empty() {
                    self.core.hint(known);
                }
                self.core.bootstrap(self.now(), addresses);
            }
            Message::Want(wanted) => self.core.want(wanted),
            Message::Stop(done) => {
                self.is_over = true;
                drop(done.send(self.core.known()));
            }
        }
    }

    fn pass_on(&mut self, output: Output) {
        for event in output.events {
            match event {
                Event::Ready => (self.emit)(Notice::Ready),
                Event::Node => (self.emit)(Notice::Node),
                Event::Peer(address) => (self.emit)(Notice::Peer(address.to_string())),
                Event::Announce(key) => {
                    (self.emit)(Notice::Announce(String::from_utf8_lossy(&key).into_owned()));
                }
                Event::Silent { addresses, is_alone } => {
                    (self.emit)(Notice::Warning(silence(&addresses, is_alone)));
                }
                Event::Warning => (self.emit)(Notice::Warning("unexpected datagram".into())),
                Event::Done { op, result } => {
                    if let Some((waiter, _)) = self.waiters.remove(&op) {
                        let _ = waiter.send(result);
                    }
                }
            }
        }
        for datagram in output.datagrams {
            // Queued ones go first.
            if !self.outbox.is_empty() || !self.sends(&datagram) {
                self.outbox.push(datagram);
            }
        }
        self.write();
    }

    fn write(&mut self) {
        while let Some(datagram) = self.outbox.pop() {
            if !self.sends(&datagram) {
                self.outbox.put_back(datagram);
                break;
            }
        }
    }

    /// Sends a datagram, unless there is no room in the kernel.
    fn sends(&self, Datagram { to, bytes }: &Datagram) -> bool {
        let to = SocketAddr::from((Ipv4Addr::from(to.ip), to.port));
        match self.socket.try_send_to(bytes, to) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => false,
            // An unreachable address is like one that does not answer.
            Ok(_) | Err(_) => true,
        }
    }
}

/// The warning about bootstrap nodes without an answer.
fn silence(addresses: &[Address], is_alone: bool) -> String {
    let list: Vec<_> = addresses.iter().map(ToString::to_string).collect();
    let rest = if is_alone {
        "no other node is known, and they are asked again"
    } else {
        "others answered"
    };
    format!("dht_bootstrap: no answer from {}; {rest}", list.join(", "))
}
