use super::*;
use crate::{
    config::grape as config,
    grape::{Address, Id},
};
use proptest::{collection::vec, prelude::*};

const ID: Id = Id([7; 20]);

fn decoded(bytes: &[u8]) -> Query {
    match Message::decode(bytes) {
        Some(Message::Query(asked)) => {
            assert_eq!(asked.id, Some(ID));
            asked.query.unwrap().unwrap()
        }
        other => panic!("{other:?}"),
    }
}

fn announcement() -> Announcement {
    Announcement { key: b"rpc_test".to_vec(), port: Some(1337), token: vec![1; 8] }
}

#[test]
fn each_query_is_read_as_it_was_written() {
    let signed = Signed { k: vec![1; 32], sig: vec![2; 64], seq: 3, salt: b"salt".to_vec() };
    let put = PutQuery { token: vec![4; 8], v: b"5:hello".to_vec(), signed: None, cas: None };
    for query in [
        Query::Ping,
        Query::FindNode(vec![1; 20]),
        Query::GetPeers(b"rpc_test".to_vec()),
        Query::GetPeers(Vec::new()),
        Query::AnnouncePeer(announcement()),
        Query::AnnouncePeer(Announcement { port: None, ..announcement() }),
        Query::UnannouncePeer(announcement()),
        Query::Get(vec![9; 20]),
        Query::Put(Box::new(put.clone())),
        Query::Put(Box::new(PutQuery { signed: Some(signed), cas: Some(2), ..put })),
    ] {
        assert_eq!(decoded(&query.encode(b"ab", &ID)), query);
    }
}

#[test]
fn a_query_looks_as_the_original_writes_it() {
    let query = Query::GetPeers(b"rpc_test".to_vec());
    assert_eq!(
        query.encode(b"ab", &Id(*b"abcdefghij0123456789")),
        b"d1:ad2:id20:abcdefghij01234567899:info_hash8:rpc_teste1:q9:get_peers1:t2:ab1:v4:GN011:y1:qe"
    );
}

#[test]
fn a_response_is_read_as_it_was_written() {
    let address = |port| Address { ip: [10, 0, 0, 1], port };
    let response = Response {
        transaction: b"ab"[..].into(),
        id: Some(ID),
        nodes: vec![(Id([1; 20]), address(1)), (Id([2; 20]), address(2))],
        values: vec![(address(3), Some(4)), (address(5), Some(100_000))],
        token: Some(vec![6; 8]),
        v: Some(b"i5e".to_vec()),
        signed: Some(Signed { k: vec![1; 32], sig: vec![2; 64], seq: 3, salt: Vec::new() }),
        ours: true,
    };
    let bytes = response.encode();
    let Some(Message::Response(read)) = Message::decode(&bytes) else { panic!() };
    assert_eq!(read.transaction, response.transaction);
    assert_eq!(read.id, response.id);
    assert_eq!(read.nodes, response.nodes);
    assert_eq!(read.values, [(address(3), Some(4)), (address(5), Some(65_535))]);
    assert_eq!(read.token, response.token);
    assert_eq!(read.v, response.v);
    assert_eq!(read.signed, response.signed);
    assert!(read.ours);
}

#[test]
fn a_refusal_reads_as_the_original_says_it() {
    let bytes = encode_error(b"ab", code::CAS_MISMATCH, "CAS mismatch");
    let Some(Message::Error(refusal)) = Message::decode(&bytes) else { panic!() };
    assert_eq!((refusal.code, refusal.text.as_str()), (301, "301 CAS mismatch"));
    let Some(Message::Error(odd)) = Message::decode(b"d1:e3:odd1:t2:ab1:y1:ee") else { panic!() };
    assert_eq!((odd.code, odd.text.as_str()), (0, ""));
}

#[test]
fn what_is_missing_is_said() {
    for (bytes, text) in [
        (
            &b"d1:ade1:q9:find_node1:t1:a1:y1:qe"[..],
            "`find_node` missing required `a.target` field",
        ),
        (b"d1:ade1:q9:get_peers1:t1:a1:y1:qe", "`get_peers` missing required `a.info_hash` field"),
        (b"d1:ade1:q3:get1:t1:a1:y1:qe", "`get` missing required `a.target` field"),
        (b"d1:ade1:q3:put1:t1:a1:y1:qe", "`put` missing required `a.token` field"),
        (b"d1:ad9:info_hash1:xe1:q13:announce_peer1:t1:a1:y1:qe", "invalid `a.port` field"),
    ] {
        let Some(Message::Query(asked)) = Message::decode(bytes) else { panic!() };
        assert_eq!(asked.query, Err((203, text)));
    }
    let unknown = Message::decode(b"d1:ade1:q4:vote1:t1:a1:y1:qe");
    let Some(Message::Query(asked)) = unknown else { panic!() };
    assert_eq!(asked.query, Ok(None));
    // Without arguments, transaction or type no reply is possible.
    for bad in [&b"d1:q4:ping1:t1:a1:y1:qe"[..], b"d1:ade1:q4:ping1:y1:qe", b"d1:t1:ae", b"le", b""]
    {
        assert!(Message::decode(bad).is_none());
    }
}

#[test]
fn oversized_parts_are_refused() {
    let long = Query::GetPeers(vec![b'x'; config::KEY_BYTES + 1]).encode(b"ab", &ID);
    let Some(Message::Query(asked)) = Message::decode(&long) else { panic!() };
    assert_eq!(asked.query, Err((205, "key too large")));
    let echo = Query::Ping.encode(&[0; config::TRANSACTION_BYTES + 1], &ID);
    assert!(Message::decode(&echo).is_none());
    let nodes = vec![(ID, Address { ip: [1; 4], port: 1 }); 500];
    let bytes = Response { nodes, ..Response::default() }.encode();
    let Some(Message::Response(read)) = Message::decode(&bytes) else { panic!() };
    assert_eq!(read.nodes.len(), config::K);
}

proptest! {
    #[test]
    fn any_datagram_is_read_or_refused(bytes in vec(any::<u8>(), 0..300)) {
        let _ = Message::decode(&bytes);
    }

    #[test]
    fn a_damaged_message_is_read_or_refused(at in 0..150_usize, byte in any::<u8>()) {
        let mut bytes = Query::AnnouncePeer(announcement()).encode(b"ab", &ID);
        if let Some(place) = bytes.get_mut(at) {
            *place = byte;
        }
        let _ = Message::decode(&bytes);
    }

    #[test]
    fn keys_of_any_length_travel(key in vec(any::<u8>(), 0..2_000)) {
        let query = Query::GetPeers(key);
        prop_assert_eq!(decoded(&query.encode(b"ab", &ID)), query);
    }
}
