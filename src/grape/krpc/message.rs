//! Received messages, and errors.

use super::{Query, Response, version::VERSION};
use crate::{
    config::grape as config,
    grape::{Id, bencode::Value},
};
use std::borrow::Cow;

/// A received message.
#[derive(Debug)]
pub enum Message<'a> {
    /// A query, or its error.
    Query(ReceivedQuery<'a>),
    /// A reply.
    Response(Response<'a>),
    /// An error.
    Error(Refusal<'a>),
}

/// A query.
#[derive(Debug)]
pub struct ReceivedQuery<'a> {
    /// To be echoed.
    pub transaction: Cow<'a, [u8]>,
    /// The sender's id, if it has one.
    pub id: Option<Id>,
    /// The query. An error is sent back; `Ok(None)` is an unknown query, which is ignored, as in
    /// the original.
    pub query: Result<Option<Query>, (i64, &'static str)>,
}

/// An error reply.
#[derive(Debug)]
pub struct Refusal<'a> {
    /// Of the query.
    pub transaction: Cow<'a, [u8]>,
    /// Its number; 0 for none.
    pub code: i64,
    /// Its text.
    pub text: String,
}

impl<'a> Message<'a> {
    /// Parses a datagram; `None` if it is no message.
    pub fn decode(datagram: &'a [u8]) -> Option<Self> {
        if datagram.len() > config::MESSAGE_BYTES {
            return None;
        }
        let Value::Dict(pairs) = Value::decode(datagram)? else { return None };
        let (mut t, mut y, mut q, mut a, mut r, mut e, mut v) =
            (None, None, None, None, None, None, None);
        for (key, value) in pairs {
            match &*key {
                b"t" => t = Some(value),
                b"y" => y = Some(value),
                b"q" => q = Some(value),
                b"a" => a = Some(value),
                b"r" => r = Some(value),
                b"e" => e = Some(value),
                b"v" => v = Some(value),
                _ => {}
            }
        }
        let Some(Value::Bytes(transaction)) = t else { return None };
        if transaction.len() > config::TRANSACTION_BYTES {
            return None;
        }
        match y?.as_bytes()? {
            b"q" => {
                let arguments = a.filter(|a| matches!(a, Value::Dict(_)))?;
                let id = arguments.get("id").and_then(Value::as_bytes).and_then(Id::from_slice);
                let query = Query::read(q?.as_bytes()?, &arguments);
                Some(Self::Query(ReceivedQuery { transaction, id, query }))
            }
            b"r" => {
                let r = r.filter(|r| matches!(r, Value::Dict(_)))?;
                let ours = v.as_ref().and_then(Value::as_bytes) == Some(VERSION);
                Some(Self::Response(Response::read(transaction, &r, ours)))
            }
            b"e" => {
                let list = e.as_ref().and_then(Value::as_list).unwrap_or_default();
                let code = list.first().and_then(Value::as_int).unwrap_or(0);
                Some(Self::Error(Refusal { transaction, code, text: text_of(list) }))
            }
            _ => None,
        }
    }
}

/// The datagram of an error reply.
pub fn encode_error(transaction: &[u8], code: i64, text: &str) -> Vec<u8> {
    Value::dict([
        ("e", Value::List(vec![Value::Int(code), Value::bytes(text.as_bytes())])),
        ("t", Value::bytes(transaction)),
        ("v", Value::bytes(VERSION)),
        ("y", Value::bytes(b"e")),
    ])
    .encode()
}

/// The text of an error reply, cut to the limit.
fn text_of(list: &[Value<'_>]) -> String {
    let mut text = String::new();
    for part in list.iter().take(config::ERROR_TEXT_BYTES) {
        if !text.is_empty() {
            text.push(' ');
        }
        text.push_str(&part.to_text());
        if text.len() >= config::ERROR_TEXT_BYTES {
            let ends = text.char_indices().map(|(at, char)| at + char.len_utf8());
            let end = ends.take_while(|end| *end <= config::ERROR_TEXT_BYTES).last();
            text.truncate(end.unwrap_or(0));
            break;
        }
    }
    text
}
