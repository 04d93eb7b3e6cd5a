//! The nodes that this one knows, in buckets by how many leading bits of the id they share with it
//! (Kademlia). A full bucket keeps the nodes it has for as long as they answer.

use super::{Address, Id};
use crate::config::grape as config;

/// A node that this one knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contact {
    /// Its id.
    pub id: Id,
    /// Where it is.
    pub address: Address,
    /// When it was last heard of.
    pub seen: u64,
    /// It answered a query of ours, and so is where it says.
    pub answered: bool,
    /// Pings in a row without an answer.
    failures: u8,
    /// When it was last pinged, to ask a quiet one only now and then.
    pinged: u64,
}

/// What hearing of a node led to.
#[derive(Debug, PartialEq, Eq)]
pub enum Heard {
    /// It is known, or it is this node itself.
    Known,
    /// It is new, and was added.
    Added,
    /// There is no room. The least recently seen node of its bucket should be pinged.
    Full(Option<(Id, Address)>),
}

#[derive(Debug, Default)]
struct Bucket {
    /// Least recently seen first.
    contacts: Vec<Contact>,
    /// The newest node for which there was no room.
    waiting: Option<Contact>,
}

/// The buckets.
#[derive(Debug)]
pub struct Table {
    own: Id,
    buckets: Vec<Bucket>,
    len: usize,
}

impl Table {
    /// An empty table of the node `own`.
    pub fn new(own: Id) -> Self {
        Self { own, buckets: (0..Id::BITS).map(|_| Bucket::default()).collect(), len: 0 }
    }

    /// Known nodes.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether no node is known.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Whether a node is known.
    pub fn has(&self, id: &Id) -> bool {
        self.bucket(id).is_some_and(|bucket| bucket.contacts.iter().any(|known| known.id == *id))
    }

    /// A node asked something, or answered.
    pub fn heard(&mut self, id: Id, address: Address, answered: bool, now: u64) -> Heard {
        let Some(bucket) = self.bucket_mut(&id) else { return Heard::Known };
        if let Some(at) = bucket.contacts.iter().position(|known| known.id == id) {
            // Another address under a known id is not believed while the known one answers.
            if bucket.contacts[at].address == address {
                let mut known = bucket.contacts.remove(at);
                known.seen = now;
                if answered {
                    known.answered = true;
                    known.failures = 0;
                }
                bucket.contacts.push(known);
            }
            return Heard::Known;
        }
        let contact = Contact { id, address, seen: now, answered, failures: 0, pinged: 0 };
        if bucket.contacts.len() < config::K {
            bucket.contacts.push(contact);
            self.len += 1;
            return Heard::Added;
        }
        if answered {
            bucket.waiting = Some(contact);
        }
        let is_quiet = |known: &&mut Contact| {
            let recent = |time: u64| time != 0 && now < time.saturating_add(config::RECENT_MS);
            !recent(known.seen) && !recent(known.pinged)
        };
        Heard::Full(bucket.contacts.first_mut().filter(is_quiet).map(|known| {
            known.pinged = now;
            (known.id, known.address)
        }))
    }

    /// A node did not answer. Whether it was dropped, for the one that waits.
    pub fn failed(&mut self, id: &Id, address: Address) -> bool {
        let Some(bucket) = self.bucket_mut(id) else { return false };
        let known = |known: &Contact| known.id == *id && known.address == address;
        let Some(at) = bucket.contacts.iter().position(known) else { return false };
        let contact = &mut bucket.contacts[at];
        contact.failures += 1;
        // One that waits for the place, and one that never answered, need no second chance.
        let keep = contact.answered
            && bucket.waiting.is_none()
            && bucket.contacts[at].failures < config::FAILURES;
        if keep {
            return false;
        }
        bucket.contacts.remove(at);
        match bucket.waiting.take() {
            Some(waiting) => bucket.contacts.push(waiting),
            None => self.len -= 1,
        }
        true
    }

    /// At most `count` nodes, nearest to `key` first.
    pub fn closest(&self, key: &[u8], count: usize) -> Vec<(Id, Address)> {
        let mut found: Vec<&Contact> = Vec::new();
        // The bucket of the key's own prefix is nearest, then all that share more bits with this
        // node, which are about equally far, then those that share less, one by one.
        let shared = self.own.shared_bits(key).min(Id::BITS - 1);
        found.extend(&self.buckets[shared].contacts);
        if found.len() < count {
            found.extend(self.buckets[shared + 1..].iter().flat_map(|bucket| &bucket.contacts));
        }
        for bucket in self.buckets[..shared].iter().rev() {
            if found.len() >= count {
                break;
            }
            found.extend(&bucket.contacts);
        }
        found.sort_by_cached_key(|contact| contact.id.distance(key));
        found.iter().take(count).map(|contact| (contact.id, contact.address)).collect()
    }

    /// At most `count` nodes that were neither heard of nor pinged since `time`, quietest first
    /// within a bucket. They count as pinged now.
    pub fn idle(&mut self, time: u64, count: usize, now: u64) -> Vec<(Id, Address)> {
        let contacts = self.buckets.iter_mut().flat_map(|bucket| &mut bucket.contacts);
        contacts
            .filter(|contact| contact.seen <= time && contact.pinged <= time)
            .take(count)
            .map(|contact| {
                contact.pinged = now;
                (contact.id, contact.address)
            })
            .collect()
    }

    /// All nodes.
    pub fn iter(&self) -> impl Iterator<Item = &Contact> {
        self.buckets.iter().flat_map(|bucket| &bucket.contacts)
    }

    /// `None` for this node's own id.
    fn bucket(&self, id: &Id) -> Option<&Bucket> {
        self.buckets.get(self.own.shared_bits(&id.0))
    }

    fn bucket_mut(&mut self, id: &Id) -> Option<&mut Bucket> {
        self.buckets.get_mut(self.own.shared_bits(&id.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::{collection::vec, prelude::*};

    fn address(port: u16) -> Address {
        Address { ip: [127, 0, 0, 1], port }
    }

    /// An id in the farthest bucket of `OWN`.
    fn far(number: u8) -> Id {
        let mut id = Id([number; 20]);
        id.0[0] = 0x80;
        id
    }

    const OWN: Id = Id([0; 20]);

    #[test]
    fn a_full_bucket_keeps_who_answers() {
        let mut table = Table::new(OWN);
        for number in 0..config::K as u8 {
            assert_eq!(table.heard(far(number), address(1), true, 1), Heard::Added);
        }
        let later = config::RECENT_MS + 1;
        let oldest = Some((far(0), address(1)));
        assert_eq!(table.heard(far(99), address(9), true, 1), Heard::Full(None));
        assert_eq!(table.heard(far(99), address(9), true, later), Heard::Full(oldest));
        // Not again while that ping is out.
        assert_eq!(table.heard(far(98), address(8), true, later), Heard::Full(None));
        table.heard(far(0), address(1), true, later);
        let next = Some((far(1), address(1)));
        assert_eq!(table.heard(far(97), address(7), true, later), Heard::Full(next));
        assert!(table.failed(&far(1), address(1)));
        assert!(table.has(&far(97)) && !table.has(&far(1)) && table.has(&far(0)));
        assert_eq!(table.len(), config::K);
    }

    #[test]
    fn a_silent_node_is_dropped_in_the_end() {
        let mut table = Table::new(OWN);
        table.heard(far(1), address(1), true, 1);
        assert!(!table.failed(&far(1), address(2)));
        assert!(!table.failed(&far(1), address(1)));
        assert!(table.failed(&far(1), address(1)));
        table.heard(far(2), address(2), false, 1);
        assert!(table.failed(&far(2), address(2)), "who never answered gets no second chance");
        assert!(table.is_empty());
    }

    #[test]
    fn nobody_takes_over_the_id_of_a_node_that_lives() {
        let mut table = Table::new(OWN);
        table.heard(far(1), address(1), true, 1);
        table.heard(far(1), address(2), true, 2);
        assert_eq!(table.closest(&[], 1), [(far(1), address(1))]);
        assert_eq!(table.heard(OWN, address(3), true, 1), Heard::Known);
        assert_eq!(table.len(), 1);
    }

    #[test]
    fn idle_nodes_are_named_once() {
        let mut table = Table::new(OWN);
        table.heard(far(1), address(1), true, 10);
        table.heard(far(2), address(2), true, 20);
        assert_eq!(table.idle(15, 10, 100), [(far(1), address(1))]);
        assert_eq!(table.idle(15, 10, 100), []);
        assert_eq!(table.idle(100, 1, 200).len(), 1);
    }

    proptest! {
        #[test]
        fn the_closest_are_the_closest(
            own in any::<[u8; 20]>(),
            ids in vec(any::<[u8; 20]>(), 0..200),
            key in vec(any::<u8>(), 0..40),
            prefix in 0..20_usize,
            count in 1..30_usize,
        ) {
            let mut table = Table::new(Id(own));
            for (at, id) in ids.iter().enumerate() {
                // Some near to this node, so that deep buckets have something.
                let mut id = Id(*id);
                if at % 3 == 0 {
                    id.0[..prefix].copy_from_slice(&own[..prefix]);
                }
                table.heard(id, address(1), true, 1);
            }
            let mut all: Vec<_> = table.iter().map(|contact| contact.id).collect();
            all.sort_by_key(|id| id.distance(&key));
            all.truncate(count);
            let found: Vec<_> = table.closest(&key, count).into_iter().map(|(id, _)| id).collect();
            prop_assert_eq!(found, all);
        }

        #[test]
        fn the_table_is_bounded_and_counts_right(
            heard in vec((any::<[u8; 2]>(), any::<bool>(), any::<bool>()), 0..2_000),
        ) {
            let mut table = Table::new(OWN);
            for (at, (start, answered, fails)) in heard.into_iter().enumerate() {
                let mut id = Id([1; 20]);
                id.0[..2].copy_from_slice(&start);
                let at = at as u64 * 1_000;
                if fails {
                    table.failed(&id, address(1));
                } else {
                    table.heard(id, address(1), answered, at);
                }
                prop_assert_eq!(table.len(), table.iter().count());
            }
            prop_assert!(table.len() <= 17 * config::K);
        }
    }
}
