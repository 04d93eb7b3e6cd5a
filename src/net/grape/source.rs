//! Where connections to the API come from.

use crate::{config::grape as config, grape};
use std::net::{IpAddr, Ipv6Addr};

/// Sources of connections, each with its share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Source {
    /// This machine, with any of its addresses.
    Loopback,
    V4([u8; 4]),
    /// A 64-bit network, which may belong to one machine.
    V6([u8; 8]),
}

impl Source {
    /// The source of connections from there.
    pub fn of(ip: IpAddr) -> Self {
        match ip.to_canonical() {
            ip if ip.is_loopback() => Self::Loopback,
            IpAddr::V4(ip) => Self::V4(ip.octets()),
            IpAddr::V6(ip) => Self::V6(half(ip)),
        }
    }

    /// Most connections that it may have.
    pub fn share(self) -> usize {
        match self {
            Self::Loopback => config::API_LOOPBACK_CONNECTIONS,
            Self::V4(_) | Self::V6(_) => config::API_SOURCE_CONNECTIONS,
        }
    }

    /// The same source in the node's terms.
    pub fn client(self) -> grape::Source {
        match self {
            Self::Loopback => grape::Source::Local,
            // No network is `::/64`.
            Self::V4([a, b, c, d]) => grape::Source::Client([0, 0, 0, 0, a, b, c, d]),
            Self::V6(network) => grape::Source::Client(network),
        }
    }
}

fn half(ip: Ipv6Addr) -> [u8; 8] {
    let [a, b, c, d, e, f, g, h, ..] = ip.octets();
    [a, b, c, d, e, f, g, h]
}
