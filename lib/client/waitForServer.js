'use strict'

// Waits until a server announces a name: looks it up repeatedly, for as long as the caller says.

const { withDeadline } = require('../util/CallbackQueue')
const { theirs } = require('../util/clock')
const { WAIT_FOR } = require('../options/defaults')
const { CODE, TEXT } = require('../errors/errors')
const { tell } = require('../errors/failure')
const { waitAfter } = require('../util/backoffDelay')

/** The retries of `Tries` for `ms` while there is no server; attempts that reached one count as `retry` says. */
class Patience {
  constructor (ms, retry = null) {
    this.times = Infinity
    this._until = theirs.now() + ms
    this._retry = retry
    this._waits = this._tried = this._wait = 0
    /** Whether the last attempt found no server: then no request was begun. */
    this._isAbsent = false
    /** The error of the attempt before. */
    this._reason = null
  }

  get left () {
    return this._until - theirs.now()
  }

  /** Wraps `done` of an attempt. */
  attempt (done) {
    this._isAbsent = false
    return (err, res) => {
      if (err && isUnreachable(err)) this._isAbsent = true
      done(err, res)
    }
  }

  /** Wraps `cb` of an attempt's lookup, whose error may be passed to `absent`. It does not outlast the time. */
  lookup (cb) {
    return withDeadline(Math.max(WAIT_FOR.last, this.left), cb)
  }

  /** The attempt found no server; returns the Error to report. */
  absent (err) {
    this._isAbsent = !isFinal(err)
    // The time ended before the grape answered: the earlier error says more.
    if (this._reason !== null && this.left <= 0 && err.message === TEXT.TIMEOUT) return this._reason
    this._reason = err
    return err
  }

  errorFilter (err) {
    const { left } = this
    if (this._isAbsent && left > 0) {
      this._wait = Math.min(left, waitAfter(++this._waits, WAIT_FOR))
      return true
    }
    const retry = this._retry
    if (retry === null || ++this._tried >= retry.times || !retry.errorFilter(err)) return false
    this._wait = retry.interval(this._tried)
    return true
  }

  interval () {
    return this._wait
  }
}

/** No server accepted the connection, so the request was not begun. Errors of servers have no `syscall`. */
function isUnreachable (err) {
  return err.syscall === 'connect' || err.syscall === 'getaddrinfo'
}

/** A lookup's error that waiting does not remove. */
function isFinal (err) {
  return err instanceof TypeError || err.message === TEXT.TRANSPORT_CLOSE || err.code === CODE.GRAPE_FOREIGN ||
    (err.code >= 400 && err.code < 500) || /^ERR_GRAPE_URL/.test(err.message) ||
    (!!err.cause && err.cause.code === 'ERR_GRAPE_LOOKUP')
}

/** Looks `key` up for `ms`, until a server announces it: `cb(err, dests)`. */
function waitFor (link, tries, key, ms, signal, cb) {
  const patience = new Patience(ms)
  tries.begin(patience, done => {
    done = patience.attempt(done)
    link.lookup(key, ONCE, patience.lookup((err, dests) => err ? done(patience.absent(err)) : done(null, dests)))
  }, (err, dests) => cb(err && tell(err, { key, timeout: ms }), dests), key, signal)
}

/** Options of a lookup that is repeated anyway. */
const ONCE = { retry: 1 }

module.exports = { ONCE, Patience, waitFor }
