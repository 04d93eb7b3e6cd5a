'use strict'

// One native core per JavaScript environment; its batches are turned into callbacks and events here.

const { hold, keep: keepAlive, letGo } = require('./keepAlive')
const atExit = require('./atExit')
const { sharesPorts } = require('./clusterWorker')
const { dateNow, nextTick, setImmediate } = require('../util/clock')
const context = require('../util/context')
const { Core, NativeGrape } = require('./addon')
const { BACKLOG: { FULL, LONE }, FIN, LANES, OPCODE, RECORDS, SENT: { BEHIND } } = require('./layout')
const { badPort, fromFailure } = require('../errors/errors')
const { failure } = require('../errors/failure')
const { LONGEST_TURN, MAX_TIMEOUT, MEDIUM_BATCH, STREAM_WRITE, UNSEEN_COST } = require('../options/defaults')
const { OPTIONS } = require('../options/optionTable')
const pumps = require('../tls/writeTiming')

// Bun and Deno are not Node: libuv's functions are missing there, or abort.
const isNode = !process.versions.bun && !process.versions.deno
const core = new Core(onWake, isNode ? process.versions.uv : undefined)
// The native side holds no JavaScript objects, so that a test runner can release the modules of one test file. The
// callback lives as long as the core, and the core as long as something is open.
core.onWake = onWake
keepAlive(core)
const raw = core.raw()
const { request, requestString, reply, replyString, text, flush, fetch, waiting } = raw

// Records of a batch: their tag, their size, and the index of each field behind the tag. Read once, since the delivery
// of messages uses them all the time.
const { tag: REQUEST, size: REQUEST_SIZE, conn: CONN, rid: RID, key: KEY, payload: PAYLOAD } = RECORDS.REQUEST
const { tag: REPLY, size: REPLY_SIZE, slot: SLOT, error: ERROR, result: RESULT } = RECORDS.REPLY
const { tag: EVENT, size: EVENT_SIZE, index: EVENT_INDEX } = RECORDS.EVENT
const { tag: MESSAGE, size: MESSAGE_SIZE, text: TEXT } = RECORDS.MESSAGE
/** A request that is not small: it includes what it costs to keep. */
const {
  tag: COSTLY_REQUEST, size: COSTLY_SIZE, cost: COSTLY_COST, rid: COSTLY_RID, key: COSTLY_KEY, payload: COSTLY_PAYLOAD
} = RECORDS.COSTLY_REQUEST
/** A small text that is no array of three. */
const { tag: ODD_REQUEST, size: ODD_SIZE, cost: ODD_COST, text: ODD_TEXT } = RECORDS.ODD_REQUEST

/** Index of the first event in a fetched batch: `[text, ...events]`. */
const EVENTS = 1

/** Connections by number: see Connection.js for their methods. */
const connections = []
/** Servers by number. */
const servers = new Map()
/** Callbacks of name lookups, by number. */
const lookups = new Map()

/** Callbacks of exchanges with grapes, by number. */
const exchanges = new Map()
let lastExchange = 0

/** The batch in delivery: `{ items, events, at }`. */
let current = null
/** When it was fetched, on the native side's clock: a reply reports the time since then. */
let fetchedAt = 0
/** When the current delivery began; 0 between deliveries. */
let time = 0

/** `Date.now()`, but constant during a delivery: a clock reading for each message costs too much. */
function roughly () {
  return time || dateNow()
}

/**
 * Delivers received messages, one batch per turn. A callback that throws ends the turn, as everywhere in Node; the
 * rest of its batch is delivered in the next turn.
 */
function deliver () {
  if (current === null) {
    const batch = fetch()
    if (batch === undefined) return
    const text = typeof batch === 'string' ? batch : batch[0]
    const items = JSON.parse(text)
    const more = items.pop() === 1
    fetchedAt = items.pop()
    // `fetch` wrote the buffered output; streams write by themselves.
    if (!pumps.isWaiting()) flushDue = false
    current = { items, events: batch, at: 0, half: halfOf(items, text.length), more }
  }
  try {
    deliverCurrent()
  } finally {
    time = 0
    const done = current.at >= current.items.length
    if (!done || current.more) deliverSoon()
    if (done) current = null
    if (behind.size > 0 && !core.isFull) catchUp()
  }
}

/** Whether the next turn is scheduled to continue: two in one turn would be twice as long. */
let isComing = false

function deliverSoon () {
  if (isComing) return
  isComing = true
  setImmediate(deliverNext)
}

/** When the present uninterrupted series of wakes began, and when the last one was done, in ms. */
let wokenSince = 0
let wokenAt = 0

/**
 * Node calls this many times in one turn if another thread keeps adding while a batch is delivered: after
 * `LONGEST_TURN` the rest waits for the next turn. Counting the turns themselves would take an immediate for each
 * wake, and with it a poll of the event loop.
 */
function onWake () {
  // The wake's messages arrived after the current batch was fetched, and no other wake reports them.
  if (current !== null) current.more = true
  const now = dateNow()
  if (now - wokenAt > 1) wokenSince = now
  if (isComing || now - wokenSince >= LONGEST_TURN) {
    wokenSince = now
    return deliverSoon()
  }
  deliver()
  wokenAt = dateNow()
}

function deliverNext () {
  isComing = false
  deliver()
}

function deliverCurrent () {
  const { items, events } = current
  let { half } = current
  time = dateNow()
  const begun = time
  let asker = -1
  while (current.at < items.length) {
    // The context that the previous callback entered must not leak into this one.
    context.look()
    const at = current.at
    const tag = items[at]
    // The replies of one connection are sent while those of the next are made: they need a write of their own anyway.
    if ((tag === REQUEST || tag === COSTLY_REQUEST) && items[at + CONN] !== asker) {
      if (flushDue && asker >= 0) {
        flushNow()
        half = 0
      }
      asker = items[at + CONN]
    }
    const before = composed
    // The position advances before the call, so that a throwing callback is not called again.
    if (tag === REQUEST) {
      current.at = at + REQUEST_SIZE
      connections[asker].onRequest(items[at + RID], items[at + KEY], items[at + PAYLOAD], 0, fetchedAt)
    } else if (tag === REPLY) {
      current.at = at + REPLY_SIZE
      connections[items[at + CONN]].onReply(items[at + SLOT], items[at + ERROR], items[at + RESULT])
    } else if (tag === COSTLY_REQUEST) {
      current.at = at + COSTLY_SIZE
      connections[asker].onRequest(items[at + COSTLY_RID], items[at + COSTLY_KEY], items[at + COSTLY_PAYLOAD], items[at + COSTLY_COST], fetchedAt)
    } else if (tag === ODD_REQUEST) {
      current.at = at + ODD_SIZE
      connections[items[at + CONN]].onRequestData(items[at + ODD_TEXT], items[at + ODD_COST], fetchedAt)
    } else if (tag === MESSAGE) {
      current.at = at + MESSAGE_SIZE
      connections[items[at + CONN]].onMessage(items[at + TEXT])
    } else {
      current.at = at + EVENT_SIZE
      onEvent(events[EVENTS + items[at + EVENT_INDEX]])
    }
    // A reply does not wait for long work on the other messages of its batch. For its own sockets the native side
    // reads its clock on every composed frame, which costs half as much.
    if (flushDue && (composed === before || pumps.isWaiting())) {
      const now = dateNow()
      if (now !== time) {
        flushNow()
        time = now
        if (now - begun >= LONGEST_TURN) return
      }
    }
    if (at < half && current.at >= half) flushNow()
  }
}

/** The next message in delivery, if it is for the socket of `conn`. */
function messageNext (conn) {
  if (current === null) return undefined
  const { items, events, at } = current
  if (at >= items.length) return undefined
  if (items[at] === MESSAGE) return items[at + CONN] === conn ? items[at + TEXT] : undefined
  if (items[at] !== EVENT) return undefined
  const event = events[EVENTS + items[at + EVENT_INDEX]]
  return event.type === 'message' && event.conn === conn ? event.data : undefined
}

/**
 * The position in a batch after which the output so far should be written. Under a medium load the other side is idle
 * by then: it starts on the first half while this side does the second. A small batch is done too soon for that, and
 * with a large one both sides are busy anyway.
 */
function halfOf (items, size) {
  return size >= MEDIUM_BATCH.from && size <= MEDIUM_BATCH.to ? items.length >> 1 : 0
}

function onEvent (event) {
  switch (event.type) {
    case 'request':
      return connections[event.conn].onRequestData(event.data, event.cost, fetchedAt)
    case 'reply':
      return connections[event.conn].onReplyData(event.slot, event.data, event.cost)
    case 'message':
      return connections[event.conn].onMessage(event.data)
    case 'ping':
      return connections[event.conn].onPing(event.data)
    case 'pong':
      return connections[event.conn].onPong(event.data)
    case 'leaving':
      return connections[event.conn].onLeaving()
    case 'large':
      return connections[event.conn].onLarge()
    case 'drained':
      return connections[event.conn].onDrained()
    case 'room':
      return connections[event.conn].onRoom()
    case 'composed':
      return connections[event.conn].onComposed()
    case 'unreadable':
      return connections[event.conn].terminate()
    case 'overdue':
      return expireSoon(event.conn)
    case 'expired':
      return connections[event.conn].onExpired(event.slots, event.silentFor)
    case 'opened':
      return connections[event.conn].onOpened()
    case 'accepted': {
      const server = servers.get(event.server)
      // The server may have stopped while the connection's event was on its way here.
      if (server !== undefined) return server.onAccepted(event)
      connections[event.conn] = REFUSED
      return core.terminate(event.conn)
    }
    case 'asked': {
      const server = servers.get(event.server)
      if (server !== undefined) return server.onAsked(event)
      return core.decide(event.ask, '')
    }
    case 'unasked': {
      const server = servers.get(event.server)
      return server && server.onUnasked(event)
    }
    case 'closed': {
      const connection = connections[event.conn]
      connections[event.conn] = REFUSED
      // Its opening could not be reported, so nothing knows it.
      if (connection === undefined) return core.release(event.conn)
      // Before its number may be reused by another connection.
      connection.detach(event.error, event.code, event.reason)
      core.release(event.conn)
      return connection.onClosed(event.code, event.reason, event.error && fromFailure(event.error))
    }
    case 'resolved': {
      const cb = lookups.get(event.id)
      lookups.delete(event.id)
      return cb(event.error ? fromFailure(event.error) : null, event.addresses)
    }
    case 'answered': {
      const cb = exchanges.get(event.id)
      // It was cancelled meanwhile.
      if (!exchanges.delete(event.id)) return
      letGo()
      return cb(event.error ? fromFailure(event.error) : null, event.status, event.body, event.location)
    }
  }
}

// Streams with something due: it expires once everything received by now was read.
let overdue = []

function expireSoon (conn) {
  // Immediates run after the poll for I/O. The first poll is the one that reported this, and may have begun before
  // the thread was busy; the second one is the next.
  if (overdue.length === 0) setImmediate(setImmediate, expireOverdue)
  overdue.push(conn)
}

function expireOverdue () {
  const due = overdue
  overdue = []
  for (const conn of due) {
    const { stream } = connections[conn] || REFUSED
    core.expireStream(conn, stream ? stream.descriptor : undefined)
  }
}

/** Stands for a connection whose server is gone, or whose close was reported: it ignores everything. */
const REFUSED = {}
for (const name of Object.values(context.TOLD).flat()) REFUSED[name] = () => {}

// Output composed in one tick is sent in one write per connection: before the loop polls again, where the native side
// takes part in the loop, else when the tick ends.
const flushSoon = core.inLoop ? () => { flushDue = true } : flushInTick
/** Whether there may be output that is not written. */
let flushDue = false
/** How many requests and replies were composed. */
let composed = 0

function flushInTick () {
  if (flushDue) return
  flushDue = true
  nextTick(flushNow)
}

function flushNow () {
  flushDue = false
  flush()
  pumps.pumpAll()
}

// Streams that are not read until the messages read so far are delivered.
const behind = new Set()

function catchUp () {
  for (const stream of behind) stream.setBehind(false)
  behind.clear()
}

/** At the exit: replies right before process.exit() are written, and later output is written at once. */
function flushAll () {
  flushNow()
  // Code that emits `exit` by itself continues to run.
  if (process._exiting) {
    core.writeAtOnce()
    pumps.writeAtOnce()
  }
  for (const connection of connections) if (connection !== undefined) connection.flushStream()
}

atExit(flushAll)

// Deno frees native objects when an environment ends, and may call back into it after that: from
// then on their methods do nothing.
if (process.versions.deno) {
  globalThis.addEventListener('unload', () => {
    for (const { prototype } of [Core, NativeGrape]) {
      for (const name of Object.keys(prototype)) Object.defineProperty(prototype, name, { value: () => {} })
    }
  })
}

/** Composes a request. `payload` is a JSON text, or if it `isString`, a string to be turned into one. */
function sendRequest (conn, slot, timeout, payload, isString, key) {
  composed++
  if (!isString || !requestString(conn, slot, timeout, payload, key)) {
    request(conn, slot, timeout, isString ? toJson(payload) : payload, key)
  }
  flushSoon()
}

/**
 * Composes the reply to a request that was fetched at `since`; `result` is as the payload of a request. Returns true
 * when the client should get no more replies until `onRoom`.
 */
function sendReply (conn, rid, err, result, isString, since) {
  composed++
  // False also when nothing was composed.
  let isBehind = false
  if (err === null && typeof rid === 'string') {
    isBehind = isString ? replyString(conn, rid, result, since) : reply(conn, rid, result, since)
  }
  if (isBehind === false) {
    isBehind = text(conn, `[${toJson(rid)},${toJson(err)},${isString ? toJson(result) : result}]`, since)
  }
  flushSoon()
  return isBehind === true
}

/** JSON of an array's element: null for a value that JSON has no text for. */
function toJson (value) {
  const json = JSON.stringify(value)
  return json === undefined ? 'null' : json
}

/**
 * Composes a frame: 0 when the connection is closed, `BEHIND` when `sendReply` would return true. With `fin` false,
 * more frames of its message follow.
 */
function send (conn, opcode, data, fin) {
  const sent = core.send(conn, fin === false ? opcode : FIN | opcode, data)
  flushSoon()
  return sent
}

/**
 * Passes received bytes of a stream on. A single message is delivered at once, so that its reply needs no detour;
 * several wait for those of other streams, so that the replies to all of them share their writes.
 */
function receive (stream, bytes) {
  const backlog = raw.receive(stream.connection.conn, bytes)
  if (backlog === LONE) {
    deliver()
  } else if (backlog === FULL) {
    behind.add(stream)
    stream.setBehind(true)
  }
}

/** The next bytes of a stream to write; null if there are none. */
function take (conn) {
  const size = Math.min(waiting(conn), STREAM_WRITE)
  if (size === 0) return null
  // Small buffers come from Node's pool: memory of their own would cost garbage collection.
  const bytes = Buffer.allocUnsafe(size)
  return raw.take(conn, bytes) === 0 ? null : bytes
}

/**
 * Sends one message to all connections of a server, except the numbers in `except`. Returns the connections that do
 * not keep up, as `{ conn, lost }`: how many older messages they lost, none where they are to be disconnected.
 */
function publish (server, opcode, data, disconnect, except) {
  const slow = core.publish(server, opcode, data, disconnect, except)
  flushSoon()
  return slow
}

/** `connection` receives the events of `conn` from now on. */
function keep (conn, connection) {
  const scope = connection.keepsContext ? context.capture() : null
  connections[conn] = scope === null ? connection : new context.Scoped(connection, scope)
  return conn
}

// Objects made before async contexts were first used have none, whichever context is entered later.
context.whenUsed(() => {
  connections.forEach((connection, conn) => {
    if (connection === undefined) return
    if (connection.keepsContext) connections[conn] = new context.Scoped(connection, context.within(null))
    else connection.unbind()
  })
})

/** When a client connects: `after` so many ms, and TCP must connect `within` so many. */
const AT_ONCE = { after: 0, within: MAX_TIMEOUT }

/** The native side's settings for a connection. */
function settings (conf, lanes, admission = 0, dialling = AT_ONCE) {
  const number = name => OPTIONS.Peer[name].of(conf[name])
  return {
    inLoop: isInLoop(OPTIONS.Peer.io.of(conf.io)),
    lanes,
    busyPoll: number('busyPoll'),
    maxPayload: number('maxPayload'),
    heartbeat: number('heartbeatInterval'),
    dialAfter: Math.min(dialling.after, MAX_TIMEOUT),
    connectTimeout: Math.min(number('connectTimeout'), dialling.within),
    handshakeTimeout: number('handshakeTimeout'),
    admission,
    maxConnections: OPTIONS.PeerServer.maxConnections.of(conf.maxConnections),
    highWater: number('highWater')
  }
}

/** The limit of the write queue. */
function highWaterOf (conf) {
  return OPTIONS.Peer.highWater.of(conf.highWater)
}

/** Connects to `dest`, and returns the connection's number; `meter` counts its traffic. */
function connect (dest, path, conf, lanes, meter, budget, dialling) {
  return core.connect(dest, path, settings(conf, lanes, 0, dialling), meter.native, budget)
}

/** Listens as `conf` says, or throws Node's own error; `server` receives the events. */
function listen (port, conf, lanes, server, meter, budget) {
  if (!(port >= 0 && port < 65536)) throw badPort(port)
  const listening = core.listen(port, OPTIONS.PeerServer.host.of(conf.host), sharesPorts(), settings(conf, lanes, server.admission.mode), meter.native, budget)
  if (listening.error) throw fromFailure(listening.error)
  servers.set(listening.server, server)
  return listening
}

function unlisten (server) {
  servers.delete(server)
  core.unlisten(server)
}

/**
 * Posts a JSON text to a grape, with these header fields: `cb(err, status, body, location)`. Returns a function that
 * cancels it: `end(err)`, and `cb` is called in a later tick.
 */
function post (url, fields, body, timeout, cb) {
  const id = lastExchange = (lastExchange + 1) >>> 0
  exchanges.set(id, cb)
  hold()
  core.post(id, url, Object.entries(fields).flat(), body, timeout)
  return err => {
    if (!exchanges.delete(id)) return
    letGo()
    core.endPost(id)
    nextTick(cb, err)
  }
}

/** Closes the idle connections to grapes, and the others once they have their replies. */
function letGrapesGo () {
  core.letGrapesGo()
}

let lastLookup = 0

/**
 * Resolves a host name on the native side, within `timeout` ms: `cb(err, addresses)`. It does not keep the process
 * alive.
 * @param {boolean} isGrape whether it is a grape's name, and not one that a grape returned
 */
function resolve (host, isGrape, timeout, cb) {
  const id = lastLookup = (lastLookup + 1) >>> 0
  lookups.set(id, cb)
  core.resolve(id, host, isGrape, timeout)
}

/**
 * Whether Node's event loop moves a connection's bytes (`'libuv'`, the default where possible) or a separate thread
 * (`'tokio'`). The environment variable GRENACHE_IO sets this for all connections.
 */
function isInLoop (io = process.env.GRENACHE_IO) {
  if (io === undefined || io === '') return core.inLoop
  if (io !== 'libuv' && io !== 'tokio') throw failure(`ERR_IO_UNKNOWN: ${io} (libuv or tokio)`)
  if (io === 'libuv' && !core.inLoop) throw failure('ERR_IO_UNAVAILABLE: libuv')
  return io === 'libuv'
}

/** The memory cost of a parsed message, in bytes; small messages are not examined. */
function costOf (data) {
  return data.length > UNSEEN_COST && (typeof data === 'string' || Buffer.isBuffer(data)) ? core.cost(data) : 0
}

module.exports = {
  AT_ONCE,
  BEHIND,
  LANES,
  OPCODE,
  abandon: conn => core.abandon(conn),
  addressOf: host => core.addressOf(host),
  answered: conn => core.answered(conn),
  close: (conn, code, reason) => core.close(conn, code, reason),
  connect,
  costOf,
  decide: (ask, refusal) => core.decide(ask, refusal),
  descriptors: () => core.descriptors(),
  drain: conn => core.drain(conn),
  ends: conn => core.ends(conn),
  endStream: conn => core.endStream(conn),
  flush: () => flush(),
  // Exported so that a reference can be kept: see atExit.js.
  flushAll,
  forget: (conn, slot) => core.forget(conn, slot),
  highWaterOf,
  ignore: conn => core.ignore(conn),
  isDrained: conn => core.isDrained(conn),
  isDestination: dest => typeof dest === 'string' && core.isDestination(dest),
  messageNext,
  keep,
  keeps: (conn, bytes) => core.keeps(conn, bytes),
  listen,
  movesMuch: (conn, descriptor) => core.movesMuch(conn, descriptor),
  openStream: (conn, descriptor) => core.openStream(conn, descriptor),
  letGrapesGo,
  post,
  publish,
  resolve,
  receive,
  rid: (conn, slot) => core.rid(conn, slot),
  roughly,
  send,
  sendReply,
  sendRequest,
  setLanes: (conn, lanes) => core.setLanes(conn, lanes),
  setReading: (conn, reads) => core.setReading(conn, reads),
  setServerLanes: (server, lanes, asksAll) => core.setServerLanes(server, asksAll ? lanes | LANES.ASK_ALL : lanes),
  setSocket: (conn, options) => core.setSocket(conn, options),
  silence: conn => core.silence(conn),
  stats: meter => core.stats(meter),
  stream: (isServer, conf, lanes, meter, budget) => core.stream(isServer, settings(conf, lanes), meter.native, budget),
  take,
  toJson,
  terminate: conn => core.terminate(conn),
  traffic: conn => core.traffic(conn),
  unread: conn => core.unread(conn),
  unanswered: conn => core.unanswered(conn),
  unlisten,
  waiting,
  withdraw: conn => core.withdraw(conn),
  holdBack: conn => core.holdBack(conn),
  sendHeldBack: conn => core.sendHeldBack(conn)
}
