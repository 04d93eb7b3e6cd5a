//! The pending requests of one connection.
//!
//! A request has a slot that JavaScript chose, and its id contains the slot: the last 32 bits of a
//! UUID v4 are the slot mixed with the first 32, which are random, and a salt of the connection. So
//! all digits differ from request to request, since logs shorten ids at either end. A reply finds
//! its request by arithmetic, and the stored id proves that it is the right one.

use crate::config;
use rand::{RngExt, SeedableRng, rngs::StdRng};
use uuid::{Builder, fmt::Hyphenated};

/// A request's id on the wire.
pub type Rid = [u8; Hyphenated::LENGTH];

#[derive(Clone, Copy, Debug)]
struct Waiter {
    rid: Rid,
    /// Its index among the connection's messages, modulo 2^32: there are never so many pending.
    place: u32,
    sent: u64,
    deadline: u64,
}

// One cache line of most processors.
const _: () = assert!(size_of::<Option<Waiter>>() <= 64);

/// A request that the other side has not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unread {
    /// Its slot.
    pub slot: u32,
    /// Its deadline.
    pub deadline: u64,
}

/// A request whose reply has arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resolved {
    /// Its slot.
    pub slot: u32,
    /// When it was sent, on the sender's clock.
    pub sent: u64,
}

/// Slots, ids and deadlines. Times are milliseconds on any clock that only goes forward.
#[derive(Debug)]
pub struct Pending {
    salt: u32,
    /// Created for the first request: servers send none.
    rng: Option<Box<StdRng>>,
    slots: Vec<Option<Waiter>>,
    waiting: usize,
    check_at: u64,
    expired_since: u64,
    /// The index of the next one.
    next: u32,
}

impl Default for Pending {
    fn default() -> Self {
        Self {
            salt: rand::random(),
            rng: None,
            slots: Vec::new(),
            waiting: 0,
            check_at: u64::MAX,
            next: 0,
            expired_since: u64::MAX,
        }
    }
}

impl Pending {
    /// Adds the request in `slot`, `sent` at that time of any clock, pending until `deadline`, and
    /// returns its id.
    pub fn insert(&mut self, slot: u32, sent: u64, deadline: u64) -> Rid {
        let rng = self.rng.get_or_insert_with(|| Box::new(StdRng::from_rng(&mut rand::rng())));
        let random: u128 = rng.random();
        let mixed = slot ^ self.salt ^ (random >> 96) as u32;
        let rid = text(random >> 32 << 32 | u128::from(mixed));

        let at = slot as usize;
        if at >= self.slots.len() {
            self.slots.resize(at + 1, None);
        }
        let place = self.next;
        self.next = self.next.wrapping_add(1);
        if self.slots[at].replace(Waiter { rid, sent, deadline, place }).is_none() {
            self.waiting += 1;
        }
        self.check_at = self.check_at.min(deadline);
        rid
    }

    /// Ends the pending request with this id, if there is one; `rid` is the id's text.
    pub fn resolve(&mut self, rid: &[u8]) -> Option<Resolved> {
        let rid: &Rid = rid.try_into().ok()?;
        let slot = digits(rid, 0) ^ digits(rid, rid.len() - 8) ^ self.salt;
        let place = self.slots.get_mut(slot as usize)?;
        let waiter = place.as_ref()?;
        if waiter.rid != *rid {
            return None;
        }
        let sent = waiter.sent;
        *place = None;
        self.waiting -= 1;
        Some(Resolved { slot, sent })
    }

    /// Ends the pending request in `slot`; whether there was one.
    pub fn remove(&mut self, slot: u32) -> bool {
        let waited = self.slots.get_mut(slot as usize).and_then(Option::take).is_some();
        if waited {
            self.waiting -= 1;
        }
        waited
    }

    /// Ends all but the first `read` messages of the connection, and returns them in the order in
    /// which they were sent.
    pub fn take_from(&mut self, read: u64) -> Vec<Unread> {
        let mut taken = Vec::new();
        for (slot, waiter) in self.slots.iter_mut().enumerate() {
            // Negative for earlier ones.
            let after = |w: &Waiter| w.place.wrapping_sub(read as u32);
            if let Some(w) = waiter.take_if(|w| after(w).cast_signed() >= 0) {
                taken.push((after(&w), Unread { slot: slot as u32, deadline: w.deadline }));
            }
        }
        self.waiting -= taken.len();
        taken.sort_unstable_by_key(|(after, _)| *after);
        taken.into_iter().map(|(_, unread)| unread).collect()
    }

    /// The last inserted request is no message of the connection after all.
    pub fn cancel(&mut self, slot: u32) {
        self.remove(slot);
        self.next = self.next.wrapping_sub(1);
    }

    /// Only the requests in `slots` become messages of the connection, in this order.
    pub fn renumber(&mut self, slots: impl Iterator<Item = u32>) {
        self.next = 0;
        for slot in slots {
            if let Some(Some(waiter)) = self.slots.get_mut(slot as usize) {
                waiter.place = self.next;
                self.next = self.next.wrapping_add(1);
            }
        }
    }

    /// The id of the pending request in `slot`.
    pub fn rid(&self, slot: u32) -> Option<Rid> {
        self.slots.get(slot as usize)?.as_ref().map(|waiter| waiter.rid)
    }

    /// Whether the request with this id is pending in `slot`.
    pub fn waits(&self, slot: u32, rid: &Rid) -> bool {
        self.slots.get(slot as usize).and_then(Option::as_ref).is_some_and(|w| w.rid == *rid)
    }

    /// Number of pending requests.
    pub fn len(&self) -> usize {
        self.waiting
    }

    /// Whether no request is pending.
    pub fn is_empty(&self) -> bool {
        self.waiting == 0
    }

    /// When [`expire`](Self::expire) has to be called next; `u64::MAX`: not before another request
    /// is added.
    pub fn check_at(&self) -> u64 {
        self.check_at
    }

    /// When the oldest request was sent that the last call of [`expire`](Self::expire) ended.
    pub fn expired_since(&self) -> u64 {
        self.expired_since
    }

    /// Ends all requests whose deadline has passed, and returns their slots.
    ///
    /// One pass over the slots. With equal timeouts it runs once per timeout, since the next check
    /// is when the oldest pending request would expire; with mixed ones it runs every
    /// [`config::EXPIRE_EVERY_MS`] at most.
    pub fn expire(&mut self, now: u64) -> Vec<u32> {
        if now < self.check_at {
            return Vec::new();
        }
        let mut expired = Vec::new();
        let (mut next, mut since) = (u64::MAX, u64::MAX);
        for (slot, waiter) in self.slots.iter_mut().enumerate() {
            match waiter {
                Some(w) if w.deadline <= now => {
                    since = since.min(w.sent);
                    *waiter = None;
                    expired.push(slot as u32);
                }
                Some(w) => next = next.min(w.deadline),
                None => {}
            }
        }
        self.waiting -= expired.len();
        self.expired_since = since;
        self.check_at = next.max(now + config::EXPIRE_EVERY_MS);
        if next == u64::MAX {
            self.check_at = u64::MAX;
        }
        expired
    }

    /// Ends all requests without notification: the connection is closed, and the callers know.
    pub fn clear(&mut self) {
        self.slots = Vec::new();
        self.waiting = 0;
        self.check_at = u64::MAX;
    }
}

/// The text of the UUID v4 with these bits, except those for version and variant.
fn text(bits: u128) -> Rid {
    let bits = Builder::from_random_bytes(bits.to_be_bytes()).into_uuid().as_u128();
    let (head, tail) = (digits_of((bits >> 64) as u64), digits_of(bits as u64));
    let mut rid = [b'-'; Hyphenated::LENGTH];
    rid[..8].copy_from_slice(&head[..8]);
    rid[9..13].copy_from_slice(&head[8..12]);
    rid[14..18].copy_from_slice(&head[12..]);
    rid[19..23].copy_from_slice(&tail[..4]);
    rid[24..].copy_from_slice(&tail[4..]);
    rid
}

/// The hexadecimal digits of a number, all at once: each in a byte of its own.
fn digits_of(number: u64) -> [u8; 16] {
    const EACH: u128 = u128::MAX / 0xff;
    let mut digits = u128::from(number);
    for shift in [32, 16, 8, 4] {
        // The lower `shift` bits of each 2 * `shift`.
        let mask = u128::MAX / ((1 << shift) + 1);
        digits = (digits | digits << shift) & mask;
    }
    let letters = (digits + 6 * EACH) >> 4 & EACH;
    (digits + u128::from(b'0') * EACH + letters * u128::from(b'a' - b'0' - 10)).to_be_bytes()
}

/// The number of the eight hexadecimal digits from `at` on; arbitrary for other texts, since the
/// whole id is compared anyway.
fn digits(rid: &Rid, at: usize) -> u32 {
    rid[at..at + 8]
        .iter()
        .fold(0, |number, digit| number << 4 | u32::from((digit & 15) + 9 * (digit >> 6)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashSet;
    use uuid::Uuid;

    fn text(rid: Rid) -> String {
        String::from_utf8(rid.to_vec()).unwrap()
    }

    fn slot(pending: &mut Pending, rid: &str) -> Option<u32> {
        pending.resolve(rid.as_bytes()).map(|resolved| resolved.slot)
    }

    #[test]
    fn ids_are_random_version_4_lower_case() {
        let mut pending = Pending::default();
        let ids: HashSet<String> = (0..1000).map(|_| text(pending.insert(7, 0, 1))).collect();
        assert_eq!(ids.len(), 1000);
        for id in ids {
            let id = Uuid::parse_str(&id).unwrap();
            assert_eq!(id.get_version_num(), 4);
            assert_eq!(id.get_variant(), uuid::Variant::RFC4122);
        }
    }

    #[test]
    fn a_reply_finds_its_request_once() {
        let mut pending = Pending::default();
        let id = text(pending.insert(3, 5, 10));
        assert_eq!(pending.rid(3).map(text), Some(id.clone()));
        assert_eq!(pending.resolve(id.as_bytes()), Some(Resolved { slot: 3, sent: 5 }));
        assert_eq!(pending.rid(3), None);
        assert_eq!(pending.resolve(id.as_bytes()), None);
    }

    #[test]
    fn a_reused_slot_does_not_take_the_reply_of_its_predecessor() {
        let mut pending = Pending::default();
        let first = text(pending.insert(0, 0, 10));
        assert_eq!(pending.expire(10), [0]);
        let second = text(pending.insert(0, 0, 20));
        assert_eq!(pending.resolve(first.as_bytes()), None);
        assert_eq!(slot(&mut pending, &second), Some(0));
    }

    #[test]
    fn what_is_removed_takes_no_reply() {
        let mut pending = Pending::default();
        let id = text(pending.insert(0, 0, 10));
        assert!(pending.remove(0));
        assert!(!pending.remove(0) && !pending.remove(1));
        assert_eq!((pending.resolve(id.as_bytes()), pending.len()), (None, 0));
        assert!(pending.expire(10).is_empty());
    }

    #[test]
    fn foreign_ids_find_nothing() {
        let mut pending = Pending::default();
        let id = text(pending.insert(0, 0, 10));
        for rid in ["", "0", &id[..35], &id.to_uppercase(), "\u{fffd}\u{fffd}\u{fffd}", "+0000000-"]
        {
            assert_eq!(pending.resolve(rid.as_bytes()), None);
        }
    }

    #[test]
    fn equal_timeouts_are_checked_once_per_timeout() {
        let mut pending = Pending::default();
        let mut checks = 0;
        for now in 0..10_000 {
            let id = text(pending.insert((now % 64) as u32, now, now + 1000));
            pending.resolve(id.as_bytes());
            if now >= pending.check_at() {
                checks += 1;
                assert!(pending.expire(now).is_empty());
            }
        }
        assert!(checks <= 10, "{checks}");
    }

    #[test]
    fn texts_are_those_of_uuids() {
        let mut rng = StdRng::seed_from_u64(1);
        for bits in (0..1000).map(|_| rng.random()).chain([0, u128::MAX]) {
            let uuid = Builder::from_random_bytes(u128::to_be_bytes(bits)).into_uuid();
            let rid = super::text(bits);
            assert_eq!(std::str::from_utf8(&rid).unwrap(), uuid.to_string());
            assert_eq!(digits(&rid, 28), bits as u32);
        }
    }

    #[test]
    fn what_was_not_read_is_known_by_its_place() {
        let mut pending = Pending::default();
        let first = text(pending.insert(4, 0, 10));
        pending.insert(2, 0, 20);
        pending.cancel(2);
        pending.insert(3, 0, 30);
        assert_eq!(slot(&mut pending, &first), Some(4));
        pending.insert(4, 0, 40);
        pending.insert(0, 0, 50);
        let unread = |slot, deadline| Unread { slot, deadline };
        assert_eq!(pending.take_from(2), [unread(4, 40), unread(0, 50)]);
        assert_eq!((pending.len(), pending.rid(3).is_some()), (1, true));
        assert!(pending.take_from(2).is_empty());
        assert_eq!(pending.take_from(0), [unread(3, 30)]);
        assert!(pending.is_empty());

        // After some billions of messages.
        pending.next = u32::MAX;
        for slot in 0..3 {
            pending.insert(slot, 0, 10);
        }
        assert_eq!(pending.take_from(1 << 32), [unread(1, 10), unread(2, 10)]);
    }

    proptest! {
        #[test]
        fn behaves_like_a_map(steps in prop::collection::vec((0u8..3, 0u32..20, 0u64..200), 1..300)) {
            let mut pending = Pending::default();
            let mut model = std::collections::HashMap::<u32, (String, u64)>::new();
            let mut now = 0;
            for (step, at, time) in steps {
                match step {
                    0 => {
                        let id = text(pending.insert(at, now, now + time));
                        model.insert(at, (id, now + time));
                    }
                    1 => {
                        if let Some((id, _)) = model.remove(&at) {
                            prop_assert_eq!(slot(&mut pending, &id), Some(at));
                        }
                    }
                    _ => {
                        now += time;
                        for slot in pending.expire(now) {
                            let (_, deadline) = model.remove(&slot).unwrap();
                            prop_assert!(deadline <= now);
                        }
                        // None is later than the interval of the checks.
                        for (_, deadline) in model.values() {
                            prop_assert!(*deadline + config::EXPIRE_EVERY_MS > now);
                        }
                    }
                }
                prop_assert_eq!(pending.len(), model.len());
                prop_assert!(pending.check_at() != u64::MAX || pending.is_empty());
            }
        }
    }
}
