//! One WebSocket connection, independent of its driver.
//!
//! The calling thread composes (`compose.rs`, `requests.rs`) and writes (`transmit.rs`); the driver
//! reads (`receive.rs`), and writes output that had to wait. With the tokio driver these are two
//! threads, so the shared half (`half.rs`) is locked, though never during a system call.

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
