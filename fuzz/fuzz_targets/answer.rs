//! A server's response to a client's handshake. `{accept}` in the input is replaced by the right
//! accept value for the key, which is random.

#![no_main]

use grenache_nodejs_ws_native::ws::ClientHandshake;
use libfuzzer_sys::fuzz_target;
use tungstenite::handshake::derive_accept_key;

const PLACE: &[u8] = b"{accept}";

fuzz_target!(|input: &[u8]| {
    let (handshake, request) = ClientHandshake::new("a:1", "/ws");
    let bytes = replace(input, &accept(&request));
    match handshake.read_response(&bytes) {
        Ok(Some(consumed)) => {
            assert!(consumed <= bytes.len());
            for cut in [consumed / 3, consumed / 2, consumed - 1] {
                assert!(matches!(handshake.read_response(&bytes[..cut]), Ok(None)));
            }
            assert_eq!(handshake.read_response(&bytes[..consumed]).ok(), Some(Some(consumed)));
            // The accept value of another key is wrong.
            let (other, _) = ClientHandshake::new("a:1", "/ws");
            assert!(other.read_response(&bytes).is_err());
        }
        Ok(None) => {}
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});

fn accept(request: &[u8]) -> String {
    let request = std::str::from_utf8(request).expect("ASCII");
    let key = request.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: "));
    derive_accept_key(key.expect("a key").as_bytes())
}

fn replace(input: &[u8], accept: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(input.len() + accept.len());
    let mut rest = input;
    while let Some(at) = rest.windows(PLACE.len()).position(|part| part == PLACE) {
        bytes.extend_from_slice(&rest[..at]);
        bytes.extend_from_slice(accept.as_bytes());
        rest = &rest[at + PLACE.len()..];
    }
    bytes.extend_from_slice(rest);
    bytes
}
