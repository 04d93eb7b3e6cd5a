'use strict'

const { bind } = require('./context')
const { RETRY_TIMES } = require('./defaults')
const { debug } = require('./observe')

/** How often somebody wants to try: a number of attempts, or an object like `async.retry`'s. */
function timesOf (retry) {
  if (typeof retry === 'object' && retry !== null) return retry.times === undefined ? RETRY_TIMES : +retry.times || 1
  return +retry || 1
}

/** One thing that is tried until it succeeds. */
class Try {
  constructor (owner, options, attempt, cb, what, signal) {
    this._owner = owner
    this._left = timesOf(options)
    this._interval = (options && options.interval) || 0
    this._attempt = attempt
    this._cb = cb
    this._what = what
    this._signal = signal
    /** Between two attempts. */
    this._waits = false
    this._timer = null
  }

  next () {
    this._waits = false
    if (this._cb === null) return
    const signal = this._signal
    if (signal && signal.aborted) return this._finish(signal.reason)
    this._attempt((err, res) => this._answered(err, res))
  }

  /** No attempt follows the one that is under way; between two of them `err` is what came of it. */
  last (err) {
    this._left = 0
    if (this._waits) this.fail(err)
  }

  /** It fails with `err`, in a later tick. */
  fail (err) {
    process.nextTick(this._take(), err)
  }

  _answered (err, res) {
    if (this._cb === null || this._waits) return
    if (!err || --this._left <= 0) return this._finish(err, res)
    debug('%s: %s, trying again', this._what, err.message)
    this._waits = true
    if (this._interval > 0) this._timer = setTimeout(() => this.next(), this._interval)
    else setImmediate(() => this.next())
  }

  _finish (err, res) {
    this._take()(err, res)
  }

  _take () {
    const cb = this._cb
    this._cb = null
    clearTimeout(this._timer)
    this._owner.delete(this)
    return cb
  }
}

/** What an owner tries until it succeeds, or the owner has ended. */
class Tries {
  constructor () {
    this._open = new Set()
  }

  /**
   * Calls `attempt(done)` until it succeeds, in a later turn each time; then `cb` with what the
   * last one said.
   * @param {number|{times: number, interval: number}} options attempts, and the ms between them
   * @param {string} what is tried, for who debugs
   * @param {AbortSignal} [signal] once it is aborted nothing is tried any more
   */
  begin (options, attempt, cb, what, signal) {
    // Who ends it may be somebody else.
    const one = new Try(this._open, options, attempt, bind(cb), what, signal)
    this._open.add(one)
    one.next()
  }

  /** Nothing is tried again; what is under way has its own end, and the rest fails with `err`. */
  endWaiting (err) {
    for (const one of [...this._open]) one.last(err)
  }

  /** Nothing is tried any more, and all of it fails with `err`. */
  end (err) {
    for (const one of [...this._open]) one.fail(err)
  }
}

module.exports = { Tries, timesOf }
