//! One connection under load, with its requests.

use crate::{Result, connection::Socket, frame};
use futures_util::{SinkExt, StreamExt};
use std::{
    future::{Future, poll_fn},
    pin::Pin,
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};
use tokio::time::{Sleep, sleep};
use tokio_tungstenite::tungstenite::{Error, Message};

/// Requests at a fixed rate are sent this often.
const TICK: Duration = Duration::from_millis(1);

/// The work of a connection in one measurement.
pub struct Work<'a> {
    pub payload: &'a str,
    /// Initial requests. Until the time is over, each reply is followed by another request.
    pub at_once: usize,
    /// Requests per second, if they have a fixed rate.
    pub rate: Option<f64>,
    pub time: Duration,
}

pub struct Lane {
    socket: Socket,
    /// When the request of each slot was sent.
    asked: Vec<Instant>,
    /// Unused slots.
    free: Vec<usize>,
    in_flight: usize,
    /// Requests that are due.
    due: usize,
    pub nanos: Vec<u32>,
}

impl Lane {
    pub fn new(socket: Socket) -> Self {
        let (asked, free, nanos) = (Vec::new(), Vec::new(), Vec::new());
        Self { socket, asked, free, in_flight: 0, due: 0, nanos }
    }

    /// Resolves when the time is over and every request has its reply.
    pub async fn run(&mut self, work: Work<'_>) -> Result<()> {
        let started = Instant::now();
        let mut made = 0;
        let mut tick = Box::pin(sleep(TICK));
        self.due = work.at_once;
        poll_fn(|cx| {
            if let Some(rate) = work.rate {
                let total = (started.elapsed().min(work.time).as_secs_f64() * rate) as usize;
                self.due += total - made;
                made = total;
                wake_at_next_tick(&mut tick, cx);
            }
            // Reading goes on while the socket is not writable: the server would wait for it.
            loop {
                self.ask(cx, work.payload)?;
                let over = started.elapsed() >= work.time;
                if self.in_flight == 0 && self.due == 0 && (over || work.rate.is_none()) {
                    return Poll::Ready(Ok(()));
                }
                let answered = ready!(self.hear(cx, work.payload))?;
                if !over && work.rate.is_none() {
                    self.due += answered;
                }
            }
        })
        .await
    }

    /// Sends the requests that are due, as far as the socket takes them, with one write.
    fn ask(&mut self, cx: &mut Context<'_>, payload: &str) -> Result<()> {
        if self.due == 0 && self.in_flight == 0 {
            return Ok(());
        }
        let now = Instant::now();
        while self.due > 0 && self.socket.poll_ready_unpin(cx)?.is_ready() {
            let slot = self.free.pop().unwrap_or_else(|| {
                self.asked.push(now);
                self.asked.len() - 1
            });
            self.asked[slot] = now;
            self.socket.start_send_unpin(Message::text(frame::request(slot, payload)))?;
            self.due -= 1;
            self.in_flight += 1;
        }
        let _ = self.socket.poll_flush_unpin(cx)?;
        Ok(())
    }

    /// Reads the available replies; ready when there were any.
    fn hear(&mut self, cx: &mut Context<'_>, payload: &str) -> Poll<Result<usize>> {
        let mut answered = 0;
        let mut now = None;
        while let Poll::Ready(message) = self.socket.poll_next_unpin(cx) {
            let message = message.ok_or(Error::ConnectionClosed)??;
            let Message::Text(text) = &message else { continue };
            let (slot, echoed) = frame::read_reply(text)?;
            if echoed != payload {
                return Poll::Ready(Err("the reply is not what was asked".into()));
            }
            let asked = *self.asked.get(slot).ok_or("a reply to no request")?;
            let took = *now.get_or_insert_with(Instant::now) - asked;
            self.nanos.push(took.as_nanos().min(u128::from(u32::MAX)) as u32);
            self.free.push(slot);
            self.in_flight -= 1;
            answered += 1;
        }
        if answered > 0 { Poll::Ready(Ok(answered)) } else { Poll::Pending }
    }
}

fn wake_at_next_tick(tick: &mut Pin<Box<Sleep>>, cx: &mut Context<'_>) {
    while tick.as_mut().poll(cx).is_ready() {
        tick.set(sleep(TICK));
    }
}
