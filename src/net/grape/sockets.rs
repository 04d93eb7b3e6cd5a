//! The addresses of a node's sockets, and its UDP socket.

use crate::{config, error::Error, grape::Address};
use socket2::{Domain, Protocol, Socket, Type};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, ToSocketAddrs};
use tokio::net::UdpSocket;

/// Whether an address is this machine's: then the system would send from it to itself.
pub(super) fn is_own(ip: [u8; 4]) -> bool {
    let own_end = || -> std::io::Result<IpAddr> {
        let socket = std::net::UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
        // Nothing is sent.
        socket.connect((Ipv4Addr::from(ip), DISCARD))?;
        Ok(socket.local_addr()?.ip())
    };
    own_end().is_ok_and(|end| end == IpAddr::from(ip))
}

/// Any port will do.
const DISCARD: u16 = 9;

/// Why a node cannot use an IPv6 address.
pub(super) const IPV4_ALONE: &str = "since the discovery network has IPv4 alone";

/// An IPv4-mapped IPv6 address as IPv4.
pub(super) fn plain(host: &str) -> String {
    match host.parse::<IpAddr>() {
        Ok(ip) => ip.to_canonical().to_string(),
        Err(_) => host.to_owned(),
    }
}

/// The IPv4 address to bind for a host; for every interface, and for the loopback one, those of
/// IPv4.
pub(super) fn resolve(host: &str) -> Result<Ipv4Addr, Error> {
    match host.parse() {
        Ok(Ipv6Addr::UNSPECIFIED) => return Ok(Ipv4Addr::UNSPECIFIED),
        Ok(Ipv6Addr::LOCALHOST) => return Ok(Ipv4Addr::LOCALHOST),
        _ => {}
    }
    let found = (host, 0).to_socket_addrs().ok();
    let v4 = |address: SocketAddr| match address.ip() {
        IpAddr::V4(ip) => Some(ip),
        IpAddr::V6(_) => None,
    };
    found
        .and_then(|mut found| found.find_map(v4))
        .ok_or_else(|| Error::UnknownHost(host.to_owned()))
}

/// A UDP socket with a large buffer.
pub(super) fn bind(at: SocketAddrV4) -> Result<UdpSocket, Error> {
    let bind = || {
        let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
        // The system may allow less.
        let _ = socket.set_recv_buffer_size(config::grape::RECEIVE_BUFFER);
        socket.set_nonblocking(true)?;
        socket.bind(&SocketAddr::V4(at).into())?;
        UdpSocket::from_std(socket.into())
    };
    bind().map_err(|error| Error::system("bind", error, Some(at.into())))
}

/// An address for the core; the network has IPv4 only.
pub(super) fn compact(address: SocketAddr) -> Option<Address> {
    match address.ip().to_canonical() {
        IpAddr::V4(ip) => Some(Address { ip: ip.octets(), port: address.port() }),
        IpAddr::V6(_) => None,
    }
}
