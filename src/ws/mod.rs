//! The WebSocket connection (RFC 6455) as a state machine without I/O.
//!
//! Two halves, so that reading and writing can happen on different threads: [`Inbound`] turns bytes
//! into messages, [`Outbound`] turns messages into bytes.

mod frame;
mod handshake;
mod inbound;
mod origin;
mod outbound;
mod text_frame;

pub use frame::{FIN, Opcode};
pub use handshake::{ClientHandshake, Head, HeadEnd, Upgrade, read_request, refusal};
pub use inbound::{Inbound, Incoming};
pub use outbound::Outbound;
pub use text_frame::TextFrame;
pub use tungstenite::protocol::Role;
