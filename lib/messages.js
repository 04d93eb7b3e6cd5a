'use strict'

const { TEXT } = require('./errors')

const DONE = { value: undefined, done: true }

/** The messages of a subscriber as an async iterator: those that wait are kept, up to a limit. */
class Messages {
  /**
   * @param {PeerSub} sub
   * @param {{messages: number, bytes: number}} limit what may wait; more ends it with an error
   * @param {function(Messages)} onEnd called once it needs nothing more
   */
  constructor (sub, limit, onEnd) {
    this._sub = sub
    this._limit = limit
    this._onEnd = onEnd
    /** Messages that nobody has asked for. */
    this._kept = []
    this._at = 0
    this._bytes = 0
    /** Those who asked, and wait for a message. */
    this._asked = []
    this._over = false
    this._error = null
    this._listener = message => this._take(message)
    sub.on('message', this._listener)
  }

  [Symbol.asyncIterator] () {
    return this
  }

  /** Whether all that came is taken. */
  get isEmpty () {
    return this._at === this._kept.length
  }

  next () {
    if (!this.isEmpty) return Promise.resolve({ value: this._shift(), done: false })
    if (this._error !== null) {
      const error = this._error
      this._error = null
      return Promise.reject(error)
    }
    if (this._over) return Promise.resolve(DONE)
    return new Promise((resolve, reject) => this._asked.push({ resolve, reject }))
  }

  return (value) {
    this.end()
    return Promise.resolve({ value, done: true })
  }

  throw (err) {
    this.end()
    return Promise.reject(err)
  }

  /** Ends it without what waits. */
  end () {
    this._kept = []
    this._at = this._bytes = 0
    this._error = null
    this._finish(null)
  }

  /** Ends it with an error, after what waits. */
  fail (err) {
    this._finish(err)
  }

  _take (message) {
    // Another listener of the same message ended it.
    if (this._over) return
    if (this._asked.length > 0) return this._asked.shift().resolve({ value: message, done: false })
    this._kept.push(message)
    this._bytes += message.length
    const { messages, bytes } = this._limit
    if (this._kept.length - this._at <= messages && this._bytes <= bytes) return
    // From here on it would lose messages, and who reads them must know.
    this._bytes -= this._kept.pop().length
    this.fail(new Error(TEXT.MESSAGES_LIMIT))
  }

  _shift () {
    const message = this._kept[this._at]
    this._kept[this._at++] = undefined
    this._bytes -= message.length
    // Taking from the front of a long array each time would be slow.
    if (this._at === this._kept.length || this._at === this._limit.messages) {
      this._kept = this._kept.slice(this._at)
      this._at = 0
    }
    return message
  }

  _finish (err) {
    if (this._over) return
    this._over = true
    this._sub.off('message', this._listener)
    const asked = this._asked
    this._asked = []
    for (const { resolve, reject } of asked) {
      if (err === null) resolve(DONE)
      else reject(err)
      err = null
    }
    this._error = err
    this._onEnd(this)
  }
}

module.exports = Messages
