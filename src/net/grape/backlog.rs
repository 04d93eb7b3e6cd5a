//! A node's events that JavaScript has not received yet.

use super::notice::Notice;
use crate::config::grape as config;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};

/// Limits the events of each kind that wait for a busy JavaScript thread, so that a flood of one
/// kind costs no memory and displaces no others. Rare events always have room.
#[derive(Debug, Default)]
pub struct Backlog([Waiting; Kind::COUNT]);

#[derive(Debug, Default)]
struct Waiting {
    events: AtomicUsize,
    bytes: AtomicUsize,
    lost: AtomicU64,
}

/// The kinds of events that strangers can cause in any number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kind(usize);

impl Kind {
    const COUNT: usize = 4;

    /// Of an event; `None` for one that occurs once.
    pub fn of(notice: &Notice) -> Option<Self> {
        match notice {
            Notice::Ready => None,
            Notice::Node => Some(Self(0)),
            Notice::Peer(_) => Some(Self(1)),
            Notice::Announce(_) => Some(Self(2)),
            Notice::Warning(_) => Some(Self(3)),
        }
    }

    /// The event's name.
    pub fn name(self) -> &'static str {
        ["node", "peer", "announce", "warning"][self.0]
    }
}

impl Backlog {
    /// Whether there is room for an event with `bytes` of text; if not, it is counted. Called on
    /// one thread.
    pub fn admit(&self, kind: Kind, bytes: usize) -> bool {
        let waiting = &self.0[kind.0];
        if waiting.events.load(Relaxed) >= config::EVENTS_WAITING
            || waiting.bytes.load(Relaxed) + bytes > config::EVENTS_BYTES
        {
            waiting.lost.fetch_add(1, Relaxed);
            return false;
        }
        waiting.events.fetch_add(1, Relaxed);
        waiting.bytes.fetch_add(bytes, Relaxed);
        true
    }

    /// JavaScript is about to receive one. After the last waiting one: how many were dropped
    /// meanwhile.
    pub fn received(&self, kind: Kind, bytes: usize) -> u64 {
        let waiting = &self.0[kind.0];
        waiting.bytes.fetch_sub(bytes, Relaxed);
        if waiting.events.fetch_sub(1, Relaxed) == 1 { waiting.lost.swap(0, Relaxed) } else { 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(notice: &Notice) -> Kind {
        Kind::of(notice).unwrap()
    }

    #[test]
    fn a_flood_of_one_kind_is_cut_and_counted_and_the_others_have_room() {
        let backlog = Backlog::default();
        let (announce, node) = (kind(&Notice::Announce(String::new())), kind(&Notice::Node));
        let admitted = (0..10_000).filter(|_| backlog.admit(announce, 8)).count();
        assert_eq!(admitted, config::EVENTS_WAITING);
        assert!(backlog.admit(node, 0));
        for _ in 1..admitted {
            assert_eq!(backlog.received(announce, 8), 0);
        }
        assert_eq!(backlog.received(announce, 8), 10_000 - admitted as u64);
        assert!(backlog.admit(announce, 8));
        assert_eq!((backlog.received(announce, 8), backlog.received(node, 0)), (0, 0));
    }

    #[test]
    fn long_texts_count_by_their_bytes() {
        let backlog = Backlog::default();
        let announce = kind(&Notice::Announce(String::new()));
        let admitted = (0..1_000).filter(|_| backlog.admit(announce, 8_192)).count();
        assert_eq!(admitted, config::EVENTS_BYTES / 8_192);
    }

    #[test]
    fn what_happens_once_is_never_cut() {
        assert_eq!(Kind::of(&Notice::Ready), None);
        let names = [Notice::Node, Notice::Peer(String::new()), Notice::Announce(String::new())];
        assert_eq!(names.map(|notice| kind(&notice).name()), ["node", "peer", "announce"]);
    }
}
