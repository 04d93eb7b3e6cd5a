//! The message of a draining server to its clients: how many of a connection's messages it has
//! read. It reads no more, so later requests have not been started and can be sent to another
//! server.
//!
//! It is the payload of a ping, which any client answers with a pong and otherwise ignores.

/// Close reason of a server with too many connections (1013 "try again later" of IANA's registry of
/// close codes): it has read nothing.
pub const NOTHING_READ: &str = "nothing was read";

/// Prefix of such a payload; the number follows, in decimal digits.
const LEAVING: &[u8] = b"grenache drain ";

/// The payload of a server that has read this many messages of a connection, and reads no more.
pub fn leaving(read: u64) -> Vec<u8> {
    let mut payload = LEAVING.to_vec();
    payload.extend_from_slice(itoa::Buffer::new().format(read).as_bytes());
    payload
}

/// The number of messages that the sender of this ping has read; `None` for any other ping.
pub fn read_before_leaving(payload: &[u8]) -> Option<u64> {
    let digits = payload.strip_prefix(LEAVING)?;
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(digits).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_is_read() {
        for read in [0, 1, 40_000, u64::MAX] {
            assert_eq!(read_before_leaving(&leaving(read)), Some(read));
        }
    }

    #[test]
    fn other_pings_are_none() {
        let others: [&[u8]; 7] = [
            b"",
            b"grenache drain",
            b"grenache drain ",
            b"grenache drain +1",
            b"grenache drain 1 ",
            b"Grenache drain 1",
            b"grenache drain 18446744073709551616",
        ];
        for other in others {
            assert_eq!(read_before_leaving(other), None);
        }
    }
}
