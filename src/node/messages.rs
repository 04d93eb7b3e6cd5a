//! Messages that are no requests: single frames, and messages for all subscribers.

use super::core::Core;
use crate::{
    caught::caught,
    net::{Delivery, SlowSubscriber},
    pubsub::Published,
    ws::{FIN, Opcode},
};
use napi::bindgen_prelude::{BufferSlice, Either};
use napi_derive::napi;
use std::sync::Arc;

/// Results of composing a frame: the connection is closed, the frame is queued, or the receiver is
/// so far behind that the service should not reply until the event `room`.
pub(super) const OVER: u32 = 0;
pub(super) const SENT: u32 = 1;
pub(super) const BEHIND: u32 = 2;

/// A subscriber that does not keep up.
#[napi(object)]
pub struct SlowConnection {
    pub conn: u32,
    pub lost: u32,
}

#[napi]
impl Core {
    /// Composes a frame: `first` is its first byte, the opcode and whether it ends the message (RFC
    /// 6455 section 5.2). Returns one of `SENT` of the layout: `OVER` when the connection is closed,
    /// `BEHIND` when its receiver is far behind.
    #[napi(catch_unwind)]
    pub fn send(&self, conn: u32, first: u8, data: Either<String, BufferSlice<'_>>) -> u32 {
        let inner = &self.inner;
        let bytes = match &data {
            Either::A(text) => text.as_bytes(),
            Either::B(bytes) => bytes,
        };
        let sent = inner.with(conn, |entry| {
            let composed = entry.conn.frame(frame_opcode(first), first & FIN != 0, bytes)?;
            let much = composed.waiting > entry.conn.settings().high_water;
            inner.composed(entry, &composed);
            Some(if much && entry.conn.is_behind() { BEHIND } else { SENT })
        });
        sent.flatten().unwrap_or(OVER)
    }

    /// Sends one message to all connections of a server but `except`. Returns those that do not
    /// keep up, each with the number of older messages it lost; with `disconnect` they did not get
    /// the message, lost nothing, and are to be closed.
    #[napi(catch_unwind)]
    pub fn publish(
        &self,
        server: u32,
        opcode: u8,
        data: Either<String, BufferSlice<'_>>,
        disconnect: bool,
        except: Option<Vec<u32>>,
    ) -> Vec<SlowConnection> {
        let inner = &self.inner;
        let mut except = except.unwrap_or_default();
        except.sort_unstable();
        let bytes = match &data {
            Either::A(text) => text.as_bytes(),
            Either::B(bytes) => bytes,
        };
        let message = Arc::new(Published::new(frame_opcode(opcode), bytes));
        let policy = if disconnect { SlowSubscriber::Disconnect } else { SlowSubscriber::Drop };
        let (mut slow, mut delivered, mut missed) = (Vec::new(), 0, 0);
        for (number, entry) in inner.conns.borrow().iter().enumerate() {
            let Some(entry) = entry.as_ref().filter(|entry| entry.server == Some(server)) else {
                continue;
            };
            let conn = number as u32;
            if except.binary_search(&conn).is_ok() {
                continue;
            }
            let delivery =
                caught(|| entry.conn.publish(&message, policy)).unwrap_or_else(|error| {
                    inner.spoil(&entry.conn, error);
                    Delivery::Over
                });
            match delivery {
                Delivery::Composed(composed) => {
                    delivered += 1;
                    inner.published(entry, &composed);
                }
                Delivery::Dropped(lost) => {
                    delivered += 1;
                    missed += lost as u64;
                    slow.push(SlowConnection {
                        conn,
                        lost: u32::try_from(lost).unwrap_or(u32::MAX),
                    });
                }
                Delivery::Behind => {
                    missed += 1;
                    slow.push(SlowConnection { conn, lost: 0 });
                }
                Delivery::Over => {}
            }
        }
        if let Some(counted) = inner.counted(server) {
            counted.published(delivered, missed);
        }
        slow
    }
}

fn frame_opcode(first: u8) -> Opcode {
    const CONTINUATION: u8 = Opcode::Continuation as u8;
    const TEXT: u8 = Opcode::Text as u8;
    const PING: u8 = Opcode::Ping as u8;
    const PONG: u8 = Opcode::Pong as u8;
    match first & !FIN {
        CONTINUATION => Opcode::Continuation,
        TEXT => Opcode::Text,
        PING => Opcode::Ping,
        PONG => Opcode::Pong,
        _ => Opcode::Binary,
    }
}
