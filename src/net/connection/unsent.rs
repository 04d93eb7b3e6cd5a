//! JavaScript's composed but unwritten output, and the thread that writes it while JavaScript is
//! busy.
//!
//! JavaScript writes a turn's frames of a connection in one go, when the turn ends. The thread
//! writes output older than [`config::LATE`]. It wakes when the oldest frame would be that old, and
//! after the same time if nothing waits: on a busy machine, waking it for each frame would cost
//! both cores more than a periodic check. Without traffic it sleeps.

use super::conn::Conn;
use crate::{caught::caught, config};
use std::{
    mem,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

/// Connections of one JavaScript environment with unwritten output.
#[derive(Default)]
pub struct Unsent {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    listed: Mutex<Listed>,
    /// How often JavaScript has written: only its thread counts.
    writes: AtomicU64,
}

#[derive(Default)]
struct Listed {
    /// Connections that are written when the turn ends.
    turn: Waiting,
    /// Connections that are written when the event loop has nothing else to do.
    lingering: Waiting,
    thread: WriterThread,
    /// The thread is writing.
    is_writing: bool,
}

/// Connections with unwritten output.
#[derive(Default)]
struct Waiting {
    conns: Vec<Arc<Conn>>,
    /// Since when the first of them waits, if there is one.
    since: Option<Instant>,
}

impl Waiting {
    fn push(&mut self, conn: Arc<Conn>) {
        self.since.get_or_insert_with(Instant::now);
        self.conns.push(conn);
    }

    /// Moves them into `to`, which is empty.
    fn take(&mut self, to: &mut Vec<Arc<Conn>>) {
        self.since = None;
        mem::swap(to, &mut self.conns);
    }

    /// How much time the first one has left, `now`; `None`: there is none.
    fn time_left(&self, now: Instant) -> Option<Duration> {
        self.since.map(|since| config::LATE.saturating_sub(now.saturating_duration_since(since)))
    }

    /// Appends them to `to`, if the first has no time left.
    fn take_late(&mut self, to: &mut Vec<Arc<Conn>>, now: Instant) {
        if self.time_left(now).is_some_and(|left| left.is_zero()) {
            self.since = None;
            to.append(&mut self.conns);
        }
    }
}

/// The thread.
#[derive(Default)]
enum WriterThread {
    /// Nothing was ever listed.
    #[default]
    None,
    /// It wakes periodically.
    Wakes(JoinHandle<()>),
    /// It sleeps until it is woken.
    Sleeps(JoinHandle<()>),
    /// The system could not start a thread, or the environment has ended: listed output has to be
    /// written at once.
    Never,
}

impl Unsent {
    /// Lists `conn` to be written when the turn ends. False: write it at once.
    #[must_use]
    pub fn list(&self, conn: &Arc<Conn>) -> bool {
        self.add(conn, |listed| &mut listed.turn)
    }

    /// As [`list`](Self::list), for output that may wait while the event loop is busy.
    #[must_use]
    pub fn linger(&self, conn: &Arc<Conn>) -> bool {
        self.add(conn, |listed| &mut listed.lingering)
    }

    fn add(&self, conn: &Arc<Conn>, to: impl FnOnce(&mut Listed) -> &mut Waiting) -> bool {
        let mut listed = self.shared.lock();
        match mem::take(&mut listed.thread) {
            WriterThread::Never => {
                listed.thread = WriterThread::Never;
                return false;
            }
            // JavaScript writes the bytes of streams.
            thread if conn.is_stream() => listed.thread = thread,
            WriterThread::Wakes(thread) => listed.thread = WriterThread::Wakes(thread),
            WriterThread::Sleeps(thread) => {
                thread.thread().unpark();
                listed.thread = WriterThread::Wakes(thread);
            }
            WriterThread::None => {
                let shared = self.shared.clone();
                let started = thread::Builder::new()
                    .name("grenache-prompt".to_owned())
                    .stack_size(config::PROMPTER_STACK)
                    .spawn(move || shared.write_late());
                let Ok(thread) = started else {
                    listed.thread = WriterThread::Never;
                    return false;
                };
                listed.thread = WriterThread::Wakes(thread);
            }
        }
        to(&mut listed).push(conn.clone());
        true
    }

    /// Moves those that wait for the turn's end into `to`, which is empty, for writing.
    pub fn take_turn(&self, to: &mut Vec<Arc<Conn>>) {
        self.take(to, |listed| &mut listed.turn);
    }

    /// As [`take_turn`](Self::take_turn), for those that linger.
    pub fn take_lingering(&self, to: &mut Vec<Arc<Conn>>) {
        self.take(to, |listed| &mut listed.lingering);
    }

    fn take(&self, to: &mut Vec<Arc<Conn>>, from: impl FnOnce(&mut Listed) -> &mut Waiting) {
        let shared = &self.shared;
        shared.writes.store(shared.writes.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
        from(&mut shared.lock()).take(to);
    }

    /// Waits until the thread is not writing: a write that it has begun would be lost with the
    /// process.
    pub fn settle(&self) {
        // Its sockets do not block.
        while self.shared.lock().is_writing {
            thread::yield_now();
        }
    }

    /// The environment ends, and the thread with it: no code of this library may run then. Output
    /// listed from now on is to be written at once.
    pub fn shut_down(&self) {
        let thread = mem::replace(&mut self.shared.lock().thread, WriterThread::Never);
        if let WriterThread::Wakes(thread) | WriterThread::Sleeps(thread) = thread {
            thread.thread().unpark();
            // It catches its panics.
            let _ = thread.join();
        }
        let mut listed = self.shared.lock();
        listed.turn = Waiting::default();
        listed.lingering = Waiting::default();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Listed> {
        self.listed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The thread's whole life.
    fn write_late(&self) {
        yield_to_others();
        let mut conns = Vec::new();
        let mut seen = self.writes.load(Ordering::Relaxed);
        let mut pause = config::LATE;
        loop {
            thread::park_timeout(pause);
            let mut listed = self.lock();
            if matches!(listed.thread, WriterThread::Never) {
                return;
            }
            let now = Instant::now();
            let Listed { turn, lingering, .. } = &mut *listed;
            turn.take_late(&mut conns, now);
            lingering.take_late(&mut conns, now);
            let left = turn.time_left(now).into_iter().chain(lingering.time_left(now)).min();
            let writes = self.writes.load(Ordering::Relaxed);
            let written = writes.wrapping_sub(mem::replace(&mut seen, writes));
            pause = left.unwrap_or(config::LATE);
            if !conns.is_empty() {
                listed.is_writing = true;
                drop(listed);
                for conn in conns.drain(..) {
                    // Panics of the write are caught inside; this is for dropping the connection.
                    let _ = caught(move || Conn::flush_late(&conn));
                }
                self.lock().is_writing = false;
            } else if left.is_none() && written < config::DENSE_WRITES {
                listed.sleep();
                drop(listed);
                thread::park();
                seen = self.writes.load(Ordering::Relaxed);
            }
        }
    }
}

/// Keeps this thread from preempting a running one when it wakes: where all cores are busy, a
/// preemption each millisecond costs JavaScript a tenth of its time.
fn yield_to_others() {
    #[cfg(target_os = "linux")]
    {
        // SAFETY: it holds only numbers.
        let param: libc::sched_param = unsafe { mem::zeroed() };
        // SAFETY: 0 is the calling thread, and `param` is only read. A refusal only costs speed.
        unsafe { libc::sched_setscheduler(0, libc::SCHED_BATCH, &param) };
    }
}

impl Listed {
    fn sleep(&mut self) {
        self.thread = match mem::take(&mut self.thread) {
            WriterThread::Wakes(thread) => WriterThread::Sleeps(thread),
            other => other,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        net::{
            budget::Budget,
            connection::{conn::Arrival, writer::Writer},
            hub::Hub,
            settings::{Io, Settings},
        },
        ws::{Opcode, Role},
    };
    use std::{
        io::Read,
        net::{TcpListener, TcpStream},
    };

    /// A connection of an idle loop, and the other side's socket.
    fn open() -> (Arc<Hub<Arrival>>, Arc<Conn>, TcpStream) {
        let hub = Arc::new(Hub::<Arrival>::new(|| {}));
        hub.settle();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        stream.set_nonblocking(true).unwrap();
        let settings = Settings { io: Io::Libuv, ..Settings::default() };
        let conn = Arc::new(Conn::new(&hub, Role::Server, settings, &Budget::new(0)));
        conn.attach(Writer::Libuv(Arc::new(stream)), b"");
        conn.open();
        let other = listener.accept().unwrap().0;
        other.set_read_timeout(Some(Duration::from_secs(8))).unwrap();
        (hub, conn, other)
    }

    fn compose(unsent: &Unsent, conn: &Arc<Conn>, payload: &[u8]) {
        if conn.frame(Opcode::Binary, true, payload).unwrap().first {
            assert!(unsent.list(conn));
        }
    }

    fn until(what: &str, mut is_so: impl FnMut() -> bool) {
        let patience = Instant::now() + Duration::from_secs(8);
        while !is_so() {
            assert!(Instant::now() < patience, "{what}");
            thread::yield_now();
        }
    }

    #[test]
    fn what_nobody_writes_leaves_by_itself_also_after_a_pause() {
        let (_hub, conn, mut other) = open();
        let unsent = Unsent::default();
        for round in 0..3 {
            compose(&unsent, &conn, &[round]);
            compose(&unsent, &conn, &[round]);
            let mut frames = [0; 6];
            other.read_exact(&mut frames).unwrap();
            assert_eq!(frames, [0x82, 1, round, 0x82, 1, round]);
            until("the thread goes on without traffic", || {
                matches!(unsent.shared.lock().thread, WriterThread::Sleeps(_))
            });
        }
    }

    #[test]
    fn the_loop_looks_at_what_the_thread_could_not_write_whole() {
        let (hub, conn, mut other) = open();
        let unsent = Unsent::default();
        let bytes = 32 * 1024 * 1024;
        compose(&unsent, &conn, &vec![0; bytes]);
        until("nobody is told", || hub.take_revisited() == [conn.number()]);
        unsent.settle();
        assert!(conn.waiting() > 0 && conn.state().writer.is_some());
        // The loop then writes on.
        let mut left = bytes;
        let mut scratch = vec![0; 1024 * 1024];
        while left > 0 {
            left = left.saturating_sub(other.read(&mut scratch).unwrap());
            conn.unblocked();
        }
        assert_eq!(conn.waiting(), 0);
    }

    #[test]
    fn the_thread_ends_with_its_environment() {
        let (_hub, conn, _other) = open();
        let unsent = Unsent::default();
        compose(&unsent, &conn, b"1");
        unsent.shut_down();
        assert_eq!(Arc::strong_count(&unsent.shared), 1);
        conn.frame(Opcode::Binary, true, b"2").unwrap();
        assert!(!unsent.list(&conn), "nobody would write it");
        assert_eq!(Arc::strong_count(&conn), 1);
    }
}
