'use strict'

const { GRAPE_RETURN, LAST_KNOWN_AGE, LOOKUP_CACHE } = require('../options/defaults')
const { theirs } = require('../util/clock')
const Cache = require('./Cache')
const { isUnavailable } = require('./grapeResponses')

/** The latest addresses of each name, for as long as no grape can say more. */
class LastKnown {
  constructor () {
    this._lookups = new Cache({ max: LOOKUP_CACHE, maxAge: LAST_KNOWN_AGE })
    /** When no grape replied. */
    this._aloneAt = -Infinity
  }

  /**
   * Takes the result of a lookup; returns the addresses to be used instead, if there are any.
   * @param {string[]} dests empty if it failed, or nobody serves the name
   * @param {boolean} isStopped the link stopped meanwhile
   */
  answer (hash, err, dests, isStopped) {
    const isAlone = isUnavailable(err)
    if (isAlone) this._aloneAt = theirs.now()
    if (dests.length > 0) {
      this._lookups.set(hash, dests)
      return
    }
    // Services that were there before the grapes failed may still be, and have to announce again.
    const isBelieved = !isAlone && theirs.now() - this._aloneAt > GRAPE_RETURN
    if (!err && isBelieved) this._lookups.remove(hash)
    else if ((!err || isAlone) && !isStopped && this._lookups.peek(hash) !== undefined) return this._lookups.get(hash)
  }

  /** Removes a destination that cannot be reached. */
  forget (dest) {
    this._lookups.forget(dest)
  }
}

module.exports = LastKnown
