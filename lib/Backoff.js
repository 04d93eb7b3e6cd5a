'use strict'

const { monotonic } = require('./clock')
const { MAX_BACKOFFS } = require('./defaults')
const { debug } = require('./observe')

/** Whom not to ask for a while, because it failed: the longer the more often it did. */
class Backoff {
  /** @param {{min: number, max: number}} wait ms after the first failure, and at most */
  constructor ({ min, max }) {
    this.min = min
    this.max = max
    this._failed = new Map()
  }

  fail (name) {
    const { failures } = this._failed.get(name) || { failures: 0 }
    const wait = Math.min(this.max, this.min * 2 ** failures)
    // Grapes may name others without end. Which failed longest ago is the first of the map.
    this._failed.delete(name)
    this._failed.set(name, { failures: failures + 1, until: monotonic() + wait })
    if (this._failed.size > MAX_BACKOFFS) this._failed.delete(this._failed.keys().next().value)
    debug('%s: failed, left out for %d ms', name, wait)
  }

  /** It may be asked; should it fail again soon, it did so once more. */
  reach (name) {
    const failed = this._failed.get(name)
    if (failed !== undefined) failed.until = 0
  }

  /** It does what it should: its failures are forgotten. */
  succeed (name) {
    if (this._failed.size > 0) this._failed.delete(name)
  }

  /** Those of `names` that may be asked; all of them when none may. */
  usable (names) {
    if (this._failed.size === 0) return names
    const now = monotonic()
    const usable = names.filter(name => !this._waits(name, now))
    return usable.length > 0 ? usable : names
  }

  /** Those that are not to be asked for now. */
  waiting () {
    const now = monotonic()
    return [...this._failed.keys()].filter(name => this._waits(name, now))
  }

  /** `names`, with those that wait behind the others. */
  sorted (names) {
    const now = monotonic()
    return [false, true].flatMap(waits => names.filter(name => this._waits(name, now) === waits))
  }

  _waits (name, now) {
    const failed = this._failed.get(name)
    return failed !== undefined && failed.until > now
  }
}

module.exports = Backoff
