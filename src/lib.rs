//! Grenache peers over WebSocket, and the link to the grapes, for Node.js.
//!
//! `ws`, `rpc`, `pubsub` and `grape` are state machines without I/O; `net` moves their bytes;
//! `link` talks to the grapes, and `exchange` has their responses; `body` reads HTTP bodies;
//! `names` resolves host names, and `dial` connects to them; `process` queries the system about
//! this process; `stats` counts; `caught` catches panics; `node` is the only module that uses
//! Node-API.

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
