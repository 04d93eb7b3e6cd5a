//! Whether the system at the other end of a TCP connection acknowledges data. A stopped process
//! reads nothing, but its living system answers each probe of the closed window; a dead host
//! answers nothing.

use crate::config;
use socket2::{SockRef, TcpKeepalive};
use std::io;
#[cfg(unix)]
use std::os::fd::{BorrowedFd, RawFd};

/// Socket options of every connection.
pub(super) fn prepare(socket: &SockRef<'_>) -> io::Result<()> {
    socket.set_tcp_nodelay(true)?;
    let keepalive = TcpKeepalive::new().with_time(config::KEEPALIVE);
    #[cfg(any(target_os = "linux", target_os = "macos", target_os = "freebsd"))]
    let keepalive =
        keepalive.with_interval(config::KEEPALIVE_INTERVAL).with_retries(config::KEEPALIVE_RETRIES);
    socket.set_tcp_keepalive(&keepalive)?;
    limit_pauses(socket);
    Ok(())
}

/// Limits the pause between retransmissions, two minutes by default, where the system can.
#[cfg(target_os = "linux")]
fn limit_pauses(socket: &SockRef<'_>) {
    use std::os::fd::AsRawFd;

    /// Since Linux 6.15.
    const TCP_RTO_MAX_MS: libc::c_int = 44;
    let most = config::TCP_PAUSE.as_millis() as libc::c_int;
    // Older systems do not know it; a dead host is then found later. SAFETY: the descriptor is
    // open, and the pointer and the length are of a `c_int`, which is read.
    unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::IPPROTO_TCP,
            TCP_RTO_MAX_MS,
            (&raw const most).cast(),
            size_of_val(&most) as libc::socklen_t,
        );
    }
}

#[cfg(not(target_os = "linux"))]
fn limit_pauses(_: &SockRef<'_>) {}

/// As [`limit_pauses`], for the socket below Node's TLS, whose other options Node has set.
#[cfg(unix)]
pub(super) fn limit_pauses_of(descriptor: RawFd) {
    with_socket(descriptor, limit_pauses);
}

/// Calls `act` with a socket that Node owns; `None` if there is none.
#[cfg(unix)]
fn with_socket<R>(descriptor: RawFd, act: impl FnOnce(&SockRef<'_>) -> R) -> Option<R> {
    if descriptor < 0 {
        return None;
    }
    // SAFETY: Node owns it, and closes it on this thread only, so not while this runs.
    let descriptor = unsafe { BorrowedFd::borrow_raw(descriptor) };
    Some(act(&SockRef::from(&descriptor)))
}

/// The system's view of a connection's sending direction. Times are in ms.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct SendState {
    /// Segments sent and not acknowledged.
    pub unacked: u32,
    /// Bytes not sent: if nothing is unacknowledged, the other side's window is closed.
    pub unsent: u32,
    /// Unanswered probes of the closed window.
    pub probes: u8,
    /// How often the pause before the next try was doubled.
    pub backoff: u8,
    /// This pause.
    pub pause: u64,
    /// Since the last transmission of a segment with data, or its retransmission.
    pub sent_ago: u64,
    /// Since the last acknowledgement.
    pub acked_ago: u64,
}

/// A silence of the other host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Silence {
    /// Its least duration.
    pub lasts: u64,
    /// Since the last acknowledgement, which may be long before anything was sent.
    pub acked_ago: u64,
}

impl SendState {
    /// The other host's silence: at least two tries without an acknowledgement, for one may be
    /// lost.
    fn silence(&self) -> Option<Silence> {
        let Self { acked_ago, sent_ago, pause, .. } = *self;
        let lasts = match (self.unacked, self.unsent) {
            (0, 0) => return None,
            (0, _) if self.probes < 2 => return None,
            // All was acknowledged before the window was closed.
            (0, _) => acked_ago,
            // The last transmission but one was two pauses ago, and was acknowledged since.
            _ if acked_ago <= sent_ago + pause / 2 => return None,
            // The pauses so far are together as long as the last one, minus the first.
            _ => acked_ago.min(sent_ago + pause - (pause >> self.backoff.min(63))),
        };
        Some(Silence { lasts, acked_ago })
    }

    /// The state of a socket; `None` where the system does not provide it.
    #[cfg(target_os = "linux")]
    pub fn of(socket: &SockRef<'_>) -> Option<Self> {
        use std::os::fd::AsRawFd;

        // The part of `struct tcp_info` that exists since Linux 4.6, by the offsets of its fields:
        // the definition available to programs is older.
        let mut info = [0; 148];
        let mut length = info.len() as libc::socklen_t;
        // SAFETY: the descriptor is open, and the system writes `length` bytes at most.
        let result = unsafe {
            libc::getsockopt(
                socket.as_raw_fd(),
                libc::IPPROTO_TCP,
                libc::TCP_INFO,
                info.as_mut_ptr().cast(),
                &raw mut length,
            )
        };
        (result == 0 && length as usize == info.len()).then(|| Self::read(&info))
    }

    #[cfg(not(target_os = "linux"))]
    pub fn of(_: &SockRef<'_>) -> Option<Self> {
        None
    }

    /// The state of the socket below Node's TLS.
    #[cfg(unix)]
    pub fn of_descriptor(descriptor: RawFd) -> Option<Self> {
        with_socket(descriptor, Self::of).flatten()
    }

    #[cfg(not(unix))]
    pub fn of_descriptor(_: i32) -> Option<Self> {
        None
    }

    #[cfg(any(target_os = "linux", test))]
    fn read(info: &[u8; 148]) -> Self {
        let number =
            |at: usize| u32::from_ne_bytes([info[at], info[at + 1], info[at + 2], info[at + 3]]);
        Self {
            probes: info[3],
            backoff: info[4],
            pause: u64::from(number(8)) / 1000,
            unacked: number(24),
            sent_ago: number(44).into(),
            acked_ago: number(56).into(),
            unsent: number(144),
        }
    }
}

/// Result of a check of the other host.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum HostCheck {
    /// Nothing before then.
    Wait(u64),
    /// Its host is dead.
    Dead,
}

/// Results of the checks of a connection so far. Times are those of any clock, in ms.
#[derive(Debug, Default)]
pub(super) struct OtherHost {
    silent: Option<Silent>,
}

#[derive(Clone, Copy, Debug)]
struct Silent {
    since: u64,
    /// When the silence was seen first.
    seen: u64,
}

impl OtherHost {
    /// Something was received from it.
    pub fn received(&mut self) {
        self.silent = None;
    }

    /// Checks it `now`. One check alone ends nothing: this process, or its whole machine, may have
    /// been stopped itself.
    pub fn check(&mut self, now: u64, send_state: Option<SendState>) -> HostCheck {
        let Some(silence) = send_state.and_then(|send_state| send_state.silence()) else {
            self.silent = None;
            return HostCheck::Wait(now + config::LOOK_AFTER_MS);
        };
        let since = now.saturating_sub(silence.lasts);
        let silent = match self.silent.filter(|silent| silence.acked_ago >= now - silent.seen) {
            Some(silent) => Silent { since: silent.since.min(since), ..silent },
            None => Silent { since, seen: now },
        };
        let due = (silent.since + config::ACK_TIMEOUT_MS).max(silent.seen + config::LOOK_TWICE_MS);
        if due <= now {
            return HostCheck::Dead;
        }
        self.silent = Some(silent);
        HostCheck::Wait(due)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A host that was lost `ms` ago with all data acknowledged, and to which something was sent 1
    /// s later: the system retransmits after pauses of 0.2 s, 0.4 s and so on, at most 15 s.
    fn lost(ms: u64) -> SendState {
        let (mut pause, mut at, mut backoff) = (200, 1000, 0);
        while at + pause <= ms {
            at += pause;
            pause = (2 * pause).min(15_000);
            backoff += 1;
        }
        SendState {
            unacked: 1,
            backoff,
            pause,
            sent_ago: ms - at,
            acked_ago: ms,
            ..SendState::default()
        }
    }

    /// Checks whenever it is due, from `ms` on: returns when the host counts as dead.
    fn gone_after(mut ms: u64, send_state: impl Fn(u64) -> SendState) -> Option<u64> {
        let mut host = OtherHost::default();
        while ms < 600_000 {
            match host.check(ms, Some(send_state(ms))) {
                HostCheck::Dead => return Some(ms),
                HostCheck::Wait(until) => {
                    assert!(until > ms);
                    ms = until;
                }
            }
        }
        None
    }

    #[test]
    fn a_lost_host_is_gone_after_a_minute_or_little_more() {
        for first in [30_000, 31_000, 33_750, 37_500, 45_000] {
            let gone = gone_after(first, lost).unwrap();
            assert!((60_000..90_000).contains(&gone), "{first}: {gone}");
        }
        // The system does not report how often it made the longest pause.
        let gone = gone_after(300_000, lost).unwrap();
        assert!((305_000..360_000).contains(&gone), "{gone}");
    }

    #[test]
    fn a_host_that_is_lost_with_its_window_closed_is_gone_after_a_minute() {
        // The last probe was 10 s before the loss, then one every 15 s.
        let closed = |ms: u64| SendState {
            unsent: 1,
            probes: ((ms + 10_000) / 15_000) as u8,
            acked_ago: ms + 10_000,
            ..SendState::default()
        };
        let gone = gone_after(30_000, closed).unwrap();
        assert!((50_000..75_000).contains(&gone), "{gone}");
    }

    #[test]
    fn a_host_that_answers_probes_lives_however_long_its_window_is_closed() {
        for pause in [200, 15_000, 120_000] {
            let closed = |ms: u64| SendState {
                unsent: 1,
                // For a moment one is in flight.
                probes: u8::from(ms.is_multiple_of(7)),
                acked_ago: ms % pause,
                ..SendState::default()
            };
            assert_eq!(gone_after(30_000, closed), None);
        }
    }

    #[test]
    fn one_that_drops_what_it_has_no_room_for_lives_while_it_answers() {
        let dropped = |ms: u64| SendState {
            unacked: 3,
            unsent: 1,
            backoff: 9,
            pause: 120_000,
            sent_ago: ms % 120_000,
            // A round trip later.
            acked_ago: (ms % 120_000).checked_sub(20).unwrap_or(ms % 120_000 + 119_980),
            ..SendState::default()
        };
        assert_eq!(gone_after(30_000, dropped), None);
    }

    #[test]
    fn an_idle_connection_is_not_asked_about() {
        let idle =
            |ms: u64| SendState { acked_ago: ms, sent_ago: ms, pause: 200, ..SendState::default() };
        assert_eq!(gone_after(30_000, idle), None);
    }

    #[test]
    fn what_was_just_sent_after_long_idleness_has_time_to_be_acknowledged() {
        let mut host = OtherHost::default();
        let begun =
            SendState { unacked: 1, acked_ago: 600_000, pause: 200, ..SendState::default() };
        let HostCheck::Wait(next) = host.check(1_000_000, Some(begun)) else { panic!() };
        assert!(next >= 1_060_000);
        // It was retransmitted once, and may be acknowledged at any time.
        let again = SendState { backoff: 1, pause: 400, sent_ago: 100, ..begun };
        let HostCheck::Wait(next) = host.check(1_000_300, Some(again)) else { panic!() };
        assert!(next >= 1_059_000);
    }

    #[test]
    fn one_look_after_standing_still_ends_nothing() {
        let mut host = OtherHost::default();
        // Probed for minutes.
        let closed = SendState { unsent: 1, probes: 9, acked_ago: 300_000, ..SendState::default() };
        let next = 300_000 + config::LOOK_TWICE_MS;
        assert_eq!(host.check(300_000, Some(closed)), HostCheck::Wait(next));
        let answered = SendState { unsent: 1, acked_ago: 10, ..SendState::default() };
        assert_eq!(host.check(next, Some(answered)), HostCheck::Wait(next + config::LOOK_AFTER_MS));
        // Nor does the next one, if it was acknowledged in between.
        host.check(400_000, Some(lost(400_000)));
        let lost_again = SendState { acked_ago: 70_000, ..lost(80_000) };
        assert!(matches!(host.check(480_000, Some(lost_again)), HostCheck::Wait(_)));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_system_tells_what_waits_for_a_reader() {
        use std::{
            io::Write,
            net::{TcpListener, TcpStream},
        };

        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let _other = listener.accept().unwrap();
        let socket = SockRef::from(&stream);
        let idle = SendState::of(&socket).unwrap();
        assert_eq!((idle.unacked, idle.unsent, idle.silence()), (0, 0, None));
        socket.set_nonblocking(true).unwrap();
        while stream.write(&[0; 65536]).is_ok() {}
        // The last segments may be in flight for a moment.
        let patience = std::time::Instant::now() + std::time::Duration::from_secs(8);
        let full = loop {
            let full = SendState::of(&SockRef::from(&stream)).unwrap();
            if full.unacked == 0 {
                break full;
            }
            assert!(std::time::Instant::now() < patience, "{full:?}");
            std::thread::yield_now();
        };
        assert!(full.unsent > 0 && full.acked_ago < 8000, "{full:?}");
        assert_eq!(full.silence(), None);
    }
}
