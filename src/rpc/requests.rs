//! A client's requests on one connection: composing them, also before the connection is open.

use super::{Pending, Rid};
use crate::ws::Outbound;

/// A request composed before the handshake was done.
#[derive(Debug)]
struct Held {
    slot: u32,
    rid: Rid,
    end: usize,
}

/// Requests that wait for a reply, and those that wait for the connection.
#[derive(Debug, Default)]
pub struct Requests {
    /// Requests without a reply so far.
    pub pending: Pending,
    held: Option<Vec<Held>>,
}

impl Requests {
    /// For a connection that is not open yet: requests are held until [`open`](Self::open).
    pub fn held() -> Self {
        Self { held: Some(Vec::new()), ..Self::default() }
    }

    /// Composes the request `["<rid>",<key>,<payload>]` into `out` and starts its wait. `fill`
    /// appends the JSON texts of key and payload with the comma between; when it returns false
    /// there is no request, and so this returns.
    pub fn send(
        &mut self,
        out: &mut Outbound,
        slot: u32,
        deadline: u64,
        fill: impl FnOnce(&mut Vec<u8>) -> bool,
    ) -> bool {
        let rid = self.pending.insert(slot, deadline);
        let sent = out.text(|buf| {
            buf.extend_from_slice(b"[\"");
            buf.extend_from_slice(&rid);
            buf.extend_from_slice(b"\",");
            let filled = fill(buf);
            buf.push(b']');
            filled
        });
        if !sent {
            self.pending.remove(slot);
        } else if let Some(held) = &mut self.held {
            held.push(Held { slot, rid, end: out.len() });
        }
        sent
    }

    /// The handshake is done: what is held in `out` may go, without the requests that expired or
    /// were given up meanwhile.
    pub fn open(&mut self, out: &mut Outbound) {
        let Some(held) = self.held.take() else { return };
        if held.len() > self.pending.len() {
            out.retain(held.iter().map(|h| (h.end, self.pending.waits(h.slot, &h.rid))));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ws::{Inbound, Incoming, Role};

    fn texts(out: &mut Outbound) -> Vec<String> {
        let mut got = Vec::new();
        let mut bytes = out.take_all().unwrap_or_default();
        Inbound::new(Role::Server, usize::MAX)
            .receive(&mut bytes, &mut Vec::new(), |message| match message {
                Incoming::Text(text) => got.push(text.to_owned()),
                _ => panic!(),
            })
            .unwrap();
        got
    }

    #[test]
    fn a_request_is_what_the_wire_wants() {
        let (mut out, mut requests) = (Outbound::new(Role::Client), Requests::default());
        requests.send(&mut out, 0, 1, |buf| {
            buf.extend_from_slice(br#""key",{"a":1}"#);
            true
        });
        let text = texts(&mut out).remove(0);
        assert!(text.starts_with("[\"") && text.ends_with(r#"","key",{"a":1}]"#), "{text}");
        assert_eq!(requests.pending.resolve(&text.as_bytes()[2..38]), Some(0));
    }

    #[test]
    fn what_expires_before_the_connection_is_open_is_not_sent() {
        let (mut out, mut requests) = (Outbound::new(Role::Client), Requests::held());
        let mut send = |requests: &mut Requests, slot, deadline, payload: &str| {
            requests.send(&mut out, slot, deadline, |buf| {
                buf.extend_from_slice(format!("\"k\",{payload}").as_bytes());
                true
            });
        };
        send(&mut requests, 0, 5, "1");
        send(&mut requests, 1, 90, "2");
        assert_eq!(requests.pending.expire(10), [0]);
        send(&mut requests, 0, 90, "3");
        requests.open(&mut out);
        let sent: Vec<_> = texts(&mut out).iter().map(|text| text[44..45].to_owned()).collect();
        assert_eq!(sent, ["2", "3"]);
    }
}
