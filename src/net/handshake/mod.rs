//! Connections until their handshake is complete: each begins here, whichever driver gets it
//! afterwards.

mod accept;
mod connect;
mod established;
mod farewell;
mod questions;
mod socket;

pub(super) use accept::{Acceptor, Service};
pub(super) use connect::connect;
pub use established::Established;
pub(super) use farewell::farewell;
pub(super) use questions::{Decision, OpenQuestion, Question, Questions};
