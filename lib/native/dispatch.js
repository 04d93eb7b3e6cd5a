'use strict'

// Delivers the native side's batches: each message and event becomes a call of the connection, server or callback that
// it is for.

const { fromFailure } = require('../errors/errors')
const { LONGEST_TURN, MEDIUM_BATCH } = require('../options/defaults')
const { dateNow, setImmediate } = require('../util/clock')
const context = require('../util/context')
const { connections, servers, unregister } = require('./connections')
const { core, raw, whenWoken } = require('./core')
const { onAnswered } = require('./exchanges')
const { onResolved } = require('./hostLookup')
const { BACKLOG: { FULL, LONE }, RECORDS } = require('./layout')
const { onWritten, output, writeNow } = require('./output')
const { expireSoon, pauseReading, resumeReading } = require('./streams')
const streamWrites = require('./streamWrites')

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

/** The batch in delivery: `{ items, events, at }`. */
let current = null
/** When it was fetched, on the native side's clock: a reply reports the time since then. */
let fetchedAt = 0
/** When the current delivery began; 0 between deliveries. */
let time = 0

/** `Date.now()`, but constant during a delivery: a clock reading for each message costs too much. */
function turnTime () {
  return time || dateNow()
}

/**
 * Delivers received messages, one batch per turn. A callback that throws ends the turn, as everywhere in Node; the
 * rest of its batch is delivered in the next turn.
 */
function deliver () {
  if (current === null) {
    const batch = raw.fetch()
    if (batch === undefined) return
    const text = typeof batch === 'string' ? batch : batch[0]
    const items = JSON.parse(text)
    const more = items.pop() === 1
    fetchedAt = items.pop()
    // `fetch` wrote the buffered output.
    onWritten()
    current = { items, events: batch, at: 0, half: halfOf(items, text.length), more }
  }
  try {
    deliverCurrent()
  } finally {
    time = 0
    const done = current.at >= current.items.length
    if (!done || current.more) deliverSoon()
    if (done) current = null
    resumeReading()
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
    context.detectUse()
    const at = current.at
    const tag = items[at]
    // The replies of one connection are sent while those of the next are made: they need a write of their own anyway.
    if ((tag === REQUEST || tag === COSTLY_REQUEST) && items[at + CONN] !== asker) {
      if (output.isDue && asker >= 0) {
        writeNow()
        half = 0
      }
      asker = items[at + CONN]
    }
    const before = output.composed
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
    if (output.isDue && (output.composed === before || streamWrites.isWaiting())) {
      const now = dateNow()
      if (now !== time) {
        writeNow()
        time = now
        if (now - begun >= LONGEST_TURN) return
      }
    }
    if (at < half && current.at >= half) writeNow()
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
      unregister(event.conn)
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
      unregister(event.conn)
      // Its opening could not be reported, so nothing knows it.
      if (connection === undefined) return core.release(event.conn)
      // Before its number may be reused by another connection.
      connection.detach(event.error, event.code, event.reason)
      core.release(event.conn)
      return connection.onClosed(event.code, event.reason, event.error && fromFailure(event.error))
    }
    case 'resolved':
      return onResolved(event)
    case 'answered':
      return onAnswered(event)
  }
}

/**
 * Passes received bytes of a stream on. A single message is delivered at once, so that its reply needs no detour;
 * several wait for those of other streams, so that the replies to all of them share their writes.
 */
function receive (stream, bytes) {
  const backlog = raw.receive(stream.connection.conn, bytes)
  if (backlog === LONE) deliver()
  else if (backlog === FULL) pauseReading(stream)
}

whenWoken(onWake)

module.exports = { messageNext, receive, turnTime }
