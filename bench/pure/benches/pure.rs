//! The addon's modules without I/O, so that a regression shows without Node: `npm run bench:pure`.

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use grenache_nodejs_ws_native::{
    pubsub::Published,
    rpc::{Batch, Frame, Requests, split},
    ws::{Inbound, Incoming, Opcode, Outbound, Role},
};
use std::hint::black_box;

/// Messages of one read at a medium load.
const MESSAGES: u32 = 64;
const FAR: u64 = u64::MAX;
const TEXT: &str =
    r#"["0f4e5c1a-6d3b-4c2f-9a51-1f0e8d7c6b5a","bench",{"topic":"trades","price":12345.678}]"#;

/// Frames as a client sends them.
fn frames() -> Vec<u8> {
    let mut out = Outbound::new(Role::Client);
    for _ in 0..MESSAGES {
        out.frame(Opcode::Text, TEXT.as_bytes());
    }
    out.take_all().unwrap_or_default()
}

fn request(requests: &mut Requests, out: &mut Outbound, slot: u32) {
    requests.send(out, slot, 0, FAR, |buf| {
        buf.extend_from_slice(br#""bench",{"topic":"trades","price":12345.678}"#);
        true
    });
}

fn pure(c: &mut Criterion) {
    let mut group = c.benchmark_group("message");
    group.throughput(Throughput::Elements(MESSAGES.into()));

    group.bench_function("split", |b| {
        b.iter(|| (0..MESSAGES).filter(|_| split(black_box(TEXT)) != Frame::Other).count());
    });

    group.bench_function("receive", |b| {
        let mut inbound = Inbound::new(Role::Server, usize::MAX);
        let bytes = frames();
        b.iter_batched_ref(
            || bytes.clone(),
            |bytes| {
                inbound.receive(bytes, &mut Vec::new(), |message| {
                    black_box(message);
                })
            },
            BatchSize::SmallInput,
        );
    });

    group.bench_function("receive and batch", |b| {
        let mut inbound = Inbound::new(Role::Server, usize::MAX);
        let bytes = frames();
        b.iter_batched_ref(
            || bytes.clone(),
            |bytes| {
                let mut batch = Batch::<()>::with_capacity(bytes.len());
                let _ = inbound.receive(bytes, &mut Vec::new(), |message| {
                    if let Incoming::Text(text) = message
                        && let Frame::Three(rid, key, payload) = split(text)
                    {
                        batch.request(0, 0, rid, key, payload);
                    }
                });
                batch.finish()
            },
            BatchSize::SmallInput,
        );
    });

    group.bench_function("compose", |b| {
        let (mut requests, mut out) = (Requests::default(), Outbound::new(Role::Client));
        b.iter(|| {
            (0..MESSAGES).for_each(|slot| request(&mut requests, &mut out, slot));
            if let Some(taken) = out.take() {
                let len = taken.len();
                out.put_back(taken, len);
            }
        });
    });

    group.bench_function("correlate", |b| {
        let mut pending = Requests::default().pending;
        b.iter(|| {
            (0..MESSAGES)
                .filter(|slot| {
                    let rid = pending.insert(*slot, 0, FAR);
                    pending.resolve(black_box(&rid)).is_some()
                })
                .count()
        });
    });

    group.bench_function("publish", |b| {
        b.iter(|| {
            (0..MESSAGES).for_each(|_| {
                black_box(Published::new(Opcode::Text, black_box(TEXT.as_bytes())));
            });
        });
    });
    group.finish();
}

criterion_group!(benches, pure);
criterion_main!(benches);
