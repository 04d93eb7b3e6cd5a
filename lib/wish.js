'use strict'

const { clearTimeout, setTimeout } = require('./clock')
const { SUB_WISH } = require('./defaults')
const { debug } = require('./observe')
const pause = require('./pause')

/** A subscription that has no publisher yet: it looks one up repeatedly until it is ended. */
class Wish {
  #failures = 0
  #isOver = false
  #timer = null

  /** @param {function(Wish)} look looks the key up, and may call `failed` then */
  constructor (key, look) {
    this.key = key
    /** The reason of the last failed lookup. */
    this.reason = null
    this._look = look
  }

  get isOver () {
    return this.#isOver
  }

  /** Whether no publisher was found so far. */
  get isWaiting () {
    return !this.#isOver && this.#failures > 0
  }

  /** How many lookups have failed. */
  get failures () {
    return this.#failures
  }

  look () {
    this.#timer = null
    this._look(this)
  }

  /** Looks up again with exponential backoff; returns the wait in ms. */
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
