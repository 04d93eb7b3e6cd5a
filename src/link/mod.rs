//! HTTP to the grapes.
//!
//! One exchange is one call. Which grape is asked, how often, and who shares the answer is
//! decided in `lib/Link.js`, since services override `_post` and see every attempt there.

mod bounded;
mod http;

pub use http::Grapes;
