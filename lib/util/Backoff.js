'use strict'

const { monotonic } = require('./clock')
const { MAX_BACKOFFS } = require('../options/defaults')
const { debug } = require('../observe/channels')

/** The state of a failed or suspected destination. */
class Failed {
  /** Failures since its last success. */
  failures = 0
  /** When it failed last. */
  at = 0
  /** It is skipped until then. */
  until = 0
  /** It was reached since it failed. */
  isReached = false
  /** It is silent, and got a ping. */
  isSuspect = false
  /** It reported that it is overloaded. */
  isBusy = false
  /** Others were chosen because this one was skipped. */
  hasOthers = false
}

/** Exponential backoff: a destination that failed is skipped; the wait doubles with each failure. */
class Backoff {
  /** @param {{min: number, max: number}} wait ms after the first failure, and the maximum */
  constructor ({ min, max }) {
    this.min = min
    this.max = max
    this._failed = new Map()
  }

  /**
   * `isBusy`: the destination itself reported it, and may be reachable. `since`: when the failed attempt began; of
   * attempts that were in flight together, only the first failure counts.
   */
  fail (name, isBusy = false, since = Infinity) {
    const failed = this._failed.get(name) || new Failed()
    if (since < failed.at) return
    const wait = Math.min(this.max, this.min * 2 ** failed.failures)
    failed.failures++
    failed.at = monotonic()
    failed.until = failed.at + wait
    failed.isReached = failed.isSuspect = failed.hasOthers = false
    failed.isBusy = isBusy
    this._keep(name, failed)
    debug('%s: failed, left out for %d ms', name, wait)
  }

  /** It may be chosen again; another failure soon continues the count. */
  reach (name) {
    const failed = this._failed.get(name)
    if (failed === undefined) return
    failed.until = 0
    failed.isReached = true
    this.clear(name)
  }

  /** It works: its failures are forgotten. */
  succeed (name) {
    if (this._failed.size > 0) this._failed.delete(name)
  }

  /** Skips it until it gives a sign of life, or fails. Returns false if it is skipped already. */
  suspect (name) {
    const failed = this._failed.get(name) || new Failed()
    if (failed.isSuspect || this._waits(name, monotonic())) return false
    failed.isSuspect = true
    failed.hasOthers = false
    this._keep(name, failed)
    return true
  }

  /** Ends the suspicion. */
  clear (name) {
    const failed = this._failed.get(name)
    if (failed === undefined) return
    failed.isSuspect = false
    if (failed.failures === 0) this._failed.delete(name)
  }

  /** Whether others were chosen while it was skipped. */
  hasOthers (name) {
    const failed = this._failed.get(name)
    return failed !== undefined && failed.hasOthers
  }

  /** Whether it failed and has not succeeded since. */
  has (name) {
    return this._failed.size > 0 && this._failed.has(name)
  }

  /** The rest of its wait in ms. */
  left (name) {
    const failed = this._failed.get(name)
    return failed === undefined ? 0 : Math.max(0, failed.until - monotonic())
  }

  /** Whether it reported its last failure itself. */
  isBusy (name) {
    const failed = this._failed.get(name)
    return failed !== undefined && failed.isBusy
  }

  /** One request tries it: the others skip it for `ms`, or until that one fails or succeeds. */
  tries (name, ms) {
    const failed = this._failed.get(name)
    if (failed === undefined) return
    failed.until = monotonic() + ms
    failed.isBusy = false
  }

  /** Whether nothing has failed. */
  get isEmpty () {
    return this._failed.size === 0
  }

  /**
   * The `names` that have not failed, or were reached since; without any, those whose wait is over; else the one with
   * the shortest wait.
   */
  best (names) {
    if (this.isEmpty || names.length === 0) return names
    const now = monotonic()
    const due = names.filter(name => !this._waits(name, now))
    if (due.length > 0) {
      const proven = due.filter(name => !this._isUnproven(name))
      return proven.length > 0 ? proven : due
    }
    return [names.reduce((first, name) => this.left(name) < this.left(first) ? name : first)]
  }

  /**
   * As `best`, but a name whose wait is over is only passed to `probe`, and skipped until it is reached, so that no
   * request is lost to find out.
   */
  proven (names, probe) {
    if (this.isEmpty) return names
    const now = monotonic()
    const others = this._others(names, name => !this._waits(name, now) && !this._isUnproven(name))
    if (others.length === names.length) return names
    for (const name of names) {
      if (this._isUnproven(name) && !this._waits(name, now)) probe(name)
    }
    return others
  }

  /** The names that are skipped now. */
  waiting () {
    const now = monotonic()
    return [...this._failed.keys()].filter(name => this._waits(name, now))
  }

  /** `names`, with the skipped ones last. */
  sorted (names) {
    const now = monotonic()
    return [false, true].flatMap(waits => names.filter(name => this._waits(name, now) === waits))
  }

  _others (names, isGood) {
    const others = names.filter(isGood)
    if (others.length === 0) return names
    if (others.length < names.length) {
      for (const name of names) {
        const failed = this._failed.get(name)
        if (failed !== undefined) failed.hasOthers = true
      }
    }
    return others
  }

  /** Grapes may return new names without end. The map's first one failed the longest time ago. */
  _keep (name, failed) {
    this._failed.delete(name)
    this._failed.set(name, failed)
    if (this._failed.size > MAX_BACKOFFS) this._failed.delete(this._failed.keys().next().value)
  }

  _waits (name, now) {
    const failed = this._failed.get(name)
    return failed !== undefined && (failed.isSuspect || failed.until > now)
  }

  _isUnproven (name) {
    const failed = this._failed.get(name)
    return failed !== undefined && failed.failures > 0 && !failed.isReached
  }
}

module.exports = Backoff
