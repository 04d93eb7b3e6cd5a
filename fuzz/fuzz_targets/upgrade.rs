//! A client's bytes before the handshake is complete: arbitrary bytes, or headers in an otherwise
//! valid request.

#![no_main]

use grenache_nodejs_ws_native::ws::{Upgrade, read_request};
use libfuzzer_sys::fuzz_target;

const RIGHT: &[u8] =
    b"GET /ws HTTP/1.1\r\nHost: a:1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
const ACCEPT: (&str, &[u8]) = ("sec-websocket-accept", b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");

fuzz_target!(|input: &[u8]| {
    let Some((way, rest)) = input.split_first() else { return };
    match way % 2 {
        0 => check(rest, None),
        _ => check(&[RIGHT, rest].concat(), Some(ACCEPT)),
    }
});

/// `accept`: the key is the sample of RFC 6455, unless the input has another one before it.
fn check(bytes: &[u8], accept: Option<(&str, &[u8])>) {
    match read_request(bytes) {
        Upgrade::Partial => {}
        Upgrade::Accept { response, consumed, head } => {
            assert!(consumed <= bytes.len());
            assert!(bytes[..consumed].ends_with(b"\n"));
            // No prefix of it is enough, and bytes after it do not matter.
            for cut in [consumed / 3, consumed / 2, consumed - 1] {
                assert!(matches!(read_request(&bytes[..cut]), Upgrade::Partial));
            }
            let Upgrade::Accept { response: again, .. } = read_request(&bytes[..consumed]) else {
                panic!("without what is behind it, it is none")
            };
            assert_eq!(response, again);
            assert!(!head.url.is_empty());
            for (name, _) in &head.headers {
                assert!(!name.bytes().any(|byte| byte.is_ascii_uppercase()));
            }
            let headers = read_response(&response, 101);
            if let Some(accept) = accept {
                assert!(headers.iter().any(|(name, value)| (name.as_str(), &value[..]) == accept));
            }
            // The request cannot inject headers.
            let allowed =
                ["connection", "upgrade", "sec-websocket-accept", "sec-websocket-protocol"];
            for (name, _) in &headers {
                assert_eq!(headers.iter().filter(|(other, _)| other == name).count(), 1);
                assert!(allowed.contains(&name.as_str()), "{name}");
            }
        }
        Upgrade::Refuse { response } => {
            let headers = read_response(&response, 400);
            assert!(headers.iter().any(|(name, value)| name == "connection" && value == b"close"));
        }
    }
}

/// The headers of a whole response. Panics unless it is one; `least` is its smallest status.
fn read_response(bytes: &[u8], least: u16) -> Vec<(String, Vec<u8>)> {
    let mut headers = [httparse::EMPTY_HEADER; 16];
    let mut response = httparse::Response::new(&mut headers);
    let Ok(httparse::Status::Complete(len)) = response.parse(bytes) else {
        panic!("no whole response")
    };
    assert!(response.code.is_some_and(|code| code >= least));
    assert!(least > 101 || len == bytes.len(), "101 has no body");
    let lower =
        |header: &httparse::Header<'_>| (header.name.to_ascii_lowercase(), header.value.to_owned());
    response.headers.iter().map(lower).collect()
}
