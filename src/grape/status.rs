//! What a node tells about itself.

use super::{Address, Command, Core, Fits, Found, Id, krpc::Query};
use crate::config::grape as config;
use serde::Serialize;

/// What was counted since the start.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Counters {
    /// Datagrams that came.
    pub datagrams_in: u64,
    /// Datagrams that were sent.
    pub datagrams_out: u64,
    /// Their bytes.
    pub bytes_in: u64,
    /// Their bytes.
    pub bytes_out: u64,
    /// Queries of others: `ping`.
    pub ping: u64,
    /// Queries of others: `find_node`.
    pub find_node: u64,
    /// Queries of others: `get_peers`.
    pub get_peers: u64,
    /// Queries of others: `announce_peer`.
    pub announce_peer: u64,
    /// Queries of others: `unannounce_peer`.
    pub unannounce_peer: u64,
    /// Queries of others: `get`.
    pub get: u64,
    /// Queries of others: `put`.
    pub put: u64,
    /// Queries of others that were refused.
    pub refused: u64,
    /// Queries to others.
    pub asked: u64,
    /// Answers to them.
    pub responses: u64,
    /// Refusals of them.
    pub errors: u64,
    /// Those without an answer.
    pub timeouts: u64,
    /// Datagrams that were no message.
    pub malformed: u64,
    /// Answers that nobody waited for.
    pub unexpected: u64,
    /// Datagrams over their sender's rate.
    pub limited: u64,
    /// Lookups for this machine.
    pub lookups: u64,
    /// Announces of this machine.
    pub announces: u64,
    /// Walks through the network.
    pub walks: u64,
    /// Queries of those walks.
    pub walk_queries: u64,
    /// Datagrams a second that came in the last seconds.
    pub rate_in: f64,
    /// Lookups a second in the last seconds.
    pub rate_lookups: f64,
    #[serde(skip)]
    measured: Measured,
}

/// The counters at the last measurement.
#[derive(Clone, Debug, Default)]
struct Measured {
    at: u64,
    datagrams: u64,
    lookups: u64,
}

/// Weight of the newest second in a rate.
const NEWEST: f64 = 0.2;

impl Counters {
    pub(super) fn received(&mut self, bytes: usize) {
        self.datagrams_in += 1;
        self.bytes_in += bytes as u64;
    }

    pub(super) fn sent(&mut self, bytes: usize) {
        self.datagrams_out += 1;
        self.bytes_out += bytes as u64;
    }

    pub(super) fn started(&mut self, command: &Command) {
        match command {
            Command::Lookup(_) => self.lookups += 1,
            Command::Announce { .. } => self.announces += 1,
            _ => {}
        }
    }

    pub(super) fn walked(&mut self, queries: usize) {
        self.walks += 1;
        self.walk_queries += queries as u64;
    }

    pub(super) fn asked_by_others(&mut self, query: &Query) {
        *match query {
            Query::Ping => &mut self.ping,
            Query::FindNode(_) => &mut self.find_node,
            Query::GetPeers(_) => &mut self.get_peers,
            Query::AnnouncePeer(_) => &mut self.announce_peer,
            Query::UnannouncePeer(_) => &mut self.unannounce_peer,
            Query::Get(_) => &mut self.get,
            Query::Put(_) => &mut self.put,
        } += 1;
    }

    /// Once a second or so.
    pub(super) fn measure(&mut self, now: u64) {
        let seconds = now.saturating_sub(self.measured.at).max(1) as f64 / 1_000.0;
        let rate = |before: &mut f64, count: u64| {
            *before += NEWEST * (count as f64 / seconds - *before);
        };
        rate(&mut self.rate_in, self.datagrams_in - self.measured.datagrams);
        rate(&mut self.rate_lookups, self.lookups - self.measured.lookups);
        self.measured = Measured { at: now, datagrams: self.datagrams_in, lookups: self.lookups };
    }
}

/// A service that was announced here.
#[derive(Clone, Debug, Serialize)]
pub struct Service {
    /// Its name; a long one is cut, and ends with `…`.
    pub name: String,
    /// Where it is, and for how many seconds it was silent.
    pub addresses: Vec<(String, Option<u64>)>,
}

/// A node's view of itself and of the network.
#[derive(Clone, Debug, Serialize)]
pub struct Status {
    /// Its id.
    pub id: String,
    /// Seconds since it started.
    pub uptime: u64,
    /// Whether the first walk is done.
    pub ready: bool,
    /// Nobody is known although there are bootstrap nodes.
    pub isolated: bool,
    /// Known nodes, their number.
    pub known_nodes: usize,
    /// Known nodes: address, id, seconds of silence.
    pub nodes: Vec<(String, String, u64)>,
    /// Known nodes that are not among those.
    pub nodes_left_out: usize,
    /// Announced names, their number.
    pub names: usize,
    /// Announced addresses, their number.
    pub addresses: usize,
    /// Announced services.
    pub services: Vec<Service>,
    /// Announced addresses that are not among those.
    pub addresses_left_out: usize,
    /// Stored values, their number.
    pub values: usize,
    /// Queries that wait for an answer.
    pub in_flight: usize,
    /// What was counted.
    pub counters: Counters,
}

impl Core {
    /// The node's view of itself; long lists are cut.
    pub fn status(&self) -> Status {
        let seconds = |at: u64| self.now.saturating_sub(at) / 1_000;
        let address = |found: &Found| (found.address.to_string(), found.announced.map(seconds));
        let (mut bytes, mut shown) = (config::STATUS_NAMES_BYTES, 0);
        let services = self.peers.services(|key, of_name| {
            if of_name >= config::VALUES {
                return Fits::No;
            }
            let cost = name(key).len();
            if shown >= config::STATUS_ROWS || bytes < cost {
                return Fits::NoMore;
            }
            bytes -= cost;
            shown += 1;
            Fits::Yes
        });
        let services = services
            .into_iter()
            .map(|(key, found)| Service {
                name: name(key),
                addresses: found.iter().map(address).collect(),
            })
            .collect();
        let nodes = self.table.iter().take(config::STATUS_ROWS);
        let nodes: Vec<_> = nodes
            .map(|node| (node.address.to_string(), node.id.to_string(), seconds(node.seen)))
            .collect();
        Status {
            id: self.id.to_string(),
            uptime: seconds(self.started),
            ready: self.ready,
            isolated: self.is_isolated(),
            known_nodes: self.table.len(),
            nodes_left_out: self.table.len().saturating_sub(nodes.len()),
            nodes,
            names: self.peers.names(),
            addresses: self.peers.len(),
            services,
            addresses_left_out: self.peers.len().saturating_sub(shown),
            values: self.values.len(),
            in_flight: self.transactions.len(),
            counters: self.counters.clone(),
        }
    }

    /// What is worth keeping over a restart: the id, and the nodes that answered.
    pub fn known(&self) -> (Id, Vec<Address>) {
        (self.id, self.table.iter().map(|node| node.address).collect())
    }
}

/// A name as it is shown.
fn name(key: &[u8]) -> String {
    let start = &key[..key.len().min(config::STATUS_NAME_BYTES)];
    let mut text = String::from_utf8_lossy(start).into_owned();
    if start.len() < key.len() {
        // The cut may go through a character.
        if text.ends_with('\u{fffd}') {
            text.pop();
        }
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grape::{Options, Source};

    /// A node where those are announced, by a machine of its own each.
    fn status(names: impl Iterator<Item = Vec<u8>>) -> Status {
        let mut core = Core::new(Options::default(), [1; 32], 0);
        for (number, key) in names.enumerate() {
            let ip = (number as u32).to_be_bytes();
            let address = Address { ip, port: 1 };
            core.peers.add(&key, address, Source::of(address), 0);
        }
        core.status()
    }

    #[test]
    fn a_long_name_is_cut_where_a_character_ends() {
        let long = |text: &str| text.repeat(4_000).into_bytes();
        for (key, shown) in [
            (long("x"), format!("{}…", "x".repeat(200))),
            (long("€"), format!("{}…", "€".repeat(66))),
            (vec![0xff; 8_000], format!("{}…", "\u{fffd}".repeat(199))),
            (b"x".repeat(200), "x".repeat(200)),
            (vec![b'a', 0xff, b'b'], "a\u{fffd}b".into()),
        ] {
            assert_eq!(name(&key), shown);
        }
    }

    #[test]
    fn what_is_shown_has_a_limit_and_says_how_much_is_left_out() {
        let short = status((0..5_000).map(|number| format!("name {number:05}").into_bytes()));
        assert_eq!((short.names, short.addresses), (5_000, 5_000));
        assert_eq!((short.services.len(), short.addresses_left_out), (1_000, 4_000));
        assert_eq!(short.services[999].name, "name 00999");

        let long = |number: usize| [vec![0xff; 8_000], number.to_be_bytes().into()].concat();
        let long = status((0..2_000).map(long));
        let bytes: usize = long.services.iter().map(|service| service.name.len()).sum();
        assert!(bytes <= config::STATUS_NAMES_BYTES && bytes > config::STATUS_NAMES_BYTES / 2);
        assert_eq!(long.services.len() + long.addresses_left_out, long.addresses);
        assert!(long.addresses_left_out > 0);

        let crowd = status((0..1_000).map(|_| b"\"".repeat(150)).chain([b"a".to_vec()]));
        let lengths: Vec<_> = crowd.services.iter().map(|s| s.addresses.len()).collect();
        assert_eq!((lengths, crowd.addresses_left_out), (vec![100, 1], 900));
        let few = status((0..3).map(|_| b"a".to_vec()));
        assert_eq!((few.services[0].addresses.len(), few.addresses_left_out), (3, 0));
    }
}
