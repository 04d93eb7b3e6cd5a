//! Whether the other side, and its host, are alive.

use super::{conn::Conn, ended::Ended, half::Phase};
use crate::{
    config,
    error::Error,
    net::{
        liveness::{Beat, on_grid},
        settings::Io,
        tcp::{HostCheck, SendState},
    },
    rpc::Event,
    ws::{Opcode, Role},
};
use std::io::{self, ErrorKind};

impl Conn {
    /// Milliseconds since anything was received.
    pub fn silence(&self) -> u64 {
        self.hub.now().saturating_sub(self.liveness.received_at())
    }

    /// Whether something of it may be about to time out: data received before has to be read first.
    pub(in crate::net) fn is_overdue(&self) -> bool {
        let now = self.hub.now();
        let half = self.lock();
        half.requests.pending.check_at() <= now
            || half.phase.is_over()
            || half.peer_check_at.min(half.host_check_at) <= now
    }

    /// Checks for a silent other side, if it is time to; returns when to check again.
    ///
    /// # Errors
    /// A ping, or the system's probes, stayed unanswered for a whole interval.
    pub(in crate::net) fn beat(&self) -> Result<u64, Ended> {
        self.beat_with(|| self.with_socket(|socket| SendState::of(&socket)).flatten())
    }

    /// As [`beat`](Self::beat), with `send_state` as the system's view of the connection.
    pub(in crate::net) fn beat_with(
        &self,
        send_state: impl FnOnce() -> Option<SendState>,
    ) -> Result<u64, Ended> {
        let now = self.hub.now();
        let host_check_at = self.check_host(now, send_state)?;
        Ok(self.check_peer(now)?.min(host_check_at))
    }

    /// Checks the system's view of a connection that has been silent for long.
    fn check_host(
        &self,
        now: u64,
        send_state: impl FnOnce() -> Option<SendState>,
    ) -> Result<u64, Ended> {
        let host_check_at = self.lock().host_check_at;
        if now < host_check_at {
            return Ok(host_check_at);
        }
        let is_silent = self.liveness.is_silent(now, config::LOOK_AFTER_MS);
        let send_state = if is_silent { send_state() } else { None };
        let mut half = self.lock();
        half.host_check_at = if is_silent {
            match half.other_host.check(now, send_state) {
                HostCheck::Wait(until) => on_grid(until, config::LOOK_AFTER_MS),
                HostCheck::Dead => {
                    let error = Error::system("read", ErrorKind::TimedOut.into(), None);
                    return Err(Ended::abnormal(Some(error)));
                }
            }
        } else {
            half.other_host.received();
            on_grid(self.liveness.received_at() + config::LOOK_AFTER_MS, config::LOOK_AFTER_MS)
        };
        Ok(half.host_check_at)
    }

    /// Pings the other side after an interval of silence.
    fn check_peer(&self, now: u64) -> Result<u64, Ended> {
        let mut half = self.lock();
        // Before that time the pong may still be in flight.
        if now < half.peer_check_at {
            return Ok(half.peer_check_at);
        }
        // While output is waiting, the other side has not read the ping. Then the system's view
        // shows whether its host lives.
        let is_asked = !cfg!(target_os = "linux") || half.waiting() == 0;
        let waits = !half.requests.pending.is_empty() || half.phase != Phase::Open || !is_asked;
        match self.liveness.beat(now, self.settings().heartbeat, waits) {
            Beat::Wait(time) => half.peer_check_at = time,
            Beat::Gone => return Err(Ended::abnormal(Some(Error::Silent))),
            Beat::Ping(time) => {
                half.peer_check_at = time;
                drop(half);
                self.probe();
                return Ok(time);
            }
        }
        Ok(half.peer_check_at)
    }

    /// Something of a stream is due: JavaScript reads once more and checks.
    pub(in crate::net) fn emit_overdue(&self) {
        let half = self.lock();
        if half.phase != Phase::Dead {
            self.emit(half, Event::Overdue { conn: self.number });
        }
    }

    /// Pings the other side. The system of a closed connection responds too, with a reset.
    pub(in crate::net) fn probe(&self) {
        let mut half = self.lock();
        if half.phase != Phase::Open {
            return;
        }
        half.out.frame(Opcode::Ping, b"");
        if self.io() == Io::Stream {
            return self.emit(half, Event::Composed { conn: self.number });
        }
        drop(half);
        self.flush();
    }

    /// The other side has reset a connection that is not read for now, with `error`.
    ///
    /// # Errors
    /// The connection ends: requests that a client sent before need no reply. Replies that a server
    /// sent before are still read; then the connection ends.
    pub(in crate::net) fn was_reset(
        &self,
        error: io::Result<Option<io::Error>>,
    ) -> Result<(), Ended> {
        let error = error.ok().flatten().unwrap_or_else(|| ErrorKind::ConnectionReset.into());
        let error = Error::system("read", error, None);
        let half = self.lock();
        match half.writer.clone() {
            Some(writer) if self.role() == Role::Client => {
                self.write_failed(half, &writer, error);
                Ok(())
            }
            _ => Err(Ended::abnormal(Some(error))),
        }
    }
}
