//! Allocations of the hot path: a number that does not depend on the machine's load, so that a
//! regression shows without measuring time.

#![allow(clippy::unwrap_used, reason = "a panic here is a failed test")]

use grenache_nodejs_ws_native::{
    pubsub::Published,
    rpc::{Batch, Frame, Requests, split},
    ws::{Inbound, Incoming, Opcode, Outbound, Role},
};
use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
};

thread_local! {
    /// Of this thread: tests run in parallel.
    static COUNT: Cell<usize> = const { Cell::new(0) };
}

struct Counting;

// SAFETY: all calls go to the system's allocator; the counter does not allocate.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.set(COUNT.get() + 1);
        // SAFETY: as promised by the caller.
        unsafe { System.alloc(layout) }
    }

    unsafe fn realloc(&self, old: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        COUNT.set(COUNT.get() + 1);
        // SAFETY: as promised by the caller.
        unsafe { System.realloc(old, layout, size) }
    }

    unsafe fn dealloc(&self, old: *mut u8, layout: Layout) {
        // SAFETY: as promised by the caller.
        unsafe { System.dealloc(old, layout) };
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const MESSAGES: u32 = 64;
const TEXT: &str =
    r#"["0f4e5c1a-6d3b-4c2f-9a51-1f0e8d7c6b5a","bench",{"topic":"trades","price":12345.678}]"#;

/// Allocations of `work`, once it was done before and buffers have their size.
fn allocations(mut work: impl FnMut()) -> usize {
    work();
    work();
    let before = COUNT.get();
    work();
    COUNT.get() - before
}

fn compose(requests: &mut Requests, out: &mut Outbound) {
    for slot in 0..MESSAGES {
        requests.send(out, slot, 0, u64::MAX, |buf| {
            buf.extend_from_slice(br#""bench",{"topic":"trades"}"#);
            true
        });
    }
}

fn write(out: &mut Outbound) {
    let taken = out.take().unwrap();
    let len = taken.len();
    out.put_back(taken, len);
}

#[test]
fn splitting_allocates_nothing() {
    let count = allocations(|| assert_ne!(split(TEXT), Frame::Other));
    assert_eq!(count, 0);
}

#[test]
fn composing_and_writing_allocates_nothing() {
    let (mut requests, mut out) = (Requests::default(), Outbound::new(Role::Client));
    let count = allocations(|| {
        compose(&mut requests, &mut out);
        write(&mut out);
    });
    assert_eq!(count, 0);
}

#[test]
fn finding_the_request_of_a_reply_allocates_nothing() {
    let mut requests = Requests::default();
    let mut rids = Vec::with_capacity(MESSAGES as usize);
    let count = allocations(|| {
        rids.clear();
        rids.extend((0..MESSAGES).map(|slot| requests.pending.insert(slot, 0, u64::MAX)));
        assert!(rids.iter().all(|rid| requests.pending.resolve(rid).is_some()));
    });
    assert_eq!(count, 0);
}

#[test]
fn a_read_of_many_frames_allocates_one_batch() {
    let mut out = Outbound::new(Role::Client);
    (0..MESSAGES).for_each(|_| out.frame(Opcode::Text, TEXT.as_bytes()));
    let bytes = out.take_all().unwrap();
    let (mut inbound, mut read, mut control) =
        (Inbound::new(Role::Server, usize::MAX), bytes.clone(), Vec::new());
    let count = allocations(|| {
        read.copy_from_slice(&bytes);
        let mut batch = Batch::<()>::with_capacity(read.len());
        inbound
            .receive(&mut read, &mut control, |message| {
                if let Incoming::Text(text) = message
                    && let Frame::Three(rid, key, payload) = split(text)
                {
                    batch.request(0, 0, rid, key, payload);
                }
            })
            .unwrap();
        assert_eq!(batch.len(), MESSAGES as usize);
    });
    assert_eq!(count, 1);
}

#[test]
fn a_published_message_is_encoded_once() {
    let mut subscribers: Vec<_> = (0..100).map(|_| Outbound::new(Role::Server)).collect();
    let mut encode = 0;
    let count = allocations(|| {
        let before = COUNT.get();
        let message = Published::new(Opcode::Text, TEXT.as_bytes());
        encode = COUNT.get() - before;
        for out in &mut subscribers {
            out.raw(message.frame());
            write(out);
        }
    });
    assert_eq!(count, encode, "subscribers cost nothing more");
    assert!(encode <= 2, "{encode}");
}
