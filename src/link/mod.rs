//! HTTP to the grapes.
//!
//! One exchange is one call. `lib/Link.js` chooses the grape, retries, and shares responses, since
//! services override `_post` and see every attempt there.

mod bounded;
mod connector;
mod http;

pub use http::Grapes;
