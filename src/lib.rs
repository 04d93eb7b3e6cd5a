//! Grenache peers over WebSocket, and the link to the grapes, for Node.js.
//!
//! `ws`, `rpc`, `pubsub` and `grape` are machines without I/O; `net` moves their bytes; `link`
//! talks to the grapes, and `exchange` is what they answer; `body` reads what HTTP carries; `names`
//! finds the addresses of hosts, and `dial`
//! connects to them; `process` asks the system what it gives; `stats` counts; `caught`
//! ends panics; `node` is the only place that knows Node-API.

#![deny(missing_docs)]

pub mod body;
pub mod caught;
pub mod config;
pub mod dial;
pub mod error;
pub mod exchange;
pub mod grape;
pub mod link;
pub mod names;
pub mod net;
mod node;
pub mod process;
pub mod pubsub;
pub mod rpc;
pub mod stats;
pub mod ws;
