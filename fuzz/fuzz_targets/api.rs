//! Arbitrary bodies of requests to a grape's API.

#![no_main]

use grenache_nodejs_ws_native::grape::{Command, api};
use libfuzzer_sys::fuzz_target;

const KINDS: [&str; 6] = ["lookup", "announce", "unannounce", "put", "get", "other"];

fuzz_target!(|input: (u8, &[u8])| {
    let (kind, body) = input;
    match api::parse(KINDS[usize::from(kind) % KINDS.len()], body) {
        Ok(request) => {
            if let Command::Put { item, .. } = request.command {
                let _ = (item.target(), item.check());
            }
        }
        Err(failure) => assert!(!failure.to_string().is_empty() && failure.status() >= 200),
    }
});
