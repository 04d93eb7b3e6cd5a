//! Destinations: an accepted one is an address and nothing else, since it is written into the
//! handshake unchanged.

#![no_main]

use grenache_nodejs_ws_native::net::Destination;
use libfuzzer_sys::fuzz_target;
use std::net::Ipv6Addr;

fuzz_target!(|text: &str| {
    match Destination::parse(text) {
        Ok(Destination { host, port }) => {
            assert!(port > 0);
            assert!(text.bytes().all(|byte| byte.is_ascii_graphic()));
            assert!(!text.contains(['/', '?', '#', '@', '\\', '"']));
            let bracketed = text.starts_with('[');
            assert_eq!(bracketed, host.parse::<Ipv6Addr>().is_ok());
            let before = if bracketed { format!("[{host}]:") } else { format!("{host}:") };
            let digits = text.strip_prefix(&before).expect("the host as it stood");
            assert_eq!(digits.parse(), Ok(port));
        }
        Err(error) => assert!(error.to_string().starts_with("ERR_DEST_INVALID: ")),
    }
});
