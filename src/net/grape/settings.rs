//! The settings of a node with sockets.

use crate::grape::Options;
use std::{path::PathBuf, time::Duration};

/// Addresses and files of a node.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Options of the node itself.
    pub core: Options,
    /// Name or address that both sockets are bound to. Defaults to every interface.
    pub host: Option<String>,
    /// UDP port; 0 takes any free one.
    pub dht_port: u16,
    /// TCP port; 0 takes any free one.
    pub api_port: u16,
    /// Names of the API besides `host`, `localhost` and its addresses, for browsers.
    pub api_hosts: Vec<String>,
    /// Bootstrap nodes, as `host:port`.
    pub bootstrap: Vec<String>,
    /// Largest body of an API request, in bytes.
    pub body_limit: usize,
    /// File for known nodes and the id.
    pub state: Option<PathBuf>,
    /// How long after the start a lookup waits for an announce, instead of finding nothing: for a
    /// node that replaces one that has ended.
    pub grace: Duration,
}
