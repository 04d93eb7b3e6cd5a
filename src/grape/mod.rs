//! The discovery node: one of a Kademlia network that speaks KRPC (BEP 5, BEP 44) with service
//! names of any length.
//!
//! [`Core`] owns all state and is driven by [`Core::tick`]: datagrams in, datagrams out. It has no
//! socket, no clock and no randomness but its seed, so whole networks run in a test. `net::grape`
//! moves its datagrams and serves HTTP.

mod address;
mod announces;
mod answers;
pub mod api;
pub mod bencode;
mod candidates;
mod command;
mod core;
mod counters;
mod directory;
mod event;
mod failure;
mod generations;
mod hash;
mod id;
mod join;
pub mod krpc;
pub mod listing;
mod load;
mod nearest;
mod network;
mod operations;
mod options;
mod own_addresses;
pub mod page;
mod peers;
mod reports;
mod republish;
mod responder;
mod shares;
mod sources;
mod status;
mod store;
mod table;
mod tokens;
mod transactions;
mod values;
mod walk;

pub use address::Address;
pub use answers::Answers;
pub use candidates::Holder;
pub use command::{Command, Got, Outcome};
pub use core::{Core, Output};
pub use counters::Counters;
pub use event::{Event, Wanted};
pub use failure::Failure;
pub use generations::Generations;
pub use id::{Distance, Id};
pub use listing::{Listing, Row, Selection, Service};
pub use network::Datagram;
pub use options::Options;
pub use peers::{Found, Peers, Witness};
pub use shares::{Budget, Shares, Source};
pub use sources::Sources;
pub use status::Status;
pub use table::{Contact, Heard, Silence, Table};
pub use tokens::Tokens;
pub use values::{Item, Stored, Values};
