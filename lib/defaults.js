'use strict'

// Every default that a caller may change, in ms unless a name says otherwise.

const { constants } = require('buffer')

/** `new PeerRPCClient(link, conf)` */
const CLIENT = {
  /** Once so many destinations of a key have connections, only those are chosen. */
  maxActiveKeyDests: 5,
  /** Connections per destination. */
  maxActiveDestTransports: 3
}

/** Which of a key's destinations a client chooses: `conf.balance`. */
const BALANCE = 'random'

/** What becomes of a subscriber that does not keep up: `conf.slowSubscriber`. */
const SLOW_SUBSCRIBER = 'disconnect'

/** Timeout of a request that names none. */
const REQUEST_TIMEOUT = 60000

/** Of each client transport. */
const CLIENT_TRANSPORT = {
  /** A transport without requests for so long is stopped. */
  inactivityTimeout: 120000,
  requestTimeout: REQUEST_TIMEOUT
}

/**
 * Requests of one connection under way at once: against a mistake or malice, not against load. A
 * client refuses more; a server does not read them before others are answered, or are as old as
 * a request gets (`requestTimeout`): a service may never answer.
 */
const MAX_CONNECTION_REQUESTS = 1024 * 1024

/**
 * Bytes that one connection's requests may cost while they are not answered: then it is not read, as
 * with too many of them.
 */
const MAX_REQUEST_BYTES = 64 * 1024 * 1024

/**
 * What a small request or message counts, in bytes, whatever is in it: V8 keeps 300 of most, and up
 * to 900 of one with property names that it has never seen.
 */
const SMALL_MESSAGE = 1024

/**
 * Answers up to so many bytes count nothing while a `map` keeps them: there are few for one map, and
 * they come in batches.
 */
const UNSEEN_COST = 8192

/** Step in which JavaScript tells what it keeps of a connection's budget, in bytes. */
const BUDGET_STEP = 64 * 1024

/** Requests after which it looks what it keeps of them. */
const BUDGET_REQUESTS = 1024

/**
 * What connections asked that are gone, without an answer so far, as parts of `memoryBudget`: above
 * `share` the addresses are not read that have most of it, above all of it nobody; until it is
 * below `relief` of that again. A connection that is gone costs `connection` bytes beside what it asked: the
 * functions that would answer it hold it.
 */
const ABANDONED = { share: 1 / 2, relief: 3 / 4, connection: 4096 }

/** What waited for a slow client and is delivered in one turn of the event loop. */
const HELD_AT_ONCE = 256

/** The most that a connection can be allowed; as MAX_SLOTS on the native side. */
const MAX_SLOTS = 1 << 24

/** Of each connection of a peer. */
const CONNECTION = {
  /**
   * How long the event loop looks for the next message instead of sleeping, in microseconds; 0 is
   * never. Below 0 it learns whether that pays.
   */
  busyPoll: -1,
  /** Bytes of the largest message that is accepted; as `ws`. */
  maxPayload: 100 * 1024 * 1024,
  /** Silence after which the other side is asked for a sign of life; 0 is never. */
  heartbeatInterval: 30000,
  /** How long TCP may take, for each address of a name. */
  connectTimeout: 10000,
  /** How long the upgrade may take, with TLS also TCP. */
  handshakeTimeout: 10000,
  /** Clients of a server at once; 0 is any number. */
  maxConnections: 0,
  /** Bytes that may wait for a slow receiver, who is not read beyond that and gets no more. */
  highWater: 16 * 1024 * 1024,
  /**
   * Bytes that all connections of a peer may hold together: messages whose end has not come, what
   * receivers do not take, requests without an answer. Above it those connections end that hold
   * much for long. 0 is any number.
   */
  memoryBudget: 512 * 1024 * 1024
}

/** Of each `PeerPub`, beside those of a connection. */
const PUBLISHER = {
  /** Subscribers have little to say. */
  maxPayload: 1024 * 1024
}

/** The most that `maxPayload` may say: a longer text is no string of V8's. */
const MAX_PAYLOAD = constants.MAX_STRING_LENGTH

/**
 * Levels of arrays and objects in a message or in an answer of a grape; the reason stands at
 * MAX_NESTING of the native side.
 */
const MAX_NESTING = 256

/** Longest id of a request that is told that it nests too deep; as on the native side. */
const REFUSED_ID = 128

/** Addresses of one name that are taken from a grape's answer: honest grapes tell 100 at most. */
const MAX_ADDRESSES = 256

/** Publishers of a key that one subscriber follows: as many as a lookup can name. */
const MAX_PUBLISHERS = MAX_ADDRESSES

/** Beside those what is no address, or one again: an answer has room for 262,000, to look at which takes 0.2 s. */
const MAX_ODD_ADDRESSES = 4096

/** Characters of a text of others in a line of NODE_DEBUG, or in one that the command says. */
const MAX_LINE = 1000

/** `new Link(conf)` */
const LINK = {
  /** Address of a grape, or several as an array or a comma list; or `'embedded'`. */
  grape: '',
  /** Kept for code that reads it: timeouts are exact, nothing needs to be polled. */
  monitorTimeout: 2000,
  /** Of one exchange with one grape. */
  requestTimeout: 2500,
  /** Answers kept. */
  lruMaxSizeLookup: 2500,
  /** How long an answer is kept. */
  lruMaxAgeLookup: 10000
}

/** `new Grape(conf)` */
const GRAPE = {
  /** What both ports are bound to; every interface without. */
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
  /** A node that was silent for so long is pinged. */
  dht_nodeLiveness: 5 * 60 * 1000,
  /** Announced addresses are forgotten after about so long: the original class's default. */
  dht_peer_maxAge: 120000,
  /** Queries a second that one address may ask. This machine may ask 20 times as many: a whole network may share its address. */
  dht_rateLimit: 5000,
  /** File in which known nodes and the own id survive a restart. */
  dht_state: null,
  /** TCP port of the HTTP API; there is none. */
  api_port: null,
  /** Names of the API in a browser, beside addresses, `localhost` and `host`. */
  api_hosts: [],
  /** Largest body of a request, in bytes. */
  check_maxPayloadSize: 8192,
  /** A lookup waits so long after the start for an announce, instead of finding nothing. */
  grace: 0,
  /** Whether a running grape keeps the process alive. */
  keepAlive: true
}

/** `api_port` of the command: the one that every example names. */
const COMMAND_API_PORT = 30001

/**
 * `dht_peer_maxAge` of the command and of the embedded grape. Services announce every 60 to 180 s:
 * none may be lost between two announces, nor when one of them is.
 */
const LASTING_AGE = 6 * 60 * 1000

/** How long lookups of a grape that took another one's place wait for services to announce again. */
const TAKEOVER_GRACE = 1000

/** Pause before the place of a grape that is gone is taken: it may only have lost a connection. */
const TAKEOVER_PAUSE = 5

/** The same where another program has the port and only looks like a grape. */
const TAKEOVER_PAUSE_MAX = 1000

/** How long whatever has the port may take to say who it is. */
const LOOK_TIMEOUT = 2500

/** Characters of `/status` by which a grape of version 1.0.0 is known: it has no header for that. */
const STATUS_START = 512

/** What `grape` says for a grape in this process, or in another one of this machine. */
const EMBEDDED = 'embedded'

/** TCP port at which the processes of one machine meet then, unless `grapePort` says another. */
const GRAPE_PORT = 31001

/** Pace at which a subclass of a subscription is asked to look after its connection, as by the original. */
const CHECK_CONNECTION = 5000

/** Pace at which a client looks for idle transports. */
const POOL_MONITOR = 10000

/**
 * Requests in a row that one transport of a full pool gets: while nothing is under way, and at most
 * otherwise. Measured, see docs/ARCHITECTURE.md.
 */
const TRANSPORT_RUN = { rested: 8, to: 512 }

/** Attempts of an object that names no number, as in `async.retry`. */
const RETRY_TIMES = 5

/** What `grenache bench` does: requests in flight, and for how many seconds. */
const MEASURE = { inFlight: 64, seconds: 5 }

/** Of `grenache ping`: the fastest of so many is what the way takes without waiting. */
const PING = { count: 3 }

/**
 * Of a grape's status, which `grenache ls` reads: pages and addresses at most (a grape has room for some
 * 11,000 addresses, and 100 on a page at least), characters of a name, and the widest column of its table.
 */
const STATUS = { pages: 1000, addresses: 20000, text: 1000, column: 60 }

/** Attempts of a lookup or an announce that names no number. */
const LINK_RETRY = 3

/** Longest answer of a grape, as on the native side; in characters. */
const MAX_GRAPE_ANSWER = 1024 * 1024

/** The most that is read of a connection for one answer: 1 MiB of characters may be 3 MiB of bytes. */
const MAX_GRAPE_READ = 4 * MAX_GRAPE_ANSWER

/** Mean time between two announces of `startAnnouncing`. */
const ANNOUNCE_INTERVAL = 2 * 60 * 1000

/**
 * Mean wait of an announce that failed; it doubles with each failure, and is never longer than
 * that between two others. The most is what a service stays unknown once there are grapes again.
 */
const ANNOUNCE_AGAIN = { min: 1000, max: 5000 }

/**
 * `waitFor`: mean wait between two lookups of a name that nobody serves; it doubles from the first to the most. Who
 * waits is found within 1.5 s after an announce, and costs a grape a lookup a second, for as long as the caller says. `last` is what
 * the last lookup may take beyond that, `timeout` how long `link.promises.waitFor` waits that says nothing.
 */
const WAIT_FOR = { min: 50, max: 1000, last: 100, timeout: 60000 }

/** Longest wait of a timer of Node's: a longer one, also `Infinity`, is as long as that. */
const MAX_TIMEOUT = 0x7fffffff

/** The most that an option counts; more is no limit. */
const MAX_COUNT = 0x7fffffff

/** The most that an option's bytes, and a grape's limits, may be where the native side has 32 bits for them. */
const MAX_AMOUNT = 0xffffffff

/** The most that `memoryBudget` may be: JavaScript's numbers are exact up to there, and sums of a few are. */
const MAX_BUDGET = 2 ** 50

/** Expired requests of a replaced transport are looked for at most this often. */
const SWEEP = 20

/** Mean wait of a subscriber before it connects again; it doubles with each failure. */
const RECONNECT = { min: 100, max: 10000 }

/**
 * Mean wait of a subscription that found no publisher, or no grape, before it looks again; it doubles each time. The most is
 * what a new publisher is not heard for, against a lookup that each waiting subscriber costs a grape.
 */
const SUB_WISH = { min: 100, max: 5000 }

/**
 * For how long an address is dialled by no subscription of a peer after one of them failed there: as
 * long as the shortest of their own waits, so that who is alone does not notice.
 */
const SUB_DIALS = { min: RECONNECT.min / 2, max: RECONNECT.max / 2 }

/**
 * `sub` with `all`: mean time between two lookups of a key, and the least. So late new publishers are
 * heard of; it costs a grape a lookup for each subscriber.
 */
const FOLLOW = { refresh: 30000, min: 100 }

/** Messages that may wait for a slow `for await` loop, beside the bytes of `highWater`. */
const MAX_BUFFERED = 10000

/** Timeout of a subscriber's lookup. */
const SUB_LOOKUP_TIMEOUT = 5000

/** How long a destination that failed is not chosen while there are others. */
const DEST_BACKOFF = { min: 1000, max: 30000 }

/**
 * A destination that was silent while requests to it expired is not chosen while there are others, and is
 * asked for a sign of life; a connection that is not open after `dial` is taken for a sign as well. It is
 * looked for one after `first` ms, then after twice as long each time; after `grace` it is taken for dead. A look that
 * comes so `late` finds a process that was busy, and begins anew.
 */
const SUSPICION = { dial: 500, first: 10, grace: 1000, late: 200 }

/** `connectTimeout` at most where other destinations or publishers could have been chosen: two lost packets' worth. */
const CONNECT_AMONG_OTHERS = 3000

/** A destination that waited long enough is tried by a connection alone; how long that may take. */
const PROBE = 30000

/** How long a grape that failed is asked only after the others. */
const GRAPE_BACKOFF = { min: 5000, max: 60000 }

/**
 * A connection that lasted so long was a good one: what failed before it is forgotten, however soon
 * others end that are made and lost at once.
 */
const SETTLED = 5000

/**
 * Transports of one client, connected or about to be: grapes may name others without end, and
 * each may hold a socket until `inactivityTimeout`. Beyond it those stop that are idle for longest.
 */
const MAX_TRANSPORTS = 4096

/** So many are stopped at once then: all of them are looked at for it. */
const SHED_AT_ONCE = MAX_TRANSPORTS / 8

/** Of those, such as have lost their connections, or never had one: as many as one lookup may name. */
const MAX_LOST = MAX_ADDRESSES

/** Values, and characters of strings and names, in an error of the other side that is no string. */
const MAX_ERROR_VALUES = 8192

/** Characters of an option's value in the error that refuses it. */
const MAX_SHOWN = 100

/** Characters of a property in the stack of an error: a key may be anything. */
const MAX_ERROR_SHOWN = 200

/** How often one exchange with a grape goes elsewhere, where an answer says so. */
const MAX_REDIRECTS = 5

/** After so much of its age a kept lookup answer that is used is asked for again, so that nobody waits for it. */
const REFRESH_AFTER = 0.8

/**
 * The same, in ms, of one out of which a destination was taken that failed: others may come in its
 * place, and a service that was restarted is back in seconds. A dead one fails again and again.
 */
const REFRESH_SHORT = 1000

/**
 * While somebody listens whether grapes answer, one is asked so often though it answered last (ms), by a request
 * that none knows: it costs them no walk.
 */
const GRAPE_WATCH = 10000
const PROBE_TYPE = 'health'

/** A lookup or a get that a grape has not answered so soon is asked of the next grape too (ms). */
const GRAPE_HEDGE = 300

/** For so long a lookup answers what it found last, where no grape can be asked (ms). */
const LAST_KNOWN_AGE = 600000

/**
 * For so long after that (ms) a grape that finds nobody is not believed: it may have been restarted, and
 * services announce every 60 to 180 s.
 */
const GRAPE_RETURN = 180000

/** Lookup answers kept where `lruMaxSizeLookup` is 0: the original's cache has no other number then. */
const LOOKUP_CACHE = 1000

/** Destinations that failed and are remembered. */
const MAX_BACKOFFS = 4096

/** The same of those that are taken out of lookup answers as these are read. */
const MAX_FORGOTTEN = MAX_BACKOFFS

/** Places whose exceptions in callbacks were a warning, so that each is one once; the oldest are forgotten. */
const MAX_WARNED_PLACES = 256

/** Causes of one warning of one peer, transport or link that are told: strangers choose some, such as keys. */
const MAX_WARNED_CAUSES = 16

/**
 * Informational heads (RFC 9110 section 15.2) before an answer: a server may go on with them for
 * ever, and Node hands each to JavaScript. Honest ones send one or two.
 */
const MAX_INFORMATION = 32

/** How long a kept connection to a grape behind TLS is used again; as on the native side. */
const GRAPE_KEEP_ALIVE = 4000

/** Bytes of one watch of the embedded grape: it says one now and then, whatever else has its port may not stop. */
const MAX_WATCH = 64 * 1024

/** Characters that the command makes of an answer in lines for people; a longer one is one line. */
const MAX_READABLE = 16 * 1024 * 1024

/** Characters of a text of others in which those that rule a terminal are replaced at once. */
const PRINTED_AT_ONCE = 64 * 1024

/** Pace at which a peer that is being drained looks whether it is done. */
const DRAIN_POLL = 10

/**
 * How often a request is sent again whose server drained, or refused the connection, before it was
 * begun: a release restarts each server once, and who drains for ever must not keep it going.
 */
const MAX_RESENDS = 8

/**
 * Characters of long requests that one connection keeps to send them again: the caller may have let go
 * of them. What is longer than `from` counts; the shorter ones are bounded by their number. Of the first
 * `slots` they stay until another request takes their place: to let go of each costs something.
 */
const RESENT = { from: 4096, chars: 16 * 1024 * 1024, slots: 1024 }

/** Characters of a request that make others go by another connection of a pool; as on the native side. */
const LARGE = 128 * 1024

/** How long the other side may take to close a connection that it was told to. */
const FAREWELL_TIMEOUT = 1000

/**
 * With TLS: silence of an idle TCP connection after which the system asks the other host for a sign of
 * life; as on the native side. Node lets it ask ten times more, a second apart.
 */
const KEEPALIVE = 45000

/** Bytes that a client with TLS reads meanwhile: answers on their way, or a flood. */
const FAREWELL_BYTES = 1024 * 1024

/**
 * Clients of one server that may be in the middle of their handshake; as on the native side. Of the
 * address that has the most of them the oldest goes for one more.
 */
const MAX_HANDSHAKES = 4096

/** With TLS, where Node accepts: the part of the process' descriptors that they may have. */
const HANDSHAKE_DESCRIPTORS = 1 / 2

/** A service is warned at most this often that its `verifyClient` throws: strangers choose how often. */
const WARNING_PACE = 1000

/** Close code of a server that has enough connections (IANA's registry of close codes). */
const TRY_AGAIN_LATER = 1013

/** The reason with which it says that it has read nothing: see src/rpc/drain.rs. */
const NOTHING_READ = 'nothing was read'

/** Close code of a side that goes away (RFC 6455 section 7.4.1). */
const GOING_AWAY = 1001

/** `testGrapes`: how many, and how long they may take to know each other: they need some ms. */
const TEST_GRAPES = { count: 2, timeout: 10000 }

/** `gracefulShutdown`: ms for all of it, in which the platforms that send these signals do not kill yet. */
const SHUTDOWN = { drain: 5000, signals: ['SIGTERM', 'SIGINT'] }

/** The part of `drain` in which grapes may be told: one that does not answer leaves time for requests. */
const FAREWELL_SHARE = 1 / 2

/**
 * What a `stop` may take beyond its drain, before it is not waited for any more: the other sides have
 * FAREWELL_TIMEOUT to close, and timers may be late on a busy machine.
 */
const STOP_GRACE = 2 * FAREWELL_TIMEOUT

/** Characters of a batch whose first half of answers leaves early: measured, see docs/ARCHITECTURE.md. */
const MEDIUM_BATCH = { from: 2048, to: 8192 }

/**
 * How long the messages of one batch may keep the event loop, in ms, where the clock is looked at
 * anyway: the rest waits for the next turn, so that others are not held up by one who asks for much.
 */
const LONGEST_TURN = 50

/**
 * With TLS a turn's first frame is written at once, until turns have several frames: that takes a
 * write more in each. A turn with one frame is worth 1, up to `PROMPT_TURNS`, and one with several
 * takes away `SEVERAL_COST`. When a frame has waited for the end of its turn for `LATE_PUMP` ms, its
 * sender works between its frames, and all begins again.
 */
const PROMPT_TURNS = 64
const SEVERAL_COST = 16
const LATE_PUMP = 5

/** Bytes that a TLS socket is given at once, at most. */
const STREAM_WRITE = 256 * 1024

/** Path of a service's WebSocket endpoint; servers take any. */
const PATH = '/ws'

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
  FAREWELL_TIMEOUT,
  KEEPALIVE,
  LARGE,
  GOING_AWAY,
  GRAPE_BACKOFF,
  GRAPE_HEDGE,
  GRAPE_KEEP_ALIVE,
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
  MAX_GRAPE_ANSWER,
  MAX_GRAPE_READ,
  MAX_HANDSHAKES,
  MAX_INFORMATION,
  MAX_LINE,
  MAX_LOST,
  MAX_NESTING,
  MAX_ODD_ADDRESSES,
  MAX_PAYLOAD,
  MAX_PUBLISHERS,
  MAX_READABLE,
  MAX_REDIRECTS,
  MAX_REQUEST_BYTES,
  MAX_RESENDS,
  MAX_SHOWN,
  MAX_SLOTS,
  MAX_TIMEOUT,
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
  REFUSED_ID,
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
  STATUS,
  STATUS_START,
  STOP_GRACE,
  SUB_DIALS,
  SUB_LOOKUP_TIMEOUT,
  SWEEP,
  TEST_GRAPES,
  TAKEOVER_GRACE,
  TAKEOVER_PAUSE,
  TAKEOVER_PAUSE_MAX,
  TRANSPORT_RUN,
  NOTHING_READ,
  TRY_AGAIN_LATER,
  SUB_WISH,
  UNSEEN_COST,
  WAIT_FOR,
  WARNING_PACE
}
