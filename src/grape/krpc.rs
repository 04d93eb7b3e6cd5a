//! The messages of the network: KRPC (BEP 5), with the queries of BEP 44 and one of our own.

use super::{Address, Id, bencode::Value};
use crate::config::grape as config;
use ed25519_dalek::{PUBLIC_KEY_LENGTH, SIGNATURE_LENGTH};
use std::borrow::Cow;

/// Marks our messages, in BEP 5's field for the client's version. Others ignore it; it tells us
/// which nodes understand `unannounce_peer`.
const VERSION: &[u8] = b"GN01";

/// Bytes of a node in `nodes`: its id and its address.
const NODE_BYTES: usize = Id::BYTES + Address::BYTES;

/// Codes of errors (BEP 5, BEP 44).
pub mod code {
    /// The node cannot handle it now.
    pub const SERVER: i64 = 202;
    /// Malformed query, missing field, bad token.
    pub const PROTOCOL: i64 = 203;
    /// The value is too large.
    pub const TOO_LARGE: i64 = 205;
    /// The signature does not match the value.
    pub const BAD_SIGNATURE: i64 = 206;
    /// The salt is too large.
    pub const SALT_TOO_LARGE: i64 = 207;
    /// The value to be replaced is another one (compare-and-swap).
    pub const CAS_MISMATCH: i64 = 301;
    /// The sequence number is not newer.
    pub const SEQ_NOT_NEWER: i64 = 302;
}

/// A received message.
#[derive(Debug)]
pub enum Message<'a> {
    /// A query, or its error.
    Query(Asked<'a>),
    /// A reply.
    Response(Response<'a>),
    /// An error.
    Error(Refusal<'a>),
}

/// A query.
#[derive(Debug)]
pub struct Asked<'a> {
    /// To be echoed.
    pub transaction: Cow<'a, [u8]>,
    /// The sender's id, if it has one.
    pub id: Option<Id>,
    /// The query. An error is sent back; `Ok(None)` is an unknown query, which is ignored, as in
    /// the original.
    pub query: Result<Option<Query>, (i64, &'static str)>,
}

/// A query's name and arguments.
#[derive(Clone, Debug, PartialEq)]
pub enum Query {
    /// Checks that the node is alive.
    Ping,
    /// The nodes near an id.
    FindNode(Vec<u8>),
    /// The addresses announced under this key, or the nodes near it.
    GetPeers(Vec<u8>),
    /// Announces this key at `port`, or at the sender's port.
    AnnouncePeer(Announcement),
    /// Takes an announce back.
    UnannouncePeer(Announcement),
    /// The value stored under this key, or the nodes near it.
    Get(Vec<u8>),
    /// Stores a value.
    Put(Box<PutQuery>),
}

/// Arguments of `announce_peer` and `unannounce_peer`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Announcement {
    /// The raw name of the service.
    pub key: Vec<u8>,
    /// The service's port; `None` is the sender's.
    pub port: Option<u16>,
    /// From a reply to `get_peers`.
    pub token: Vec<u8>,
}

/// Arguments of `put`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PutQuery {
    /// From a reply to `get`.
    pub token: Vec<u8>,
    /// The bencoded value.
    pub v: Vec<u8>,
    /// For a mutable value.
    pub signed: Option<Signed>,
    /// The sequence number to be replaced.
    pub cas: Option<i64>,
}

/// The fields of a mutable value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed {
    /// Public key.
    pub k: Vec<u8>,
    /// Signature.
    pub sig: Vec<u8>,
    /// Sequence number.
    pub seq: i64,
    /// Distinguishes values of one key.
    pub salt: Vec<u8>,
}

/// A reply to any query.
#[derive(Debug, Default)]
pub struct Response<'a> {
    /// Of the query.
    pub transaction: Cow<'a, [u8]>,
    /// The replying node.
    pub id: Option<Id>,
    /// Nodes near the requested key.
    pub nodes: Vec<(Id, Address)>,
    /// Announced addresses, each with its age in seconds where known.
    pub values: Vec<(Address, Option<u64>)>,
    /// Proves the querying node's address later.
    pub token: Option<Vec<u8>>,
    /// A stored value, bencoded.
    pub v: Option<Vec<u8>>,
    /// The fields that make it mutable, except the salt.
    pub signed: Option<Signed>,
    /// The node runs this package.
    pub ours: bool,
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
                Some(Self::Query(Asked { transaction, id, query }))
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

impl Query {
    /// Its name on the wire.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Ping => "ping",
            Self::FindNode(_) => "find_node",
            Self::GetPeers(_) => "get_peers",
            Self::AnnouncePeer(_) => "announce_peer",
            Self::UnannouncePeer(_) => "unannounce_peer",
            Self::Get(_) => "get",
            Self::Put(_) => "put",
        }
    }

    /// The key whose nodes a walk with this query finds.
    pub fn key(&self) -> &[u8] {
        match self {
            Self::FindNode(key) | Self::GetPeers(key) | Self::Get(key) => key,
            Self::Ping | Self::AnnouncePeer(_) | Self::UnannouncePeer(_) | Self::Put(_) => &[],
        }
    }

    fn read(name: &[u8], a: &Value<'_>) -> Result<Option<Self>, (i64, &'static str)> {
        let missing = |text| (code::PROTOCOL, text);
        let bytes = |key: &str, text| a.get(key).and_then(Value::as_bytes).ok_or(missing(text));
        let key = |name: &str, text| {
            let key = bytes(name, text)?;
            if key.len() > config::KEY_BYTES {
                return Err((code::TOO_LARGE, "key too large"));
            }
            Ok(key.to_vec())
        };
        // No token is that long: it is invalid, and the reply says so.
        let token = |text| {
            let token = bytes("token", text)?;
            Ok(if token.len() > config::TOKEN_BYTES { Vec::new() } else { token.to_vec() })
        };
        Ok(Some(match name {
            b"ping" => Self::Ping,
            b"find_node" => {
                Self::FindNode(key("target", "`find_node` missing required `a.target` field")?)
            }
            b"get_peers" => Self::GetPeers(key(
                "info_hash",
                "`get_peers` missing required `a.info_hash` field",
            )?),
            b"announce_peer" => Self::AnnouncePeer(Announcement {
                key: key("info_hash", "`announce_peer` missing required `a.info_hash` field")?,
                port: port(a)?,
                token: token("`announce_peer` missing required `a.token` field")?,
            }),
            b"unannounce_peer" => Self::UnannouncePeer(Announcement {
                key: key("info_hash", "`unannounce_peer` missing required `a.info_hash` field")?,
                port: port(a)?,
                token: token("`unannounce_peer` missing required `a.token` field")?,
            }),
            b"get" => Self::Get(key("target", "`get` missing required `a.target` field")?),
            b"put" => Self::Put(Box::new(PutQuery {
                token: token("`put` missing required `a.token` field")?,
                v: a.get("v").ok_or(missing("`put` missing required `a.v` field"))?.encode(),
                signed: Signed::read(a)?,
                cas: a.get("cas").and_then(Value::as_int),
            })),
            _ => return Ok(None),
        }))
    }

    /// The datagram of this query.
    pub fn encode(&self, transaction: &[u8], id: &Id) -> Vec<u8> {
        let id = ("id", Value::bytes(&id.0));
        let arguments = match self {
            Self::Ping => vec![id],
            Self::FindNode(target) | Self::Get(target) => {
                vec![id, ("target", Value::bytes(target))]
            }
            Self::GetPeers(key) => vec![id, ("info_hash", Value::bytes(key))],
            Self::AnnouncePeer(said) | Self::UnannouncePeer(said) => vec![
                id,
                ("implied_port", Value::Int(said.port.is_none().into())),
                ("info_hash", Value::bytes(&said.key)),
                ("port", Value::Int(said.port.unwrap_or(0).into())),
                ("token", Value::bytes(&said.token)),
            ],
            Self::Put(put) => {
                let mut pairs = Vec::new();
                pairs.extend(put.cas.map(|cas| ("cas", Value::Int(cas))));
                pairs.push(id);
                if let Some(signed) = &put.signed {
                    pairs.push(("k", Value::bytes(&signed.k)));
                    if !signed.salt.is_empty() {
                        pairs.push(("salt", Value::bytes(&signed.salt)));
                    }
                    pairs.push(("seq", Value::Int(signed.seq)));
                    pairs.push(("sig", Value::bytes(&signed.sig)));
                }
                pairs.push(("token", Value::bytes(&put.token)));
                pairs.extend(Value::decode(&put.v).map(|v| ("v", v)));
                pairs
            }
        };
        Value::dict([
            ("a", Value::dict(arguments)),
            ("q", Value::bytes(self.name().as_bytes())),
            ("t", Value::bytes(transaction)),
            ("v", Value::bytes(VERSION)),
            ("y", Value::bytes(b"q")),
        ])
        .encode()
    }
}

impl Signed {
    fn read(a: &Value<'_>) -> Result<Option<Self>, (i64, &'static str)> {
        let bytes = |key| a.get(key).and_then(Value::as_bytes);
        let of = |key, length, text| match bytes(key) {
            Some(bytes) if bytes.len() > length => Err((code::PROTOCOL, text)),
            bytes => Ok(bytes.unwrap_or_default().to_vec()),
        };
        if bytes("k").or(bytes("sig")).is_none() {
            return Ok(None);
        }
        if bytes("salt").is_some_and(|salt| salt.len() > config::SALT_BYTES) {
            return Err((code::SALT_TOO_LARGE, "salt too large"));
        }
        Ok(Some(Self {
            k: of("k", PUBLIC_KEY_LENGTH, "invalid `a.k` field")?,
            sig: of("sig", SIGNATURE_LENGTH, "invalid `a.sig` field")?,
            seq: a.get("seq").and_then(Value::as_int).unwrap_or(0),
            salt: bytes("salt").unwrap_or_default().to_vec(),
        }))
    }
}

impl<'a> Response<'a> {
    fn read(transaction: Cow<'a, [u8]>, r: &Value<'_>, ours: bool) -> Self {
        let bytes = |key| r.get(key).and_then(Value::as_bytes);
        let ages = bytes("ages").unwrap_or_default();
        let age = |at: usize| match ages.get(2 * at..2 * at + 2) {
            Some(&[high, low]) => Some(u64::from(u16::from_be_bytes([high, low]))),
            _ => None,
        };
        let values = r.get("values").and_then(Value::as_list).unwrap_or_default();
        let address = |value: &Value<'_>| value.as_bytes().and_then(Address::from_compact);
        let node = |bytes: &[u8]| {
            let (id, address) = bytes.split_at_checked(Id::BYTES)?;
            Some((Id::from_slice(id)?, Address::from_compact(address)?))
        };
        let signed = Signed::read(r).ok();
        Self {
            transaction,
            id: bytes("id").and_then(Id::from_slice),
            nodes: bytes("nodes")
                .unwrap_or_default()
                .chunks(NODE_BYTES)
                .take(config::K)
                .filter_map(node)
                .collect(),
            values: values
                .iter()
                .take(config::VALUES)
                .enumerate()
                .filter_map(|(at, value)| Some((address(value)?, age(at))))
                .collect(),
            token: bytes("token")
                .filter(|token| token.len() <= config::TOKEN_BYTES)
                .map(<[u8]>::to_vec),
            // Only values that could have been stored.
            v: signed.as_ref().and_then(|_| r.get("v")).map(Value::encode),
            signed: signed.flatten(),
            ours,
        }
    }

    /// Whether it names a node or a service at a loopback address.
    pub fn has_loopback(&self) -> bool {
        let nodes = self.nodes.iter().map(|(_, address)| address);
        let mut all = nodes.chain(self.values.iter().map(|(address, _)| address));
        all.any(|address| address.is_loopback())
    }

    /// Removes nodes and services at loopback addresses.
    pub fn remove_loopback(&mut self) {
        self.nodes.retain(|(_, address)| !address.is_loopback());
        self.values.retain(|(address, _)| !address.is_loopback());
    }

    /// The datagram of this reply.
    pub fn encode(&self) -> Vec<u8> {
        let mut nodes = Vec::with_capacity(self.nodes.len() * NODE_BYTES);
        for (id, address) in &self.nodes {
            nodes.extend_from_slice(&id.0);
            nodes.extend_from_slice(&address.compact());
        }
        let compact: Vec<_> = self.values.iter().map(|(address, _)| address.compact()).collect();
        let seconds = |age: &Option<u64>| age.unwrap_or(u64::MAX).min(u16::MAX.into()) as u16;
        let ages: Vec<u8> =
            self.values.iter().flat_map(|(_, age)| seconds(age).to_be_bytes()).collect();

        let mut pairs = Vec::new();
        if !ages.is_empty() {
            pairs.push(("ages", Value::bytes(&ages)));
        }
        pairs.extend(self.id.as_ref().map(|id| ("id", Value::bytes(&id.0))));
        if let Some(signed) = &self.signed {
            pairs.push(("k", Value::bytes(&signed.k)));
        }
        if !nodes.is_empty() {
            pairs.push(("nodes", Value::bytes(&nodes)));
        }
        if let Some(signed) = &self.signed {
            pairs.push(("seq", Value::Int(signed.seq)));
            pairs.push(("sig", Value::bytes(&signed.sig)));
        }
        pairs.extend(self.token.as_ref().map(|token| ("token", Value::bytes(token))));
        pairs.extend(self.v.as_deref().and_then(Value::decode).map(|v| ("v", v)));
        if !compact.is_empty() {
            let values = compact.iter().map(|bytes| Value::bytes(bytes)).collect();
            pairs.push(("values", Value::List(values)));
        }
        Value::dict([
            ("r", Value::dict(pairs)),
            ("t", Value::bytes(&self.transaction)),
            ("v", Value::bytes(VERSION)),
            ("y", Value::bytes(b"r")),
        ])
        .encode()
    }
}

/// The datagram of an error reply.
pub fn refuse(transaction: &[u8], code: i64, text: &str) -> Vec<u8> {
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

/// The port of an announcement; `None` for the sender's own.
fn port(a: &Value<'_>) -> Result<Option<u16>, (i64, &'static str)> {
    if a.get("implied_port").and_then(Value::as_int).is_some_and(|implied| implied != 0) {
        return Ok(None);
    }
    let port = a.get("port").and_then(Value::as_int).and_then(|port| u16::try_from(port).ok());
    match port {
        Some(port) if port > 0 => Ok(Some(port)),
        _ => Err((code::PROTOCOL, "invalid `a.port` field")),
    }
}

#[cfg(test)]
mod tests;
