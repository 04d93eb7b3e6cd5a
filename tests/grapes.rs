//! The link's HTTP client against a server of plain sockets.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a panic here is a failed test")]

mod common;

use common::{deaf_address, read_head, within};
use grenache_nodejs_ws_native::{config, error::Error, exchange::Answer, link::Grapes};
use std::time::{Duration, Instant};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpSocket, TcpStream},
};

/// A deadline that no test waits for, in milliseconds.
const LONG: u64 = 5_000;

/// A grape, and its address.
async fn grape() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    (listener, url)
}

async fn accept(listener: &TcpListener) -> TcpStream {
    within("a connection", listener.accept()).await.unwrap().0
}

/// One request: its lines in lower case, and its body.
async fn read_request(stream: &mut TcpStream) -> (Vec<String>, String) {
    let head = read_head(stream).await;
    let lines: Vec<String> = head.trim_end().lines().map(str::to_lowercase).collect();
    let len = lines.iter().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
    let mut body = vec![0; len.parse().unwrap()];
    within("the body", stream.read_exact(&mut body)).await.unwrap();
    (lines, String::from_utf8(body).unwrap())
}

async fn answer(stream: &mut TcpStream, status: &str, body: &str) {
    let text = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    // A client that has read enough may have disconnected already.
    let _ = stream.write_all(text.as_bytes()).await;
}

/// A response without a location.
fn plain(status: u16, body: &str) -> Answer {
    Answer { status, body: body.into(), location: None }
}

#[tokio::test]
async fn authorization_and_location_are_passed_on() {
    let (listener, url) = grape().await;
    let serve = async {
        let mut stream = accept(&listener).await;
        let (lines, _) = read_request(&mut stream).await;
        let text = "HTTP/1.1 307 Go\r\nLocation: /there\r\nContent-Length: 0\r\n\r\n";
        stream.write_all(text.as_bytes()).await.unwrap();
        lines
    };
    let grapes = Grapes::default();
    let fields = ["authorization".to_owned(), "Basic eA==".to_owned()];
    let asked = grapes.post(&url, &fields, "{}".into(), LONG);
    let (result, lines) = tokio::join!(asked, serve);
    let location = Some("/there".to_owned());
    assert_eq!(result.unwrap(), Answer { status: 307, body: String::new(), location });
    assert!(lines.contains(&"authorization: basic ea==".to_owned()), "{lines:?}");
}

#[tokio::test]
async fn posts_path_headers_and_body() {
    let (listener, url) = grape().await;
    let body = r#"{"rid":"1","data":"ü"}"#;
    let url = format!("{url}/lookup");
    let grapes = Grapes::default();
    let serve = async {
        let mut stream = accept(&listener).await;
        let request = read_request(&mut stream).await;
        answer(&mut stream, "200 OK", r#"["ä"]"#).await;
        request
    };
    let (result, (lines, got)) = tokio::join!(grapes.post(&url, &[], body.into(), LONG), serve);
    assert_eq!(result.unwrap(), plain(200, r#"["ä"]"#));
    assert_eq!(got, body);
    assert_eq!(lines[0], "post /lookup http/1.1");
    let host = format!("host: {}", listener.local_addr().unwrap());
    for header in [host.as_str(), "content-type: application/json", "accept: */*"] {
        assert!(lines.iter().any(|line| line == header), "{header} is not in {lines:?}");
    }
}

/// A listener with a backlog of one connection.
fn crowded() -> (TcpListener, String) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(0).unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    (listener, url)
}

/// How long it takes until the other side has closed a connection, without a byte.
async fn closed(mut stream: TcpStream) -> Duration {
    let since = Instant::now();
    let read = within("the end", stream.read(&mut [0; 1])).await;
    assert_eq!(read.unwrap(), 0, "something was sent");
    since.elapsed()
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_connection_that_no_request_needed_is_closed_soon() {
    let (listener, url) = crowded();
    let grapes = Grapes::default();
    let serve = async {
        let mut first = accept(&listener).await;
        read_request(&mut first).await;
        // The second request has to wait for its connection, and gets the first one's.
        let filler = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let second = async {
            let asked = grapes.post(&url, &[], "2".into(), LONG).await;
            assert_eq!(asked.unwrap(), plain(200, "2"));
        };
        let answers = async {
            tokio::time::sleep(Duration::from_millis(100)).await;
            answer(&mut first, "200 OK", "1").await;
            assert_eq!(read_request(&mut first).await.1, "2");
            answer(&mut first, "200 OK", "2").await;
        };
        tokio::join!(second, answers);
        drop((filler, accept(&listener).await));
        closed(accept(&listener).await).await
    };
    let (_, took) = tokio::join!(grapes.post(&url, &[], "1".into(), LONG), serve);
    assert!(took < config::GRAPE_UNUSED * 2, "it took {took:?}");
}

/// When idle connections are let go: no exchange may keep its own afterwards.
#[derive(Clone, Copy, Debug, PartialEq)]
enum LetGo {
    BeforeFirstPoll,
    DuringExchange,
    AfterExchange,
}

#[tokio::test]
async fn connections_that_are_let_go_are_closed_at_once_or_after_their_exchange() {
    let (listener, url) = grape().await;
    let grapes = Grapes::default();
    for when in [LetGo::BeforeFirstPoll, LetGo::DuringExchange, LetGo::AfterExchange] {
        let serve = async {
            let mut stream = accept(&listener).await;
            read_request(&mut stream).await;
            if when == LetGo::DuringExchange {
                grapes.let_go();
            }
            answer(&mut stream, "200 OK", "done").await;
            stream
        };
        let post = grapes.post(&url, &[], "{}".into(), LONG);
        if when == LetGo::BeforeFirstPoll {
            grapes.let_go();
        }
        let (result, stream) = tokio::join!(post, serve);
        assert_eq!(result.unwrap(), plain(200, "done"));
        if when == LetGo::AfterExchange {
            grapes.let_go();
        }
        let took = closed(stream).await;
        assert!(took < config::GRAPE_UNUSED, "{when:?}, it took {took:?}");
    }
}

#[tokio::test]
async fn a_connection_is_kept_for_the_next_request() {
    let (listener, url) = grape().await;
    let grapes = Grapes::default();
    let serve = async {
        // No other connection is accepted: a request on one would time out.
        let mut stream = accept(&listener).await;
        for body in ["1", "2", "3"] {
            assert_eq!(read_request(&mut stream).await.1, body);
            answer(&mut stream, "200 OK", body).await;
        }
    };
    let ask = async {
        for body in ["1", "2", "3"] {
            assert_eq!(grapes.post(&url, &[], body.into(), LONG).await.unwrap(), plain(200, body));
        }
    };
    tokio::join!(serve, ask);
}

#[tokio::test]
async fn a_status_that_is_no_success_comes_with_its_body() {
    for (line, status) in [("404 Not Found", 404), ("500 Oh", 500), ("302 Found", 302)] {
        let (listener, url) = grape().await;
        let serve = async {
            let mut stream = accept(&listener).await;
            read_request(&mut stream).await;
            answer(&mut stream, line, "ERR_GRAPE").await;
        };
        let grapes = Grapes::default();
        let (result, ()) = tokio::join!(grapes.post(&url, &[], "{}".into(), LONG), serve);
        assert_eq!(result.unwrap(), plain(status, "ERR_GRAPE"));
    }
}

#[tokio::test]
async fn a_grape_that_does_not_answer_times_out_at_the_deadline() {
    let (listener, url) = grape().await;
    let start = Instant::now();
    // Once without a response, once with half of one.
    for part in ["", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"] {
        let serve = async {
            let mut stream = accept(&listener).await;
            read_request(&mut stream).await;
            stream.write_all(part.as_bytes()).await.unwrap();
            stream
        };
        let grapes = Grapes::default();
        let (result, _held) = tokio::join!(grapes.post(&url, &[], "{}".into(), 100), serve);
        let error = result.unwrap_err();
        assert!(matches!(error, Error::Timeout), "{error:?}");
        assert_eq!(error.to_string(), "ERR_TIMEOUT");
    }
    let waited = start.elapsed();
    assert!(waited >= Duration::from_millis(200), "{waited:?}");
    assert!(waited < Duration::from_millis(LONG), "{waited:?}");
}

#[tokio::test]
async fn a_refused_connection_is_a_system_error_with_its_address() {
    let (_held, address) = deaf_address();
    let error = Grapes::default()
        .post(&format!("http://{address}"), &[], "{}".into(), LONG)
        .await
        .unwrap_err();
    assert_eq!(error.code(), Some("ECONNREFUSED"));
    assert_eq!(error.syscall(), Some("connect"));
    assert_eq!(error.address(), Some(address));
}

#[tokio::test]
async fn a_grape_that_hangs_up_is_an_error() {
    let (listener, url) = grape().await;
    let serve = async {
        let mut stream = accept(&listener).await;
        read_request(&mut stream).await;
    };
    let grapes = Grapes::default();
    let (result, ()) = tokio::join!(grapes.post(&url, &[], "{}".into(), LONG), serve);
    let error = result.unwrap_err();
    assert!(matches!(error, Error::HangUp | Error::System { .. }), "{error:?}");
    assert_eq!(error.code(), Some("ECONNRESET"));
}

#[tokio::test]
async fn what_is_no_url_of_http_is_refused() {
    for bad in
        ["", "127.0.0.1:30001", "/lookup", "https://127.0.0.1/", "ws://a:1", "http://", "a b"]
    {
        let error = Grapes::default().post(bad, &[], "{}".into(), LONG).await.unwrap_err();
        assert!(matches!(&error, Error::BadUrl(url) if url == bad), "{bad}: {error:?}");
    }
}

#[tokio::test]
async fn an_answer_over_the_limit_is_an_error() {
    for (len, fits) in
        [(config::MAX_GRAPE_ANSWER_BYTES, true), (config::MAX_GRAPE_ANSWER_BYTES + 1, false)]
    {
        let (listener, url) = grape().await;
        let body = "x".repeat(len);
        let serve = async {
            let mut stream = accept(&listener).await;
            read_request(&mut stream).await;
            answer(&mut stream, "200 OK", &body).await;
        };
        let grapes = Grapes::default();
        let (result, ()) = tokio::join!(grapes.post(&url, &[], "{}".into(), LONG), serve);
        match result {
            Ok(got) => assert!(fits && got == plain(200, &body), "{} bytes came", got.body.len()),
            Err(error) => assert!(!fits && matches!(error, Error::Http(_)), "{error:?}"),
        }
    }
}
