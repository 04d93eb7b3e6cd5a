//! A server's bytes after the handshake.

#![no_main]

use grenache_nodejs_ws_native::ws::Role;
use grenache_nodejs_ws_native_fuzz::machine;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| machine(Role::Client, input));
