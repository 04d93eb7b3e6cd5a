'use strict'

const clock = require('./clock')
const { BUDGET_REQUESTS, BUDGET_STEP, SMALL_MESSAGE } = require('./defaults')

/** The old ones of a connection that has none yet: nothing is ever counted in it. */
const NONE = Object.freeze({ count: 0, bytes: 0 })

/** As good as no limit. */
const ANY = 0x7fffffff

/**
 * Counts the requests of a connection that are not answered, and what they cost to keep, and stops
 * reading it while that is too much.
 *
 * A service may never answer, so what is older than `age` does not count any more. Requests have
 * no age of their own: each is counted in the generation that it came in, of which there are two.
 */
class Unanswered {
  /**
   * @param {Connection} connection
   * @param {number} limit requests; 0 is any number
   * @param {number} byteLimit what they may cost; 0 is any number
   * @param {number} age in ms
   */
  constructor (connection, limit, byteLimit, age) {
    this._connection = connection
    this._limit = limit || ANY
    this._byteLimit = byteLimit || Infinity
    this._age = age
    /** Where requests are counted that come now; small ones cost a fixed amount, and are not in `bytes`. */
    this.young = { count: 0, bytes: 0 }
    this._old = NONE
    /** When the old ones became old. */
    this._since = 0
    /** With so many young ones `look` has to be called. */
    this.room = Math.max(1, Math.min(this._limit >> 1, BUDGET_REQUESTS))
    this.isFull = false
    /** Whether `answered` has to be called with each answer. */
    this.isWatched = false
    /** Nothing is counted any more. */
    this._isOver = false
    /** The connection is gone. */
    this._isGone = false
    /** What the connection knows that is kept. */
    this._kept = 0
    this._timer = null
  }

  /** A request costs more than a small one. */
  add (generation, cost) {
    generation.bytes += cost
    const bytes = this._bytes
    if (bytes - this._kept >= BUDGET_STEP) this._tell(bytes)
    if (bytes >= this._byteLimit) this.look()
  }

  /** Such a request is answered. */
  take (generation, cost) {
    generation.bytes -= cost
  }

  /** To be called with each request while there are `room` young ones. */
  look () {
    const now = clock.monotonic()
    if (this._old.count <= 0 || now - this._since >= this._age) {
      this._old = this.young
      this.young = { count: 0, bytes: 0 }
      this._since = now
    }
    const bytes = this._bytes
    if (Math.abs(bytes - this._kept) >= BUDGET_STEP) this._tell(bytes)
    const { count } = this.young
    this.room = Math.max(1, Math.min(this._limit - this._old.count, count + BUDGET_REQUESTS))
    const isFull = this._old.count + count >= this._limit || bytes >= this._byteLimit
    if (isFull === this.isFull) return
    this.isFull = isFull
    this.isWatched = isFull || this._kept > 0
    if (isFull) this._wait()
    else clock.clearTimeout(this._timer)
    this._connection.setReading(!isFull)
  }

  /** To be called after each answer while it `isWatched`. */
  answered () {
    if (this.isFull) return this.look()
    const bytes = this._bytes
    if (this._kept - bytes >= BUDGET_STEP || (this._isGone && bytes <= 0)) this._tell(bytes)
  }

  /** The connection is gone: what it asked is only counted. */
  outlive () {
    if (this._isOver) return
    this._limit = ANY
    this._byteLimit = Infinity
    this._isGone = true
    this.isFull = false
    clock.clearTimeout(this._timer)
    this._tell(Math.max(0, this._bytes))
  }

  /** Nobody tells of answers any more. */
  end () {
    this._isOver = true
    this._limit = ANY
    this._byteLimit = this.room = Infinity
    this._tell(0)
    if (!this.isFull) return
    this.isFull = this.isWatched = false
    clock.clearTimeout(this._timer)
    this._connection.setReading(true)
  }

  get _bytes () {
    const { young, _old: old } = this
    return young.bytes + old.bytes + (young.count + old.count) * SMALL_MESSAGE
  }

  _tell (bytes) {
    this._connection.keep(bytes - this._kept)
    this._kept = bytes
    this.isWatched = this.isFull || bytes > 0
  }

  /** Looks again when the old ones do not count any more. */
  _wait () {
    this._timer = clock.setTimeout(() => {
      this.look()
      if (this.isFull) this._wait()
    }, this._since + this._age - clock.monotonic())
    this._timer.unref()
  }
}

module.exports = Unanswered
