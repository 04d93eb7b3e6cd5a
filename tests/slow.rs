//! Networks of cores with simulated time, with nodes that answer late or not at all.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a panic here is a failed test")]

#[path = "common/simulation.rs"]
mod simulation;

use grenache_nodejs_ws_native::{
    config::grape as config,
    grape::{
        Address, Command, Id, Outcome,
        krpc::{Message, Query, Response},
    },
};
use simulation::Network;
use std::cell::Cell;

const KEY: &[u8] = b"rpc_test";

/// A host of strangers.
const LATE: [u8; 4] = [66, 0, 0, 1];

/// A link's default timeout for a grape, in ms.
const LINK_MS: u64 = 2_500;

fn network(count: usize) -> Network {
    let mut network = Network::new(0.0, 1);
    network.grow(count);
    network.run(1_000);
    network
}

/// The `number`th nearest id to `KEY` that is not `KEY` itself.
fn near(number: u16) -> Id {
    let mut id = Id([0; 20]);
    id.0[..KEY.len()].copy_from_slice(KEY);
    id.0[18..].copy_from_slice(&number.to_be_bytes());
    id
}

fn at(port: u16) -> Address {
    Address { ip: LATE, port }
}

/// Puts four nodes of one host into all tables. Each answers queries for a name after `late` ms,
/// and names another node, nearer to it.
fn late_host(network: &mut Network, late: u64, announces: bool) {
    let next = Cell::new(900);
    let answer = move |own: Address, from: Address, bytes: &[u8]| {
        let Some(Message::Query(asked)) = Message::decode(bytes) else { return Vec::new() };
        let Ok(Some(query)) = &asked.query else { return Vec::new() };
        let (mut nodes, mut token) = (Vec::new(), None);
        match query {
            Query::GetPeers(_) => {
                next.set(next.get() - 1);
                nodes.push((near(next.get()), at(next.get())));
                token = Some(vec![1; 8]);
            }
            Query::AnnouncePeer(_) if !announces => return Vec::new(),
            _ => {}
        }
        let transaction = asked.transaction.into_owned().into();
        let id = Some(near(own.port));
        let answer = Response { transaction, id, nodes, token, ..Response::default() };
        vec![(own, from, answer.encode())]
    };
    network.strangers.insert(LATE, Box::new(answer));
    for port in 1_000..1_004 {
        for number in 0..network.cores.len() {
            network.inject(at(port), number, &Query::Ping.encode(b"ab", &near(port)));
        }
    }
    network.run(2_500);
    let known = network.core(0).table().iter().filter(|node| node.address.ip == LATE).count();
    assert!(known > 0);
    network.late.insert(LATE, late);
}

/// How long a lookup by the node `number` takes.
fn time_of(network: &mut Network, number: usize, key: &[u8], found: usize) -> u64 {
    let before = network.now;
    assert_eq!(network.lookup(number, key).len(), found);
    network.now - before
}

#[test]
fn late_nodes_of_one_host_hold_up_no_lookup() {
    for late in [200, 400, 480, 600, 900, 1_400, 1_900] {
        let mut network = network(8);
        network.announce(1, KEY, 1337).unwrap();
        late_host(&mut network, late, true);
        let found = time_of(&mut network, 3, KEY, 1);
        let nothing = time_of(&mut network, 4, b"rpc_tesu", 0);
        println!("{late} ms late: {found} ms, {nothing} ms where there is nothing");
        assert!(found < LINK_MS / 2 && nothing < LINK_MS / 2, "{found} ms, {nothing} ms");
    }
}

#[test]
fn where_there_are_enough_nodes_the_late_are_not_waited_for() {
    let mut network = network(60);
    network.announce(1, KEY, 1337).unwrap();
    (52..60).for_each(|number| network.kill(number));
    late_host(&mut network, 1_900, true);
    for number in 0..10 {
        let time = time_of(&mut network, number, KEY, 1);
        assert!(time <= config::HOLD_MS + 200, "{time} ms");
    }
}

#[test]
fn late_nodes_of_one_host_hold_up_no_announce() {
    for (late, announces) in [(450, true), (1_900, true), (0, false)] {
        let mut network = network(8);
        late_host(&mut network, late, announces);
        for port in [1_337, 1_338] {
            let before = network.now;
            let taken = network.announce(1, KEY, port).unwrap();
            let time = network.now - before;
            println!("{late} ms late: {time} ms, {taken:?}");
            assert!(time < LINK_MS - 300, "{time} ms");
            assert!(matches!(taken, Outcome::Stored(taken) if taken >= 7), "{taken:?}");
        }
        assert_eq!(network.lookup(5, KEY).len(), 2);
    }
}

#[test]
fn dead_nodes_hold_up_no_lookup_for_longer_than_a_link_waits() {
    let mut network = network(30);
    network.announce(1, KEY, 1337).unwrap();
    (20..30).for_each(|number| network.kill(number));
    for number in 0..20 {
        let time = time_of(&mut network, number, KEY, 1);
        assert!(time <= config::WALK_MS, "{time} ms");
    }
}

#[test]
fn a_network_with_long_ways_works() {
    for (delay, loss) in [(150..155, 0.0), (150..155, 0.05), (200..250, 0.0)] {
        let mut network = Network::new(loss, 7);
        network.delay = delay.clone();
        while network.cores.len() < 200 {
            network.grow(network.cores.len() + 10);
            network.run(1_000);
        }
        network.run(5_000);
        let mut worst = (0, config::K);
        for number in 0..40_u16 {
            let key = format!("service {number}");
            let announce = Command::Announce { key: key.clone().into_bytes(), port: 1 };
            let before = network.now;
            let taken = network.call(usize::from(number), announce).unwrap();
            let Outcome::Stored(taken) = taken else { panic!("{taken:?}") };
            worst = (worst.0.max(network.now - before), worst.1.min(taken));
            let asks = 199 - usize::from(number);
            let before = network.now;
            assert_eq!(network.lookup(asks, key.as_bytes()).len(), 1, "{key}");
            worst.0 = worst.0.max(network.now - before);
        }
        println!("{delay:?}, {loss}: {} ms at most, {} nodes at least", worst.0, worst.1);
        assert!(worst.1 >= config::K / 2);
    }
}

/// How many lookups of the next minutes, one per 10 s, take longer than a round trip.
fn slow_lookups(network: &mut Network, number: usize, minutes: u64) -> usize {
    let mut slow = 0;
    for _ in 0..6 * minutes {
        network.run(10_000);
        slow += usize::from(time_of(network, number, KEY, 1) > 150);
    }
    slow
}

#[test]
fn dead_nodes_make_one_lookup_slow_and_not_each() {
    for (count, dead, most) in [(5, 4..5, 1), (5, 3..5, 1), (30, 20..30, 2)] {
        let mut network = network(count);
        network.announce(1, KEY, 1337).unwrap();
        dead.clone().for_each(|number| network.kill(number));
        let op = network.start(1, Command::Announce { key: KEY.to_vec(), port: 1337 });
        let _ = network.wait(op);
        for number in [0, 2] {
            let slow = slow_lookups(&mut network, number, 1);
            println!("{count} nodes, {dead:?} are dead: {slow} of 6 lookups are slow");
            assert!(slow <= most, "{slow} of 6");
        }
    }
}

#[test]
fn a_node_that_dies_holds_up_one_lookup_of_many() {
    let mut network = network(30);
    network.announce(1, KEY, 1337).unwrap();
    for dead in 20..25 {
        network.kill(dead);
        let times: Vec<_> = (0..20)
            .map(|_| {
                network.run(config::SAME_MS + 1);
                time_of(&mut network, 0, KEY, 1)
            })
            .collect();
        println!("node {dead} is dead: {times:?} ms");
        assert!(times.iter().filter(|time| **time > 150).count() <= 1, "{times:?} ms");
    }
}

#[test]
fn a_node_that_was_silent_and_answers_again_holds_what_is_announced() {
    let mut network = network(5);
    let all = config::K.min(4);
    network.cut = |_, _| true;
    let op = network.start(3, Command::Lookup(KEY.to_vec()));
    let _ = network.wait(op);
    network.run(5_000);
    network.cut = |_, _| false;
    // The first one queries all, and nodes known before are queried when no others are known.
    let mut taken = Vec::new();
    for port in [1_337, 1_338, 1_339] {
        let Outcome::Stored(count) = network.announce(3, KEY, port).unwrap() else { panic!() };
        taken.push(count);
    }
    println!("{taken:?} nodes take it");
    assert_eq!(taken.last(), Some(&all));
}

#[test]
fn the_last_of_two_grapes_is_not_held_up_by_the_dead_one() {
    for dead in [0, 1] {
        let mut network = network(2);
        let left = 1 - dead;
        network.announce(left, KEY, 1337).unwrap();
        network.announce(dead, KEY, 1338).unwrap();
        network.kill(dead);
        // Announces continue through the remaining node, and all lookups find them.
        let mut times = Vec::new();
        for port in [1_337, 1_337, 1_339, 1_340] {
            network.run(config::SAME_MS + 1);
            let before = network.now;
            network.announce(left, KEY, port).unwrap();
            times.push(network.now - before);
            network.run(config::SAME_MS + 1);
            let before = network.now;
            assert!(!network.lookup(left, KEY).is_empty());
            times.push(network.now - before);
        }
        println!("{times:?} ms");
        assert!(times[0] <= config::HOLD_MS + config::LATE_MS + 100, "the first: {times:?} ms");
        assert!(times[1..].iter().all(|time| *time <= config::LATE_MS + 100), "{times:?} ms");
    }
}
