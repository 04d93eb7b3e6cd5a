//! Resolves host names: few lookups at once, and one lookup for all callers with the same name.
//!
//! The system's resolver occupies a thread per lookup until silent name servers time out, and a
//! lookup cannot be cancelled. Strangers control which names services use.

mod system;

use crate::{config, error::Error};
use std::{
    collections::{HashMap, VecDeque},
    future::Future,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    time::Duration,
};
use system::Unknown;
use tokio::{
    sync::{Semaphore, watch},
    task::spawn_blocking,
    time::timeout,
};

/// Kinds of callers, each with its own quota of lookups.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Asker {
    /// A link, whose grapes come from the user's configuration.
    Link,
    /// A client, whose destinations come from a grape.
    Client,
    /// The same for a name that resolved lately.
    ClientAgain,
}

/// Result of a lookup.
type Told = Result<Arc<[IpAddr]>, Unknown>;

/// A lookup: kind of caller, and name.
type Key = (Asker, String);

/// The lookups of a process.
#[derive(Debug)]
pub struct Names {
    lookup: fn(&str) -> Result<Vec<IpAddr>, Unknown>,
    for_links: Arc<Semaphore>,
    for_clients: Arc<Semaphore>,
    for_clients_again: Arc<Semaphore>,
    /// Pending lookups, whichever callers wait for them.
    under_way: Mutex<HashMap<Key, Arc<watch::Sender<Option<Told>>>>>,
    /// Names that resolved at a client's last lookup, the latest last.
    proven: Mutex<VecDeque<String>>,
}

/// The addresses of `host` to be tried, within `time`. Needs tokio's runtime.
///
/// # Errors
/// [`Error::UnknownHost`], and [`Error::NameTimeout`] if there is no result in time.
pub async fn addresses(host: &str, asker: Asker, time: Duration) -> Result<Arc<[IpAddr]>, Error> {
    static NAMES: OnceLock<Arc<Names>> = OnceLock::new();
    let names = NAMES.get_or_init(|| Arc::new(Names::new(system::lookup)));
    in_time(host, time, names.addresses(host, asker)).await
}

async fn in_time(
    host: &str,
    time: Duration,
    lookup: impl Future<Output = Told>,
) -> Result<Arc<[IpAddr]>, Error> {
    match timeout(time, lookup).await {
        Ok(Ok(found)) => Ok(found),
        Ok(Err(Unknown::Nowhere)) => Err(Error::UnknownHost(host.to_owned())),
        Ok(Err(Unknown::Unanswered)) | Err(_) => Err(Error::NameTimeout(host.to_owned())),
    }
}

impl Names {
    fn new(lookup: fn(&str) -> Result<Vec<IpAddr>, Unknown>) -> Self {
        let places = |count| Arc::new(Semaphore::new(count));
        Self {
            lookup,
            for_links: places(config::LOOKUPS_OF_LINKS),
            for_clients: places(config::LOOKUPS_OF_CLIENTS),
            for_clients_again: places(config::LOOKUPS_OF_CLIENTS),
            under_way: Mutex::default(),
            proven: Mutex::default(),
        }
    }

    async fn addresses(self: &Arc<Self>, host: &str, asker: Asker) -> Told {
        if let Ok(address) = host.parse() {
            return Ok(Arc::new([address]));
        }
        let mut told = self.join(host, asker);
        // Without a sender there will be no result.
        told.wait_for(Option::is_some)
            .await
            .ok()
            .and_then(|told| told.clone())
            .unwrap_or(Err(Unknown::Unanswered))
    }

    /// Waits for the pending lookup of the same name, or starts one.
    fn join(self: &Arc<Self>, host: &str, asker: Asker) -> watch::Receiver<Option<Told>> {
        let is_again = asker == Asker::Client && lock(&self.proven).iter().any(|name| name == host);
        let key = (if is_again { Asker::ClientAgain } else { asker }, host.to_owned());
        let mut under_way = lock(&self.under_way);
        if let Some(sender) = under_way.get(&key) {
            return sender.subscribe();
        }
        let (sender, receiver) = watch::channel(None);
        let sender = Arc::new(sender);
        under_way.insert(key.clone(), sender.clone());
        tokio::spawn(self.clone().look(key, sender));
        receiver
    }

    /// Looks a name up when a place is free, unless all callers have given up by then.
    async fn look(self: Arc<Self>, key: Key, sender: Arc<watch::Sender<Option<Told>>>) {
        let places = match key.0 {
            Asker::Link => &self.for_links,
            Asker::Client => &self.for_clients,
            Asker::ClientAgain => &self.for_clients_again,
        };
        let mut turn = std::pin::pin!(places.clone().acquire_owned());
        let place = loop {
            tokio::select! {
                place = &mut turn => break place,
                () = sender.closed() => {}
            }
            if self.is_given_up(&key, &sender) {
                return;
            }
        };
        if self.is_given_up(&key, &sender) {
            return;
        }
        let (lookup, host) = (self.lookup, key.1.clone());
        let looking = spawn_blocking(move || {
            // Held as long as the thread is occupied, with or without callers.
            let _place = place;
            lookup(&host)
        });
        let found: Told = match looking.await {
            Ok(Ok(found)) if !found.is_empty() => Ok(some_of(&found).into()),
            Ok(Err(unknown)) => Err(unknown),
            Ok(Ok(_)) | Err(_) => Err(Unknown::Nowhere),
        };
        if key.0 != Asker::Link {
            self.note(&key.1, found.is_ok());
        }
        // Later callers start a new lookup.
        lock(&self.under_way).remove(&key);
        sender.send_replace(Some(found));
    }

    /// Whether all callers have given up; then no new one can join.
    fn is_given_up(&self, key: &Key, sender: &watch::Sender<Option<Told>>) -> bool {
        let mut under_way = lock(&self.under_way);
        let nobody = sender.receiver_count() == 0;
        if nobody {
            under_way.remove(key);
        }
        nobody
    }

    fn note(&self, host: &str, is_proven: bool) {
        let mut proven = lock(&self.proven);
        proven.retain(|name| name != host);
        if is_proven {
            proven.push_back(host.to_owned());
        }
        if proven.len() > config::PROVEN_NAMES {
            proven.pop_front();
        }
    }
}

/// A few of a name's addresses: the first ones of both families in turn, as Happy Eyeballs tries
/// them (RFC 8305 section 4). A name server's answer can have thousands.
fn some_of(found: &[IpAddr]) -> Vec<IpAddr> {
    let first = found.first().is_some_and(IpAddr::is_ipv4);
    let mut firsts = found.iter().filter(|one| one.is_ipv4() == first);
    let mut others = found.iter().filter(|one| one.is_ipv4() != first);
    let mut some = Vec::with_capacity(config::DIALLED_ADDRESSES + 1);
    while some.len() < config::DIALLED_ADDRESSES {
        let before = some.len();
        some.extend(firsts.next().into_iter().chain(others.next()));
        if some.len() == before {
            break;
        }
    }
    some.truncate(config::DIALLED_ADDRESSES);
    some
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
