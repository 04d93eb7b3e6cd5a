//! A discovery node, and datagrams of strangers while it works: in any order, from few addresses,
//! with time passing. It stays bounded and finishes its commands.

#![no_main]

use grenache_nodejs_ws_native::{
    config::grape as config,
    grape::{Address, Command, Core, Event, Options},
};
use libfuzzer_sys::fuzz_target;

/// Longer than any walk of so few nodes.
const LONG: u64 = 60_000;

fuzz_target!(|datagrams: Vec<(u8, u16, Vec<u8>)>| {
    let mut core = Core::new(Options::default(), [7; 32], 0);
    let address = |number: u8| Address { ip: [10, 0, 0, number % 4], port: 1 + u16::from(number) };
    core.bootstrap(0, vec![address(1), address(2)]);
    core.start(0, 1, Command::Announce { key: b"rpc_test".to_vec(), port: 1337 });
    core.start(0, 2, Command::Lookup(b"rpc_test".to_vec()));
    let mut now = 0;
    let mut done = 0;
    let mut transactions: Vec<Vec<u8>> = Vec::new();
    for (number, time, mut bytes) in datagrams {
        now += u64::from(time);
        // A marker in the input is replaced by the transaction id of a pending query.
        if let Some(transaction) = transactions.get(usize::from(number) % transactions.len().max(1))
        {
            replace(&mut bytes, transaction);
        }
        let output = core.tick(now, [(address(number), &bytes[..])]);
        done += output.events.iter().filter(|event| matches!(event, Event::Done { .. })).count();
        for datagram in output.datagrams {
            assert!(datagram.bytes.len() <= config::MESSAGE_BYTES);
            if let Some(at) = datagram.bytes.windows(5).position(|part| part == b"1:t4:") {
                transactions.push(datagram.bytes[at + 5..at + 9].to_vec());
            }
        }
    }
    let end = now + LONG;
    while done < 2 && now < end {
        now = core.wake_at().max(now + 1);
        let output = core.tick(now, []);
        done += output.events.iter().filter(|event| matches!(event, Event::Done { .. })).count();
    }
    assert_eq!(done, 2, "each command ends once");
    assert!(core.status().in_flight <= config::TRANSACTIONS);
});

fn replace(bytes: &mut [u8], transaction: &[u8]) {
    const MARK: &[u8] = b"1:t4:";
    if let Some(at) = bytes.windows(9).position(|part| part.starts_with(MARK)) {
        bytes[at + MARK.len()..at + 9].copy_from_slice(transaction);
    }
}
