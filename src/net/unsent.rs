//! What JavaScript composed and has not written yet, and the thread that writes it while JavaScript
//! is busy.
//!
//! JavaScript writes a turn's frames of a connection at once, when the turn ends. The thread looks
//! every [`config::LATE`], and only while there is traffic: when JavaScript has written nothing since
//! its last look and something waits, it writes that. A frame never waits longer than two looks.

use super::conn::Conn;
use crate::config;
use std::{
    mem,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
};

/// Connections of one JavaScript environment that have something unwritten.
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
    /// Those that are written when the turn ends.
    turn: Vec<Arc<Conn>>,
    /// Those that are written when the event loop has nothing else to do.
    lingering: Vec<Arc<Conn>>,
    prompter: Prompter,
    /// The thread is writing.
    is_prompting: bool,
}

/// The thread.
#[derive(Default)]
enum Prompter {
    /// Nothing was ever listed.
    #[default]
    None,
    /// It looks.
    Looks(JoinHandle<()>),
    /// It sleeps until it is woken.
    Sleeps(JoinHandle<()>),
    /// The system gives no thread, or the environment has ended: whatever is listed has to be written
    /// at once.
    Never,
}

impl Unsent {
    /// Notes that something of `conn` is to be written when the turn ends. False: at once.
    #[must_use]
    pub fn list(&self, conn: &Arc<Conn>) -> bool {
        self.add(conn, |listed| &mut listed.turn)
    }

    /// The same, for what may wait while the event loop is busy.
    #[must_use]
    pub fn linger(&self, conn: &Arc<Conn>) -> bool {
        self.add(conn, |listed| &mut listed.lingering)
    }

    fn add(&self, conn: &Arc<Conn>, to: impl FnOnce(&mut Listed) -> &mut Vec<Arc<Conn>>) -> bool {
        let mut listed = self.shared.lock();
        match mem::take(&mut listed.prompter) {
            Prompter::Never => {
                listed.prompter = Prompter::Never;
                return false;
            }
            // JavaScript writes the bytes of streams.
            prompter if conn.is_stream() => listed.prompter = prompter,
            Prompter::Looks(thread) => listed.prompter = Prompter::Looks(thread),
            Prompter::Sleeps(prompter) => {
                prompter.thread().unpark();
                listed.prompter = Prompter::Looks(prompter);
            }
            Prompter::None => {
                let shared = self.shared.clone();
                let started = thread::Builder::new()
                    .name("grenache-prompt".to_owned())
                    .stack_size(config::PROMPTER_STACK)
                    .spawn(move || shared.prompt());
                let Ok(prompter) = started else {
                    listed.prompter = Prompter::Never;
                    return false;
                };
                listed.prompter = Prompter::Looks(prompter);
            }
        }
        to(&mut listed).push(conn.clone());
        true
    }

    /// Moves those that wait for the turn's end into `to`, which is empty: they are about to be
    /// written.
    pub fn take_turn(&self, to: &mut Vec<Arc<Conn>>) {
        self.take(to, |listed| &mut listed.turn);
    }

    /// The same, of those that linger.
    pub fn take_lingering(&self, to: &mut Vec<Arc<Conn>>) {
        self.take(to, |listed| &mut listed.lingering);
    }

    fn take(&self, to: &mut Vec<Arc<Conn>>, from: impl FnOnce(&mut Listed) -> &mut Vec<Arc<Conn>>) {
        let shared = &self.shared;
        shared.writes.store(shared.writes.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
        mem::swap(to, from(&mut shared.lock()));
    }

    /// Waits until the thread writes nothing: what it has begun would be lost with the process.
    pub fn settle(&self) {
        // Its sockets do not block.
        while self.shared.lock().is_prompting {
            thread::yield_now();
        }
    }

    /// The environment ends, and the thread with it: no code of this library may run then.
    pub fn shut_down(&self) {
        let prompter = mem::replace(&mut self.shared.lock().prompter, Prompter::Never);
        if let Prompter::Looks(prompter) | Prompter::Sleeps(prompter) = prompter {
            prompter.thread().unpark();
            // It catches its panics.
            let _ = prompter.join();
        }
        let mut listed = self.shared.lock();
        listed.turn.clear();
        listed.lingering.clear();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Listed> {
        self.listed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The thread's whole life.
    fn prompt(&self) {
        let mut conns = Vec::new();
        let mut seen = self.writes.load(Ordering::Relaxed);
        loop {
            thread::park_timeout(config::LATE);
            let writes = self.writes.load(Ordering::Relaxed);
            let written = writes.wrapping_sub(mem::replace(&mut seen, writes));
            let mut listed = self.lock();
            if matches!(listed.prompter, Prompter::Never) {
                return;
            }
            if listed.turn.is_empty() && listed.lingering.is_empty() {
                if written < config::DENSE_WRITES {
                    listed.sleep();
                    drop(listed);
                    thread::park();
                    seen = self.writes.load(Ordering::Relaxed);
                }
            } else if written == 0 {
                let Listed { turn, lingering, .. } = &mut *listed;
                conns.append(turn);
                conns.append(lingering);
                listed.is_prompting = true;
                drop(listed);
                conns.drain(..).for_each(|conn: Arc<Conn>| conn.prompt());
                self.lock().is_prompting = false;
            }
        }
    }
}

impl Listed {
    fn sleep(&mut self) {
        self.prompter = match mem::take(&mut self.prompter) {
            Prompter::Looks(thread) => Prompter::Sleeps(thread),
            other => other,
        };
    }
}
