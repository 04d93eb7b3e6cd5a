'use strict'

// Connections whose bytes JavaScript moves, as with TLS: reading stops while received messages wait, and deadlines
// pass only after everything was read.

const { STREAM_WRITE } = require('../options/defaults')
const { setImmediate } = require('../util/clock')
const { NOBODY, connections } = require('./connections')
const { core, raw } = require('./core')

/** Streams that are not read until the messages read so far are delivered. */
const paused = new Set()

/** Reads no more of `stream` until the queue of received messages has room. */
function pauseReading (stream) {
  paused.add(stream)
  stream.setBehind(true)
}

/** Messages were delivered: reads on where the queue has room. */
function resumeReading () {
  if (paused.size === 0 || core.isFull) return
  for (const stream of paused) stream.setBehind(false)
  paused.clear()
}

/** The next bytes of a connection's output; null if there are none. */
function takeOutput (conn) {
  const size = Math.min(raw.waiting(conn), STREAM_WRITE)
  if (size === 0) return null
  // Small buffers come from Node's pool: memory of their own would cost garbage collection.
  const bytes = Buffer.allocUnsafe(size)
  return raw.take(conn, bytes) === 0 ? null : bytes
}

/** Connections with a passed deadline: it counts once everything received by now was read. */
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
  for (const conn of due) core.expireStream(conn, (connections[conn] || NOBODY).descriptor())
}

module.exports = { expireSoon, pauseReading, resumeReading, takeOutput }
