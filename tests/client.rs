//! Requests of our client, with the portable driver, against tungstenite's server and against raw
//! bytes.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a panic here is a failed test")]

mod common;

use common::{Env, Socket, accept, connected, message, read_head, within};
use futures_util::SinkExt;
use grenache_nodejs_ws_native::{config, net::Conn, rpc::Event};
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};
use tokio_tungstenite::{
    accept_async,
    tungstenite::{Message, handshake::derive_accept_key},
};

/// A timeout that no test waits for.
const LONG: u64 = 60_000;

fn ask(conn: &Conn, slot: u32, timeout: u64, payload: &Value) {
    let text = format!(r#""key",{payload}"#);
    let composed = conn.request(slot, 0, timeout, |buf| {
        buf.extend_from_slice(text.as_bytes());
        true
    });
    assert!(composed.is_some(), "the connection is over");
    // The end of the turn.
    conn.flush_listed();
}

/// The next request: its id and its payload.
async fn asked(server: &mut Socket) -> (String, Value) {
    let text = message(server).await.into_text().unwrap();
    let (rid, key, payload): (String, String, Value) = serde_json::from_str(&text).unwrap();
    assert_eq!(key, "key");
    (rid, payload)
}

#[tokio::test]
async fn requests_made_before_the_handshake_are_held_and_go_out_in_order() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut env = Env::new();
    let conn = env.connect(listener.local_addr().unwrap());
    let stream = accept(&listener).await;
    for slot in 0..100 {
        ask(&conn, slot, LONG, &json!(slot));
    }
    // Fails if a frame came before the handshake's response.
    let mut server = within("the client's handshake", accept_async(stream)).await.unwrap();
    for slot in 0..100 {
        assert_eq!(asked(&mut server).await.1, json!(slot));
    }
    env.opened().await;
}

#[tokio::test]
async fn a_request_expires_in_time_while_the_handshake_hangs_and_is_never_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    // `ask` sets the time of the request to the start of the hub's clock.
    let start = Instant::now();
    let mut env = Env::new();
    let conn = env.connect(listener.local_addr().unwrap());
    let stream = accept(&listener).await;
    ask(&conn, 0, LONG, &json!("later"));
    ask(&conn, 1, 100, &json!("expires"));
    match env.event().await {
        Event::Expired { slots, .. } => assert_eq!(slots, [1]),
        other => panic!("not expired but {other:?}"),
    }
    let waited = start.elapsed();
    // The hub's clock counts whole milliseconds.
    assert!(waited >= Duration::from_millis(99), "{waited:?}");
    assert!(waited < config::HANDSHAKE_TIMEOUT / 2, "{waited:?}");

    let mut server = within("the client's handshake", accept_async(stream)).await.unwrap();
    assert_eq!(asked(&mut server).await.1, json!("later"));
    ask(&conn, 1, LONG, &json!("next"));
    assert_eq!(asked(&mut server).await.1, json!("next"));
}

#[tokio::test]
async fn a_request_on_an_open_connection_expires_and_its_late_reply_is_dropped() {
    let mut env = Env::new();
    let (conn, mut server) = connected(&mut env).await;
    ask(&conn, 0, LONG, &json!(0));
    ask(&conn, 1, 50, &json!(1));
    let (first, _) = asked(&mut server).await;
    let (second, _) = asked(&mut server).await;
    let event = env.event().await;
    assert!(matches!(&event, Event::Expired { slots, .. } if slots == &[1]), "{event:?}");
    for rid in [second, first] {
        server.send(Message::text(format!(r#"["{rid}",null,true]"#))).await.unwrap();
    }
    assert_eq!(env.reply().await.0, 0);
}

#[tokio::test]
async fn replies_out_of_order_find_their_slots() {
    let mut env = Env::new();
    let (conn, mut server) = connected(&mut env).await;
    for slot in 0..50 {
        ask(&conn, slot, LONG, &json!({"slot": slot}));
    }
    let mut requests = Vec::new();
    for _ in 0..50 {
        requests.push(asked(&mut server).await);
    }
    for (rid, payload) in requests.iter().rev() {
        server.send(Message::text(format!(r#"["{rid}","no",{payload}]"#))).await.unwrap();
    }
    for slot in (0..50).rev() {
        assert_eq!(env.reply().await, (slot, json!("no"), json!({"slot": slot})));
    }
}

#[tokio::test]
async fn a_reply_that_is_large_or_short_arrives_as_text() {
    let mut env = Env::new();
    let (conn, mut server) = connected(&mut env).await;
    ask(&conn, 0, LONG, &json!(0));
    ask(&conn, 1, LONG, &json!(1));
    let fill = "x".repeat(config::BATCHED_MESSAGE_BYTES);
    for (slot, rest) in [format!(r#",null,"{fill}"]"#), r#","no"]"#.to_owned()].iter().enumerate() {
        let (rid, _) = asked(&mut server).await;
        let sent = format!(r#"["{rid}"{rest}"#);
        server.send(Message::text(sent.clone())).await.unwrap();
        assert_eq!(env.reply_text().await, (slot as u32, sent));
    }
}

#[tokio::test]
async fn what_answers_no_request_is_ignored() {
    let mut env = Env::new();
    let (conn, mut server) = connected(&mut env).await;
    ask(&conn, 0, LONG, &json!(0));
    let (rid, _) = asked(&mut server).await;
    let unknown = "00000000-0000-4000-8000-000000000000";
    let noise = [
        format!(r#"["{unknown}",null,1]"#),
        format!(r#"["{}",null,1]"#, rid.to_uppercase().replace(char::is_numeric, "A")),
        r#"[null,null,1]"#.into(),
        r#"[5,null,1]"#.into(),
        format!(r#"{{"0":"{rid}","1":null,"2":1}}"#),
        format!(r#""{rid}""#),
        "[]".into(),
        "no JSON".into(),
        String::new(),
        format!(r#"["{unknown}",null,"{}"]"#, "x".repeat(config::BATCHED_MESSAGE_BYTES)),
    ];
    for text in noise {
        server.send(Message::text(text)).await.unwrap();
    }
    // Twice; the second one is late.
    for _ in 0..2 {
        server.send(Message::text(format!(r#"["{rid}",null,2]"#))).await.unwrap();
    }
    assert_eq!(env.reply().await, (0, json!(null), json!(2)));
    server.close(None).await.unwrap();
    assert_eq!(env.closed().await.1, 1005, "nothing came in between");
}

#[tokio::test]
async fn frames_right_behind_the_servers_answer_are_read() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut env = Env::new();
    let conn = env.connect(listener.local_addr().unwrap());
    let mut stream = accept(&listener).await;
    ask(&conn, 0, LONG, &json!(0));
    let head = read_head(&mut stream).await;
    let key = head.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: ")).unwrap();
    let accept = derive_accept_key(key.as_bytes());
    let mut answer = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {accept}\r\n\r\n"
    )
    .into_bytes();
    answer.extend_from_slice(b"\x89\x02hi");
    stream.write_all(&answer).await.unwrap();
    env.opened().await;
    // The queued request, then the pong: a masked frame each.
    let mut request = [0; 2 + 4 + 48];
    within("the request", stream.read_exact(&mut request)).await.unwrap();
    assert_eq!(request[..2], [0x81, 0x80 | 48]);
    let mut pong = [0; 2 + 4 + 2];
    within("the pong", stream.read_exact(&mut pong)).await.unwrap();
    assert_eq!(pong[..2], [0x8a, 0x82]);
}
