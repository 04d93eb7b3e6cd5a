'use strict'

// Every option of every class and call: its kind, the meaning of 0, and its default. docs/OPTIONS.md has the same for
// people, and a test compares them.

const { isIPv4 } = require('net')
const {
  ANNOUNCE_INTERVAL, BALANCE, CLIENT, CLIENT_TRANSPORT, CONNECTION, FOLLOW, GRAPE, GRAPE_PORT, LINK, LOOKUP_CACHE, MAX_AMOUNT, MAX_BUDGET, MAX_BUFFERED,
  MAX_CONNECTION_REQUESTS, MAX_COUNT, MAX_PAYLOAD, MAX_REQUEST_BYTES, MAX_SLOTS, MAX_TIMEOUT, PUBLISHER, REQUEST_TIMEOUT, SHUTDOWN, SLOW_SUBSCRIBER, WAIT_FOR
} = require('./defaults')
const {
  DEFAULT, NOTHING, NO_LIMIT, Option, anything, boolean, callable, check, number, object, oneOf, other, port, table, text
} = require('./values')

const ms = (fallback, of) => new Option(number('ms', { most: MAX_TIMEOUT, ...of }), fallback)
const bytes = (fallback, of) => new Option(number('bytes', { most: MAX_AMOUNT, isWhole: true, ...of }), fallback)
const count = (fallback, of) => new Option(number('count', { most: MAX_COUNT, isWhole: true, ...of }), fallback)
const option = (kind, fallback) => new Option(kind, fallback)

const origins = other('`*`, array, function', "'*', an array of origins, or a function", value => {
  const isList = Array.isArray(value) && value.every(origin => typeof origin === 'string')
  return value === '*' || isList || typeof value === 'function' ? value : NOTHING
})

const isText = value => typeof value === 'string' && value !== ''

const isAddress = value => typeof value === 'string' || value instanceof URL
const grapes = other('text, URL, array', 'an address, or an array of addresses', value => {
  return isAddress(value) || (Array.isArray(value) && value.every(isAddress)) ? value : NOTHING
})

const names = other('text, array', 'names, as an array or a text with commas', value => {
  if (value === false) return DEFAULT
  return typeof value === 'string' || (Array.isArray(value) && value.every(name => typeof name === 'string')) ? value : NOTHING
})

const users = other('array', 'an array of user numbers', value => {
  const isUser = user => (typeof user === 'number' || (typeof user === 'string' && user.trim() !== '')) && Number.isInteger(+user) && user >= 0
  return Array.isArray(value) && value.every(isUser) ? value.map(Number) : NOTHING
})

/** The options of `conf.secure` that this package reads; Node reads the others, and `listen` reads `verifyClient`. */
const TLS = {
  client: table({
    handshakeTimeout: ms(undefined, { zero: DEFAULT }),
    maxPayload: bytes(undefined, { most: MAX_PAYLOAD, zero: NO_LIMIT }),
    headers: option(object),
    origin: option(text)
  }),
  server: table({
    handshakeTimeout: ms(undefined, { zero: DEFAULT })
  })
}

/** `conf.secure`, checked for this package's options. */
function secure (options) {
  const read = value => {
    check(options, value)
    return object.read(value)
  }
  return { ...object, read }
}

const ofPeer = () => ({
  maxPayload: bytes(CONNECTION.maxPayload, { most: MAX_PAYLOAD, zero: NO_LIMIT }),
  heartbeatInterval: ms(CONNECTION.heartbeatInterval),
  connectTimeout: ms(CONNECTION.connectTimeout, { zero: NO_LIMIT }),
  handshakeTimeout: ms(CONNECTION.handshakeTimeout, { zero: NO_LIMIT }),
  highWater: bytes(CONNECTION.highWater, { zero: NO_LIMIT }),
  memoryBudget: bytes(CONNECTION.memoryBudget, { most: MAX_BUDGET }),
  io: option(oneOf('libuv', 'tokio')),
  busyPoll: new Option(number('microseconds', { most: MAX_TIMEOUT }), CONNECTION.busyPoll)
})

const ofServer = () => ({
  host: option(text),
  maxConnections: count(CONNECTION.maxConnections),
  origins: option(origins),
  verifyClient: option(callable)
})

/** By class name; a transport has its peer's. */
const OPTIONS = {
  Peer: table(ofPeer()),
  PeerRPCClient: table({
    ...ofPeer(),
    requestTimeout: ms(CLIENT_TRANSPORT.requestTimeout, { zero: NO_LIMIT }),
    maxActiveKeyDests: count(CLIENT.maxActiveKeyDests),
    maxActiveDestTransports: count(CLIENT.maxActiveDestTransports, { zero: NOTHING }),
    inactivityTimeout: ms(CLIENT_TRANSPORT.inactivityTimeout),
    balance: option(oneOf('random', 'least-pending', 'round-robin'), BALANCE),
    maxRequests: count(0),
    maxConnectionRequests: count(MAX_CONNECTION_REQUESTS, { most: MAX_SLOTS, zero: NO_LIMIT }),
    secure: option(secure(TLS.client))
  }),
  PeerServer: table({ ...ofPeer(), ...ofServer() }),
  PeerRPCServer: table({
    ...ofPeer(),
    ...ofServer(),
    maxConnectionRequests: count(MAX_CONNECTION_REQUESTS),
    maxRequestBytes: bytes(MAX_REQUEST_BYTES),
    requestTimeout: ms(REQUEST_TIMEOUT, { zero: NO_LIMIT }),
    secure: option(secure(TLS.server))
  }),
  PeerPub: table({
    ...ofPeer(),
    ...ofServer(),
    slowSubscriber: option(oneOf('disconnect', 'drop'), SLOW_SUBSCRIBER),
    maxPayload: bytes(PUBLISHER.maxPayload, { most: MAX_PAYLOAD, zero: NO_LIMIT })
  }),
  PeerSub: table({
    ...ofPeer(),
    reconnect: option(boolean),
    maxBuffered: count(MAX_BUFFERED, { zero: NO_LIMIT })
  }),
  Link: table({
    grape: option(grapes, LINK.grape),
    grapePort: option(port, GRAPE_PORT),
    grapeUsers: option(users),
    requestTimeout: ms(LINK.requestTimeout, { zero: DEFAULT }),
    unannounce: option(boolean, true),
    tls: option(object),
    lruMaxSizeLookup: count(LINK.lruMaxSizeLookup, { zero: LOOKUP_CACHE }),
    lruMaxAgeLookup: ms(LINK.lruMaxAgeLookup),
    throwInCallbacks: option(boolean, false),
    monitorTimeout: option(anything)
  }),
  Grape: table({
    api_port: option(anything),
    api_hosts: option(names),
    dht_port: option(anything),
    dht_bootstrap: option(anything),
    host: option(text),
    dht_peer_maxAge: ms(GRAPE.dht_peer_maxAge, { zero: NO_LIMIT }),
    dht_nodeLiveness: ms(GRAPE.dht_nodeLiveness, { zero: DEFAULT }),
    dht_maxTables: count(GRAPE.dht_maxTables, { most: MAX_AMOUNT, zero: DEFAULT }),
    dht_maxValues: count(GRAPE.dht_maxValues, { most: MAX_AMOUNT, zero: DEFAULT }),
    dht_concurrency: count(GRAPE.dht_concurrency, { most: MAX_AMOUNT, zero: DEFAULT }),
    dht_rateLimit: count(GRAPE.dht_rateLimit, { most: MAX_AMOUNT, zero: NO_LIMIT }),
    dht_state: option(text),
    check_maxPayloadSize: bytes(GRAPE.check_maxPayloadSize, { sizes: true }),
    grace: ms(GRAPE.grace),
    keepAlive: option(boolean, GRAPE.keepAlive)
  })
}

/** Options of calls. A computed time below 0 is over already. */
const CALLS = {
  /** Of `request`, and all except `maxActiveKeyDests` of `map` too; the last two as the original's `||`. */
  request: table({
    timeout: ms(undefined, { least: -Infinity, zero: NO_LIMIT }),
    maxActiveKeyDests: count(undefined, { zero: DEFAULT }),
    maxActiveDestTransports: count(undefined, { zero: DEFAULT }),
    waitFor: ms(undefined, { zero: DEFAULT })
  }),
  map: table({
    limit: count(undefined, { zero: DEFAULT }),
    settled: option(boolean)
  }),
  /** Destination options of both. An empty `dest` is an error, and not all destinations. */
  targets: table({
    dest: option({ ...other('address', 'an address, as host:port', value => !value && value !== '' ? DEFAULT : isText(value) ? value : NOTHING), isDecisive: true }),
    exclude: option(other('address, array', 'an address, as host:port, or an array of them', value => {
      return !value ? DEFAULT : typeof value === 'string' || (Array.isArray(value) && value.every(one => typeof one === 'string')) ? value : NOTHING
    })),
    self: option(boolean)
  }),
  link: table({
    timeout: ms(undefined, { least: -Infinity, zero: DEFAULT }),
    interval: ms(ANNOUNCE_INTERVAL, { zero: DEFAULT }),
    host: option(other('IPv4 address', 'an IPv4 address', value => typeof value === 'string' && isIPv4(value) ? value : NOTHING))
  }),
  actions: table({ callback: option(boolean, false) }),
  shutdown: table({ drain: ms(SHUTDOWN.drain) }),
  stop: table({ drain: ms(0, { least: -Infinity }) }),
  sub: table({
    reconnect: option(boolean),
    all: option(boolean),
    refresh: ms(FOLLOW.refresh)
  }),
  wait: table({ timeout: ms(WAIT_FOR.timeout, { zero: NO_LIMIT }) }),
  lookup: table({ order: option(oneOf('fresh')) })
}

const isPlain = value => value === undefined || (typeof value === 'number' && value > 0)

/** Whether a peer's `request` has only options that need no check, like most. On the hot path. */
function isCommon (opts) {
  return opts.retry === undefined && opts.signal === undefined && opts.dest === undefined &&
    opts.exclude === undefined && opts.self === undefined && opts.waitFor === undefined &&
    isPlain(opts.timeout) && isPlain(opts.maxActiveKeyDests) && isPlain(opts.maxActiveDestTransports)
}

/** Throws for invalid options of a peer's `request`. */
function checkRequest (opts) {
  check(CALLS.request, opts)
}

/** As `checkRequest`, for `map`. */
function checkMap (opts) {
  const { timeout, maxActiveDestTransports, waitFor } = opts
  check(CALLS.request, { timeout, maxActiveDestTransports, waitFor })
  check(CALLS.map, opts)
}

/** As `checkRequest`, for `sub`: with `all` it has the destination options of a request. */
function checkSub (opts) {
  check(CALLS.sub, opts)
  if (opts && opts.all) check(CALLS.targets, { exclude: opts.exclude, self: opts.self })
}

/** A request's timeout in ms: its own, or that of the client's `conf`. */
function timeoutOf (timeout, conf) {
  if (isTimeout(timeout)) return timeout
  if (timeout === undefined && isTimeout(conf.requestTimeout)) return conf.requestTimeout
  const own = CALLS.request.timeout.of(timeout)
  return own === undefined ? OPTIONS.PeerRPCClient.requestTimeout.of(conf.requestTimeout) : Math.max(0, own)
}

/** Values that need no check in the table. */
function isTimeout (value) {
  return typeof value === 'number' && value > 0 && value <= MAX_TIMEOUT
}

/** How many ms `stop(opts)` waits for pending work, or the Error that it rejects with. */
function drainOf (opts) {
  try {
    return opts ? Math.max(0, CALLS.stop.drain.of(opts.drain)) : 0
  } catch (err) {
    return err
  }
}

module.exports = { CALLS, OPTIONS, TLS, checkMap, checkRequest, checkSub, drainOf, isCommon, timeoutOf }
