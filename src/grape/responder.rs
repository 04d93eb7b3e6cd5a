//! Replies to the queries of other nodes.

use super::{
    Address, Id, Item, Tokens,
    directory::Directory,
    event::Events,
    krpc::{Announcement, PutQuery, Query, ReceivedQuery, Response, code, encode_error},
    network::Network,
};
use crate::config::grape as config;

/// A code and a text.
type Refusal = (i64, &'static str);

const BAD_TOKEN: Refusal = (code::PROTOCOL, "cannot `announce_peer` with bad token");
const TOO_MANY_PUTS: Refusal = (code::SERVER, "too many signatures to check");
const BAD_PUT_TOKEN: Refusal = (code::PROTOCOL, "cannot `put` with bad token");

/// What replies read and change.
#[derive(Debug)]
pub(super) struct Responder<'a> {
    pub id: Id,
    pub network: &'a mut Network,
    pub directory: &'a mut Directory,
    pub tokens: &'a Tokens,
    pub events: &'a mut Events,
    pub now: u64,
}

impl Responder<'_> {
    /// The reply to a query, of at most `allowed` bytes or with the mandatory fields alone; `None`
    /// to an unknown query.
    pub fn reply(
        &mut self,
        from: Address,
        asked: ReceivedQuery<'_>,
        allowed: usize,
    ) -> Option<Vec<u8>> {
        let fixed = config::ANSWER_BYTES + asked.transaction.len();
        let room = allowed.saturating_sub(fixed);
        let response = asked.query.and_then(|query| {
            let Some(query) = query else { return Ok(None) };
            self.network.count().queried(&query);
            self.response(from, query, room).map(Some)
        });
        match response {
            Ok(response) => response.map(|response| {
                let transaction = asked.transaction;
                Response { transaction, id: Some(self.id), ..response }.encode()
            }),
            Err((code, text)) => {
                self.network.count().refused += 1;
                Some(encode_error(&asked.transaction, code, text))
            }
        }
    }

    fn response(
        &mut self,
        from: Address,
        query: Query,
        room: usize,
    ) -> Result<Response<'static>, Refusal> {
        let empty = Response::default();
        Ok(match query {
            Query::Ping => empty,
            Query::FindNode(target) => Response { nodes: self.nodes_near(&target, room), ..empty },
            Query::GetPeers(key) => self.known_peers(from, &key, room),
            Query::Get(target) => self.known_value(from, &target, room),
            Query::AnnouncePeer(said) => {
                let address = self.announced(from, &said)?;
                self.directory.add(&said.key, address, from, self.now);
                self.events.announce(&said.key, self.now);
                empty
            }
            Query::UnannouncePeer(said) => {
                let address = self.announced(from, &said)?;
                self.directory.take_back(&said.key, address);
                empty
            }
            Query::Put(put) => {
                self.put(from, *put)?;
                empty
            }
        })
    }

    /// As many nodes near a key as fit in `room` bytes.
    fn nodes_near(&self, key: &[u8], room: usize) -> Vec<(Id, Address)> {
        let count = config::K.min(room.saturating_sub(LISTS_BYTES) / NODE_BYTES);
        self.network.table().closest_heard(key, count)
    }

    /// Announced addresses, or the nodes near the key. With few addresses there is room for both.
    fn known_peers(&mut self, from: Address, key: &[u8], room: usize) -> Response<'static> {
        let for_values = if room > ENOUGH { room } else { room / 2 };
        let count = config::VALUES.min(for_values / VALUE_BYTES);
        let peers = self.directory.report(key, count);
        let nodes = if peers.len() <= config::VALUES_WITH_NODES {
            self.nodes_near(key, room - peers.len() * VALUE_BYTES)
        } else {
            Vec::new()
        };
        let seconds = |at: u64| self.now.saturating_sub(at) / 1_000;
        Response {
            nodes,
            values: peers.iter().map(|peer| (peer.address, peer.announced.map(seconds))).collect(),
            token: Some(self.tokens.make(from).to_vec()),
            ..Response::default()
        }
    }

    /// A value, and the nodes near it: another node may have a newer one.
    fn known_value(&self, from: Address, target: &[u8], room: usize) -> Response<'static> {
        let cost =
            |item: &&Item| item.v.len() + if item.signed.is_some() { SIGNED_BYTES } else { 0 };
        let item = self.directory.value(target).filter(|item| cost(item) <= room);
        Response {
            nodes: self.nodes_near(target, room - item.as_ref().map_or(0, cost)),
            token: Some(self.tokens.make(from).to_vec()),
            v: item.map(|item| item.v.clone()),
            signed: item.and_then(|item| item.signed.clone()),
            ..Response::default()
        }
    }

    /// The announced address, if the sender proved that it is its own.
    fn announced(&mut self, from: Address, said: &Announcement) -> Result<Address, Refusal> {
        if !self.tokens.is_good(from, &said.token) {
            return Err(BAD_TOKEN);
        }
        self.network.proves(from, self.now);
        Ok(Address { port: said.port.unwrap_or(from.port), ..from })
    }

    /// Stores a value; the most expensive check comes last.
    fn put(&mut self, from: Address, put: PutQuery) -> Result<(), Refusal> {
        if !self.tokens.is_good(from, &put.token) {
            return Err(BAD_PUT_TOKEN);
        }
        self.network.proves(from, self.now);
        let item = Item { v: put.v, signed: put.signed };
        item.check_size()?;
        self.directory.check(&item, put.cas)?;
        if item.signed.is_some() && !self.network.allows_signature(from, self.now) {
            return Err(TOO_MANY_PUTS);
        }
        item.check()?;
        self.directory.put(item, put.cas, from, self.now)
    }
}

/// Bytes of an address with its age in a reply, and of a node.
const VALUE_BYTES: usize = 10;
const NODE_BYTES: usize = 26;

/// Bytes around these lists in a reply, and the fields of a mutable value.
const LISTS_BYTES: usize = 40;
const SIGNED_BYTES: usize = 170;

/// Room for the largest reply.
const ENOUGH: usize = config::VALUES * VALUE_BYTES + config::K * NODE_BYTES + LISTS_BYTES;
