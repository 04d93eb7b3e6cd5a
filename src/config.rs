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
pub const FLUSH_BYTES: usize = 16 * 1024;

/// How long published messages may wait for more of them while Node's event loop has other things
/// to do: a write for each subscriber and message is most of what publishing costs.
pub const PUBLISH_LINGER: Duration = Duration::from_micros(200);

/// How long Node's event loop looks for the next message before it sleeps, where it has learnt that
/// this pays: about what a sleep and a wake-up cost the two sides of a connection.
pub const SPIN: Duration = Duration::from_micros(50);

/// How many sleeps there are between two such looks, where it has learnt that it does not pay.
pub const SPIN_GAP: u32 = 256;

/// A write buffer above this capacity is given back once it is empty.
pub const KEEP_WRITE_BYTES: usize = 64 * 1024;

/// Bytes that may wait for a slow receiver, by default: then its own requests are no longer read,
/// and a subscriber gets no more, since the others must not wait for it.
pub const HIGH_WATER: usize = 16 * 1024 * 1024;

/// Published bytes that are copied into a subscriber's own buffer; what comes on top waits in the
/// memory that all subscribers share.
pub const SUBSCRIBER_OWN_BYTES: usize = 256 * 1024;

/// Frames that one message may come in. A message in frames of a byte each costs much more than
/// its size tells.
pub const MAX_FRAGMENTS: usize = 128 * 1024;

/// Silence after which the other side is asked for a sign of life, by default; as long again
/// without one, and it is taken for gone.
pub const HEARTBEAT: Duration = Duration::from_secs(30);

/// How often in such an interval connections are looked at, all at once: one pass over thousands
/// of them is cheap, thousands of timers are not.
pub const HEARTBEAT_CHECKS: u64 = 8;

/// Silence of a TCP connection after which the system asks the other host for a sign of life.
pub const KEEPALIVE: Duration = Duration::from_secs(60);

/// How long sent bytes may wait for the other host's word that they came, before the system takes
/// it for dead (RFC 5482). Linux's own default is a quarter of an hour.
pub const TCP_USER_TIMEOUT: Duration = Duration::from_secs(60);

/// Clients of one server that may be in the middle of their handshake.
pub const MAX_HANDSHAKES: usize = 4096;

/// Bytes that may wait for a busy JavaScript thread before the sockets are no longer read.
pub const INBOX_HIGH_WATER: usize = 32 * 1024 * 1024;

/// Messages handed to JavaScript in one call: enough to spread the cost of the call, few
/// enough that timers and other sockets get their turn.
pub const BATCH_MESSAGES: usize = 256;

/// Bytes of text handed to JavaScript in one call, as a soft limit.
pub const BATCH_BYTES: usize = 256 * 1024;

/// A message above this many bytes travels as a string of its own: copying it into the
/// shared text costs more than the extra string.
pub const BATCHED_MESSAGE_BYTES: usize = 8 * 1024;

/// Requests that one connection may have in flight. Slots are dense, so this bounds memory
/// against a caller's mistake, not against load.
pub const MAX_SLOTS: u32 = 1 << 24;

/// Expired requests are looked for at most this often, in milliseconds: one pass over the
/// waiting requests, so the price of precision.
pub const EXPIRE_EVERY_MS: u64 = 20;

/// Longest timeout of a request, in milliseconds: that of Node's own timers. Longer ones, also
/// `Infinity`, are cut to it.
pub const MAX_TIMEOUT_MS: u64 = i32::MAX as u64;

/// How long a TCP connection may take to be made.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a handshake may take, on both sides.
pub const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// How long the other side of a connection that we end may take to read why.
pub const FAREWELL_TIMEOUT: Duration = Duration::from_secs(1);

/// Largest handshake head, in bytes. Node's own HTTP parser takes 16 KiB.
pub const MAX_HANDSHAKE_BYTES: usize = 16 * 1024;

/// Most headers in a handshake; tungstenite's own limit.
pub const MAX_HANDSHAKE_HEADERS: usize = 124;

/// How long a closing handshake may take before the connection is dropped. As in `ws`.
pub const CLOSE_TIMEOUT: Duration = Duration::from_secs(30);

/// Pending connections the kernel keeps for a listener. As in Node.
pub const LISTEN_BACKLOG: i32 = 511;

/// Pause of a listener that cannot accept (no descriptors left) before it tries again.
pub const ACCEPT_RETRY: Duration = Duration::from_millis(50);

/// How long stopping a server waits at most for its port to be free.
pub const UNLISTEN_WAIT: Duration = Duration::from_millis(100);

/// Threads that move bytes. JavaScript is the bottleneck long before one of them is.
pub const IO_THREADS: usize = 1;

/// Largest answer of a grape, in bytes: a lookup holds at most 100 addresses, a stored value
/// at most 1000 bytes.
pub const MAX_GRAPE_ANSWER_BYTES: usize = 1024 * 1024;

/// How long a kept-alive connection to a grape is used again. Node closes its own side after
/// 5 s, and a request sent into that close fails.
pub const GRAPE_KEEP_ALIVE: Duration = Duration::from_secs(4);
