//! Connections until their handshake is complete: each begins here, whichever driver gets it
//! afterwards.

mod accept;
mod asks;
mod connect;
mod established;
mod farewell;
mod socket;

pub(super) use accept::{Acceptor, Service};
pub(super) use asks::{Ask, Asks, Question, Refusal};
pub(super) use connect::connect;
pub use established::Established;
pub(super) use farewell::farewell;
