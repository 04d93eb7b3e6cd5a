//! Networks of cores with simulated time, with strangers that lie, flood, and name others as the
//! source or the target of datagrams.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a panic here is a failed test")]

#[path = "common/simulation.rs"]
mod simulation;
#[path = "common/strangers.rs"]
mod strangers;

use grenache_nodejs_ws_native::{
    config::grape as config,
    grape::{
        Address, Command, Core, Event, Failure, Id, Item, Options, Outcome, Selection, Wanted, api,
        krpc::{Announcement, Message, PutQuery, Query, Response, Signed, encode_error},
        listing::list,
    },
};
use simulation::Network;
use strangers::*;

/// A node with the id `near(1)` at `LIAR` that names `id` at the address of `victim(1)`.
fn names_elsewhere(network: &mut Network, id: Id) {
    let contacts = vec![(id, at(victim(1), 1))];
    network.strangers.insert(
        LIAR,
        node(|_| near(1), move |_| Response { nodes: contacts.clone(), ..Response::default() }),
    );
}

/// The reply of the node with the id `near(number)` that the name is at the liar's address, and is
/// fresh.
fn lie(number: u16, port: u16) -> impl Fn() -> Response<'static> {
    move || Response {
        id: Some(near(number)),
        values: vec![(at(LIAR, port), Some(0))],
        token: Some(vec![1; 8]),
        ..Response::default()
    }
}

#[test]
fn an_id_that_is_at_two_addresses_does_not_stop_a_node() {
    let mut network = network(3);
    let id = Id([0x55; 20]);
    // A liar names the id at an address where another one answers, and meanwhile a query with that
    // id comes from elsewhere.
    names_elsewhere(&mut network, id);
    let mut other = node(|_| near(2), |_| Response::default());
    network.strangers.insert(
        victim(1),
        Box::new(move |own, from, bytes| {
            let asks = (0..50).map(|_| (at([77; 4], 1), from, ping(id)));
            asks.chain(other(own, from, bytes)).collect()
        }),
    );
    introduce(&mut network, at(LIAR, 1), near(1));
    assert_eq!(network.lookup(0, KEY), [""; 0]);
}

#[test]
fn an_id_that_is_at_two_addresses_is_not_pinged_for_ever() {
    let mut network = network(3);
    let id = Id([0x55; 20]);
    names_elsewhere(&mut network, id);
    // The same id answers elsewhere.
    network.strangers.insert([77; 4], node(move |_| id, |_| Response::default()));
    introduce(&mut network, at(LIAR, 1), near(1));
    let op = network.start(0, Command::Lookup(KEY.to_vec()));
    network.run(100);
    network.inject(at([77; 4], 1), 0, &ping(id));
    network.wait(op).unwrap();
    network.run(4 * 60 * 1_000);
    let (count, _) = network.outside[&victim(1)];
    assert!(count <= 8, "{count} datagrams to an address that never answered");
}

#[test]
fn an_id_that_changes_with_each_answer_is_one_node() {
    let mut network = network(3);
    let changes = std::cell::Cell::new(0);
    let id = move |_| {
        changes.set(changes.get() + 1);
        near(changes.get())
    };
    network.strangers.insert(LIAR, node(id, |_| Response::default()));
    for _ in 0..50 {
        introduce(&mut network, at(LIAR, 1), Id([9; 20]));
        network.lookup(0, KEY);
    }
    assert!(network.core(0).table().len() <= 3, "{}", network.core(0).table().len());
}

#[test]
fn a_lookup_ends_though_nobody_answers() {
    let mut network = network(5);
    (1..5).for_each(|number| network.kill(number));
    let before = network.now;
    assert_eq!(network.lookup(0, KEY), [""; 0]);
    assert!(network.now - before <= 2 * config::QUERY_TIMEOUT_MS, "{}", network.now - before);
}

#[test]
fn a_giant_token_is_not_kept() {
    for length in [65, 1_000, 60_000] {
        let mut network = network(3);
        let token = vec![b'x'; length];
        let with_token = move |query: &Query| {
            let token = matches!(query, Query::GetPeers(_)).then(|| token.clone());
            Response { token, ..Response::default() }
        };
        network.strangers.insert(LIAR, node(|_| near(1), with_token));
        introduce(&mut network, at(LIAR, 1), near(1));
        network.outside.clear();
        network.announce(0, KEY, 1).unwrap();
        let (_, bytes) = network.outside[&LIAR];
        assert!(bytes < 200, "{bytes} bytes: more than a question or two");
    }
}

#[test]
fn lies_do_not_hide_an_address() {
    for lies in [100, 1_000, 8_000_u16] {
        let mut network = network(20);
        let values =
            move || -> Vec<_> { (0..lies).map(|port| (at([55; 4], 1 + port), Some(0))).collect() };
        network.strangers.insert(
            LIAR,
            node(|_| near(1), move |_| Response { values: values(), ..Response::default() }),
        );
        introduce(&mut network, at(LIAR, 1), near(1));
        network.announce(1, KEY, 1337).unwrap();
        let honest = Address { port: 1337, ..Network::address(1) }.to_string();
        let mut missing = 0;
        for number in 0..20 {
            let found = network.lookup(number, KEY);
            assert!(found.len() <= config::VALUES);
            missing += usize::from(!found.contains(&honest));
        }
        assert_eq!(missing, 0, "of 20 lookups with {lies} lies");
    }
}

#[test]
fn announces_of_one_host_do_not_hide_an_address() {
    let mut network = network(20);
    network.announce(1, KEY, 1337).unwrap();
    for number in 0..20 {
        let core = network.cores[number].as_mut().unwrap();
        let from = at(LIAR, 1);
        let token = token(core, network.now, from);
        for port in 0..2_500 {
            let said =
                Announcement { key: KEY.to_vec(), port: Some(port + 1), token: token.clone() };
            ask(core, network.now, from, &Query::AnnouncePeer(said), near(1));
        }
    }
    network.run(1_000);
    let honest = Address { port: 1337, ..Network::address(1) }.to_string();
    let missing = (0..20).filter(|number| !network.lookup(*number, KEY).contains(&honest)).count();
    assert_eq!(missing, 0, "of 20 lookups");
}

#[test]
fn announces_of_one_host_drive_out_nobody() {
    let mut core = alone(Options::default());
    let (honest, liar) = (at([44; 4], 1), at(LIAR, 1));
    let said = |key: &[u8], token: &[u8]| {
        let said = Announcement { key: key.to_vec(), port: Some(1337), token: token.to_vec() };
        Query::AnnouncePeer(said)
    };
    let of_honest = token(&mut core, 0, honest);
    ask(&mut core, 0, honest, &said(KEY, &of_honest), Id([1; 20])).unwrap();
    let of_liar = token(&mut core, 0, liar);
    for number in 0..25_000_u32 {
        let now = u64::from(number) * 6 / 25;
        ask(&mut core, now, liar, &said(&number.to_be_bytes(), &of_liar), Id([2; 20])).unwrap();
    }
    let answer =
        ask(&mut core, 6_001, honest, &Query::GetPeers(KEY.to_vec()), Id([1; 20])).unwrap();
    let values = response(&answer).values;
    assert_eq!(values.first().map(|(address, _)| *address), Some(at([44; 4], 1337)));
}

#[test]
fn announces_of_this_machine_are_safe_from_its_own_ports() {
    let host = [127, 0, 0, 1];
    let mut core = alone(Options { host: Some(host), ..Options::default() });
    let name = |number: u16| format!("rpc_service_{number}").into_bytes();
    for number in 0..20 {
        core.start(0, 1, Command::Announce { key: name(number), port: 7_000 + number });
    }
    let token = token(&mut core, 0, at(host, 1));
    for number in 0..14_000_u16 {
        let key = format!("junk {number}").into_bytes();
        let said = Announcement { key, port: Some(1), token: token.clone() };
        let from = at(host, 1_024 + number);
        ask(&mut core, 1_000, from, &Query::AnnouncePeer(said), Id([2; 20])).unwrap();
    }
    let found = (0..20).filter(|number| {
        finds(&mut core, 1_000, &name(*number)).contains(&at(host, 7_000 + number))
    });
    assert_eq!(found.count(), 20, "services that are still found");
}

#[test]
fn names_of_strangers_hide_none_of_this_machine() {
    let mut core = alone(Options { host: Some([44; 4]), ..Options::default() });
    core.start(0, 1, Command::Announce { key: KEY.to_vec(), port: 1337 });
    let (liar, honest) = (at(LIAR, 1), at([45; 4], 1));
    let said = |key: Vec<u8>, token: &[u8]| {
        Query::AnnouncePeer(Announcement { key, port: Some(1), token: token.to_vec() })
    };
    let of_honest = token(&mut core, 0, honest);
    ask(&mut core, 0, honest, &said(b"z".to_vec(), &of_honest), Id([1; 20])).unwrap();
    let of_liar = token(&mut core, 0, liar);
    for number in 0..2_000_u16 {
        let key = [&number.to_be_bytes()[..], &[0xff; 190]].concat();
        ask(&mut core, 0, liar, &said(key, &of_liar), Id([2; 20])).unwrap();
    }
    let status = core.status();
    let services = list(&status.rows, &Selection::default()).services;
    let shows = |name: &str| services.iter().any(|service| service.name == name);
    assert!(shows("rpc_test") && shows("z"), "of {} shown", services.len());
    assert!(services.len() > 100);
}

#[test]
fn a_liar_does_not_hide_a_node_by_naming_its_id_elsewhere() {
    let mut core = alone(Options::default());
    let (honest, hidden) = ((at([44, 0, 0, 1], 1), near(30)), (at([44, 0, 0, 2], 1), near(2)));
    acquaint(&mut core, 0, [honest, (at(LIAR, 1), near(3))]);
    core.start(0, 1, Command::Lookup(KEY.to_vec()));
    let sent = sends(&mut core, 0);
    let names = |id, address| {
        move || Response { id: Some(id), nodes: vec![(hidden.1, address)], ..Response::default() }
    };
    let mut asked = answers(&mut core, 0, &sent, at(LIAR, 1), names(near(3), at(victim(1), 9)));
    asked.extend(answers(&mut core, 0, &sent, honest.0, names(honest.1, hidden.0)));
    assert!(asked.iter().any(|(to, _)| *to == hidden.0), "who is there is asked: {asked:?}");
}

#[test]
fn a_stranger_does_not_hide_what_was_announced_through_a_node() {
    let mut core = alone(Options::default());
    core.start(0, 1, Command::Announce { key: KEY.to_vec(), port: 1337 });
    acquaint(&mut core, 0, [(at(LIAR, 1), near(1))]);
    core.start(1_000, 2, Command::Lookup(KEY.to_vec()));
    let sent = sends(&mut core, 1_000);
    answers(&mut core, 1_000, &sent, at(LIAR, 1), lie(1, 1337));
    let found = finds(&mut core, 1_010, KEY);
    assert!(found.contains(&at([127, 0, 0, 1], 1337)), "{found:?}");
}

#[test]
fn the_freshest_address_is_not_a_strangers_word_for_it() {
    let mut core = alone(Options { host: Some([44; 4]), ..Options::default() });
    core.start(0, 1, Command::Announce { key: KEY.to_vec(), port: 1337 });
    acquaint(&mut core, 60_000, [(at(LIAR, 1), near(1)), (at(LIAR, 2), near(2))]);
    core.start(60_000, 2, Command::Lookup(KEY.to_vec()));
    let sent = sends(&mut core, 60_000);
    for port in [1, 2] {
        answers(&mut core, 60_000, &sent, at(LIAR, port), lie(port, 6666));
    }
    core.start(60_010, 3, Command::Lookup(KEY.to_vec()));
    let outcome = core.tick(60_010, []).events.into_iter().find_map(|event| match event {
        Event::Done { result: Ok(outcome), .. } => Some(outcome),
        _ => None,
    });
    let text = api::answer(outcome.unwrap(), true);
    assert_eq!(text, r#"["44.44.44.44:1337","66.0.0.1:6666"]"#);
}

#[test]
fn a_liar_turns_a_lookup_on_few_others() {
    let mut network = network(3);
    let victims: Vec<_> =
        (0..400).map(|number| (near(2 + number as u16), at(victim(number), 53))).collect();
    network.strangers.insert(
        LIAR,
        node(
            |_| near(1),
            move |_| Response {
                nodes: victims.clone(),
                token: Some(vec![1]),
                ..Response::default()
            },
        ),
    );
    introduce(&mut network, at(LIAR, 1), near(1));
    network.outside.clear();
    network.lookup(0, KEY);
    network.run(10_000);
    let hosts = network.outside.keys().filter(|ip| ip[0] == 99).count();
    let sent: usize =
        network.outside.iter().filter(|(ip, _)| ip[0] == 99).map(|(_, (count, _))| count).sum();
    let most = config::UNPROVEN_NAMED;
    assert!(hosts <= most && sent <= 2 * most, "{sent} datagrams to {hosts} victims");
}

#[test]
fn a_liar_turns_a_lookup_on_one_host_a_few_times() {
    let mut network = network(3);
    let victims: Vec<_> = (0..400).map(|port| (near(2 + port), at(victim(1), 1 + port))).collect();
    network.strangers.insert(
        LIAR,
        node(|_| near(1), move |_| Response { nodes: victims.clone(), ..Response::default() }),
    );
    introduce(&mut network, at(LIAR, 1), near(1));
    network.outside.clear();
    network.lookup(0, KEY);
    network.run(10_000);
    let (sent, _) = network.outside[&victim(1)];
    assert!(sent <= 2 * config::UNPROVEN_AT_HOST, "{sent} datagrams");
}

#[test]
fn who_did_not_answer_is_not_handed_on() {
    let mut core = alone(Options::default());
    let friends = (0..5).map(|number| (at([44, 0, 0, number], 1), Id([number; 20])));
    acquaint(&mut core, 0, friends);
    for number in 0..200 {
        core.tick(0, [(at(victim(number), 53), &ping(near(number as u16))[..])]);
    }
    let query = Query::FindNode(KEY.to_vec());
    let answer = ask(&mut core, 0, at([44, 0, 0, 1], 1), &query, Id([1; 20])).unwrap();
    let nodes = response(&answer).nodes;
    assert!(nodes.len() >= 4 && nodes.iter().all(|(_, address)| address.ip[0] == 44), "{nodes:?}");
}

/// A core with enough data to fill a reply.
fn rich() -> Core {
    let mut core = alone(Options::default());
    let nodes = (0..60_u8).map(|number| {
        let mut id = Id([number; 20]);
        id.0[0] = number.wrapping_mul(37);
        (at([44, 0, 0, number], 1), id)
    });
    acquaint(&mut core, 0, nodes);
    for number in 0..50 {
        let from = at([44, 0, 1, number], 1);
        let token = token(&mut core, 0, from);
        let said = Announcement { key: KEY.to_vec(), port: Some(1), token };
        ask(&mut core, 0, from, &Query::AnnouncePeer(said), Id([1; 20])).unwrap();
    }
    core
}

fn questions() -> Vec<Query> {
    vec![
        Query::GetPeers(KEY.to_vec()),
        Query::FindNode(KEY.to_vec()),
        Query::Get(KEY.to_vec()),
        Query::Ping,
    ]
}

#[test]
fn a_false_source_gets_little_more_than_was_sent() {
    for query in questions() {
        let mut core = rich();
        let (mut asked, mut sent) = (0, 0);
        for number in 0..4_000 {
            let bytes = query.encode(b"", &near(1));
            asked += bytes.len();
            let output = core.tick(20_000 + number / 4, [(at(victim(1), 53), &bytes[..])]);
            let victims = output.datagrams.iter().filter(|datagram| datagram.to.ip[0] == 99);
            sent += victims.map(|datagram| datagram.bytes.len()).sum::<usize>();
        }
        let factor = sent as f64 / asked as f64;
        println!("{}: {factor:.2}", query.name());
        assert!(factor <= 3.1, "{}: {factor:.2} bytes for each", query.name());
    }
}

#[test]
fn many_false_sources_get_little_more_than_was_sent() {
    let mut core = rich();
    let (mut asked, mut sent) = (0, 0);
    for number in 0..20_000 {
        let bytes = Query::GetPeers(KEY.to_vec()).encode(b"", &near(number as u16));
        asked += bytes.len();
        let from = at(victim(number), 53);
        let output = core.tick(20_000 + number as u64 / 4, [(from, &bytes[..])]);
        let victims = output.datagrams.iter().filter(|datagram| datagram.to.ip[0] == 99);
        sent += victims.map(|datagram| datagram.bytes.len()).sum::<usize>();
    }
    let more = 7 * config::UNPROVEN_TOTAL_BYTES as usize;
    let factor = sent as f64 / asked as f64;
    println!("{factor:.2}");
    assert!(sent <= 3 * asked + more && factor <= 3.3, "{sent} bytes for {asked}: {factor:.2}");
}

#[test]
fn the_first_questions_of_a_new_node_get_whole_answers() {
    let mut core = rich();
    for query in questions().into_iter().take(2) {
        let answer = ask(&mut core, 20_000, at([45; 4], 1), &query, near(1)).unwrap();
        assert_eq!(response(&answer).nodes.len(), config::K);
    }
    // Later ones as well, once its address is proven.
    acquaint(&mut core, 20_000, [(at([45; 4], 1), near(1))]);
    let from = at([45; 4], 1);
    let token = token(&mut core, 20_000, from);
    let said = Announcement { key: b"other".to_vec(), port: Some(1), token };
    ask(&mut core, 20_000, from, &Query::AnnouncePeer(said), near(1)).unwrap();
    for _ in 0..1_000 {
        let query = Query::GetPeers(KEY.to_vec());
        let answer = ask(&mut core, 20_000, from, &query, near(1)).unwrap();
        let answer = response(&answer);
        assert_eq!((answer.nodes.len(), answer.values.len()), (config::K, 50));
    }
}

#[test]
fn a_node_without_others_keeps_what_is_announced_through_it() {
    for bootstrap in [vec![], vec![50_000]] {
        let mut network = Network::new(0.0, 1);
        let lone = network.add(Options { port: 20_001, ..Options::default() }, &bootstrap);
        network.run(3_000);
        assert_eq!(network.announce(lone, KEY, 1337), Ok(Outcome::Stored(1)));
        assert_eq!(network.lookup(lone, KEY), ["127.0.0.1:1337"]);
        let again = network.call(lone, Command::Lookup(KEY.to_vec()));
        assert!(matches!(again, Ok(Outcome::Peers(peers)) if peers.len() == 1));
        let _ = network.call(lone, Command::Unannounce { key: KEY.to_vec(), port: 1337 });
        assert_eq!(network.lookup(lone, KEY), [""; 0]);
    }
}

#[test]
fn what_a_node_keeps_for_its_machine_is_not_told_to_others() {
    let mut network = network(5);
    network.announce(1, KEY, 1337).unwrap();
    let expected = [Address { port: 1337, ..Network::address(1) }.to_string()];
    for number in 0..5 {
        assert_eq!(network.lookup(number, KEY), expected);
    }
}

fn answer_code(code: i64) -> simulation::Stranger {
    Box::new(move |own, from, bytes| {
        let Some(Message::Query(asked)) = Message::decode(bytes) else { return Vec::new() };
        let answer = match asked.query {
            Ok(Some(Query::Put(_))) => encode_error(&asked.transaction, code, &"no ".repeat(5_000)),
            _ => {
                let token = Some(vec![1; 8]);
                let transaction = asked.transaction;
                Response { transaction, id: Some(near(1)), token, ..Response::default() }.encode()
            }
        };
        vec![(own, from, answer)]
    })
}

#[test]
fn a_refusal_of_others_is_no_status_of_ours() {
    for (code, is_told) in [(301, true), (302, true), (300, false), (399, false), (200, false)] {
        let mut network = Network::new(0.0, 1);
        network.add(Options::default(), &[]);
        network.strangers.insert(LIAR, answer_code(code));
        introduce(&mut network, at(LIAR, 1), near(1));
        let item = Item { v: b"1:a".to_vec(), signed: None };
        match network.call(0, Command::Put { item, cas: None }) {
            Err(Failure::Refused { code: told, text }) => {
                assert!(is_told && told == code, "{told}");
                assert!(text.len() <= config::ERROR_TEXT_BYTES, "{}", text.len());
            }
            // This node kept it.
            Ok(Outcome::Put(_)) => assert!(!is_told, "{code}"),
            other => panic!("{code}: {other:?}"),
        }
    }
}

#[test]
fn nodes_of_one_host_near_a_name_do_not_take_it_over() {
    let mut network = network(40);
    let id = |own: Address| near(own.port);
    let sybils: Vec<_> = (1..=60).map(|port| (near(port), at(LIAR, port))).collect();
    network.strangers.insert(
        LIAR,
        node(id, move |query| {
            let token = matches!(query, Query::GetPeers(_)).then(|| vec![1; 8]);
            Response { nodes: sybils.clone(), token, ..Response::default() }
        }),
    );
    for port in 1..=60 {
        introduce(&mut network, at(LIAR, port), near(port));
    }
    network.announce(1, KEY, 1337).unwrap();
    let honest = Address { port: 1337, ..Network::address(1) }.to_string();
    let missing = (0..40).filter(|number| network.lookup(*number, KEY) != [honest.clone()]).count();
    assert_eq!(missing, 0, "of 40 lookups");
}

#[test]
fn a_value_comes_with_nodes_and_can_be_stored_again() {
    let mut core = rich();
    let from = at([44, 0, 0, 1], 1);
    let token = token(&mut core, 20_000, from);
    let item = Item { v: b"5:hello".to_vec(), signed: None };
    let put = PutQuery { token, v: item.v.clone(), signed: None, cas: None };
    for _ in 0..2 {
        let query = Query::Put(Box::new(put.clone()));
        response(&ask(&mut core, 20_000, from, &query, Id([1; 20])).unwrap());
    }
    let query = Query::Get(item.target().0.to_vec());
    let answer = ask(&mut core, 20_000, from, &query, Id([1; 20])).unwrap();
    let answer = response(&answer);
    assert_eq!(answer.v, Some(item.v));
    assert_eq!(answer.nodes.len(), config::K);
}

#[test]
fn bad_signatures_are_only_checked_now_and_then() {
    let mut core = alone(Options::default());
    let from = at([44; 4], 1);
    let token = token(&mut core, 0, from);
    let mut checked = 0;
    for number in 0..2_000_i64 {
        let signed = Signed { k: vec![1; 32], sig: vec![2; 64], seq: number, salt: Vec::new() };
        let put =
            PutQuery { token: token.clone(), v: b"1:a".to_vec(), signed: Some(signed), cas: None };
        let query = Query::Put(Box::new(put));
        let code = refusal(&ask(&mut core, 0, from, &query, Id([1; 20])).unwrap());
        checked += usize::from(code == 206);
    }
    assert!(checked <= 50, "{checked} were checked");
}

#[test]
fn warnings_of_a_flood_are_few() {
    let mut core = alone(Options::default());
    core.want(Wanted { node: true, ..Wanted::default() });
    let mut warnings = 0;
    for number in 0..20_000 {
        let output = core.tick(number / 20, [(at([44; 4], 1), &b"what?"[..])]);
        warnings += output.events.iter().filter(|event| matches!(event, Event::Warning)).count();
    }
    assert!((1..=50).contains(&warnings), "{warnings}");
}

#[test]
fn one_host_has_a_rate_by_default() {
    let mut core = alone(Options::default());
    let flood = ping(near(1));
    let answers = |core: &mut Core, ip| {
        let flood = (0..50_000).map(|_| (at(ip, 1), &flood[..]));
        core.tick(0, flood).datagrams.len()
    };
    let other = answers(&mut core, [44; 4]);
    assert!(other <= 10_000, "{other}");
    let own = answers(&mut core, [127, 0, 0, 1]);
    assert!(own >= 50_000, "{own}");
}

#[test]
fn five_to_fifteen_hosts_near_a_name_do_not_take_it_over() {
    for hosts in [1, 5, 10, 15_u8] {
        let mut network = network(30);
        let host = |number: u8| [66, 0, number, 1];
        let of = |own: Address| near(4 * u16::from(own.ip[2]) + own.port);
        let sybils: Vec<_> = (0..hosts)
            .flat_map(|number| (1..=4).map(move |port| at(host(number), port)))
            .map(|own| (of(own), own))
            .collect();
        for number in 0..hosts {
            let all = sybils.clone();
            let answer = move |query: &Query| {
                let (mut token, mut values) = (None, Vec::new());
                if let Query::GetPeers(_) = query {
                    token = Some(vec![1; 8]);
                    values.push((at([66, 0, 0, 99], 666), Some(0)));
                }
                let nodes = all.iter().take(config::K).copied().collect();
                Response { nodes, token, values, ..Response::default() }
            };
            network.strangers.insert(host(number), node(of, answer));
        }
        for (id, own) in &sybils {
            introduce(&mut network, *own, *id);
        }
        network.announce(1, KEY, 1337).unwrap();
        let honest = Address { port: 1337, ..Network::address(1) }.to_string();
        let missing =
            (0..30).filter(|number| !network.lookup(*number, KEY).contains(&honest)).count();
        assert_eq!(missing, 0, "of 30 lookups with {hosts} hosts");
    }
}

#[test]
fn other_ids_at_addresses_that_answered_do_not_end_a_walk() {
    let mut core = alone(Options::default());
    let honest = |number: u8| (at([44, 0, 0, number], 1), near(1_000 + u16::from(number)));
    let (liar, hidden) = (at(LIAR, 1), at([44, 0, 1, 1], 1));
    acquaint(&mut core, 0, (0..19).map(honest).chain([(liar, near(1))]));
    core.start(0, 1, Command::Lookup(KEY.to_vec()));
    let mut sent = sends(&mut core, 0);
    let mut answer = |(address, id): (Address, Id), nodes: Vec<(Id, Address)>| {
        let says = || Response { id: Some(id), nodes: nodes.clone(), ..Response::default() };
        let more = answers(&mut core, 0, &sent, address, says);
        sent.extend(more);
        sent.iter().any(|(to, _)| *to == hidden)
    };
    // Twenty answer, and the first of them names two.
    let two = [honest(50), honest(51)];
    answer(honest(0), two.iter().map(|(address, id)| (*id, *address)).collect());
    for node in (1..18).map(honest).chain(two) {
        answer(node, Vec::new());
    }
    let all = (0..18).map(honest).chain(two);
    answer((liar, near(1)), (2..).zip(all).map(|(id, (at, _))| (near(id), at)).collect());
    assert!(answer(honest(18), vec![(near(100), hidden)]), "who is nearer is asked");
}

#[test]
fn a_question_has_a_rate_whatever_number_it_carries() {
    let from = at(LIAR, 1);
    // Bytes whose end looks like a reply.
    let hides = |number: &[u8]| {
        let hidden = [b"1:t4:", number, b"1:y1:r"].concat();
        let start = b"d1:rd2:id20:aaaaaaaaaaaaaaaaaaaae1:t4:none1:y1:r1:z";
        [&start[..], format!("{}:", hidden.len()).as_bytes(), &hidden, b"e"].concat()
    };
    let bytes = |name: &str, number: &[u8]| match name {
        "a question" => Query::Ping.encode(number, &near(1)),
        "a longer one" => Query::FindNode(KEY.to_vec()).encode(number, &near(1)),
        "an answer of another number" => hides(number),
        _ => [b"1:t4:", number, b"1:y1:re"].concat(),
    };
    for name in ["a question", "a longer one", "an answer of another number", "no message"] {
        let mut core = alone(Options { rate: 100, ..Options::default() });
        let sent = core.tick(0, [(from, &ping(near(1))[..])]).datagrams;
        let number = sent.iter().find_map(|datagram| match Message::decode(&datagram.bytes) {
            Some(Message::Query(asked)) => Some(asked.transaction.into_owned()),
            _ => None,
        });
        let bytes = bytes(name, &number.unwrap());
        core.tick(1, (0..1_000).map(|_| (from, &bytes[..])));
        let limited = core.status().counters.limited;
        assert!(limited >= 899, "{name}: {limited} of 1,000");
    }
}

#[test]
fn another_port_of_a_known_host_gets_little_more_than_was_sent() {
    let mut core = rich();
    let known = at([44, 0, 1, 1], 1);
    acquaint(&mut core, 20_000, [(known, near(1))]);
    let (mut asked, mut sent) = (0, 0);
    for number in 0..4_000 {
        let bytes = Query::GetPeers(KEY.to_vec()).encode(b"", &near(1));
        asked += bytes.len();
        let output = core.tick(20_000 + number / 4, [(at(known.ip, 53), &bytes[..])]);
        let victims = output.datagrams.iter().filter(|datagram| datagram.to.port == 53);
        sent += victims.map(|datagram| datagram.bytes.len()).sum::<usize>();
    }
    let factor = sent as f64 / asked as f64;
    println!("{factor:.2}");
    assert!(factor <= 3.1, "{factor:.2} bytes for each");
    // Its own port goes on as before.
    let answer = ask(&mut core, 21_000, known, &Query::GetPeers(KEY.to_vec()), near(1)).unwrap();
    assert_eq!((response(&answer).nodes.len(), response(&answer).values.len()), (config::K, 50));
}

#[test]
fn one_host_has_no_more_of_an_answer_than_all_others() {
    let mut network = network(20);
    let answer = |query: &Query| {
        let ports = if matches!(query, Query::GetPeers(_)) { 1..100 } else { 0..0 };
        let values = ports.map(|port| (at(LIAR, port), Some(0))).collect();
        Response { values, token: Some(vec![1; 8]), ..Response::default() }
    };
    network.strangers.insert(LIAR, node(|own| near(own.port), answer));
    introduce(&mut network, at(LIAR, 1), near(1));
    for number in 0..20 {
        network.announce(number, KEY, 1_337).unwrap();
    }
    let found = network.lookup(3, KEY);
    let of_liar = found.iter().filter(|address| address.starts_with("66.")).count();
    assert_eq!((found.len() - of_liar, of_liar), (20, 20));
}

#[test]
fn announces_of_one_host_are_no_more_of_an_answer_than_all_others() {
    let mut core = alone(Options::default());
    let mut announce = |from: Address, ports: std::ops::RangeInclusive<u16>| {
        let token = token(&mut core, 0, from);
        for port in ports {
            let said = Announcement { key: KEY.to_vec(), port: Some(port), token: token.clone() };
            ask(&mut core, 0, from, &Query::AnnouncePeer(said), near(1)).unwrap();
        }
    };
    announce(at(LIAR, 1), 1..=99);
    announce(at([44; 4], 1), 1..=1);
    let query = Query::GetPeers(KEY.to_vec());
    acquaint(&mut core, 0, [(at([45; 4], 1), near(2))]);
    let answer = ask(&mut core, 0, at([45; 4], 1), &query, near(2)).unwrap();
    let values = response(&answer).values;
    assert_eq!(values.len(), 1 + config::HOST_VALUES);
    // Alone it may fill the whole reply.
    let mut core = alone(Options::default());
    let token = token(&mut core, 0, at(LIAR, 1));
    for port in 1..=90 {
        let said = Announcement { key: KEY.to_vec(), port: Some(port), token: token.clone() };
        ask(&mut core, 0, at(LIAR, 1), &Query::AnnouncePeer(said), near(1)).unwrap();
    }
    acquaint(&mut core, 0, [(at([45; 4], 1), near(2))]);
    let answer = ask(&mut core, 0, at([45; 4], 1), &query, near(2)).unwrap();
    assert_eq!(response(&answer).values.len(), 90);
}

/// Addresses that no stranger may name.
const NOBODYS: [[u8; 4]; 7] = [
    [127, 0, 0, 1],
    [127, 9, 9, 9],
    [0, 0, 0, 0],
    [0, 1, 2, 3],
    [224, 0, 0, 1],
    [240, 0, 0, 1],
    [255, 255, 255, 255],
];

#[test]
fn addresses_that_are_nobodys_are_not_taken_from_others() {
    let mut network = network(3);
    let answer = |_: &Query| Response {
        nodes: NOBODYS.iter().zip(2..).map(|(ip, number)| (near(number), at(*ip, 1))).collect(),
        values: NOBODYS.iter().map(|ip| (at(*ip, 1), Some(0))).collect(),
        token: Some(vec![1; 8]),
        ..Response::default()
    };
    network.strangers.insert(LIAR, node(|own| near(own.port), answer));
    introduce(&mut network, at(LIAR, 1), near(1));
    assert_eq!(network.lookup(0, KEY), [""; 0]);
    let asked: Vec<_> = NOBODYS.iter().filter(|ip| network.outside.contains_key(*ip)).collect();
    assert!(asked.is_empty(), "{asked:?}");
    let mut core = alone(Options::default());
    for ip in NOBODYS.into_iter().filter(|ip| ip[0] != 127) {
        let query = Query::FindNode(KEY.to_vec());
        assert_eq!(ask(&mut core, 0, at(ip, 1), &query, near(9)), None, "{ip:?}");
    }
    assert_eq!(ask(&mut core, 0, at([44; 4], 0), &Query::Ping, near(9)), None);
}

#[test]
fn a_node_of_this_machine_may_name_others_of_it() {
    for (teller, is_own) in [([127, 0, 0, 1], false), ([44, 0, 0, 1], true)] {
        let is_own: fn([u8; 4]) -> bool = if is_own { |ip| ip[0] == 44 } else { |_| false };
        let mut core = alone(Options { is_own, ..Options::default() });
        acquaint(&mut core, 1_000, [(at(teller, 1), near(1))]);
        core.start(1_000, 1, Command::Lookup(KEY.to_vec()));
        let sent = sends(&mut core, 0);
        let local = at([127, 0, 0, 1], 2);
        let says = || Response {
            id: Some(near(1)),
            nodes: vec![(near(2), at([127, 0, 0, 1], 2))],
            values: vec![(at([127, 0, 0, 1], 1337), Some(0))],
            token: Some(vec![1; 8]),
            ..Response::default()
        };
        let asked = answers(&mut core, 1_000, &sent, at(teller, 1), says);
        assert!(asked.iter().any(|(to, _)| *to == local), "{asked:?}");
        let none = || Response { id: Some(near(2)), ..Response::default() };
        answers(&mut core, 1_000, &asked, local, none);
        assert_eq!(finds(&mut core, 1_000, KEY), [at([127, 0, 0, 1], 1337)]);
    }
}
