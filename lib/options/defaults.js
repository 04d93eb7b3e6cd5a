'use strict'

// Every default that a caller may change, and the limits of this side, in ms unless a name says otherwise.

const { constants } = require('buffer')

/** `new PeerRPCClient(link, conf)` */
const CLIENT = {
  /** Once this many destinations of a key have connections, only those are chosen. */
  maxActiveKeyDests: 5,
  /** Connections per destination. */
  maxActiveDestTransports: 3
}

/** Which of a key's destinations a client chooses: `conf.balance`. */
const BALANCE = 'random'

/** What happens to a subscriber that does not keep up: `conf.slowSubscriber`. */
const SLOW_SUBSCRIBER = 'disconnect'

/** Timeout of a request without one of its own. */
const REQUEST_TIMEOUT = 60000

/** Of each client transport. */
const CLIENT_TRANSPORT = {
  /** A transport that is idle for this long is stopped. */
  inactivityTimeout: 120000,
  requestTimeout: REQUEST_TIMEOUT
}

/**
 * Pending requests of one connection: protects against mistakes or malice, not against load. A client rejects more; a
 * server stops reading until some are replied to, or are older than any request can be (`requestTimeout`), since a
 * service may never reply.
 */
const MAX_CONNECTION_REQUESTS = 1024 * 1024

/**
 * Bytes that one connection's pending requests may cost: above that the connection is not read, as with too many
 * requests.
 */
const MAX_REQUEST_BYTES = 64 * 1024 * 1024

/**
 * What a small request or message counts in bytes, whatever it contains: V8 needs 300 for most, and up to 900 for one
 * with property names that it has never seen.
 */
const SMALL_MESSAGE = 1024

/**
 * Replies up to this many bytes count nothing while a `map` keeps them: one map has few of them, and they arrive in
 * batches.
 */
const UNSEEN_COST = 8192

/** Step in which JavaScript reports its share of a connection's budget, in bytes. */
const BUDGET_STEP = 64 * 1024

/** Requests after which that share is computed again. */
const BUDGET_REQUESTS = 1024

/**
 * The pending requests of closed connections, as parts of `memoryBudget`: above `share`, the addresses that hold most
 * of it are not read, above the whole budget no address is, until it is below `relief` of that limit. A closed
 * connection costs `connection` bytes beside its requests: the functions that would reply hold it.
 */
const ABANDONED = { share: 1 / 2, relief: 3 / 4, connection: 4096 }

/** Queued messages of a slow client that are delivered in one turn of the event loop. */
const HELD_AT_ONCE = 256

/** Of each connection of a peer. */
const CONNECTION = {
  /**
   * How long the event loop polls for the next message instead of sleeping, in microseconds; 0 is never. Below 0 it
   * learns whether that pays.
   */
  busyPoll: -1,
  /** Bytes of the largest accepted message; as `ws`. */
  maxPayload: 100 * 1024 * 1024,
  /** Silence after which the other side gets a ping; 0 is never. */
  heartbeatInterval: 30000,
  /** Time limit for TCP, for each address of a name. */
  connectTimeout: 10000,
  /** Time limit for the upgrade, with TLS also for TCP. */
  handshakeTimeout: 10000,
  /** Simultaneous clients of a server; 0 is no limit. */
  maxConnections: 0,
  /** Bytes that may be buffered for a slow receiver. Above that it is not read, and gets nothing more. */
  highWater: 16 * 1024 * 1024,
  /**
   * Bytes that all connections of a peer may hold together: incomplete messages, buffered output, pending requests.
   * Above that, connections that hold much for long are closed. 0 is no limit.
   */
  memoryBudget: 512 * 1024 * 1024
}

/** Of each `PeerPub`, beside those of a connection. */
const PUBLISHER = {
  /** Subscribers send little. */
  maxPayload: 1024 * 1024
}

/** The maximum of `maxPayload`: V8 has no longer strings. */
const MAX_PAYLOAD = constants.MAX_STRING_LENGTH

/** Addresses of one name that are taken from a grape's answer: honest grapes return 100 at most. */
const MAX_ADDRESSES = 256

/** Publishers of a key that one subscriber follows: as many as a lookup can return. */
const MAX_PUBLISHERS = MAX_ADDRESSES

/**
 * Invalid or repeated addresses that are skipped in addition: an answer has room for 262,000, which take 0.2 s to
 * examine.
 */
const MAX_ODD_ADDRESSES = 4096

/** Characters of foreign text in a line of NODE_DEBUG, or in one that the command prints. */
const MAX_LINE = 1000

/** `new Link(conf)` */
const LINK = {
  /** Address of a grape, or several as an array or a comma list; or `'embedded'`. */
  grape: '',
  /** Kept for code that reads it: timeouts are exact, and nothing is polled. */
  monitorTimeout: 2000,
  /** Of one exchange with one grape. */
  requestTimeout: 2500,
  /** Number of cached answers. */
  lruMaxSizeLookup: 2500,
  /** How long an answer is cached. */
  lruMaxAgeLookup: 10000
}

/** `new Grape(conf)` */
const GRAPE = {
  /** The interface that both ports are bound to; all interfaces without it. */
  host: null,
  /** UDP port of the node; 0 takes any free one. */
  dht_port: 20001,
  /** Other nodes, as `host:port`. */
  dht_bootstrap: [],
  /** Names whose nodes are remembered for their next announce. */
  dht_maxTables: 5000,
  /** Stored values. */
  dht_maxValues: 5000,
  /** Queries that one lookup has in flight. */
  dht_concurrency: 16,
  /** A node that is silent for this long gets a ping. */
  dht_nodeLiveness: 5 * 60 * 1000,
  /** Announced addresses expire after about this time: the original class's default. */
  dht_peer_maxAge: 120000,
  /**
   * Queries a second from one address. This machine may send 20 times as many: a whole network may share its address.
   */
  dht_rateLimit: 5000,
  /** File that keeps the known nodes and the node's own id across restarts. */
  dht_state: null,
  /** TCP port of the HTTP API; there is no default. */
  api_port: null,
  /** Names of the API in a browser, beside addresses, `localhost` and `host`. */
  api_hosts: [],
  /** Largest body of a request, in bytes. */
  check_maxPayloadSize: 8192,
  /** For this long after the start, a lookup waits for an announce instead of finding nothing. */
  grace: 0,
  /** Whether a running grape keeps the process alive. */
  keepAlive: true
}

/** `api_port` of the command, as in all examples. */
const COMMAND_API_PORT = 30001

/**
 * `dht_peer_maxAge` of the command and of the embedded grape. Services announce every 60 to 180 s: an address must
 * outlive this interval, and one lost announce.
 */
const LASTING_AGE = 6 * 60 * 1000

/** How long lookups of a grape that took over wait for services to announce again. */
const TAKEOVER_GRACE = 1000

/** Pause before a grape that disappeared is replaced: perhaps only the connection to it was lost. */
const TAKEOVER_PAUSE = 5

/** The same where another program has the port and only looks like a grape. */
const TAKEOVER_PAUSE_MAX = 1000

/** Time limit for the program at the port to identify itself. */
const LOOK_TIMEOUT = 2500

/** Characters of `/status` that identify a grape of version 1.0.0, which sends no header for that. */
const STATUS_START = 512

/** The `grape` option for a grape in this process, or in another one of this machine. */
const EMBEDDED = 'embedded'

/** TCP port where the processes of one machine then meet, unless `grapePort` is set. */
const GRAPE_PORT = 31001

/** Interval at which `checkConnection` of a subclass is called, as by the original. */
const CHECK_CONNECTION = 5000

/** Interval at which a client looks for idle transports. */
const POOL_MONITOR = 10000

/**
 * Consecutive requests that one transport of a full pool gets: without pending requests, and the maximum with some.
 * Measured, see docs/ARCHITECTURE.md.
 */
const TRANSPORT_RUN = { rested: 8, to: 512 }

/** Attempts for a `retry` object without a number, as in `async.retry`. */
const RETRY_TIMES = 5

/** Of `grenache bench`: requests in flight, and the duration in seconds. */
const MEASURE = { inFlight: 64, seconds: 5 }

/** Of `grenache ping`: the fastest of this many measures the way without queueing. */
const PING = { count: 3 }

/**
 * Limits for a grape's status, which `grenache ls` reads: pages and addresses (a grape has room for some 11,000
 * addresses, and puts at least 100 on a page), characters of a name, and the widest column of the table.
 */
const STATUS = { pages: 1000, addresses: 20000, text: 1000, column: 60 }

/** Attempts of a lookup or an announce without a number. */
const LINK_RETRY = 3

/** Mean time between two announces of `startAnnouncing`. */
const ANNOUNCE_INTERVAL = 2 * 60 * 1000

/**
 * Mean wait after a failed announce; it doubles with each failure, and never exceeds the usual interval. The maximum
 * is how long a service stays unknown after grapes are back.
 */
const ANNOUNCE_AGAIN = { min: 1000, max: 5000 }

/**
 * `waitFor`: mean wait between two lookups of a name that no server has announced; it doubles from `min` to `max`. A
 * server is found within 1.5 s after its announce, and a waiting request costs a grape a lookup a second until its
 * time is over. `last` is the additional time for the last lookup, `timeout` the default of `link.promises.waitFor`.
 */
const WAIT_FOR = { min: 50, max: 1000, last: 100, timeout: 60000 }

/** The maximum of a count; more is no limit. */
const MAX_COUNT = 0x7fffffff

/** The maximum of options in bytes, and of a grape's limits, where the native side has 32 bits for them. */
const MAX_AMOUNT = 0xffffffff

/** The maximum of `memoryBudget`: up to there JavaScript's numbers, and sums of a few, are exact. */
const MAX_BUDGET = 2 ** 50

/** Mean wait of a subscriber before it reconnects; it doubles with each failure. */
const RECONNECT = { min: 100, max: 10000 }

/**
 * Mean wait of a subscription that found no publisher or no grape before it looks up again; it doubles each time. The
 * maximum weighs the delay until a new publisher is found against one lookup for each waiting subscriber.
 */
const SUB_WISH = { min: 100, max: 5000 }

/**
 * How long no subscription of a peer dials an address after one of them failed there: as long as the shortest of
 * their own waits, so that a single subscription is not delayed.
 */
const SUB_DIALS = { min: RECONNECT.min / 2, max: RECONNECT.max / 2 }

/**
 * `sub` with `all`: mean time between two lookups of a key, and the minimum. New publishers are found after that
 * time; it costs a grape a lookup for each subscriber.
 */
const FOLLOW = { refresh: 30000, min: 100 }

/** Messages that may wait for a slow `for await` loop, beside the bytes of `highWater`. */
const MAX_BUFFERED = 10000

/** Timeout of a subscriber's lookup. */
const SUB_LOOKUP_TIMEOUT = 5000

/** How long a failed destination is not chosen while there are others. */
const DEST_BACKOFF = { min: 1000, max: 30000 }

/**
 * A destination that was silent while requests to it expired is not chosen while there are others, and gets a ping; a
 * connection that is not open after `dial` counts as silent as well. Signs of life are looked for after `first` ms,
 * then after twice as long each time; after `grace` the destination counts as dead. A check that is `late` by this
 * much means that this process was busy, and starts again.
 */
const SUSPICION = { dial: 500, first: 10, grace: 1000, late: 200 }

/** Maximum of `connectTimeout` when other destinations or publishers were available: time for two lost packets. */
const CONNECT_AMONG_OTHERS = 3000

/** After its backoff a destination is tested by connecting only; time limit for that. */
const PROBE = 30000

/** How long a failed grape comes after all others. */
const GRAPE_BACKOFF = { min: 5000, max: 60000 }

/**
 * A connection that lasted this long was good: earlier failures are forgotten, even if other connections are lost
 * right after they opened.
 */
const SETTLED = 5000

/**
 * Transports of one client, connected or connecting: grapes may return new addresses without end, and each may hold a
 * socket until `inactivityTimeout`. Above that the longest idle ones are stopped.
 */
const MAX_TRANSPORTS = 4096

/** How many are stopped at once: each time all of them have to be examined. */
const SHED_AT_ONCE = MAX_TRANSPORTS / 8

/** Transports among them that lost their connection or never had one: as many as one lookup may return. */
const MAX_LOST = MAX_ADDRESSES

/** Values, and characters of strings and names, in an error of the other side that is no string. */
const MAX_ERROR_VALUES = 8192

/** Characters of an option's value in the error that rejects it. */
const MAX_SHOWN = 100

/** Characters of a property in an error's stack: a key may be any value. */
const MAX_ERROR_SHOWN = 200

/** How many redirects one exchange with a grape follows. */
const MAX_REDIRECTS = 5

/** A cached lookup answer older than this part of its maximum age is refreshed in the background when it is used. */
const REFRESH_AFTER = 0.8

/**
 * The same in ms, for an answer from which a failed destination was removed: others may replace it, and a restarted
 * service is back in seconds. A dead one fails again and again.
 */
const REFRESH_SHORT = 1000

/**
 * While there are listeners for the state of the grapes, one grape is asked at this interval (ms), with a request
 * that no grape knows: it costs no walk through the DHT.
 */
const GRAPE_WATCH = 10000
const PROBE_TYPE = 'health'

/** A lookup or a get without an answer after this time (ms) goes to the next grape too. */
const GRAPE_HEDGE = 300

/** How long a lookup returns its last result while no grape can be reached (ms). */
const LAST_KNOWN_AGE = 600000

/**
 * For this time (ms) afterwards, a grape that finds no server is not believed: it may have been restarted, and
 * services announce every 60 to 180 s.
 */
const GRAPE_RETURN = 180000

/** Cached lookup answers where `lruMaxSizeLookup` is 0: the original's cache then uses this number. */
const LOOKUP_CACHE = 1000

/** Failed destinations that are remembered. */
const MAX_BACKOFFS = 4096

/** The same for destinations removed from cached answers when these are read. */
const MAX_FORGOTTEN = MAX_BACKOFFS

/**
 * Code positions whose exceptions in callbacks were reported, so that each is reported once; the oldest are
 * forgotten.
 */
const MAX_WARNED_PLACES = 256

/** Reported causes of one warning for one peer, transport or link: strangers choose some, for example keys. */
const MAX_WARNED_CAUSES = 16

/**
 * Frames of a stack: Node's limit, below which a stack is not made deeper, and those of this package between
 * a call and its request.
 */
const STACK_FRAMES = { node: 10, own: 15 }

/**
 * Bytes of one watch connection to the embedded grape: a grape sends one now and then, another program at its port
 * may never stop.
 */
const MAX_WATCH = 64 * 1024

/** Characters of an answer that the command formats in several lines; a longer one is printed in one line. */
const MAX_READABLE = 16 * 1024 * 1024

/** Characters of foreign text whose terminal control characters are replaced at once. */
const PRINTED_AT_ONCE = 64 * 1024

/** Interval at which a draining peer checks whether it is done. */
const DRAIN_POLL = 10

/**
 * How often a request is resent because its server drained, or refused the connection, before it was begun: a release
 * restarts each server once, and servers that drain for ever must not keep a request alive.
 */
const MAX_RESENDS = 8

/**
 * Characters of long requests that one connection keeps to resend them, even if the caller has dropped them. Only
 * requests longer than `from` count; shorter ones are limited by their number. In the first `slots` they stay until
 * another request takes the slot: freeing each costs something.
 */
const RESENT = { from: 4096, chars: 16 * 1024 * 1024, slots: 1024 }

/** Bytes that a client with TLS reads meanwhile: replies on their way, or a flood. */
const FAREWELL_BYTES = 1024 * 1024

/** With TLS, where Node accepts: the part of the process' descriptors available for handshakes. */
const HANDSHAKE_DESCRIPTORS = 1 / 2

/** Minimum interval between warnings that `verifyClient` throws: strangers choose how often it does. */
const WARNING_PACE = 1000

/** Close code of a server that has enough connections (IANA's registry of close codes). */
const TRY_AGAIN_LATER = 1013

/** Close code of a side that goes away (RFC 6455 section 7.4.1). */
const GOING_AWAY = 1001

/** `testGrapes`: their number, and the time limit for them to know each other, which takes some ms. */
const TEST_GRAPES = { count: 2, timeout: 10000 }

/** `gracefulShutdown`: ms for all of it; platforms that send these signals do not kill within this time. */
const SHUTDOWN = { drain: 5000, signals: ['SIGTERM', 'SIGINT'] }

/** The part of `drain` for notifying grapes: one that does not reply leaves time for requests. */
const FAREWELL_SHARE = 1 / 2

/** Characters of a batch after whose first half the replies are written early: measured, see docs/ARCHITECTURE.md. */
const MEDIUM_BATCH = { from: 2048, to: 8192 }

/**
 * How long the messages of one batch may keep the event loop, in ms, where the clock is read anyway: the rest waits
 * for the next turn, so that one busy client does not delay the others.
 */
const LONGEST_TURN = 50

/**
 * With TLS a turn's first frame is written at once, until turns have several frames: these need one more write. A
 * turn with one frame adds 1, up to `PROMPT_TURNS`, and one with several subtracts `SEVERAL_COST`. If a frame waits
 * `LATE_PUMP` ms for the end of its turn, its sender works between its frames, and counting starts again.
 */
const PROMPT_TURNS = 64
const SEVERAL_COST = 16
const LATE_PUMP = 5

/** Maximum of bytes passed to a TLS socket at once. */
const STREAM_WRITE = 256 * 1024

/** Path of a service's WebSocket endpoint; servers accept any path. */
const PATH = '/ws'

/**
 * Limits that both sides enforce: src/config.rs has them, with their reasons. They are read when they are first used,
 * since the commands print their help without an addon.
 */
const SHARED = {
  /** Connections that the system keeps until a server accepts them: as Node. */
  BACKLOG: limits => limits.BACKLOG,
  /** Time limit for the other side to close after a close frame. */
  FAREWELL_TIMEOUT: limits => limits.FAREWELL_TIMEOUT,
  /** How long an idle connection to a grape behind TLS may be reused. */
  GRAPE_KEEP_ALIVE: limits => limits.GRAPE_KEEP_ALIVE,
  /**
   * With TLS: idle time after which the system probes the other host with TCP keepalive. Node lets it probe ten more
   * times, a second apart.
   */
  KEEPALIVE: limits => limits.KEEPALIVE,
  /** Characters of a request that send others over another connection of the pool. */
  LARGE: limits => limits.LARGE,
  /** Longest answer of a grape, in characters. */
  MAX_GRAPE_ANSWER: limits => limits.MAX_GRAPE_ANSWER,
  /** Bytes read from a connection for one answer: 1 MiB of characters may be 3 MiB of bytes. */
  MAX_GRAPE_READ: limits => 4 * limits.MAX_GRAPE_ANSWER,
  /**
   * Clients of one server that may be in their handshake. For one more, the oldest of the address that has most of
   * them is closed.
   */
  MAX_HANDSHAKES: limits => limits.MAX_HANDSHAKES,
  /**
   * Informational heads (RFC 9110 section 15.2) before an answer: a server may send them endlessly, and Node passes
   * each to JavaScript. Honest servers send one or two.
   */
  MAX_INFORMATION: limits => limits.MAX_INFORMATION,
  /** Nesting levels of arrays and objects in a message or in a grape's answer. */
  MAX_NESTING: limits => limits.MAX_NESTING,
  /** The maximum of pending requests of one connection. */
  MAX_SLOTS: limits => limits.MAX_SLOTS,
  /** The maximum of Node's timers: longer times, also `Infinity`, are reduced to it. */
  MAX_TIMEOUT: limits => limits.MAX_TIMEOUT,
  /** Close reason of a server that has enough connections, and has read nothing. */
  NOTHING_READ: limits => limits.NOTHING_READ,
  /** Longest request id that gets an error about too deep nesting. */
  REFUSED_ID: limits => limits.REFUSED_ID,
  /** Characters of a message up to which the native side copies it under the connection's lock. */
  SHORT_TEXT: limits => limits.SHORT_TEXT,
  /**
   * How long a `stop` may take beyond its drain before it is given up: the other sides have FAREWELL_TIMEOUT to close,
   * and timers may be late on a busy machine.
   */
  STOP_GRACE: limits => 2 * limits.FAREWELL_TIMEOUT,
  /** Minimum interval between two searches for expired requests of the socket lane. */
  SWEEP: limits => limits.SWEEP
}

module.exports = {
  ABANDONED,
  CONNECT_AMONG_OTHERS,
  PROBE,
  SUSPICION,
  BUDGET_REQUESTS,
  BUDGET_STEP,
  DEST_BACKOFF,
  DRAIN_POLL,
  FAREWELL_BYTES,
  FAREWELL_SHARE,
  GOING_AWAY,
  GRAPE_BACKOFF,
  GRAPE_HEDGE,
  GRAPE_RETURN,
  GRAPE_WATCH,
  PROBE_TYPE,
  ANNOUNCE_AGAIN,
  ANNOUNCE_INTERVAL,
  BALANCE,
  CHECK_CONNECTION,
  CLIENT,
  CLIENT_TRANSPORT,
  COMMAND_API_PORT,
  CONNECTION,
  EMBEDDED,
  FOLLOW,
  GRAPE,
  GRAPE_PORT,
  HANDSHAKE_DESCRIPTORS,
  HELD_AT_ONCE,
  LASTING_AGE,
  LAST_KNOWN_AGE,
  LINK,
  LINK_RETRY,
  LOOKUP_CACHE,
  LOOK_TIMEOUT,
  MAX_ADDRESSES,
  MAX_AMOUNT,
  MAX_BACKOFFS,
  MAX_BUDGET,
  MAX_BUFFERED,
  MAX_CONNECTION_REQUESTS,
  MAX_COUNT,
  MAX_ERROR_SHOWN,
  MAX_ERROR_VALUES,
  MAX_FORGOTTEN,
  MAX_LINE,
  MAX_LOST,
  MAX_ODD_ADDRESSES,
  MAX_PAYLOAD,
  MAX_PUBLISHERS,
  MAX_READABLE,
  MAX_REDIRECTS,
  MAX_REQUEST_BYTES,
  MAX_RESENDS,
  MAX_SHOWN,
  MAX_TRANSPORTS,
  MAX_WARNED_CAUSES,
  MAX_WARNED_PLACES,
  MAX_WATCH,
  MEASURE,
  LATE_PUMP,
  LONGEST_TURN,
  MEDIUM_BATCH,
  PATH,
  PING,
  POOL_MONITOR,
  PRINTED_AT_ONCE,
  PUBLISHER,
  RECONNECT,
  REFRESH_AFTER,
  REFRESH_SHORT,
  PROMPT_TURNS,
  REQUEST_TIMEOUT,
  RESENT,
  RETRY_TIMES,
  SETTLED,
  SHED_AT_ONCE,
  SHUTDOWN,
  SEVERAL_COST,
  SLOW_SUBSCRIBER,
  SMALL_MESSAGE,
  STREAM_WRITE,
  STACK_FRAMES,
  STATUS,
  STATUS_START,
  SUB_DIALS,
  SUB_LOOKUP_TIMEOUT,
  TEST_GRAPES,
  TAKEOVER_GRACE,
  TAKEOVER_PAUSE,
  TAKEOVER_PAUSE_MAX,
  TRANSPORT_RUN,
  TRY_AGAIN_LATER,
  SUB_WISH,
  UNSEEN_COST,
  WAIT_FOR,
  WARNING_PACE
}

for (const [name, valueOf] of Object.entries(SHARED)) {
  Object.defineProperty(module.exports, name, {
    configurable: true,
    enumerable: true,
    get () {
      const value = valueOf(require('../native/layout').LIMITS)
      Object.defineProperty(module.exports, name, { value })
      return value
    }
  })
}
