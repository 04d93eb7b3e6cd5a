use super::*;
use std::net::Ipv6Addr;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

fn ip(last: u8) -> IpAddr {
    IpAddr::from([10, 0, 0, last])
}

fn is_there(lease: &Lease) -> bool {
    let held = lease.place.all.lock();
    held.places.iter().any(|(_, place)| Arc::ptr_eq(place, &lease.place))
}

/// As after a request and its response.
fn prove(lease: &Lease) {
    lease.place.received();
    lease.place.set(Phase::Answering);
    lease.place.answered();
    assert!(lease.place.flushed(&Context::from_waker(std::task::Waker::noop())));
}

fn places() -> (Places, UnboundedReceiver<Message>) {
    let (inbox, asked) = unbounded_channel();
    (Places::new(inbox, None), asked)
}

const LOOPBACK: IpAddr = IpAddr::V6(Ipv6Addr::LOCALHOST);

/// Connections from there with pending requests.
fn working(places: &Places, ip: IpAddr, count: usize) -> Vec<Lease> {
    let take = |op| {
        let lease = places.take(ip);
        lease.place.received();
        lease.place.set(Phase::Working);
        lease.place.works_at(op as u64);
        lease
    };
    (0..count).map(take).collect()
}

#[test]
fn an_address_has_a_share_and_its_own_idlest_goes_first() {
    let (places, _asked) = places();
    let other = places.take(ip(2));
    let proven = places.take(ip(1));
    prove(&proven);
    let many: Vec<_> = (1..config::API_SOURCE_CONNECTIONS).map(|_| places.take(ip(1))).collect();
    let newest = places.take(ip(1));
    assert!(!is_there(&many[0]), "the oldest that asked for nothing");
    assert!(is_there(&other) && is_there(&proven) && is_there(&many[1]) && is_there(&newest));
    assert_eq!(places.0.lock().by_source.len(), 2);
    drop((many, newest, proven, other));
    assert!(places.0.lock().places.is_empty() && places.0.lock().by_source.is_empty());
}

#[test]
fn the_oldest_request_of_an_address_with_too_many_ends_for_a_new_one() {
    let (places, mut asked) = places();
    let other = working(&places, ip(2), 1);
    let many = working(&places, ip(1), config::API_SOURCE_CONNECTIONS);
    let newcomer = places.take(ip(1));
    assert!(matches!(asked.try_recv(), Ok(Message::Cancel(0))) && asked.try_recv().is_err());
    // It gets its response, and closes then.
    assert!(many.iter().chain(&other).all(is_there) && is_there(&newcomer));
    newcomer.place.received();
    many[0].place.set(Phase::Answering);
    many[0].place.answered();
    assert!(!many[0].place.flushed(&Context::from_waker(std::task::Waker::noop())));
    let more: Vec<_> = (1..=config::API_RECALLED).map(|_| working(&places, ip(1), 1)).collect();
    assert!(!is_there(&many[config::API_RECALLED]), "what waits for its answer has a limit");
    assert_eq!(places.0.lock().by_source[&Source::of(ip(1))], config::API_SOURCE_CONNECTIONS);
    drop((many, more, newcomer, other));
    let held = places.0.lock();
    assert!(held.places.is_empty() && held.by_source.is_empty() && held.recalled == 0);
}

#[test]
fn other_machines_leave_places_to_this_one() {
    let (places, mut asked) = places();
    let share = config::API_SOURCE_CONNECTIONS;
    let many: Vec<_> = (1..10).map(|last| working(&places, ip(last), share)).collect();
    while asked.try_recv().is_ok() {}
    let here: Vec<_> = (0..config::API_CONNECTIONS - config::API_REMOTE_CONNECTIONS)
        .map(|_| places.take(LOOPBACK))
        .collect();
    assert!(here.iter().all(is_there) && asked.try_recv().is_err());
    // And for a machine that has few.
    let few = working(&places, ip(200), 10);
    assert!(few.iter().all(|lease| is_there(lease) && !lease.place.is_recalled()));
    drop((many, few));
}

#[test]
fn who_has_just_come_is_not_the_first_to_go() {
    let (places, _asked) = places();
    let many = working(&places, LOOPBACK, config::API_LOOPBACK_CONNECTIONS);
    let newcomer = places.take(LOOPBACK);
    let more = working(&places, LOOPBACK, 100);
    assert!(is_there(&newcomer));
    drop((many, more));
}

#[test]
fn half_requests_do_not_keep_a_newcomer_out() {
    let (places, _asked) = places();
    let half = |_| {
        let lease = places.take(LOOPBACK);
        lease.place.received();
        lease
    };
    let many: Vec<_> = (0..config::API_LOOPBACK_CONNECTIONS).map(half).collect();
    let newcomer = places.take(LOOPBACK);
    assert!(!is_there(&many[0]) && is_there(&many[1]) && is_there(&newcomer));
}

#[test]
fn few_descriptors_make_few_places() {
    let (inbox, _asked) = unbounded_channel();
    let places = Places::new(inbox, Some(1_024));
    let many: Vec<_> = (0..2_000).map(|_| places.take(LOOPBACK)).collect();
    let there = many.iter().filter(|lease| is_there(lease)).count();
    assert!((500..1_024 - config::API_DESCRIPTORS_KEPT).contains(&there), "{there}");
    assert!(is_there(&places.take(ip(1))));
}

#[test]
fn loopback_leaves_places_to_others_and_watchers_stay() {
    let (places, _asked) = places();
    let many: Vec<_> = (0..config::API_LOOPBACK_CONNECTIONS)
        .map(|at| places.take(IpAddr::from([127, 0, 0, (at % 250) as u8])))
        .collect();
    let v6 = places.take(LOOPBACK);
    assert!(!is_there(&many[0]) && is_there(&v6));
    assert!(is_there(&places.take(ip(1))));

    for lease in &many[1..=config::API_WATCHERS] {
        places.make_room_for_watcher();
        lease.place.set(Phase::Watching);
    }
    assert!(is_there(&many[config::API_WATCHERS]));
    places.make_room_for_watcher();
    assert!(!is_there(&many[config::API_WATCHERS]), "the newest");
    let more: Vec<_> = (0..10_000).map(|_| places.take(LOOPBACK)).collect();
    assert!(many[1..config::API_WATCHERS].iter().all(is_there), "for no place of another");
    drop(more);
}

#[test]
fn what_takes_too_long_is_ended_however_much_comes() {
    let (places, _asked) = places();
    let lease: Vec<_> = (0..4).map(|_| places.take(ip(1))).collect();
    lease[1].place.received();
    prove(&lease[2]);
    lease[3].place.set(Phase::Working);
    places.0.sweep(config::API_READ_MS);
    // One more byte, and one more.
    lease[1].place.received();
    assert!(lease.iter().all(is_there));
    places.0.sweep(config::API_READ_MS + 1);
    assert_eq!(lease.iter().map(is_there).collect::<Vec<_>>(), [false, false, true, true]);
    places.0.sweep(config::API_IDLE_MS + 1);
    assert_eq!(lease.iter().map(is_there).collect::<Vec<_>>(), [false, false, false, true]);
}
