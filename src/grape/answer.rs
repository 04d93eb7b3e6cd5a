//! What a node answers to the others.

use super::{
    Address, Core, Found, Item, Stored,
    krpc::{Announcement, Asked, PutQuery, Query, Response, code, refuse},
};
use crate::config::grape as config;

type Refusal = (i64, &'static str);

const BAD_TOKEN: Refusal = (code::PROTOCOL, "cannot `announce_peer` with bad token");
const BAD_PUT_TOKEN: Refusal = (code::PROTOCOL, "cannot `put` with bad token");

impl Core {
    pub(super) fn answer(&mut self, from: Address, asked: Asked<'_>) {
        let answer = match asked.query {
            Ok(Some(query)) => {
                self.counters.asked_by_others(&query);
                self.response(from, query)
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

    fn response(&mut self, from: Address, query: Query) -> Result<Response<'static>, Refusal> {
        let empty = Response::default();
        Ok(match query {
            Query::Ping => empty,
            Query::FindNode(target) => {
                Response { nodes: self.table.closest(&target, config::K), ..empty }
            }
            Query::GetPeers(key) => self.known_peers(from, &key),
            Query::Get(target) => self.known_value(from, &target),
            Query::AnnouncePeer(said) => {
                let address = self.announced(from, &said)?;
                self.peers.add(&said.key, Found { address, announced: Some(self.now) }, self.id);
                self.tell_announce(&said.key);
                empty
            }
            Query::UnannouncePeer(said) => {
                let address = self.announced(from, &said)?;
                self.peers.remove(&said.key, address);
                self.found.remove(&said.key, address);
                empty
            }
            Query::Put(put) => {
                self.take(from, *put)?;
                empty
            }
        })
    }

    /// What was announced, or who is near it. Few addresses leave room for both.
    fn known_peers(&mut self, from: Address, key: &[u8]) -> Response<'static> {
        let peers = self.peers.sample(key, config::VALUES, &mut self.rng);
        let nodes = if peers.len() <= config::VALUES_WITH_NODES {
            self.table.closest(key, config::K)
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

    fn known_value(&self, from: Address, target: &[u8]) -> Response<'static> {
        let token = Some(self.tokens.make(from).to_vec());
        match self.values.get(target) {
            Some(Stored { item, .. }) => Response {
                token,
                v: Some(item.v.clone()),
                signed: item.signed.clone(),
                ..Response::default()
            },
            None => Response {
                token,
                nodes: self.table.closest(target, config::K),
                ..Response::default()
            },
        }
    }

    /// The address that is meant, if the sender proved that it has it.
    fn announced(&self, from: Address, said: &Announcement) -> Result<Address, Refusal> {
        if !self.tokens.is_good(from, &said.token) {
            return Err(BAD_TOKEN);
        }
        Ok(Address { port: said.port.unwrap_or(from.port), ..from })
    }

    fn take(&mut self, from: Address, put: PutQuery) -> Result<(), Refusal> {
        if !self.tokens.is_good(from, &put.token) {
            return Err(BAD_PUT_TOKEN);
        }
        let item = Item { v: put.v, signed: put.signed };
        item.check()?;
        self.values.put(Stored { item, id: self.id }, put.cas)
    }
}
