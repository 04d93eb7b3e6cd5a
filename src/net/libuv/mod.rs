//! The driver in Node's own event loop: no other thread, no wake-ups.

mod awake;
mod driver;
mod functions;
mod polled;
mod spin;
mod uv;

pub use driver::{Driver, Turn};
