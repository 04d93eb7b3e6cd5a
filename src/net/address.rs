//! Destinations and listening addresses.

use crate::{config, error::Error};
use socket2::{Domain, Protocol, SockAddr, Socket, Type};
use std::{
    io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, ToSocketAddrs},
};

/// Where a client connects: `host:port`, with an IPv6 host in brackets.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Destination {
    /// Name or address, without brackets.
    pub host: String,
    /// TCP port, not 0.
    pub port: u16,
}

impl Destination {
    /// Parses `host:port`.
    ///
    /// # Errors
    /// [`Error::BadDestination`] for anything else.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let bad = || Error::BadDestination(text.chars().take(100).collect());
        let (host, port) = text.rsplit_once(':').ok_or_else(bad)?;
        // One text per port: otherwise `0080` and `80` would be two destinations.
        let is_plain = port.bytes().all(|b| b.is_ascii_digit()) && !port.starts_with('0');
        let port = is_plain.then(|| port.parse().ok()).flatten().ok_or_else(bad)?;
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        let valid = match bare {
            Some(ip) => ip.parse::<Ipv6Addr>().is_ok(),
            None => {
                (1..=config::HOST_BYTES).contains(&host.len()) && host.bytes().all(is_host_byte)
            }
        };
        if !valid {
            return Err(bad());
        }
        Ok(Self { host: bare.unwrap_or(host).to_owned(), port })
    }
}

fn is_host_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_')
}

/// Where a server listens.
#[derive(Clone, Copy, Debug, Default)]
pub struct Port<'a> {
    /// Name or address; `None` is every interface.
    pub host: Option<&'a str>,
    /// 0 takes any free one.
    pub port: u16,
    /// Other processes that set this too can listen on the same port, and the system distributes
    /// the connections: the workers of a Node cluster.
    pub shared: bool,
}

/// Opens a listener as Node does: without a host on every interface, IPv6 and IPv4 both where the
/// system has IPv6.
///
/// # Errors
/// The system's error, with the requested address.
pub(super) fn listen(at: Port<'_>) -> Result<TcpListener, Error> {
    let Port { host, port, shared } = at;
    let listen_on = |address| {
        bind(address, shared).map_err(|error| Error::system("listen", error, Some(address)))
    };
    let Some(host) = host else {
        let every = SocketAddr::from((Ipv6Addr::UNSPECIFIED, port));
        return match bind(every, shared) {
            Err(error) if no_ipv6(&error) => listen_on((Ipv4Addr::UNSPECIFIED, port).into()),
            result => result.map_err(|error| Error::system("listen", error, Some(every))),
        };
    };
    let address = resolve(host, port).ok_or_else(|| Error::UnknownHost(host.to_owned()))?;
    listen_on(address)
}

/// The first address of the interface `host`, which may be a name; blocks while it is looked up.
pub fn resolve(host: &str, port: u16) -> Option<SocketAddr> {
    (host, port).to_socket_addrs().ok()?.next()
}

fn no_ipv6(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::Unsupported | io::ErrorKind::AddrNotAvailable)
        || error.raw_os_error() == Some(97) // EAFNOSUPPORT on Linux
}

fn bind(address: SocketAddr, shared: bool) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        socket.set_only_v6(false)?;
    }
    // As libuv: a restarted service gets its port back while old connections linger.
    #[cfg(unix)]
    {
        socket.set_reuse_address(true)?;
        socket.set_reuse_port(shared)?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&SockAddr::from(address))?;
    socket.listen(config::LISTEN_BACKLOG)?;
    Ok(socket.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn destinations() {
        let parse = |text: &str| Destination::parse(text).map(|d| (d.host, d.port)).ok();
        assert_eq!(parse("127.0.0.1:80"), Some(("127.0.0.1".into(), 80)));
        assert_eq!(parse("localhost:65535"), Some(("localhost".into(), 65535)));
        assert_eq!(parse("[::1]:80"), Some(("::1".into(), 80)));
        for bad in
            ["", "a", "a:", ":80", "a:0", "a:65536", "a:+1", "a:b", "a b:1", "::1:80", "[x]:1"]
        {
            assert_eq!(parse(bad), None, "{bad}");
        }
        assert!(parse(&format!("{}:1", "a".repeat(253))).is_some());
        assert!(parse(&format!("{}:1", "a".repeat(254))).is_none());
    }

    #[test]
    fn names_and_addresses_of_interfaces_are_resolved() {
        assert_eq!(resolve("127.0.0.1", 1), Some(([127, 0, 0, 1], 1).into()));
        assert_eq!(resolve("::1", 0), Some((Ipv6Addr::LOCALHOST, 0).into()));
        assert!(resolve("localhost", 0).is_some_and(|address| address.ip().is_loopback()));
        assert_eq!(resolve("a name with spaces", 0), None);
    }

    #[test]
    fn a_taken_port_is_refused_with_its_address() {
        let held = listen(Port::default()).unwrap();
        let port = held.local_addr().unwrap().port();
        let error = listen(Port { port, ..Port::default() }).unwrap_err();
        assert_eq!(error.syscall(), Some("listen"));
        assert_eq!(error.address().map(|address| address.port()), Some(port));
        assert!(error.errno().is_some());
    }

    #[test]
    #[cfg(unix)]
    fn a_shared_port_is_shared_with_those_who_share() {
        let shared = |port| listen(Port { port, shared: true, ..Port::default() });
        let first = shared(0).unwrap();
        let port = first.local_addr().unwrap().port();
        shared(port).unwrap();
        assert!(listen(Port { port, ..Port::default() }).is_err());
    }
}
