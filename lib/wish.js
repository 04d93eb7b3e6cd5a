'use strict'

const { clearTimeout, setTimeout } = require('./clock')
const { SUB_WISH } = require('./defaults')
const { debug } = require('./observe')
const pause = require('./pause')

/** A subscription that has no publisher so far: it is looked for again and again, until somebody ends that. */
class Wish {
  #failures = 0
  #isOver = false
  #timer = null

  /**
   * @param {function(Wish)} look looks the key up; it calls `found` or `failed` then
   */
  constructor (key, look) {
    this.key = key
    /** What the last look failed for. */
    this.reason = null
    this._look = look
  }

  get isOver () {
    return this.#isOver
  }

  /** Whether nobody was found so far: it waits, or has looked again. */
  get isWaiting () {
    return !this.#isOver && this.#failures > 0
  }

  /** How often it has looked in vain. */
  get failures () {
    return this.#failures
  }

  look () {
    this.#timer = null
    this._look(this)
  }

  /** Looks again after a while, the longer the more often it failed; returns how long, in ms. */
  failed () {
    const wait = pause.waitAfter(++this.#failures, SUB_WISH)
    debug('subscription to %s: nobody there, again in %d ms', this.key, Math.round(wait))
    this.#timer = setTimeout(() => this.look(), wait)
    return wait
  }

  end () {
    this.#isOver = true
    clearTimeout(this.#timer)
  }
}

module.exports = { Wish }
