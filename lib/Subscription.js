'use strict'

const { clearTimeout, setTimeout } = require('./clock')
const { RECONNECT } = require('./defaults')
const { kByHand, kForget, kGiveUp, kIsAutomatic, kIsOneOfMany, kOnLost } = require('./internal')
const { debug } = require('./observe')
const { copyOf } = require('./options')
const pause = require('./pause')

/**
 * What `sub` of a peer began: one transport, which is connected again by itself as long as the peer
 * says so. It stays the same one, so that who has it may look at it, and connect it by hand.
 */
class Subscription {
  #isAutomatic = false
  #failures = 0
  #key
  #opts
  #peer
  /** What is to be done next, as a timer or a lookup. */
  #next = null

  /**
   * @param {object} peer what the subscriber does: `lookup(cb)` of one address, `claim(dest)` it for a
   *   connection, `reconnects(transport)`, and its `link`
   */
  constructor (transport, key, opts, peer) {
    this.transport = transport
    this.#key = key
    this.#opts = opts
    this.#peer = peer
    transport[kOnLost] = (unreachable, isSettled) => this.#lost(unreachable, isSettled)
    transport[kByHand] = () => {
      this.#isAutomatic = false
      this.cancel()
    }
    transport.sub(key, opts)
  }

  /** Ends what is about to be done. */
  cancel () {
    if (this.#next !== null) clearTimeout(this.#next.timer)
    this.#next = null
  }

  /** The publisher at `dest`, where it was last, was reached by another subscription. */
  hurry (dest) {
    if (this.#next === null || this.#next.timer === undefined || this.transport.conf.dest !== dest) return
    this.cancel()
    this.#failures = 0
    this.#later()
  }

  /** Somebody subscribes by hand: what was connected again by itself, or is about to be, is too much. */
  giveUp () {
    if (!this.#isAutomatic) return false
    this.cancel()
    this.transport[kGiveUp]()
    return true
  }

  stop () {
    this.cancel()
    this.transport.stop()
  }

  /** Returns what to do when everybody was told; nothing, if it is not to be connected again. */
  #lost (unreachable, isSettled) {
    this.cancel()
    if (!this.#peer.reconnects(this.transport)) return undefined
    this.#isAutomatic = true
    // A server may take anybody in, say something, and end it at once.
    if (isSettled) this.#failures = 0
    const { link } = this.#peer
    if (unreachable && link && typeof link[kForget] === 'function') link[kForget](this.transport.conf.dest)
    const next = this.#next = { timer: undefined }
    return () => this.#next === next && this.#later()
  }

  /** Tries again after a while, the longer the more often it failed. */
  #later () {
    const wait = pause.waitAfter(++this.#failures, RECONNECT)
    debug('subscription to %s: again in %d ms', this.#key, Math.round(wait))
    const next = this.#next = { timer: undefined }
    next.timer = setTimeout(() => {
      next.timer = undefined
      this.#peer.lookup((err, dest, isOneOfMany) => {
        // Somebody was faster, or has ended it.
        if (this.#next !== next) return
        if (err || !this.#peer.claim(dest)) this.#later()
        else this.#connect(dest, isOneOfMany)
      })
    }, wait)
  }

  #connect (dest, isOneOfMany) {
    const { transport } = this
    this.#next = null
    if (transport.conf.dest !== dest) transport.conf = { ...copyOf(transport.conf), dest }
    transport[kIsAutomatic] = true
    transport[kIsOneOfMany] = isOneOfMany
    try {
      transport.sub(this.#key, this.#opts)
    } finally {
      transport[kIsAutomatic] = false
    }
  }
}

module.exports = Subscription
