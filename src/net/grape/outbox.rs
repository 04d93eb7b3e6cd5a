//! Datagrams that wait for room in the kernel: limited in bytes, and no address can use up all of
//! them.

use crate::{
    config::grape as config,
    grape::{Address, Datagram},
};
use std::collections::{HashMap, VecDeque};

/// The datagrams; see the module's description.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    waiting: VecDeque<Datagram>,
    bytes: usize,
    of: HashMap<Address, usize>,
}

impl Outbox {
    /// Whether it is empty.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Adds a datagram, or drops it if there is no room: the network might lose it as well.
    pub fn push(&mut self, datagram: Datagram) {
        let cost = cost(&datagram);
        let of = self.of.get(&datagram.to).copied().unwrap_or(0);
        if self.bytes + cost > config::OUTBOX_BYTES || of + cost > config::OUTBOX_SHARE {
            return;
        }
        self.count(&datagram);
        self.waiting.push_back(datagram);
    }

    /// Takes the oldest one.
    pub fn pop(&mut self) -> Option<Datagram> {
        let datagram = self.waiting.pop_front()?;
        let cost = cost(&datagram);
        self.bytes -= cost;
        if let Some(of) = self.of.get_mut(&datagram.to) {
            *of -= cost;
            if *of == 0 {
                self.of.remove(&datagram.to);
            }
        }
        Some(datagram)
    }

    /// Puts it back as the oldest, since it could not be sent.
    pub fn put_back(&mut self, datagram: Datagram) {
        self.count(&datagram);
        self.waiting.push_front(datagram);
    }

    fn count(&mut self, datagram: &Datagram) {
        let cost = cost(datagram);
        self.bytes += cost;
        *self.of.entry(datagram.to).or_default() += cost;
    }
}

fn cost(datagram: &Datagram) -> usize {
    config::DATAGRAM_COST + datagram.bytes.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn datagram(port: u16, len: usize) -> Datagram {
        Datagram { to: Address { ip: [10, 0, 0, 1], port }, bytes: vec![0; len] }
    }

    #[test]
    fn an_address_has_a_share_and_all_have_a_bound() {
        let mut outbox = Outbox::default();
        for _ in 0..100_000 {
            outbox.push(datagram(1, 1_000));
        }
        assert!(outbox.bytes <= config::OUTBOX_SHARE);
        outbox.push(datagram(2, 1_000));
        assert_eq!(outbox.of.len(), 2);
        for port in 3..60_000 {
            outbox.push(datagram(port, 1_000));
        }
        assert!(outbox.bytes <= config::OUTBOX_BYTES);
        let first = outbox.pop().unwrap();
        outbox.put_back(first);
        let mut count = 0;
        while outbox.pop().is_some() {
            count += 1;
        }
        assert!(count > 900, "{count}");
        assert!(outbox.bytes == 0 && outbox.of.is_empty());
    }
}
