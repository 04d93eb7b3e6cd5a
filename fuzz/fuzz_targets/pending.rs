//! Pending requests and arbitrary ids: each request gets one reply, and only by its own id.

#![no_main]

use grenache_nodejs_ws_native::rpc::{Pending, Rid};
use libfuzzer_sys::{
    arbitrary::{self, Arbitrary},
    fuzz_target,
};
use std::collections::HashMap;

#[derive(Arbitrary, Debug)]
enum Step<'a> {
    Insert {
        slot: u8,
        wait: u8,
    },
    /// A reply to the pending or earlier request in the slot.
    Resolve {
        slot: u8,
    },
    /// The same with a changed byte of its id, or some cut off.
    Change {
        slot: u8,
        at: u8,
        by: u8,
        keep: u8,
    },
    Foreign {
        rid: &'a [u8],
    },
    Remove {
        slot: u8,
    },
    Expire {
        after: u8,
    },
    Clear,
}

fuzz_target!(|steps: Vec<Step<'_>>| {
    let mut pending = Pending::default();
    let mut waiting = HashMap::<u32, (Rid, u64)>::new();
    let mut last = HashMap::<u32, Rid>::new();
    let mut now = 0;
    for step in steps {
        match step {
            Step::Insert { slot, wait } => {
                let (slot, deadline) = (slot.into(), now + u64::from(wait));
                let rid = pending.insert(slot, now, deadline);
                assert!(pending.waits(slot, &rid));
                waiting.insert(slot, (rid, deadline));
                last.insert(slot, rid);
            }
            Step::Resolve { slot } => {
                let slot = slot.into();
                let Some(rid) = last.get(&slot) else { continue };
                let waits = waiting.remove(&slot).map(|_| slot);
                assert_eq!(pending.resolve(rid).map(|resolved| resolved.slot), waits);
                assert_eq!(pending.resolve(rid), None, "a second time");
            }
            Step::Change { slot, at, by, keep } => {
                let Some(mut rid) = last.get(&slot.into()).copied() else { continue };
                let at = usize::from(at) % rid.len();
                rid[at] = rid[at].wrapping_add(by);
                let rid = &rid[..usize::from(keep).min(rid.len())];
                let of = waiting.iter().find(|(_, (own, _))| own[..] == *rid);
                let of = of.map(|(slot, _)| *slot);
                assert_eq!(pending.resolve(rid).map(|resolved| resolved.slot), of);
                of.and_then(|slot| waiting.remove(&slot));
            }
            Step::Foreign { rid } => assert_eq!(pending.resolve(rid), None),
            Step::Remove { slot } => {
                pending.remove(slot.into());
                waiting.remove(&slot.into());
            }
            Step::Expire { after } => {
                now += u64::from(after);
                for slot in pending.expire(now) {
                    let (_, deadline) = waiting.remove(&slot).expect("it waited");
                    assert!(deadline <= now, "early");
                }
            }
            Step::Clear => {
                pending.clear();
                waiting.clear();
            }
        }
        assert_eq!(pending.len(), waiting.len());
        assert_eq!(pending.is_empty(), waiting.is_empty());
        let earliest = waiting.values().map(|(_, deadline)| *deadline).min();
        // Every pending request is checked at some time.
        assert!(earliest.is_none() || pending.check_at() < u64::MAX);
    }
    // All end, at the latest when the last deadline has passed and the checks have caught up.
    now += 2 * 256;
    let mut left = pending.expire(now).len();
    if !pending.is_empty() {
        left += pending.expire(pending.check_at().max(now)).len();
    }
    assert_eq!(left, waiting.len());
    assert!(pending.is_empty());
});
