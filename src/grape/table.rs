//! The known nodes, in buckets by the number of leading id bits that they share with this node
//! (Kademlia). A full bucket keeps its nodes as long as they answer, except a host's nodes beyond
//! the first while another host has none: so a few hosts cannot shut out others.
//!
//! Only nodes that answered a query of this node are here: reports of others, or of a node itself,
//! prove nothing. An address has one node, and a host has few in a bucket.

use super::{Address, Id, address::is_loopback, hash::HashMap};
use crate::config::grape as config;

/// A known node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contact {
    /// Its id.
    pub id: Id,
    /// Its address.
    pub address: Address,
    /// When it answered last.
    pub seen: u64,
    /// Unanswered pings in a row.
    failures: u8,
    /// When it was last pinged, to limit the pings of an idle node.
    pinged: u64,
}

/// Result of a node's answer.
#[derive(Debug, PartialEq, Eq)]
pub enum Heard {
    /// It is known already, or is this node itself.
    Known,
    /// It is new, and was added.
    Added,
    /// There is no room. The least recently seen node in its way should be pinged.
    Full(Option<(Id, Address)>),
}

/// Result of a node's silence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Silence {
    /// No such node is known at that address: nothing to do.
    Unknown,
    /// It gets another chance.
    Kept,
    /// It was dropped, in favour of the waiting one.
    Dropped,
}

#[derive(Debug, Default)]
struct Bucket {
    /// Least recently seen first.
    contacts: Vec<Contact>,
    /// The latest node for which there was no room.
    waiting: Option<Contact>,
}

/// The buckets.
#[derive(Debug)]
pub struct Table {
    own: Id,
    buckets: Vec<Bucket>,
    places: HashMap<Address, Id>,
}

impl Table {
    /// An empty table of the node `own`.
    pub fn new(own: Id) -> Self {
        let buckets = (0..Id::BITS).map(|_| Bucket::default()).collect();
        Self { own, buckets, places: HashMap::default() }
    }

    /// Number of known nodes.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether no node is known.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Whether a node is known at this address.
    pub fn has(&self, id: &Id, address: Address) -> bool {
        self.places.get(&address) == Some(id)
    }

    /// Whether an unknown node at this address would be added if it answered.
    pub fn has_room(&self, id: &Id, address: Address) -> bool {
        let bucket = self.buckets.get(self.own.shared_bits(&id.0));
        !self.has(id, address)
            && bucket.is_some_and(|bucket| {
                bucket.has_share(address)
                    && (bucket.contacts.len() < config::K || bucket.surplus_for(address).is_some())
                    && bucket.contacts.iter().all(|known| known.id != *id)
            })
    }

    /// A node answered.
    pub fn heard(&mut self, id: Id, address: Address, now: u64) -> Heard {
        if id == self.own {
            return Heard::Known;
        }
        if let Some(other) = self.places.get(&address).copied().filter(|other| *other != id) {
            // The previous node of this address is gone.
            self.forget(&other, address);
        }
        let Some(bucket) = self.buckets.get_mut(self.own.shared_bits(&id.0)) else {
            return Heard::Known;
        };
        if let Some(at) = bucket.contacts.iter().position(|known| known.id == id) {
            // Another address for a known id is not accepted while the known one answers.
            if bucket.contacts[at].address == address {
                let mut known = bucket.contacts.remove(at);
                known.seen = now;
                known.failures = 0;
                bucket.contacts.push(known);
            }
            return Heard::Known;
        }
        let contact = Contact { id, address, seen: now, failures: 0, pinged: 0 };
        let has_share = bucket.has_share(address);
        let is_full = bucket.contacts.len() >= config::K;
        let surplus = if is_full { bucket.surplus_for(address) } else { None };
        if has_share && (!is_full || surplus.is_some()) {
            if let Some(at) = surplus {
                let gone = bucket.contacts.remove(at);
                self.places.remove(&gone.address);
            }
            bucket.contacts.push(contact);
            self.places.insert(address, id);
            return Heard::Added;
        }
        let is_quiet = |known: &&mut Contact| {
            let recent = |time: u64| time != 0 && now < time.saturating_add(config::RECENT_MS);
            !recent(known.seen) && !recent(known.pinged)
        };
        // A node of a host with its share can only replace another node of that host.
        let is_in_the_way =
            |known: &&mut Contact| has_share || known.address.group() == address.group();
        if has_share {
            bucket.waiting = Some(contact);
        }
        let first = bucket.contacts.iter_mut().find(is_in_the_way).filter(is_quiet);
        Heard::Full(first.map(|known| {
            known.pinged = now;
            (known.id, known.address)
        }))
    }

    /// A node did not answer.
    pub fn failed(&mut self, id: &Id, address: Address) -> Silence {
        if !self.has(id, address) {
            return Silence::Unknown;
        }
        let Some(bucket) = self.buckets.get_mut(self.own.shared_bits(&id.0)) else {
            return Silence::Unknown;
        };
        let waits = bucket.waiting.is_some();
        let Some(contact) = bucket.contacts.iter_mut().find(|known| known.id == *id) else {
            return Silence::Unknown;
        };
        contact.failures += 1;
        // A silent node loses its place if another one waits for it.
        if !waits && contact.failures < config::FAILURES {
            return Silence::Kept;
        }
        self.forget(id, address);
        Silence::Dropped
    }

    /// Removes a node, if it is known at this address, and adds the waiting one.
    pub fn forget(&mut self, id: &Id, address: Address) {
        if !self.has(id, address) {
            return;
        }
        self.places.remove(&address);
        let Some(bucket) = self.buckets.get_mut(self.own.shared_bits(&id.0)) else { return };
        bucket.contacts.retain(|known| known.id != *id);
        if let Some(waiting) = bucket.waiting.take()
            && !self.places.contains_key(&waiting.address)
            && bucket.has_share(waiting.address)
            && bucket.contacts.iter().all(|known| known.id != waiting.id)
        {
            self.places.insert(waiting.address, waiting.id);
            bucket.contacts.push(waiting);
        }
    }

    /// At most `count` nodes: the nearest to `key` of each host first, then further ones of these
    /// hosts.
    pub fn closest(&self, key: &[u8], count: usize) -> Vec<(Id, Address)> {
        self.closest_of(key, count, |_| true)
    }

    /// The same of nodes that answered their last query, for replies.
    pub fn closest_heard(&self, key: &[u8], count: usize) -> Vec<(Id, Address)> {
        self.closest_of(key, count, |contact| contact.failures == 0)
    }

    fn closest_of(
        &self,
        key: &[u8],
        count: usize,
        is_wanted: impl Fn(&Contact) -> bool,
    ) -> Vec<(Id, Address)> {
        let mut found: Vec<(Id, Address)> = Vec::with_capacity(count + config::K);
        let mut others = Vec::new();
        for at in self.order(key) {
            let start = found.len();
            let contacts = &self.buckets[at].contacts;
            let wanted = contacts.iter().filter(|contact| is_wanted(contact));
            found.extend(wanted.map(|contact| (contact.id, contact.address)));
            found[start..].sort_unstable_by_key(|(id, _)| id.distance(key));
            let mut at = start;
            while at < found.len() {
                let Address { ip, .. } = found[at].1;
                // This machine's ports count as hosts of their own.
                let is_known =
                    !is_loopback(ip) && found[..at].iter().any(|(_, other)| other.ip == ip);
                if is_known {
                    others.push(found.remove(at));
                } else {
                    at += 1;
                }
            }
            if found.len() >= count {
                break;
            }
        }
        found.truncate(count);
        others.truncate(count - found.len());
        found.extend(others);
        found
    }

    /// The non-empty buckets, nearest to `key` first: all nodes of a bucket are nearer than all of
    /// the next. The bucket of the key's own prefix is the nearest. A bucket that shares more bits
    /// with this node is nearer than all deeper ones if this node differs from the key in the bit
    /// where the bucket's nodes differ from this node, and farther otherwise. Buckets that share
    /// fewer bits come last.
    fn order(&self, key: &[u8]) -> impl Iterator<Item = usize> {
        let shared = self.own.shared_bits(key);
        let distance = self.own.distance(key);
        let more = shared + 1..Id::BITS.max(shared + 1);
        let (near, far) = (more.clone(), more.rev());
        (shared..Id::BITS.min(shared + 1))
            .chain(near.filter(move |at| distance.has_bit(*at)))
            .chain(far.filter(move |at| !distance.has_bit(*at)))
            .chain((0..shared).rev())
            .filter(|at| !self.buckets[*at].contacts.is_empty())
    }

    /// At most `count` nodes that neither answered nor were pinged since `time`, longest idle first
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
}

impl Bucket {
    /// The latest seen node of the host that has the most, if that is more than one, and the host
    /// of `address` has none.
    fn surplus_for(&self, address: Address) -> Option<usize> {
        let of_host = |host: Address| {
            self.contacts.iter().filter(|known| known.address.group() == host).count()
        };
        if of_host(address.group()) > 0 {
            return None;
        }
        let hosts = self.contacts.iter().map(|known| known.address.group());
        let (most, host) = hosts.map(|host| (of_host(host), host)).max_by_key(|(most, _)| *most)?;
        let last = self.contacts.iter().rposition(|known| known.address.group() == host);
        last.filter(|_| most > 1)
    }

    /// Whether the host of `address` may have one more node.
    fn has_share(&self, address: Address) -> bool {
        let of_host = self.contacts.iter().filter(|known| known.address.group() == address.group());
        of_host.count() < config::HOST_SHARE
    }
}

#[cfg(test)]
mod tests;
