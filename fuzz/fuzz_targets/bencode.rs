//! Arbitrary bytes as bencode: a decoded value is encoded to the same bytes, since bencode has one
//! text for each value.

#![no_main]

use grenache_nodejs_ws_native::grape::bencode::Value;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    if let Some(value) = Value::decode(input) {
        let written = value.encode();
        assert_eq!(Some(&written[..]), input.get(..written.len()));
        assert_eq!(Value::decode(&written).as_ref(), Some(&value));
        let _ = value.to_text();
    }
});
