use super::*;

fn status(bytes: &[u8]) -> String {
    match read_request(bytes) {
        Upgrade::Partial => "partial".into(),
        Upgrade::Accept { response, .. } | Upgrade::Refuse { response } => {
            String::from_utf8(response).unwrap()[9..12].into()
        }
    }
}

#[test]
fn both_sides_agree_whatever_the_cut() {
    let (client, request) = ClientHandshake::new("127.0.0.1:1", "/ws");
    for end in 0..request.len() {
        assert!(matches!(read_request(&request[..end]), Upgrade::Partial));
    }
    let mut with_frame = request.clone();
    with_frame.extend_from_slice(b"frame");
    let Upgrade::Accept { response, consumed, head } = read_request(&with_frame) else { panic!() };
    assert_eq!(consumed, request.len());
    assert_eq!(head.url, "/ws");
    assert!(head.headers.contains(&("host".into(), "127.0.0.1:1".into())));
    for end in 0..response.len() {
        assert!(client.read_response(&response[..end]).unwrap().is_none());
    }
    assert_eq!(client.read_response(&response).unwrap(), Some(response.len()));
}

/// How often `bytes` are parsed, in pieces of `size`; and how many bytes are parsed in total.
fn parses(bytes: &[u8], size: usize) -> (usize, usize) {
    let (mut head, mut end, mut count, mut total) = (Vec::new(), HeadEnd::default(), 0, 0);
    for piece in bytes.chunks(size) {
        head.extend_from_slice(piece);
        if end.is_due(&mut head) {
            count += 1;
            total += head.len();
            if !matches!(read_request(&head), Upgrade::Partial) {
                break;
            }
        }
    }
    (count, total)
}

#[test]
fn a_head_is_parsed_a_few_times_whatever_its_pieces() {
    let (_, request) = ClientHandshake::new("127.0.0.1:1", "/ws");
    for size in 1..request.len() {
        let (count, _) = parses(&request, size);
        assert!(count <= 10, "{count} times in pieces of {size}");
    }
    let mut long = b"GET / HTTP/1.1\r\n".to_vec();
    while long.len() < config::MAX_HANDSHAKE_BYTES - 200 {
        long.extend_from_slice(&[b"a:", &[b'b'; 140][..], b"\r\n"].concat());
    }
    long.resize(config::MAX_HANDSHAKE_BYTES, b'a');
    let (_, total) = parses(&long, 1);
    assert!(total <= 3 * long.len(), "{total} bytes of {}", long.len());
    // Empty lines before it cost nothing, and do not count.
    assert_eq!(parses(&[b'\n'; 100_000], 1), (0, 0));
    let led = [b"\r\n\n".as_slice(), &request].concat();
    for size in [1, 2, 4, led.len()] {
        let (mut head, mut end) = (Vec::new(), HeadEnd::default());
        let mut last = Upgrade::Partial;
        for piece in led.chunks(size) {
            head.extend_from_slice(piece);
            if end.is_due(&mut head) {
                last = read_request(&head);
            }
        }
        assert!(matches!(last, Upgrade::Accept { consumed, .. } if consumed == request.len()));
    }
}

#[test]
fn an_end_is_seen_whatever_the_pieces_and_the_line_ends() {
    for end in ["\r\n\r\n", "\n\n", "\r\n\n", "\n\r\n"] {
        let text = format!("GET / HTTP/1.1\r\nHost: a\r\nUpgrade: x{end}");
        for size in 1..=text.len() {
            let (mut head, mut last) = (Vec::new(), Upgrade::Partial);
            let mut due = HeadEnd::default();
            for piece in text.as_bytes().chunks(size) {
                head.extend_from_slice(piece);
                if due.is_due(&mut head) {
                    last = read_request(&head);
                }
            }
            assert!(matches!(last, Upgrade::Refuse { .. }), "{end:?} in pieces of {size}");
        }
    }
}

#[test]
fn a_head_knows_its_memory() {
    assert_eq!(Head::default().bytes(), 0);
    let text = format!("GET / HTTP/1.1\r\nA: {}\r\n\r\n", "\u{e4}".repeat(5_000));
    let mut headers = [httparse::EMPTY_HEADER; 4];
    let mut request = httparse::Request::new(&mut headers);
    request.parse(text.as_bytes()).unwrap();
    // Two bytes for each non-ASCII byte.
    assert!(Head::of(&request).bytes() >= 20_000);
}

#[test]
fn what_is_no_upgrade_is_answered_in_http() {
    assert_eq!(status(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"), "426");
    assert_eq!(status(b"GET / HTTP/1.1\r\nUpgrade: websocket\r\n\r\n"), "400");
    assert_eq!(
        status(
            b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\
              Sec-WebSocket-Version: 8\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        ),
        "426"
    );
    assert_eq!(status(b"GET / HTTP/1.1\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n"), "400");
    assert_eq!(status(b"\x16\x03\x01\x02\0 garbage"), "400");
    let mut long = b"GET / HTTP/1.1\r\nA: ".to_vec();
    long.resize(config::MAX_HANDSHAKE_BYTES, b'a');
    assert_eq!(status(&long), "431");
}

#[test]
fn the_first_offered_subprotocol_is_taken() {
    let (_, request) = ClientHandshake::new("a:1", "/");
    let request = String::from_utf8(request).unwrap();
    let request = request.replace("Host", "Sec-WebSocket-Protocol: one, two\r\nHost");
    let Upgrade::Accept { response, .. } = read_request(request.as_bytes()) else { panic!() };
    assert!(String::from_utf8(response).unwrap().contains("sec-websocket-protocol: one\r\n"));
}

#[test]
fn a_client_says_what_is_wrong_with_an_answer() {
    let (client, _) = ClientHandshake::new("a:1", "/");
    let text = |answer: &str| client.read_response(answer.as_bytes()).unwrap_err().to_string();
    assert_eq!(text("HTTP/1.1 426 No\r\n\r\n"), "Unexpected server response: 426");
    assert_eq!(text("HTTP/1.1 101 Ok\r\n\r\n"), "Invalid Upgrade header");
    assert_eq!(
        text("HTTP/1.1 101 Ok\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: x\r\n\r\n"),
        "Invalid Connection header"
    );
    assert_eq!(
        text(
            "HTTP/1.1 101 Ok\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\
             Sec-WebSocket-Accept: x\r\n\r\n"
        ),
        "Invalid Sec-WebSocket-Accept header"
    );
}

#[test]
fn heads_that_say_to_go_on_come_before_an_answer_a_few_times() {
    let (client, request) = ClientHandshake::new("a:1", "/");
    let Upgrade::Accept { response, .. } = read_request(&request) else { panic!() };
    let after = |head: &str, times: usize| [head.repeat(times).as_bytes(), &response].concat();
    for head in ["HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.1 103 Hints\r\nLink: x\r\n\r\n"] {
        let bytes = after(head, config::MAX_INFORMATION);
        let (mut end, mut came) = (HeadEnd::default(), Vec::new());
        for (at, byte) in bytes.iter().enumerate() {
            came.push(*byte);
            if end.is_due(&mut came) {
                let wanted = (at + 1 == bytes.len()).then_some(bytes.len());
                assert_eq!(client.read_response(&came).unwrap(), wanted, "{at}");
            }
        }
        assert_eq!(came, bytes);
        let bytes = after(head, config::MAX_INFORMATION + 1);
        let status = head.split(' ').nth(1).unwrap();
        let error = client.read_response(&bytes).unwrap_err().to_string();
        assert_eq!(error, format!("Unexpected server response: {status}"));
    }
    // All of them have the room of one head.
    let long = format!("HTTP/1.1 100 Continue\r\nx: {}\r\n\r\n", "x".repeat(1000)).repeat(17);
    let part = &long.as_bytes()[..config::MAX_HANDSHAKE_BYTES];
    assert_eq!(client.read_response(part).unwrap_err().to_string(), "Header overflow");
}
