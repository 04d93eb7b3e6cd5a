//! Joining the network and staying in it.

use super::{
    Address, Core, Id,
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
    }

    fn join(&mut self, target: Id) {
        if !self.joining {
            self.joining = true;
            self.walk(Query::FindNode(target.0.to_vec()), Goal::Join);
        }
    }
}
