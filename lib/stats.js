'use strict'

// What `stats()` says. The native side counts what each connection does; what is rare, and what
// goes by the socket object, is counted here. docs/OBSERVABILITY.md describes every field.

const { monotonic } = require('./clock')
const { kConnection } = require('./internal')
const { Meter: NativeMeter } = require('./native')
const dispatch = require('./dispatch')
const { TEXT } = require('./errors')

const NOTHING = {
  opened: 0,
  closed: 0,
  failed: 0,
  rejected: 0,
  retried: 0,
  // Requests that their servers had not begun, and that went elsewhere: counted as broken there, and
  // as others here.
  resent: 0,
  published: 0,
  // Replies with an error. Of a client only those that the native side does not look into.
  errors: 0,
  invalid: 0,
  // Requests that the native side has seen come, and that go by the socket object after all.
  moved: 0,
  // By the socket object: see `asked` and `Serving`.
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

/** Counts for a transport; with a `parent`, its peer's, which counts all of it too. */
class Meter {
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

  /** `cb` of a request that goes by the socket object. */
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

  /** Counts a socket that is no connection of ours, which counts itself. */
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
    // Neither a request, nor answered, though counted as both.
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

  /** How often a peer's client tried again. */
  get retried () {
    return this._counts.retried
  }

  _read () {
    const native = dispatch.stats(this.native)
    const counts = this._counts
    const { opened, closed, failed } = counts
    const connections = { opened, closed, open: opened - closed, failed }
    const bytes = { sent: native.bytesOut, received: native.bytesIn, waiting: native.bytesWaiting }
    return { native, counts, base: { connections, bytes } }
  }
}

/** What a request that goes by the socket object counts as when it fails. */
function endOf (err) {
  if (err.message === TEXT.TIMEOUT) return 'socketTimedOut'
  return err.name === 'AbortError' ? 'socketAborted' : 'socketFailed'
}

/** Counts the requests that come by one socket object. */
class Serving {
  constructor (meter) {
    this._meter = meter
    this._open = 0
    this._ended = false
  }

  /** `reply(rid, err, res)` to a request that came; without a `request` it is none. */
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

module.exports = { Meter, Serving }
