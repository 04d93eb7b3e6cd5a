//! Networks of cores with simulated time, with hosts that take the places of others: in a walk, in
//! a table, or their ids.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a panic here is a failed test")]

#[path = "common/simulation.rs"]
#[allow(dead_code, reason = "nobody dies here")]
mod simulation;
#[path = "common/strangers.rs"]
mod strangers;

use grenache_nodejs_ws_native::{
    config::grape as config,
    grape::{
        Address, Command, Id, Options,
        krpc::{Announcement, Query, Response},
    },
};
use simulation::Network;
use strangers::*;

/// The `number`th host of strangers.
fn host(number: u8) -> [u8; 4] {
    [66, 0, number, 1]
}

/// The nodes of a network by their distance to `KEY`.
fn nearest(network: &Network) -> Vec<(Id, usize)> {
    let mut all: Vec<_> =
        (0..network.cores.len()).map(|number| (network.core(number).id(), number)).collect();
    all.sort_by_key(|(id, _)| id.distance(KEY));
    all
}

/// Gives each of these hosts one node near `KEY`, which answers queries for that with
/// `named(number)`.
fn liars(network: &mut Network, hosts: u8, named: impl Fn(u8) -> Vec<(Id, Address)>) {
    for number in 0..hosts {
        let id = near(1 + u16::from(number));
        let nodes = named(number);
        let answer = move |query: &Query| match query {
            Query::GetPeers(_) => {
                Response { nodes: nodes.clone(), token: Some(vec![1; 8]), ..Response::default() }
            }
            _ => Response::default(),
        };
        network.strangers.insert(host(number), node(move |_| id, answer));
        introduce(network, at(host(number), 1), id);
    }
}

/// How many of 30 nodes far from `KEY` do not find its announce.
fn missing(network: &mut Network) -> usize {
    let expected = Address { port: 1337, ..Network::address(1) }.to_string();
    let far: Vec<_> = nearest(network).into_iter().rev().take(30).collect();
    let misses = far.iter().filter(|(_, number)| !network.lookup(*number, KEY).contains(&expected));
    misses.count()
}

#[test]
fn hosts_that_name_the_ids_of_holders_elsewhere_hide_none() {
    for hosts in [1, 3, 8, 15] {
        let mut network = network(300);
        network.delay = 20..30;
        network.announce(1, KEY, 1337).unwrap();
        let holders: Vec<_> =
            nearest(&network).into_iter().take(config::K).map(|(id, _)| id).collect();
        liars(&mut network, hosts, |number| {
            let silent = |at: u8| Address { ip: [99, number, at, 1], port: 1 };
            holders.iter().zip(1..).map(|(id, at)| (*id, silent(at))).collect()
        });
        let missing = missing(&mut network);
        println!("{hosts} hosts: {missing} of 30");
        assert_eq!(missing, 0, "of 30 lookups with {hosts} hosts");
    }
}

#[test]
fn hosts_that_name_nodes_where_nobody_is_hide_no_holder() {
    for hosts in [1, 3, 8] {
        let mut network = network(300);
        network.delay = 20..30;
        network.announce(1, KEY, 1337).unwrap();
        liars(&mut network, hosts, |number| {
            let named = |at: u8| {
                let id = near(1_000 + 100 * u16::from(number) + u16::from(at));
                (id, Address { ip: [99, number, at, 1], port: 1 })
            };
            (1..=20).map(named).collect()
        });
        let missing = missing(&mut network);
        println!("{hosts} hosts: {missing} of 30");
        assert_eq!(missing, 0, "of 30 lookups with {hosts} hosts");
    }
}

#[test]
fn who_is_named_elsewhere_by_three_hosts_is_asked() {
    let mut core = alone(Options::default());
    let (honest, hidden) = ((at([44, 0, 0, 1], 1), near(30)), (at([44, 0, 0, 2], 1), near(2)));
    let liar = |number: u8| (at(host(number), 1), near(10 + u16::from(number)));
    acquaint(&mut core, 0, (0..3).map(liar).chain([honest]));
    core.start(0, 1, Command::Lookup(KEY.to_vec()));
    let sent = sends(&mut core, 0);
    let mut asked = Vec::new();
    let silent = |number: u8| at([99, 0, 0, number], 1);
    let all = (0..3).map(|number| (liar(number), silent(number))).chain([(honest, hidden.0)]);
    for ((address, id), named) in all {
        let says =
            || Response { id: Some(id), nodes: vec![(hidden.1, named)], ..Response::default() };
        asked.extend(answers(&mut core, 0, &sent, address, says));
    }
    assert!(asked.iter().any(|(to, _)| *to == hidden.0), "who is there is asked: {asked:?}");
}

#[test]
fn what_was_announced_by_the_api_is_not_taken_back_by_a_datagram() {
    let host = [127, 0, 0, 1];
    let mut core = alone(Options { host: Some(host), ..Options::default() });
    core.start(0, 1, Command::Announce { key: KEY.to_vec(), port: 1337 });
    let from = at(host, 5_000);
    let token = token(&mut core, 0, from);
    let said = |port| Announcement { key: KEY.to_vec(), port: Some(port), token: token.clone() };
    ask(&mut core, 0, from, &Query::AnnouncePeer(said(1338)), near(1)).unwrap();
    for port in [1337, 1338] {
        ask(&mut core, 0, from, &Query::UnannouncePeer(said(port)), near(1)).unwrap();
    }
    assert_eq!(finds(&mut core, 0, KEY), [at(host, 1337)]);
}
