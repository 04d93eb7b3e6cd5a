//! Every limit and default of the native side, with its reason. Options that a caller can set per
//! peer or per request are in `lib/options/defaults.js`.

use std::time::Duration;

/// Largest message that either side accepts, in bytes. The default of the `ws` package, so that
/// both kinds of peers accept each other's messages.
pub const MAX_MESSAGE_BYTES: usize = 100 * 1024 * 1024;

/// Read buffer that each connection keeps while idle, in bytes. Only control frames and fragments
/// pass through it; other frames are read in the scratch buffer.
pub const IDLE_READ_BYTES: usize = 512;

/// Scratch buffer of a reading thread, in bytes: the most that one read of a socket returns.
pub const SCRATCH_BYTES: usize = 64 * 1024;

/// Frames collected in a tick are written early once they reach this many bytes: a full kernel
/// buffer now is better than a larger write later.
pub const FLUSH_BYTES: usize = 32 * 1024;

/// Characters of the strings of one message up to which they are copied into the connection's
/// buffer, under its lock: at most 63 KiB of UTF-8. A longer message is composed before the lock is
/// taken.
pub const SHORT_TEXT_CHARS: usize = 21 * 1024;

/// How often a socket is read, at most, before anything of its connection ends because of a
/// deadline: after a pause of the whole process, data that arrived in time is still in the socket.
pub const OVERDUE_READS: usize = 16;

/// How long composed frames may wait while JavaScript is too busy to write them; then a thread
/// writes them. Acknowledgements and progress messages must not wait until a service finishes its
/// work. Including timer latency the delay is below 2 ms. With traffic, the thread wakes up at most
/// this often.
pub const LATE: Duration = Duration::from_micros(1750);

/// With at least this many writes between two checks of that thread, there is steady traffic and
/// the thread checks again. With fewer it sleeps until something waits to be written, which costs a
/// wake-up.
pub const DENSE_WRITES: u64 = 4;

/// Stack of that thread, in bytes: the thread only writes.
pub const PROMPTER_STACK: usize = 128 * 1024;

/// How long published messages may wait for more of them while Node's event loop has other work:
/// most of the cost of publishing is one write per subscriber and message.
pub const PUBLISH_LINGER: Duration = Duration::from_micros(200);

/// How long Node's event loop polls for the next message before it sleeps, where it has learnt that
/// this pays: about what a sleep and a wake-up cost the two sides of a connection.
pub const SPIN: Duration = Duration::from_micros(50);

/// The same with TLS, where a reply takes longer, and a sleep leaves more caches cold.
pub const STREAM_SPIN: Duration = Duration::from_micros(150);

/// How often all processes of a machine try polling at the same time, in milliseconds.
pub const SPIN_TRIAL_EVERY: u64 = 256;

/// Duration of such a trial, in milliseconds: at most 1 % of the time.
pub const SPIN_TRIAL: u64 = 2;

/// How long the loop polls during a trial until the other side takes part, which may be asleep when
/// the trial begins.
pub const SPIN_TRIAL_PATIENCE: Duration = Duration::from_micros(500);

/// How many successful polls are remembered.
pub const SPIN_CREDIT: u32 = 64;

/// How many of them one useless poll cancels: polling pays if at least two of three succeed.
pub const SPIN_MISS: u32 = 2;

/// A write buffer with more capacity than this is freed once it is empty.
pub const KEEP_WRITE_BYTES: usize = 64 * 1024;

/// Default limit of buffered output for a slow receiver, in bytes. Above it the receiver's requests
/// are not read, and a subscriber gets no more messages: the other subscribers must not wait for
/// it.
pub const HIGH_WATER: usize = 16 * 1024 * 1024;

/// Published bytes that are copied into a subscriber's own buffer; further messages wait in memory
/// that all subscribers share.
pub const SUBSCRIBER_OWN_BYTES: usize = 256 * 1024;

/// A subscriber's list of published messages with room for more entries than this is freed once it
/// is empty.
pub const SUBSCRIBER_KEPT_ENTRIES: usize = 1024;

/// Most frames of one message. A message in frames of a byte each costs much more than its size
/// suggests.
pub const MAX_FRAGMENTS: usize = 128 * 1024;

/// Default silence after which the other side is sent a ping. After as long again without a sign of
/// life, the connection is lost.
pub const HEARTBEAT: Duration = Duration::from_secs(30);

/// Unsent bytes above which a client sends a request over another connection of its pool: one
/// second on a line of 1 Mbit/s. Checking whether they are sent costs at most a hundredth of moving
/// them.
pub const LARGE_BYTES: usize = 128 * 1024;

/// How often per heartbeat interval all connections are checked in one pass: one pass over
/// thousands of connections is cheap, thousands of timers are not.
pub const HEARTBEAT_CHECKS: u64 = 8;

/// Silence of an idle TCP connection after which the system probes the other host: with
/// [`KEEPALIVE_RETRIES`] more probes a dead host is found after a minute.
pub const KEEPALIVE: Duration = Duration::from_secs(45);

/// Interval of the further probes. Linux's own defaults are 75 s and 9 probes.
pub const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(5);
/// See [`KEEPALIVE_INTERVAL`].
pub const KEEPALIVE_RETRIES: u32 = 3;

/// How long sent bytes may stay unacknowledged before the other host is taken for dead. Linux's own
/// default is a quarter of an hour. Its `TCP_USER_TIMEOUT` would also end connections of living
/// hosts whose process reads nothing for that long, although their system acknowledges every probe.
pub const ACK_TIMEOUT_MS: u64 = 60_000;

/// Silence of a connection after which the system is asked for its state of the TCP connection:
/// early enough for [`ACK_TIMEOUT_MS`].
pub const LOOK_AFTER_MS: u64 = 30_000;

/// Minimum time between the two checks that declare a host dead. After a pause of this process,
/// bytes that arrived meanwhile are not read yet at the first check, and unanswered probes are sent
/// again before the second.
pub const LOOK_TWICE_MS: u64 = 5_000;

/// Longest pause before the system retransmits, or probes a closed window, where it can be set
/// (Linux 6.15). The system's own maximum is two minutes: a dead host whose window was closed for
/// minutes, and a repaired network, would be noticed that late.
pub const TCP_PAUSE: Duration = Duration::from_secs(15);

/// Of the grape's API: how long sent bytes may stay unacknowledged before the system takes the
/// other host for dead (RFC 5482). A client that does not read its response has less time.
pub const TCP_USER_TIMEOUT: Duration = Duration::from_secs(60);

/// Most open handshakes of one server. Beyond it, the address with the most of them loses its
/// oldest. With [`MAX_HANDSHAKE_BYTES`] each: 64 MiB.
pub const MAX_HANDSHAKES: usize = 4096;

/// Most clients of one server that JavaScript has not been notified of yet. With so many,
/// JavaScript is busy, and further clients wait as if their handshakes were incomplete. With 16 KiB
/// of head each, and as much again where it is not ASCII: 32 MiB.
pub const MAX_ARRIVALS: usize = 1024;

/// Most closed connections that still wait for the other side to read the close reason. Beyond it,
/// the address with the most of them loses its oldest.
pub const MAX_FAREWELLS: usize = 512;

/// Bytes waiting for a busy JavaScript thread above which sockets are not read.
pub const INBOX_HIGH_WATER: usize = 32 * 1024 * 1024;

/// The same for a connection with data of its own waiting: the rest is for connections that have
/// none.
pub const INBOX_SHARE: usize = INBOX_HIGH_WATER / 2;

/// Least cost of a record of a batch in JavaScript, in bytes, in addition to its text.
pub const RECORD_BYTES: usize = 64;

/// Bytes added to the cost of a waiting message that is large or no request: JavaScript parses each
/// of them by itself, and a parser error costs as much time as some twenty requests. A client that
/// sends nothing else delays others by a few tenths of a second at most.
pub const ODD_REQUEST_BYTES: usize = 1024;

/// Least cost of an object or array in JavaScript, in bytes: an empty one.
pub const OBJECT_BYTES: usize = 64;

/// Cost of an array element in addition to its text, in bytes: V8 grows an array while it parses.
pub const ELEMENT_BYTES: usize = 24;

/// Cost of a property where each object has different ones, in bytes: V8 makes a table of them.
pub const PROPERTY_BYTES: usize = 64;

/// Up to this many bytes a request counts with this size, unless it exceeds one of the two limits
/// below.
pub const SMALL_MESSAGE_BYTES: usize = 256;

/// Most arrays and objects in such a request, in addition to its own array; 256 bytes can hold 80,
/// which cost 6 KB.
pub const SMALL_MESSAGE_OBJECTS: usize = 4;

/// Most commas and colons in such a request: an object with five properties, and some more.
pub const SMALL_MESSAGE_ELEMENTS: usize = 16;

/// Step in which a connection reports its use of a server's budget, in bytes: smaller amounts cost
/// nothing to count.
pub const BUDGET_GRAIN: usize = 4 * 1024;

/// One part in this many of a memory budget is reserved for open connections: closed ones cannot
/// use it.
pub const BUDGET_FOR_THE_LIVING: usize = 4;

/// Most messages handed to JavaScript in one call: enough to spread the cost of the call, few
/// enough that timers and other sockets get their turn.
pub const BATCH_MESSAGES: usize = 512;

/// Bytes of text handed to JavaScript in one call, as a soft limit.
pub const BATCH_BYTES: usize = 256 * 1024;

/// A message above this many bytes is passed as a string of its own: copying it into the shared
/// text costs more than the extra string.
pub const BATCHED_MESSAGE_BYTES: usize = 8 * 1024;

/// Most levels of arrays and objects in a message, including its own array. V8 parses any depth,
/// but serializes by recursion: 4,180 levels with Node's default stack, 1,270 in a worker with 512
/// KiB, 399 with 300 KiB, the least that Node 20 starts with. Messages of services have a few
/// levels.
pub const MAX_NESTING: usize = 256;

/// Longest id of a request that is sent the error that its message nests too deep, in bytes. An id
/// of a peer has 36.
pub const REFUSED_ID_BYTES: usize = 128;

/// Longest host name, in bytes (RFC 1035 section 2.3.4, without the final dot).
pub const HOST_BYTES: usize = 253;

/// Histogram buckets per doubling of the latency, as a power of two: a percentile is at most 1/32
/// too high.
pub const LATENCY_BITS: u32 = 5;

/// Longest latency with a bucket of its own, in microseconds: 19 hours. It bounds the memory of a
/// histogram.
pub const MAX_LATENCY_US: u64 = 1 << 36;

/// Most pending requests of one connection. Slots are dense: the limit bounds memory against a
/// caller's mistake, not against load.
pub const MAX_SLOTS: u32 = 1 << 24;

/// Expired requests are searched at most this often, in milliseconds: each search is one pass over
/// the pending requests, the price of precision.
pub const EXPIRE_EVERY_MS: u64 = 20;

/// Longest timeout of a request, in milliseconds: that of Node's own timers. Longer ones, also
/// `Infinity`, are cut to it.
pub const MAX_TIMEOUT_MS: u64 = i32::MAX as u64;

/// How long connecting by TCP may take, and before that the lookup of the host name.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long connecting to one address of a name may take before the next address is tried in
/// parallel, as RFC 8305 recommends.
pub const NEXT_ADDRESS: Duration = Duration::from_millis(250);

/// Most addresses of one name that a connection attempt tries: strangers control which names have
/// how many addresses, and Node's `net` throws when thousands refuse at once.
pub const DIALLED_ADDRESSES: usize = 4;

/// Most concurrent lookups of names that came from grapes, each on its own thread; further names
/// are queued. As many again are reserved for names that resolved lately.
pub const LOOKUPS_OF_CLIENTS: usize = 16;

/// The same for the names of grapes, which come from the user's configuration.
pub const LOOKUPS_OF_LINKS: usize = 4;

/// Names that resolved lately and are remembered.
pub const PROVEN_NAMES: usize = 256;

/// How long a handshake may take, on either side.
pub const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// How long the other side of a connection that we close may take to read the close reason.
pub const FAREWELL_TIMEOUT: Duration = Duration::from_secs(1);

/// Most bytes still written to a connection that has ended.
pub const FAREWELL_BYTES: usize = 64 * 1024;

/// Largest handshake head, in bytes. Node's own HTTP parser accepts 16 KiB.
pub const MAX_HANDSHAKE_BYTES: usize = 16 * 1024;

/// Most informational (1xx) heads before the response to a handshake; as in lib/options/defaults.js. All of
/// them together have the room of one head.
pub const MAX_INFORMATION: usize = 32;

/// Most headers in a handshake; tungstenite's own limit.
pub const MAX_HANDSHAKE_HEADERS: usize = 124;

/// How long a closing handshake may take before the connection is dropped. As in `ws`.
pub const CLOSE_TIMEOUT: Duration = Duration::from_secs(30);

/// Pending connections that the kernel keeps for a listener. As in Node.
pub const LISTEN_BACKLOG: i32 = 511;

/// Pause before a listener accepts again after a failure (no file descriptors left).
pub const ACCEPT_RETRY: Duration = Duration::from_millis(50);

/// Least age of a handshake that is dropped to free its file descriptor.
pub const SHED_AGE: Duration = Duration::from_millis(100);

/// Pause after a handshake was dropped for its file descriptor, which is free by then.
pub const SHED_PAUSE: Duration = Duration::from_millis(1);

/// How long stopping a server or a grape waits at most until its port is free.
pub const UNLISTEN_WAIT: Duration = Duration::from_secs(1);

/// Threads that move bytes. JavaScript becomes the bottleneck long before one of them does.
pub const IO_THREADS: usize = 1;

/// Largest response of a grape, in bytes: a lookup has at most 100 addresses, a stored value at
/// most 1000 bytes.
pub const MAX_GRAPE_ANSWER_BYTES: usize = 1024 * 1024;

/// Most bytes besides such a response's body: its head, and informational heads before it.
pub const GRAPE_HEAD_BYTES: usize = 64 * 1024;

/// How long after a request its response is accepted, whether or not a caller still waits.
pub const GRAPE_ANSWER_TIMEOUT: Duration = Duration::from_secs(600);

/// How long a kept-alive connection to a grape is reused. Node closes its side after 5 s, and a
/// request sent during that close fails.
pub const GRAPE_KEEP_ALIVE: Duration = Duration::from_secs(4);

/// How long a connection to a grape stays open without any request: the request it was opened for
/// may have used another connection. A server that closes waits for it.
pub const GRAPE_UNUSED: Duration = Duration::from_secs(1);

/// The discovery node (grape). Options that a caller can set per node are in `lib/options/defaults.js`.
pub mod grape {
    /// Nodes in a bucket, in a reply's `nodes`, and for storing (k of Kademlia).
    pub const K: usize = 20;

    /// Queries that one lookup has in flight.
    pub const CONCURRENCY: usize = 16;

    /// Timeout of a query, in ms.
    pub const QUERY_TIMEOUT_MS: u64 = 2_000;

    /// When an unanswered query is sent again, in ms after the first time: one lost datagram must
    /// not cost a node.
    pub const RESEND_MS: &[u64] = &[600];

    /// The same for bootstrap nodes, which may be about to start: a network whose nodes start
    /// together should not wait for the timeout.
    pub const BOOTSTRAP_RESEND_MS: &[u64] = &[100, 300, 700, 1_400];

    /// Most candidates that a lookup keeps, the nearest ones. More would only help a liar.
    pub const CANDIDATES: usize = 4 * K;

    /// Most addresses that a lookup keeps for one node id, each named by a different host: fewer
    /// hosts than this cannot hide a node by naming its id at addresses where no node is.
    pub const ID_ADDRESSES: usize = K;

    /// Most unanswered nodes of the same naming host that a full list of `CANDIDATES` keeps: so
    /// many of each of `K` hosts fit.
    pub const NAMED_KEPT: usize = CANDIDATES / K;

    /// After this many ms without an answer, a queried node counts neither among the nearest nor
    /// among the queries in flight, until it answers: other nodes take its place. Longer than a
    /// round trip around the world.
    pub const LATE_MS: u64 = 500;

    /// The same for a node that has only been named by a host, and that may not exist. From then on
    /// the lookup queries one unanswered node of each naming host before the other ones of those
    /// hosts.
    pub const WARY_MS: u64 = 150;

    /// How long a lookup that has any answer continues for the nodes of one host, and for those
    /// that they name, in ms since the first of them was queried: enough for a second query after
    /// `RESEND_MS`, and less than half of what a link waits. An announce waits as long for the last
    /// nodes that are to store it.
    pub const HOLD_MS: u64 = 1_000;

    /// Longest lookup, in ms, whichever nodes are late: less than a link waits (2.5 s).
    pub const WALK_MS: u64 = 2_000;

    /// The same for joining the network: no caller waits for it.
    pub const JOIN_MS: u64 = 5_000;

    /// Most queries of one lookup.
    pub const WALK_QUERIES: usize = 400;

    /// Most unanswered nodes that one lookup queries because the same host named them: a liar can
    /// direct a lookup at so many victims. Each one that answers makes room for another.
    pub const UNPROVEN_NAMED: usize = 8;

    /// Most unanswered nodes that one lookup queries at one host.
    pub const UNPROVEN_AT_HOST: usize = 4;

    /// Most nodes of one host in a bucket of `K`, and among those whose reports count. Nodes of
    /// this machine have no limit, since a whole network may run on one machine.
    pub const HOST_SHARE: usize = 4;

    /// Nodes of one host that are queried, named and chosen for storing before those of other
    /// hosts: so taking over a name needs `K` hosts. Further nodes of a host follow after every
    /// host had its share.
    pub const HOST_PLACES: usize = 1;

    /// Most pending lookups, announces, puts and gets of this machine. Beyond it the oldest ends,
    /// of the client that has the most.
    pub const OPERATIONS: usize = 4_096;

    /// The same for other machines that use the API.
    pub const OPERATIONS_REMOTE: usize = 2_048;

    /// Bytes of this machine's operations, which other machines cannot use up.
    pub const OPERATION_BYTES: usize = 320 * 1024 * 1024;

    /// The same for other machines: about the same in proportion.
    pub const OPERATION_BYTES_REMOTE: usize = OPERATION_BYTES / 2;

    /// How many operations end at once, so that the search for them costs little; at most half of
    /// those of the client with the most.
    pub const OPERATIONS_ENDED: usize = 32;

    /// Most bytes that one walk holds besides its key: candidates with their tokens, the queried
    /// addresses, and the reports.
    pub const WALK_COST: usize = 64 * 1024;

    /// Bytes that one command holds besides its key.
    pub const COMMAND_COST: usize = 512;

    /// Most pending queries; further ones are not sent.
    pub const TRANSACTIONS: usize = 32_768;

    /// Bytes of pending queries: each is kept for sending it again.
    pub const TRANSACTION_TOTAL_BYTES: usize = 32 * 1024 * 1024;

    /// Cost of a pending query besides its datagram, in bytes.
    pub const TRANSACTION_COST: usize = 192;

    /// Most pending pings of unknown nodes that sent a query; while there are so many, others are
    /// not pinged. Only nodes that answer are added.
    pub const VERIFYING: usize = 256;

    /// Longest service name or info_hash, in bytes: what the API's default body limit allows.
    pub const KEY_BYTES: usize = 8_192;

    /// Longest transaction id that is echoed, in bytes. Ours have 4, the original's 2.
    pub const TRANSACTION_BYTES: usize = 32;

    /// Longest token that is kept, in bytes. Ours have 8, the original's 20.
    pub const TOKEN_BYTES: usize = 64;

    /// Most bytes kept of an error reply's text, which is passed on to the caller.
    pub const ERROR_TEXT_BYTES: usize = 256;

    /// Largest datagram that is parsed: the longest key with everything around it, or more than
    /// 1,000 addresses of an original.
    pub const MESSAGE_BYTES: usize = 16 * 1024;

    /// Most values in one message, including those within lists and dictionaries: a value takes two
    /// bytes on the wire, and 30 times as many in memory.
    pub const ELEMENTS: usize = 4_096;

    /// Nesting of a datagram's lists and dictionaries. KRPC needs 3, a stored value has a few.
    pub const DEPTH: usize = 32;

    /// Most addresses in one reply, and in one response of the API.
    pub const VALUES: usize = 100;

    /// Most addresses of one host in a reply, if there are others: or as many as all the others
    /// have together.
    pub const HOST_VALUES: usize = 16;

    /// Up to this many addresses, a reply also has nodes: both fit one datagram.
    pub const VALUES_WITH_NODES: usize = 50;

    /// Announces of this machine that are told again to nodes that come later, and how many with each
    /// sweep: each is a lookup and an announce to all nodes of a small network.
    pub const REPUBLISHED: usize = 4_096;
    /// See above.
    pub const REPUBLISHED_AT_ONCE: usize = 32;

    /// Addresses that did not answer lately, in each generation. A walk queries them as well, but
    /// waits for none of them, unless no other node answers, or they are the majority.
    pub const SILENT: usize = 1_024;

    /// How long an address counts as silent, in ms since its last query.
    pub const SILENT_MS: u64 = 60_000;

    /// Cached results of whether an address is this machine's own, in each generation: asking the
    /// system takes some microseconds.
    pub const OWN_IPS: usize = 256;

    /// How long such a result is valid, in ms: a machine's addresses may change.
    pub const OWN_IP_MS: u64 = 10_000;

    /// Bytes of announced addresses, four times: by the API and by datagrams, of this machine and
    /// of others. The host with the most loses its oldest first.
    pub const PEERS_BYTES: usize = 8 * 1024 * 1024;

    /// Cost of one address besides its name, in bytes.
    pub const PEER_COST: usize = 768;

    /// Bytes of lookup results with their reporters, in each generation.
    pub const FOUND_BYTES: usize = 8 * 1024 * 1024;

    /// Nodes whose reports on one name are kept, the nearest to it.
    pub const WORDS: usize = 40;

    /// Beyond this many addresses of one name, those go that only one node reports, of the node
    /// that reports the most: more than a response holds from twenty nodes with different reports.
    pub const TOLD: usize = 4 * VALUES;

    /// Cost of one reported address, in bytes.
    pub const TOLD_COST: usize = 96;

    /// Cost of one node's report, and of a name without any, in bytes.
    pub const WORD_COST: usize = 64;

    /// Names whose lookups are remembered with the nodes that accept announces, so that announces
    /// need no new lookup (`dht_maxTables`).
    pub const TABLES: usize = 5_000;

    /// Bytes of them, in each generation.
    pub const TABLES_BYTES: usize = 16 * 1024 * 1024;

    /// Cost of the nodes of one name besides name and tokens, in bytes.
    pub const TABLE_COST: usize = 1_024;

    /// Cost of one of these nodes besides its token, in bytes.
    pub const HOLDER_COST: usize = 80;

    /// Stored values (`dht_maxValues`).
    pub const VALUES_KEPT: usize = 5_000;

    /// Bytes of stored values, four times: by the API and by datagrams, of this machine and of
    /// others.
    pub const VALUES_BYTES: usize = 16 * 1024 * 1024;

    /// Cost of a stored value besides its own bytes.
    pub const VALUE_COST: usize = 640;

    /// A value that is not stored again is deleted after this many ms (BEP 44).
    pub const VALUE_AGE_MS: u64 = 2 * 60 * 60 * 1_000;

    /// Signatures verified per second for one host: each takes at least a twentieth of a
    /// millisecond.
    pub const SIGNATURES: u32 = 50;

    /// The same for this machine, and for all hosts together.
    pub const SIGNATURES_TOTAL: u32 = 1_000;

    /// Largest stored value, bencoded: the original accepts strings of 1000 bytes from other nodes.
    pub const VALUE_BYTES: usize = 1_000;

    /// Longest salt of a mutable value, in bytes (BEP 44).
    pub const SALT_BYTES: usize = 64;

    /// A lookup gets the result of an equal one that ended at most this many ms ago, and an
    /// announce that of an equal announce: a busy machine repeats the same requests. The caches of
    /// services keep a result for seconds.
    pub const SAME_MS: u64 = 50;

    /// The above is at most this part of the peer age, where ages are short.
    pub const SAME_OF_AGE: u64 = 10;

    /// Ports of a name whose last announce is remembered for that.
    pub const SAME_PORTS: usize = 16;

    /// How long the nodes of a name's lookup are used for announces, in ms: as long as a token is
    /// certainly valid.
    pub const TABLE_AGE_MS: u64 = 5 * 60 * 1_000;

    /// How often the secret behind the tokens changes, in ms. The previous secret is still valid.
    pub const ROTATE_MS: u64 = 5 * 60 * 1_000;

    /// A node of a full bucket that was seen within this many ms is not pinged for a newcomer.
    pub const RECENT_MS: u64 = 10_000;

    /// Unanswered pings in a row after which a node is dropped.
    pub const FAILURES: u8 = 2;

    /// Interval of periodic work, in ms.
    pub const SWEEP_MS: u64 = 1_000;

    /// Idle nodes pinged in one sweep.
    pub const SWEEP_PINGS: usize = 32;

    /// Wait before an isolated node queries its bootstrap nodes again, in ms; doubles each time up
    /// to the second number.
    pub const REJOIN_MS: (u64, u64) = (2_000, 60_000);

    /// Hosts whose rate is tracked, in each generation, and as many hosts with a proven address.
    pub const SOURCES: usize = 4_096;

    /// Queries per second that one host may send (`dht_rateLimit`): a busy grape queries another
    /// one for each of its names at most every `SAME_MS`.
    pub const RATE: u32 = 5_000;

    /// Bytes of a datagram that count as another query: long ones take longer to parse.
    pub const RATE_BYTES: usize = 512;

    /// Factor of this limit for this machine: a whole network may share its address.
    pub const RATE_LOOPBACK: u32 = 20;

    /// Queries per second of all hosts together without a proven address: source addresses of
    /// datagrams can be forged.
    pub const RATE_UNPROVEN: u32 = 10_000;

    /// How long an answer or a token proves a host's address, in ms.
    pub const PROVEN_MS: u64 = 15 * 60 * 1_000;

    /// Ports of a host with a proven address, the latest ones: it may have so many nodes.
    pub const PROVEN_PORTS: usize = 64;

    /// Bytes of a reply to an unproven address per byte of its query (against amplification), ...
    pub const UNPROVEN_FACTOR: usize = 3;

    /// ... plus this many at once, so that a new node's first queries get full replies, ...
    pub const UNPROVEN_BYTES: u32 = 4_096;

    /// ... plus this many per second for all of them together.
    pub const UNPROVEN_TOTAL_BYTES: u32 = 64 * 1024;

    /// Most bytes of a ping that verifies an unproven host.
    pub const PING_BYTES: usize = 80;

    /// Most bytes of a reply besides its content: ids, a token, a version.
    pub const ANSWER_BYTES: usize = 110;

    /// Time in which such a host's allowance refills, in seconds.
    pub const UNPROVEN_REFILL: u32 = 64;

    /// Warnings emitted per second: each costs JavaScript more than the datagram cost its sender.
    pub const WARNINGS: u32 = 20;

    /// Other events per second, of each kind.
    pub const EVENTS: u32 = 5_000;

    /// The same without a listener, as far as the native side knows: a listener that is added in
    /// the tick of an event still receives it.
    pub const UNHEARD_EVENTS: u32 = 100;

    /// Default maximum age of an announced address, in ms. Services announce every 60 to 180 s, so
    /// one lost announce does not lose the address.
    pub const PEER_AGE_MS: u64 = 6 * 60 * 1_000;

    /// A node not seen for this long is pinged, in ms (`dht_nodeLiveness`).
    pub const LIVENESS_MS: u64 = 5 * 60 * 1_000;

    /// Datagrams read before the resulting ones are written.
    pub const READ_BATCH: usize = 64;

    /// Time limit for reading them, in ms: requests of this machine are served in between.
    pub const READ_MS: u128 = 5;

    /// Most bytes waiting for room in the kernel; further datagrams are dropped, as the network
    /// might do.
    pub const OUTBOX_BYTES: usize = 1024 * 1024;

    /// Most of these bytes for one address.
    pub const OUTBOX_SHARE: usize = OUTBOX_BYTES / 8;

    /// Cost of a waiting datagram besides its bytes.
    pub const DATAGRAM_COST: usize = 64;

    /// Requests of this process and of the API that are handled before the socket is read again.
    pub const ASKS: usize = 256;

    /// How often a lookup is repeated while services have to announce again (`grace`).
    pub const LOOK_AGAIN: std::time::Duration = std::time::Duration::from_millis(25);

    /// Wait before the names of bootstrap nodes are resolved again; a node may move.
    pub const RESOLVE_AGAIN: std::time::Duration = std::time::Duration::from_secs(60);

    /// The same while a name does not resolve.
    pub const RESOLVE_RETRY: std::time::Duration = std::time::Duration::from_secs(5);

    /// Kernel buffer of unread datagrams, in bytes, as far as the system allows.
    pub const RECEIVE_BUFFER: usize = 4 * 1024 * 1024;

    /// Largest body of an API request, in bytes (`check_maxPayloadSize`).
    pub const BODY_BYTES: usize = 8_192;

    /// Largest head of an API request, in bytes, and so the most unread bytes of its connection.
    /// Node's own HTTP parser accepts as much.
    pub const API_HEAD_BYTES: usize = 16 * 1024;

    /// Bytes of a long response that are copied for its connection at once; the rest is shared.
    pub const API_CHUNK_BYTES: usize = 8 * 1024;

    /// Most connections to the API; fewer if the process may have fewer file descriptors, and then
    /// fewer of each kind below in proportion.
    pub const API_CONNECTIONS: usize = 4_096;

    /// File descriptors reserved for the rest of the process and for newcomers: only an accepted
    /// connection can displace another one.
    pub const API_DESCRIPTORS_KEPT: usize = 256;

    /// Least number of connections, however few file descriptors there are.
    pub const API_CONNECTIONS_LEAST: usize = 64;

    /// How many connections are closed at once if there are no file descriptors left nevertheless.
    pub const API_SPARED: usize = 16;

    /// Most connections of one address: a machine has a few per process.
    pub const API_SOURCE_CONNECTIONS: usize = 512;

    /// The same for all loopback addresses together, where all services of a machine connect: all
    /// but those reserved for other machines.
    pub const API_LOOPBACK_CONNECTIONS: usize = API_CONNECTIONS - 256;

    /// Most connections of all other machines: the rest is reserved for this one.
    pub const API_REMOTE_CONNECTIONS: usize = API_CONNECTIONS - 1_024;

    /// Most new connections without a request so far: beyond it the oldest is closed first.
    pub const API_NEWCOMERS: usize = 256;

    /// Most connections whose request was ended in favour of another one and that have not read so
    /// yet. Beyond it they are closed without a response.
    pub const API_RECALLED: usize = 256;

    /// Most connections that wait for the end of the node (`/watch`): one per process of a machine.
    pub const API_WATCHERS: usize = 1_024;

    /// How often they are sent a heartbeat, so that a broken connection is noticed.
    pub const API_HEARTBEAT: std::time::Duration = std::time::Duration::from_secs(10);

    /// How long receiving a request's head and body together may take, in ms.
    pub const API_READ_MS: u64 = 10_000;

    /// How long a client may take to read a response, in ms.
    pub const API_WRITE_MS: u64 = 10_000;

    /// How long a connection may be idle before its next request, in ms. Clients are told 5 s, as
    /// by Node's own server (`http::KEEP_ALIVE`), so none sends a request while it is being closed.
    pub const API_IDLE_MS: u64 = 30_000;

    /// A request that is incomplete after this many ms, or a response that is unread, is no longer
    /// protected when a connection's place is needed.
    pub const API_PATIENCE_MS: u64 = 1_000;

    /// How often all connections are checked in one pass, instead of a timer per request.
    pub const API_SWEEP: std::time::Duration = std::time::Duration::from_secs(1);

    /// How long the status page, `/status` and `/metrics` are served from a cache.
    pub const STATUS_AGE: std::time::Duration = std::time::Duration::from_secs(1);

    /// Nodes of a state file that are queried: a few at a time, and once.
    pub const HINTS: usize = 400;

    /// How often known nodes are written to the state file, in ms.
    pub const STATE_EVERY_MS: u64 = 60_000;

    /// Largest state file that is read, in bytes.
    pub const STATE_BYTES: u64 = 1024 * 1024;

    /// Most service addresses on the status page, and in `/status`; and most nodes.
    pub const STATUS_ROWS: usize = 1_000;

    /// Longest name there, in bytes; strangers choose names.
    pub const STATUS_NAME_BYTES: usize = 200;

    /// Bytes of all names there. A byte may become six in HTML or JSON.
    pub const STATUS_NAMES_BYTES: usize = 64 * 1024;

    /// Most events of one kind that wait for a busy JavaScript thread; further ones are counted.
    pub const EVENTS_WAITING: usize = 4_096;

    /// Bytes of them.
    pub const EVENTS_BYTES: usize = 1024 * 1024;
}
