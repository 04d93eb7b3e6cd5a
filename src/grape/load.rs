//! Memory of the pending commands, by the client that sent them: each has a share, so that one
//! client cannot block the commands of others.

use super::{Command, Core, Failure, Source, hash::HashMap, operation::Goal};
use crate::config::grape as config;

/// A pending command.
#[derive(Clone, Debug)]
pub(super) struct Job {
    /// The caller's number.
    pub op: u64,
    pub who: Source,
    pub command: Command,
}

#[derive(Clone, Copy, Debug, Default)]
struct Used {
    count: usize,
    bytes: usize,
}

/// Walks and stores, counted by client.
#[derive(Debug, Default)]
pub(super) struct Load {
    of: HashMap<Source, Used>,
    /// Of this machine, and of others.
    totals: [Used; 2],
}

const LIMITS: [Used; 2] = [
    Used { count: config::OPERATIONS, bytes: config::OPERATION_BYTES },
    Used { count: config::OPERATIONS_REMOTE, bytes: config::OPERATION_BYTES_REMOTE },
];

impl Load {
    /// Adds one of `who`, with this many bytes.
    pub fn add(&mut self, who: Source, bytes: usize) {
        for used in [self.of.entry(who).or_default(), &mut self.totals[class(who)]] {
            used.count += 1;
            used.bytes += bytes;
        }
    }

    /// Removes one.
    pub fn remove(&mut self, who: Source, bytes: usize) {
        if let Some(used) = self.of.get_mut(&who) {
            used.count -= 1;
            used.bytes -= bytes;
            if used.count == 0 {
                self.of.remove(&who);
            }
            let total = &mut self.totals[class(who)];
            total.count -= 1;
            total.bytes -= bytes;
        }
    }

    /// If the budget of `who` is exceeded: the client that has most of it, and how many of its
    /// commands are to end.
    fn greediest(&self, who: Source) -> Option<(Source, usize)> {
        let class_of = class(who);
        let (total, limit) = (self.totals[class_of], LIMITS[class_of]);
        if total.count <= limit.count && total.bytes <= limit.bytes {
            return None;
        }
        let of = self.of.iter().filter(|(who, _)| class(**who) == class_of);
        let (who, used) = of.max_by_key(|(who, used)| (used.bytes, **who))?;
        Some((*who, (used.count / 2).clamp(1, config::OPERATIONS_ENDED)))
    }
}

fn class(who: Source) -> usize {
    usize::from(!who.is_here())
}

impl Core {
    /// Something of `who` was started: if the budget is exceeded, ends the oldest commands of the
    /// client that has the most.
    pub(super) fn relieve(&mut self, who: Source) {
        while let Some((greediest, count)) = self.load.greediest(who) {
            let walks = self.walks.iter().filter(|(_, walk)| walk.who == greediest);
            let stores = self.stores.iter().filter(|(_, store)| store.job.who == greediest);
            let mut numbers: Vec<_> =
                walks.map(|(number, _)| *number).chain(stores.map(|(number, _)| *number)).collect();
            numbers.sort_unstable();
            for number in numbers.into_iter().take(count) {
                if let Some(store) = self.stores.remove(&number) {
                    self.load.remove(store.job.who, store.cost);
                    self.done(store.job.op, Err(Failure::Busy));
                } else {
                    self.dismiss(number, greediest);
                }
            }
        }
    }

    /// Ends the commands of `who` that wait for a walk. The walk goes on for the other clients, and
    /// is charged to them.
    fn dismiss(&mut self, number: u64, who: Source) {
        let Some(walk) = self.walks.get_mut(&number) else { return };
        let mut ended = Vec::new();
        walk.goals.retain(|goal| match goal {
            Goal::Command(job) if job.who == who => {
                ended.push(job.op);
                false
            }
            _ => true,
        });
        let next = walk.goals.first().map(|goal| match goal {
            Goal::Command(job) => job.who,
            // Few, and of this node: they have no caller.
            Goal::Join => Source::Own,
        });
        match next {
            Some(next) if next != who => {
                let before = std::mem::replace(&mut walk.who, next);
                self.load.remove(before, walk.cost);
                self.load.add(next, walk.cost);
            }
            _ => self.drop_walk(number),
        }
        for op in ended {
            self.done(op, Err(Failure::Busy));
        }
    }

    /// The lookup or the get `op`, which [`start_for`](Self::start_for) put into this walk, was
    /// given up. The walk ends if no other command waits for it.
    pub fn abandon(&mut self, number: u64, op: u64) {
        let Some(walk) = self.walks.get_mut(&number) else { return };
        walk.goals.retain(|goal| !matches!(goal, Goal::Command(job) if job.op == op));
        if walk.goals.is_empty() {
            self.drop_walk(number);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_greediest_of_a_class_ends_and_the_other_class_has_room() {
        let mut load = Load::default();
        let client = |number| Source::Client([number; 8]);
        for _ in 0..config::OPERATIONS_REMOTE - 3 {
            load.add(client(1), 1);
        }
        load.add(client(2), 2);
        load.add(Source::Local, 1);
        assert_eq!(load.greediest(client(2)), None);
        (0..3).for_each(|_| load.add(client(3), 1));
        assert_eq!(load.greediest(client(2)), Some((client(1), config::OPERATIONS_ENDED)));
        assert_eq!(load.greediest(Source::Local), None);
        load.remove(client(3), 1);
        assert_eq!(load.greediest(client(2)), None);
        load.add(Source::Local, config::OPERATION_BYTES);
        assert_eq!(load.greediest(Source::Own), Some((Source::Local, 1)));
        load.remove(Source::Own, 1);
        assert_eq!(load.totals[0].count, 2, "who has none");
    }
}
