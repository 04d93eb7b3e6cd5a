'use strict'

const { clearTimeout, setTimeout } = require('./clock')
const { isActive, isOurs, stop } = require('./custom')
const { RECONNECT } = require('./defaults')
const { kByHand, kCallIt, kForget, kGiveUp, kGone, kIsAutomatic, kIsBegun, kIsOneOfMany, kOnLost, kOpenConnections } = require('./internal')
const { debug } = require('./observe')
const { copyOf } = require('./options')
const pause = require('./pause')

/** Subscriptions that are connected again by themselves, by the links of their peers. */
const automatic = new WeakMap()

/**
 * What `sub` of a peer began: one transport, which is connected again by itself as long as the peer
 * says so. It stays the same one, so that who has it may look at it, and connect it by hand; only where a hook
 * of the peer makes transports, and the publisher has moved, that makes another one.
 */
class Subscription {
  #isAutomatic = false
  /** It had a connection once. */
  #hadOne = false
  #failures = 0
  #key
  #opts
  #peer
  /** Where it is, as a lookup calls it. */
  #dest
  /** What is to be done next, as a timer or a lookup. */
  #next = null

  /**
   * @param {string} dest where it is, as a lookup calls it: the transport may know it by another address
   * @param {object} peer what the subscriber does: `lookup(cb)` of one address, `claim(dest)` it for a
   *   connection, `reconnects(transport)`, whether it `insists` on that and `isStopped`, and its `link`;
   *   `transport(dest)` is null where all transports are alike
   */
  constructor (transport, dest, key, opts, peer) {
    this.#key = key
    this.#opts = opts
    this.#peer = peer
    this.#use(transport, dest)
    if (isOurs(transport)) transport[kIsBegun] = true
    transport.sub(key, opts)
    if (isOurs(transport)) transport[kIsBegun] = false
  }

  /** Ends what is about to be done. */
  cancel () {
    this.#setAutomatic(false)
  }

  /** The publisher at `dest`, where it was last, was reached by another subscription. */
  hurry (dest) {
    if (this.#next === null || this.#next.timer === undefined || this.#dest !== dest) return
    this.#drop()
    this.#failures = 0
    this.#later()
  }

  /** Somebody subscribes by hand: what was connected again by itself, or is about to be, is too much. */
  giveUp () {
    if (!this.#isAutomatic) return false
    this.#setAutomatic(false)
    this.transport[kGiveUp]()
    return true
  }

  /** The same, if it has lost its connection, and that was to `dest`: the transport's own address. */
  giveUpAt (dest) {
    return this.#isLost && String(this.transport.conf.dest) === dest && this.giveUp()
  }

  stop () {
    this.cancel()
    // Unlike who ends the transport, nobody hears what is on its way.
    if (isOurs(this.transport)) for (const connection of this.transport[kOpenConnections]()) connection.silence()
    stop(this.transport)
  }

  /** Somebody who looks after himself subscribes to the key by another peer. */
  yieldTo (key) {
    if (key === this.#key && this.#isLost && !this.#peer.insists()) this.giveUp()
  }

  get #isLost () {
    return this.#isAutomatic && this.#hadOne && !this.transport.isConnected()
  }

  #drop () {
    if (this.#next !== null) clearTimeout(this.#next.timer)
    this.#next = null
  }

  #use (transport, dest) {
    this.transport = transport
    this.#dest = dest
    // One of somebody's own class is left alone.
    if (!isOurs(transport)) return
    transport[kCallIt](dest)
    transport[kOnLost] = (unreachable, isSettled) => this.#lost(unreachable, isSettled)
    transport[kByHand] = () => this.#setAutomatic(false)
  }

  /** From now on it is connected by itself, or by hand. */
  #setAutomatic (isAutomatic) {
    if (!isAutomatic) this.#drop()
    this.#isAutomatic = isAutomatic
    const { link } = this.#peer
    if (Object(link) !== link) return
    if (!automatic.has(link)) automatic.set(link, new Set())
    if (isAutomatic) automatic.get(link).add(this)
    else automatic.get(link).delete(this)
  }

  /** Returns what to do when everybody was told; nothing, if it is not to be connected again. */
  #lost (unreachable, isSettled) {
    this.#drop()
    if (!unreachable) this.#hadOne = true
    if (!this.#peer.reconnects(this.transport)) {
      this.#setAutomatic(false)
      return undefined
    }
    this.#setAutomatic(true)
    // A server may take anybody in, say something, and end it at once.
    if (isSettled) this.#failures = 0
    const { link } = this.#peer
    if (unreachable && link && typeof link[kForget] === 'function') link[kForget](this.#dest)
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
      if (this.#isEnded()) return
      this.#peer.lookup((err, dest, isOneOfMany) => {
        // Somebody was faster, or has ended it.
        if (this.#next !== next || this.#isEnded()) return
        if (err || !this.#peer.claim(dest)) this.#later()
        else this.#connect(dest, isOneOfMany)
      })
    }, wait)
  }

  /** Whether somebody has ended it without a call. */
  #isEnded () {
    const isEnded = !isActive(this.transport) || this.#peer.isStopped()
    if (isEnded) this.#setAutomatic(false)
    return isEnded
  }

  #connect (dest, isOneOfMany) {
    this.#next = null
    this.#goTo(dest)
    const { transport } = this
    if (isOurs(transport)) {
      transport[kIsAutomatic] = true
      transport[kIsOneOfMany] = isOneOfMany
    }
    try {
      transport.sub(this.#key, this.#opts)
    } finally {
      if (isOurs(transport)) transport[kIsAutomatic] = false
    }
  }

  /** The next connection is to `dest`, as a lookup calls it. */
  #goTo (dest) {
    const { transport } = this
    if (this.#peer.transport === null) {
      if (transport.conf.dest !== dest) transport.conf = { ...copyOf(transport.conf), dest }
      return this.#use(transport, dest)
    }
    // What was made of it may have another address.
    if (dest === this.#dest) return
    const next = this.#peer.transport(dest)
    if (next !== transport) {
      transport[kOnLost] = transport[kByHand] = null
      const gone = transport[kGone]
      transport[kGiveUp]()
      // Who has either of them goes on with the closed socket.
      transport[kGone] = gone
      if (isOurs(next)) next[kGone] = gone
    }
    this.#use(next, dest)
  }
}

/** Somebody subscribes to `key` of `link` by hand: the lost ones of other peers, whose `own` are not, are too much. */
function yieldTo (link, key, own) {
  for (const subscription of [...automatic.get(link) || []]) {
    if (!own.has(subscription)) subscription.yieldTo(key)
  }
}

module.exports = Subscription
module.exports.yieldTo = yieldTo
