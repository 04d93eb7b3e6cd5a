'use strict'

const { clearTimeout, monotonic, setImmediate, setTimeout } = require('./clock')
const { SUSPICION } = require('./defaults')
const { OPCODE, silence } = require('./dispatch')
const { debug } = require('./observe')

/**
 * Destinations that said nothing while requests expired. They are asked for a sign of life, and given
 * up when they give none: their hosts may have lost their power, of which nobody tells.
 */
class Suspects {
  constructor () {
    this._suspects = new Map()
  }

  /**
   * Asks `dest` for a sign of life by its `connections`.
   * @param {function(boolean)} tell whether it gave one
   */
  add (dest, connections, tell) {
    if (this._suspects.has(dest)) return
    debug('%s: silent, asked for a sign of life', dest)
    const suspect = { dest, connections, tell, since: 0, wait: SUSPICION.first, timer: null }
    this._suspects.set(dest, suspect)
    this._ask(suspect)
  }

  /** It lives, or is given up already. */
  remove (dest) {
    if (this._suspects.size === 0) return
    const suspect = this._suspects.get(dest)
    if (suspect === undefined) return
    clearTimeout(suspect.timer)
    this._suspects.delete(dest)
  }

  /** Returns those that were suspected. */
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
    // What has come while this process was busy is read before the look.
    suspect.timer = setTimeout(() => setImmediate(() => {
      if (this._suspects.get(suspect.dest) === suspect) this._look(suspect, monotonic() - due)
    }), suspect.wait).unref()
  }

  _look (suspect, late) {
    const { dest, connections, tell, since } = suspect
    const age = monotonic() - since
    if (connections.some(connection => connection.open && !connection.over && silence(connection.conn) < age)) {
      this.remove(dest)
      return tell(true)
    }
    // A process that was busy has asked nobody, nor heard.
    if (late > SUSPICION.late) return this._ask(suspect)
    if (age >= SUSPICION.grace) {
      this.remove(dest)
      return tell(false)
    }
    suspect.wait = Math.min(2 * suspect.wait, SUSPICION.grace - age + 1)
    this._lookAfter(suspect)
  }
}

/** Whether nothing came by any of these connections for `ms`. */
function isSilent (connections, ms) {
  return connections.every(connection => !connection.open || silence(connection.conn) >= ms)
}

module.exports = { Suspects, isSilent }
