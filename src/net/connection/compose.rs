//! Output of a connection: requests, replies, published messages and other frames, in the order in
//! which they were composed.

use super::{conn::Conn, half::Half};
use crate::{
    config,
    pubsub::Published,
    ws::{Opcode, TextFrame},
};
use std::{mem, sync::Arc};

/// Policy for a subscriber that does not keep up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SlowSubscriber {
    /// Its connection is to be closed.
    Disconnect,
    /// Its oldest queued messages are dropped.
    Drop,
}

/// Result of publishing a message to one subscriber.
#[derive(Debug)]
pub enum Delivery {
    /// It is sent.
    Composed(Composed),
    /// It is queued, and this many older ones were dropped.
    Dropped(usize),
    /// The subscriber is too far behind; the message was not queued.
    Behind,
    /// The connection is closed.
    Over,
}

/// The caller's tasks after composing.
#[derive(Debug)]
pub struct Composed {
    /// Bytes of buffered output.
    pub waiting: usize,
    /// A deadline earlier than all that the driver knows of.
    pub deadline: Option<u64>,
    /// The connection was not listed; the caller has to list or write it: see
    /// [`Conn::flush_listed`].
    pub first: bool,
}

impl Composed {
    /// For the connection with this half.
    pub(super) fn of(half: &mut Half) -> Self {
        let first = !mem::replace(&mut half.listed, true);
        Self { waiting: half.out.len(), deadline: None, first }
    }
}

impl Conn {
    /// Composes any frame; without `fin` more of its message follows. `None` when the connection is
    /// closed.
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

    /// Adds a published message. A subscriber that is too far behind gets no more, or loses its
    /// oldest messages, depending on `policy`.
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

    /// Composes a text frame; see [`Outbound::text`](crate::ws::Outbound::text). `None` when the
    /// connection is closed, or `fill` composed none.
    pub fn text(&self, fill: impl FnOnce(&mut Vec<u8>) -> bool) -> Option<Composed> {
        let mut half = self.lock();
        half.text(fill).then(|| Composed::of(&mut half))
    }

    /// A long text frame, which is composed without the lock; `None` when `fill` returns false.
    pub fn compose_long(&self, fill: impl FnOnce(&mut Vec<u8>) -> bool) -> Option<TextFrame> {
        TextFrame::new(self.role(), fill)
    }

    /// As [`text`](Self::text), for a frame of [`compose_long`](Self::compose_long).
    pub fn long(&self, frame: TextFrame) -> Option<Composed> {
        let mut half = self.lock();
        half.take_in(usize::MAX);
        if !half.accepts() {
            return None;
        }
        half.out.append(frame);
        Some(Composed::of(&mut half))
    }

    /// As [`text`](Self::text), for a driver, which writes by itself.
    pub(super) fn compose_text(&self, fill: impl FnOnce(&mut Vec<u8>) -> bool) -> bool {
        self.lock().text(fill)
    }
}

impl Half {
    fn text(&mut self, fill: impl FnOnce(&mut Vec<u8>) -> bool) -> bool {
        self.take_in(usize::MAX);
        self.accepts() && self.out.text(fill)
    }
}
