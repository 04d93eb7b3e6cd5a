//! Messages that wait for one slow subscriber, in memory that it shares with the others.

use super::Published;
use std::{collections::VecDeque, sync::Arc};

/// The oldest comes first.
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
        Some(message)
    }

    /// Lets go of the oldest messages until at most `limit` bytes are left; returns how many went.
    pub fn shorten(&mut self, limit: usize) -> usize {
        let before = self.messages.len();
        while self.bytes > limit {
            self.pop();
        }
        before - self.messages.len()
    }

    /// Bytes of all messages.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether nothing waits.
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
        assert_eq!(backlog.shorten(10), 1);
        assert_eq!(backlog.shorten(10), 0);
        assert_eq!(backlog.pop().unwrap().frame(), message("two").frame());
        assert_eq!(backlog.bytes(), 5);
        assert_eq!(backlog.shorten(0), 1);
        assert!(backlog.is_empty() && backlog.bytes() == 0);
    }
}
