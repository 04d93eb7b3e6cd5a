'use strict'

/** As good as no limit. */
const ANY = 0x7fffffff

/**
 * Counts the requests of a connection that are not answered, and stops reading it while they are
 * too many.
 *
 * A service may never answer, so what is older than `age` does not count any more. Requests have
 * no age of their own: each is counted in the generation that it came in, of which there are two.
 */
class Unanswered {
  /**
   * @param {Connection} connection
   * @param {number} limit 0 is any number
   * @param {number} age in ms
   */
  constructor (connection, limit, age) {
    this._connection = connection
    this._limit = limit || ANY
    this._age = age
    /** Where requests are counted that come now. */
    this.young = { count: 0 }
    this._old = { count: 0 }
    /** When the old ones became old. */
    this._since = 0
    /** With so many young ones `look` has to be called. */
    this.room = this._half = Math.max(1, this._limit >> 1)
    this.isFull = false
    this._timer = null
  }

  /** To be called with each request while there are `room` young ones, and with each answer while it is full. */
  look () {
    const now = performance.now()
    if (this._old.count <= 0 || now - this._since >= this._age) {
      this._old = this.young
      this.young = { count: 0 }
      this._since = now
    }
    this.room = Math.max(1, Math.min(this._half, this._limit - this._old.count))
    const isFull = this._old.count + this.young.count >= this._limit
    if (isFull === this.isFull) return
    this.isFull = isFull
    if (isFull) this._wait()
    else clearTimeout(this._timer)
    this._connection.setReading(!isFull)
  }

  /** Nobody tells of answers any more. */
  end () {
    this.room = this._half = this._limit = ANY
    if (!this.isFull) return
    this.isFull = false
    clearTimeout(this._timer)
    this._connection.setReading(true)
  }

  /** Looks again when the old ones do not count any more. */
  _wait () {
    this._timer = setTimeout(() => {
      this.look()
      if (this.isFull) this._wait()
    }, this._since + this._age - performance.now())
    this._timer.unref()
  }
}

module.exports = Unanswered
