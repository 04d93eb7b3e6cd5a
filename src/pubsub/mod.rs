//! Publishing: one encoded frame for all subscribers, and the queue of a slow one.

mod backlog;

use crate::ws::{Opcode, Outbound, Role};

pub use backlog::Backlog;

/// One message, encoded once. Servers do not mask, so all subscribers get the same frame.
#[derive(Debug)]
pub struct Published {
    frame: Vec<u8>,
}

impl Published {
    /// Encodes a message.
    pub fn new(opcode: Opcode, payload: &[u8]) -> Self {
        let mut out = Outbound::new(Role::Server);
        out.frame(opcode, payload);
        Self { frame: out.take_all().unwrap_or_default() }
    }

    /// The frame's bytes.
    pub fn frame(&self) -> &[u8] {
        &self.frame
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_not_masked() {
        assert_eq!(Published::new(Opcode::Text, b"hi").frame(), b"\x81\x02hi");
        assert_eq!(Published::new(Opcode::Binary, b"").frame(), b"\x82\0");
    }
}
