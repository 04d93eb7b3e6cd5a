//! Arbitrary bytes as a message of the discovery network: a decoded message, encoded and decoded
//! again, is the same.

#![no_main]

use grenache_nodejs_ws_native::grape::{Id, krpc::Message};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| match Message::decode(input) {
    Some(Message::Query(asked)) => {
        let Ok(Some(query)) = asked.query else { return };
        let id = asked.id.unwrap_or(Id([1; 20]));
        let bytes = query.encode(&asked.transaction, &id);
        let Some(Message::Query(again)) = Message::decode(&bytes) else { panic!("no query") };
        assert_eq!(again.transaction, asked.transaction);
        assert_eq!(again.id, Some(id));
        assert_eq!(again.query, Ok(Some(query)));
    }
    Some(Message::Response(response)) => {
        let bytes = response.encode();
        let Some(Message::Response(again)) = Message::decode(&bytes) else { panic!("no response") };
        assert_eq!(again.id, response.id);
        assert_eq!(again.nodes, response.nodes);
        assert_eq!(again.token, response.token);
        assert_eq!(again.v, response.v);
        assert_eq!(again.values.len(), response.values.len());
    }
    Some(Message::Error(refusal)) => drop(refusal.text),
    None => {}
});
