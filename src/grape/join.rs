//! Joining the network and staying in it.

use super::{
    Address, Core, Event, Id,
    krpc::Query,
    operation::{Goal, Purpose},
};
use crate::config::grape as config;

impl Core {
    /// Sets the bootstrap nodes, and searches for others through them.
    pub fn bootstrap(&mut self, now: u64, addresses: Vec<Address>) {
        self.now = self.now.max(now);
        self.bootstrap = addresses;
        self.bootstrap.truncate(config::WALK_QUERIES / 2);
        // Also during another walk, which does not know them.
        self.joining = false;
        self.join(self.id);
    }

    /// Sets nodes known from an earlier run, for the next [`bootstrap`](Self::bootstrap). They are
    /// queried, but count for nothing until they answer.
    pub fn hint(&mut self, addresses: Vec<Address>) {
        self.hints = addresses;
        self.hinted = 0;
        self.hints.truncate(config::HINTS);
    }

    /// Whether no nodes are known although there are bootstrap nodes.
    pub fn is_isolated(&self) -> bool {
        self.table.is_empty() && !(self.bootstrap.is_empty() && self.hints.is_empty())
    }

    /// Periodic work: pings idle nodes, and some from an earlier run; searches for near ones,
    /// beginning with the bootstrap nodes; an isolated node tries those again.
    pub(super) fn sweep(&mut self) {
        self.counters.measure(self.now);
        let quiet = self.now.saturating_sub(self.options.liveness);
        for (id, address) in self.table.idle(quiet, config::SWEEP_PINGS, self.now) {
            self.ping(id, address);
        }
        let hints = self.hints.iter().skip(self.hinted).take(config::SWEEP_PINGS);
        for address in hints.copied().collect::<Vec<_>>() {
            self.hinted += 1;
            self.query((address, None), Purpose::Ping, &Query::Ping);
        }
        if !self.is_isolated() {
            self.rejoin_wait = config::REJOIN_MS.0;
            self.rejoin_at = 0;
        } else if self.rejoin_at == 0 {
            self.rejoin_at = self.now + self.rejoin_wait;
        } else if self.now >= self.rejoin_at {
            self.rejoin_wait = (self.rejoin_wait * 2).min(config::REJOIN_MS.1);
            self.rejoin_at = self.now + self.rejoin_wait;
            self.join(self.id);
        }
        self.republish();
        if self.now >= self.refresh_at {
            self.refresh_at = self.now + self.options.liveness;
            self.join(self.id);
            let anywhere = Id::random(&mut self.rng);
            self.walk(Query::FindNode(anywhere.0.to_vec()), Goal::Join);
        }
    }

    pub(super) fn joined(&mut self) {
        self.joining = false;
        self.tell_ready();
        self.tell_silence();
    }

    /// Emits once which bootstrap nodes are silent: they may start later than this node, but
    /// services that use them cannot find each other until then.
    fn tell_silence(&mut self) {
        if self.silence_told || self.bootstrap.is_empty() {
            return;
        }
        self.silence_told = true;
        let is_known = |address: Address| self.table.iter().any(|node| node.address == address);
        let is_self = |Address { ip, port }| port == self.options.port && (self.options.is_own)(ip);
        let silent = self.bootstrap.iter().copied();
        let addresses: Vec<_> =
            silent.filter(|address| !is_known(*address) && !is_self(*address)).collect();
        if !addresses.is_empty() {
            let is_alone = self.table.is_empty();
            self.out.events.push(Event::Silent { addresses, is_alone });
        }
    }

    fn join(&mut self, target: Id) {
        if !self.joining {
            self.joining = true;
            self.walk(Query::FindNode(target.0.to_vec()), Goal::Join);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grape::Options;

    /// The events about a node's bootstrap nodes within a minute.
    fn told(bootstrap: &[Address], port: u16) -> Vec<(Vec<Address>, bool)> {
        let options = Options { port, is_own: |ip| ip == [127, 0, 0, 1], ..Options::default() };
        let mut core = Core::new(options, [1; 32], 0);
        core.bootstrap(0, bootstrap.to_vec());
        let ticks = (0..600).flat_map(|tick| core.tick(tick * 100, []).events);
        let events: Vec<_> = ticks.collect();
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
    fn bootstrap_nodes_without_an_answer_are_told_once() {
        let (one, own) = (
            Address { ip: [10, 0, 0, 1], port: 20_001 },
            Address { ip: [127, 0, 0, 1], port: 20_001 },
        );
        assert_eq!(told(&[one, own], 20_001), [(vec![one], true)]);
        assert_eq!(told(&[one, own], 20_002), [(vec![one, own], true)]);
        assert!(told(&[own], 20_001).is_empty() && told(&[], 20_001).is_empty());
    }
}
