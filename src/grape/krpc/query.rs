//! Queries.

use super::{Signed, code, version::VERSION};
use crate::{
    config::grape as config,
    grape::{Id, bencode::Value},
};

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

    /// Reads a query; `None` if its name is unknown.
    pub(super) fn read(name: &[u8], a: &Value<'_>) -> Result<Option<Self>, (i64, &'static str)> {
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
