//! Pending queries.

use super::{Address, Id, hash::HashMap};
use crate::config::grape as config;
use rand::{Rng, RngExt};
use std::{cmp::Reverse, collections::BinaryHeap};

/// Purpose of a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// To check that a node is alive.
    Ping,
    /// To verify the address of a node that sent a query.
    Verify,
    /// For the walk with this number.
    Walk(u64),
    /// For the store with this number.
    Store(u64),
}

/// A pending query.
#[derive(Debug)]
pub struct Pending {
    /// The queried address.
    pub to: Address,
    /// The id there, if it is known.
    pub id: Option<Id>,
    /// Its purpose.
    pub purpose: Purpose,
    datagram: Vec<u8>,
    sent: u64,
    /// Number of retransmissions.
    again: usize,
}

/// Result of a timer.
#[derive(Debug)]
pub enum Due {
    /// The query should be sent again.
    Again(Address, Vec<u8>),
    /// The query timed out.
    Expired(Pending),
}

/// Bytes before the number in a reply.
const MARK: &[u8] = b"1:t4:";

/// Ends of a reply and an error: the type is the last key.
const ENDINGS: [&[u8]; 2] = [b"1:y1:re", b"1:y1:ee"];

/// The number is within this many bytes of the end, followed only by a version and the type.
const ENDING_BYTES: usize = 64;

/// The queries, by the number that their replies carry.
#[derive(Debug, Default)]
pub struct Transactions {
    pending: HashMap<u32, Pending>,
    bytes: usize,
    timers: BinaryHeap<Reverse<(u64, u32)>>,
}

impl Transactions {
    /// A number for a new query: random, so that only nodes that received it can reply.
    pub fn number(&self, rng: &mut impl Rng) -> u32 {
        loop {
            let number = rng.random();
            if !self.pending.contains_key(&number) {
                return number;
            }
        }
    }

    /// Whether there is room for a datagram of this size.
    pub fn has_room(&self, bytes: usize) -> bool {
        self.pending.len() < config::TRANSACTIONS
            && self.bytes + config::TRANSACTION_COST + bytes <= config::TRANSACTION_TOTAL_BYTES
    }

    /// Whether a datagram from `peer` seems to be the reply to one of these, by its number: all
    /// known implementations write that near the end, so the datagram is not parsed for it. A query
    /// never seems so.
    pub fn awaits(&self, datagram: &[u8], peer: Address) -> Option<[u8; 4]> {
        if !ENDINGS.iter().any(|ending| datagram.ends_with(ending)) {
            return None;
        }
        let end = &datagram[datagram.len().saturating_sub(ENDING_BYTES)..];
        let at = end.windows(MARK.len()).rposition(|part| part == MARK)?;
        let number: [u8; 4] = end.get(at + MARK.len()..at + MARK.len() + 4)?.try_into().ok()?;
        let pending = self.pending.get(&u32::from_be_bytes(number))?;
        (pending.to == peer).then_some(number)
    }

    /// Adds a query that was sent now.
    pub fn insert(
        &mut self,
        number: u32,
        (to, id): (Address, Option<Id>),
        purpose: Purpose,
        datagram: Vec<u8>,
        now: u64,
    ) {
        let pending = Pending { to, id, purpose, datagram, sent: now, again: 0 };
        self.timers.push(Reverse((pending.due_at(), number)));
        self.bytes += pending.cost();
        self.pending.insert(number, pending);
    }

    /// The query that a reply from `peer` belongs to.
    pub fn take(&mut self, transaction: &[u8], peer: Address) -> Option<Pending> {
        let number = u32::from_be_bytes(transaction.try_into().ok()?);
        if self.pending.get(&number)?.to != peer {
            return None;
        }
        self.remove(number)
    }

    fn remove(&mut self, number: u32) -> Option<Pending> {
        let pending = self.pending.remove(&number)?;
        self.bytes -= pending.cost();
        Some(pending)
    }

    /// The next query that is due.
    pub fn due(&mut self, now: u64) -> Option<Due> {
        loop {
            let Reverse((time, number)) = *self.timers.peek()?;
            if time > now {
                return None;
            }
            self.timers.pop();
            // Answered queries leave their timer behind, and their number may be in use again.
            let Some(pending) = self.pending.get_mut(&number) else { continue };
            if pending.due_at() != time {
                continue;
            }
            if time >= pending.sent + config::QUERY_TIMEOUT_MS {
                return self.remove(number).map(Due::Expired);
            }
            pending.again += 1;
            self.timers.push(Reverse((pending.due_at(), number)));
            return Some(Due::Again(pending.to, pending.datagram.clone()));
        }
    }

    /// When [`due`](Self::due) has something.
    pub fn due_at(&self) -> u64 {
        self.timers.peek().map_or(u64::MAX, |Reverse((time, _))| *time)
    }

    /// Number of pending queries.
    pub fn len(&self) -> usize {
        self.pending.len()
    }
}

impl Pending {
    fn cost(&self) -> usize {
        config::TRANSACTION_COST + self.datagram.len()
    }

    fn due_at(&self) -> u64 {
        // Sent once: the address may be forged.
        if self.purpose == Purpose::Verify {
            return self.sent + config::QUERY_TIMEOUT_MS;
        }
        let times = match (self.id, self.purpose) {
            (None, Purpose::Walk(_)) => config::BOOTSTRAP_RESEND_MS,
            _ => config::RESEND_MS,
        };
        self.sent + times.get(self.again).copied().unwrap_or(config::QUERY_TIMEOUT_MS)
    }
}

/// The transaction id of a query's number.
pub fn transaction(number: u32) -> [u8; 4] {
    number.to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{SeedableRng, rngs::StdRng};

    const PEER: Address = Address { ip: [1; 4], port: 1 };

    fn asked(transactions: &mut Transactions, id: Option<Id>, now: u64) -> u32 {
        let number = transactions.number(&mut StdRng::seed_from_u64(now));
        transactions.insert(number, (PEER, id), Purpose::Ping, b"datagram".to_vec(), now);
        number
    }

    #[test]
    fn only_who_was_asked_can_answer_and_only_once() {
        let mut transactions = Transactions::default();
        let number = asked(&mut transactions, None, 0);
        let bytes = transaction(number);
        assert!(transactions.take(&bytes, Address { port: 2, ..PEER }).is_none());
        assert!(transactions.take(&bytes[..2], PEER).is_none());
        assert!(transactions.take(&transaction(!number), PEER).is_none());
        assert!(transactions.take(&bytes, PEER).is_some());
        assert!(transactions.take(&bytes, PEER).is_none());
    }

    #[test]
    fn a_query_is_sent_again_and_then_given_up() {
        let mut transactions = Transactions::default();
        asked(&mut transactions, Some(Id([1; 20])), 0);
        let mut seen = Vec::new();
        while transactions.due_at() != u64::MAX {
            let now = transactions.due_at();
            match transactions.due(now) {
                Some(Due::Again(PEER, bytes)) => {
                    assert_eq!(bytes, b"datagram");
                    seen.push((now, true));
                }
                Some(Due::Expired(_)) => seen.push((now, false)),
                _ => {}
            }
        }
        assert_eq!(seen, [(600, true), (2_000, false)]);
        assert_eq!(transactions.len(), 0);
    }

    #[test]
    fn there_is_room_up_to_the_limit() {
        let mut transactions = Transactions::default();
        for number in 0..config::TRANSACTIONS as u32 {
            assert!(transactions.has_room(100));
            transactions.insert(number, (PEER, None), Purpose::Ping, Vec::new(), 0);
        }
        assert!(!transactions.has_room(100));
        transactions.take(&transaction(0), PEER);
        assert!(transactions.has_room(100));
    }

    #[test]
    fn an_answered_query_is_not_sent_again() {
        let mut transactions = Transactions::default();
        let number = asked(&mut transactions, None, 0);
        transactions.take(&transaction(number), PEER);
        assert!(transactions.due(10_000).is_none());
        assert_eq!(transactions.due_at(), u64::MAX);
    }

    #[test]
    fn the_bytes_are_bounded() {
        let mut transactions = Transactions::default();
        let mut number = 0;
        while transactions.has_room(8_000) {
            transactions.insert(number, (PEER, None), Purpose::Ping, vec![0; 8_000], 0);
            number += 1;
        }
        let bytes = number as usize * 8_000;
        assert!(bytes < config::TRANSACTION_TOTAL_BYTES && bytes > 30_000_000);
        for number in 0..number {
            transactions.take(&transaction(number), PEER);
        }
        assert_eq!(transactions.bytes, 0);
    }

    #[test]
    fn an_answer_is_known_by_its_end() {
        let mut transactions = Transactions::default();
        let number = asked(&mut transactions, None, 0);
        let bytes = transaction(number);
        let datagram = |number: &[u8]| [b"d1:rd2:id0:e1:t4:", number, b"1:v4:GN011:y1:re"].concat();
        assert_eq!(transactions.awaits(&datagram(&bytes), PEER), Some(bytes));
        assert_eq!(transactions.awaits(&datagram(&bytes), Address { port: 2, ..PEER }), None);
        assert_eq!(transactions.awaits(&datagram(&transaction(!number)), PEER), None);
        let question = [&b"d1:ade1:q4:ping1:t4:"[..], &bytes, b"1:y1:qe"].concat();
        for bad in [&question[..], b"", b"1:t4:", b"1:t4:abc", b"d1:t4:", b"1:t4:abc1:y1:re"] {
            assert_eq!(transactions.awaits(bad, PEER), None);
        }
    }

    #[test]
    fn who_may_not_be_there_is_asked_once() {
        let mut transactions = Transactions::default();
        let id = Some(Id([1; 20]));
        transactions.insert(1, (PEER, id), Purpose::Verify, b"datagram".to_vec(), 0);
        assert!(transactions.due(config::QUERY_TIMEOUT_MS - 1).is_none());
        let due = transactions.due(config::QUERY_TIMEOUT_MS);
        assert!(matches!(due, Some(Due::Expired(_))));
    }
}
