//! A whole connection, as TLS uses it: input bytes, and as output JavaScript's batches and the
//! bytes for the other side.

#![no_main]

use grenache_nodejs_ws_native::{
    net::{Arrival, Budget, Connections, Hub, Io, Lanes, Settings, stream::Stream, tokio::Driver},
    rpc::Event,
    ws::Role,
};
use grenache_nodejs_ws_native_fuzz::{Record, cut, frames, parts, records};
use libfuzzer_sys::fuzz_target;
use std::{collections::HashSet, sync::Arc};

/// Pending requests of a client.
const REQUESTS: u32 = 4;

struct Environment {
    hub: Arc<Connections>,
    driver: Driver,
}

thread_local! {
    static ENVIRONMENT: Environment = {
        let hub = Arc::new(Hub::<Arrival>::new(|| {}));
        Environment { driver: Driver::new(hub.clone()), hub }
    };
}

/// Memory budget of the connection, in bytes: small, so that exceeding it is tested too.
const BUDGET: usize = 64 * 1024;

fuzz_target!(|input: &[u8]| {
    let Some((mode, input)) = input.split_first() else { return };
    ENVIRONMENT.with(|environment| check(environment, *mode, input));
});

/// Bits of `mode`: 1 a client, 2 without the RPC machinery, 4 with listeners of the socket, 8
/// closing.
fn check(Environment { hub, driver }: &Environment, mode: u8, input: &[u8]) {
    let role = if mode & 1 == 0 { Role::Server } else { Role::Client };
    let lanes = Lanes::from_bits(if mode & 2 == 0 { 1 } else { 0 } | (mode >> 1 & 2));
    let settings = Settings { io: Io::Stream, lanes, ..Settings::default() };
    let stream = Stream::new(driver, hub, role, settings, &Budget::new(BUDGET));
    let number = stream.conn().number();
    stream.open(None);

    let mut input = input.to_vec();
    if role == Role::Client {
        for slot in 0..REQUESTS {
            let fill = |buf: &mut Vec<u8>| {
                buf.extend_from_slice(b"\"k\",0");
                true
            };
            assert!(stream.conn().request(slot, hub.now(), 60_000, fill).is_some());
        }
        for (slot, (_, request)) in frames(&output(&stream), true).iter().enumerate() {
            fill_in(&mut input, slot, &request[2..38]);
        }
    }
    let closing = mode & 8 != 0;
    if closing {
        stream.conn().close(Some(1000), "");
        assert_eq!(frames(&output(&stream), role == Role::Client).len(), 1);
    }
    let (lengths, bytes) = cut(&input);
    for part in parts(&lengths, bytes) {
        stream.receive(part);
    }

    let mut answered = HashSet::new();
    let mut closed = 0;
    let mut look = || {
        while let Some((batch, _)) = hub.fetch() {
            let (text, events) = batch.finish();
            for record in records(&text) {
                match record {
                    Record::Request(conn, ..) | Record::Odd(conn, ..) => {
                        assert_eq!((conn, role), (number, Role::Server));
                        assert_eq!(mode & 2, 0, "nobody asked for requests");
                    }
                    Record::Reply(conn, slot, ..) => {
                        assert_eq!((conn, role), (number, Role::Client));
                        assert!(slot < REQUESTS && answered.insert(slot), "answered twice");
                    }
                    Record::Event(at) => assert!((at as usize) < events.len()),
                    Record::Message(conn, _) => {
                        assert_eq!(conn, number);
                        assert_ne!(mode & 4, 0, "nobody listens");
                    }
                }
            }
            for event in events {
                match event {
                    Event::Reply { slot, .. } => {
                        assert!(slot < REQUESTS && answered.insert(slot), "answered twice");
                    }
                    Event::Closed { conn, code, .. } => {
                        assert_eq!(conn, number);
                        assert!((1000..5000).contains(&code));
                        closed += 1;
                    }
                    _ => {}
                }
            }
        }
    };
    look();
    let answers = frames(&output(&stream), role == Role::Client);
    for (first, payload) in &answers {
        assert!(matches!(first, 0x88 | 0x8a), "only control frames answer by themselves");
        assert!(payload.len() <= 125);
    }
    let closes = answers.iter().position(|(first, _)| *first == 0x88);
    assert!(closes.is_none_or(|at| at + 1 == answers.len()), "after a close frame");
    assert!(!closing || answers.is_empty(), "after its own close frame it says nothing");
    stream.end();
    look();
    assert_eq!(closed, 1);
    hub.release(number);
}

/// Bytes for the other side.
fn output(stream: &Stream) -> Vec<u8> {
    let mut output = vec![0; 64 * 1024];
    let len = stream.take(&mut output);
    output.truncate(len);
    output
}

/// Replaces placeholders in the input by the ids of the requests:
/// `00000000-0000-4000-8000-00000000000<slot>`.
fn fill_in(input: &mut [u8], slot: usize, rid: &[u8]) {
    let place = format!("00000000-0000-4000-8000-{slot:012}").into_bytes();
    for at in 0..input.len().saturating_sub(place.len() - 1) {
        if input[at..].starts_with(&place) {
            input[at..at + place.len()].copy_from_slice(rid);
        }
    }
}
