'use strict'

const { dateNow, setImmediate } = require('../util/clock')
const { HELD_AT_ONCE, LONGEST_TURN, SMALL_MESSAGE } = require('../options/defaults')

/** The messages of a connection whose other side does not read its replies: each is a call that delivers it. */
class DelayedMessages {
  constructor (connection) {
    this._connection = connection
    this._calls = []
  }

  get size () {
    return this._calls.length
  }

  /** Queues `call`, whose message costs so many bytes. */
  push (call, cost) {
    cost += SMALL_MESSAGE
    this._calls.push({ call, cost })
    this._connection.retain(cost)
  }

  drop () {
    for (const { cost } of this._calls.splice(0)) this._connection.retain(-cost)
  }

  /** Runs some of the calls a turn, for fairness; a call that throws does not lose the rest. */
  run () {
    const { _connection: connection, _calls: calls } = this
    const end = dateNow() + LONGEST_TURN
    let at = 0
    try {
      while (at < calls.length && at < HELD_AT_ONCE && !connection.isBehind && dateNow() < end) {
        const { call, cost } = calls[at++]
        connection.retain(-cost)
        call()
      }
    } finally {
      calls.splice(0, at)
      if (calls.length > 0 && !connection.isBehind) {
        // New messages queue behind the rest until then.
        connection.delayMessages()
        setImmediate(() => connection.onRoom())
      }
    }
  }
}

module.exports = DelayedMessages
