//! A bounded number of clients in a handshake or a farewell. Beyond the limit, the address with the
//! most of them loses its oldest: so clients that start and do not continue cannot lock others out.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, HashMap},
    fmt,
    net::{IpAddr, Ipv6Addr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};
use tokio::sync::oneshot;

/// Source of a client. An IPv6 source is the whole /64 network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Source(IpAddr);

impl Source {
    fn of(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V6(address) => {
                let network = u128::from(address) & (u128::MAX << 64);
                IpAddr::V6(Ipv6Addr::from(if address.is_loopback() { 1 } else { network }))
            }
            address @ IpAddr::V4(_) => address,
        })
    }
}

/// The clients.
#[derive(Clone)]
pub(super) struct Places(Arc<Mutex<Table>>);

/// When each client got its place, and the sender whose drop ends it.
type Tickets = BTreeMap<u64, (Instant, oneshot::Sender<()>)>;

struct Table {
    most: usize,
    count: usize,
    next: u64,
    /// The places of each source by ticket, the oldest first; removing an entry ends its place.
    sources: HashMap<Source, Tickets>,
    /// The sources by number of places, the most last; of equal ones the one with the oldest place.
    ranks: BTreeSet<(usize, Reverse<u64>, Source)>,
}

impl fmt::Debug for Places {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Places({})", self.lock().count)
    }
}

impl Places {
    /// Allows `most` clients.
    pub fn new(most: usize) -> Self {
        Self(Arc::new(Mutex::new(Table {
            most: most.max(1),
            count: 0,
            next: 0,
            sources: HashMap::new(),
            ranks: BTreeSet::new(),
        })))
    }

    /// Accepts one more client; another one may lose its place for it.
    pub fn enter(&self, address: IpAddr) -> Place {
        let source = Source::of(address);
        let (held, lost) = oneshot::channel();
        let mut table = self.lock();
        let ticket = table.next;
        table.next += 1;
        table.change(source, |own| drop(own.insert(ticket, (Instant::now(), held))));
        table.count += 1;
        if table.count > table.most {
            table.shed(Duration::ZERO);
        }
        drop(table);
        Place { all: self.clone(), source, ticket, lost }
    }

    /// Ends the place that a newcomer would displace, if it is older than `time`. False: there is
    /// none.
    pub fn shed(&self, time: Duration) -> bool {
        self.lock().shed(time)
    }

    /// Ends all places.
    pub fn clear(&self) {
        let mut table = self.lock();
        let ended = (std::mem::take(&mut table.sources), std::mem::take(&mut table.ranks));
        table.count = 0;
        drop(table);
        // Tasks that wait for these places are woken outside of the lock.
        drop(ended);
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    fn shed(&mut self, time: Duration) -> bool {
        let Some((_, Reverse(oldest), source)) = self.ranks.last().copied() else { return false };
        let since = self.sources.get(&source).and_then(|own| own.get(&oldest));
        if since.is_some_and(|(since, _)| since.elapsed() < time) {
            return false;
        }
        self.leave(source, oldest);
        true
    }

    fn leave(&mut self, source: Source, ticket: u64) {
        let mut left = None;
        self.change(source, |own| left = own.remove(&ticket));
        self.count -= usize::from(left.is_some());
    }

    /// Changes the places of one source, and its rank with them.
    fn change(&mut self, source: Source, change: impl FnOnce(&mut Tickets)) {
        let own = self.sources.entry(source).or_default();
        if let Some((oldest, _)) = own.first_key_value() {
            self.ranks.remove(&(own.len(), Reverse(*oldest), source));
        }
        change(own);
        match own.first_key_value() {
            Some((oldest, _)) => drop(self.ranks.insert((own.len(), Reverse(*oldest), source))),
            None => drop(self.sources.remove(&source)),
        }
    }
}

/// A client's place, until it is dropped.
pub(super) struct Place {
    all: Places,
    source: Source,
    ticket: u64,
    lost: oneshot::Receiver<()>,
}

impl Place {
    /// Waits until another client gets the place.
    pub async fn lost(&mut self) {
        // Nothing is ever sent: the sender is dropped.
        let _ = (&mut self.lost).await;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.all.lock().leave(self.source, self.ticket);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn is_lost(place: &mut Place) -> bool {
        place.lost.try_recv() == Err(oneshot::error::TryRecvError::Closed)
    }

    #[test]
    fn the_source_with_the_most_loses_its_oldest() {
        let places = Places::new(4);
        let mut many: Vec<_> = (0..3).map(|_| places.enter(address("10.0.0.1"))).collect();
        let mut good = places.enter(address("10.0.0.2"));
        let mut late = places.enter(address("10.0.0.3"));
        assert!(is_lost(&mut many[0]));
        many.push(places.enter(address("10.0.0.1")));
        assert!(is_lost(&mut many[1]));
        assert!([&mut good, &mut late].into_iter().all(|place| !is_lost(place)));
        assert!(many[2..].iter_mut().all(|place| !is_lost(place)));
        // A client that leaves makes room.
        drop(good);
        let mut more = places.enter(address("10.0.0.4"));
        assert!(many[2..].iter_mut().chain([&mut late, &mut more]).all(|place| !is_lost(place)));
    }

    #[test]
    fn of_sources_with_as_many_the_oldest_goes_first_and_never_the_newcomer() {
        let places = Places::new(3);
        let mut taken: Vec<_> =
            (1..=3).map(|at| places.enter(address(&format!("10.0.0.{at}")))).collect();
        for at in 4..20 {
            taken.push(places.enter(address(&format!("10.0.0.{at}"))));
            let lost: Vec<_> = taken.iter_mut().map(is_lost).collect();
            assert!(
                lost[..at - 3].iter().all(|lost| *lost) && lost[at - 3..].iter().all(|lost| !lost)
            );
        }
    }

    #[test]
    fn nothing_is_kept_of_those_who_left() {
        let places = Places::new(2);
        for at in 0..100 {
            drop(places.enter(address(&format!("10.0.0.{at}"))));
        }
        let _places: Vec<_> =
            (0..100).map(|at| places.enter(address(&format!("10.0.1.{at}")))).collect();
        let table = places.lock();
        assert_eq!((table.count, table.sources.len(), table.ranks.len()), (2, 2, 2));
    }

    #[test]
    fn one_can_be_let_go_without_a_newcomer() {
        let places = Places::new(10);
        assert!(!places.shed(Duration::ZERO));
        let mut place = places.enter(address("::1"));
        assert!(!places.shed(Duration::from_secs(60)) && !is_lost(&mut place));
        assert!(places.shed(Duration::ZERO) && is_lost(&mut place));
        assert!(!places.shed(Duration::ZERO));
    }

    #[test]
    fn one_source_is_an_ipv4_address_or_an_ipv6_network() {
        let of = |text| Source::of(address(text));
        assert_eq!(of("::ffff:10.0.0.1"), of("10.0.0.1"));
        assert_ne!(of("10.0.0.1"), of("10.0.0.2"));
        assert_eq!(of("2001:db8::1"), of("2001:db8::ffff:2"));
        assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
    }
}
