//! The reading side of a connection: bytes become messages, and messages become records and
//! events for JavaScript.

use super::{
    conn::{Arrival, Conn},
    ended::{Ended, NO_CODE, TRY_AGAIN_LATER},
    half::Phase,
};
use crate::{
    config,
    error::Error,
    net::{budget::Held, hub::milliseconds, liveness::bump, settings::Lanes},
    rpc::{
        Batch, Data, Event, Frame, NOTHING_READ, Structure, is_nested, plain, read_before_leaving,
        small_cost, split,
    },
    ws::{Inbound, Incoming, Role},
};
use std::sync::atomic::Ordering;

/// The error, as JSON, that a peer is sent whose message nests too deep; as in
/// `lib/errors/errors.js`.
const NESTING_LIMIT: &str = "\"ERR_NESTING_LIMIT\"";

/// The reading half, used by the driver only.
pub(in crate::net) struct Reading {
    inbound: Inbound,
    /// The other side's close frame was received.
    end: Option<Ended>,
    control: Vec<u8>,
}

impl Reading {
    pub fn new(conn: &Conn) -> Self {
        let inbound = Inbound::new(conn.role(), conn.settings().max_payload);
        Self { inbound, end: None, control: Vec::new() }
    }

    /// How the connection ended whose stream is closed.
    pub fn ended(&mut self, error: Option<Error>) -> Ended {
        self.end.take().unwrap_or_else(|| Ended::abnormal(error))
    }
}

impl Conn {
    /// Parses bytes, in place, and passes on the messages that they complete.
    pub(in crate::net) fn receive(
        &self,
        reading: &mut Reading,
        bytes: &mut [u8],
    ) -> Result<(), Ended> {
        let now = self.hub.micros();
        self.liveness.received(milliseconds(now));
        bump(&self.bytes_in, bytes.len() as u64);
        let mut messages = 0;
        let (mut refused, mut costly) = (false, false);
        let mut batch = Batch::with_capacity(bytes.len());
        let Reading { inbound, end, control } = reading;
        let result = inbound.receive(bytes, control, |message| match message {
            Incoming::Text(text) => {
                messages += 1;
                let outcome = self.message(&mut batch, Message::Text(text), now);
                refused |= outcome == Outcome::Refused;
                costly |= outcome == Outcome::Costly;
            }
            Incoming::Binary(bytes) => {
                messages += 1;
                let outcome = self.message(&mut batch, Message::Binary(bytes), now);
                refused |= outcome == Outcome::Refused;
                costly |= outcome == Outcome::Costly;
            }
            Incoming::Ping(data) => {
                self.note_drain(&mut batch, data);
                if self.lanes().has(Lanes::SOCKET) {
                    batch.event(Event::Ping { conn: self.number, data: data.to_owned() });
                }
                self.hand_over_if_full(&mut batch);
            }
            Incoming::Pong(data) if self.lanes().has(Lanes::SOCKET) => {
                batch.event(Event::Pong { conn: self.number, data: data.to_owned() });
                self.hand_over_if_full(&mut batch);
            }
            Incoming::Pong(_) => {}
            Incoming::Close(frame) => {
                let (code, reason) = frame.unwrap_or((NO_CODE, ""));
                if code == TRY_AGAIN_LATER && reason == NOTHING_READ {
                    self.lock().requests.leave(0);
                }
                *end = Some(Ended { code, reason: reason.to_owned(), error: None });
            }
        });
        bump(&self.messages, messages);
        if self.role() == Role::Client {
            self.note_missing(&mut batch, inbound.missing());
        }
        let result = if costly { Err(Error::MessageTooBig) } else { result };
        if !batch.is_empty() {
            self.append(batch);
        }
        // After the messages: this may close this connection, and its close must come behind them.
        self.hold(Held::Message, inbound.held());
        if !control.is_empty() {
            let mut half = self.lock();
            // After our own close frame nothing more may be sent, and a client that does not read
            // does not need pongs (RFC 6455 section 5.5.3).
            let is_read = half.out.len() <= self.settings().high_water;
            if half.phase == Phase::Open && (is_read || end.is_some()) {
                half.out.raw(control);
            }
            drop(half);
            control.clear();
            self.flush();
        }
        if refused {
            self.flush();
        }
        if let Err(error) = result {
            let mut half = self.lock();
            if half.phase == Phase::Open {
                half.out.close(Some(error.close_code()), &self.reason(&error, costly));
            }
            drop(half);
            self.flush();
            return Err(Ended::abnormal(Some(error)));
        }
        // A client that closed lets the server close the TCP connection (RFC 6455 section 7.1.1),
        // within a time limit. A client that received a close frame replies with its own and is
        // done: its requests are not read any more.
        let waits = self.role() == Role::Client && self.lock().phase != Phase::Open;
        if !waits && let Some(ended) = end.take() {
            return Err(ended);
        }
        Ok(())
    }

    /// The close reason of a message that is too large: which limit it exceeds.
    fn reason(&self, error: &Error, costly: bool) -> String {
        match error {
            Error::MessageTooBig if costly => "memoryBudget".into(),
            Error::MessageTooBig => format!("maxPayload is {}", self.settings().max_payload),
            _ => String::new(),
        }
    }

    /// Records the missing bytes of an incomplete message: replies to further requests wait behind
    /// them, unless the requests use another connection.
    fn note_missing(&self, batch: &mut Batch<Arrival>, missing: usize) {
        // Rarely changes.
        let before = self.missing.load(Ordering::Relaxed);
        if missing == before {
            return;
        }
        self.missing.store(missing, Ordering::Relaxed);
        let is_large = missing >= config::LARGE_BYTES && before < config::LARGE_BYTES;
        if is_large && self.lanes().has(Lanes::RPC) {
            batch.event(Event::Large { conn: self.number });
        }
    }

    /// A server that drains says so by a ping.
    fn note_drain(&self, batch: &mut Batch<Arrival>, ping: &[u8]) {
        if self.role() == Role::Client
            && self.lanes().has(Lanes::RPC)
            && let Some(read) = read_before_leaving(ping)
        {
            let is_new = self.lock().requests.leave(read);
            if is_new {
                batch.event(Event::Leaving { conn: self.number });
            }
        }
    }

    /// `now`: when it was read, in microseconds.
    fn message(&self, batch: &mut Batch<Arrival>, message: Message<'_>, now: u64) -> Outcome {
        let lanes = self.lanes();
        // A small message was not scanned yet; it neither nests deep nor costs much.
        let (structure, cost) = match message.bytes() {
            bytes if bytes.len() <= config::SMALL_MESSAGE_BYTES => (Structure::default(), 0),
            bytes => {
                let structure = Structure::of(bytes);
                (structure, bytes.len() + structure.cost())
            }
        };
        if cost > 0 && cost > self.share().budget().message_limit() {
            return Outcome::Costly;
        }
        let mut refused = false;
        if lanes.has(Lanes::RPC) {
            match (self.role(), is_nested(message.bytes(), structure, config::MAX_NESTING)) {
                (Role::Server, false) => self.incoming_request(batch, message, cost),
                (Role::Client, false) => self.incoming_reply(batch, message, cost, now),
                (Role::Server, true) => refused = self.refuse_request(batch, message),
                (Role::Client, true) => self.refuse_reply(batch, message, now),
            }
        }
        // After the RPC machinery, whose listener was there first.
        if lanes.has(Lanes::SOCKET) {
            let conn = self.number;
            match message {
                Message::Text(text) if text.len() <= config::BATCHED_MESSAGE_BYTES => {
                    batch.message(conn, text);
                }
                _ => batch.event(Event::Message { conn, data: message.to_data() }),
            }
        }
        self.hand_over_if_full(batch);
        if refused { Outcome::Refused } else { Outcome::Passed }
    }

    fn hand_over_if_full(&self, batch: &mut Batch<Arrival>) {
        if batch.is_full() {
            self.append(std::mem::take(batch));
        }
    }

    fn append(&self, mut batch: Batch<Arrival>) {
        batch.set_brought_by(self.number);
        self.added.store(self.hub.append(batch), Ordering::Relaxed);
    }

    /// Whether JavaScript is so far behind that this connection should not be read.
    pub(in crate::net) fn waits_for_room(&self) -> bool {
        self.hub.is_full_for(self.added.load(Ordering::Relaxed))
    }

    fn incoming_request(&self, batch: &mut Batch<Arrival>, message: Message<'_>, cost: usize) {
        let conn = self.number;
        self.liveness.requested();
        let parts = message.small_text().map(split);
        // Known so far for all but small messages.
        let cost = match (cost, &parts) {
            (0, Some(Frame::Three(rid, key, payload))) => small_cost(&[rid, key, payload]),
            (0, _) => Structure::of(message.bytes()).small_cost(),
            _ => cost,
        };
        // An event costs JavaScript several times as much as a record.
        match (message, parts) {
            (_, Some(Frame::Three(rid, key, payload))) => {
                batch.request(conn, cost, rid, key, payload);
            }
            (Message::Text(text), Some(Frame::Other)) => batch.odd_request(conn, cost, text),
            _ => batch.event(Event::Request { conn, cost, data: message.to_data() }),
        }
    }

    /// A request that nests too deep is not passed to JavaScript. The client gets an error, if the
    /// request's id can be read.
    fn refuse_request(&self, batch: &mut Batch<Arrival>, message: Message<'_>) -> bool {
        self.liveness.requested();
        let data = Data::Text(String::new());
        batch.event(Event::Request { conn: self.number, cost: 0, data });
        let Some(rid) = message.first_plain_string() else { return false };
        self.compose_text(|out| {
            for part in ["[\"", rid, "\",", NESTING_LIMIT, ",null]"] {
                out.extend_from_slice(part.as_bytes());
            }
            true
        })
    }

    /// A reply that nests too deep fails its request.
    fn refuse_reply(&self, batch: &mut Batch<Arrival>, message: Message<'_>, now: u64) {
        let Some(rid) = message.first_plain_string() else { return };
        if let Some(slot) = self.lock().requests.resolve(rid.as_bytes(), now, true) {
            batch.reply(self.number, slot, NESTING_LIMIT, "null");
        }
    }

    /// Replies without a pending request are dropped here: late ones, and messages that are no
    /// replies.
    fn incoming_reply(
        &self,
        batch: &mut Batch<Arrival>,
        message: Message<'_>,
        cost: usize,
        now: u64,
    ) {
        let conn = self.number;
        let resolve = |rid: &str, failed| self.lock().requests.resolve(rid.as_bytes(), now, failed);
        if let Some(text) = message.small_text()
            && let Frame::Three(rid, error, result) = split(text)
        {
            if let Some(slot) = unquote(rid).and_then(|rid| resolve(rid, !is_falsy(error))) {
                batch.reply(conn, slot, error, result);
            }
        } else if let Some(slot) = message.first_string().and_then(|rid| resolve(rid, false)) {
            // JavaScript finds out whether it is an error.
            batch.event(Event::Reply { conn, slot, cost, data: message.to_data() });
        }
    }
}

/// A JSON string's content, if it needs no unescaping; ids never do.
fn unquote(json: &str) -> Option<&str> {
    json.strip_prefix('"')?.strip_suffix('"')
}

/// Whether JavaScript treats this JSON text as no error.
fn is_falsy(json: &str) -> bool {
    json == "null" || matches!(json, "false" | "\"\"") || json.parse() == Ok(0.0)
}

/// Result of handling a message.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Outcome {
    /// Passed to JavaScript, or dropped.
    Passed,
    /// Refused; the other side is sent an error.
    Refused,
    /// Parsed it would exceed the memory budget of all connections together.
    Costly,
}

/// A message while it is handled.
#[derive(Clone, Copy)]
enum Message<'a> {
    Text(&'a str),
    Binary(&'a [u8]),
}

impl<'a> Message<'a> {
    /// The text, if it is small enough for a batch. Binary frames may contain JSON too.
    fn small_text(self) -> Option<&'a str> {
        let text = match self {
            Self::Text(text) => text,
            Self::Binary(bytes) if bytes.len() <= config::BATCHED_MESSAGE_BYTES => {
                std::str::from_utf8(bytes).ok()?
            }
            Self::Binary(_) => return None,
        };
        (text.len() <= config::BATCHED_MESSAGE_BYTES).then_some(text)
    }

    fn bytes(self) -> &'a [u8] {
        match self {
            Self::Text(text) => text.as_bytes(),
            Self::Binary(bytes) => bytes,
        }
    }

    /// The first element of an array's text, if it is a plain string. V8 checks the rest.
    fn first_string(self) -> Option<&'a str> {
        let inner = self.after_first_quote()?;
        let end = inner.iter().position(|byte| *byte == b'"')?;
        std::str::from_utf8(&inner[..end]).ok()
    }

    /// As [`first_string`](Self::first_string), for a short string without escapes.
    fn first_plain_string(self) -> Option<&'a str> {
        let inner = self.after_first_quote()?;
        let inner = &inner[..inner.len().min(config::REFUSED_ID_BYTES + 1)];
        let end = plain(inner);
        inner[end..].starts_with(b"\"").then(|| std::str::from_utf8(&inner[..end]).ok()).flatten()
    }

    fn after_first_quote(self) -> Option<&'a [u8]> {
        let inner = self.bytes().trim_ascii_start().strip_prefix(b"[")?.trim_ascii_start();
        inner.strip_prefix(b"\"")
    }

    fn to_data(self) -> Data {
        match self {
            Self::Text(text) => Data::Text(text.to_owned()),
            Self::Binary(bytes) => Data::Binary(bytes.to_owned()),
        }
    }
}
