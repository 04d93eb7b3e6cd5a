'use strict'

const { clearTimeout, isFaked, lasting, setImmediate, setTimeout, theirs } = require('./clock')

/**
 * Calls `act` after `ms`, as Node's `setTimeout`, but not up to a millisecond earlier, and only once everything
 * received by then was read: after long work timers fire before the sockets are read, where the awaited reply may be.
 */
class Deadline {
  /** @param {boolean} [isTheirs] use the present timers: see clock.js */
  constructor (act, ms, isTheirs = false) {
    this._isOver = false
    const come = () => {
      // Immediates run after the poll for I/O. A fake clock waits for nothing.
      if (isTheirs && isFaked()) act()
      else setImmediate(() => this._isOver || act())
    }
    this._timer = isTheirs ? theirs.setTimeout(come, isFaked() ? ms : lasting(ms)) : setTimeout(come, lasting(ms))
    this._isTheirs = isTheirs
  }

  /** Lets the process exit before the deadline. */
  unref () {
    this._timer.unref()
    return this
  }

  clear () {
    this._isOver = true
    if (this._isTheirs) this._timer.clear()
    else clearTimeout(this._timer)
  }
}

module.exports = Deadline
