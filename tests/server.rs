//! Our server, with the portable driver, against tungstenite's client and against raw bytes.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a panic here is a failed test")]

mod common;

use common::{Env, client, raw_client, read_head, read_rest, request_text, text_frame, within};
use futures_util::{SinkExt, StreamExt};
use grenache_nodejs_ws_native::{config, ws::Opcode};
use serde_json::{Value, json};
use tokio::{io::AsyncWriteExt, net::TcpStream};
use tokio_tungstenite::tungstenite::Message;

#[tokio::test]
async fn a_request_is_recorded_and_its_reply_goes_back() {
    let mut env = Env::new();
    let server = env.listen();
    let mut client = client(server.address()).await;
    let conn = env.accepted().await;

    let payload = json!({"a": [1, "ü"]});
    client.send(Message::text(request_text("r1", &payload))).await.unwrap();
    assert_eq!(env.request().await, (conn.number(), "r1".into(), payload));

    conn.frame(Opcode::Text, true, br#"["r1",null,{"b":2}]"#).unwrap();
    assert!(!conn.flush(), "a small reply fits in the kernel");
    let reply = within("the reply", client.next()).await.unwrap().unwrap();
    assert_eq!(reply, Message::text(r#"["r1",null,{"b":2}]"#));
}

#[tokio::test]
async fn ten_thousand_requests_arrive_in_order_and_so_do_their_replies() {
    const COUNT: usize = 10_000;
    let mut env = Env::new();
    let server = env.listen();
    let mut client = client(server.address()).await;
    let conn = env.accepted().await;
    for at in 0..COUNT {
        let payload = json!({"at": at, "fill": "x".repeat(at % 300)});
        client.feed(Message::text(request_text(&at.to_string(), &payload))).await.unwrap();
    }
    client.flush().await.unwrap();
    for at in 0..COUNT {
        let (_, rid, payload) = env.request().await;
        assert_eq!(rid, at.to_string());
        assert_eq!(payload, json!({"at": at, "fill": "x".repeat(at % 300)}));
        conn.frame(Opcode::Text, true, format!(r#"["{rid}",null,{at}]"#).as_bytes());
    }
    conn.flush();
    for at in 0..COUNT {
        let reply = within("a reply", client.next()).await.unwrap().unwrap();
        assert_eq!(reply, Message::text(format!(r#"["{at}",null,{at}]"#)));
    }
}

#[tokio::test]
async fn many_clients_at_once_are_all_accepted_and_heard() {
    const COUNT: usize = 40;
    let mut env = Env::new();
    let server = env.listen();
    let mut clients = Vec::new();
    // Nothing is fetched meanwhile: all of them wait in one batch.
    for _ in 0..COUNT {
        clients.push(client(server.address()).await);
    }
    for _ in 0..COUNT {
        env.accepted().await;
    }
    for (at, client) in clients.iter_mut().enumerate() {
        client.send(Message::text(request_text("r", &json!(at)))).await.unwrap();
        assert_eq!(env.request().await.2, json!(at));
    }
}

#[tokio::test]
async fn what_a_slow_receiver_leaves_waiting_goes_out_later() {
    const SIZE: usize = 1 << 20;
    const COUNT: usize = 24;
    let mut env = Env::new();
    let server = env.listen();
    let mut client = client(server.address()).await;
    let conn = env.accepted().await;
    for at in 0..COUNT {
        conn.frame(Opcode::Text, true, &[b'a' + at as u8; SIZE]).unwrap();
    }
    assert!(conn.flush(), "no kernel takes that much");
    for at in 0..COUNT {
        let message = within("a large reply", client.next()).await.unwrap().unwrap().into_data();
        assert_eq!(message.len(), SIZE);
        assert!(message.iter().all(|byte| *byte == b'a' + at as u8), "reply {at} is damaged");
    }
}

#[tokio::test]
async fn a_frame_may_be_cut_at_any_byte() {
    let mut env = Env::new();
    let server = env.listen();
    let mut cut = raw_client(server.address()).await;
    env.accepted().await;
    let mut other = client(server.address()).await;
    env.accepted().await;
    let frame = text_frame(request_text("r", &json!("ü")).as_bytes());
    for at in 1..frame.len() {
        cut.write_all(&frame[..at]).await.unwrap();
        // The driver's only thread reads the first part before or with this one.
        other.send(Message::text(request_text("other", &json!(at)))).await.unwrap();
        assert_eq!(env.request().await.2, json!(at));
        cut.write_all(&frame[at..]).await.unwrap();
        assert_eq!(env.request().await.2, json!("ü"));
    }
}

#[tokio::test]
async fn a_binary_frame_is_read_as_text() {
    let mut env = Env::new();
    let server = env.listen();
    let mut client = client(server.address()).await;
    env.accepted().await;
    client.send(Message::binary(request_text("r", &json!("ü")))).await.unwrap();
    assert_eq!(env.request().await.2, json!("ü"));
}

#[tokio::test]
async fn what_is_large_or_no_array_of_three_arrives_as_text() {
    let mut env = Env::new();
    let server = env.listen();
    let mut client = client(server.address()).await;
    let number = env.accepted().await.number();
    let fit = config::BATCHED_MESSAGE_BYTES - request_text("r", &json!("")).len();
    let fits = request_text("r", &json!("x".repeat(fit)));
    let large = request_text("r", &json!("x".repeat(fit + 1)));
    let texts = [&large, r#"{"a":1}"#, r#"["r","key"]"#, "5", "", "hello", r#"["r","key",01]"#];
    for text in texts {
        client.send(Message::text(text)).await.unwrap();
        assert_eq!(env.request_text().await, (number, text.to_owned()));
    }
    client.send(Message::text(fits)).await.unwrap();
    assert_eq!(env.request().await.2, Value::String("x".repeat(fit)));
}

async fn only_the_culprit_is_closed(bytes: &[u8], code: u16) {
    only_the_culprit_is_closed_with(bytes, code, "").await;
}

/// Sends `bytes` on a connection of their own: it closes with `code` and `reason`, and another one does
/// not.
async fn only_the_culprit_is_closed_with(bytes: &[u8], code: u16, reason: &str) {
    let mut env = Env::new();
    let server = env.listen();
    let mut good = client(server.address()).await;
    env.accepted().await;
    let mut bad = raw_client(server.address()).await;
    let number = env.accepted().await.number();

    bad.write_all(bytes).await.unwrap();
    let [high, low] = code.to_be_bytes();
    let mut frame = vec![0x88, 2 + reason.len() as u8, high, low];
    frame.extend_from_slice(reason.as_bytes());
    assert_eq!(read_rest(&mut bad).await, frame, "a close frame with {code}");
    let (conn, told, _, error) = env.closed().await;
    assert_eq!((conn, told, error.unwrap().close_code()), (number, 1006, code));
    good.send(Message::text(request_text("r", &json!(1)))).await.unwrap();
    assert_eq!(env.request().await.2, json!(1));
}

#[tokio::test]
async fn a_frame_without_a_mask_is_a_protocol_error() {
    only_the_culprit_is_closed(b"\x81\x02hi", 1002).await;
}

#[tokio::test]
async fn a_reserved_opcode_is_a_protocol_error() {
    only_the_culprit_is_closed(b"\x83\x80\0\0\0\0", 1002).await;
}

#[tokio::test]
async fn text_that_is_not_utf_8_is_refused() {
    only_the_culprit_is_closed(&text_frame(b"[\"\xff\"]"), 1007).await;
}

#[tokio::test]
async fn a_frame_over_the_limit_is_refused_by_its_header() {
    let mut header = vec![0x81, 0xff];
    header.extend_from_slice(&(config::MAX_MESSAGE_BYTES as u64 + 1).to_be_bytes());
    header.extend_from_slice(&[0; 4]);
    let limit = format!("maxPayload is {}", config::MAX_MESSAGE_BYTES);
    only_the_culprit_is_closed_with(&header, 1009, &limit).await;
}

#[tokio::test]
async fn a_clients_close_frame_is_answered_and_told() {
    let mut env = Env::new();
    let server = env.listen();
    let mut client = raw_client(server.address()).await;
    let number = env.accepted().await.number();
    client.write_all(b"\x88\x85\0\0\0\0\x0f\xa0bye").await.unwrap();
    assert!(read_rest(&mut client).await.starts_with(&[0x88]), "a close frame");
    let (conn, code, reason, error) = env.closed().await;
    assert_eq!((conn, code, &*reason, error.is_none()), (number, 4000, "bye", true));
}

#[tokio::test]
async fn plain_http_is_told_to_upgrade() {
    let mut env = Env::new();
    let server = env.listen();
    let mut plain = TcpStream::connect(server.address()).await.unwrap();
    plain.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    assert!(read_head(&mut plain).await.starts_with("HTTP/1.1 426 Upgrade Required\r\n"));
    assert_eq!(read_rest(&mut plain).await, b"Upgrade Required");
    // It is not reported: the first reported connection is this one.
    let _client = raw_client(server.address()).await;
    assert_eq!(env.accepted().await.number(), 0);
}

#[tokio::test]
async fn terminating_ends_a_client_without_a_close_frame() {
    let mut env = Env::new();
    let server = env.listen();
    let mut client = raw_client(server.address()).await;
    let conn = env.accepted().await;
    conn.terminate();
    assert_eq!(read_rest(&mut client).await, b"");
    let (_, code, _, error) = env.closed().await;
    assert_eq!((code, error.is_none()), (1006, true));
    assert!(conn.frame(Opcode::Text, true, b"").is_none(), "nothing is composed any more");
}

#[tokio::test]
async fn a_dropped_server_frees_its_port_and_leaves_its_connections() {
    let mut env = Env::new();
    let server = env.listen();
    let address = server.address();
    let mut client = client(address).await;
    env.accepted().await;
    let taken = env.listen_on(address.port());
    assert_eq!(taken.err().and_then(|error| error.code()), Some("EADDRINUSE"));

    drop(server);
    // The driver thread closes the listener, without notification. No other process gets the port
    // meanwhile, since a connection has it.
    let again = async {
        loop {
            match env.listen_on(address.port()) {
                Ok(server) => return server,
                Err(_) => tokio::task::yield_now().await,
            }
        }
    };
    let again = within("the port", again).await;
    assert_eq!(again.address(), address);
    let _second = raw_client(address).await;
    env.accepted().await;

    client.send(Message::text(request_text("r", &json!(1)))).await.unwrap();
    assert_eq!(env.request().await.2, json!(1));
}
