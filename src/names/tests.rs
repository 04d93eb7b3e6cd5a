use super::*;
use std::{
    future::pending,
    net::{Ipv4Addr, Ipv6Addr},
    sync::{
        Condvar,
        atomic::{AtomicUsize, Ordering},
    },
};

/// A resolver that waits until it is released, except for names that begin with `quick`.
struct Resolver {
    asked: AtomicUsize,
    under_way: AtomicUsize,
    answers: Mutex<bool>,
    told: Condvar,
}

impl Resolver {
    const fn new() -> Self {
        Self {
            asked: AtomicUsize::new(0),
            under_way: AtomicUsize::new(0),
            answers: Mutex::new(false),
            told: Condvar::new(),
        }
    }

    fn look(&self, host: &str) -> Result<Vec<IpAddr>, Unknown> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        if !host.starts_with("quick") {
            self.under_way.fetch_add(1, Ordering::SeqCst);
            let answers = self.answers.lock().unwrap();
            drop(self.told.wait_while(answers, |answers| !*answers).unwrap());
            self.under_way.fetch_sub(1, Ordering::SeqCst);
        }
        if host.ends_with("nowhere") {
            return Err(Unknown::Nowhere);
        }
        Ok(vec![Ipv4Addr::LOCALHOST.into()])
    }

    fn answer(&self) {
        *self.answers.lock().unwrap() = true;
        self.told.notify_all();
    }

    async fn are_under_way(&self, count: usize) {
        while self.under_way.load(Ordering::SeqCst) != count {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

fn waiting(names: &Arc<Names>, host: &str, asker: Asker) -> tokio::task::JoinHandle<Told> {
    let (names, host) = (names.clone(), host.to_owned());
    tokio::spawn(async move { names.addresses(&host, asker).await })
}

#[tokio::test]
async fn names_whose_servers_are_silent_take_few_threads_and_none_of_the_grapes() {
    static SYSTEM: Resolver = Resolver::new();
    let names = Arc::new(Names::new(|host| SYSTEM.look(host)));
    // A name that resolved before has places of its own.
    assert!(names.addresses("quick.proven", Asker::Client).await.is_ok());
    let slow: Vec<_> =
        (0..1000).map(|at| waiting(&names, &format!("slow {at}"), Asker::Client)).collect();
    SYSTEM.are_under_way(config::LOOKUPS_OF_CLIENTS).await;
    for (host, asker) in [("quick.grape", Asker::Link), ("quick.proven", Asker::Client)] {
        assert!(names.addresses(host, asker).await.is_ok());
    }
    // An address needs no lookup.
    assert_eq!(names.addresses("::1", Asker::Client).await.unwrap().len(), 1);
    // Other names wait for a free place, until their timeout.
    let asked = SYSTEM.asked.load(Ordering::SeqCst);
    let late = in_time("other", Duration::from_millis(20), names.addresses("other", Asker::Client));
    assert_eq!(late.await.unwrap_err().to_string(), "getaddrinfo EAI_AGAIN other");
    assert_eq!(SYSTEM.asked.load(Ordering::SeqCst), asked);
    // A name whose callers have given up is not looked up.
    slow.iter().for_each(tokio::task::JoinHandle::abort);
    while lock(&names.under_way).len() > config::LOOKUPS_OF_CLIENTS {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    SYSTEM.answer();
    assert!(names.addresses("other", Asker::Client).await.is_ok());
    assert_eq!(SYSTEM.asked.load(Ordering::SeqCst), asked + 1);
    SYSTEM.are_under_way(0).await;
}

#[tokio::test]
async fn equal_names_share_a_lookup() {
    static SYSTEM: Resolver = Resolver::new();
    let names = Arc::new(Names::new(|host| SYSTEM.look(host)));
    let first = waiting(&names, "slow", Asker::Client);
    let nowhere = waiting(&names, "nowhere", Asker::Client);
    SYSTEM.are_under_way(2).await;
    let others: Vec<_> = (0..100).map(|_| waiting(&names, "slow", Asker::Client)).collect();
    // A caller that gives up does not affect the others.
    first.abort();
    while lock(&names.under_way)[&(Asker::Client, "slow".into())].receiver_count() != 100 {
        tokio::task::yield_now().await;
    }
    SYSTEM.answer();
    for other in others {
        assert!(other.await.unwrap().is_ok());
    }
    assert_eq!(nowhere.await.unwrap(), Err(Unknown::Nowhere));
    assert_eq!(SYSTEM.asked.load(Ordering::SeqCst), 2);
    assert!(lock(&names.under_way).is_empty());
    assert_eq!(*lock(&names.proven), ["slow"]);
}

#[tokio::test]
async fn names_that_had_addresses_are_remembered_for_a_while() {
    let names = Arc::new(Names::new(|_| Ok(vec![Ipv4Addr::LOCALHOST.into()])));
    for at in 0..2 * config::PROVEN_NAMES {
        assert!(names.addresses(&format!("name {at}"), Asker::Client).await.is_ok());
    }
    assert_eq!(lock(&names.proven).len(), config::PROVEN_NAMES);
}

#[tokio::test(start_paused = true)]
async fn a_resolver_that_never_answers_has_the_time_of_a_connection() {
    let began = tokio::time::Instant::now();
    let error = in_time("somewhere", config::CONNECT_TIMEOUT, pending()).await.unwrap_err();
    assert_eq!(error.to_string(), "getaddrinfo EAI_AGAIN somewhere");
    assert_eq!(began.elapsed().as_secs(), config::CONNECT_TIMEOUT.as_secs());
    for (why, code) in [(Unknown::Nowhere, "ENOTFOUND"), (Unknown::Unanswered, "EAI_AGAIN")] {
        let told = async { Err(why) };
        let error = in_time("somewhere", config::CONNECT_TIMEOUT, told).await.unwrap_err();
        assert_eq!(error.to_string(), format!("getaddrinfo {code} somewhere"));
    }
}

#[tokio::test]
async fn of_a_name_with_thousands_of_addresses_few_are_used_and_both_families() {
    fn many(host: &str) -> Result<Vec<IpAddr>, Unknown> {
        let four = (0..4000u32).map(|at| IpAddr::from(Ipv4Addr::from(0x7f01_0000 + at)));
        let six = (0..2000u128).map(|at| IpAddr::from(Ipv6Addr::from((0x2001 << 112) + at)));
        Ok(match host {
            "both" => six.chain(four).collect(),
            "little" => four.take(1).chain(six.take(1)).collect(),
            _ => four.collect(),
        })
    }
    let names = Arc::new(Names::new(many));
    for asker in [Asker::Link, Asker::Client] {
        let found = names.addresses("four", asker).await.unwrap();
        assert_eq!(found.len(), config::DIALLED_ADDRESSES);
        let found = names.addresses("both", asker).await.unwrap();
        assert_eq!(found.len(), config::DIALLED_ADDRESSES);
        // In turn, as Happy Eyeballs orders them (RFC 8305 section 4), the system's first one
        // first.
        assert!(found.iter().enumerate().all(|(at, one)| one.is_ipv6() == (at % 2 == 0)));
        assert_eq!(names.addresses("little", asker).await.unwrap().len(), 2);
    }
}

#[tokio::test]
async fn a_links_lookup_takes_nothing_from_the_names_of_clients() {
    fn fickle(_: &str) -> Result<Vec<IpAddr>, Unknown> {
        static ASKED: AtomicUsize = AtomicUsize::new(0);
        match ASKED.fetch_add(1, Ordering::SeqCst) {
            0 | 1 => Ok(vec![Ipv4Addr::LOCALHOST.into()]),
            _ => Err(Unknown::Nowhere),
        }
    }
    let names = Arc::new(Names::new(fickle));
    assert!(names.addresses("name", Asker::Client).await.is_ok());
    for found in [true, false] {
        assert_eq!(names.addresses("name", Asker::Link).await.is_ok(), found);
        assert_eq!(*lock(&names.proven), ["name"]);
    }
    // Only a client's next lookup does.
    assert!(names.addresses("name", Asker::Client).await.is_err());
    assert!(lock(&names.proven).is_empty());
}
