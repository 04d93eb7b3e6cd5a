'use strict'

const { TEXT } = require('../errors/errors')
const { late } = require('../errors/failure')
const {
  kAsked, kAt, kBytes, kError, kFinish, kKept, kLimit, kListener, kOnEnd, kOver, kShift, kSub, kTake
} = require('../util/symbols')

const DONE = { value: undefined, done: true }

/** The messages of a subscriber as an async iterator: unread ones are kept, up to a limit. */
class Messages {
  /**
   * @param {PeerSub} sub
   * @param {{messages: number, bytes: number}} limit for unread messages; more end it with an error
   * @param {function(Messages)} onEnd called once it needs no more messages
   */
  constructor (sub, limit, onEnd) {
    this[kSub] = sub
    this[kLimit] = limit
    this[kOnEnd] = onEnd
    /** Unread messages. */
    this[kKept] = []
    this[kAt] = 0
    this[kBytes] = 0
    /** Pending calls of `next`. */
    this[kAsked] = []
    this[kOver] = false
    this[kError] = null
    this[kListener] = message => this[kTake](message)
    sub.on('message', this[kListener])
  }

  [Symbol.asyncIterator] () {
    return this
  }

  /** Whether all messages were read. */
  get isEmpty () {
    return this[kAt] === this[kKept].length
  }

  next () {
    if (!this.isEmpty) return Promise.resolve({ value: this[kShift](), done: false })
    if (this[kError] !== null) {
      const error = this[kError]
      this[kError] = null
      return Promise.reject(error)
    }
    if (this[kOver]) return Promise.resolve(DONE)
    return new Promise((resolve, reject) => this[kAsked].push({ resolve, reject }))
  }

  return (value) {
    this.end()
    return Promise.resolve({ value, done: true })
  }

  throw (err) {
    this.end()
    return Promise.reject(err)
  }

  /** Ends it and drops the unread messages. */
  end () {
    this[kKept] = []
    this[kAt] = this[kBytes] = 0
    this[kError] = null
    this[kFinish](null)
  }

  /** Ends it with an error, after the unread messages. */
  fail (err) {
    this[kFinish](err)
  }

  [kTake] (message) {
    // Another listener of the same message ended it.
    if (this[kOver]) return
    if (this[kAsked].length > 0) return this[kAsked].shift().resolve({ value: message, done: false })
    this[kKept].push(message)
    this[kBytes] += message.length
    const { messages, bytes } = this[kLimit]
    if (this[kKept].length - this[kAt] <= messages && this[kBytes] <= bytes) return
    // From here on messages would be lost, and the reader must know.
    this[kBytes] -= this[kKept].pop().length
    this.fail(late(TEXT.MESSAGES_LIMIT))
  }

  [kShift] () {
    const message = this[kKept][this[kAt]]
    this[kKept][this[kAt]++] = undefined
    this[kBytes] -= message.length
    // Shifting a long array each time would be slow.
    if (this[kAt] === this[kKept].length || this[kAt] === this[kLimit].messages) {
      this[kKept] = this[kKept].slice(this[kAt])
      this[kAt] = 0
    }
    return message
  }

  [kFinish] (err) {
    if (this[kOver]) return
    this[kOver] = true
    this[kSub].off('message', this[kListener])
    const asked = this[kAsked]
    this[kAsked] = []
    for (const { resolve, reject } of asked) {
      if (err === null) resolve(DONE)
      else reject(err)
      err = null
    }
    this[kError] = err
    this[kOnEnd](this)
  }
}

module.exports = Messages
