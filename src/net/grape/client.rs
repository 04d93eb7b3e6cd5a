//! Sends messages to the task that owns the core, and waits for the answers.

use super::{message::Message, places::Place};
use crate::grape::{Address, Command, Failure, Id, Outcome, Source, Status};
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering::Relaxed},
};
use tokio::sync::{mpsc::UnboundedSender, oneshot};

/// A client of the core's task.
#[derive(Clone, Debug)]
pub(super) struct Client {
    inbox: UnboundedSender<Message>,
    last_op: Arc<AtomicU64>,
}

/// No command has this number.
const NONE: u64 = 0;

impl Client {
    pub fn new(inbox: UnboundedSender<Message>) -> Self {
        Self { inbox, last_op: Arc::new(AtomicU64::new(NONE)) }
    }

    /// Where the messages go.
    pub fn inbox(&self) -> &UnboundedSender<Message> {
        &self.inbox
    }

    /// Sends a message without an answer. A stopped node ignores it.
    pub fn send(&self, message: Message) {
        let _ = self.inbox.send(message);
    }

    /// Runs a command of `source`, whose connection has a `place`.
    pub async fn command(
        &self,
        command: Command,
        source: Source,
        place: Option<&Place>,
    ) -> Result<Outcome, Failure> {
        let op = self.last_op.fetch_add(1, Relaxed) + 1;
        let mut waiting = Waiting { inbox: &self.inbox, op };
        let (done, result) = oneshot::channel();
        let message = Message::Command { op, client: source, command, done };
        if self.inbox.send(message).is_err() {
            return Err(Failure::Stopped);
        }
        if let Some(place) = place {
            place.works_at(op);
        }
        let result = result.await;
        waiting.op = NONE;
        result.unwrap_or(Err(Failure::Stopped))
    }

    /// The node's view of itself; `None` when it has stopped.
    pub async fn status(&self) -> Option<Status> {
        self.ask(Message::Status).await
    }

    /// The node's id and its nodes; `None` when it has stopped.
    pub async fn known(&self) -> Option<(Id, Vec<Address>)> {
        self.ask(Message::Known).await
    }

    async fn ask<T>(&self, message: impl FnOnce(oneshot::Sender<T>) -> Message) -> Option<T> {
        let (done, result) = oneshot::channel();
        self.inbox.send(message(done)).ok()?;
        result.await.ok()
    }
}

/// A caller waits for the outcome of a command. If it is dropped, the walk may end.
struct Waiting<'a> {
    inbox: &'a UnboundedSender<Message>,
    op: u64,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if self.op != NONE {
            let _ = self.inbox.send(Message::Cancel(self.op));
        }
    }
}
