//! The messages to the task that owns the core.

use crate::grape::{Address, Command, Failure, Id, Outcome, Source, Status, Wanted};
use tokio::sync::oneshot;

/// A message to the core's task.
#[derive(Debug)]
pub(super) enum Message {
    /// Starts a command; the client's number is unique.
    Command { op: u64, client: Source, command: Command, done: Done },
    /// Ends the command with this number.
    Cancel(u64),
    /// Asks for the node's view of itself.
    Status(oneshot::Sender<Status>),
    /// Asks for the node's id and its nodes.
    Known(oneshot::Sender<(Id, Vec<Address>)>),
    /// Sets the bootstrap nodes, and those known from an earlier run, if any.
    Bootstrap { addresses: Vec<Address>, known: Vec<Address> },
    /// Sets which events have listeners.
    Want(Wanted),
    /// Ends the node, and returns the nodes it knew.
    Stop(oneshot::Sender<(Id, Vec<Address>)>),
}

/// Receives the result of a command.
pub(super) type Done = oneshot::Sender<Result<Outcome, Failure>>;
