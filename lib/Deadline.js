'use strict'

const { clearTimeout, isFaked, lasting, setImmediate, setTimeout, theirs } = require('./clock')

/**
 * Calls `act` after `ms`, as Node's `setTimeout`, but not up to a millisecond earlier, and when all was read that had come by then: after
 * long work timers go off before the sockets are read, where the answer may be that was waited for.
 */
class Deadline {
  /** @param {boolean} [isTheirs] by the timers of the moment: see clock.js */
  constructor (act, ms, isTheirs = false) {
    this._isOver = false
    const come = () => {
      // Immediates follow the wait for I/O. A clock that a test moves waits for nothing.
      if (isTheirs && isFaked()) act()
      else setImmediate(() => this._isOver || act())
    }
    this._timer = isTheirs ? theirs.setTimeout(come, isFaked() ? ms : lasting(ms)) : setTimeout(come, lasting(ms))
    this._isTheirs = isTheirs
  }

  /** It does not keep the process alive. */
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
