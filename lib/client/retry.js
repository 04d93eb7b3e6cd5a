'use strict'

const { nextTick, setImmediate, theirs } = require('../util/clock')
const { bind } = require('../util/context')
const { MAX_TIMEOUT, RETRY_TIMES } = require('../options/defaults')
const { badValue } = require('../errors/errors')
const { debug } = require('../observe/channels')

/**
 * Interprets `opts.retry` as `async.retry` does: a number of attempts, or an object; null for one attempt. Throws for
 * other values.
 */
function retryOf (retry) {
  if (!retry) return null
  if (typeof retry === 'object') {
    const { times, interval, errorFilter } = retry
    const pause = typeof interval === 'function' ? 0 : numberOf('retry.interval', interval) || 0
    return {
      times: numberOf('retry.times', times) || RETRY_TIMES,
      interval: typeof interval === 'function' ? interval : () => pause,
      errorFilter: typeof errorFilter === 'function' ? errorFilter : always
    }
  }
  if (typeof retry !== 'number' && typeof retry !== 'string') {
    throw badValue('retry', retry, 'a number of attempts or { times, interval, errorFilter }')
  }
  const times = +retry || RETRY_TIMES
  return times > 1 ? { times, interval: atOnce, errorFilter: always } : null
}

/** The default interval. */
const atOnce = () => 0

/** The default filter: all errors are retried. */
const always = () => true

/** `value` as a number, NaN where `async.retry` uses its default; throws where no number can be made of it. */
function numberOf (name, value) {
  try {
    return +value
  } catch (err) {
    throw badValue(name, value, 'a number')
  }
}

/** One operation that is repeated until it succeeds. */
class Try {
  constructor (owner, retry, attempt, cb, what, signal) {
    this._owner = owner
    this._retry = retry
    this._tried = 0
    this._attempt = attempt
    this._cb = cb
    this._what = what
    this._signal = signal
    /** Whether it is between two attempts. */
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

  /**
   * Makes the present attempt the last one; between two attempts it fails with `err`, the result of the previous one.
   */
  last (err) {
    this._retry = null
    if (this._waits) this.fail(err)
  }

  /** Fails with `err` in a later tick. */
  fail (err) {
    nextTick(this._take(), err)
  }

  _answered (err, res) {
    if (this._cb === null || this._waits) return
    if (!err) return this._finish(err, res)
    let wait
    try {
      wait = this._waitAfter(err)
    } catch (thrown) {
      return this._finish(thrown)
    }
    if (wait === null) return this._finish(err, res)
    debug('%s: %s, trying again', this._what, err.message)
    this._waits = true
    if (wait > 0) this._timer = theirs.setTimeout(() => this.next(), Math.min(MAX_TIMEOUT, wait))
    else setImmediate(() => this.next())
  }

  /** How long to wait before the next attempt, in ms; null if there is none. */
  _waitAfter (err) {
    const retry = this._retry
    if (retry === null || ++this._tried >= retry.times || !retry.errorFilter(err)) return null
    return retry.interval(this._tried)
  }

  _finish (err, res) {
    this._take()(err, res)
  }

  _take () {
    const cb = this._cb
    this._cb = null
    if (this._timer) this._timer.clear()
    this._owner.delete(this)
    return cb
  }
}

/** An owner's operations that are repeated until they succeed, or the owner stops. */
class Tries {
  constructor () {
    this._open = new Set()
  }

  /**
   * Calls `attempt(done)` until it succeeds, in a later turn each time; then `cb` with the last result.
   * @param {object|null} retry from `retryOf`
   * @param {string} what the operation, for debugging
   * @param {AbortSignal} [signal] once it is aborted there are no more attempts
   */
  begin (retry, attempt, cb, what, signal) {
    // `end()` may run in another async context.
    const one = new Try(this._open, retry, attempt, bind(cb), what, signal)
    this._open.add(one)
    one.next()
  }

  /** No more retries: attempts in flight finish by themselves, and waiting operations fail with `err`. */
  endWaiting (err) {
    for (const one of [...this._open]) one.last(err)
  }

  /** Ends all operations with `err`. */
  end (err) {
    for (const one of [...this._open]) one.fail(err)
  }
}

module.exports = { Tries, retryOf }
