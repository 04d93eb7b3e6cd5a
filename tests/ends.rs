//! Closes of our client's connections, including those that never open.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a panic here is a failed test")]

mod common;

use common::{Env, accept, close, connected, deaf_address, message, read_head, read_rest, within};
use futures_util::{SinkExt, StreamExt};
use tokio::{io::AsyncWriteExt, net::TcpListener};
use tokio_tungstenite::tungstenite::{
    Message,
    protocol::{CloseFrame, frame::coding::CloseCode},
};

#[tokio::test]
async fn a_refused_connection_says_so_with_its_address() {
    let mut env = Env::new();
    let (_held, address) = deaf_address();
    let conn = env.connect(address);
    let (_, code, _, error) = env.closed().await;
    let error = error.unwrap();
    assert_eq!(code, 1006);
    assert_eq!(error.code(), Some("ECONNREFUSED"));
    assert_eq!(error.syscall(), Some("connect"));
    assert_eq!(error.address(), Some(address));
    assert!(conn.request(0, 0, 60_000, |_| true).is_none(), "the connection is over");
}

/// Our client's error for a server that sends the handshake response `answer` and hangs up.
async fn declined(answer: &str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut env = Env::new();
    env.connect(listener.local_addr().unwrap());
    let mut stream = accept(&listener).await;
    read_head(&mut stream).await;
    stream.write_all(answer.as_bytes()).await.unwrap();
    drop(stream);
    let (_, code, _, error) = env.closed().await;
    assert_eq!(code, 1006);
    error.unwrap().to_string()
}

#[tokio::test]
async fn a_server_that_declines_is_quoted() {
    let refused = "HTTP/1.1 426 Upgrade Required\r\nContent-Length: 0\r\n\r\n";
    assert_eq!(declined(refused).await, "Unexpected server response: 426");
    assert_eq!(declined("").await, "socket hang up");
    assert!(declined("hello\r\n\r\n").await.starts_with("Parse Error"));
}

#[tokio::test]
async fn closing_sends_a_close_frame_without_a_code() {
    let mut env = Env::new();
    let (conn, mut server) = connected(&mut env).await;
    close(&conn);
    assert_eq!(message(&mut server).await, Message::Close(None));
    assert!(conn.request(0, 0, 60_000, |_| true).is_none(), "nothing follows the close frame");
    let end = within("the end of the stream", server.next()).await;
    assert!(end.is_none(), "the server is done, in order: {end:?}");
    drop(server);
    let (_, code, _, error) = env.closed().await;
    assert_eq!((code, error.is_none()), (1005, true));
}

#[tokio::test]
async fn closing_before_the_handshake_ends_the_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut env = Env::new();
    let conn = env.connect(listener.local_addr().unwrap());
    let mut stream = accept(&listener).await;
    read_head(&mut stream).await;
    close(&conn);
    assert_eq!(read_rest(&mut stream).await, b"");
    let (_, code, _, error) = env.closed().await;
    assert_eq!((code, error.is_none()), (1006, true));
}

#[tokio::test]
async fn a_servers_close_is_answered_and_told() {
    let mut env = Env::new();
    let (conn, mut server) = connected(&mut env).await;
    let frame = CloseFrame { code: CloseCode::Library(4000), reason: "bye".into() };
    server.close(Some(frame.clone())).await.unwrap();
    assert_eq!(message(&mut server).await, Message::Close(Some(frame)));
    // At once, though the server's stream stays open.
    let (_, code, reason, error) = env.closed().await;
    assert_eq!((code, &*reason, error.is_none()), (4000, "bye", true));
    assert!(conn.request(0, 0, 60_000, |_| true).is_none(), "nothing follows the close frame");
    drop(server);
}

#[tokio::test]
async fn a_server_that_vanishes_is_an_abnormal_end() {
    let mut env = Env::new();
    let (_conn, server) = connected(&mut env).await;
    drop(server);
    let (_, code, _, error) = env.closed().await;
    assert_eq!((code, error.is_none()), (1006, true));
}

#[tokio::test]
async fn a_ping_is_answered_by_its_pong() {
    let mut env = Env::new();
    let (_conn, mut server) = connected(&mut env).await;
    server.send(Message::Ping("hi".into())).await.unwrap();
    assert_eq!(message(&mut server).await, Message::Pong("hi".into()));
}
