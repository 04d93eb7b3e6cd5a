use super::*;
use proptest::{collection::vec, prelude::*};

fn address(port: u16) -> Address {
    Address { ip: [127, 0, 0, 1], port }
}

/// An id in the farthest bucket of `OWN`.
fn far(number: u8) -> Id {
    let mut id = Id([number; 20]);
    id.0[0] = 0x80;
    id
}

const OWN: Id = Id([0; 20]);

#[test]
fn a_full_bucket_keeps_who_answers() {
    let mut table = Table::new(OWN);
    for number in 0..config::K as u8 {
        assert_eq!(table.heard(far(number), address(number.into()), 1), Heard::Added);
    }
    let later = config::RECENT_MS + 1;
    let oldest = Some((far(0), address(0)));
    assert_eq!(table.heard(far(99), address(99), 1), Heard::Full(None));
    assert_eq!(table.heard(far(99), address(99), later), Heard::Full(oldest));
    // Not again while that ping is pending.
    assert_eq!(table.heard(far(98), address(98), later), Heard::Full(None));
    table.heard(far(0), address(0), later);
    let next = Some((far(1), address(1)));
    assert_eq!(table.heard(far(97), address(97), later), Heard::Full(next));
    assert_eq!(table.failed(&far(1), address(1)), Silence::Dropped);
    assert!(table.has(&far(97), address(97)) && table.has(&far(0), address(0)));
    assert!(!table.has(&far(1), address(1)));
    assert_eq!(table.len(), config::K);
}

#[test]
fn a_silent_node_is_dropped_in_the_end() {
    let mut table = Table::new(OWN);
    table.heard(far(1), address(1), 1);
    assert_eq!(table.failed(&far(1), address(2)), Silence::Unknown);
    assert_eq!(table.failed(&far(2), address(1)), Silence::Unknown);
    assert_eq!(table.failed(&far(1), address(1)), Silence::Kept);
    assert_eq!(table.failed(&far(1), address(1)), Silence::Dropped);
    assert_eq!(table.failed(&far(1), address(1)), Silence::Unknown);
    assert!(table.is_empty());
}

#[test]
fn nobody_takes_over_the_id_of_a_node_that_lives() {
    let mut table = Table::new(OWN);
    table.heard(far(1), address(1), 1);
    table.heard(far(1), address(2), 2);
    table.forget(&far(1), address(2));
    assert_eq!(table.closest(&[], 1), [(far(1), address(1))]);
    assert_eq!(table.heard(OWN, address(3), 1), Heard::Known);
    assert_eq!(table.len(), 1);
}

#[test]
fn an_address_has_one_node() {
    let mut table = Table::new(OWN);
    for number in 0..100 {
        table.heard(far(number), address(1), 1);
    }
    assert_eq!(table.closest(&[], 2), [(far(99), address(1))]);
    assert_eq!(table.len(), 1);
}

#[test]
fn a_host_has_a_share_of_a_bucket() {
    let mut table = Table::new(OWN);
    let at = |host, port| Address { ip: [10, 0, 0, host], port };
    for number in 0..100 {
        table.heard(far(number), at(1, 1 + u16::from(number)), 1);
    }
    assert_eq!(table.len(), config::HOST_SHARE);
    for number in 100..200 {
        table.heard(far(number), at(number, 1), 1);
    }
    assert_eq!(table.len(), config::K);
    let later = config::RECENT_MS + 1;
    let own = Some((far(0), at(1, 1)));
    assert_eq!(table.heard(far(5), at(1, 999), later), Heard::Full(own), "its own are asked");
    // The waiting node is not added beyond its host's share.
    table.failed(&far(0), at(1, 1));
    table.failed(&far(0), at(1, 1));
    assert!(table.iter().filter(|node| node.address.ip == [10, 0, 0, 1]).count() < 4);
}

#[test]
fn few_hosts_shut_out_nobody() {
    let mut table = Table::new(OWN);
    let at = |host, port| Address { ip: [10, 0, 0, host], port };
    for number in 0..20 {
        let place = at(number % 5, 1 + u16::from(number));
        assert_eq!(table.heard(far(number), place, 1), Heard::Added);
    }
    for host in 100..115 {
        assert!(table.has_room(&far(host), at(host, 1)));
        assert_eq!(table.heard(far(host), at(host, 1), 1), Heard::Added);
        assert_eq!(table.len(), config::K);
    }
    // Each host has one now, and the five still have one each.
    let hosts: std::collections::HashSet<_> = table.iter().map(|node| node.address.ip).collect();
    assert_eq!(hosts.len(), config::K);
    assert!(!table.has_room(&far(200), at(200, 1)));
    assert_eq!(table.heard(far(200), at(200, 1), 1), Heard::Full(None));
    // A host with a node displaces no other host's.
    assert!(!table.has_room(&far(201), at(100, 2)));
}

#[test]
fn the_nearest_of_each_host_come_first() {
    let mut table = Table::new(OWN);
    let at = |host, port| Address { ip: [10, 0, 0, host], port };
    for port in 1..=3 {
        table.heard(far(port), at(1, port.into()), 1);
    }
    table.heard(far(4), at(2, 1), 1);
    table.heard(far(5), at(3, 1), 1);
    let mut near = far(6);
    near.0[0] = 0x40;
    table.heard(near, at(4, 1), 1);
    let found = |count| -> Vec<_> {
        let found = table.closest(&far(0).0, count).into_iter();
        found.map(|(_, address)| (address.ip[3], address.port)).collect()
    };
    assert_eq!(found(3), [(1, 1), (2, 1), (3, 1)]);
    assert_eq!(found(5), [(1, 1), (2, 1), (3, 1), (4, 1), (1, 2)]);
    assert_eq!(found(20).len(), 6);
}

#[test]
fn idle_nodes_are_named_once() {
    let mut table = Table::new(OWN);
    table.heard(far(1), address(1), 10);
    table.heard(far(2), address(2), 20);
    assert_eq!(table.idle(15, 10, 100), [(far(1), address(1))]);
    assert_eq!(table.idle(15, 10, 100), []);
    assert_eq!(table.idle(100, 1, 200).len(), 1);
}

proptest! {
    #[test]
    fn the_closest_are_the_closest(
        own in any::<[u8; 20]>(),
        ids in vec(any::<[u8; 20]>(), 0..200),
        key in vec(any::<u8>(), 0..40),
        prefix in 0..20_usize,
        count in 1..30_usize,
    ) {
        let mut table = Table::new(Id(own));
        for (at, id) in ids.iter().enumerate() {
            // Some are near to this node, to fill deep buckets.
            let mut id = Id(*id);
            if at % 3 == 0 {
                id.0[..prefix].copy_from_slice(&own[..prefix]);
            }
            table.heard(id, address(at as u16), 1);
        }
        let mut all: Vec<_> = table.iter().map(|contact| contact.id).collect();
        all.sort_by_key(|id| id.distance(&key));
        all.truncate(count);
        let found: Vec<_> = table.closest(&key, count).into_iter().map(|(id, _)| id).collect();
        prop_assert_eq!(found, all);
    }

    #[test]
    fn the_table_is_bounded_and_counts_right(
        heard in vec((any::<[u8; 2]>(), 0..60_u16, any::<bool>()), 0..2_000),
    ) {
        let mut table = Table::new(OWN);
        for (at, (start, port, fails)) in heard.into_iter().enumerate() {
            let mut id = Id([1; 20]);
            id.0[..2].copy_from_slice(&start);
            let at = at as u64 * 1_000;
            if fails {
                table.failed(&id, address(port));
            } else {
                table.heard(id, address(port), at);
            }
            prop_assert_eq!(table.len(), table.iter().count());
        }
        prop_assert!(table.len() <= 17 * config::K);
    }
}
