//! Limits for other hosts: queries per second, signatures, and bytes sent to hosts without a proven
//! address, since source addresses of datagrams can be forged.

use super::{Address, Generations, address::is_loopback, hash::Keyed};
use crate::config::grape as config;

type Ip = [u8; 4];

/// An allowance that refills with time (token bucket).
#[derive(Clone, Copy, Debug)]
pub struct Bucket {
    /// In thousandths, so that the refill of a millisecond is an integer.
    left: u64,
    at: u64,
}

/// Capacity of a [`Bucket`], and its refill per second.
#[derive(Clone, Copy, Debug)]
struct Size {
    full: u64,
    per_second: u64,
}

/// State of one host.
#[derive(Debug)]
struct Host {
    queries: Bucket,
    signatures: Bucket,
    bytes: Bucket,
    /// Ports with proof, each with its time, the latest last.
    ports: Vec<(u16, u64)>,
}

/// Limits of all other hosts.
#[derive(Debug)]
pub struct Sources {
    rate: u32,
    hosts: Generations<Ip, Host, Keyed>,
    /// Hosts with a proven address, and when. Only existing hosts get in here, so a flood of forged
    /// addresses displaces none of them, and resets no limits.
    proven: Generations<Ip, (u64, Host), Keyed>,
    unproven: Bucket,
    unproven_bytes: Bucket,
    signatures: Bucket,
}

const SIGNATURES: Size = Size::of(config::SIGNATURES, config::SIGNATURES);
const SIGNATURES_TOTAL: Size = Size::of(config::SIGNATURES_TOTAL, config::SIGNATURES_TOTAL);
const UNPROVEN: Size = Size::of(config::RATE_UNPROVEN, config::RATE_UNPROVEN);
const BYTES: Size =
    Size::of(config::UNPROVEN_BYTES, config::UNPROVEN_BYTES / config::UNPROVEN_REFILL);
const BYTES_TOTAL: Size = Size::of(config::UNPROVEN_TOTAL_BYTES, config::UNPROVEN_TOTAL_BYTES);

impl Size {
    const fn of(full: u32, per_second: u32) -> Self {
        Self { full: full as u64 * 1_000, per_second: per_second as u64 }
    }

    const fn bucket(self, now: u64) -> Bucket {
        Bucket { left: self.full, at: now }
    }
}

impl Bucket {
    /// A bucket with `amount`, and the same refill per second.
    pub fn per_second(amount: u32, now: u64) -> Self {
        Size::of(amount, amount).bucket(now)
    }

    /// Takes one, if available.
    pub fn take_one(&mut self, per_second: u32, now: u64) -> bool {
        self.takes(Size::of(per_second, per_second), 1, now)
    }

    fn left(&mut self, size: Size, now: u64) -> u64 {
        let refill = now.saturating_sub(self.at).saturating_mul(size.per_second);
        self.left = self.left.saturating_add(refill).min(size.full);
        self.at = self.at.max(now);
        self.left / 1_000
    }

    fn takes(&mut self, size: Size, amount: u64, now: u64) -> bool {
        let enough = self.left(size, now) >= amount;
        if enough {
            self.left -= amount * 1_000;
        }
        enough
    }
}

impl Sources {
    /// Limits each host to `rate` queries per second, and this machine to a multiple.
    pub fn new(rate: u32, now: u64) -> Self {
        Self {
            rate,
            hosts: Generations::new(config::SOURCES, usize::MAX, None, now),
            proven: Generations::new(config::SOURCES, usize::MAX, None, now),
            unproven: UNPROVEN.bucket(now),
            unproven_bytes: BYTES_TOTAL.bucket(now),
            signatures: SIGNATURES_TOTAL.bucket(now),
        }
    }

    /// Whether `ip` may send another query, which counts for `weight`.
    pub fn allows(&mut self, ip: Ip, weight: u64, now: u64) -> bool {
        let size = self.rate_of(ip);
        let is_proven = self.is_proven(ip, now);
        self.host(ip, now).is_none_or(|host| host.queries.takes(size, weight, now))
            && (is_proven || self.unproven.takes(UNPROVEN, weight, now))
    }

    /// Whether a signature of `ip` may be verified.
    pub fn allows_signature(&mut self, ip: Ip, now: u64) -> bool {
        (is_loopback(ip)
            || self.host(ip, now).is_none_or(|host| host.signatures.takes(SIGNATURES, 1, now)))
            && self.signatures.takes(SIGNATURES_TOTAL, 1, now)
    }

    /// `from` answered, or presented a token: its address is proven.
    pub fn proves(&mut self, from: Address, now: u64) {
        if from.is_loopback() {
            return;
        }
        self.proves_host(from.ip, now);
        let Some((_, host)) = self.proven.get_mut(&from.ip) else { return };
        let known = host.ports.iter().position(|(port, _)| *port == from.port);
        match known {
            Some(at) if now < host.ports[at].1.saturating_add(config::PROVEN_MS / 4) => return,
            Some(at) => drop(host.ports.remove(at)),
            None if host.ports.len() >= config::PROVEN_PORTS => drop(host.ports.remove(0)),
            None => {}
        }
        host.ports.push((from.port, now));
    }

    fn proves_host(&mut self, ip: Ip, now: u64) {
        // Renewed now and then, so that a flood of others does not displace it.
        if self
            .proven
            .get(&ip)
            .is_some_and(|(at, _)| now < at.saturating_add(config::PROVEN_MS / 4))
        {
            return;
        }
        let known = self.proven.remove(&ip).map(|(_, host)| host);
        let host =
            known.or_else(|| self.hosts.remove(&ip)).unwrap_or_else(|| self.new_host(ip, now));
        self.proven.insert(ip, (now, host), 0);
    }

    /// Whether a node at this address is proven, and not only its host: data to another port would
    /// be unsolicited there.
    pub fn is_proven_at(&self, from: Address, now: u64) -> bool {
        let is_recent = |at: u64| now < at.saturating_add(config::PROVEN_MS);
        from.is_loopback()
            || self.proven.get(&from.ip).is_some_and(|(_, host)| {
                host.ports.iter().any(|(port, at)| *port == from.port && is_recent(*at))
            })
    }

    /// Whether the address of `ip` is proven.
    pub fn is_proven(&self, ip: Ip, now: u64) -> bool {
        is_loopback(ip)
            || self
                .proven
                .get(&ip)
                .is_some_and(|(at, _)| now < at.saturating_add(config::PROVEN_MS))
    }

    /// How many bytes may be sent to `from` for a query of `asked` bytes.
    pub fn allowance(&mut self, from: Address, asked: usize, now: u64) -> usize {
        if self.is_proven_at(from, now) {
            return usize::MAX;
        }
        let total = self.unproven_bytes.left(BYTES_TOTAL, now);
        let own = self.host(from.ip, now).map_or(0, |host| host.bytes.left(BYTES, now));
        asked * config::UNPROVEN_FACTOR + own.min(total) as usize
    }

    /// Counts `sent` bytes for a query of `asked`.
    pub fn spend(&mut self, from: Address, asked: usize, sent: usize, now: u64) {
        let more = sent.saturating_sub(asked * config::UNPROVEN_FACTOR) as u64;
        if more > 0 && !self.is_proven_at(from, now) {
            self.unproven_bytes.takes(BYTES_TOTAL, more, now);
            if let Some(host) = self.host(from.ip, now) {
                host.bytes.takes(BYTES, more, now);
            }
        }
    }

    fn rate_of(&self, ip: Ip) -> Size {
        let times = if is_loopback(ip) { config::RATE_LOOPBACK } else { 1 };
        let rate = self.rate.saturating_mul(times);
        Size::of(rate, rate)
    }

    fn host(&mut self, ip: Ip, now: u64) -> Option<&mut Host> {
        if self.is_proven(ip, now) && !is_loopback(ip) {
            return self.proven.get_mut(&ip).map(|(_, host)| host);
        }
        if self.hosts.get(&ip).is_none() {
            let host = self.new_host(ip, now);
            self.hosts.insert(ip, host, 0);
        }
        self.hosts.get_mut(&ip)
    }

    fn new_host(&self, ip: Ip, now: u64) -> Host {
        let queries = self.rate_of(ip).bucket(now);
        let (signatures, bytes) = (SIGNATURES.bucket(now), BYTES.bucket(now));
        Host { queries, signatures, bytes, ports: Vec::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ip: Ip) -> Address {
        Address { ip, port: 1 }
    }

    fn asked(sources: &mut Sources, ip: Ip, now: u64) -> usize {
        (0..1_000).filter(|_| sources.allows(ip, 1, now)).count()
    }

    #[test]
    fn a_flood_is_cut_to_the_rate_and_others_are_not() {
        let mut sources = Sources::new(100, 0);
        assert_eq!(asked(&mut sources, [1; 4], 0), 100);
        assert_eq!(asked(&mut sources, [1; 4], 10), 1);
        assert_eq!(asked(&mut sources, [2; 4], 10), 100);
        assert_eq!(asked(&mut sources, [1; 4], 60_000), 100);
        assert_eq!(asked(&mut sources, [127, 0, 0, 1], 0), 1_000);
    }

    #[test]
    fn false_addresses_share_a_rate_and_leave_the_proven_alone() {
        let mut sources = Sources::new(100, 0);
        sources.proves(at([1; 4]), 0);
        let allowed = (0..100_000_u32)
            .filter(|ip| sources.allows((0x0a00_0000 + ip).to_be_bytes(), 1, 0))
            .count();
        assert_eq!(allowed, config::RATE_UNPROVEN as usize);
        assert!(sources.hosts.len() <= 2 * config::SOURCES + 1);
        assert_eq!(asked(&mut sources, [1; 4], 0), 100);
        let flood = |sources: &mut Sources| {
            (0..100_000_u32).for_each(|ip| {
                sources.allows((0x0a00_0000 + ip).to_be_bytes(), 1, 0);
            });
        };
        flood(&mut sources);
        assert_eq!(asked(&mut sources, [1; 4], 0), 0, "a flood gives it no new rate");
        assert!(sources.is_proven([1; 4], config::PROVEN_MS - 1));
        assert!(!sources.is_proven([1; 4], config::PROVEN_MS));
    }

    #[test]
    fn the_unproven_get_little_more_than_they_send() {
        let mut sources = Sources::new(100, 0);
        let mut sent = 0;
        for _ in 0..1_000 {
            let allowed = sources.allowance(at([1; 4]), 50, 0).min(1_500);
            sources.spend(at([1; 4]), 50, allowed, 0);
            sent += allowed;
        }
        let bound = 1_000 * 50 * config::UNPROVEN_FACTOR + config::UNPROVEN_BYTES as usize;
        assert!(sent <= bound, "{sent} of {bound}");
        assert!(sources.allowance(at([1; 4]), 50, 64_000) >= config::UNPROVEN_BYTES as usize);
        sources.proves(at([1; 4]), 0);
        assert_eq!(sources.allowance(at([1; 4]), 50, 0), usize::MAX);
    }

    #[test]
    fn all_the_unproven_share_what_they_get_on_top() {
        let mut sources = Sources::new(100, 0);
        let mut more = 0;
        for ip in 0..1_000_u32 {
            let ip = at((0x0a00_0000 + ip).to_be_bytes());
            let allowed = sources.allowance(ip, 10, 0);
            sources.spend(ip, 10, allowed, 0);
            more += allowed - 10 * config::UNPROVEN_FACTOR;
        }
        assert_eq!(more, config::UNPROVEN_TOTAL_BYTES as usize);
    }

    #[test]
    fn a_port_of_a_host_proves_no_other_and_the_latest_are_kept() {
        let mut sources = Sources::new(100, 0);
        let at = |port| Address { ip: [1; 4], port };
        sources.proves(at(1), 0);
        assert!(sources.is_proven_at(at(1), 0) && !sources.is_proven_at(at(2), 0));
        assert!(sources.allowance(at(2), 50, 0) < 5_000);
        assert!(!sources.is_proven_at(at(1), config::PROVEN_MS));
        for round in 1..100 {
            for port in 2..=config::PROVEN_PORTS as u16 {
                sources.proves(at(port), round * config::PROVEN_MS / 10);
            }
            sources.proves(at(1), round * config::PROVEN_MS / 10);
        }
        let now = 10 * config::PROVEN_MS;
        assert!((1..=config::PROVEN_PORTS as u16).all(|port| sources.is_proven_at(at(port), now)));
        (1_000..60_000).for_each(|port| sources.proves(at(port), now));
        let kept = (1_000..60_000).filter(|port| sources.is_proven_at(at(*port), now)).count();
        assert_eq!(kept, config::PROVEN_PORTS);
        assert!(sources.is_proven_at(at(59_999), now));
    }

    #[test]
    fn signatures_have_a_rate() {
        let mut sources = Sources::new(100, 0);
        let mut checked = |ip| (0..2_000).filter(|_| sources.allows_signature(ip, 0)).count();
        assert_eq!(checked([1; 4]), config::SIGNATURES as usize);
        let left = config::SIGNATURES_TOTAL - config::SIGNATURES;
        assert_eq!(checked([127, 0, 0, 1]), left as usize);
    }
}
