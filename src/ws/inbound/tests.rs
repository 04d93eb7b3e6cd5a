use super::*;
use crate::ws::Outbound;

fn inbound(role: Role) -> Inbound {
    Inbound::new(role, config::MAX_MESSAGE_BYTES)
}

fn texts(inbound: &mut Inbound, bytes: &[u8]) -> Vec<String> {
    let mut got = Vec::new();
    inbound
        .receive(&mut bytes.to_vec(), &mut Vec::new(), |message| {
            if let Incoming::Text(text) = message {
                got.push(text.to_owned());
            }
        })
        .unwrap();
    got
}

#[test]
fn messages_cut_at_any_byte_arrive_whole() {
    for role in [Role::Client, Role::Server] {
        let mut out = Outbound::new(role);
        let sent = ["a".to_owned(), "ü".repeat(70), "x".repeat(3000), "y".repeat(70_000)];
        for text in &sent {
            out.frame(frame::Opcode::Text, text.as_bytes());
        }
        let bytes = out.take_all().unwrap();
        for step in [1, 7, 1024, bytes.len()] {
            let other = if role == Role::Client { Role::Server } else { Role::Client };
            let mut inbound = inbound(other);
            let got: Vec<_> =
                bytes.chunks(step).flat_map(|part| texts(&mut inbound, part)).collect();
            assert_eq!(got, sent);
        }
    }
}

#[test]
fn fragments_and_control_frames_between_them() {
    // RFC 6455 section 5.4: "Hel", a ping, "lo", and an unfragmented frame.
    let bytes = b"\x01\x03Hel\x89\x01!\x80\x02lo\x81\x02ok";
    for step in 1..=bytes.len() {
        let mut inbound = inbound(Role::Client);
        let got: Vec<_> = bytes.chunks(step).flat_map(|part| texts(&mut inbound, part)).collect();
        assert_eq!(got, ["Hello", "ok"]);
    }
}

#[test]
fn a_new_message_between_fragments_is_refused() {
    let mut bytes = b"\x01\x03Hel\x81\x02lo".to_vec();
    let error = inbound(Role::Client).receive(&mut bytes, &mut Vec::new(), |_| {}).unwrap_err();
    assert_eq!(error.close_code(), 1002);
}

#[test]
fn nothing_is_heard_after_a_close_frame() {
    let mut got = Vec::new();
    for late in
        [&b"\x81\x02no"[..], b"\x89\0", b"\x83\0", b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"]
    {
        let mut bytes = [b"\x88\0", late].concat();
        let mut control = Vec::new();
        inbound(Role::Client)
            .receive(&mut bytes, &mut control, |message| got.push(format!("{message:?}")))
            .unwrap();
        assert_eq!(got.split_off(0), ["Close(None)"]);
        assert_eq!(control.len(), 2 + 4);
    }
}

#[test]
fn a_ping_is_answered() {
    let mut control = Vec::new();
    inbound(Role::Client).receive(&mut b"\x89\x02hi".to_vec(), &mut control, |_| {}).unwrap();
    assert_eq!(control[0], 0x8a);
    assert_eq!(control.len(), 2 + 4 + 2);
}

#[test]
fn rules_broken_are_named_with_their_code() {
    for (bytes, code) in [
        (&b"\x81\x02hi"[..], 1002),            // no mask
        (b"\x83\x80\0\0\0\0", 1002),           // reserved opcode
        (b"\xc1\x80\0\0\0\0", 1002),           // reserved bit
        (b"\x81\x81\0\0\0\0\xff", 1007),       // not UTF-8
        (b"\x81\xff\0\0\0\0\x80\0\0\0", 1009), // 2 GiB
    ] {
        let error = inbound(Role::Server)
            .receive(&mut bytes.to_vec(), &mut Vec::new(), |_| {})
            .unwrap_err();
        assert_eq!(error.close_code(), code, "{error}");
    }
}

#[test]
fn a_header_that_breaks_a_rule_is_refused_before_its_payload_comes() {
    let begun: &[u8] = &[0x01, 0x81, 0, 0, 0, 0, b'x'];
    for (before, header, code) in [
        (&[][..], &[0x81, 0x05][..], 1002), // no mask
        (&[], &[0x81, 0x7f], 1002),         // no mask, and a length that is incomplete
        (&[], &[0xc1, 0x85], 1002),         // reserved bits
        (&[], &[0xa2, 0x85], 1002),
        (&[], &[0x99, 0x80], 1002),
        (&[], &[0x83, 0x85], 1002), // reserved opcodes
        (&[], &[0x87, 0x85], 1002),
        (&[], &[0x8b, 0x85], 1002),
        (&[], &[0x8f, 0x85], 1002),
        (&[], &[0x89, 0xfe], 1002), // a large ping
        (&[], &[0x88, 0xff], 1002), // a large close
        (&[], &[0x09, 0x80], 1002), // a ping in fragments
        (&[], &[0x80, 0x85], 1002), // a continuation of nothing
        (&[], &[0x00, 0x85], 1002),
        (begun, &[0x81, 0x85], 1002), // a new message between fragments
        (begun, &[0x02, 0x85], 1002),
        (&[], &[0x82, 0xfe, 0x03, 0xe9], 1009), // above the limit, and no key yet
        (&[], &[0x82, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0], 1009),
        (begun, &[0x80, 0xfe, 0x03, 0xe8], 1009), // above the limit together with earlier fragments
    ] {
        let bytes = [before, header].concat();
        let mut whole = Inbound::new(Role::Server, 1000);
        let error = whole.receive(&mut bytes.clone(), &mut Vec::new(), |_| {}).unwrap_err();
        assert_eq!(error.close_code(), code, "{bytes:x?}: {error}");
        let mut slow = Inbound::new(Role::Server, 1000);
        let mut by_byte = |byte: &u8| slow.receive(&mut [*byte], &mut Vec::new(), |_| {});
        let (last, others) = bytes.split_last().unwrap();
        others.iter().for_each(|byte| by_byte(byte).unwrap());
        assert_eq!(by_byte(last).unwrap_err().to_string(), error.to_string());
    }
    // From a server, which masks nothing.
    let masked = &mut [0x81, 0x85];
    assert_eq!(
        inbound(Role::Client).receive(masked, &mut Vec::new(), |_| {}).unwrap_err().close_code(),
        1002
    );
}

#[test]
fn a_message_has_limits_in_bytes_and_in_frames() {
    let receive = |bytes: &[u8]| {
        let mut got = 0;
        Inbound::new(Role::Client, 100)
            .receive(&mut bytes.to_vec(), &mut Vec::new(), |_| got += 1)
            .map(|()| got)
    };
    let whole = |len: u8| [&[0x82, len][..], &vec![0; len.into()]].concat();
    assert_eq!(receive(&whole(100)).unwrap(), 1);
    assert_eq!(receive(&whole(101)).unwrap_err().close_code(), 1009);
    let halves = |len: u8| [&[0x02, 50][..], &[0; 50], &[0x80, len], &vec![0; len.into()]].concat();
    assert_eq!(receive(&halves(50)).unwrap(), 1);
    assert_eq!(receive(&halves(51)).unwrap_err().close_code(), 1009);
    let empty = |frames: usize| {
        let between = [0, 0].repeat(frames - 2);
        [&[0x02, 0][..], &between, &[0x80, 0]].concat()
    };
    assert_eq!(receive(&empty(config::MAX_FRAGMENTS + 1)).unwrap(), 1);
    assert_eq!(receive(&empty(config::MAX_FRAGMENTS + 2)).unwrap_err().close_code(), 1009);
}

#[test]
fn an_idle_connection_is_small() {
    // Includes all inline data of the context, and its initial read buffer.
    assert!(size_of::<Inbound>() + config::IDLE_READ_BYTES <= 2048);
}
