'use strict'

// Composes requests, replies and frames. Output composed in one tick is sent in one write per connection: before the
// loop polls again, where the native side takes part in the loop, else when the tick ends.

const { SHORT_TEXT } = require('../options/defaults')
const { nextTick } = require('../util/clock')
const atExit = require('./atExit')
const { connections } = require('./connections')
const { core, raw } = require('./core')
const { FIN } = require('./layout')
const streamWrites = require('./streamWrites')

const { flush, reply, replyString, request, requestString, text } = raw
const { longReply, longReplyString, longRequest, longRequestString, longText } = raw

/** `isDue`: there may be output that is not written. `composed`: how many requests and replies were composed. */
const output = { isDue: false, composed: 0 }

const writeSoon = core.inLoop ? () => { output.isDue = true } : writeInTick

function writeInTick () {
  if (output.isDue) return
  output.isDue = true
  nextTick(writeNow)
}

function writeNow () {
  output.isDue = false
  flush()
  streamWrites.pumpAll()
}

/** The native side wrote its output by itself; streams write theirs when the turn ends. */
function onWritten () {
  if (!streamWrites.isWaiting()) output.isDue = false
}

/** At the exit: replies right before process.exit() are written, and later output is written at once. */
function writeAll () {
  writeNow()
  // Code that emits `exit` by itself continues to run.
  if (process._exiting) {
    core.writeAtOnce()
    streamWrites.writeAtOnce()
  }
  for (const connection of connections) if (connection !== undefined) connection.flushStream()
}

atExit(writeAll)

/** Composes a request. `payload` is a JSON text, or if it `isString`, a string to be turned into one. */
function sendRequest (conn, slot, timeout, payload, isString, key) {
  output.composed++
  if (payload.length > SHORT_TEXT) {
    if (!isString || !longRequestString(conn, slot, timeout, payload, key)) {
      longRequest(conn, slot, timeout, isString ? toJson(payload) : payload, key)
    }
  } else if (!isString || !requestString(conn, slot, timeout, payload, key)) {
    request(conn, slot, timeout, isString ? toJson(payload) : payload, key)
  }
  writeSoon()
}

/**
 * Composes the reply to a request that was fetched at `since`; `result` is as the payload of a request. Returns true
 * when the client should get no more replies until `onRoom`.
 */
function sendReply (conn, rid, err, result, isString, since) {
  output.composed++
  // False also when nothing was composed.
  let isBehind = false
  if (err === null && typeof rid === 'string') {
    if (rid.length + result.length > SHORT_TEXT) {
      isBehind = isString ? longReplyString(conn, rid, result, since) : longReply(conn, rid, result, since)
    } else {
      isBehind = isString ? replyString(conn, rid, result, since) : reply(conn, rid, result, since)
    }
  }
  if (isBehind === false) {
    const frame = `[${toJson(rid)},${toJson(err)},${isString ? toJson(result) : result}]`
    isBehind = frame.length > SHORT_TEXT ? longText(conn, frame, since) : text(conn, frame, since)
  }
  writeSoon()
  return isBehind === true
}

/** JSON of an array's element: null for a value that JSON has no text for. */
function toJson (value) {
  const json = JSON.stringify(value)
  return json === undefined ? 'null' : json
}

/**
 * Composes a frame: 0 when the connection is closed, `SENT.BEHIND` when `sendReply` would return true. With `fin`
 * false, more frames of its message follow.
 */
function sendFrame (conn, opcode, data, fin) {
  const sent = core.send(conn, fin === false ? opcode : FIN | opcode, data)
  writeSoon()
  return sent
}

/**
 * Sends one message to all connections of a server, except the numbers in `except`. Returns the connections that do
 * not keep up, as `{ conn, lost }`: how many older messages they lost, none where they are to be disconnected.
 */
function publish (server, opcode, data, disconnect, except) {
  const slow = core.publish(server, opcode, data, disconnect, except)
  writeSoon()
  return slow
}

module.exports = {
  onWritten,
  output,
  publish,
  sendFrame,
  sendReply,
  sendRequest,
  toJson,
  // Exported so that a reference can be kept: see atExit.js.
  writeAll,
  writeNow
}
