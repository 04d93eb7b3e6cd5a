//! The data that JavaScript gets in one call: one JSON text with the many small messages, and a
//! list of events for the rest.

use crate::{config, error::Error, exchange::Answer};

/// A kind of record in a batch's text: its tag, and the fields that follow it in this order.
/// JavaScript reads both from here.
#[derive(Clone, Copy, Debug)]
pub struct Record {
    /// Its name in JavaScript.
    pub name: &'static str,
    /// Its first element; one digit.
    pub tag: u8,
    /// Names of the others: `conn`, `cost`, `slot` and `index` are numbers, the rest JSON values.
    pub fields: &'static [&'static str],
}

/// A small request.
const REQUEST: Record =
    Record { name: "REQUEST", tag: 0, fields: &["conn", "rid", "key", "payload"] };
/// A small reply.
const REPLY: Record =
    Record { name: "REPLY", tag: 1, fields: &["conn", "slot", "error", "result"] };
/// The place of an event.
const EVENT: Record = Record { name: "EVENT", tag: 2, fields: &["index"] };
/// A text message for listeners of the socket.
const MESSAGE: Record = Record { name: "MESSAGE", tag: 3, fields: &["conn", "text"] };
/// A request with the cost of keeping it.
const COSTLY_REQUEST: Record =
    Record { name: "COSTLY_REQUEST", tag: 4, fields: &["conn", "cost", "rid", "key", "payload"] };
/// A small text that is no array of three.
const ODD_REQUEST: Record =
    Record { name: "ODD_REQUEST", tag: 5, fields: &["conn", "cost", "text"] };

/// All kinds of records.
pub const RECORDS: [Record; 6] = [REQUEST, REPLY, EVENT, MESSAGE, COSTLY_REQUEST, ODD_REQUEST];

/// Anything but a small well-formed message. `C` is a driver's type of a new connection; elsewhere
/// `conn` is its number, which stays taken until JavaScript releases it.
#[derive(Debug)]
pub enum Event<C> {
    /// A server has a new connection.
    Accepted {
        /// The server's number.
        server: u32,
        /// The connection.
        conn: C,
    },
    /// A client waits for its admission: JavaScript fetches its request, and decides.
    Asked {
        /// The server's number.
        server: u32,
        /// The question's number.
        ask: u32,
    },
    /// A client that JavaScript was asked about disconnected before it was accepted.
    Unasked {
        /// The server's number.
        server: u32,
        /// The question's number.
        ask: u32,
    },
    /// A client's handshake is complete.
    Opened {
        /// The connection.
        conn: C,
    },
    /// A connection is closed; nothing more comes from it.
    Closed {
        /// The connection's number.
        conn: u32,
        /// Close code as in RFC 6455 section 7.4; 1005 without one, 1006 without a handshake.
        code: u16,
        /// The other side's reason.
        reason: String,
        /// The error, unless it was closed in order.
        error: Option<Error>,
    },
    /// A server's message that is large or no array of three.
    Request {
        /// The connection's number.
        conn: u32,
        /// Its memory cost, in bytes.
        cost: usize,
        /// The whole message.
        data: Data,
    },
    /// A reply that is large or shorter than three elements.
    Reply {
        /// The connection's number.
        conn: u32,
        /// The request's slot.
        slot: u32,
        /// Its memory cost, in bytes.
        cost: usize,
        /// The whole message.
        data: Data,
    },
    /// A large or binary message for listeners of the socket.
    Message {
        /// The connection's number.
        conn: u32,
        /// The whole message.
        data: Data,
    },
    /// The server of a client's connection drains: it reads no more of it.
    Leaving {
        /// The connection's number.
        conn: u32,
    },
    /// A client's connection is receiving a large message.
    Large {
        /// The connection's number.
        conn: u32,
    },
    /// A ping, already answered, for listeners of the socket.
    Ping {
        /// The connection's number.
        conn: u32,
        /// Its payload.
        data: Vec<u8>,
    },
    /// A pong for listeners of the socket.
    Pong {
        /// The connection's number.
        conn: u32,
        /// Its payload.
        data: Vec<u8>,
    },
    /// All buffered output was written.
    Drained {
        /// The connection's number.
        conn: u32,
    },
    /// A stream has output, which JavaScript fetches.
    Composed {
        /// The connection's number.
        conn: u32,
    },
    /// Something of a stream is due: JavaScript reads once more before it ends.
    Overdue {
        /// The connection's number.
        conn: u32,
    },
    /// Requests whose deadline has passed.
    Expired {
        /// The connection's number.
        conn: u32,
        /// Their slots.
        slots: Vec<u32>,
        /// How many ms ago the oldest of them was sent, if nothing was received on the connection
        /// since; else 0.
        silent_for: u64,
    },
    /// The receiver has read the output composed for it.
    Room {
        /// The connection's number.
        conn: u32,
    },
    /// A host name was resolved.
    Resolved {
        /// The question's number.
        id: u32,
        /// The addresses, or the error.
        result: Result<Vec<String>, Error>,
    },
    /// A grape's response.
    Answered {
        /// The exchange's number.
        id: u32,
        /// HTTP status and body, or the error.
        result: Result<Answer, Error>,
    },
}

/// A message as received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Data {
    /// A text message.
    Text(String),
    /// A binary message.
    Binary(Vec<u8>),
}

impl<C: Weigh> Event<C> {
    /// Bytes that it holds besides its own size.
    fn bytes(&self) -> usize {
        match self {
            Self::Accepted { conn, .. } | Self::Opened { conn } => conn.bytes(),
            Self::Request { data, .. } | Self::Reply { data, .. } | Self::Message { data, .. } => {
                data.len()
            }
            Self::Ping { data, .. } | Self::Pong { data, .. } => data.len(),
            Self::Closed { reason, .. } => reason.len(),
            Self::Expired { slots, .. } => slots.len() * size_of::<u32>(),
            Self::Answered { result: Ok(answer), .. } => answer.body.len(),
            Self::Resolved { result: Ok(found), .. } => {
                found.iter().map(|text| text.len() + size_of::<String>()).sum()
            }
            Self::Asked { .. }
            | Self::Unasked { .. }
            | Self::Answered { .. }
            | Self::Resolved { .. }
            | Self::Drained { .. }
            | Self::Leaving { .. }
            | Self::Large { .. }
            | Self::Composed { .. }
            | Self::Overdue { .. }
            | Self::Room { .. } => 0,
        }
    }
}

/// Has a known memory size.
pub trait Weigh {
    /// Bytes besides its own size.
    fn bytes(&self) -> usize;
}

impl Weigh for () {
    fn bytes(&self) -> usize {
        0
    }
}

impl Data {
    fn len(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Binary(bytes) => bytes.len(),
        }
    }
}

/// Messages and events in the order in which they arrived.
#[derive(Debug)]
pub struct Batch<C> {
    text: String,
    events: Vec<Event<C>>,
    count: usize,
    bytes: usize,
    /// Cost of its requests in JavaScript, in bytes, as far as it is known.
    cost: usize,
    /// The connection that all of it came from, if it was one.
    brought_by: Option<u32>,
}

impl<C> Default for Batch<C> {
    fn default() -> Self {
        Self {
            text: String::new(),
            events: Vec::new(),
            count: 0,
            bytes: 0,
            cost: 0,
            brought_by: None,
        }
    }
}

impl<C: Weigh> Batch<C> {
    /// Adds a request of connection `conn` with this memory cost in bytes, 0 for a small one; the
    /// other arguments are JSON texts.
    pub fn request(&mut self, conn: u32, cost: usize, rid: &str, key: &str, payload: &str) {
        self.cost += cost;
        match u32::try_from(cost).unwrap_or(u32::MAX) {
            0 => self.record(REQUEST, &[conn], &[rid, key, payload]),
            cost => self.record(COSTLY_REQUEST, &[conn, cost], &[rid, key, payload]),
        }
    }

    /// Adds a small text of connection `conn` that is no array of three, with its memory cost in
    /// bytes.
    pub fn odd_request(&mut self, conn: u32, cost: usize, text: &str) {
        match serde_json::to_string(text) {
            Ok(json) => {
                self.cost += cost + config::ODD_REQUEST_BYTES;
                let cost = u32::try_from(cost).unwrap_or(u32::MAX);
                self.record(ODD_REQUEST, &[conn, cost], &[&json]);
            }
            // Strings always have a JSON text; an event is equivalent.
            Err(_) => self.event(Event::Request { conn, cost, data: Data::Text(text.to_owned()) }),
        }
    }

    /// Adds the reply to the request in `slot` of `conn`; the other arguments are JSON texts.
    pub fn reply(&mut self, conn: u32, slot: u32, error: &str, result: &str) {
        self.record(REPLY, &[conn, slot], &[error, result]);
    }

    /// Adds a text message of `conn` for listeners of the socket.
    pub fn message(&mut self, conn: u32, text: &str) {
        match serde_json::to_string(text) {
            Ok(json) => self.record(MESSAGE, &[conn], &[&json]),
            // Strings always have a JSON text; an event is equivalent.
            Err(_) => self.event(Event::Message { conn, data: Data::Text(text.to_owned()) }),
        }
    }

    /// Adds an event.
    pub fn event(&mut self, event: Event<C>) {
        self.bytes += size_of::<Event<C>>() + event.bytes();
        if let Event::Request { cost, .. } = &event {
            self.cost += cost + config::ODD_REQUEST_BYTES;
        }
        let index = self.events.len() as u32;
        self.events.push(event);
        self.record(EVENT, &[index], &[]);
    }

    fn record(&mut self, record: Record, numbers: &[u32], texts: &[&str]) {
        debug_assert_eq!(numbers.len() + texts.len(), record.fields.len());
        let before = self.text.len();
        self.text.push(if before == 0 { '[' } else { ',' });
        self.text.push(char::from(b'0' + record.tag));
        for number in numbers {
            self.text.push(',');
            self.text.push_str(itoa::Buffer::new().format(*number));
        }
        for text in texts {
            self.text.push(',');
            self.text.push_str(text);
        }
        self.bytes += self.text.len() - before + config::RECORD_BYTES;
        self.count += 1;
    }

    /// An empty batch with room for `bytes` of messages.
    pub fn with_capacity(bytes: usize) -> Self {
        Self { text: String::with_capacity(bytes + bytes / 4), ..Self::default() }
    }

    /// All of it came from this connection.
    pub fn set_brought_by(&mut self, conn: u32) {
        self.brought_by = Some(conn);
    }

    /// Whether all of it came from this connection.
    pub fn is_brought_by(&self, conn: u32) -> bool {
        self.brought_by == Some(conn)
    }

    /// Adds the messages of a later batch.
    ///
    /// # Errors
    /// Gives `later` back when both together would be too much for one call.
    pub fn merge(&mut self, later: Self) -> Result<(), Self> {
        if self.is_empty() {
            *self = later;
            return Ok(());
        }
        if self.is_full()
            || self.count + later.count > config::BATCH_MESSAGES
            || self.bytes + later.bytes > config::BATCH_BYTES
        {
            return Err(later);
        }
        let brought_by = self.brought_by.filter(|_| self.brought_by == later.brought_by);
        if later.events.is_empty() {
            self.brought_by = brought_by;
            self.text.push(',');
            self.text.push_str(&later.text[1..]);
            self.bytes += later.bytes;
            self.cost += later.cost;
            self.count += later.count;
            return Ok(());
        }
        if later.count == later.events.len() {
            self.brought_by = brought_by;
            later.events.into_iter().for_each(|event| self.event(event));
            return Ok(());
        }
        // Messages with events between them: their indices in the text would all change.
        Err(later)
    }

    /// Frees memory, if it has room for many more messages than it holds.
    pub fn shrink(&mut self) {
        if self.text.capacity() > 4 * self.text.len() + config::IDLE_READ_BYTES {
            self.text.shrink_to_fit();
        }
    }

    /// Bytes that its text has room for.
    pub fn capacity(&self) -> usize {
        self.text.capacity()
    }

    /// Number of messages and events.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether it is empty.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Whether it should be handed over before more is added.
    pub fn is_full(&self) -> bool {
        self.count >= config::BATCH_MESSAGES || self.bytes >= config::BATCH_BYTES
    }

    /// Least memory of it and of its records in JavaScript, in bytes.
    pub fn bytes(&self) -> usize {
        self.bytes + self.cost
    }

    /// Adds a number that is no record, behind all of them.
    pub fn number(&mut self, number: u64) {
        self.text.push(',');
        self.text.push_str(itoa::Buffer::new().format(number));
    }

    /// The text, closed to a JSON array, and the events.
    pub fn finish(mut self) -> (String, Vec<Event<C>>) {
        self.text.push(']');
        (self.text, self.events)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_is_one_array() {
        let mut batch = Batch::<()>::default();
        batch.request(3, 0, "\"r\"", "\"k\"", "{}");
        batch.request(4, 300, "1", "2", "3");
        batch.event(Event::Opened { conn: () });
        batch.reply(7, 4294967295, "null", " 1 ");
        batch.number(u64::MAX);
        let (text, events) = batch.finish();
        assert_eq!(
            text,
            "[0,3,\"r\",\"k\",{},4,4,300,1,2,3,2,0,1,7,4294967295,null, 1 ,18446744073709551615]"
        );
        assert_eq!(events.len(), 1);
    }

    #[test]
    fn tags_are_single_digits_that_differ() {
        for (at, record) in RECORDS.iter().enumerate() {
            assert_eq!(usize::from(record.tag), at, "{record:?}");
            assert!(at < 10);
        }
    }

    #[test]
    fn merging_keeps_the_order() {
        let replies = |conns: &[u32]| {
            let mut batch = Batch::<()>::default();
            conns.iter().for_each(|conn| batch.reply(*conn, 0, "null", "0"));
            batch
        };
        let mut batch = Batch::default();
        batch.merge(replies(&[1])).unwrap();
        batch.merge(replies(&[2, 3])).unwrap();
        let mut event = Batch::default();
        event.event(Event::Opened { conn: () });
        batch.merge(event).unwrap();
        batch.merge(replies(&[4])).unwrap();
        let mut mixed = replies(&[5]);
        mixed.event(Event::Opened { conn: () });
        assert!(batch.merge(mixed).is_err());
        let (text, events) = batch.finish();
        assert_eq!(text, "[1,1,0,null,0,1,2,0,null,0,1,3,0,null,0,2,0,1,4,0,null,0]");
        assert_eq!(events.len(), 1);
        let mut full = replies(&[0; config::BATCH_MESSAGES]);
        assert!(full.merge(replies(&[1])).is_err());
    }

    #[test]
    fn a_batch_fills_by_count_and_by_bytes() {
        let mut batch = Batch::<()>::default();
        for _ in 0..config::BATCH_MESSAGES {
            assert!(!batch.is_full());
            batch.reply(0, 0, "null", "1");
        }
        assert!(batch.is_full());

        let mut batch = Batch::<()>::default();
        batch.event(Event::Request {
            conn: 0,
            cost: 0,
            data: Data::Text("x".repeat(config::BATCH_BYTES)),
        });
        assert!(batch.is_full());
    }
}
