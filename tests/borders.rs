//! A fault in the native code, or in the network, costs one connection, which reports it.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a panic here is a failed test")]

mod common;

use common::{Env, Got, accept, connected, raw_client, read_head, read_rest, text_frame};
use futures_util::SinkExt;
use grenache_nodejs_ws_native::{
    error::Error,
    net::{Budget, Io, Settings, stream::Stream},
    rpc::Event,
    ws::{Role, Upgrade, read_request},
};
use socket2::SockRef;
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::{
    io::AsyncWriteExt,
    net::{TcpListener, TcpStream},
};
use tokio_tungstenite::tungstenite::Message;

/// An environment in which, once armed, the next wake-up of JavaScript panics.
fn fragile() -> (Env, Arc<AtomicBool>) {
    let armed = Arc::new(AtomicBool::new(false));
    let fault = armed.clone();
    let env = Env::with_wake(move || assert!(!fault.swap(false, Ordering::SeqCst), "by a test"));
    (env, armed)
}

async fn must_end_by_panic(env: &mut Env) -> u32 {
    let (number, code, _, error) = env.closed().await;
    assert_eq!((code, error.unwrap().to_string()), (1006, Error::Panic.to_string()));
    number
}

/// Closes a connection by a reset.
fn reset(stream: TcpStream) {
    SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
}

#[tokio::test]
async fn a_panic_costs_one_connection_which_says_so() {
    let (mut env, armed) = fragile();
    let server = env.listen();
    let (mut first, mut second) =
        (raw_client(server.address()).await, raw_client(server.address()).await);
    let numbers = [env.accepted().await.number(), env.accepted().await.number()];
    armed.store(true, Ordering::SeqCst);
    first.write_all(&text_frame(br#"["a","key",1]"#)).await.unwrap();
    // The panic may hit the wake-up for the second one's beginning.
    let spoilt = loop {
        match env.next().await {
            Got::Request { rid, .. } => assert_eq!(rid, "a"),
            Got::Event(Event::Closed { conn, code, error, .. }) => {
                assert_eq!((code, error.unwrap().to_string()), (1006, Error::Panic.to_string()));
                break conn;
            }
            other => panic!("{other:?}"),
        }
    };
    let (ended, other) =
        if spoilt == numbers[0] { (&mut first, &mut second) } else { (&mut second, &mut first) };
    assert_eq!(read_rest(ended).await, b"");
    other.write_all(&text_frame(br#"["b","key",2]"#)).await.unwrap();
    while env.request().await.1 != "b" {}
}

#[tokio::test]
async fn a_panic_while_a_connection_is_made_ends_it() {
    let (mut env, armed) = fragile();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    armed.store(true, Ordering::SeqCst);
    let conn = env.connect(listener.local_addr().unwrap());
    let mut stream = accept(&listener).await;
    let head = read_head(&mut stream).await;
    let answer = match read_request(head.as_bytes()) {
        Upgrade::Accept { response, .. } => response,
        other => panic!("{other:?}"),
    };
    stream.write_all(&answer).await.unwrap();
    env.opened().await;
    assert_eq!(must_end_by_panic(&mut env).await, conn.number());
}

#[tokio::test]
async fn a_panic_ends_a_stream_on_either_thread() {
    let (mut env, armed) = fragile();
    let stream = |heartbeat| {
        let settings = Settings { io: Io::Stream, heartbeat, ..Settings::default() };
        let stream = Stream::new(&env.driver, &env.hub, Role::Server, settings, &Budget::new(0));
        stream.open(None);
        stream
    };
    let read = stream(0);
    armed.store(true, Ordering::SeqCst);
    read.receive(&text_frame(br#"["a","key",1]"#));
    let watched = stream(8);
    assert_eq!(env.request().await.1, "a");
    assert_eq!(must_end_by_panic(&mut env).await, read.conn().number());
    armed.store(true, Ordering::SeqCst);
    loop {
        // The panic follows the event that something is due.
        match env.event().await {
            Event::Overdue { .. } => {}
            Event::Closed { conn, error, .. } => {
                assert_eq!(conn, watched.conn().number());
                assert_eq!(error.unwrap().to_string(), Error::Panic.to_string());
                break;
            }
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn the_end_of_a_stream_that_holds_too_much_comes_behind_its_messages() {
    let mut env = Env::new();
    let settings = Settings { io: Io::Stream, ..Settings::default() };
    let budget = Budget::new(8 * 1024);
    let stream = Stream::new(&env.driver, &env.hub, Role::Server, settings, &budget);
    stream.open(None);
    let mut bytes = text_frame(br#"["a","key",1]"#);
    // Half of a message, in the same read.
    bytes.extend_from_slice(&[0x81, 0x80 | 126, 0x4e, 0x20, 0, 0, 0, 0]);
    bytes.extend_from_slice(&[b'x'; 16_000]);
    stream.receive(&bytes);
    assert_eq!(env.request().await.1, "a");
    let event = env.event().await;
    let Event::Closed { error, .. } = event else { panic!("{event:?}") };
    assert_eq!(error.unwrap().to_string(), Error::OverBudget.to_string());
}

#[tokio::test]
async fn what_a_panic_left_half_composed_is_never_sent() {
    let mut env = Env::new();
    let (conn, server) = connected(&mut env).await;
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        conn.request(0, 0, 60_000, |out| {
            out.extend_from_slice(b"half of a payl");
            panic!("by a test")
        })
    }));
    assert!(panicked.is_err());
    assert!(conn.is_spoilt());
    conn.flush();
    assert!(conn.request(1, 0, 60_000, |_| true).is_none(), "the connection is over");
    must_end_by_panic(&mut env).await;
    assert_eq!(read_rest(&mut server.into_inner()).await, b"");
}

#[tokio::test]
async fn a_client_that_resets_is_noticed_while_it_is_not_read() {
    let mut env = Env::new();
    let server = env.listen();
    let mut client = raw_client(server.address()).await;
    let conn = env.accepted().await;
    conn.set_reading(false);
    client.write_all(&text_frame(br#"["a","key",1]"#)).await.unwrap();
    reset(client);
    let (_, code, _, error) = env.closed().await;
    // Its request is not reported: no caller waits for the reply.
    assert_eq!((code, error.unwrap().code()), (1006, Some("ECONNRESET")));
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_client_that_goes_away_is_noticed_while_it_is_not_read() {
    let mut env = Env::new();
    let server = env.listen();
    let client = raw_client(server.address()).await;
    let conn = env.accepted().await;
    conn.set_reading(false);
    drop(client);
    let (_, code, _, error) = env.closed().await;
    assert_eq!(code, 1006);
    // The system of the closed connection answers the ping. Without an error, the end was read
    // before the pause began.
    let told = error.is_none_or(|error| matches!(error.code(), Some("ECONNRESET" | "EPIPE")));
    assert!(told);
}

#[tokio::test]
async fn what_a_server_answered_before_it_reset_is_delivered() {
    let mut env = Env::new();
    let (conn, mut server) = connected(&mut env).await;
    conn.set_reading(false);
    let rids: Vec<String> = (0..2)
        .map(|slot| {
            conn.request(slot, 0, 60_000, |_| true).unwrap();
            String::from_utf8(conn.rid(slot).unwrap().to_vec()).unwrap()
        })
        .collect();
    server.send(Message::text(format!(r#"["{}",null,7]"#, rids[0]))).await.unwrap();
    reset(server.into_inner());
    let (slot, _, result) = env.reply().await;
    assert_eq!((slot, result.as_u64()), (0, Some(7)));
    let (_, code, _, error) = env.closed().await;
    assert_eq!((code, error.unwrap().code()), (1006, Some("ECONNRESET")));
}
