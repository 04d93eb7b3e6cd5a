//! Requests and replies as pure data: splitting frames, finding the request that a reply
//! belongs to, deadlines, and the batches that JavaScript gets.

mod batch;
mod escape;
mod frame;
mod pending;
mod requests;

pub use batch::{Batch, Data, Event};
pub use escape::escape;
pub use frame::{Frame, split};
pub use pending::{Pending, Resolved, Rid};
pub use requests::Requests;
