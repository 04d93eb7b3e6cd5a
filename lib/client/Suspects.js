'use strict'

const { clearTimeout, monotonic, setImmediate, setTimeout } = require('../util/clock')
const { SUSPICION } = require('../options/defaults')
const { core } = require('../native/core')
const { OPCODE } = require('../native/layout')
const { debug } = require('../observe/channels')

/**
 * Destinations that were silent while requests expired. They get a ping, and are given up without a sign of life:
 * their hosts may have lost power, which no packet reports.
 */
class Suspects {
  constructor () {
    this._suspects = new Map()
  }

  /**
   * Sends `dest` a ping over its `connections`.
   * @param {function(boolean)} tell gets whether there was a sign of life
   */
  add (dest, connections, tell) {
    if (this._suspects.has(dest)) return
    debug('%s: silent, asked for a sign of life', dest)
    const suspect = { dest, connections, tell, since: 0, wait: SUSPICION.first, timer: null }
    this._suspects.set(dest, suspect)
    this._ask(suspect)
  }

  /** The destination is alive, or was given up already. */
  remove (dest) {
    if (this._suspects.size === 0) return
    const suspect = this._suspects.get(dest)
    if (suspect === undefined) return
    clearTimeout(suspect.timer)
    this._suspects.delete(dest)
  }

  /** Returns the suspected destinations. */
  removeAll () {
    const dests = [...this._suspects.keys()]
    for (const dest of dests) this.remove(dest)
    return dests
  }

  _ask (suspect) {
    suspect.since = monotonic()
    suspect.wait = SUSPICION.first
    for (const connection of suspect.connections) {
      if (connection.open) connection.send(OPCODE.PING, '')
    }
    this._lookAfter(suspect)
  }

  _lookAfter (suspect) {
    const due = monotonic() + suspect.wait
    // Messages that arrived while this process was busy are read before the check.
    suspect.timer = setTimeout(() => setImmediate(() => {
      if (this._suspects.get(suspect.dest) === suspect) this._look(suspect, monotonic() - due)
    }), suspect.wait).unref()
  }

  _look (suspect, late) {
    const { dest, connections, tell, since } = suspect
    const age = monotonic() - since
    if (connections.some(connection => connection.open && !connection.isClosed && core.silence(connection.conn) < age)) {
      this.remove(dest)
      return tell(true)
    }
    // While this process was busy it neither sent nor read anything.
    if (late > SUSPICION.late) return this._ask(suspect)
    if (age >= SUSPICION.grace) {
      this.remove(dest)
      return tell(false)
    }
    suspect.wait = Math.min(2 * suspect.wait, SUSPICION.grace - age + 1)
    this._lookAfter(suspect)
  }
}

/** Whether none of these connections received anything for `ms`. */
function isSilent (connections, ms) {
  return connections.every(connection => !connection.open || core.silence(connection.conn) >= ms)
}

module.exports = { Suspects, isSilent }
