//! The API's requests and responses: JSON texts to commands, and outcomes to JSON texts. It accepts
//! whatever the original accepts, including accidents of JavaScript.

use super::{
    Address, Command, Failure, Found, Got, Item, Outcome, bencode::Value as Bencode, krpc::Signed,
};
use crate::config::grape as config;
use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, Visitor},
};
use serde_json::{Map, Value, value::RawValue};
use std::{fmt, ops::RangeInclusive};

/// A command, and the wanted order of its outcome.
#[derive(Clone, Debug)]
pub struct Request {
    /// What to do.
    pub command: Command,
    /// The latest announced addresses first, instead of random order.
    pub freshest: bool,
}

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "lowercase")]
enum Field {
    Data,
    #[serde(other)]
    Other,
}

/// The relevant part of a body: the last `data`, if there are several, as in JavaScript.
struct Body<'a> {
    data: Option<&'a RawValue>,
}

impl<'de> Deserialize<'de> for Body<'de> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Fields;

        impl<'de> Visitor<'de> for Fields {
            type Value = Body<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
                let mut data = None;
                while let Some(field) = map.next_key()? {
                    match field {
                        Field::Data => data = Some(map.next_value()?),
                        Field::Other => drop(map.next_value::<IgnoredAny>()?),
                    }
                }
                Ok(Body { data })
            }
        }

        from.deserialize_map(Fields)
    }
}

const NULL_BODY: Failure = Failure::Malformed("ERR_GRAPE_PAYLOAD_INVALID: null");
const NULL_DATA: Failure = Failure::Malformed("ERR_GRAPE_PAYLOAD_INVALID: no data");
const BAD_KEY: Failure = Failure::Malformed("ERR_GRAPE_PAYLOAD_INVALID: the key is no text");
const LONG_KEY: Failure = Failure::Malformed("ERR_GRAPE_PAYLOAD_INVALID: the key is too long");

/// Parses the body of a request to the path `kind`. Only its `data` counts.
///
/// # Errors
/// The API's error response.
pub fn parse(kind: &str, body: &[u8]) -> Result<Request, Failure> {
    let text = String::from_utf8_lossy(body);
    let json: &RawValue = serde_json::from_str(&text).map_err(|_| Failure::BadBody)?;
    let data = match json.get() {
        "null" => return Err(NULL_BODY),
        object if object.starts_with('{') => {
            let body: Body<'_> = serde_json::from_str(object).map_err(|_| Failure::BadBody)?;
            body.data
        }
        _ => None,
    };
    request(kind, data.map_or("null", RawValue::get), None)
}

/// Whether requests of this type exist.
pub fn is_known(kind: &str) -> bool {
    matches!(kind, "lookup" | "get") || changes(kind)
}

/// Whether requests of this type change something.
pub fn changes(kind: &str) -> bool {
    matches!(kind, "announce" | "unannounce" | "put")
}

/// Parses the `data` of a request of type `kind`. `v` is the value of a put that is not text.
///
/// # Errors
/// The API's error response.
pub fn request(kind: &str, data: &str, v: Option<&[u8]>) -> Result<Request, Failure> {
    if !is_known(kind) {
        return Err(Failure::UnknownType);
    }
    let data: Value = serde_json::from_str(data)
        .or_else(|_| serde_json::from_str(&well_formed(data)))
        .map_err(|_| Failure::BadBody)?;
    let mut freshest = false;
    let command = match kind {
        "lookup" => {
            let key = match &data {
                Value::String(key) => Some(key),
                Value::Object(fields) => {
                    freshest = fields.get("order").and_then(Value::as_str) == Some("fresh");
                    match fields.get("key") {
                        Some(Value::String(key)) => Some(key),
                        _ => None,
                    }
                }
                _ => None,
            };
            let key = key.filter(|key| !key.is_empty()).ok_or(Failure::BadLookup)?;
            Command::Lookup(checked(key.as_bytes().to_vec())?)
        }
        "announce" | "unannounce" => {
            let fields = match &data {
                Value::Array(fields) => fields,
                Value::Object(fields) if fields.contains_key("host") => {
                    let (key, address) = elsewhere(fields)?;
                    let command = if kind == "announce" {
                        Command::AnnounceAt { key, address }
                    } else {
                        Command::UnannounceAt { key, address }
                    };
                    return Ok(Request { command, freshest });
                }
                _ => return Err(Failure::BadAnnounce),
            };
            let port = port(fields.get(1)).ok_or(Failure::BadPort)?;
            let key = match fields.first() {
                Some(Value::String(key)) => key.as_bytes().to_vec(),
                // The original makes a Buffer of it.
                Some(key @ Value::Array(_)) => numbers(key),
                _ => return Err(BAD_KEY),
            };
            let key = checked(key)?;
            if kind == "announce" {
                Command::Announce { key, port }
            } else {
                Command::Unannounce { key, port }
            }
        }
        "put" => put(&data, v)?,
        _ => get(&data)?,
    };
    Ok(Request { command, freshest })
}

/// The body of the response: JSON, or empty if no value was found.
pub fn answer(outcome: Outcome, freshest: bool) -> String {
    match outcome {
        Outcome::Peers(mut peers) => {
            if freshest {
                // Addresses announced to this node come first, since other nodes can report
                // anything. `None` is smaller than any time: addresses of unknown age come last.
                peers.sort_by_key(|found| std::cmp::Reverse((found.witness, found.announced)));
            }
            addresses(&peers)
        }
        Outcome::Stored(nodes) => nodes.to_string(),
        Outcome::Put(target) => format!("\"{target}\""),
        Outcome::Value(None) => String::new(),
        Outcome::Value(Some(got)) => value(&got),
    }
}

fn addresses(peers: &[Found]) -> String {
    let texts: Vec<_> = peers.iter().map(|found| format!("\"{}\"", found.address)).collect();
    format!("[{}]", texts.join(","))
}

fn value(got: &Got) -> String {
    let v = Bencode::decode(&got.item.v).map(|v| v.to_text()).unwrap_or_default();
    let mut fields = Map::new();
    fields.insert("id".into(), got.id.to_string().into());
    fields.insert("v".into(), v.into());
    if let Some(signed) = &got.item.signed {
        fields.insert("k".into(), hex(&signed.k).into());
        fields.insert("sig".into(), hex(&signed.sig).into());
        fields.insert("seq".into(), signed.seq.into());
        if !signed.salt.is_empty() {
            fields.insert("salt".into(), String::from_utf8_lossy(&signed.salt).into());
        }
    }
    fields.insert("token".into(), got.token.as_deref().map(hex).into());
    Value::Object(fields).to_string()
}

fn put(data: &Value, raw: Option<&[u8]>) -> Result<Command, Failure> {
    let wrong = |text: &'static str| Failure::BadPut(text.into());
    let none = Map::new();
    let (v, fields) = match data {
        Value::Null => return Err(NULL_DATA),
        Value::String(_) => (Some(data), &none),
        Value::Object(fields) => (fields.get("v"), fields),
        _ => (None, &none),
    };
    let v = match raw {
        Some(bytes) => Some(Bencode::bytes(bytes).encode()),
        None => v.and_then(bencode).map(|v| v.encode()),
    };
    let v = v.filter(|v| !v.is_empty()).ok_or_else(|| wrong("opts.v not given"))?;
    let mut item = Item { v, signed: None };
    if item.size() >= config::VALUE_BYTES {
        return Err(wrong("v must be less than 1000 bytes in put()"));
    }
    let Some(k) = fields.get("k").filter(|k| is_truthy(k)) else {
        return Ok(Command::Put { item, cas: None });
    };
    let cas = match fields.get("cas") {
        None => None,
        Some(cas) => {
            Some(integer(cas).ok_or_else(|| wrong("opts.cas must be an integer if provided"))?)
        }
    };
    let k = hex_bytes(k);
    if k.len() != 32 {
        return Err(wrong("opts.k ed25519 public key must be 32 bytes"));
    }
    let sig = fields.get("sig").filter(|sig| is_truthy(sig)).map(hex_bytes).ok_or_else(|| {
        wrong("opts.sign function or options.sig signature is required for mutable put")
    })?;
    let salt = fields.get("salt").filter(|salt| is_truthy(salt)).map(text_bytes);
    let salt = salt.unwrap_or_default();
    if salt.len() > config::SALT_BYTES {
        return Err(wrong("opts.salt is > 64 bytes long"));
    }
    let seq =
        fields.get("seq").ok_or_else(|| wrong("opts.seq not provided for a mutable update"))?;
    let seq = integer(seq).ok_or_else(|| wrong("opts.seq not an integer"))?;
    item.signed = Some(Signed { k, sig, seq, salt });
    Ok(Command::Put { item, cas })
}

fn get(data: &Value) -> Result<Command, Failure> {
    let (target, salt) = match data {
        Value::Null => return Err(NULL_DATA),
        Value::String(_) => (hex_bytes(data), Vec::new()),
        Value::Object(fields) => match fields.get("hash") {
            Some(Value::String(hash)) => (
                unhex(hash),
                fields
                    .get("salt")
                    .filter(|salt| is_truthy(salt))
                    .map(text_bytes)
                    .unwrap_or_default(),
            ),
            _ => return Err(Failure::BadGet),
        },
        _ => return Err(Failure::BadGet),
    };
    Ok(Command::Get { target: checked(target)?, salt })
}

/// Of an announce for another host, which the original refuses: it takes no object.
fn elsewhere(fields: &Map<String, Value>) -> Result<(Vec<u8>, Address), Failure> {
    let port = port(fields.get("port")).filter(|port| *port > 0).ok_or(Failure::BadPort)?;
    let host = fields.get("host").and_then(Value::as_str);
    let address = host.and_then(|host| Address::from_host(host, port));
    let Some(Value::String(key)) = fields.get("key") else { return Err(BAD_KEY) };
    Ok((checked(key.as_bytes().to_vec())?, address.ok_or(Failure::BadHost)?))
}

fn checked(key: Vec<u8>) -> Result<Vec<u8>, Failure> {
    if key.len() > config::KEY_BYTES { Err(LONG_KEY) } else { Ok(key) }
}

/// An integer as in JavaScript: 1.0 is one.
fn integer(value: &Value) -> Option<i64> {
    let whole =
        |number: f64| (number.fract() == 0.0 && number.abs() < 9.1e15).then_some(number as i64);
    value.as_i64().or_else(|| value.as_f64().and_then(whole))
}

fn port(value: Option<&Value>) -> Option<u16> {
    value.and_then(integer).and_then(|port| u16::try_from(port).ok())
}

fn is_truthy(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => false,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        _ => true,
    }
}

/// Bytes given as hexadecimal digits, or as JSON of a list of numbers.
fn hex_bytes(value: &Value) -> Vec<u8> {
    bytes_of(value, unhex)
}

/// The JSON text without lone surrogates, which are no characters: JavaScript makes the same of
/// them when it writes UTF-8.
fn well_formed(json: &str) -> String {
    const HIGH: RangeInclusive<u32> = 0xd800..=0xdbff;
    const LOW: RangeInclusive<u32> = 0xdc00..=0xdfff;
    let mut out = String::with_capacity(json.len());
    let mut rest = json;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let length = match (unit(rest), rest.get(6..).and_then(unit)) {
            (Some(first), Some(second)) if HIGH.contains(&first) && LOW.contains(&second) => 12,
            (Some(first), _) if HIGH.contains(&first) || LOW.contains(&first) => {
                out.push(char::REPLACEMENT_CHARACTER);
                rest = &rest[6..];
                continue;
            }
            (Some(_), _) => 6,
            // The escaped character, possibly a backslash.
            (None, _) => 1 + rest[1..].chars().next().map_or(0, char::len_utf8),
        };
        out.push_str(&rest[..length]);
        rest = &rest[length..];
    }
    out + rest
}

/// The code unit of a leading `\uXXXX`.
fn unit(text: &str) -> Option<u32> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    let is_hex = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_hex.then(|| u32::from_str_radix(digits, 16).ok()).flatten()
}

/// Bytes given as text, or as JSON of a list of numbers.
fn text_bytes(value: &Value) -> Vec<u8> {
    bytes_of(value, |text| text.as_bytes().to_vec())
}

fn bytes_of(value: &Value, read: impl Fn(&str) -> Vec<u8>) -> Vec<u8> {
    match value {
        Value::String(text) => match serde_json::from_str(text) {
            Ok(Value::String(inner)) => inner.into_bytes(),
            Ok(inner @ (Value::Array(_) | Value::Object(_))) => numbers(&inner),
            _ => read(text),
        },
        other => numbers(other),
    }
}

/// `[1, 2]`, or `{ "type": "Buffer", "data": [1, 2] }`, which is a Buffer's own JSON.
fn numbers(value: &Value) -> Vec<u8> {
    let list = match value {
        Value::Object(fields) => fields.get("data"),
        other => Some(other),
    };
    let byte = |number: &Value| integer(number).unwrap_or(0).rem_euclid(256) as u8;
    list.and_then(Value::as_array).map(|list| list.iter().map(byte).collect()).unwrap_or_default()
}

/// As Node's `Buffer.from(text, 'hex')`: up to the first invalid pair.
fn unhex(text: &str) -> Vec<u8> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16);
    let pairs = text.as_bytes().chunks_exact(2);
    pairs.map_while(|pair| Some((digit(&pair[0])? * 16 + digit(&pair[1])?) as u8)).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A JSON value as bencode; `null` is nothing.
fn bencode(value: &Value) -> Option<Bencode<'_>> {
    Some(match value {
        Value::Null => return None,
        Value::Bool(flag) => Bencode::Int((*flag).into()),
        Value::Number(number) => {
            Bencode::Int(number.as_i64().or_else(|| Some(number.as_f64()? as i64))?)
        }
        Value::String(text) => Bencode::bytes(text.as_bytes()),
        Value::Array(values) => Bencode::List(values.iter().filter_map(bencode).collect()),
        Value::Object(fields) => {
            let pair = |(key, value)| {
                let key: &String = key;
                Some((key.as_bytes().into(), bencode(value)?))
            };
            let mut pairs: Vec<_> = fields.iter().filter_map(pair).collect();
            pairs.sort();
            Bencode::Dict(pairs)
        }
    })
}

#[cfg(test)]
mod tests;
