use super::*;
use proptest::prelude::*;

fn node(number: u8) -> (Id, Address) {
    (Id([number; 20]), Address { ip: [10, 0, 0, number], port: 1 })
}

fn candidates(concurrency: usize) -> Candidates {
    Candidates::new(Id([0xff; 20]), &[0], concurrency)
}

#[test]
fn the_nearest_are_asked_first_and_not_too_many_at_once() {
    let mut walk = candidates(2);
    for number in [3, 1, 2, 1] {
        let (id, address) = node(number);
        walk.add(id, address, None);
    }
    let asked = |walk: &mut Candidates| walk.next(0).map(|(_, address)| address.ip[3]);
    assert_eq!([asked(&mut walk), asked(&mut walk), asked(&mut walk)], [Some(1), Some(2), None]);
    let (id, address) = node(1);
    walk.answered(id, address, Some(vec![1]), true);
    walk.failed(node(2).1);
    assert_eq!([asked(&mut walk), asked(&mut walk)], [Some(3), None]);
    walk.failed(node(3).1);
    assert!(walk.next(0).is_none() && walk.wake_at(0).is_none());
    assert_eq!(walk.holders(), [Holder { id, address, token: vec![1], ours: true }]);
}

#[test]
fn a_bootstrap_node_is_asked_once() {
    let mut walk = candidates(8);
    let (id, address) = node(1);
    walk.add_unknown(address);
    walk.add_unknown(address);
    assert_eq!(walk.next(0), Some((None, address)));
    walk.add(id, address, None);
    assert_eq!(walk.next(0), None);
    walk.answered(id, address, Some(vec![1]), false);
    assert_eq!(walk.next(0), None);
    assert_eq!(walk.holders().len(), 1);
}

#[test]
fn this_node_itself_is_no_candidate() {
    let mut walk = candidates(8);
    walk.add(Id([0xff; 20]), node(1).1, None);
    assert_eq!(walk.next(0), None);
}

#[test]
fn a_node_that_is_another_one_does_not_count() {
    let mut walk = candidates(8);
    let (id, address) = node(1);
    walk.add(id, address, None);
    walk.next(0);
    walk.answered(Id([9; 20]), address, Some(vec![1]), true);
    assert_eq!(walk.holders().iter().map(|holder| holder.id).collect::<Vec<_>>(), [Id([9; 20])]);
}

/// Far and near ids, at one host with different ports.
fn sybil(number: u16) -> (Id, Address) {
    let mut id = Id([0; 20]);
    id.0[18..].copy_from_slice(&number.to_be_bytes());
    (id, Address { ip: [10, 9, 9, 9], port: 1 + number })
}

#[test]
fn a_liar_turns_a_walk_on_few_others() {
    let mut walk = candidates(16);
    let (id, liar) = node(1);
    walk.add(id, liar, None);
    walk.next(0);
    walk.answered(id, liar, None, true);
    for number in 2..200 {
        let (id, address) = node(number);
        walk.add(id, address, Some(Address { port: u16::from(number), ..liar }));
    }
    let asked: Vec<_> = std::iter::from_fn(|| walk.next(0)).collect();
    assert_eq!(asked.len(), config::UNPROVEN_NAMED);
    walk.failed(asked[0].1);
    assert_eq!(walk.next(0), None, "who is silent makes no room");
    walk.answered(asked[1].0.unwrap(), asked[1].1, None, true);
    assert!(walk.next(0).is_some() && walk.next(0).is_none(), "who answers does");
    // Another host's naming counts separately.
    let (id, address) = node(20);
    walk.add(id, address, Some(node(201).1));
    assert_eq!(walk.next(0), Some((Some(id), address)));
}

#[test]
fn a_host_that_does_not_answer_is_asked_a_few_times() {
    let mut walk = candidates(16);
    for number in 0..100 {
        let (id, address) = sybil(number);
        walk.add(id, address, Some(node(number as u8).1));
    }
    let asked: Vec<_> = std::iter::from_fn(|| walk.next(0)).collect();
    assert_eq!(asked.len(), config::UNPROVEN_AT_HOST);
}

#[test]
fn an_id_has_a_few_addresses_and_one_of_each_who_names_it() {
    let mut walk = candidates(16);
    let (id, _) = node(1);
    let at = |port| Address { ip: [10, 0, 1, 1], port };
    for number in 1..50 {
        let address = Address { ip: [10, 0, 2, number], port: 1 };
        walk.add(id, address, Some(at(u16::from(number))));
    }
    assert_eq!(walk.nodes.len(), 1, "one host names it");
    for number in 2..50 {
        walk.add(id, Address { ip: [10, 0, 3, number], port: 1 }, Some(node(number).1));
    }
    assert_eq!(walk.nodes.len(), config::ID_ADDRESSES);
    let asked: Vec<_> = std::iter::from_fn(|| walk.next(0)).collect();
    assert_eq!(asked.len(), 16);
    let own = Address { ip: [10, 0, 4, 1], port: 1 };
    walk.failed(asked[0].1);
    walk.add(id, own, Some(node(77).1));
    assert_eq!(walk.next(0), Some((Some(id), own)), "it takes the place of who is silent");
}

#[test]
fn what_this_node_knows_is_a_candidate_whatever_was_said() {
    let mut walk = candidates(16);
    let (id, address) = node(1);
    for number in 2..50 {
        walk.add(id, Address { ip: [10, 0, 3, number], port: 1 }, Some(node(number).1));
    }
    walk.add(id, address, None);
    assert!(walk.nodes.iter().any(|node| node.address == address));
    assert_eq!(walk.nodes.len(), config::ID_ADDRESSES);
}

#[test]
fn many_nodes_of_one_host_drive_out_nobody() {
    let mut walk = candidates(1_000);
    let honest: Vec<_> = (1..=30).map(node).collect();
    for (id, address) in &honest {
        walk.add(*id, *address, None);
    }
    for number in 0..1_000 {
        let (id, address) = sybil(number);
        walk.add(id, address, None);
    }
    let mut order = Vec::new();
    while let Some((id, address)) = walk.next(0) {
        order.push(address.ip[1]);
        walk.answered(id.unwrap(), address, Some(vec![1]), true);
    }
    let holders = walk.holders();
    let of_sybils = holders.iter().filter(|holder| holder.address.ip[1] == 9).count();
    assert_eq!((holders.len(), of_sybils), (config::K, config::HOST_PLACES));
}

#[test]
fn a_network_of_one_host_has_holders() {
    let mut walk = candidates(16);
    for number in 0..50 {
        let (id, address) = sybil(number);
        walk.add(id, address, Some(node(1).1));
    }
    while let Some((id, address)) = walk.next(0) {
        walk.answered(id.unwrap(), address, Some(vec![1]), true);
    }
    let ids: Vec<_> = walk.holders().iter().map(|holder| holder.id).collect();
    assert_eq!(ids, (0..20).map(|number| sybil(number).0).collect::<Vec<_>>());
}

proptest! {
    #[test]
    fn a_walk_ends_and_is_bounded(answers in proptest::collection::vec(any::<bool>(), 1..2_000)) {
        // Every answer brings new nodes that claim to be nearer still.
        let mut walk = candidates(16);
        let (id, address) = node(200);
        walk.add(id, address, None);
        let mut number = 0_u32;
        let mut queries = 0;
        while let Some((id, address)) = walk.next(0) {
            queries += 1;
            prop_assert!(queries <= config::WALK_QUERIES);
            if answers[queries % answers.len()] {
                walk.failed(address);
                continue;
            }
            walk.answered(id.unwrap_or(Id([1; 20])), address, None, true);
            for _ in 0..20 {
                number += 1;
                let mut id = Id([0; 20]);
                id.0[4..8].copy_from_slice(&(u32::MAX - number).to_be_bytes());
                let [_, b, c, d] = number.to_be_bytes();
                walk.add(id, Address { ip: [11, b, c, d], port: 1 }, Some(address));
            }
            prop_assert!(walk.nodes.len() <= config::CANDIDATES);
        }
        prop_assert!(walk.wake_at(0).is_none());
    }
}

#[test]
fn ports_of_one_host_are_not_enough_to_wait_for_nobody_who_is_late() {
    let mut walk = candidates(100);
    let of_host = |port: u16| Address { ip: [66, 0, 0, 1], port };
    let late = Address { ip: [10, 0, 1, 1], port: 1 };
    let id = |number: u8| Id([number; 20]);
    walk.add(id(99), late, None);
    for number in 1..=config::K as u8 {
        walk.add(id(number), of_host(number.into()), None);
    }
    while walk.next(0).is_some() {}
    for number in 1..=config::K as u8 {
        walk.answered(id(number), of_host(number.into()), None, true);
    }
    while walk.next(config::LATE_MS).is_some() {}
    assert_eq!(walk.wake_at(config::LATE_MS), Some(config::HOLD_MS));
}
