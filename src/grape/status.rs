//! A node's status.

use super::{Counters, directory::Directory, join::Membership, listing::Row, network::Network};
use crate::config::grape as config;
use serde::Serialize;

/// A node's view of itself and of the network.
#[derive(Clone, Debug, Serialize)]
pub struct Status {
    /// Its id.
    pub id: String,
    /// Seconds since it started.
    pub uptime: u64,
    /// Whether the first walk is done.
    pub ready: bool,
    /// No nodes are known although there are bootstrap nodes.
    pub isolated: bool,
    /// Number of known nodes.
    pub known_nodes: usize,
    /// Known nodes: address, id, seconds since last seen.
    pub nodes: Vec<(String, String, u64)>,
    /// Known nodes missing in that list.
    pub nodes_left_out: usize,
    /// Number of announced names.
    pub names: usize,
    /// Number of announced addresses.
    pub addresses: usize,
    /// All announced addresses, in turn one of each announcing client.
    #[serde(skip)]
    pub rows: Vec<Row>,
    /// Number of stored values.
    pub values: usize,
    /// Pending queries.
    pub in_flight: usize,
    /// The counters.
    pub counters: Counters,
}

impl Status {
    /// Of a node that was started at `started`. Services are pages of their own, see
    /// [`super::listing`].
    pub(super) fn new(
        network: &Network,
        membership: &Membership,
        directory: &Directory,
        started: u64,
        now: u64,
    ) -> Self {
        let seconds = |at: u64| now.saturating_sub(at) / 1_000;
        let known_nodes = network.known_nodes();
        let nodes: Vec<_> = network
            .contacts()
            .take(config::STATUS_ROWS)
            .map(|node| (node.address.to_string(), node.id.to_string(), seconds(node.seen)))
            .collect();
        let services = directory.services(now);
        Self {
            id: network.id().to_string(),
            uptime: seconds(started),
            ready: membership.is_ready(),
            isolated: membership.is_isolated(known_nodes),
            known_nodes,
            nodes_left_out: known_nodes.saturating_sub(nodes.len()),
            nodes,
            names: services.names,
            addresses: services.addresses,
            rows: services.rows,
            values: directory.values(),
            in_flight: network.in_flight(),
            counters: network.counters().clone(),
        }
    }
}
