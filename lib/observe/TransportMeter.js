'use strict'

// Implements `stats()`. The native side counts what each connection does; rare events, and those of the socket lane,
// are counted here. docs/OBSERVABILITY.md describes every field.

const { monotonic } = require('../util/clock')
const { kConnection } = require('../util/symbols')
const { Meter: NativeMeter } = require('../native/addon')
const { core } = require('../native/core')
const { TEXT } = require('../errors/errors')

const NOTHING = {
  opened: 0,
  closed: 0,
  failed: 0,
  rejected: 0,
  retried: 0,
  // Resent requests, which their servers had not begun: counted as broken there, and as new ones here.
  resent: 0,
  published: 0,
  // Replies with an error. In a client, only those that the native side does not parse.
  errors: 0,
  invalid: 0,
  // Requests that the native side has counted, but that are handled by the socket object.
  moved: 0,
  // On the socket lane: see `asked` and `SocketRequests`.
  socketStarted: 0,
  socketFailed: 0,
  socketTimedOut: 0,
  socketAborted: 0,
  socketAsking: 0,
  socketReceived: 0,
  socketReplied: 0,
  socketServing: 0,
  socketAbandoned: 0,
  socketInvalid: 0
}

/** Counts for a transport; a `parent`, its peer's meter, counts everything too. */
class TransportMeter {
  constructor (parent) {
    this.native = new NativeMeter(parent ? parent.native : undefined)
    this._parent = parent
    this._counts = { ...NOTHING }
  }

  count (name, by = 1) {
    this._counts[name] += by
    if (this._parent) this._parent.count(name, by)
  }

  /** Adds a latency in ms. */
  record (ms) {
    this.native.record(ms)
  }

  /** `cb` of a request on the socket lane. */
  asked (cb) {
    const since = monotonic()
    this.count('socketStarted')
    this.count('socketAsking')
    return (err, res) => {
      this.count('socketAsking', -1)
      if (!err) this.record(monotonic() - since)
      else this.count(endOf(err))
      cb(err, res)
    }
  }

  /** Counts a foreign socket; connections of this package count themselves. */
  foreign (socket, open) {
    if (socket[kConnection]) return
    const opened = () => {
      open = true
      this.count('opened')
    }
    if (open) opened()
    else socket.on('open', opened)
    socket.on('close', () => this.count(open ? 'closed' : 'failed'))
  }

  ofClient () {
    const { native, counts, base } = this._read()
    const started = native.started + counts.socketStarted - counts.resent
    const failed = native.failed + native.broken + counts.errors + counts.socketFailed - counts.resent
    const timedOut = native.timedOut + counts.socketTimedOut
    const aborted = native.aborted + counts.socketAborted
    const pending = native.asking + counts.socketAsking
    const succeeded = started - failed - timedOut - aborted - pending
    return {
      ...base,
      requests: { started, succeeded, failed, timedOut, aborted, pending, rejected: counts.rejected },
      latency: native.latency
    }
  }

  ofServer () {
    const { native, counts, base } = this._read()
    // Counted as both a request and its reply, but are neither.
    const none = counts.invalid + counts.moved
    return {
      ...base,
      requests: {
        received: native.received + counts.socketReceived - none,
        replied: native.replied + counts.socketReplied - none,
        failed: counts.errors,
        pending: native.serving + counts.socketServing,
        abandoned: native.abandoned + counts.socketAbandoned,
        invalid: counts.invalid + counts.socketInvalid
      },
      latency: native.latency
    }
  }

  ofPublisher () {
    const { native, counts, base } = this._read()
    const { delivered, lost } = native
    return { ...base, messages: { published: counts.published, delivered, lost } }
  }

  ofSubscriber () {
    const { native, base } = this._read()
    return { ...base, messages: { received: native.messages } }
  }

  /** How often a peer's client retried. */
  get retried () {
    return this._counts.retried
  }

  _read () {
    const native = core.stats(this.native)
    const counts = this._counts
    const { opened, closed, failed } = counts
    const connections = { opened, closed, open: opened - closed, failed }
    const bytes = { sent: native.bytesOut, received: native.bytesIn, waiting: native.bytesWaiting }
    return { native, counts, base: { connections, bytes } }
  }
}

/** The counter for a failed request of the socket lane. */
function endOf (err) {
  if (err.message === TEXT.TIMEOUT) return 'socketTimedOut'
  return err.name === 'AbortError' ? 'socketAborted' : 'socketFailed'
}

/** Counts the requests that arrive on one socket object. */
class SocketRequests {
  constructor (meter) {
    this._meter = meter
    this._open = 0
    this._ended = false
  }

  /** Wraps `reply(rid, err, res)` of a request; without a `request` the message was none. */
  request (reply, request) {
    if (!request) {
      this._meter.count('socketInvalid')
      return reply
    }
    const since = monotonic()
    this._meter.count('socketReceived')
    this._move(1)
    return (rid, err, res) => {
      reply(rid, err, res)
      this._meter.count('socketReplied')
      if (err) this._meter.count('errors')
      this._meter.record(monotonic() - since)
      this._move(-1)
    }
  }

  /** The socket is closed. */
  end () {
    this._meter.count('socketAbandoned', Math.max(0, this._open))
    this._move(-this._open)
    this._ended = true
  }

  _move (by) {
    if (this._ended) return
    this._open += by
    this._meter.count('socketServing', by)
  }
}

module.exports = { SocketRequests, TransportMeter }
