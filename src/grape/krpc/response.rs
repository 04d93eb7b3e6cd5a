//! Replies.

use super::{Signed, version::VERSION};
use crate::{
    config::grape as config,
    grape::{Address, Id, bencode::Value},
};
use std::borrow::Cow;

/// Bytes of a node in `nodes`: its id and its address.
const NODE_BYTES: usize = Id::BYTES + Address::BYTES;

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

impl<'a> Response<'a> {
    /// Reads the values of a reply.
    pub(super) fn read(transaction: Cow<'a, [u8]>, r: &Value<'_>, ours: bool) -> Self {
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
