//! Helpers for tests of networks: hosts of strangers, and cores that get their datagrams by hand.

#![allow(dead_code, reason = "each test uses some of it")]

use crate::simulation::{self, Network};
use grenache_nodejs_ws_native::grape::{
    Address, Command, Core, Event, Id, Options, Outcome,
    krpc::{Message, Query, Response},
};

pub const KEY: &[u8] = b"rpc_test";

/// A host of strangers.
pub const LIAR: [u8; 4] = [66, 0, 0, 1];

pub fn network(count: usize) -> Network {
    let mut network = Network::new(0.0, 1);
    network.grow(count);
    network.run(1_000);
    network
}

pub fn at(ip: [u8; 4], port: u16) -> Address {
    Address { ip, port }
}

pub fn victim(number: usize) -> [u8; 4] {
    let [.., a, b, c] = (number as u32).to_be_bytes();
    [99, a, b, c]
}

/// The `number`th nearest id to `KEY` that is not `KEY` itself.
pub fn near(number: u16) -> Id {
    let mut id = Id([0; 20]);
    id.0[..KEY.len()].copy_from_slice(KEY);
    id.0[18..].copy_from_slice(&number.to_be_bytes());
    id
}

pub fn ping(id: Id) -> Vec<u8> {
    Query::Ping.encode(b"ab", &id)
}

/// A host where each port is a node, with its id from `id` and its replies from `response`.
pub fn node(
    id: impl Fn(Address) -> Id + 'static,
    response: impl Fn(&Query) -> Response<'static> + 'static,
) -> simulation::Stranger {
    Box::new(move |own, from, bytes| {
        let Some(Message::Query(asked)) = Message::decode(bytes) else { return Vec::new() };
        let Ok(Some(query)) = &asked.query else { return Vec::new() };
        let transaction = asked.transaction.into_owned().into();
        let response = Response { transaction, id: Some(id(own)), ..response(query) };
        vec![(own, from, response.encode())]
    })
}

/// Introduces the node `id` at `address` to all cores.
pub fn introduce(network: &mut Network, address: Address, id: Id) {
    for number in 0..network.cores.len() {
        network.inject(address, number, &ping(id));
    }
    network.run(2_500);
}

/// A core without a network, which gets its datagrams by hand.
pub fn alone(options: Options) -> Core {
    Core::new(options, [1; 32], 0)
}

/// A core's reply to a query, if there is one.
pub fn ask(core: &mut Core, now: u64, from: Address, query: &Query, id: Id) -> Option<Vec<u8>> {
    let bytes = query.encode(b"ab", &id);
    let output = core.tick(now, [(from, &bytes[..])]);
    let is_answer = |bytes: &[u8]| !matches!(Message::decode(bytes), Some(Message::Query(_)));
    let mut datagrams = output.datagrams.into_iter();
    datagrams.find(|datagram| is_answer(&datagram.bytes)).map(|datagram| datagram.bytes)
}

pub fn response(bytes: &[u8]) -> Response<'_> {
    match Message::decode(bytes) {
        Some(Message::Response(response)) => response,
        other => panic!("{other:?}"),
    }
}

pub fn refusal(bytes: &[u8]) -> i64 {
    match Message::decode(bytes) {
        Some(Message::Error(refusal)) => refusal.code,
        other => panic!("{other:?}"),
    }
}

/// Introduces nodes to a core: they send queries, are pinged, and answer.
pub fn acquaint(core: &mut Core, now: u64, nodes: impl IntoIterator<Item = (Address, Id)>) {
    for (address, id) in nodes {
        let pinged = core.tick(now, [(address, &ping(id)[..])]).datagrams;
        for datagram in pinged.iter().filter(|datagram| datagram.to == address) {
            if let Some(Message::Query(asked)) = Message::decode(&datagram.bytes) {
                let transaction = asked.transaction;
                let pong = Response { transaction, id: Some(id), ..Response::default() }.encode();
                core.tick(now, [(address, &pong[..])]);
            }
        }
    }
}

pub fn token(core: &mut Core, now: u64, from: Address) -> Vec<u8> {
    let answer = ask(core, now, from, &Query::GetPeers(KEY.to_vec()), Id([1; 20])).unwrap();
    response(&answer).token.unwrap()
}

/// The datagrams that a core sends now.
pub fn sends(core: &mut Core, now: u64) -> Vec<(Address, Vec<u8>)> {
    let datagrams = core.tick(now, []).datagrams;
    datagrams.into_iter().map(|datagram| (datagram.to, datagram.bytes)).collect()
}

/// Answers the datagrams to `address` with the result of `response`.
pub fn answers(
    core: &mut Core,
    now: u64,
    sent: &[(Address, Vec<u8>)],
    address: Address,
    response: impl Fn() -> Response<'static>,
) -> Vec<(Address, Vec<u8>)> {
    let mut next = Vec::new();
    for (_, bytes) in sent.iter().filter(|(to, _)| *to == address) {
        let Some(Message::Query(asked)) = Message::decode(bytes) else { continue };
        let transaction = asked.transaction.into_owned().into();
        let answer = Response { transaction, ..response() }.encode();
        let output = core.tick(now, [(address, &answer[..])]);
        next.extend(output.datagrams.into_iter().map(|datagram| (datagram.to, datagram.bytes)));
    }
    next
}

/// Results of a core's own lookup of a name, without other nodes to query.
pub fn finds(core: &mut Core, now: u64, key: &[u8]) -> Vec<Address> {
    core.start(now, 1, Command::Lookup(key.to_vec()));
    let events = core.tick(now, []).events;
    let peers = events.into_iter().find_map(|event| match event {
        Event::Done { result: Ok(Outcome::Peers(peers)), .. } => Some(peers),
        _ => None,
    });
    peers.unwrap().iter().map(|found| found.address).collect()
}
