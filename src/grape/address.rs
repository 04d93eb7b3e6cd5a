//! IPv4 addresses with a port, in the network's six-byte form.

use std::{
    fmt,
    hash::{Hash, Hasher},
};

/// Address of a node or a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Address {
    /// IPv4 address.
    pub ip: [u8; 4],
    /// Port; 0 is no port.
    pub port: u16,
}

impl Address {
    /// Bytes of an address on the wire.
    pub const BYTES: usize = 6;

    /// The six bytes.
    pub fn compact(self) -> [u8; Self::BYTES] {
        let [a, b, c, d] = self.ip;
        let [high, low] = self.port.to_be_bytes();
        [a, b, c, d, high, low]
    }

    /// Reads six bytes; `None` for another length, and for addresses that are not [one
    /// host's](Self::is_one).
    pub fn from_compact(bytes: &[u8]) -> Option<Self> {
        let &[a, b, c, d, high, low] = bytes else { return None };
        let port = u16::from_be_bytes([high, low]);
        Some(Self { ip: [a, b, c, d], port }).filter(|address| address.is_one())
    }

    /// Reads a host in dotted decimal; `None` for another notation, and for addresses that are not
    /// [one host's](Self::is_one).
    pub fn from_host(host: &str, port: u16) -> Option<Self> {
        let octets: Option<Vec<u8>> = host.split('.').map(octet).collect();
        let ip = octets?.try_into().ok()?;
        Some(Self { ip, port }).filter(|address| address.is_one())
    }

    /// Whether it is a loopback address: no other machine can send from one.
    pub fn is_loopback(self) -> bool {
        is_loopback(self.ip)
    }

    /// Whether one node or service can have it: no multicast, broadcast or unspecified address.
    pub fn is_one(self) -> bool {
        self.port > 0 && !matches!(self.ip[0], 0 | 224..)
    }

    /// The unit that shares are given to: the host with any port. On the loopback address each port
    /// is a unit of its own, since a whole network may run on one machine.
    pub fn group(self) -> Self {
        if self.is_loopback() { self } else { Self { port: 0, ..self } }
    }
}

/// A decimal number up to 255; not octal, as some programs read a leading zero.
fn octet(text: &str) -> Option<u8> {
    let is_plain =
        text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    if is_plain { text.parse().ok() } else { None }
}

/// Whether `ip` is a loopback address.
pub fn is_loopback(ip: [u8; 4]) -> bool {
    ip[0] == 127
}

impl Hash for Address {
    /// As one number: these maps are used for every datagram.
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(u64::from(u32::from_be_bytes(self.ip)) << 16 | u64::from(self.port));
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d] = self.ip;
        write!(f, "{a}.{b}.{c}.{d}:{}", self.port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_one_group_but_for_this_machine() {
        let at = |ip, port| Address { ip, port };
        assert_eq!(at([10, 0, 0, 1], 5).group(), at([10, 0, 0, 1], 6).group());
        assert_ne!(at([10, 0, 0, 1], 5).group(), at([10, 0, 0, 2], 5).group());
        assert_ne!(at([127, 0, 0, 1], 5).group(), at([127, 0, 0, 1], 6).group());
    }

    #[test]
    fn some_addresses_are_nobodys() {
        for ip in [[0; 4], [0, 1, 2, 3], [224, 0, 0, 1], [239; 4], [240, 0, 0, 1], [255; 4]] {
            assert!(!Address { ip, port: 1 }.is_one(), "{ip:?}");
        }
        for ip in [[1; 4], [10, 0, 0, 1], [127, 0, 0, 1], [192, 168, 0, 255], [223; 4]] {
            assert!(Address { ip, port: 1 }.is_one(), "{ip:?}");
        }
        assert!(!Address { ip: [10, 0, 0, 1], port: 0 }.is_one());
    }

    #[test]
    fn a_host_is_read_in_dotted_decimal_only() {
        let read = |host| Address::from_host(host, 1).map(|address| address.ip);
        assert_eq!(read("10.0.0.255"), Some([10, 0, 0, 255]));
        for bad in [
            "",
            "10.0.0",
            "10.0.0.1.1",
            "10.0.0.256",
            "10.0.0.01",
            "10.0.0.+1",
            "10.0.0.",
            "a.b.c.d",
            "224.0.0.1",
        ] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }

    #[test]
    fn six_bytes_and_back() {
        let address = Address { ip: [127, 0, 0, 1], port: 20_001 };
        assert_eq!(address.to_string(), "127.0.0.1:20001");
        assert_eq!(address.compact(), [127, 0, 0, 1, 0x4e, 0x21]);
        assert_eq!(Address::from_compact(&address.compact()), Some(address));
        for bad in [&[][..], &[1, 2, 3, 4, 5], &[1, 2, 3, 4, 0, 0], &[0; 7], &[224, 0, 0, 1, 0, 1]]
        {
            assert_eq!(Address::from_compact(bad), None);
        }
    }
}
