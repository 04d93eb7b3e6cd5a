'use strict'

const { clearTimeout, setTimeout } = require('../util/clock')
const { SUB_WISH } = require('../options/defaults')
const { debug } = require('../observe/channels')
const pause = require('../util/backoffDelay')
const { inLine } = require('../errors/printable')
const warnOnce = require('../errors/warnOnce')

/** The waiting wishes whose service was told by an `error` listener, by the links of their peers. */
const told = new WeakMap()

/** A subscription that has no publisher yet: it looks one up repeatedly until it is ended. */
class PublisherSearch {
  #failures = 0
  #isOver = false
  #timer = null
  /** The set of `told` that it is in. */
  #told = null

  /** @param {function(PublisherSearch)} look looks the key up, and may call `failed` then */
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

  /** An `error` listener of the service knows that nobody was found, and may subscribe by another peer. */
  isToldTo (link) {
    if (Object(link) !== link) return
    if (!told.has(link)) told.set(link, new Set())
    this.#told = told.get(link).add(this)
  }

  get isTold () {
    return this.#told !== null
  }

  end () {
    this.#isOver = true
    clearTimeout(this.#timer)
    if (this.#told !== null) this.#told.delete(this)
    this.#told = null
  }
}

/**
 * Another peer of the link subscribes to `key`. With the original a subscription is over when its lookup
 * has failed, so a service that makes a new peer then would get each message twice: the wishes that have
 * told it so end.
 */
function replaceWishes (link, key, own) {
  for (const wish of [...told.get(link) || []]) {
    if (wish.key !== key || own.has(wish)) continue
    wish.end()
    warnOnce(link, 'ERR_SUBSCRIPTION_REPLACED', '', () =>
      `a subscription to ${inLine(String(key))} that was waiting for a publisher ended: another PeerSub of its link subscribes to the same name. ` +
      'With reconnect: true both go on'
    )
  }
}

module.exports = { PublisherSearch, replaceWishes }
