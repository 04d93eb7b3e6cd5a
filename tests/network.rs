//! Networks of cores with simulated time: finding, storing, dying, and datagrams of strangers.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a panic here is a failed test")]

#[path = "common/simulation.rs"]
mod simulation;

use grenache_nodejs_ws_native::{
    config::grape as config,
    grape::{
        Address, Command, Core, Event, Failure, Id, Item, Options, Outcome, Source,
        krpc::{Announcement, Message, PutQuery, Query},
    },
};
use simulation::Network;
use std::time::Instant;

const KEY: &[u8] = b"rpc_test";

fn network(count: usize) -> Network {
    let mut network = Network::new(0.0, 1);
    network.grow(count);
    network.run(1_000);
    network
}

#[test]
fn a_thousand_nodes_find_each_other_with_a_tenth_of_all_datagrams_lost() {
    let started = Instant::now();
    let mut network = Network::new(0.1, 7);
    let mut costs = Vec::new();
    for size in [10, 100, 1_000] {
        network.grow(size);
        network.run(3_000);
        let key = format!("service of {size}");
        let announcer = size / 2;
        let taken = network.announce(announcer, key.as_bytes(), 1337).unwrap();
        let Outcome::Stored(taken) = taken else { panic!("{taken:?}") };
        assert!(taken >= size.min(config::K) * 2 / 3, "{taken} of {size}");
        let mut messages = 0;
        for lookup in 0..20 {
            let number = lookup * size / 20;
            let before = network.core(number).status().counters.walk_queries;
            let found = network.lookup(number, key.as_bytes());
            assert_eq!(
                found,
                [format!("{}", Address { port: 1337, ..Network::address(announcer) })]
            );
            messages += 2 * (network.core(number).status().counters.walk_queries - before);
        }
        costs.push(messages as f64 / 20.0);
        println!(
            "{size} nodes: {:.1} messages a lookup, announced to {taken}",
            messages as f64 / 20.0
        );
    }
    println!("{} datagrams in {:?}", network.datagrams, started.elapsed());
    // Ten times the nodes cost a few steps more, not ten times the messages.
    assert!(costs[2] < 2.0 * costs[1], "{costs:?}");
}

#[test]
fn a_third_of_the_nodes_may_die() {
    let mut network = network(60);
    network.announce(1, KEY, 1337).unwrap();
    for number in (2..60).step_by(3) {
        network.kill(number);
    }
    let expected = [Address { port: 1337, ..Network::address(1) }.to_string()];
    for number in (0..60).filter(|number| number % 3 != 2) {
        assert_eq!(network.lookup(number, KEY), expected);
    }
    network.run(3 * config::LIVENESS_MS);
    network.announce(1, KEY, 1337).unwrap();
    assert!(network.core(0).table().iter().all(|node| {
        (0..60).filter(|number| number % 3 != 2).any(|n| Network::address(n) == node.address)
    }));
    assert_eq!(network.lookup(58, KEY), expected);
}

#[test]
fn a_service_that_announces_is_never_lost_and_one_that_stopped_is() {
    let mut network = network(5);
    let expected = [Address { port: 1337, ..Network::address(1) }.to_string()];
    for _ in 0..20 {
        network.announce(1, KEY, 1337).unwrap();
        // The longest interval of `startAnnouncing`.
        for _ in 0..18 {
            assert_eq!(network.lookup(3, KEY), expected);
            network.run(10_000);
        }
    }
    network.run(4 * config::PEER_AGE_MS);
    assert_eq!(network.lookup(3, KEY), [""; 0]);
}

#[test]
fn an_unannounced_service_is_gone_at_once() {
    let mut network = network(5);
    network.announce(1, KEY, 1337).unwrap();
    network.announce(2, KEY, 1338).unwrap();
    assert_eq!(network.lookup(4, KEY).len(), 2);
    let gone = network.call(1, Command::Unannounce { key: KEY.to_vec(), port: 1337 });
    assert_eq!(gone, Ok(Outcome::Stored(4)));
    assert_eq!(network.lookup(3, KEY), [Address { port: 1338, ..Network::address(2) }.to_string()]);
}

#[test]
fn an_unannounced_service_is_gone_for_those_who_found_it_before() {
    let mut network = network(60);
    network.announce(1, KEY, 1337).unwrap();
    network.announce(2, KEY, 1338).unwrap();
    for number in 0..60 {
        assert_eq!(network.lookup(number, KEY).len(), 2);
    }
    let gone = network.call(1, Command::Unannounce { key: KEY.to_vec(), port: 1337 });
    assert_eq!(gone, Ok(Outcome::Stored(config::K)));
    network.run(config::SAME_MS + 1);
    for number in 0..60 {
        let expected = Address { port: 1338, ..Network::address(2) };
        assert_eq!(network.lookup(number, KEY), [expected.to_string()], "through node {number}");
    }
    network.announce(1, KEY, 1337).unwrap();
    network.run(config::SAME_MS + 1);
    assert_eq!(network.lookup(50, KEY).len(), 2);
}

#[test]
fn the_freshest_are_known_everywhere() {
    let mut network = network(5);
    for (number, port) in [(1, 1), (2, 2), (1, 3)] {
        network.announce(number, KEY, port).unwrap();
        network.run(5_000);
    }
    let found = network.call(4, Command::Lookup(KEY.to_vec())).unwrap();
    let Outcome::Peers(mut peers) = found else { panic!() };
    peers.sort_by_key(|found| std::cmp::Reverse(found.announced));
    let ports: Vec<_> = peers.iter().map(|found| found.address.port).collect();
    assert_eq!(ports, [3, 2, 1]);
}

#[test]
fn names_of_any_length_work() {
    let mut network = network(30);
    for (at, key) in
        [vec![], vec![b'x'], vec![7; 20], vec![8; 21], vec![9; 3_000]].iter().enumerate()
    {
        network.announce(1, key, 1_000 + at as u16).unwrap();
        let expected = Address { port: 1_000 + at as u16, ..Network::address(1) };
        assert_eq!(network.lookup(25, key), [expected.to_string()]);
    }
}

#[test]
fn values_are_stored_and_read() {
    let mut network = network(30);
    let item = Item { v: b"5:hello".to_vec(), signed: None };
    let put = network.call(3, Command::Put { item: item.clone(), cas: None });
    assert_eq!(put, Ok(Outcome::Put(item.target())));
    let get = Command::Get { target: item.target().0.to_vec(), salt: Vec::new() };
    for number in [3, 20] {
        let got = network.call(number, get.clone()).unwrap();
        let Outcome::Value(Some(got)) = got else { panic!("{got:?}") };
        assert_eq!(got.item, item);
    }
    let nothing = Command::Get { target: vec![1; 20], salt: Vec::new() };
    assert_eq!(network.call(4, nothing), Ok(Outcome::Value(None)));
}

#[test]
fn an_isolated_node_serves_its_machine() {
    let mut network = Network::new(0.0, 1);
    let alone = network.add(Options::default(), &[]);
    assert_eq!(network.announce(alone, KEY, 1), Ok(Outcome::Stored(1)));
    assert_eq!(network.lookup(alone, KEY), ["127.0.0.1:1"]);
    let host = Some([127, 0, 0, 1]);
    let bound = network.add(Options { host, ..Options::default() }, &[]);
    assert_eq!(network.announce(bound, KEY, 1), Ok(Outcome::Stored(1)));
    assert_eq!(network.lookup(bound, KEY), ["127.0.0.1:1"]);
    let item = Item { v: b"1:a".to_vec(), signed: None };
    let put = network.call(bound, Command::Put { item: item.clone(), cas: None });
    assert_eq!(put, Ok(Outcome::Put(item.target())));
}

#[test]
fn an_isolated_node_comes_back() {
    let mut network = Network::new(0.0, 1);
    let early = network.add(Options::default(), &[1]);
    network.run(10_000);
    assert!(network.core(early).is_isolated());
    network.add(Options::default(), &[]);
    network.run(config::REJOIN_MS.1);
    assert!(!network.core(early).is_isolated());
    assert_eq!(network.core(1).table().len(), 1);
}

fn announce(token: &[u8]) -> Vec<u8> {
    let said = Announcement { key: KEY.to_vec(), port: Some(1), token: token.to_vec() };
    Query::AnnouncePeer(said).encode(b"ab", &Id([1; 20]))
}

#[test]
fn a_token_only_counts_for_who_got_it() {
    let mut network = network(2);
    let (honest, liar) =
        (Address { ip: [10, 9, 9, 1], port: 1 }, Address { ip: [10, 9, 9, 2], port: 1 });
    let mut core = network.cores[0].take().unwrap();
    let mut ask = |from: Address, bytes: &[u8]| {
        let output = core.tick(5_000, [(from, bytes)]);
        // The rest verifies the stranger.
        output
            .datagrams
            .into_iter()
            .find(|datagram| !matches!(Message::decode(&datagram.bytes), Some(Message::Query(_))))
    };
    let answer = ask(honest, &Query::GetPeers(KEY.to_vec()).encode(b"ab", &Id([1; 20]))).unwrap();
    let Some(Message::Response(response)) = Message::decode(&answer.bytes) else { panic!() };
    let token = response.token.unwrap();
    for (from, token, code) in
        [(liar, &token[..], 203), (honest, &[0; 8][..], 203), (honest, b"", 203)]
    {
        let answer = ask(from, &announce(token)).unwrap();
        let Some(Message::Error(refusal)) = Message::decode(&answer.bytes) else { panic!() };
        assert_eq!(refusal.code, code);
    }
    let answer = ask(honest, &announce(&token)).unwrap();
    assert!(matches!(Message::decode(&answer.bytes), Some(Message::Response(_))));
    assert_eq!(core.status().addresses, 1);
}

#[test]
fn floods_are_bounded() {
    let mut network = network(3);
    let mut core = network.cores[0].take().unwrap();
    let value = Item { v: b"1:a".to_vec(), signed: None };
    let put = PutQuery { token: vec![1; 8], v: value.v, signed: None, cas: None };
    let mut sent = 0;
    for number in 0..100_000_u32 {
        let [_, b, c, d] = number.to_be_bytes();
        let from = Address { ip: [11, b, c, d], port: 1 + (number % 60_000) as u16 };
        let mut id = Id([0; 20]);
        id.0[..4].copy_from_slice(&number.wrapping_mul(2_654_435_761).to_be_bytes());
        let bytes = match number % 5 {
            0 => Query::Ping.encode(b"ab", &id),
            1 => Query::GetPeers(number.to_be_bytes().to_vec()).encode(b"ab", &id),
            2 => announce(&[0; 8]),
            3 => Query::Put(Box::new(put.clone())).encode(b"ab", &id),
            _ => b"d1:rd2:id20:aaaaaaaaaaaaaaaaaaaae1:t4:abcd1:y1:re".to_vec(),
        };
        let output = core.tick(5_000, [(from, &bytes[..])]);
        sent += output.datagrams.len();
    }
    let status = core.status();
    assert!(status.known_nodes <= 160 * config::K);
    assert!(status.in_flight <= config::VERIFYING + 10, "{}", status.in_flight);
    assert!(status.addresses == 0 && status.values == 0);
    assert!(sent <= 80_000 + config::VERIFYING);
    // And none of them answers.
    core.tick(7_100, []);
    core.tick(10_000, []);
    assert!(core.status().known_nodes <= 3, "{}", core.status().known_nodes);
}

#[test]
fn one_sender_has_a_rate() {
    let mut network = Network::new(0.0, 1);
    let node = network.add(Options { rate: 100, ..Options::default() }, &[]);
    let mut core = network.cores[node].take().unwrap();
    let from = Address { ip: [11; 4], port: 1 };
    let ping = Query::Ping.encode(b"ab", &Id([1; 20]));
    let output = core.tick(5_000, (0..1_000).map(|_| (from, &ping[..])));
    assert_eq!(output.datagrams.len(), 100 + 1, "and one that verifies the sender");
    assert_eq!(core.status().counters.limited, 900);
}

#[test]
fn too_many_commands_are_refused() {
    let mut network = Network::new(0.0, 1);
    // A node that never answers.
    let node = network.add(Options::default(), &[50_000]);
    let ops: Vec<_> = (0..config::OPERATIONS as u32 + 10)
        .map(|number| network.start(node, Command::Lookup(number.to_be_bytes().to_vec())))
        .collect();
    let results: Vec<_> = ops.into_iter().map(|op| network.wait(op)).collect();
    // The oldest of the client with the most.
    let busy = results.iter().take_while(|result| **result == Err(Failure::Busy)).count();
    assert!((10..=config::OPERATIONS_ENDED).contains(&busy), "{busy}");
    assert!(!results[busy..].contains(&Err(Failure::Busy)));
}

#[test]
fn a_command_of_nobody_leaves_room_for_others() {
    let mut network = Network::new(0.0, 1);
    let node = network.add(Options::default(), &[50_000]);
    let (client, now) = (Source::Client([1; 8]), network.now);
    let core = network.cores[node].as_mut().unwrap();
    let get = |number: u32| Command::Get { target: number.to_be_bytes().to_vec(), salt: vec![] };
    let first = core.start_for(now, 1, client, Command::Lookup(KEY.to_vec()));
    assert_eq!(core.start_for(now, 2, client, Command::Lookup(KEY.to_vec())), first);
    for number in 0..3 * config::OPERATIONS_REMOTE as u32 {
        let op = 10 + u64::from(number);
        let walk = core.start_for(now, op, client, get(number)).unwrap();
        core.abandon(walk, op);
    }
    // Another command waits for the same walk.
    core.abandon(first.unwrap(), 1);
    let done = |core: &mut Core, now| -> Vec<_> {
        let events = core.tick(now, []).events.into_iter();
        let op =
            |event| if let Event::Done { op, result } = event { Some((op, result)) } else { None };
        events.filter_map(op).collect()
    };
    assert_eq!(done(core, now), []);
    assert_eq!(done(core, now + 3_000), [(2, Ok(Outcome::Peers(vec![])))]);
}

#[test]
fn who_shares_a_walk_with_the_greediest_keeps_it() {
    let mut network = Network::new(0.0, 1);
    let node = network.add(Options::default(), &[50_000]);
    let (greedy, other) = (Source::Client([1; 8]), Source::Client([2; 8]));
    let now = network.now;
    let core = network.cores[node].as_mut().unwrap();
    core.start_for(now, 1, greedy, Command::Lookup(KEY.to_vec()));
    core.start_for(now, 2, other, Command::Lookup(KEY.to_vec()));
    for number in 0..2 * config::OPERATIONS_REMOTE as u32 {
        let key = number.to_be_bytes().to_vec();
        core.start_for(now, 10 + u64::from(number), greedy, Command::Lookup(key));
    }
    let mut events = core.tick(now, []).events;
    events.extend(core.tick(now + 3_000, []).events);
    let result = |op| {
        events.iter().find_map(|event| match event {
            Event::Done { op: other, result } if *other == op => Some(result.is_ok()),
            _ => None,
        })
    };
    assert_eq!((result(1), result(2)), (Some(false), Some(true)));
}

#[test]
fn odd_datagrams_do_no_harm() {
    let mut network = network(3);
    for bytes in [
        &b""[..],
        b"d",
        b"de",
        b"i5e",
        b"d1:q4:ping1:t0:1:y1:qe",
        b"d1:ad2:id3:abce1:q4:ping1:t2:ab1:y1:qe",
        b"d1:ad2:idi5ee1:q9:find_node1:t2:ab1:y1:qe",
        b"d1:ade1:q13:announce_peer1:t2:ab1:y1:qe",
        b"d1:rd2:id20:aaaaaaaaaaaaaaaaaaaa5:nodes5:abcdee1:t4:abcd1:y1:re",
        b"d1:eli203e3:bade1:t4:abcd1:y1:ee",
        &[0xff; 1_500],
        &[b'd'; 60_000],
    ] {
        network.inject(Network::address(2), 0, bytes);
    }
    network.run(5_000);
    network.announce(1, KEY, 1337).unwrap();
    assert_eq!(network.lookup(0, KEY).len(), 1);
}

/// Whether all of these know each other.
fn is_one(network: &Network, numbers: std::ops::Range<usize>) -> bool {
    numbers.clone().all(|number| {
        let known = |other| {
            network.core(number).table().iter().any(|node| node.address == Network::address(other))
        };
        numbers.clone().all(|other| other == number || known(other))
    })
}

#[test]
fn a_network_that_was_cut_in_two_heals() {
    let mut network = Network::new(0.0, 1);
    for (number, bootstrap) in [1, 0, 0, 2].into_iter().enumerate() {
        network.add(Options::default(), &[bootstrap]);
        assert_eq!(network.cores.len(), number + 1);
        network.run(2_000);
    }
    assert!(is_one(&network, 0..4));
    network.cut = |from, to| from.ip[3] / 2 != to.ip[3] / 2;
    network.run(3 * config::LIVENESS_MS);
    assert!(is_one(&network, 0..2) && is_one(&network, 2..4) && !is_one(&network, 0..4));
    network.cut = |_, _| false;
    network.run(config::LIVENESS_MS + 10_000);
    assert!(is_one(&network, 0..4));
}

#[test]
fn dead_nodes_of_a_state_file_hide_no_bootstrap_node() {
    for dead in [50, 200, 40_000_u32] {
        let mut network = network(5);
        network.announce(1, KEY, 1337).unwrap();
        let gone = |number: u32| {
            let [_, _, c, d] = number.to_be_bytes();
            Address { ip: [77, 0, c, d], port: 1 }
        };
        let node = network.add_with(Options::default(), &[0], (0..dead).map(gone).collect());
        let before = network.now;
        assert_eq!(network.lookup(node, KEY).len(), 1);
        assert!(network.now - before < 1_500, "{} ms", network.now - before);
        network.run(1_000);
        assert!(network.core(node).table().len() >= 5);
        // By two walks, and by a ping.
        network.run(60_000);
        let most = network.outside.values().map(|(count, _)| *count).max();
        assert!(network.outside.len() <= config::HINTS && most <= Some(12), "{most:?}");
    }
}

#[test]
fn nodes_of_a_state_file_are_found_without_bootstrap_nodes() {
    let mut network = network(5);
    network.announce(1, KEY, 1337).unwrap();
    let mut hints: Vec<_> =
        (0..30).map(|number| Address { ip: [77, 0, 0, number], port: 1 }).collect();
    hints.push(Network::address(3));
    let node = network.add_with(Options::default(), &[], hints);
    network.run(5_000);
    assert!(!network.core(node).is_isolated());
    assert_eq!(network.lookup(node, KEY).len(), 1);
}

#[test]
fn what_was_announced_before_a_grape_came_is_found_by_it() {
    let mut network = Network::new(0.0, 1);
    let first = network.add(Options::default(), &[]);
    for port in 1..=100 {
        let key = format!("service {port}");
        network.announce(first, key.as_bytes(), port).unwrap();
    }
    network.announce(first, b"taken back", 1337).unwrap();
    let second = network.add(Options::default(), &[first]);
    let _ = network.call(first, Command::Unannounce { key: b"taken back".to_vec(), port: 1337 });
    network.run(30_000);
    for port in 1..=100 {
        let key = format!("service {port}");
        assert_eq!(network.lookup(second, key.as_bytes()).len(), 1, "{key}");
    }
    assert_eq!(network.lookup(second, b"taken back").len(), 0);
    // Who announces no more is forgotten in the end, whoever comes.
    network.run(config::PEER_AGE_MS);
    network.add(Options::default(), &[first]);
    network.run(config::PEER_AGE_MS);
    assert_eq!(network.lookup(second, b"service 1").len(), 0);
}
