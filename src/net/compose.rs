//! What a connection is to send: requests, replies, published messages and other frames, in the
//! order in which they were composed.

use super::{
    conn::{Conn, Half, Phase},
    hub::milliseconds,
};
use crate::{config, pubsub::Published, ws::Opcode};
use std::{mem, sync::Arc};

/// What is done with a subscriber that does not keep up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SlowSubscriber {
    /// Its connection is to be ended.
    Disconnect,
    /// It loses the oldest messages that wait for it.
    Drop,
}

/// What became of a published message.
#[derive(Debug)]
pub enum Delivery {
    /// It goes out.
    Composed(Composed),
    /// It waits, and so many older ones are lost.
    Dropped(usize),
    /// The subscriber is too far behind and did not get it.
    Behind,
    /// The connection is over.
    Over,
}

/// What a caller has to see to after composing.
#[derive(Debug)]
pub struct Composed {
    /// Bytes that wait to be written.
    pub waiting: usize,
    /// A deadline before all that the driver knows of.
    pub deadline: Option<u64>,
    /// Its connection was not listed, and is for whoever gets this: see [`Conn::flush_listed`].
    pub first: bool,
}

impl Composed {
    /// Of a connection whose half is this.
    fn of(half: &mut Half) -> Self {
        let first = !mem::replace(&mut half.listed, true);
        Self { waiting: half.out.len(), deadline: None, first }
    }
}

/// The first whole millisecond that is `timeout` ms after `now`, which is in microseconds: nothing
/// expires before its time.
fn deadline(now: u64, timeout: u64) -> u64 {
    milliseconds(now + 999) + timeout
}

impl Conn {
    /// Composes a request that fails `timeout` ms after `now`, which is in microseconds; see
    /// [`Requests::send`]. `None` when the connection is over and the request goes with it, or when
    /// there is none.
    pub fn request(
        &self,
        slot: u32,
        now: u64,
        timeout: u64,
        fill: impl FnOnce(&mut Vec<u8>) -> bool,
    ) -> Option<Composed> {
        let deadline = deadline(now, timeout.min(config::MAX_TIMEOUT_MS));
        let mut half = self.lock();
        if !half.accepts() || slot >= config::MAX_SLOTS {
            half.requests.refuse(slot, deadline);
            return None;
        }
        let Half { requests, out, .. } = &mut *half;
        if !requests.send(out, slot, now, deadline, fill) {
            return None;
        }
        let earlier = deadline < half.armed;
        if earlier {
            half.armed = deadline;
            self.signal();
        }
        Some(Composed { deadline: earlier.then_some(deadline), ..Composed::of(&mut half) })
    }

    /// The requests that wait for the connection are to wait for [`send_held_back`](Self::send_held_back), too.
    pub fn hold_back(&self) {
        let mut half = self.lock();
        if half.phase == Phase::Connecting {
            half.held_back = Some(Vec::new());
        }
    }

    /// Lets them go, behind what was composed since the connection is open.
    pub fn send_held_back(&self) -> Option<Composed> {
        let mut half = self.lock();
        let held_back = half.held_back.take()?;
        if !half.accepts() {
            return None;
        }
        half.out.raw(&held_back);
        Some(Composed::of(&mut half))
    }

    /// Composes any frame; without `fin` more of its message follows. `None` when the connection is
    /// over.
    pub fn frame(&self, opcode: Opcode, fin: bool, payload: &[u8]) -> Option<Composed> {
        let mut half = self.lock();
        if !half.accepts() {
            return None;
        }
        half.take_in(usize::MAX);
        if !opcode.is_control() {
            half.requests.mix();
        }
        half.out.part(opcode, fin, payload);
        Some(Composed::of(&mut half))
    }

    /// Adds a published message. A subscriber that is too far behind gets nothing any more, or
    /// loses its oldest messages, as `policy` says.
    pub fn publish(&self, message: &Arc<Published>, policy: SlowSubscriber) -> Delivery {
        let mut half = self.lock();
        if !half.accepts() {
            return Delivery::Over;
        }
        let Half { out, backlog, .. } = &mut *half;
        let len = message.frame().len();
        let own = out.is_empty() || out.len() + len <= config::SUBSCRIBER_OWN_BYTES;
        if own && backlog.is_empty() {
            out.raw(message.frame());
            return Delivery::Composed(Composed::of(&mut half));
        }
        let limit = self.settings().high_water.saturating_sub(out.len());
        let lost = match policy {
            SlowSubscriber::Disconnect if backlog.held() > limit => return Delivery::Behind,
            SlowSubscriber::Disconnect => 0,
            SlowSubscriber::Drop => backlog.shorten(limit),
        };
        backlog.push(message.clone());
        match lost {
            0 => Delivery::Composed(Composed::of(&mut half)),
            lost => Delivery::Dropped(lost),
        }
    }

    /// Composes a text frame; see [`Outbound::text`]. `None` when the connection is over, or there
    /// is none.
    pub fn text(&self, fill: impl FnOnce(&mut Vec<u8>) -> bool) -> Option<Composed> {
        let mut half = self.lock();
        half.text(fill).then(|| Composed::of(&mut half))
    }

    /// The same for a driver, which writes it by itself.
    pub(super) fn own_text(&self, fill: impl FnOnce(&mut Vec<u8>) -> bool) -> bool {
        self.lock().text(fill)
    }
}

impl Half {
    fn text(&mut self, fill: impl FnOnce(&mut Vec<u8>) -> bool) -> bool {
        self.take_in(usize::MAX);
        self.accepts() && self.out.text(fill)
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
