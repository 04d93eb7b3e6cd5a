'use strict'

const { nextTick, setImmediate, theirs } = require('./clock')
const { bind } = require('./context')
const { MAX_TIMEOUT, RETRY_TIMES } = require('./defaults')
const { badValue } = require('./errors')
const { debug } = require('./observe')

/**
 * What somebody wants by `opts.retry`: a number of attempts, or an object, as `async.retry` reads
 * them; null for one attempt. Throws what is neither.
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

/** The interval of who names none. */
const atOnce = () => 0

/** Which errors of who names none are worth another attempt. */
const always = () => true

/** `value` as a number, NaN where `async.retry` takes its default; throws for what no number can be made of. */
function numberOf (name, value) {
  try {
    return +value
  } catch (err) {
    throw badValue(name, value, 'a number')
  }
}

/** One thing that is tried until it succeeds. */
class Try {
  constructor (owner, retry, attempt, cb, what, signal) {
    this._owner = owner
    this._retry = retry
    this._tried = 0
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
    this._retry = null
    if (this._waits) this.fail(err)
  }

  /** It fails with `err`, in a later tick. */
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

  /** How long to wait before it is tried again, in ms; null: it is not. */
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

/** What an owner tries until it succeeds, or the owner has ended. */
class Tries {
  constructor () {
    this._open = new Set()
  }

  /**
   * Calls `attempt(done)` until it succeeds, in a later turn each time; then `cb` with what the
   * last one said.
   * @param {object|null} retry of `retryOf`
   * @param {string} what is tried, for who debugs
   * @param {AbortSignal} [signal] once it is aborted nothing is tried any more
   */
  begin (retry, attempt, cb, what, signal) {
    // Who ends it may be somebody else.
    const one = new Try(this._open, retry, attempt, bind(cb), what, signal)
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

module.exports = { Tries, retryOf }
