use super::*;
use crate::grape::Witness;
use crate::grape::{Address, Id};

fn failed(kind: &str, body: &str) -> (u16, String) {
    let failure = parse(kind, body.as_bytes()).unwrap_err();
    (failure.status(), failure.to_string())
}

fn command(kind: &str, data: &str) -> Command {
    let body = format!("{{\"rid\":\"any\",\"data\":{data},\"more\":[]}}");
    parse(kind, body.as_bytes()).unwrap().command
}

fn item(data: &str) -> Item {
    match command("put", data) {
        Command::Put { item, .. } => item,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_lookup_wants_a_text() {
    let Command::Lookup(key) = command("lookup", "\"rpc:\\u00fc\"") else { panic!() };
    assert_eq!(key, "rpc:ü".as_bytes());
    for data in ["\"\"", "5", "null", "[\"a\"]", "{}", "{\"key\":5}"] {
        let body = format!("{{\"data\":{data}}}");
        assert_eq!(failed("lookup", &body), (200, "ERR_GRAPE_LOOKUP".into()), "{data}");
    }
    for body in ["5", "\"text\"", "[]", "{}"] {
        assert_eq!(failed("lookup", body), (200, "ERR_GRAPE_LOOKUP".into()), "{body}");
    }
    let fresh = parse("lookup", br#"{"data":{"key":"a","order":"fresh"}}"#).unwrap();
    assert!(fresh.freshest);
}

#[test]
fn a_body_that_is_none_is_refused() {
    for body in ["", "garbage", "{", "{\"data\":}"] {
        assert_eq!(failed("lookup", body), (500, "ERR_GRAPE_PAYLOAD_INVALID".into()), "{body}");
    }
    for (kind, body) in [
        ("lookup", "null"),
        ("put", "{}"),
        ("get", "{\"data\":null}"),
        ("announce", "{\"data\":[null,1]}"),
    ] {
        assert_eq!(failed(kind, body).0, 500, "{kind} {body}");
    }
    assert_eq!(failed("nothing", "{}"), (200, "ERR_REQ_NOTFOUND".into()));
    assert_eq!(failed("", "{}"), (200, "ERR_REQ_NOTFOUND".into()));
}

#[test]
fn an_announce_wants_a_name_and_a_port() {
    let Command::Announce { key, port } = command("announce", "[\"a\",1337.0]") else { panic!() };
    assert_eq!((&key[..], port), (&b"a"[..], 1337));
    let Command::Unannounce { .. } = command("unannounce", "[\"a\",1337]") else { panic!() };
    for data in ["5", "null", "\"a\"", "{}"] {
        let body = format!("{{\"data\":{data}}}");
        assert_eq!(failed("announce", &body), (200, "ERR_GRAPE_ANNOUNCE".into()), "{data}");
    }
    for data in ["[]", "[\"a\"]", "[\"a\",\"1\"]", "[\"a\",1.5]", "[\"a\",-1]", "[\"a\",65536]"] {
        let body = format!("{{\"data\":{data}}}");
        assert_eq!(failed("announce", &body), (200, "ERR_GRAPE_SERVICE_PORT".into()), "{data}");
    }
}

#[test]
fn values_are_what_bencode_makes_of_them() {
    for (data, v) in [
        ("{\"v\":\"hello\"}", "5:hello"),
        ("\"hello\"", "5:hello"),
        ("{\"v\":5}", "i5e"),
        ("{\"v\":true}", "i1e"),
        ("{\"v\":[1,null,\"a\"]}", "li1e1:ae"),
        ("{\"v\":{\"b\":1,\"a\":null,\"aa\":[]}}", "d2:aale1:bi1ee"),
    ] {
        assert_eq!(item(data), Item { v: v.into(), signed: None }, "{data}");
    }
    let raw = request("put", "{}", Some(&[0xff, 0])).unwrap().command;
    let Command::Put { item, .. } = raw else { panic!() };
    assert_eq!(item.v, b"2:\xff\0");
}

#[test]
fn a_signed_value_is_read_from_hex_and_from_numbers() {
    let (k, sig) = ("ab".repeat(32), "cd".repeat(64));
    let numbers: Vec<_> = [0xab; 32].iter().map(u8::to_string).collect();
    let numbers = format!("[{}]", numbers.join(","));
    let buffer = format!("{{\"type\":\"Buffer\",\"data\":{numbers}}}");
    for k in [format!("\"{k}\""), numbers, buffer] {
        let data = format!(
            "{{\"v\":\"a\",\"k\":{k},\"sig\":\"{sig}\",\"seq\":2,\"salt\":\"12\",\"cas\":1}}"
        );
        let Command::Put { item, cas } = command("put", &data) else { panic!() };
        let expected =
            Signed { k: vec![0xab; 32], sig: vec![0xcd; 64], seq: 2, salt: b"12".to_vec() };
        assert_eq!((item.signed, cas), (Some(expected), Some(1)));
    }
}

#[test]
fn a_wrong_put_is_told_what_is_wrong() {
    let k = "ab".repeat(32);
    for (data, text) in [
        ("5".into(), "opts.v not given"),
        ("{\"v\":null}".into(), "opts.v not given"),
        (format!("{{\"v\":\"{}\"}}", "x".repeat(1_000)), "v must be less than 1000 bytes in put()"),
        ("{\"v\":\"a\",\"k\":\"ab\"}".into(), "opts.k ed25519 public key must be 32 bytes"),
        (
            format!("{{\"v\":\"a\",\"k\":\"{k}\",\"cas\":\"1\"}}"),
            "opts.cas must be an integer if provided",
        ),
        (
            format!("{{\"v\":\"a\",\"k\":\"{k}\"}}"),
            "opts.sign function or options.sig signature is required for mutable put",
        ),
        (
            format!("{{\"v\":\"a\",\"k\":\"{k}\",\"sig\":\"ab\",\"salt\":\"{}\"}}", "s".repeat(65)),
            "opts.salt is > 64 bytes long",
        ),
        (
            format!("{{\"v\":\"a\",\"k\":\"{k}\",\"sig\":\"ab\"}}"),
            "opts.seq not provided for a mutable update",
        ),
        (
            format!("{{\"v\":\"a\",\"k\":\"{k}\",\"sig\":\"ab\",\"seq\":\"1\"}}"),
            "opts.seq not an integer",
        ),
    ] {
        let body = format!("{{\"data\":{data}}}");
        assert_eq!(failed("put", &body), (200, text.into()));
    }
}

#[test]
fn a_get_reads_hashes_as_node_does() {
    let target = |data: &str| match command("get", data) {
        Command::Get { target, salt } => (target, salt),
        other => panic!("{other:?}"),
    };
    assert_eq!(target("\"00ff\""), (vec![0, 255], Vec::new()));
    assert_eq!(target("\"1234\""), (vec![0x12, 0x34], Vec::new()));
    assert_eq!(target("\"00zz11\""), (vec![0], Vec::new()));
    assert_eq!(target("{\"hash\":\"ff\",\"salt\":\"[1,2]\"}"), (vec![255], vec![1, 2]));
    for data in ["5", "[]", "{}", "{\"hash\":5}"] {
        let body = format!("{{\"data\":{data}}}");
        assert_eq!(failed("get", &body), (200, "ERR_GRAPE_GENERIC".into()), "{data}");
    }
}

#[test]
fn outcomes_are_json() {
    let found = |port, announced| {
        let address = Address { ip: [127, 0, 0, 1], port };
        Found { address, announced, witness: Witness::One }
    };
    let peers = vec![found(1, None), found(2, Some(5)), found(3, Some(9))];
    assert_eq!(answer(Outcome::Peers(Vec::new()), false), "[]");
    assert_eq!(
        answer(Outcome::Peers(peers.clone()), false),
        r#"["127.0.0.1:1","127.0.0.1:2","127.0.0.1:3"]"#
    );
    assert_eq!(
        answer(Outcome::Peers(peers), true),
        r#"["127.0.0.1:3","127.0.0.1:2","127.0.0.1:1"]"#
    );
    assert_eq!(answer(Outcome::Stored(3), false), "3");
    assert_eq!(answer(Outcome::Value(None), false), "");
    let got = Got {
        id: Id([1; 20]),
        item: Item { v: "6:\"ü\"\n\u{1}".into(), signed: None },
        token: Some(vec![0xab]),
    };
    let json: Value =
        serde_json::from_str(&answer(Outcome::Value(Some(got.into())), false)).unwrap();
    assert_eq!(json["v"], "\"ü\"\n\u{1}");
    assert_eq!(json["token"], "ab");
    assert_eq!(json["id"], "01".repeat(20));
}

#[test]
fn of_several_data_the_last_counts() {
    let request = parse("lookup", br#"{"data":5,"rid":{"data":6},"d\u0061ta":"a"}"#).unwrap();
    assert!(matches!(request.command, Command::Lookup(key) if key == b"a"));
    assert_eq!(failed("lookup", r#"{"data":"a","data":null}"#).1, "ERR_GRAPE_LOOKUP");
}

#[test]
fn depth_is_refused_and_never_recursed_into() {
    let deep = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
    for depth in [127, 128, 129, 1_000_000] {
        for kind in ["lookup", "announce", "unannounce", "put", "get"] {
            let body = format!("{{\"data\":{}}}", deep(depth));
            let _ = parse(kind, body.as_bytes());
            // As text within the text, which is parsed as JSON again.
            let body = format!("{{\"data\":[\"{}\",80]}}", deep(depth));
            let _ = parse(kind, body.as_bytes());
        }
    }
    assert_eq!(failed("lookup", &format!("{{\"data\":{}}}", deep(200))).0, 500);
    assert!(
        parse("lookup", format!("{{\"rid\":{},\"data\":\"a\"}}", deep(1 << 20)).as_bytes()).is_ok()
    );
}

#[test]
fn surrogates_that_are_alone_are_replaced() {
    for (json, text) in [
        (r#""\ud800""#, "\u{fffd}"),
        (r#""\udc00\ud800""#, "\u{fffd}\u{fffd}"),
        (r#""\ud83d\ude00""#, "\u{1f600}"),
        (r#""\ud83d\ud83d\ude00""#, "\u{fffd}\u{1f600}"),
        (r#""\\ud800""#, r"\ud800"),
        (r#""\\\ud800\"x""#, "\\\u{fffd}\"x"),
        (r#""\ud800\u0041""#, "\u{fffd}A"),
        (r#""\ud800\n""#, "\u{fffd}\n"),
    ] {
        let Ok(Request { command: Command::Lookup(key), .. }) = request("lookup", json, None)
        else {
            panic!("{json}");
        };
        assert_eq!(String::from_utf8(key).unwrap(), text, "{json}");
    }
    for broken in [r#""\ud8""#, r#""\"#, r#""\ud800"#, r#""\ud800\u""#] {
        assert!(request("lookup", broken, None).is_err(), "{broken}");
    }
}

#[test]
fn an_announce_for_another_host_names_an_address() {
    let said = command("announce", r#"{"key":"a","port":1337,"host":"10.0.0.5"}"#);
    let Command::AnnounceAt { key, address } = said else { panic!() };
    assert_eq!((&key[..], address.to_string()), (&b"a"[..], "10.0.0.5:1337".into()));
    let said = command("unannounce", r#"{"key":"a","port":1,"host":"10.0.0.5"}"#);
    assert!(matches!(said, Command::UnannounceAt { .. }));
    for host in [
        "\"\"",
        "\"example.org\"",
        "\"::1\"",
        "\"0.0.0.0\"",
        "\"224.0.0.1\"",
        "\"10.0.0\"",
        "5",
        "null",
    ] {
        let body = format!(r#"{{"data":{{"key":"a","port":1,"host":{host}}}}}"#);
        assert_eq!(failed("announce", &body), (200, "ERR_GRAPE_SERVICE_HOST".into()), "{host}");
    }
    let body = r#"{"data":{"key":"a","port":0,"host":"10.0.0.5"}}"#;
    assert_eq!(failed("announce", body), (200, "ERR_GRAPE_SERVICE_PORT".into()));
    let body = r#"{"data":{"key":"a","port":1}}"#;
    assert_eq!(failed("announce", body), (200, "ERR_GRAPE_ANNOUNCE".into()));
}
