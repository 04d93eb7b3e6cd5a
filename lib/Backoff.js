'use strict'

const { monotonic } = require('./clock')
const { MAX_BACKOFFS } = require('./defaults')
const { debug } = require('./observe')

/** What is known of one that failed, or is suspected to. */
class Failed {
  /** Failures since it did what it should. */
  failures = 0
  /** When it failed last. */
  at = 0
  /** It waits until then. */
  until = 0
  /** It was reached since it failed. */
  isReached = false
  /** It is silent, and was asked for a sign of life. */
  isSuspect = false
  /** It has said that it has enough to do. */
  isBusy = false
  /** Others were chosen because it is left out. */
  hasOthers = false
}

/** Whom not to ask for a while, because it failed: the longer the more often it did. */
class Backoff {
  /** @param {{min: number, max: number}} wait ms after the first failure, and at most */
  constructor ({ min, max }) {
    this.min = min
    this.max = max
    this._failed = new Map()
  }

  /**
   * `isBusy`: it said so itself, and may be there. `since`: when what failed was begun; of several things
   * that were under way together, the first failure is that of all.
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

  /** It may be asked; should it fail again soon, it did so once more. */
  reach (name) {
    const failed = this._failed.get(name)
    if (failed === undefined) return
    failed.until = 0
    failed.isReached = true
    this.clear(name)
  }

  /** It does what it should: its failures are forgotten. */
  succeed (name) {
    if (this._failed.size > 0) this._failed.delete(name)
  }

  /** It is left out until it gives a sign of life, or fails. False: it is already. */
  suspect (name) {
    const failed = this._failed.get(name) || new Failed()
    if (failed.isSuspect || this._waits(name, monotonic())) return false
    failed.isSuspect = true
    failed.hasOthers = false
    this._keep(name, failed)
    return true
  }

  /** It is suspected no more. */
  clear (name) {
    const failed = this._failed.get(name)
    if (failed === undefined) return
    failed.isSuspect = false
    if (failed.failures === 0) this._failed.delete(name)
  }

  /** Whether others were chosen since it was left out. */
  hasOthers (name) {
    const failed = this._failed.get(name)
    return failed !== undefined && failed.hasOthers
  }

  /** Whether it failed and did not do since what it should. */
  has (name) {
    return this._failed.size > 0 && this._failed.has(name)
  }

  /** For how many ms it waits. */
  left (name) {
    const failed = this._failed.get(name)
    return failed === undefined ? 0 : Math.max(0, failed.until - monotonic())
  }

  /** Whether its last failure was its own word. */
  isBusy (name) {
    const failed = this._failed.get(name)
    return failed !== undefined && failed.isBusy
  }

  /** It is tried: nobody else has to, for `ms` or until that failed or went well. */
  tries (name, ms) {
    const failed = this._failed.get(name)
    if (failed === undefined) return
    failed.until = monotonic() + ms
    failed.isBusy = false
  }

  /** Whether nobody has failed. */
  get isEmpty () {
    return this._failed.size === 0
  }

  /**
   * Those of `names` that have not failed, or were reached since; where there are none, those that
   * have waited long enough; else the one that waits least.
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
   * The same, but one that waited long enough is only told to `probe`, and left out until it is
   * reached: nobody's request has to find out.
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

  /** Grapes may name others without end. Which failed longest ago is the first of the map. */
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
