'use strict'

const clock = require('../util/clock')
const { BUDGET_REQUESTS, BUDGET_STEP, SMALL_MESSAGE } = require('../options/defaults')

/** The old generation of a connection that has none yet: nothing is ever counted in it. */
const NONE = Object.freeze({ count: 0, bytes: 0 })

/** Practically no limit. */
const ANY = 0x7fffffff

/**
 * Counts a connection's pending requests and their memory cost, and stops reading the connection above the limits.
 *
 * A service may never reply, so requests older than `age` no longer count. Requests have no age of their own: each is
 * counted in the generation in which it arrived, and there are two.
 */
class RequestLimit {
  /**
   * @param {Connection} connection
   * @param {number} limit requests; 0 is no limit
   * @param {number} byteLimit their cost; 0 is no limit
   * @param {number} age in ms
   */
  constructor (connection, limit, byteLimit, age) {
    this._connection = connection
    this._limit = limit || ANY
    this._byteLimit = byteLimit || Infinity
    this._age = age
    /** The generation of new requests; small ones have a fixed cost, and are not in `bytes`. */
    this.young = { count: 0, bytes: 0 }
    this._old = NONE
    /** When the old generation became old. */
    this._since = 0
    /** With this many young requests `update` has to be called. */
    this.room = Math.max(1, Math.min(this._limit >> 1, BUDGET_REQUESTS))
    this.isFull = false
    /** Whether `onReply` has to be called after each reply. */
    this.isWatched = false
    /** Nothing is counted any more. */
    this._isEnded = false
    /** The connection is closed. */
    this._isConnectionClosed = false
    /** The cost that the connection was given last. */
    this._reported = 0
    this._timer = null
  }

  /** Adds a request that costs more than a small one. */
  add (generation, cost) {
    generation.bytes += cost
    const bytes = this._bytes
    if (bytes - this._reported >= BUDGET_STEP) this._report(bytes)
    if (bytes >= this._byteLimit) this.update()
  }

  /** Subtracts it after its reply. */
  take (generation, cost) {
    generation.bytes -= cost
  }

  /** Call this with each request while there are `room` young ones. */
  update () {
    const now = clock.monotonic()
    if (this._old.count <= 0 || now - this._since >= this._age) {
      this._old = this.young
      this.young = { count: 0, bytes: 0 }
      this._since = now
    }
    const bytes = this._bytes
    if (Math.abs(bytes - this._reported) >= BUDGET_STEP) this._report(bytes)
    const { count } = this.young
    this.room = Math.max(1, Math.min(this._limit - this._old.count, count + BUDGET_REQUESTS))
    const isFull = this._old.count + count >= this._limit || bytes >= this._byteLimit
    if (isFull === this.isFull) return
    this.isFull = isFull
    this.isWatched = isFull || this._reported > 0
    if (isFull) this._updateLater()
    else clock.clearTimeout(this._timer)
    this._connection.setReading(!isFull)
  }

  /** Call this after each reply while it `isWatched`. */
  onReply () {
    if (this.isFull) return this.update()
    const bytes = this._bytes
    if (this._reported - bytes >= BUDGET_STEP || (this._isConnectionClosed && bytes <= 0)) this._report(bytes)
  }

  /** The connection is closed: its pending requests are only counted. */
  outlive () {
    if (this._isEnded) return
    this._limit = ANY
    this._byteLimit = Infinity
    this._isConnectionClosed = true
    this.isFull = false
    clock.clearTimeout(this._timer)
    this._report(Math.max(0, this._bytes))
  }

  /** Replies are no longer reported. */
  end () {
    this._isEnded = true
    this._limit = ANY
    this._byteLimit = this.room = Infinity
    this._report(0)
    if (!this.isFull) return
    this.isFull = this.isWatched = false
    clock.clearTimeout(this._timer)
    this._connection.setReading(true)
  }

  get _bytes () {
    const { young, _old: old } = this
    return young.bytes + old.bytes + (young.count + old.count) * SMALL_MESSAGE
  }

  _report (bytes) {
    this._connection.retain(bytes - this._reported)
    this._reported = bytes
    this.isWatched = this.isFull || bytes > 0
  }

  /** Looks again when the old generation no longer counts. */
  _updateLater () {
    this._timer = clock.setTimeout(() => {
      this.update()
      if (this.isFull) this._updateLater()
    }, this._since + this._age - clock.monotonic())
    this._timer.unref()
  }
}

module.exports = RequestLimit
