//! Getting into the network and staying in it.

use super::{Address, Core, Id, krpc::Query, operation::Goal};
use crate::config::grape as config;

impl Core {
    /// Names the nodes through which this one finds the others, and goes looking.
    pub fn bootstrap(&mut self, now: u64, addresses: Vec<Address>) {
        self.now = self.now.max(now);
        self.bootstrap = addresses;
        self.bootstrap.truncate(config::WALK_QUERIES / 2);
        self.join(self.id);
    }

    /// Whether nobody is known although somebody should be.
    pub fn is_isolated(&self) -> bool {
        self.table.is_empty() && !self.bootstrap.is_empty()
    }

    /// What is done now and then: quiet nodes are pinged, near ones looked for, and an isolated
    /// node tries its bootstrap nodes again.
    pub(super) fn sweep(&mut self) {
        self.counters.measure(self.now);
        let quiet = self.now.saturating_sub(self.options.liveness);
        for (id, address) in self.table.idle(quiet, config::SWEEP_PINGS, self.now) {
            self.ping(id, address);
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
