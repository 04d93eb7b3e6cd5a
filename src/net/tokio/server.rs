//! A listener and its connections.

use super::pump::run;
use crate::{
    caught::caught_in,
    config,
    net::{
        budget::Held,
        connection::{Conn, Connections},
        handshake::{Established, Service},
        settings::{Lanes, Settings},
    },
    rpc::Event,
    ws::{Head, Role},
};
use std::{
    net::SocketAddr,
    sync::{Arc, atomic::Ordering, mpsc},
};
use tokio::sync::Notify;

/// A listener. Dropping it stops the listening; connections stay.
pub struct Server {
    pub(super) address: SocketAddr,
    pub(super) service: Arc<Service>,
    pub(super) closed: Arc<Notify>,
    pub(super) freed: mpsc::Receiver<()>,
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

/// Runs a connection of a server until it is closed.
pub(super) async fn serve(service: Arc<Service>, hub: Arc<Connections>, established: Established) {
    let lanes = Lanes::from_bits(service.lanes.load(Ordering::SeqCst));
    let settings = Settings { lanes, ..service.settings };
    let conn = Conn::new(&hub, Role::Server, settings, &service.budget);
    let conn = Arc::new(conn.counted_in(&service.connections));
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
