//! Options of a node.

use super::Id;
use crate::config::grape as config;

/// Options of a [`Core`](super::Core).
#[derive(Clone, Debug)]
pub struct Options {
    /// The node's id. Defaults to a random one.
    pub id: Option<Id>,
    /// The address under which the node itself stores announces of its machine, besides sending
    /// them to others. Defaults to none: then it keeps them for this machine alone.
    pub host: Option<[u8; 4]>,
    /// Whether an IPv4 address is this machine's own. Defaults to none.
    pub is_own: fn([u8; 4]) -> bool,
    /// UDP port of the node, announced for a service with port 0.
    pub port: u16,
    /// Names whose nodes are remembered. Defaults to [`config::TABLES`].
    pub max_tables: usize,
    /// Stored values of others, and as many of this machine. Defaults to [`config::VALUES_KEPT`].
    pub max_values: usize,
    /// Queries that one lookup has in flight. Defaults to [`config::CONCURRENCY`].
    pub concurrency: usize,
    /// A node not seen for this many ms is pinged. Defaults to [`config::LIVENESS_MS`].
    pub liveness: u64,
    /// Announced addresses expire after about this many ms. Defaults to [`config::PEER_AGE_MS`].
    pub peer_age: u64,
    /// Queries per second that one address may send, and a [`config::RATE_LOOPBACK`]th of those of
    /// this machine. Defaults to [`config::RATE`].
    pub rate: u32,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            id: None,
            host: None,
            is_own: |_| false,
            port: 0,
            max_tables: config::TABLES,
            max_values: config::VALUES_KEPT,
            concurrency: config::CONCURRENCY,
            liveness: config::LIVENESS_MS,
            peer_age: config::PEER_AGE_MS,
            rate: config::RATE,
        }
    }
}
