//! Every limit and default of the native side, with its reason.
//! What a caller may set per peer or per request stands in `lib/defaults.js`.

use std::time::Duration;

/// Largest message either side accepts, in bytes. The `ws` package's default, so that
/// what one kind of peer sends the other kind takes.
pub const MAX_MESSAGE_BYTES: usize = 100 * 1024 * 1024;

/// Read buffer that each connection keeps while idle, in bytes. Only control frames and
/// fragments pass through it; the others are read in the scratch buffer.
pub const IDLE_READ_BYTES: usize = 512;

/// Scratch buffer of a reading thread, in bytes: what one read of a socket may bring.
pub const SCRATCH_BYTES: usize = 64 * 1024;

/// Frames collected in a tick are written early once they reach this many bytes: a full
/// buffer in the kernel is worth more than a later, larger one here.
pub const FLUSH_BYTES: usize = 32 * 1024;

/// Before anything of a connection ends because its time is over, its socket is read so many times at
/// most: after a pause of the whole process what was sent in time is still there.
pub const OVERDUE_READS: usize = 16;

/// How long what JavaScript has composed may wait until a thread writes it, because JavaScript is too
/// busy to: acknowledgements and progress must not wait for the end of a service's work. With what a
/// timer is late it is less than 2 ms. Where there is traffic the thread wakes up so often, at most.
pub const LATE: Duration = Duration::from_micros(1750);

/// So many writes between two looks of this thread are traffic that goes on: the thread looks again. After
/// fewer it sleeps until something waits again, which costs a wake-up.
pub const DENSE_WRITES: u64 = 4;

/// The stack of that thread, in bytes: all it does is to write.
pub const PROMPTER_STACK: usize = 128 * 1024;

/// How long published messages may wait for more of them while Node's event loop has other things
/// to do: a write for each subscriber and message is most of what publishing costs.
pub const PUBLISH_LINGER: Duration = Duration::from_micros(200);

/// How long Node's event loop looks for the next message before it sleeps, where it has learnt that
/// this pays: about what a sleep and a wake-up cost the two sides of a connection.
pub const SPIN: Duration = Duration::from_micros(50);

/// The same with TLS, where an answer takes longer, and so does what a sleep leaves cold.
pub const STREAM_SPIN: Duration = Duration::from_micros(150);

/// How often all processes of a machine try that at the same time, in milliseconds.
pub const SPIN_TRIAL_EVERY: u64 = 256;

/// For how many milliseconds then: 1 % of the time at most.
pub const SPIN_TRIAL: u64 = 2;

/// How long it looks then, until the other side, which may sleep when the trial begins, takes part.
pub const SPIN_TRIAL_PATIENCE: Duration = Duration::from_micros(500);

/// How many times of success are remembered.
pub const SPIN_CREDIT: u32 = 64;

/// How many of them one for nothing takes away: it pays from two in three on.
pub const SPIN_MISS: u32 = 2;

/// A write buffer above this capacity is given back once it is empty.
pub const KEEP_WRITE_BYTES: usize = 64 * 1024;

/// Bytes that may wait for a slow receiver, by default: then its own requests are no longer read,
/// and a subscriber gets no more, since the others must not wait for it.
pub const HIGH_WATER: usize = 16 * 1024 * 1024;

/// Published bytes that are copied into a subscriber's own buffer; what comes on top waits in the
/// memory that all subscribers share.
pub const SUBSCRIBER_OWN_BYTES: usize = 256 * 1024;

/// Of a subscriber's list of published messages: an empty one with room for more is given back.
pub const SUBSCRIBER_KEPT_ENTRIES: usize = 1024;

/// Frames that one message may come in. A message in frames of a byte each costs much more than
/// its size tells.
pub const MAX_FRAGMENTS: usize = 128 * 1024;

/// Silence after which the other side is asked for a sign of life, by default; as long again
/// without one, and it is taken for gone.
pub const HEARTBEAT: Duration = Duration::from_secs(30);

/// Bytes on their way that make a client ask by another connection of its pool: a second of a line with
/// 1 Mbit/s. To look whether they are gone costs no more than a hundredth of moving them.
pub const LARGE_BYTES: usize = 128 * 1024;

/// How often in such an interval connections are looked at, all at once: one pass over thousands
/// of them is cheap, thousands of timers are not.
pub const HEARTBEAT_CHECKS: u64 = 8;

/// Silence of an idle TCP connection after which the system asks the other host for a sign of life:
/// with [`KEEPALIVE_RETRIES`] more a dead one is found after a minute.
pub const KEEPALIVE: Duration = Duration::from_secs(45);

/// How long after that, and how often, it asks again. Linux's own defaults are 75 s and 9.
pub const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(5);
/// See [`KEEPALIVE_INTERVAL`].
pub const KEEPALIVE_RETRIES: u32 = 3;

/// How long what was sent may wait for the other host's word, before it is taken for dead. Linux's
/// own default is a quarter of an hour. Its `TCP_USER_TIMEOUT` would also end connections whose other
/// sides read nothing for so long, however often their systems say that they are there.
pub const ACK_TIMEOUT_MS: u64 = 60_000;

/// Silence of a connection after which the system is asked what it knows of the other host: early
/// enough for [`ACK_TIMEOUT_MS`].
pub const LOOK_AFTER_MS: u64 = 30_000;

/// The second of two looks that find a host dead comes so much after the first one at least: what
/// came while this process stood still is not looked at yet, and what it was silent about is asked again.
pub const LOOK_TWICE_MS: u64 = 5_000;

/// The longest pause before the system sends again what was not acknowledged, or probes a closed
/// window, where it lets us choose (Linux 6.15). Its own is two minutes: so late a dead host would be
/// noticed whose window was closed for minutes, and so late a network that is whole again.
pub const TCP_PAUSE: Duration = Duration::from_secs(15);

/// Of the grape's API: how long sent bytes may wait for the other host's word that they came, before
/// the system takes it for dead (RFC 5482). Who reads nothing of an answer has less time.
pub const TCP_USER_TIMEOUT: Duration = Duration::from_secs(60);

/// Clients of one server that may be in the middle of their handshake; of the address that has the
/// most of them the oldest goes for one more. With [`MAX_HANDSHAKE_BYTES`] each: 64 MiB.
pub const MAX_HANDSHAKES: usize = 4096;

/// Clients of one server that JavaScript has still to hear of. It is busy if there are so many, and
/// the next ones wait as if their handshakes were not done. With 16 KiB of head each, and as much
/// again where that is not ASCII: 32 MiB.
pub const MAX_ARRIVALS: usize = 1024;

/// Connections that are over, whose other sides are given time to read why. The oldest of the address
/// that has the most of them is closed for one more.
pub const MAX_FAREWELLS: usize = 512;

/// Bytes that may wait for a busy JavaScript thread before the sockets are no longer read.
pub const INBOX_HIGH_WATER: usize = 32 * 1024 * 1024;

/// The same for a connection that has something waiting itself: the rest is for those who have not.
pub const INBOX_SHARE: usize = INBOX_HIGH_WATER / 2;

/// What JavaScript makes of a record of a batch costs at least so many bytes beside its text.
pub const RECORD_BYTES: usize = 64;

/// What is no request, or a large one, counts so many bytes more while it waits: JavaScript parses it
/// by itself, and an error of the parser costs as much time as some twenty requests. Whoever sends
/// nothing else keeps others waiting for a few tenths of a second.
pub const ODD_REQUEST_BYTES: usize = 1024;

/// What an object or array costs JavaScript, in bytes, at least: an empty one.
pub const OBJECT_BYTES: usize = 64;

/// What an element costs beside its text, in bytes: V8 grows an array while it reads it.
pub const ELEMENT_BYTES: usize = 24;

/// What a property costs, in bytes, where each object has others: V8 makes a table of them.
pub const PROPERTY_BYTES: usize = 64;

/// Up to so many bytes a request counts as one of this size, unless it has more to it than the
/// following.
pub const SMALL_MESSAGE_BYTES: usize = 256;

/// Arrays and objects in such a request, beside its own array; in 256 bytes there may be 80, which
/// cost 6 KB.
pub const SMALL_MESSAGE_OBJECTS: usize = 4;

/// Commas and colons in such a request: those of an object with five properties, and some.
pub const SMALL_MESSAGE_ELEMENTS: usize = 16;

/// Step in which a connection tells what it holds of a server's budget, in bytes: what is below
/// costs nothing to count.
pub const BUDGET_GRAIN: usize = 4 * 1024;

/// Part of a memory budget that connections which are gone cannot take from those that are there: one
/// in so many bytes.
pub const BUDGET_FOR_THE_LIVING: usize = 4;

/// Messages handed to JavaScript in one call: enough to spread the cost of the call, few
/// enough that timers and other sockets get their turn.
pub const BATCH_MESSAGES: usize = 512;

/// Bytes of text handed to JavaScript in one call, as a soft limit.
pub const BATCH_BYTES: usize = 256 * 1024;

/// A message above this many bytes travels as a string of its own: copying it into the
/// shared text costs more than the extra string.
pub const BATCHED_MESSAGE_BYTES: usize = 8 * 1024;

/// Levels of arrays and objects in a message, its own array among them. V8 reads any depth, but writes
/// it by recursion: 4,180 levels with Node's default stack, 1,270 in a worker with 512 KiB, 399 with
/// 300 KiB, the least that Node 20 starts with. Messages of services have a few.
pub const MAX_NESTING: usize = 256;

/// Longest id of a request that is told that its message nests too deep, in bytes. A peer's has 36.
pub const REFUSED_ID_BYTES: usize = 128;

/// Longest name of a host (RFC 1035 section 2.3.4, without the final dot).
pub const HOST_BYTES: usize = 253;

/// Buckets of a histogram for each doubling of the latency, as a power of two: a percentile is at
/// most a 32nd too high.
pub const LATENCY_BITS: u32 = 5;

/// Longest latency that has a bucket of its own, in microseconds: 19 hours. It bounds the memory of
/// a histogram.
pub const MAX_LATENCY_US: u64 = 1 << 36;

/// Requests that one connection may have in flight. Slots are dense, so this bounds memory
/// against a caller's mistake, not against load.
pub const MAX_SLOTS: u32 = 1 << 24;

/// Expired requests are looked for at most this often, in milliseconds: one pass over the
/// waiting requests, so the price of precision.
pub const EXPIRE_EVERY_MS: u64 = 20;

/// Longest timeout of a request, in milliseconds: that of Node's own timers. Longer ones, also
/// `Infinity`, are cut to it.
pub const MAX_TIMEOUT_MS: u64 = i32::MAX as u64;

/// How long a TCP connection may take to be made, and before that the lookup of the host's name.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a connection to one address of a name may take before the next address is tried too, as
/// RFC 8305 recommends.
pub const NEXT_ADDRESS: Duration = Duration::from_millis(250);

/// Addresses of one name that are tried, by whoever connects to it: strangers say which names have how
/// many, and Node's `net` throws where thousands refuse at once.
pub const DIALLED_ADDRESSES: usize = 4;

/// Names that grapes have named and that are looked up at once, each on a thread of its own; the
/// others wait for their turn. As many again are for those that had addresses lately.
pub const LOOKUPS_OF_CLIENTS: usize = 16;

/// The same for the names of grapes, which a user has written.
pub const LOOKUPS_OF_LINKS: usize = 4;

/// Names that had addresses lately and are remembered.
pub const PROVEN_NAMES: usize = 256;

/// How long a handshake may take, on both sides.
pub const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// How long the other side of a connection that we end may take to read why.
pub const FAREWELL_TIMEOUT: Duration = Duration::from_secs(1);

/// What may still be written to a connection that has ended, in bytes.
pub const FAREWELL_BYTES: usize = 64 * 1024;

/// Largest handshake head, in bytes. Node's own HTTP parser takes 16 KiB.
pub const MAX_HANDSHAKE_BYTES: usize = 16 * 1024;

/// Heads before the answer to a handshake that only say that the server goes on; as in
/// lib/defaults.js. All of them together have the room of one.
pub const MAX_INFORMATION: usize = 32;

/// Most headers in a handshake; tungstenite's own limit.
pub const MAX_HANDSHAKE_HEADERS: usize = 124;

/// How long a closing handshake may take before the connection is dropped. As in `ws`.
pub const CLOSE_TIMEOUT: Duration = Duration::from_secs(30);

/// Pending connections the kernel keeps for a listener. As in Node.
pub const LISTEN_BACKLOG: i32 = 511;

/// Pause of a listener that cannot accept (no descriptors left) before it tries again.
pub const ACCEPT_RETRY: Duration = Duration::from_millis(50);

/// How long a handshake has at least before it is given up for its descriptor.
pub const SHED_AGE: Duration = Duration::from_millis(100);

/// Pause after a handshake was given up for its descriptor, which is free then.
pub const SHED_PAUSE: Duration = Duration::from_millis(1);

/// How long stopping a server or a grape waits at most for its port to be free.
pub const UNLISTEN_WAIT: Duration = Duration::from_secs(1);

/// Threads that move bytes. JavaScript is the bottleneck long before one of them is.
pub const IO_THREADS: usize = 1;

/// Largest answer of a grape, in bytes: a lookup holds at most 100 addresses, a stored value
/// at most 1000 bytes.
pub const MAX_GRAPE_ANSWER_BYTES: usize = 1024 * 1024;

/// What may come with such an answer: its head, and those before it.
pub const GRAPE_HEAD_BYTES: usize = 64 * 1024;

/// How long after a request something may come, whether somebody waits for it or not.
pub const GRAPE_ANSWER_TIMEOUT: Duration = Duration::from_secs(600);

/// How long a kept-alive connection to a grape is used again. Node closes its own side after
/// 5 s, and a request sent into that close fails.
pub const GRAPE_KEEP_ALIVE: Duration = Duration::from_secs(4);

/// How long a connection to a grape stays open without a request: what it was made for may have gone
/// by another one. A server that closes waits for it.
pub const GRAPE_UNUSED: Duration = Duration::from_secs(1);

/// The discovery node. What a caller may set per node stands in `lib/defaults.js`.
pub mod grape {
    /// Nodes in a bucket, in a reply's `nodes`, and asked to store (k of Kademlia).
    pub const K: usize = 20;

    /// Queries that one lookup has in flight.
    pub const CONCURRENCY: usize = 16;

    /// How long a query waits for its answer, in ms.
    pub const QUERY_TIMEOUT_MS: u64 = 2_000;

    /// When a query without an answer is sent again, in ms after it was sent first: one lost
    /// datagram must not cost a node.
    pub const RESEND_MS: &[u64] = &[600];

    /// The same for bootstrap nodes, which may be about to start: a network that is started
    /// together should not wait for the timeout.
    pub const BOOTSTRAP_RESEND_MS: &[u64] = &[100, 300, 700, 1_400];

    /// Nodes that a lookup remembers, the nearest it heard of. More would only help a liar.
    pub const CANDIDATES: usize = 4 * K;

    /// Addresses at which one id may be, as one lookup was told, each by another host: fewer than so
    /// many hosts do not hide a node by naming its id where nobody is.
    pub const ID_ADDRESSES: usize = K;

    /// Nodes without an answer that a full list of `CANDIDATES` keeps though the same host named them:
    /// so many of each of `K` hosts fit.
    pub const NAMED_KEPT: usize = CANDIDATES / K;

    /// A node that a lookup asked so many ms ago does not count among the nearest any more, nor among
    /// the queries in flight, until it answers: others take its place. Longer than the way around
    /// the world.
    pub const LATE_MS: u64 = 500;

    /// The same of one that a host named, who may be nobody. From then on the lookup asks one without
    /// an answer of each who names some, before their others.
    pub const WARY_MS: u64 = 150;

    /// How long a lookup that anybody answered goes on for the nodes of one host, in ms since it was
    /// asked first, and for those that they name: enough to ask a second time after `RESEND_MS`,
    /// and less than half of what a link waits. An announce waits as long for the last nodes that
    /// are to take it.
    pub const HOLD_MS: u64 = 1_000;

    /// How long a lookup goes on, in ms, whoever is late: less than a link waits (2.5 s).
    pub const WALK_MS: u64 = 2_000;

    /// The same for getting into the network: nobody waits for that.
    pub const JOIN_MS: u64 = 5_000;

    /// Queries that one lookup sends at most.
    pub const WALK_QUERIES: usize = 400;

    /// Nodes without an answer that one lookup asks because the same host named them: a liar can
    /// turn a lookup on so many others. Each that answers makes room for another.
    pub const UNPROVEN_NAMED: usize = 8;

    /// Nodes without an answer that one lookup asks at one host.
    pub const UNPROVEN_AT_HOST: usize = 4;

    /// Nodes of one host in a bucket of `K`, and among those whose word counts. This machine's own have no share, since a whole network may live on one.
    pub const HOST_SHARE: usize = 4;

    /// Nodes of one host that are asked, named and chosen to store something, before those of other
    /// hosts: so it takes `K` hosts to take over a name. Its others come when all hosts had theirs.
    pub const HOST_PLACES: usize = 1;

    /// Lookups, announces, puts and gets under way at once for this machine: of more the oldest
    /// ends, of who has most of them.
    pub const OPERATIONS: usize = 4_096;

    /// The same for other machines that use the API.
    pub const OPERATIONS_REMOTE: usize = 2_048;

    /// Bytes that those of this machine may hold, which others cannot take.
    pub const OPERATION_BYTES: usize = 320 * 1024 * 1024;

    /// The same for other machines: about as many in proportion.
    pub const OPERATION_BYTES_REMOTE: usize = OPERATION_BYTES / 2;

    /// How many end at once, so that looking for them costs little; at most half of what who has
    /// most has.
    pub const OPERATIONS_ENDED: usize = 32;

    /// What one walk holds at most beside its key, in bytes: candidates with their tokens, the
    /// addresses it asked, and what it was told.
    pub const WALK_COST: usize = 64 * 1024;

    /// What one command holds beside its key, in bytes.
    pub const COMMAND_COST: usize = 512;

    /// Queries without an answer so far; more are not sent.
    pub const TRANSACTIONS: usize = 32_768;

    /// Their bytes: each is kept to be sent again.
    pub const TRANSACTION_TOTAL_BYTES: usize = 32 * 1024 * 1024;

    /// What such a query holds beside its datagram, in bytes.
    pub const TRANSACTION_COST: usize = 192;

    /// Pings of nodes that asked something and are not known; while so many are out, others are
    /// not pinged. Only who answers is added.
    pub const VERIFYING: usize = 256;

    /// Longest service name or info_hash, in bytes: what the API's default body limit lets in.
    pub const KEY_BYTES: usize = 8_192;

    /// Longest transaction id that is echoed, in bytes. Ours have 4, the original's 2.
    pub const TRANSACTION_BYTES: usize = 32;

    /// Longest token that is kept, in bytes. Ours have 8, the original's 20.
    pub const TOKEN_BYTES: usize = 64;

    /// What is kept of the text of a refusal, in bytes: it goes on to who asked.
    pub const ERROR_TEXT_BYTES: usize = 256;

    /// Largest datagram that is read as a message: the longest key with everything around it, or
    /// more than 1,000 addresses of an original.
    pub const MESSAGE_BYTES: usize = 16 * 1024;

    /// Values in one message, counting those within lists and dictionaries: one takes two bytes on
    /// the wire, and 30 times as many here.
    pub const ELEMENTS: usize = 4_096;

    /// Nesting of a datagram's lists and dictionaries. KRPC needs 3, a stored value has a few.
    pub const DEPTH: usize = 32;

    /// Addresses in one reply, and in one answer of the API.
    pub const VALUES: usize = 100;

    /// Addresses of one host in an answer, if there are others: or as many as all of those have.
    pub const HOST_VALUES: usize = 16;

    /// Up to so many addresses in a reply there are nodes beside them: both fit one datagram.
    pub const VALUES_WITH_NODES: usize = 50;

    /// Addresses that did not answer lately, in each generation. A walk asks them all the same, and
    /// waits for none of them, unless nobody else answers, or they are most.
    pub const SILENT: usize = 1_024;

    /// For how long, in ms, since they were asked last.
    pub const SILENT_MS: u64 = 60_000;

    /// Addresses of which it is remembered whether they are this machine's, in each generation: to
    /// ask the system takes some microseconds.
    pub const OWN_IPS: usize = 256;

    /// For how long, in ms: a machine gets another address now and then.
    pub const OWN_IP_MS: u64 = 10_000;

    /// Announced addresses kept, in bytes: so many each of what came by the API and in datagrams, of
    /// this machine and of others. The host with the most loses its oldest first.
    pub const PEERS_BYTES: usize = 8 * 1024 * 1024;

    /// What one costs beside its name, in bytes.
    pub const PEER_COST: usize = 768;

    /// What lookups found, with who told it, in bytes, in each generation.
    pub const FOUND_BYTES: usize = 8 * 1024 * 1024;

    /// Nodes whose word on one name is kept, the nearest to it.
    pub const WORDS: usize = 40;

    /// Addresses kept of one name beyond which those go that only one node tells, of who tells
    /// most of them: more than an answer holds from twenty nodes that tell different ones.
    pub const TOLD: usize = 4 * VALUES;

    /// What one of them costs, in bytes.
    pub const TOLD_COST: usize = 96;

    /// What one node's word costs, and a name without any, in bytes.
    pub const WORD_COST: usize = 64;

    /// Names that lookups are known for with the nodes that took them, so that announces need no
    /// new lookup (`dht_maxTables`).
    pub const TABLES: usize = 5_000;

    /// Their bytes, in each generation.
    pub const TABLES_BYTES: usize = 16 * 1024 * 1024;

    /// What the nodes of one name cost beside name and tokens, in bytes.
    pub const TABLE_COST: usize = 1_024;

    /// What one node of it costs beside its token, in bytes.
    pub const HOLDER_COST: usize = 80;

    /// Stored values (`dht_maxValues`).
    pub const VALUES_KEPT: usize = 5_000;

    /// Their bytes: so many each of what came by the API and in datagrams, of this machine and of
    /// others.
    pub const VALUES_BYTES: usize = 16 * 1024 * 1024;

    /// What a stored value costs beside its own bytes.
    pub const VALUE_COST: usize = 640;

    /// A value that nobody stores again is forgotten after so many ms (BEP 44).
    pub const VALUE_AGE_MS: u64 = 2 * 60 * 60 * 1_000;

    /// Signatures checked a second for one host: each takes a twentieth of a millisecond or more.
    pub const SIGNATURES: u32 = 50;

    /// The same for this machine, and for all hosts together.
    pub const SIGNATURES_TOTAL: u32 = 1_000;

    /// Largest stored value, bencoded: the original takes strings of 1000 bytes from others.
    pub const VALUE_BYTES: usize = 1_000;

    /// Longest salt of a mutable value, in bytes (BEP 44).
    pub const SALT_BYTES: usize = 64;

    /// A lookup is answered by the walk of an equal one that ended at most so many ms ago, and an
    /// announce by an equal one: a busy machine asks the same again and again. Services' own caches
    /// hold an answer for seconds.
    pub const SAME_MS: u64 = 50;

    /// Part of the peer age that this may be at most, where ages are short.
    pub const SAME_OF_AGE: u64 = 10;

    /// Ports of a name whose last announce is remembered for that.
    pub const SAME_PORTS: usize = 16;

    /// How long the nodes of a name's lookup serve its announces, in ms: as long as a token is
    /// good for sure.
    pub const TABLE_AGE_MS: u64 = 5 * 60 * 1_000;

    /// How often the secret behind the tokens changes, in ms. The one before still counts.
    pub const ROTATE_MS: u64 = 5 * 60 * 1_000;

    /// A node of a full bucket that was seen within this many ms is not asked whether it lives.
    pub const RECENT_MS: u64 = 10_000;

    /// Pings in a row without an answer after which a node is dropped.
    pub const FAILURES: u8 = 2;

    /// Pace of the work that is done now and then, in ms.
    pub const SWEEP_MS: u64 = 1_000;

    /// Idle nodes that are pinged in one sweep.
    pub const SWEEP_PINGS: usize = 32;

    /// Wait of an isolated node before it asks its bootstrap nodes again, in ms; doubles each time
    /// up to the second number.
    pub const REJOIN_MS: (u64, u64) = (2_000, 60_000);

    /// Hosts whose rate is watched, in each generation, and as many that proved where they are.
    pub const SOURCES: usize = 4_096;

    /// Queries a second that one host may ask (`dht_rateLimit`): a busy grape asks another one for
    /// each of its names every `SAME_MS` at most.
    pub const RATE: u32 = 5_000;

    /// Bytes of a datagram that count as another query: reading a long one takes longer.
    pub const RATE_BYTES: usize = 512;

    /// How many times as many this machine may ask: a whole network may share its address.
    pub const RATE_LOOPBACK: u32 = 20;

    /// Queries a second of all hosts together that have not proved where they are: anybody can
    /// write any address on a datagram.
    pub const RATE_UNPROVEN: u32 = 10_000;

    /// How long an answer or a token proves where a host is, in ms.
    pub const PROVEN_MS: u64 = 15 * 60 * 1_000;

    /// Ports of a host at which it proved to be, the latest: it may have so many nodes.
    pub const PROVEN_PORTS: usize = 64;

    /// Bytes that an answer to an unproven address may have for each byte of its question, ...
    pub const UNPROVEN_FACTOR: usize = 3;

    /// ... beside so many at once, so that a new node's first questions get whole answers, ...
    pub const UNPROVEN_BYTES: u32 = 4_096;

    /// ... and so many a second to all of them together.
    pub const UNPROVEN_TOTAL_BYTES: u32 = 64 * 1024;

    /// Bytes of a ping at most, which asks an unproven host whether it is there.
    pub const PING_BYTES: usize = 80;

    /// Bytes of an answer beside what was asked for, at most: ids, a token, a version.
    pub const ANSWER_BYTES: usize = 110;

    /// Time in which such a host's bytes come back, in seconds.
    pub const UNPROVEN_REFILL: u32 = 64;

    /// Warnings a second that are told: each costs JavaScript more than the datagram cost its
    /// sender.
    pub const WARNINGS: u32 = 20;

    /// Other events a second, of each kind.
    pub const EVENTS: u32 = 5_000;

    /// The same while nobody listens, as far as is known here: whoever begins to listen in the tick
    /// in which something happens hears of it.
    pub const UNHEARD_EVENTS: u32 = 100;

    /// Age of an announced address, in ms, where nobody says otherwise. The services' own
    /// announces are 60 to 180 s apart, so that none is lost when one is.
    pub const PEER_AGE_MS: u64 = 6 * 60 * 1_000;

    /// A node not heard of for so long is pinged, in ms (`dht_nodeLiveness`).
    pub const LIVENESS_MS: u64 = 5 * 60 * 1_000;

    /// Datagrams read before those that they cause are written.
    pub const READ_BATCH: usize = 64;

    /// Time for reading them, in ms: requests of this machine come in between.
    pub const READ_MS: u128 = 5;

    /// Bytes that wait for room in the kernel; more are lost, as on the way they might be.
    pub const OUTBOX_BYTES: usize = 1024 * 1024;

    /// Bytes of them that may be for one address.
    pub const OUTBOX_SHARE: usize = OUTBOX_BYTES / 8;

    /// What a waiting datagram costs beside its bytes.
    pub const DATAGRAM_COST: usize = 64;

    /// Requests of this process and of the API that are taken before the socket is read again.
    pub const ASKS: usize = 256;

    /// How often a lookup looks again while services have to announce again (`grace`).
    pub const LOOK_AGAIN: std::time::Duration = std::time::Duration::from_millis(25);

    /// Wait before the names of bootstrap nodes are looked up again; a node may move.
    pub const RESOLVE_AGAIN: std::time::Duration = std::time::Duration::from_secs(60);

    /// The same while a name has no address.
    pub const RESOLVE_RETRY: std::time::Duration = std::time::Duration::from_secs(5);

    /// What the kernel may hold of datagrams that are not read yet, in bytes, as far as it lets us.
    pub const RECEIVE_BUFFER: usize = 4 * 1024 * 1024;

    /// Largest body of an API request, in bytes (`check_maxPayloadSize`).
    pub const BODY_BYTES: usize = 8_192;

    /// Largest head of an API request, in bytes, and so what its connection holds unread. Node's own
    /// HTTP parser takes as much.
    pub const API_HEAD_BYTES: usize = 16 * 1024;

    /// Bytes of a long answer that are copied for its connection at once; the rest is shared.
    pub const API_CHUNK_BYTES: usize = 8 * 1024;

    /// Connections to the API at once; fewer where the process may have fewer descriptors, and then
    /// fewer of each kind below in proportion.
    pub const API_CONNECTIONS: usize = 4_096;

    /// Descriptors that are left to the rest of the process, and to those who come: only who is let
    /// in can make another one go.
    pub const API_DESCRIPTORS_KEPT: usize = 256;

    /// Connections however few descriptors there are.
    pub const API_CONNECTIONS_LEAST: usize = 64;

    /// How many go at once when there are no descriptors left nevertheless.
    pub const API_SPARED: usize = 16;

    /// Connections of one address at once: a machine has a few for each of its processes.
    pub const API_SOURCE_CONNECTIONS: usize = 512;

    /// The same for the loopback addresses together, where all services of a machine are: all but
    /// what lets other machines in.
    pub const API_LOOPBACK_CONNECTIONS: usize = API_CONNECTIONS - 256;

    /// Connections of all other machines: the rest is for this one.
    pub const API_REMOTE_CONNECTIONS: usize = API_CONNECTIONS - 1_024;

    /// Connections that have just come and asked for nothing so far: of more the oldest goes first.
    pub const API_NEWCOMERS: usize = 256;

    /// Connections whose request is ended for another one, until they have read so. Of more they are
    /// closed without a word.
    pub const API_RECALLED: usize = 256;

    /// Connections that wait for the end of the node (`/watch`): one for each process of a machine.
    pub const API_WATCHERS: usize = 1_024;

    /// How often those are told that the node lives, so that a cut link shows.
    pub const API_HEARTBEAT: std::time::Duration = std::time::Duration::from_secs(10);

    /// How long a request's head and body together may take to come, in ms.
    pub const API_READ_MS: u64 = 10_000;

    /// How long an answer may take to be read, in ms.
    pub const API_WRITE_MS: u64 = 10_000;

    /// How long a connection may wait for its next request, in ms. Clients are told 5 s, as by Node's
    /// own server (`http::KEEP_ALIVE`), so none asks while it is being closed.
    pub const API_IDLE_MS: u64 = 30_000;

    /// A request that has not come after so many ms, or an answer that was not read, is not taken for
    /// one under way when a place is wanted.
    pub const API_PATIENCE_MS: u64 = 1_000;

    /// How often connections are looked at, all at once, instead of a timer for each request.
    pub const API_SWEEP: std::time::Duration = std::time::Duration::from_secs(1);

    /// How long the status page, `/status` and `/metrics` are served as they are.
    pub const STATUS_AGE: std::time::Duration = std::time::Duration::from_secs(1);

    /// Nodes of a state file that are asked: a few at a time, and once.
    pub const HINTS: usize = 400;

    /// How often known nodes are written to the state file, in ms.
    pub const STATE_EVERY_MS: u64 = 60_000;

    /// Largest state file that is read, in bytes.
    pub const STATE_BYTES: u64 = 1024 * 1024;

    /// Addresses of services on the status page, and in `/status`; and nodes.
    pub const STATUS_ROWS: usize = 1_000;

    /// Longest name there, in bytes; strangers choose names.
    pub const STATUS_NAME_BYTES: usize = 200;

    /// Bytes of all names there. A byte may become six of HTML or JSON.
    pub const STATUS_NAMES_BYTES: usize = 64 * 1024;

    /// Events of one kind that wait for a busy JavaScript thread; what comes on top is counted.
    pub const EVENTS_WAITING: usize = 4_096;

    /// Their bytes.
    pub const EVENTS_BYTES: usize = 1024 * 1024;
}
