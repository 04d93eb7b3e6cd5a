//! A node's counters.

use super::{Command, krpc::Query};
use serde::Serialize;

/// Counters since the start.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Counters {
    /// Datagrams received.
    pub datagrams_in: u64,
    /// Datagrams sent.
    pub datagrams_out: u64,
    /// Their bytes.
    pub bytes_in: u64,
    /// Their bytes.
    pub bytes_out: u64,
    /// Queries received: `ping`.
    pub ping: u64,
    /// Queries received: `find_node`.
    pub find_node: u64,
    /// Queries received: `get_peers`.
    pub get_peers: u64,
    /// Queries received: `announce_peer`.
    pub announce_peer: u64,
    /// Queries received: `unannounce_peer`.
    pub unannounce_peer: u64,
    /// Queries received: `get`.
    pub get: u64,
    /// Queries received: `put`.
    pub put: u64,
    /// Queries received and rejected with an error.
    pub refused: u64,
    /// Queries sent.
    pub asked: u64,
    /// Their replies.
    pub responses: u64,
    /// Their error replies.
    pub errors: u64,
    /// Those without a reply.
    pub timeouts: u64,
    /// Datagrams that are no message.
    pub malformed: u64,
    /// Replies without a pending query.
    pub unexpected: u64,
    /// Datagrams above their sender's rate.
    pub limited: u64,
    /// Lookups for this machine.
    pub lookups: u64,
    /// Announces of this machine.
    pub announces: u64,
    /// Walks through the network.
    pub walks: u64,
    /// Queries of those walks.
    pub walk_queries: u64,
    /// Datagrams received per second, of the last seconds.
    pub rate_in: f64,
    /// Lookups per second, of the last seconds.
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
    /// A datagram was received.
    pub(super) fn received(&mut self, bytes: usize) {
        self.datagrams_in += 1;
        self.bytes_in += bytes as u64;
    }

    /// A datagram was sent.
    pub(super) fn sent(&mut self, bytes: usize) {
        self.datagrams_out += 1;
        self.bytes_out += bytes as u64;
    }

    /// A command was started.
    pub(super) fn started(&mut self, command: &Command) {
        match command {
            Command::Lookup(_) => self.lookups += 1,
            Command::Announce { .. } | Command::AnnounceAt { .. } => self.announces += 1,
            _ => {}
        }
    }

    /// A walk has ended.
    pub(super) fn walked(&mut self, queries: usize) {
        self.walks += 1;
        self.walk_queries += queries as u64;
    }

    /// Another node sent a query.
    pub(super) fn queried(&mut self, query: &Query) {
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

    /// Updates the rates, about once per second.
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
