//! Helpers of the tests: an environment in place of JavaScript, and raw WebSocket bytes.

#![allow(dead_code, reason = "each test file is a crate of its own and uses a part of this")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a panic here is a failed test")]

use futures_util::StreamExt;
use grenache_nodejs_ws_native::{
    error::Error,
    net::{
        Arrival, Budget, Conn, Connections, Hub, Port, Settings,
        tokio::{Driver, Server},
    },
    rpc::{Data, Event},
    ws::ClientHandshake,
};
use serde_json::Value;
use std::{collections::VecDeque, net::SocketAddr, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpSocket, TcpStream},
    sync::{
        Notify,
        mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    },
};
use tokio_tungstenite::{WebSocketStream, accept_async, client_async, tungstenite::Message};

/// Longest wait for anything: far more than a loaded machine needs.
const PATIENCE: Duration = Duration::from_secs(8);

/// Tungstenite's side of a connection.
pub type Socket = WebSocketStream<TcpStream>;

/// The number of every server here.
const SERVER: u32 = 7;

/// Waits for `future`, and fails by name when it takes too long.
pub async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    let result = tokio::time::timeout(PATIENCE, future).await;
    result.unwrap_or_else(|_| panic!("waited too long for {what}"))
}

/// JavaScript's view of records and events, one at a time.
#[derive(Debug)]
pub enum Got {
    /// A request record of a batch.
    Request { conn: u32, rid: String, key: String, payload: Value },
    /// A reply record of a batch.
    Reply { slot: u32, error: Value, result: Value },
    /// An event.
    Event(Event<Arrival>),
}

/// A driver with its hub, fetched from as JavaScript does: in a task of its own, which also opens
/// accepted connections.
pub struct Env {
    pub driver: Driver,
    pub hub: Arc<Connections>,
    got: UnboundedReceiver<Got>,
}

impl Env {
    pub fn new() -> Self {
        Self::with_wake(|| {})
    }

    /// An environment whose wake-up also calls `also`, on the waking thread.
    pub fn with_wake(also: impl Fn() + Send + 'static) -> Self {
        let woken = Arc::new(Notify::new());
        let wake = woken.clone();
        let hub = Arc::new(Hub::new(move || {
            wake.notify_one();
            also();
        }));
        let (each, got) = unbounded_channel();
        tokio::spawn(fetch(hub.clone(), woken, each));
        Self { driver: Driver::new(hub.clone()), hub, got }
    }

    /// A server on a free port.
    pub fn listen(&self) -> Server {
        self.listen_on(0).unwrap()
    }

    /// A server on `port`.
    pub fn listen_on(&self, port: u16) -> Result<Server, Error> {
        let at = Port { host: Some("127.0.0.1"), port, ..Port::default() };
        self.driver.listen(SERVER, at, Settings::default(), Budget::new(0))
    }

    pub fn connect(&self, address: SocketAddr) -> Arc<Conn> {
        self.driver.connect(&address.to_string(), "/", Settings::default(), &Budget::new(0))
    }

    /// The next record or event.
    pub async fn next(&mut self) -> Got {
        within("a batch", self.got.recv()).await.unwrap()
    }

    pub async fn event(&mut self) -> Event<Arrival> {
        match self.next().await {
            Got::Event(event) => event,
            other => panic!("no event but {other:?}"),
        }
    }

    pub async fn accepted(&mut self) -> Arc<Conn> {
        match self.event().await {
            Event::Accepted { server: SERVER, conn } => conn.conn,
            other => panic!("not accepted but {other:?}"),
        }
    }

    pub async fn opened(&mut self) {
        let event = self.event().await;
        assert!(matches!(event, Event::Opened { .. }), "not opened but {event:?}");
    }

    /// The next record, which must be a request: connection, id, and payload.
    pub async fn request(&mut self) -> (u32, String, Value) {
        match self.next().await {
            Got::Request { conn, rid, key, payload } => {
                assert_eq!(key, "key");
                (conn, rid, payload)
            }
            other => panic!("no request but {other:?}"),
        }
    }

    /// The next record, which must be a reply: slot, error, and result.
    pub async fn reply(&mut self) -> (u32, Value, Value) {
        match self.next().await {
            Got::Reply { slot, error, result } => (slot, error, result),
            other => panic!("no reply but {other:?}"),
        }
    }

    /// The next event, which must be a request as text: connection and text.
    pub async fn request_text(&mut self) -> (u32, String) {
        match self.event().await {
            Event::Request { conn, data: Data::Text(text), .. } => (conn, text),
            other => panic!("no request as text but {other:?}"),
        }
    }

    /// The next event, which must be a reply as text: slot and text.
    pub async fn reply_text(&mut self) -> (u32, String) {
        match self.event().await {
            Event::Reply { slot, data: Data::Text(text), .. } => (slot, text),
            other => panic!("no reply as text but {other:?}"),
        }
    }

    /// The next event, which must be a connection's close: number, code, reason, and error.
    pub async fn closed(&mut self) -> (u32, u16, String, Option<Error>) {
        match self.event().await {
            Event::Closed { conn, code, reason, error } => (conn, code, reason, error),
            other => panic!("not closed but {other:?}"),
        }
    }
}

async fn fetch(hub: Arc<Connections>, woken: Arc<Notify>, each: UnboundedSender<Got>) {
    loop {
        woken.notified().await;
        while let Some((batch, _)) = hub.fetch() {
            let (text, events) = batch.finish();
            for got in records(&text, events) {
                if let Got::Event(Event::Accepted { conn, .. }) = &got {
                    conn.conn.open();
                }
                if each.send(got).is_err() {
                    return;
                }
            }
        }
    }
}

/// Closes in order.
pub fn close(conn: &Conn) {
    conn.close(None, "");
}

impl Drop for Env {
    fn drop(&mut self) {
        self.driver.shut_down();
    }
}

/// Splits a batch as `lib/native/dispatch.js` does.
fn records(text: &str, events: Vec<Event<Arrival>>) -> VecDeque<Got> {
    let values: Vec<Value> = serde_json::from_str(text).unwrap();
    let mut events = events.into_iter().enumerate();
    let mut values = values.into_iter();
    let mut got = VecDeque::new();
    let number = |value: Option<Value>| value.unwrap().as_u64().unwrap() as u32;
    while let Some(tag) = values.next() {
        got.push_back(match tag.as_u64() {
            // The second kind has a cost.
            Some(tag @ (0 | 4)) => {
                let conn = number(values.next());
                if tag == 4 {
                    assert!(number(values.next()) > 0);
                }
                Got::Request {
                    conn,
                    rid: values.next().unwrap().as_str().unwrap().to_owned(),
                    key: values.next().unwrap().as_str().unwrap().to_owned(),
                    payload: values.next().unwrap(),
                }
            }
            // As the equivalent event.
            Some(5) => Got::Event(Event::Request {
                conn: number(values.next()),
                cost: number(values.next()) as usize,
                data: Data::Text(values.next().unwrap().as_str().unwrap().to_owned()),
            }),
            Some(1) => {
                number(values.next());
                Got::Reply {
                    slot: number(values.next()),
                    error: values.next().unwrap(),
                    result: values.next().unwrap(),
                }
            }
            Some(2) => {
                let (index, event) = events.next().unwrap();
                assert_eq!(number(values.next()) as usize, index, "events come in their order");
                Got::Event(event)
            }
            _ => panic!("{tag} is no tag, in {text}"),
        });
    }
    assert!(events.next().is_none(), "an event without its place");
    got
}

/// A request's text, as every client sends it.
pub fn request_text(rid: &str, payload: &Value) -> String {
    format!(r#"["{rid}","key",{payload}]"#)
}

/// A tungstenite client of the server at `address`.
pub async fn client(address: SocketAddr) -> Socket {
    let stream = TcpStream::connect(address).await.unwrap();
    let shaken = client_async(format!("ws://{address}/"), stream);
    within("the server's handshake", shaken).await.unwrap().0
}

/// Our client, open, and the server's side of it.
pub async fn connected(env: &mut Env) -> (Arc<Conn>, Socket) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let conn = env.connect(listener.local_addr().unwrap());
    let stream = accept(&listener).await;
    let server = within("the client's handshake", accept_async(stream)).await.unwrap();
    env.opened().await;
    (conn, server)
}

/// The next connection to `listener`.
pub async fn accept(listener: &TcpListener) -> TcpStream {
    within("a client", listener.accept()).await.unwrap().0
}

/// The next message, which must come.
pub async fn message(server: &mut Socket) -> Message {
    within("a message", server.next()).await.unwrap().unwrap()
}

/// A client whose bytes the test writes itself; its handshake is complete.
pub async fn raw_client(address: SocketAddr) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let (handshake, request) = ClientHandshake::new(&address.to_string(), "/");
    stream.write_all(&request).await.unwrap();
    let head = read_head(&mut stream).await;
    assert_eq!(handshake.read_response(head.as_bytes()).unwrap(), Some(head.len()));
    stream
}

/// An HTTP head, and not a byte more.
pub async fn read_head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(within("an HTTP head", stream.read_u8()).await.unwrap());
    }
    String::from_utf8(head).unwrap()
}

/// All further bytes until the other side closes the stream.
pub async fn read_rest(stream: &mut TcpStream) -> Vec<u8> {
    let mut rest = Vec::new();
    within("the end of the stream", stream.read_to_end(&mut rest)).await.unwrap();
    rest
}

/// A client's text frame of up to 125 bytes. A mask of zeros leaves the payload readable.
pub fn text_frame(payload: &[u8]) -> Vec<u8> {
    let len = u8::try_from(payload.len()).unwrap();
    assert!(len <= 125);
    [&[0x81, 0x80 | len, 0, 0, 0, 0], payload].concat()
}

/// An address without a listener; as long as the socket lives, no other process gets its port.
pub fn deaf_address() -> (TcpSocket, SocketAddr) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = socket.local_addr().unwrap();
    (socket, address)
}
