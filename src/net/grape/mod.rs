//! A discovery node on real sockets: UDP for the network, HTTP for services and people.

mod actor;
mod api;
mod backlog;
mod browser;
mod client;
mod http;
mod message;
mod names;
mod notice;
mod outbox;
mod pages;
mod phase;
mod places;
mod running;
mod settings;
mod sockets;
mod source;
mod state;
mod stream;

pub use backlog::{Backlog, Kind};
pub use notice::Notice;
pub use running::Grape;
pub use settings::Settings;
