'use strict'

const { clearTimeout, setTimeout } = require('../util/clock')
const { isActive, isOurs, stop } = require('../base/foreignTransport')
const { RECONNECT } = require('../options/defaults')
const { kByHand, kCallIt, kForget, kEndSilently, kClosedConnection, kIsAutomatic, kIsBegun, kIsOneOfMany, kIsSilent, kOnLost, kOpenConnections } = require('../util/symbols')
const { debug } = require('../observe/channels')
const { copyOf } = require('../options/values')
const pause = require('../util/backoffDelay')

/** Subscriptions that reconnect by themselves, by link. */
const automatic = new WeakMap()

/**
 * What `sub` of a peer began: one transport, which reconnects by itself as long as the peer allows. It stays the same
 * object, so that code that holds it may read it and connect it by hand. Only where a hook of the peer makes
 * transports, and the publisher has moved, the hook makes another one.
 */
class Subscription {
  #isAutomatic = false
  /** The service knows of a failure: a connection was lost, or the first lookup failed. */
  #hasFailed = false
  #failures = 0
  #key
  #opts
  #peer
  /** The publisher's address as the lookup returned it. */
  #dest
  /** The next step: a timer or a lookup. */
  #next = null

  /**
   * @param {string} dest the publisher's address as the lookup returned it; the transport may have another one
   * @param {object} peer functions of the subscriber: `lookup(cb)` finds one address, `claim(dest)` reserves it for a
   *   connection, `reconnects(transport)`, whether it `insists` on that and `isStopped`, and its `link`;
   *   `transport(dest)` is null where all transports are alike
   * @param {boolean} hasFailed its first lookup failed, and the service was told so
   */
  constructor (transport, dest, key, opts, peer, hasFailed) {
    this.#key = key
    this.#opts = opts
    this.#peer = peer
    this.#use(transport, dest)
    if (isOurs(transport)) transport[kIsBegun] = true
    transport.sub(key, opts)
    if (isOurs(transport)) transport[kIsBegun] = false
    if (!hasFailed) return
    this.#hasFailed = true
    this.#setAutomatic(true)
  }

  /** Cancels the next step. */
  cancel () {
    this.#setAutomatic(false)
  }

  /** Another subscription reached the publisher at `dest`, where this one was last: connects now. */
  hurry (dest) {
    if (this.#next === null || this.#next.timer === undefined || this.#dest !== dest) return
    this.#drop()
    this.#failures = 0
    this.#later()
  }

  /** The user subscribes by hand: a subscription that reconnects by itself would be a duplicate. */
  giveUp () {
    if (!this.#isAutomatic) return false
    this.#setAutomatic(false)
    this.transport[kEndSilently]()
    return true
  }

  /** As `giveUp`, if it lost its connection to `dest`, the transport's own address. */
  giveUpAt (dest) {
    return this.#isLost && String(this.transport.conf.dest) === dest && this.giveUp()
  }

  stop () {
    this.cancel()
    // Unlike ending the transport, this also drops events that are on their way here.
    if (isOurs(this.transport)) for (const connection of this.transport[kOpenConnections]()) connection.silence()
    stop(this.transport)
  }

  /** A user who reconnects by hand subscribes to the key with another peer. */
  yieldTo (key) {
    if (key === this.#key && (this.#isLost || this.#isSilent) && !this.#peer.insists()) this.giveUp()
  }

  get #isLost () {
    return this.#isAutomatic && this.#hasFailed && !this.transport.isConnected()
  }

  /** It has reconnected, and the service has no message by which to know. */
  get #isSilent () {
    return this.#isAutomatic && this.#hasFailed && this.transport[kIsSilent] === true
  }

  #drop () {
    if (this.#next !== null) clearTimeout(this.#next.timer)
    this.#next = null
  }

  #use (transport, dest) {
    this.transport = transport
    this.#dest = dest
    // A transport of a foreign class is left alone.
    if (!isOurs(transport)) return
    transport[kCallIt](dest)
    transport[kOnLost] = (unreachable, isSettled) => this.#lost(unreachable, isSettled)
    transport[kByHand] = () => this.#setAutomatic(false)
  }

  /** From now on it reconnects by itself, or is reconnected by hand. */
  #setAutomatic (isAutomatic) {
    if (!isAutomatic) this.#drop()
    this.#isAutomatic = isAutomatic
    if (isOurs(this.transport)) this.transport[kIsSilent] = isAutomatic
    const { link } = this.#peer
    if (Object(link) !== link) return
    if (!automatic.has(link)) automatic.set(link, new Set())
    if (isAutomatic) automatic.get(link).add(this)
    else automatic.get(link).delete(this)
  }

  /** Returns the next step, to be taken after all listeners were called; undefined if it does not reconnect. */
  #lost (unreachable, isSettled) {
    this.#drop()
    if (!unreachable) this.#hasFailed = true
    if (!this.#peer.reconnects(this.transport)) {
      this.#setAutomatic(false)
      return undefined
    }
    this.#setAutomatic(true)
    // A faulty server may accept a connection, send something, and close it at once: only a lasting connection resets
    // the count.
    if (isSettled) this.#failures = 0
    const { link } = this.#peer
    if (unreachable && link && typeof link[kForget] === 'function') link[kForget](this.#dest)
    const next = this.#next = { timer: undefined }
    return () => this.#next === next && this.#later()
  }

  /** Retries with exponential backoff. */
  #later () {
    const wait = pause.waitAfter(++this.#failures, RECONNECT)
    debug('subscription to %s: again in %d ms', this.#key, Math.round(wait))
    const next = this.#next = { timer: undefined }
    next.timer = setTimeout(() => {
      next.timer = undefined
      if (this.#isEnded()) return
      this.#peer.lookup((err, dest, isOneOfMany) => {
        // Another call connected or ended it meanwhile.
        if (this.#next !== next || this.#isEnded()) return
        if (err || !this.#peer.claim(dest)) this.#later()
        else this.#connect(dest, isOneOfMany)
      })
    }, wait)
  }

  /** Whether the transport or the peer was stopped without a call of this class. */
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

  /** Sets the next connection's address, as the lookup returned it. */
  #goTo (dest) {
    const { transport } = this
    if (this.#peer.transport === null) {
      if (transport.conf.dest !== dest) transport.conf = { ...copyOf(transport.conf), dest }
      return this.#use(transport, dest)
    }
    // The address may be mapped to another one, so only this name is compared.
    if (dest === this.#dest) return
    const next = this.#peer.transport(dest)
    if (next !== transport) {
      transport[kOnLost] = transport[kByHand] = null
      const gone = transport[kClosedConnection]
      transport[kEndSilently]()
      // Code that holds either transport still finds the closed socket.
      transport[kClosedConnection] = gone
      if (isOurs(next)) next[kClosedConnection] = gone
    }
    this.#use(next, dest)
  }
}

/**
 * A user subscribes to `key` of `link` by hand: ends lost subscriptions of other peers to it, which would be
 * duplicates. `own` are the calling peer's.
 */
function yieldTo (link, key, own) {
  for (const subscription of [...automatic.get(link) || []]) {
    if (!own.has(subscription)) subscription.yieldTo(key)
  }
}

module.exports = Subscription
module.exports.yieldTo = yieldTo
