//! What moves the bytes between sockets and the machines in `ws` and `rpc`.

mod address;
mod hub;
mod io;
mod tasks;
pub mod tokio;

pub use address::Destination;
pub use hub::Hub;
