//! A node's replies to other nodes.

use super::{
    Address, Core, Item, Source, Stored,
    krpc::{Announcement, Asked, PutQuery, Query, Response, code, refuse},
};
use crate::config::grape as config;

type Refusal = (i64, &'static str);

const BAD_TOKEN: Refusal = (code::PROTOCOL, "cannot `announce_peer` with bad token");
const TOO_MANY_PUTS: Refusal = (code::SERVER, "too many signatures to check");
const BAD_PUT_TOKEN: Refusal = (code::PROTOCOL, "cannot `put` with bad token");

impl Core {
    /// Replies with at most `allowed` bytes, or with the mandatory fields.
    pub(super) fn answer(&mut self, from: Address, asked: Asked<'_>, allowed: usize) {
        let fixed = config::ANSWER_BYTES + asked.transaction.len();
        let room = allowed.saturating_sub(fixed);
        let answer = match asked.query {
            Ok(Some(query)) => {
                self.counters.asked_by_others(&query);
                self.response(from, query, room)
            }
            Ok(None) => return,
            Err(refusal) => Err(refusal),
        };
        let bytes = match answer {
            Ok(response) => {
                let transaction = asked.transaction;
                Response { transaction, id: Some(self.id), ..response }.encode()
            }
            Err((code, text)) => {
                self.counters.refused += 1;
                refuse(&asked.transaction, code, text)
            }
        };
        self.send(from, bytes);
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
            Query::FindNode(target) => {
                Response { nodes: self.table.closest_heard(&target, nodes_in(room)), ..empty }
            }
            Query::GetPeers(key) => self.known_peers(from, &key, room),
            Query::Get(target) => self.known_value(from, &target, room),
            Query::AnnouncePeer(said) => {
                let address = self.announced(from, &said)?;
                // Announces of other machines do not use the room of this machine's announces.
                self.peers.add(&said.key, address, Source::of(from), self.now);
                self.tell_announce(&said.key);
                empty
            }
            Query::UnannouncePeer(said) => {
                let address = self.announced(from, &said)?;
                // Other programs of this machine have its address as well.
                if self.peers.take_back(&said.key, address) {
                    self.forget_found(&said.key, address);
                }
                empty
            }
            Query::Put(put) => {
                self.take(from, *put)?;
                empty
            }
        })
    }

    /// Announced addresses, or the nodes near the key. With few addresses there is room for both.
    fn known_peers(&mut self, from: Address, key: &[u8], room: usize) -> Response<'static> {
        let for_values = if room > ENOUGH { room } else { room / 2 };
        let count = config::VALUES.min(for_values / VALUE_BYTES);
        let peers = self.peers.sample(key, count, &mut self.rng);
        let nodes = if peers.len() <= config::VALUES_WITH_NODES {
            let room = room - peers.len() * VALUE_BYTES;
            self.table.closest_heard(key, nodes_in(room))
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
        let stored = self.values.get(target).map(|Stored { item, .. }| item);
        let cost =
            |item: &&Item| item.v.len() + if item.signed.is_some() { SIGNED_BYTES } else { 0 };
        let stored = stored.filter(|item| cost(item) <= room);
        Response {
            nodes: self
                .table
                .closest_heard(target, nodes_in(room - stored.as_ref().map_or(0, cost))),
            token: Some(self.tokens.make(from).to_vec()),
            v: stored.map(|item| item.v.clone()),
            signed: stored.and_then(|item| item.signed.clone()),
            ..Response::default()
        }
    }

    /// The announced address, if the sender proved that it is its own.
    fn announced(&mut self, from: Address, said: &Announcement) -> Result<Address, Refusal> {
        if !self.tokens.is_good(from, &said.token) {
            return Err(BAD_TOKEN);
        }
        self.sources.proves(from, self.now);
        Ok(Address { port: said.port.unwrap_or(from.port), ..from })
    }

    /// Stores a value; the most expensive check comes last.
    fn take(&mut self, from: Address, put: PutQuery) -> Result<(), Refusal> {
        if !self.tokens.is_good(from, &put.token) {
            return Err(BAD_PUT_TOKEN);
        }
        self.sources.proves(from, self.now);
        let item = Item { v: put.v, signed: put.signed };
        item.check_size()?;
        self.values.check(&item, put.cas)?;
        if item.signed.is_some() && !self.sources.allows_signature(from.ip, self.now) {
            return Err(TOO_MANY_PUTS);
        }
        item.check()?;
        self.values.put(Stored { item, id: self.id }, put.cas, Source::of(from), self.now)
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

/// How many nodes fit in a part of a reply.
fn nodes_in(room: usize) -> usize {
    config::K.min(room.saturating_sub(LISTS_BYTES) / NODE_BYTES)
}
