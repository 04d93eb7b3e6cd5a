//! Texts of requests and replies: split exactly if serde_json parses them as arrays of at least
//! three elements, and into the same ones.

#![no_main]

use grenache_nodejs_ws_native::rpc::{Frame, split};
use libfuzzer_sys::fuzz_target;
use serde_json::value::RawValue;

fuzz_target!(|text: &str| {
    // Raw values are checked without recursion, as V8 accepts any depth.
    let whole = serde_json::from_str::<Vec<&RawValue>>(text).unwrap_or_default();
    match split(text) {
        Frame::Three(rid, key, payload) => {
            let expected: Vec<_> = whole.iter().take(3).map(|part| part.get()).collect();
            assert_eq!([rid, key, payload], expected[..]);
        }
        Frame::Other => assert!(whole.len() < 3),
    }
});
