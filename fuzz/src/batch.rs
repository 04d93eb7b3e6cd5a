//! Parses a batch's text as `lib/native/dispatch.js` does.

use serde_json::value::RawValue;

/// One message or event of a batch.
#[derive(Debug, PartialEq)]
pub enum Record {
    /// `0,conn,rid,key,payload`, or `4,conn,cost,rid,key,payload` with a cost above 0
    Request(u32, u32, String, String, String),
    /// `1,conn,slot,error,result`
    Reply(u32, u32, String, String),
    /// `2,index`
    Event(u32),
    /// `5,conn,cost,"text"`
    Odd(u32, u32, String),
    /// `3,conn,"text"`
    Message(u32, String),
}

/// Parses a batch's text. Panics unless it is one JSON array of complete records.
///
/// Payloads stay texts: their nesting may be deeper than serde_json's values allow.
pub fn records(text: &str) -> Vec<Record> {
    let elements: Vec<&RawValue> = serde_json::from_str(text).expect("JSON");
    let mut elements = elements.into_iter().map(RawValue::get);
    let mut records = Vec::new();
    while let Some(tag) = elements.next() {
        let mut next = || elements.next().expect("a whole record");
        let number = |text: &str| text.parse().expect("a number");
        records.push(match tag {
            "0" => Record::Request(number(next()), 0, next().into(), next().into(), next().into()),
            "1" => Record::Reply(number(next()), number(next()), next().into(), next().into()),
            "2" => Record::Event(number(next())),
            "3" => Record::Message(number(next()), serde_json::from_str(next()).expect("a string")),
            "4" => {
                let (conn, cost) = (number(next()), number(next()));
                Record::Request(conn, cost, next().into(), next().into(), next().into())
            }
            "5" => Record::Odd(
                number(next()),
                number(next()),
                serde_json::from_str(next()).expect("a string"),
            ),
            _ => panic!("no tag: {tag}"),
        });
    }
    records
}
