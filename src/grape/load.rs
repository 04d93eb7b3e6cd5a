//! Memory of the pending commands, by the client that sent them: each has a share, so that one
//! client cannot block the commands of others.

use super::{Source, hash::HashMap};
use crate::config::grape as config;

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
    /// Adds one of `client`, with this many bytes.
    pub fn add(&mut self, client: Source, bytes: usize) {
        for used in [self.of.entry(client).or_default(), &mut self.totals[class(client)]] {
            used.count += 1;
            used.bytes += bytes;
        }
    }

    /// Removes one.
    pub fn remove(&mut self, client: Source, bytes: usize) {
        if let Some(used) = self.of.get_mut(&client) {
            used.count -= 1;
            used.bytes -= bytes;
            if used.count == 0 {
                self.of.remove(&client);
            }
            let total = &mut self.totals[class(client)];
            total.count -= 1;
            total.bytes -= bytes;
        }
    }

    /// If the budget of `client` is exceeded: the client that has most of it, and how many of its
    /// commands are to end.
    pub fn greediest(&self, client: Source) -> Option<(Source, usize)> {
        let class_of = class(client);
        let (total, limit) = (self.totals[class_of], LIMITS[class_of]);
        if total.count <= limit.count && total.bytes <= limit.bytes {
            return None;
        }
        let of = self.of.iter().filter(|(client, _)| class(**client) == class_of);
        let (client, used) = of.max_by_key(|(client, used)| (used.bytes, **client))?;
        Some((*client, (used.count / 2).clamp(1, config::OPERATIONS_ENDED)))
    }
}

fn class(client: Source) -> usize {
    usize::from(!client.is_here())
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
        assert_eq!(load.totals[0].count, 2, "a client that has none");
    }
}
