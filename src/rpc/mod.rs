//! Requests and replies as pure data: splitting frames, matching replies with requests, deadlines,
//! and the batches for JavaScript.

mod batch;
#[cfg(target_arch = "x86_64")]
mod blocks;
mod depth;
mod drain;
mod escape;
mod frame;
mod pending;
mod requests;

pub use batch::{Batch, Data, Event, RECORDS, Record, Weigh};
pub use depth::{Structure, is_nested};
pub use drain::{NOTHING_READ, leaving, read_before_leaving};
pub use escape::{escape, plain};
pub use frame::{Frame, small_cost, split};
pub use pending::{Pending, Resolved, Rid, Unread};
pub use requests::Requests;
