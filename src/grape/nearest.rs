//! The nodes near each name that a walk found: they accept announces without another walk, as long
//! as their tokens are valid.

use super::{Generations, Holder};
use crate::config::grape as config;

/// The nodes near one name.
#[derive(Debug)]
struct Nodes {
    holders: Vec<Holder>,
    /// When the walk ended.
    at: u64,
    announced: Vec<Announced>,
}

/// An announce that the nodes accepted.
#[derive(Debug)]
struct Announced {
    port: u16,
    at: u64,
    /// How many nodes accepted it.
    nodes: usize,
}

/// The nodes near the names of the latest walks.
#[derive(Debug)]
pub(super) struct Nearest {
    names: Generations<Vec<u8>, Nodes>,
    /// How long a result is shared with an equal command, in ms.
    shared_ms: u64,
}

impl Nearest {
    /// Keeps the nodes of `size` names per generation. Announced addresses expire after `peer_age`
    /// ms.
    pub fn new(size: usize, peer_age: u64, now: u64) -> Self {
        Self {
            names: Generations::new(size, config::TABLES_BYTES, None, now),
            shared_ms: config::SAME_MS.min(peer_age / config::SAME_OF_AGE),
        }
    }

    /// Remembers the nodes that a walk to `key` found, if any.
    pub fn insert(&mut self, key: &[u8], holders: Vec<Holder>, now: u64) {
        if !holders.is_empty() {
            let tokens: usize =
                holders.iter().map(|holder| config::HOLDER_COST + holder.token.len()).sum();
            let nodes = Nodes { holders, at: now, announced: Vec::new() };
            self.names.insert(key.to_vec(), nodes, config::TABLE_COST + key.len() + tokens);
        }
    }

    /// Forgets the nodes near `key`.
    pub fn remove(&mut self, key: &[u8]) {
        self.names.remove(key);
    }

    /// The nodes near `key`, if their tokens are still valid.
    pub fn holders(&self, key: &[u8], now: u64) -> Option<&[Holder]> {
        let valid_since = now.saturating_sub(config::TABLE_AGE_MS);
        let nodes = self.names.get(key).filter(|nodes| nodes.at >= valid_since);
        nodes.map(|nodes| &nodes.holders[..])
    }

    /// Whether a walk to `key` ended so recently that an equal lookup shares its result.
    pub fn is_recent(&self, key: &[u8], now: u64) -> bool {
        self.names.get(key).is_some_and(|nodes| nodes.at > self.shared_since(now))
    }

    /// How many nodes accepted an equal announce, if that was so recent that its result is shared.
    pub fn announced(&self, key: &[u8], port: u16, now: u64) -> Option<usize> {
        let since = self.shared_since(now);
        let mut announced = self.names.get(key)?.announced.iter();
        announced.find(|known| known.port == port && known.at > since).map(|known| known.nodes)
    }

    /// Remembers that `nodes` accepted an announce of this port.
    pub fn add_announce(&mut self, key: &[u8], port: u16, nodes: usize, now: u64) {
        if let Some(known) = self.without_announce(key, port, now)
            && nodes > 0
            && known.announced.len() < config::SAME_PORTS
        {
            known.announced.push(Announced { port, at: now, nodes });
        }
    }

    /// Forgets the announce of this port.
    pub fn remove_announce(&mut self, key: &[u8], port: u16, now: u64) {
        self.without_announce(key, port, now);
    }

    fn without_announce(&mut self, key: &[u8], port: u16, now: u64) -> Option<&mut Nodes> {
        let since = self.shared_since(now);
        let nodes = self.names.get_mut(key)?;
        nodes.announced.retain(|known| known.port != port && known.at > since);
        Some(nodes)
    }

    /// Older results are not shared.
    fn shared_since(&self, now: u64) -> u64 {
        now.saturating_sub(self.shared_ms)
    }
}
