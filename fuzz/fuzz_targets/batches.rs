//! Records and events added to batches and merged in any order: JavaScript gets all of them, in
//! order, as one valid JSON text per batch.

#![no_main]

use grenache_nodejs_ws_native::rpc::{Batch, Event, Frame, split};
use grenache_nodejs_ws_native_fuzz::{Record, records};
use libfuzzer_sys::{
    arbitrary::{self, Arbitrary},
    fuzz_target,
};

#[derive(Arbitrary, Debug)]
enum Step<'a> {
    Request(u32, u16, &'a str),
    Reply(u32, u32, &'a str),
    Message(u32, &'a str),
    Ping(u32, &'a [u8]),
    /// Merges the current batch into the waiting one.
    Merge,
}

fuzz_target!(|steps: Vec<Step<'_>>| {
    let mut expected = Vec::new();
    let mut done = Vec::new();
    let (mut waiting, mut batch) = (Batch::<()>::default(), Batch::default());
    for step in steps {
        match step {
            Step::Request(conn, cost, text) => {
                if let Frame::Three(rid, key, payload) = split(text) {
                    batch.request(conn, cost.into(), rid, key, payload);
                    expected.push(Ok(Record::Request(
                        conn,
                        cost.into(),
                        rid.into(),
                        key.into(),
                        payload.into(),
                    )));
                }
            }
            Step::Reply(conn, slot, text) => {
                if let Frame::Three(_, error, result) = split(text) {
                    batch.reply(conn, slot, error, result);
                    expected.push(Ok(Record::Reply(conn, slot, error.into(), result.into())));
                }
            }
            Step::Message(conn, text) => {
                batch.message(conn, text);
                expected.push(Ok(Record::Message(conn, text.into())));
            }
            Step::Ping(conn, data) => {
                batch.event(Event::Ping { conn, data: data.into() });
                expected.push(Err((conn, data.to_vec())));
            }
            Step::Merge => merge(&mut waiting, &mut batch, &mut done),
        }
    }
    merge(&mut waiting, &mut batch, &mut done);
    done.push(waiting);

    let mut got = Vec::new();
    for batch in done {
        if batch.is_empty() {
            continue;
        }
        let count = batch.len();
        let (text, events) = batch.finish();
        let records = records(&text);
        assert_eq!(records.len(), count);
        let mut events = events.into_iter().enumerate();
        for record in records {
            let Record::Event(at) = record else {
                got.push(Ok(record));
                continue;
            };
            // Their indices are in the order of the text.
            let (index, event) = events.next().expect("an event for each place");
            assert_eq!(at as usize, index);
            let Event::Ping { conn, data } = event else { panic!("another event") };
            got.push(Err((conn, data)));
        }
        assert!(events.next().is_none(), "a place for each event");
    }
    assert_eq!(got, expected);
});

/// As the hub does it.
fn merge(waiting: &mut Batch<()>, batch: &mut Batch<()>, done: &mut Vec<Batch<()>>) {
    let batch = std::mem::take(batch);
    if batch.is_empty() {
        return;
    }
    if let Err(batch) = waiting.merge(batch) {
        done.push(std::mem::replace(waiting, batch));
    }
}
