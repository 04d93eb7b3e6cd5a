//! The WebSocket connection (RFC 6455) as a machine without I/O.
//!
//! Two halves, so that reading and writing may happen on different threads: [`Inbound`]
//! turns bytes into messages, [`Outbound`] turns messages into bytes.

mod frame;
mod handshake;
mod inbound;
mod outbound;

pub use frame::Opcode;
pub use handshake::{ClientHandshake, Head, Upgrade, read_request};
pub use inbound::{Inbound, Incoming};
pub use outbound::Outbound;
pub use tokio_tungstenite::tungstenite::protocol::Role;
