//! The messages of the network: KRPC (BEP 5), with the queries of BEP 44 and one of our own.

pub mod code;
mod message;
mod query;
mod response;
mod signed;
mod version;

pub use message::{Message, ReceivedQuery, Refusal, encode_error};
pub use query::{Announcement, PutQuery, Query};
pub use response::Response;
pub use signed::Signed;

#[cfg(test)]
mod tests;
