//! Drivers that move bytes between sockets and the state machines in `ws` and `rpc`.

mod address;
mod admission;
mod alarm;
mod budget;
mod connection;
mod counter;
pub mod grape;
mod handshake;
mod hub;
mod io;
#[cfg(unix)]
pub mod libuv;
mod liveness;
mod settings;
pub mod stream;
mod tasks;
mod tcp;
pub mod tokio;

pub use address::{Destination, Port, resolve};
pub use budget::Budget;
pub use connection::{
    Arrival, Composed, Conn, Connections, Delivery, NewConnection, SlowSubscriber, Unsent,
};
pub use handshake::Established;
pub use hub::{Backlog, Hub, milliseconds};
pub use settings::{Admission, BusyPoll, Io, Lanes, Settings};
