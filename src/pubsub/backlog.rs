//! Messages queued for one slow subscriber, in memory that it shares with the others.

use super::Published;
use crate::config;
use std::{collections::VecDeque, sync::Arc};

/// Cost of a queued message besides the shared bytes: its place in the list, which may have room
/// for twice as many.
const ENTRY_BYTES: usize = 2 * size_of::<Arc<Published>>();

/// The queue, oldest first.
#[derive(Debug, Default)]
pub struct Backlog {
    messages: VecDeque<Arc<Published>>,
    bytes: usize,
}

impl Backlog {
    /// Adds the newest message.
    pub fn push(&mut self, message: Arc<Published>) {
        self.bytes += message.frame().len();
        self.messages.push_back(message);
    }

    /// Takes the oldest message.
    pub fn pop(&mut self) -> Option<Arc<Published>> {
        let message = self.messages.pop_front()?;
        self.bytes -= message.frame().len();
        if self.is_empty() && self.messages.capacity() > config::SUBSCRIBER_KEPT_ENTRIES {
            self.messages = VecDeque::new();
        }
        Some(message)
    }

    /// Drops the oldest messages until at most `limit` bytes are [`held`](Self::held); returns the
    /// number of dropped messages.
    pub fn shorten(&mut self, limit: usize) -> usize {
        let before = self.messages.len();
        while self.held() > limit {
            self.pop();
        }
        before - self.messages.len()
    }

    /// Bytes that this subscriber alone holds.
    pub fn own(&self) -> usize {
        self.messages.len() * ENTRY_BYTES
    }

    /// Total size of the queue, in bytes: messages, and their places.
    pub fn held(&self) -> usize {
        self.bytes + self.own()
    }

    /// Bytes of all messages.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether the queue is empty.
    pub fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ws::Opcode;

    #[test]
    fn the_oldest_go_first() {
        let message = |text: &str| Arc::new(Published::new(Opcode::Text, text.as_bytes()));
        let mut backlog = Backlog::default();
        for text in ["one", "two", "six"] {
            backlog.push(message(text));
        }
        assert_eq!(backlog.bytes(), 3 * (2 + 3));
        assert_eq!(backlog.held(), 3 * (2 + 3 + ENTRY_BYTES));
        assert_eq!(backlog.shorten(2 * (2 + 3 + ENTRY_BYTES)), 1);
        assert_eq!(backlog.shorten(2 * (2 + 3 + ENTRY_BYTES)), 0);
        assert_eq!(backlog.pop().unwrap().frame(), message("two").frame());
        assert_eq!(backlog.bytes(), 5);
        assert_eq!(backlog.shorten(0), 1);
        assert!(backlog.is_empty() && backlog.bytes() == 0);
    }

    #[test]
    fn an_empty_list_has_no_room_for_many() {
        let message = Arc::new(Published::new(Opcode::Text, b"x"));
        let mut backlog = Backlog::default();
        for _ in 0..100_000 {
            backlog.push(message.clone());
        }
        assert!(backlog.messages.capacity() * size_of::<Arc<Published>>() <= backlog.own());
        while backlog.pop().is_some() {}
        assert!(backlog.messages.capacity() <= config::SUBSCRIBER_KEPT_ENTRIES);
    }
}
