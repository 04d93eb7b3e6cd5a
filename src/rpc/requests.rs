//! A client's requests on one connection: composing them, also before the connection is open.

use super::{Pending, Resolved, Rid, Unread};
use crate::{
    stats::{Asked, Histogram, Totals},
    ws::{Outbound, Role, TextFrame},
};
use std::mem;

/// A request composed before the handshake was complete.
#[derive(Debug)]
struct Held {
    slot: u32,
    rid: Rid,
    end: usize,
}

/// The id of a request that has none so far.
const NO_ID: Rid = [b'0'; size_of::<Rid>()];

/// A request's text before its id.
const BEFORE_ID: &[u8] = b"[\"";

/// Appends the request with this id; false when `fill` returns false.
#[inline]
fn write(buf: &mut Vec<u8>, rid: &Rid, fill: impl FnOnce(&mut Vec<u8>) -> bool) -> bool {
    buf.extend_from_slice(BEFORE_ID);
    buf.extend_from_slice(rid);
    buf.extend_from_slice(b"\",");
    let filled = fill(buf);
    buf.push(b']');
    filled
}

/// Pending requests, and those queued for the connection.
#[derive(Debug, Default)]
pub struct Requests {
    /// Requests without a reply so far.
    pub pending: Pending,
    held: Option<Vec<Held>>,
    /// Counters of their results; `pending` knows how many are pending.
    asked: Asked,
    latency: Histogram,
    /// The other side drains, and has read this many messages.
    read: Option<u64>,
    /// Requests that it has not read, not yet passed to JavaScript.
    unread: Vec<Unread>,
    /// Other messages were sent besides the requests: so it is unknown which of them were read.
    is_mixed: bool,
}

impl Requests {
    /// For a connection that is not open yet: requests are queued until [`open`](Self::open).
    pub fn held() -> Self {
        Self { held: Some(Vec::new()), ..Self::default() }
    }

    /// Composes the request `["<rid>",<key>,<payload>]` into `out` and adds it as pending. It is
    /// sent `now`, in microseconds, and pending until `deadline`, in milliseconds. `fill` appends
    /// the JSON texts of key and payload with the comma between; when it returns false, nothing is
    /// composed, and this returns false.
    pub fn send(
        &mut self,
        out: &mut Outbound,
        slot: u32,
        now: u64,
        deadline: u64,
        fill: impl FnOnce(&mut Vec<u8>) -> bool,
    ) -> bool {
        let rid = self.pending.insert(slot, now, deadline);
        if !out.text(|buf| write(buf, &rid, fill)) {
            self.pending.cancel(slot);
            return false;
        }
        self.started(slot, rid, out);
        true
    }

    /// The frame of a long request, with any id; `None` when `fill` returns false. See
    /// [`send`](Self::send).
    pub fn compose(role: Role, fill: impl FnOnce(&mut Vec<u8>) -> bool) -> Option<TextFrame> {
        TextFrame::new(role, |buf| write(buf, &NO_ID, fill))
    }

    /// As [`send`](Self::send), for a frame that [`compose`](Self::compose) has made.
    pub fn send_composed(
        &mut self,
        out: &mut Outbound,
        slot: u32,
        now: u64,
        deadline: u64,
        mut frame: TextFrame,
    ) {
        let rid = self.pending.insert(slot, now, deadline);
        frame.set(BEFORE_ID.len(), &rid);
        out.append(frame);
        self.started(slot, rid, out);
    }

    fn started(&mut self, slot: u32, rid: Rid, out: &Outbound) {
        self.asked.started += 1;
        if let Some(held) = &mut self.held {
            held.push(Held { slot, rid, end: out.len() });
        }
    }

    /// A request that its closed connection does not accept any more.
    pub fn refuse(&mut self, slot: u32, deadline: u64) {
        self.asked.started += 1;
        self.asked.broken += 1;
        if self.knows_unread() {
            self.unread.push(Unread { slot, deadline });
        }
    }

    /// The other side has read this many messages, and reads no more. Returns whether this is its
    /// first notice: searching for unread requests has a cost.
    pub fn leave(&mut self, read: u64) -> bool {
        if self.read.is_some() {
            return false;
        }
        self.read = Some(read);
        self.find_unread();
        true
    }

    /// A message other than a request is sent.
    pub fn mix(&mut self) {
        self.is_mixed = true;
    }

    /// Requests that the other side has not read, so that they are not started: those not taken
    /// yet.
    pub fn take_unread(&mut self) -> Vec<Unread> {
        self.find_unread();
        mem::take(&mut self.unread)
    }

    fn knows_unread(&self) -> bool {
        !self.is_mixed && (self.read.is_some() || self.held.is_some())
    }

    /// They count as broken: the connection that sends them again counts them anew.
    fn find_unread(&mut self) {
        if self.knows_unread() {
            let unread = self.pending.take_from(self.read.unwrap_or_default());
            self.asked.broken += unread.len() as u64;
            self.unread.extend(unread);
        }
    }

    /// The slot of the request whose reply arrived `now`, in microseconds; `failed`: with an error.
    pub fn resolve(&mut self, rid: &[u8], now: u64, failed: bool) -> Option<u32> {
        let Resolved { slot, sent } = self.pending.resolve(rid)?;
        self.latency.record(now.saturating_sub(sent));
        self.asked.failed += u64::from(failed);
        Some(slot)
    }

    /// Gives up the request in `slot`; whether there was one.
    pub fn forget(&mut self, slot: u32) -> bool {
        let waited = self.pending.remove(slot);
        self.asked.aborted += u64::from(waited);
        waited
    }

    /// The slots of expired requests, as [`Pending::expire`].
    pub fn expire(&mut self, now: u64) -> Vec<u32> {
        let expired = self.pending.expire(now);
        self.asked.timed_out += expired.len() as u64;
        expired
    }

    /// Ends all requests, as [`Pending::clear`]. Those that were not started can still be
    /// [taken](Self::take_unread).
    pub fn clear(&mut self) {
        self.find_unread();
        self.asked.broken += self.pending.len() as u64;
        self.pending.clear();
    }

    /// None of them was or will be sent: ends all, and drops the content of `out`.
    pub fn withdraw(&mut self, out: &mut Outbound) {
        self.clear();
        out.clear();
        if let Some(held) = &mut self.held {
            held.clear();
        }
    }

    /// Counters and latencies of all requests.
    pub fn totals(&self) -> Totals {
        let asked = Asked { pending: self.pending.len() as u64, ..self.asked };
        Totals { asked, latency: self.latency.clone(), ..Totals::default() }
    }

    /// The handshake is complete: sends the queued requests in `out`, except those that expired or
    /// were given up meanwhile.
    pub fn open(&mut self, out: &mut Outbound) {
        let Some(held) = self.held.take() else { return };
        if held.len() > self.pending.len() {
            let waits = |h: &Held| self.pending.waits(h.slot, &h.rid);
            out.retain(held.iter().map(|h| (h.end, waits(h))));
            let sent: Vec<_> = held.iter().filter(|h| waits(h)).map(|h| h.slot).collect();
            self.pending.renumber(sent.into_iter());
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
        requests.send(&mut out, 0, 0, 1, |buf| {
            buf.extend_from_slice(br#""key",{"a":1}"#);
            true
        });
        let text = texts(&mut out).remove(0);
        assert!(text.starts_with("[\"") && text.ends_with(r#"","key",{"a":1}]"#), "{text}");
        assert_eq!(requests.resolve(&text.as_bytes()[2..38], 1, false), Some(0));
    }

    #[test]
    fn what_expires_before_the_connection_is_open_is_not_sent() {
        let (mut out, mut requests) = (Outbound::new(Role::Client), Requests::held());
        let mut send = |requests: &mut Requests, slot, deadline, payload: &str| {
            requests.send(&mut out, slot, 0, deadline, |buf| {
                buf.extend_from_slice(format!("\"k\",{payload}").as_bytes());
                true
            });
        };
        send(&mut requests, 0, 5, "1");
        send(&mut requests, 1, 90, "2");
        assert_eq!(requests.expire(10), [0]);
        send(&mut requests, 0, 90, "3");
        requests.open(&mut out);
        let sent: Vec<_> = texts(&mut out).iter().map(|text| text[44..45].to_owned()).collect();
        assert_eq!(sent, ["2", "3"]);
    }

    #[test]
    fn what_is_withdrawn_is_not_sent() {
        for is_open in [false, true] {
            let (mut out, mut requests) = (Outbound::new(Role::Client), Requests::held());
            assert!(requests.send(&mut out, 0, 0, 90, |_| true));
            if is_open {
                requests.open(&mut out);
            }
            requests.withdraw(&mut out);
            requests.open(&mut out);
            assert!(texts(&mut out).is_empty() && requests.pending.is_empty());
            assert_eq!(requests.totals().asked.broken, 1);
        }
    }

    fn slots(unread: Vec<Unread>) -> Vec<u32> {
        unread.into_iter().map(|unread| unread.slot).collect()
    }

    #[test]
    fn what_is_not_begun_is_known_once_the_other_side_leaves() {
        let (mut out, mut requests) = (Outbound::new(Role::Client), Requests::held());
        for slot in [0, 1, 2] {
            let deadline = if slot == 0 { 5 } else { 90 };
            assert!(requests.send(&mut out, slot, 0, deadline, |_| true));
        }
        assert_eq!(requests.expire(10), [0]);
        requests.open(&mut out);
        assert!(requests.take_unread().is_empty());
        requests.leave(1);
        // Before JavaScript is notified, and also after the end.
        assert!(requests.send(&mut out, 0, 0, 90, |_| true));
        requests.clear();
        requests.refuse(7, 95);
        assert_eq!(slots(requests.take_unread()), [2, 0, 7]);
        assert!(requests.take_unread().is_empty());
        let Asked { started, broken, timed_out, .. } = requests.totals().asked;
        assert_eq!((started, broken, timed_out), (5, 4, 1));
    }

    #[test]
    fn nothing_of_a_connection_that_was_never_open_is_begun() {
        let (mut out, mut requests) = (Outbound::new(Role::Client), Requests::held());
        requests.send(&mut out, 3, 0, 90, |_| true);
        requests.clear();
        assert_eq!(slots(requests.take_unread()), [3]);
    }

    #[test]
    fn whoever_sends_other_messages_too_does_not_know_what_was_read() {
        let (mut out, mut requests) = (Outbound::new(Role::Client), Requests::default());
        requests.send(&mut out, 3, 0, 90, |_| true);
        requests.mix();
        requests.leave(0);
        assert!(requests.take_unread().is_empty());
        assert_eq!(requests.pending.len(), 1);
    }

    #[test]
    fn all_ends_are_counted() {
        let (mut out, mut requests) = (Outbound::new(Role::Client), Requests::default());
        for slot in 0..6 {
            let deadline = if slot == 2 { 10 } else { 1000 };
            assert!(requests.send(&mut out, slot, 100, deadline, |_| true));
        }
        assert!(!requests.send(&mut out, 6, 100, 1000, |_| false));
        requests.refuse(9, 1000);
        let rids: Vec<_> = (0..5).filter_map(|slot| requests.pending.rid(slot)).collect();
        assert_eq!(requests.resolve(&rids[0], 130, false), Some(0));
        assert_eq!(requests.resolve(&rids[1], 150, true), Some(1));
        assert_eq!(requests.resolve(&rids[1], 160, true), None);
        assert_eq!(requests.expire(10), [2]);
        assert!(requests.forget(5));
        assert!(!requests.forget(5));

        let Totals { asked, latency, .. } = requests.totals();
        let expected =
            Asked { started: 7, failed: 1, timed_out: 1, broken: 1, aborted: 1, pending: 2 };
        assert_eq!(asked, expected);
        assert_eq!((latency.count(), latency.quantile(0.5), latency.max()), (2, 30, 50));

        requests.clear();
        assert_eq!(requests.totals().asked, Asked { broken: 3, pending: 0, ..expected });
    }
}
