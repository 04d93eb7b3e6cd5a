//! Drivers that move bytes between sockets and the state machines in `ws` and `rpc`.

mod address;
mod admission;
mod asks;
mod budget;
mod compose;
mod conn;
pub mod grape;
mod handshake;
mod hub;
mod io;
#[cfg(unix)]
pub mod libuv;
mod liveness;
mod receive;
mod settings;
#[cfg(unix)]
mod spin;
pub mod stream;
mod tasks;
mod tcp;
pub mod tokio;
mod transmit;
mod unsent;
#[cfg(unix)]
mod uv;

pub use address::{Destination, Port, resolve};
pub use budget::Budget;
pub use compose::{Composed, Delivery, SlowSubscriber};
pub use conn::{Arrival, Conn, Connections};
pub use handshake::Established;
pub use hub::{Backlog, Hub, milliseconds};
pub use settings::{Admission, BusyPoll, Io, Lanes, Settings};
pub use unsent::Unsent;
