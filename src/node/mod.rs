//! The binding: converts between JavaScript values and the plain data of the other modules,
//! and nothing else. One [`Core`](core::Core) per JavaScript environment.

// The binding is described in index.d.ts and docs/ARCHITECTURE.md, from JavaScript's side.
#![allow(missing_docs)]

mod budget;
mod connection;
mod core;
mod events;
mod exchanges;
mod flush;
mod grape;
#[cfg(unix)]
mod in_loop;
mod inner;
mod layout;
mod messages;
mod meter;
mod names;
mod raw;
mod requests;
mod server;
mod settings;
mod socket;
mod stats;
mod stream;
#[cfg(unix)]
mod turn;
mod value;
mod wake;

use napi_derive::napi;

/// JavaScript compares it with its own version: both are released together.
#[napi]
#[cfg_attr(test, expect(dead_code, reason = "napi exports nothing to Rust's tests"))]
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
