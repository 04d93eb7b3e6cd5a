//! The life of a connection from its handshake to its close.

use super::{
    conn::Conn,
    ended::Ended,
    half::{Half, Phase},
    writer::Writer,
};
use crate::{
    config,
    error::Error,
    net::{
        budget::{Holder, Share},
        settings::Lanes,
    },
    pubsub::Backlog,
};
use std::time::Instant;

impl Conn {
    /// Attaches the connected socket. `handshake` is a server's response, held until
    /// [`open`](Self::open).
    pub(in crate::net) fn attach(&self, writer: Writer, handshake: &[u8]) {
        let mut half = self.lock();
        half.writer = Some(writer);
        half.out.raw(handshake);
    }

    /// Allows frames, unless the connection was closed meanwhile. A server's connection is opened
    /// by the JavaScript thread once it knows of it, so that no request comes earlier.
    pub fn open(&self) {
        {
            let mut half = self.lock();
            if half.phase == Phase::Connecting {
                half.phase = Phase::Open;
            }
            let Half { requests, out, held_back, .. } = &mut *half;
            requests.open(out);
            if let Some(held_back) = held_back {
                *held_back = out.take_all().unwrap_or_default();
            }
            if half.listed {
                // The caller may withdraw requests in the same turn. They are written when it ends,
                // or by a thread if it takes long.
                drop(half);
                self.signal();
                return;
            }
        }
        self.flush();
        self.signal();
    }

    /// Closes the connection with a closing handshake; `None` is without a code. Replies received
    /// until it is complete are still processed.
    pub fn close(&self, code: Option<u16>, reason: &str) {
        let mut half = self.lock();
        match half.phase {
            Phase::Open => {
                half.take_in(usize::MAX);
                half.out.close(code, reason);
                if half.drains {
                    // Further requests are not started: see `drain`.
                    self.set_lanes(Lanes::from_bits(0));
                }
                half.phase = Phase::Closing(Instant::now() + config::CLOSE_TIMEOUT);
            }
            Phase::Connecting => half.phase = Phase::Dead,
            Phase::Closing(_) | Phase::Dead => return,
        }
        drop(half);
        self.flush();
        self.signal();
    }

    /// Drops all messages received from now on, and those that JavaScript has not fetched.
    pub fn ignore(&self) {
        self.set_lanes(Lanes::from_bits(0));
        self.hub.drop_from(self.number);
    }

    /// Closes the connection at once; output that the kernel takes now is still sent.
    pub fn terminate(&self) {
        self.flush_now();
        self.lock().phase = Phase::Dead;
        self.signal();
    }

    /// Ends a connection that no driver has.
    pub fn end(&self) {
        self.finish(Ended::abnormal(None));
    }

    /// Ends the connection: no more composing, the socket closes, JavaScript is notified once.
    pub(in crate::net) fn finish(&self, ended: Ended) {
        {
            let mut half = self.lock();
            half.out.clear();
            half.backlog = Backlog::default();
        }
        self.finish_keeping_output(ended);
    }

    /// As [`finish`](Self::finish), for a stream: buffered output, a close frame, can still be
    /// fetched.
    pub(in crate::net) fn finish_keeping_output(&self, ended: Ended) {
        let mut half = self.lock();
        half.phase = Phase::Dead;
        half.requests.clear();
        let writer = half.writer.take();
        let closed = self.closed(&mut half, ended);
        self.unlock(half, closed);
        // Closes the socket, if nothing else holds it.
        drop(writer);
        self.signal();
    }
}

impl Holder for Conn {
    fn share(&self) -> &Share {
        self.share()
    }

    fn give_up(&self) {
        self.spoil(Error::OverBudget);
        self.hub.revisit(self.number);
    }
}
