//! Joining the network and staying in it.

use super::{Address, Event, Options};
use crate::config::grape as config;
use std::{collections::VecDeque, mem};

/// The nodes through which this one joins, and when it searches for nodes.
#[derive(Debug)]
pub(super) struct Membership {
    port: u16,
    is_own: fn([u8; 4]) -> bool,
    liveness: u64,
    bootstrap: Vec<Address>,
    /// Addresses of nodes from an earlier run, and how many of them were pinged.
    hints: Vec<Address>,
    hinted: usize,
    is_joining: bool,
    is_ready: bool,
    /// The event about silent bootstrap nodes was emitted.
    is_silence_reported: bool,
    /// When an isolated node tries its bootstrap nodes again; `None` unless it is isolated.
    rejoin_at: Option<u64>,
    rejoin_wait: u64,
    refresh_at: u64,
    steps: VecDeque<Step>,
}

/// Something to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Ping the node at this address.
    Ping(Address),
    /// Search for nodes near this one.
    SearchNear,
    /// Search for nodes near a random id.
    SearchAnywhere,
}

impl Membership {
    /// Without bootstrap nodes.
    pub fn new(options: &Options, now: u64) -> Self {
        Self {
            port: options.port,
            is_own: options.is_own,
            liveness: options.liveness,
            bootstrap: Vec::new(),
            hints: Vec::new(),
            hinted: 0,
            is_joining: false,
            is_ready: false,
            is_silence_reported: false,
            rejoin_at: None,
            rejoin_wait: config::REJOIN_MS.0,
            refresh_at: now.saturating_add(options.liveness),
            steps: VecDeque::new(),
        }
    }

    /// Sets the bootstrap nodes, and searches for others through them.
    pub fn set_bootstrap(&mut self, addresses: Vec<Address>) {
        self.bootstrap = addresses;
        self.bootstrap.truncate(config::WALK_QUERIES / 2);
        // Also during another search, which does not know them.
        self.is_joining = false;
        self.search_near();
    }

    /// Sets nodes known from an earlier run.
    pub fn set_hints(&mut self, addresses: Vec<Address>) {
        self.hints = addresses;
        self.hinted = 0;
        self.hints.truncate(config::HINTS);
    }

    /// The bootstrap nodes.
    pub fn bootstrap(&self) -> &[Address] {
        &self.bootstrap
    }

    /// Nodes known from an earlier run.
    pub fn hints(&self) -> &[Address] {
        &self.hints
    }

    /// Whether the first search has ended.
    pub fn is_ready(&self) -> bool {
        self.is_ready
    }

    /// Whether no nodes are known although there are bootstrap nodes.
    pub fn is_isolated(&self, known_nodes: usize) -> bool {
        known_nodes == 0 && !(self.bootstrap.is_empty() && self.hints.is_empty())
    }

    /// Periodic work: pings some nodes of an earlier run; searches for near nodes, beginning with the
    /// bootstrap nodes; an isolated node tries those again.
    pub fn sweep(&mut self, known_nodes: usize, now: u64) {
        let hints = self.hints.iter().skip(self.hinted).take(config::SWEEP_PINGS);
        self.steps.extend(hints.copied().map(Step::Ping));
        self.hinted = self.hints.len().min(self.hinted + config::SWEEP_PINGS);
        self.rejoin(known_nodes, now);
        if now >= self.refresh_at {
            self.refresh_at = now + self.liveness;
            self.search_near();
            self.steps.push_back(Step::SearchAnywhere);
        }
    }

    fn rejoin(&mut self, known_nodes: usize, now: u64) {
        if !self.is_isolated(known_nodes) {
            self.rejoin_wait = config::REJOIN_MS.0;
            self.rejoin_at = None;
            return;
        }
        match self.rejoin_at {
            Some(at) if now < at => return,
            Some(_) => {
                self.rejoin_wait = (self.rejoin_wait * 2).min(config::REJOIN_MS.1);
                self.search_near();
            }
            None => {}
        }
        self.rejoin_at = Some(now + self.rejoin_wait);
    }

    fn search_near(&mut self) {
        if !mem::replace(&mut self.is_joining, true) {
            self.steps.push_back(Step::SearchNear);
        }
    }

    /// The next step.
    pub fn poll(&mut self) -> Option<Step> {
        self.steps.pop_front()
    }

    /// A search has ended. The first time, returns events: that the node is ready, and which
    /// bootstrap nodes are silent. Those may start later than this node, but services that use them
    /// cannot find each other until then.
    pub fn joined(&mut self, is_known: impl Fn(Address) -> bool, is_alone: bool) -> Vec<Event> {
        self.is_joining = false;
        let mut events = Vec::new();
        if !mem::replace(&mut self.is_ready, true) {
            events.push(Event::Ready);
        }
        if self.is_silence_reported || self.bootstrap.is_empty() {
            return events;
        }
        self.is_silence_reported = true;
        let is_self = |Address { ip, port }| port == self.port && (self.is_own)(ip);
        let silent = self.bootstrap.iter().copied();
        let addresses: Vec<_> =
            silent.filter(|address| !is_known(*address) && !is_self(*address)).collect();
        if !addresses.is_empty() {
            events.push(Event::Silent { addresses, is_alone });
        }
        events
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: Address = Address { ip: [10, 0, 0, 1], port: 20_001 };
    const OWN: Address = Address { ip: [127, 0, 0, 1], port: 20_001 };

    fn membership(port: u16, bootstrap: &[Address]) -> Membership {
        let options = Options { port, is_own: |ip| ip == OWN.ip, ..Options::default() };
        let mut membership = Membership::new(&options, 0);
        membership.set_bootstrap(bootstrap.to_vec());
        membership
    }

    /// The silent bootstrap nodes that are reported, after some searches.
    fn reported(bootstrap: &[Address], port: u16) -> Vec<(Vec<Address>, bool)> {
        let mut membership = membership(port, bootstrap);
        let events: Vec<_> = (0..3).flat_map(|_| membership.joined(|_| false, true)).collect();
        let ready = events.iter().filter(|event| matches!(event, Event::Ready));
        assert_eq!(ready.count(), 1);
        events
            .into_iter()
            .filter_map(|event| match event {
                Event::Silent { addresses, is_alone } => Some((addresses, is_alone)),
                _ => None,
            })
            .collect()
    }

    #[test]
    fn bootstrap_nodes_without_an_answer_are_reported_once() {
        assert_eq!(reported(&[ONE, OWN], 20_001), [(vec![ONE], true)]);
        assert_eq!(reported(&[ONE, OWN], 20_002), [(vec![ONE, OWN], true)]);
        assert!(reported(&[OWN], 20_001).is_empty() && reported(&[], 20_001).is_empty());
    }

    #[test]
    fn an_isolated_node_searches_less_and_less_often() {
        let mut membership = membership(1, &[ONE]);
        let mut searches = Vec::new();
        for second in 0..200 {
            membership.sweep(0, second * 1_000);
            while let Some(step) = membership.poll() {
                assert_eq!(step, Step::SearchNear);
                searches.push(second);
                membership.joined(|_| false, true);
            }
        }
        assert_eq!(searches, [0, 2, 6, 14, 30, 62, 122, 182]);
    }

    #[test]
    fn nodes_of_an_earlier_run_are_pinged_once() {
        let mut membership = membership(1, &[]);
        membership.set_hints(vec![ONE; config::SWEEP_PINGS + 1]);
        for second in 0..5 {
            membership.sweep(1, second * 1_000);
        }
        let steps: Vec<_> = std::iter::from_fn(|| membership.poll()).collect();
        let pings = steps.iter().filter(|step| **step == Step::Ping(ONE)).count();
        assert_eq!(pings, config::SWEEP_PINGS + 1);
    }
}
