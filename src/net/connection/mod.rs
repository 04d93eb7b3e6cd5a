//! One WebSocket connection, independent of its driver.
//!
//! The calling thread composes (`compose.rs`, `requests.rs`) and writes (`transmit.rs`); the driver
//! reads (`receive.rs`), and writes output that had to wait. With the tokio driver these are two
//! threads, and with libuv a thread writes while JavaScript is busy (`unsent.rs`). So a connection
//! has one lock, that of its half (`half.rs`).
//!
//! # Lock order
//!
//! First the half of one connection, then the inbox of the hub: an event is added under the lock of
//! its connection, whose number may belong to another one after `Closed`. A thread that holds any
//! other lock of `net` takes no further one: the hub's (numbers, wake-up, list of connections to
//! look at), the members of a budget, the list of unsent output, the questions to JavaScript, the
//! places of unproven clients, the tasks.
//!
//! Under the lock of a half there is no system call but those of the allocator, whose buffers grow
//! there. Writing takes the bytes out of it (`Outbound::take`); waking JavaScript or a driver,
//! shutting a socket down and closing it come after it (`Conn::emit`, `Half::stop_writing`). A
//! panic under the lock is the exception: the connection ends there.

mod arrival;
mod compose;
mod conn;
mod drain;
mod ended;
mod half;
mod health;
mod lifecycle;
mod receive;
mod requests;
mod transmit;
mod unsent;
mod writer;

pub use arrival::NewConnection;
pub use compose::{Composed, Delivery, SlowSubscriber};
pub use conn::{Arrival, Conn, Connections};
pub(super) use ended::{Ended, TRY_AGAIN_LATER};
pub(super) use half::{Phase, State};
pub(super) use receive::Reading;
pub use unsent::Unsent;
pub(super) use writer::Writer;
