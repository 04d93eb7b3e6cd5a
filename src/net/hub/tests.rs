use super::*;
use crate::rpc::Data;
use std::sync::{Arc, atomic::AtomicUsize};

impl Weigh for Arc<()> {
    fn bytes(&self) -> usize {
        0
    }
}

#[test]
fn one_wake_until_somebody_comes() {
    let wakes = Arc::new(AtomicUsize::new(0));
    let count = wakes.clone();
    let hub = Hub::<()>::new(move || {
        count.fetch_add(1, Ordering::SeqCst);
    });
    hub.event(Event::Opened { conn: () });
    hub.event(Event::Opened { conn: () });
    assert_eq!(wakes.load(Ordering::SeqCst), 1);
    let (batch, more) = hub.fetch().unwrap();
    assert_eq!(batch.finish().1.len(), 2);
    assert!(!more);
    assert!(hub.fetch().is_none());
    hub.event(Event::Opened { conn: () });
    assert_eq!(wakes.load(Ordering::SeqCst), 2);
    hub.silence();
    hub.fetch();
    hub.event(Event::Opened { conn: () });
    assert_eq!(wakes.load(Ordering::SeqCst), 2);
}

#[test]
fn a_settled_thread_is_not_woken_by_itself() {
    let wakes = Arc::new(AtomicUsize::new(0));
    let count = wakes.clone();
    let hub = Hub::<()>::new(move || {
        count.fetch_add(1, Ordering::SeqCst);
    });
    hub.settle();
    hub.event(Event::Opened { conn: () });
    assert!(hub.take_due());
    assert!(!hub.take_due());
    assert_eq!(wakes.load(Ordering::SeqCst), 0);
    hub.event(Event::Opened { conn: () });
    hub.wake_if_due();
    hub.wake_if_due();
    assert_eq!(wakes.load(Ordering::SeqCst), 1);
    hub.fetch();
    thread::scope(|scope| {
        scope.spawn(|| hub.event(Event::Opened { conn: () }));
    });
    assert_eq!(wakes.load(Ordering::SeqCst), 2);
}

#[test]
fn batches_are_bounded_and_in_order() {
    let hub = Hub::<()>::new(|| {});
    for conn in 0..1200 {
        let mut batch = Batch::default();
        batch.reply(conn, 0, "null", "0");
        hub.append(batch);
    }
    let mut counts = Vec::new();
    while let Some((batch, _)) = hub.fetch() {
        let values: Vec<serde_json::Value> = serde_json::from_str(&batch.finish().0).unwrap();
        assert_eq!(values[1], counts.iter().sum::<usize>());
        counts.push(values.len() / 5);
    }
    assert_eq!(counts, [512, 512, 176]);
}

#[test]
fn what_a_connection_brought_alone_can_be_dropped() {
    let hub = Hub::<()>::new(|| {});
    let brought = |conn: u32, count: usize| {
        let mut batch = Batch::default();
        (0..count).for_each(|_| batch.message(conn, "x"));
        batch.set_brought_by(conn);
        hub.append(batch)
    };
    for _ in 0..3 {
        brought(1, config::BATCH_MESSAGES);
        brought(2, config::BATCH_MESSAGES);
    }
    // These two are in one batch, which stays.
    brought(1, 1);
    brought(2, 1);
    hub.drop_from(1);
    let mut left = Vec::new();
    while let Some((batch, more)) = hub.fetch() {
        left.push(batch.len());
        assert_eq!(more, left.len() < 4);
    }
    assert_eq!(left, [512, 512, 512, 2]);
    // An event of the connection is by itself.
    let (first, second) = (brought(1, 1), brought(1, 1));
    hub.drop_from(1);
    assert!(!hub.is_full_for(first) && !hub.is_full_for(second));
    assert!(hub.fetch().is_none());
    brought(1, 1);
    hub.event(Event::Room { conn: 1 });
    hub.drop_from(1);
    assert_eq!(hub.fetch().unwrap().0.len(), 2);
    assert_eq!(lock(&hub.inbox).bytes, 0);
}

#[test]
fn a_full_inbox_says_so() {
    let hub = Hub::<()>::new(|| {});
    let text = "x".repeat(config::INBOX_HIGH_WATER + 1);
    hub.event(Event::Request { conn: 0, cost: 0, data: Data::Text(text) });
    assert!(hub.is_full());
    hub.fetch();
    assert!(!hub.is_full());
}

#[test]
fn who_has_nothing_waiting_has_all_of_the_room() {
    let hub = Hub::<()>::new(|| {});
    let add = |bytes: usize| {
        let mut batch = Batch::default();
        batch.event(Event::Message { conn: 0, data: Data::Text("x".repeat(bytes)) });
        hub.append(batch)
    };
    let first = add(config::INBOX_SHARE);
    assert!(hub.is_full_for(first) && !hub.is_full_for(0));
    let second = add(config::INBOX_SHARE);
    assert!(hub.is_full_for(0));
    hub.fetch();
    assert!(!hub.is_full_for(first) && hub.is_full_for(second));
    hub.fetch();
    assert!(!hub.is_full_for(second));
}

#[test]
fn small_events_count_what_they_hold() {
    let hub = Hub::<()>::new(|| {});
    let mut events = 0;
    while !hub.is_full() {
        hub.event(Event::Request { conn: 0, cost: 0, data: Data::Text(String::new()) });
        events += 1;
    }
    assert!(events * size_of::<Event<()>>() <= config::INBOX_HIGH_WATER, "{events}");
}

#[test]
fn a_batch_with_room_for_much_more_gives_it_back() {
    let hub = Hub::<()>::new(|| {});
    for _ in 0..100 {
        let mut batch = Batch::with_capacity(config::SCRATCH_BYTES);
        batch.event(Event::Opened { conn: () });
        batch.reply(0, 0, "null", "1");
        hub.append(batch);
    }
    let inbox = lock(&hub.inbox);
    assert!(inbox.full.iter().all(|(batch, _)| batch.capacity() < 4 * config::IDLE_READ_BYTES));
    assert!(!inbox.full.is_empty());
}

#[test]
fn an_emptied_inbox_holds_no_bytes() {
    let hub = Hub::<()>::new(|| {});
    // Enough for places in the text of more than one digit.
    for _ in 0..600 {
        hub.event(Event::Opened { conn: () });
    }
    while hub.fetch().is_some() {}
    assert_eq!(lock(&hub.inbox).bytes, 0);
    assert!(!hub.is_full());
}

#[test]
fn a_silent_hub_keeps_nothing() {
    let hub = Hub::new(|| {});
    let conn = Arc::new(());
    hub.event(Event::Opened { conn: conn.clone() });
    hub.silence();
    hub.event(Event::Opened { conn: conn.clone() });
    assert_eq!(Arc::strong_count(&conn), 1);
    assert!(hub.fetch().is_none());
}

#[test]
fn numbers_are_reused_after_release() {
    let hub = Hub::<()>::new(|| {});
    assert_eq!((hub.number(), hub.number()), (0, 1));
    hub.release(0);
    assert_eq!((hub.number(), hub.number()), (0, 2));
}
