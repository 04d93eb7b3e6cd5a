//! The requests of a client's connection: composing them, taking them back, and their deadlines.

use super::{
    compose::Composed,
    conn::Conn,
    half::{Half, Phase},
};
use crate::{
    config,
    net::hub::milliseconds,
    rpc::{Event, Requests, Rid, Unread},
    ws::{Outbound, TextFrame},
};

/// The first whole millisecond at least `timeout` ms after `now`, which is in microseconds: nothing
/// expires early.
fn deadline(now: u64, timeout: u64) -> u64 {
    milliseconds(now + 999) + timeout
}

impl Conn {
    /// Composes a request that fails `timeout` ms after `now`, which is in microseconds; see
    /// [`Requests::send`](crate::rpc::Requests::send). `None` when the connection is closed, which
    /// fails the request too, or when `fill` composed none.
    pub fn request(
        &self,
        slot: u32,
        now: u64,
        timeout: u64,
        fill: impl FnOnce(&mut Vec<u8>) -> bool,
    ) -> Option<Composed> {
        self.send_request(slot, now, timeout, |requests, out, deadline| {
            requests.send(out, slot, now, deadline, fill)
        })
    }

    /// The frame of a long request, which is composed without the lock; see
    /// [`request`](Self::request).
    pub fn compose_request(&self, fill: impl FnOnce(&mut Vec<u8>) -> bool) -> Option<TextFrame> {
        Requests::compose(self.role(), fill)
    }

    /// As [`request`](Self::request), for a frame of [`compose_request`](Self::compose_request).
    pub fn request_composed(
        &self,
        slot: u32,
        now: u64,
        timeout: u64,
        frame: TextFrame,
    ) -> Option<Composed> {
        self.send_request(slot, now, timeout, |requests, out, deadline| {
            requests.send_composed(out, slot, now, deadline, frame);
            true
        })
    }

    #[inline]
    fn send_request(
        &self,
        slot: u32,
        now: u64,
        timeout: u64,
        send: impl FnOnce(&mut Requests, &mut Outbound, u64) -> bool,
    ) -> Option<Composed> {
        let deadline = deadline(now, timeout.min(config::MAX_TIMEOUT_MS));
        let mut half = self.lock();
        if !half.accepts() || slot >= config::MAX_SLOTS {
            half.requests.refuse(slot, deadline);
            return None;
        }
        let Half { requests, out, .. } = &mut *half;
        if !send(requests, out, deadline) {
            return None;
        }
        let earlier = deadline < half.armed;
        let mut composed = Composed::of(&mut half);
        if earlier {
            half.armed = deadline;
            composed.deadline = Some(deadline);
            drop(half);
            self.signal();
        }
        Some(composed)
    }

    /// Makes the requests that are queued for the connection wait for
    /// [`send_held_back`](Self::send_held_back) as well.
    pub fn hold_back(&self) {
        let mut half = self.lock();
        if half.phase == Phase::Connecting {
            half.held_back = Some(Vec::new());
        }
    }

    /// Sends them, behind output composed since the connection opened.
    pub fn send_held_back(&self) -> Option<Composed> {
        let mut half = self.lock();
        let held_back = half.held_back.take()?;
        if !half.accepts() {
            return None;
        }
        half.out.raw(&held_back);
        Some(Composed::of(&mut half))
    }

    /// The id of the pending request in `slot`.
    pub fn rid(&self, slot: u32) -> Option<Rid> {
        self.lock().requests.pending.rid(slot)
    }

    /// Gives up the request in `slot`. False: it is no longer pending, and JavaScript has been or
    /// will be notified.
    pub fn forget(&self, slot: u32) -> bool {
        self.lock().requests.forget(slot)
    }

    /// Abandons all pending requests: replies are dropped.
    pub fn abandon(&self) {
        self.lock().requests.clear();
    }

    /// Drops the requests of a client's connection, if nothing was sent. False: something was.
    pub fn withdraw(&self) -> bool {
        // A concurrent write may not have counted its bytes yet.
        let mut half = self.lock_between_writes();
        if half.bytes_out > 0 {
            return false;
        }
        let Half { requests, out, held_back, .. } = &mut *half;
        requests.withdraw(out);
        *held_back = None;
        true
    }

    /// Requests that the server has not read, with the ms left for each; see
    /// [`Requests::take_unread`](crate::rpc::Requests::take_unread).
    pub fn take_unread(&self) -> Vec<Unread> {
        let now = self.hub.now();
        let unread = self.lock().requests.take_unread();
        unread
            .into_iter()
            .map(|u| Unread { deadline: u.deadline.saturating_sub(now), ..u })
            .collect()
    }

    /// Fails the requests whose deadline has passed; returns when to check again.
    pub fn expire(&self) -> u64 {
        let mut half = self.lock();
        let now = self.hub.now();
        let slots = half.requests.expire(now);
        // A service that sends other replies, or a ping, is alive.
        let since = milliseconds(half.requests.pending.expired_since());
        let silent_for =
            if self.liveness.received_at() <= since { now.saturating_sub(since) } else { 0 };
        let check_at = half.requests.pending.check_at();
        half.armed = check_at;
        if !slots.is_empty() {
            self.emit(half, Event::Expired { conn: self.number, slots, silent_for });
        }
        check_at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_is_never_before_its_time() {
        for now in [0, 1, 999, 1000, 1001, 10_900, 123_456_789] {
            let late = deadline(now, 100) * 1000 - (now + 100_000);
            assert!(late < 1000, "{now}: {late}");
        }
        assert_eq!(deadline(10_900, 100), 111);
        assert_eq!(deadline(11_000, 0), 11);
    }
}
