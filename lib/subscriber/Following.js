'use strict'

const { clearTimeout, setTimeout } = require('../util/clock')
const { FOLLOW, MAX_PUBLISHERS, MAX_TIMEOUT, RECONNECT, SUB_WISH } = require('../options/defaults')
const { TEXT } = require('../errors/errors')
const { late } = require('../errors/failure')
const { kCallIt, kIsBegun, kOnLost, kSource } = require('../util/symbols')
const { debug } = require('../observe/channels')
const { CALLS } = require('../options/optionTable')
const { isOurs, stop } = require('../base/foreignTransport')
const { othersOf } = require('../client/chooseTargets')
const pause = require('../util/backoffDelay')

/** One address from a lookup, or with a connection. */
class Publisher {
  constructor (dest) {
    this.dest = dest
    /** Whether the last lookup returned it. */
    this.isNamed = true
    this.failures = 0
    this.timer = null
    /** Null while it waits for its next attempt. */
    this.transport = null
  }

  get isConnected () {
    return this.transport !== null && typeof this.transport.isConnected === 'function' && this.transport.isConnected()
  }

  end () {
    clearTimeout(this.timer)
    this.timer = null
    const { transport } = this
    this.transport = null
    if (transport !== null) stop(transport)
  }
}

/**
 * Subscribes to all publishers of a key. The key is looked up periodically: new publishers are subscribed to; a lost
 * one is retried while lookups return it. A connected one is kept even when they do not: a grape may have restarted.
 */
class Following {
  #key
  #opts
  #peer
  #isOver = false
  #failures = 0
  #timer = null
  /** By address. */
  #publishers = new Map()

  /**
   * @param {object} peer functions of the subscriber: `lookup(cb)` finds all addresses, `transport(dest)`,
   *   `claim(dest)` reserves it for one more connection, `fail(err)` reports a failed lookup, and its `link`
   */
  constructor (key, opts, peer) {
    this.#key = key
    this.#peer = peer
    this.again(opts)
  }

  /** Looks up now, and continues with these options. */
  again (opts) {
    this.#opts = opts
    this.#look()
  }

  /** Another subscription reached the publisher at `dest`. */
  hurry (dest) {
    const publisher = this.#publishers.get(dest)
    if (publisher === undefined || publisher.timer === null) return
    clearTimeout(publisher.timer)
    publisher.failures = 0
    this.#later(publisher)
  }

  end () {
    this.#isOver = true
    clearTimeout(this.#timer)
    const publishers = [...this.#publishers.values()]
    this.#publishers.clear()
    for (const publisher of publishers) publisher.end()
  }

  #look () {
    clearTimeout(this.#timer)
    this.#peer.lookup((err, dests) => {
      if (this.#isOver) return
      if (!err && !Array.isArray(dests)) err = late(TEXT.LOOKUP_INVALID)
      const isNone = !!err && err.message === TEXT.LOOKUP_EMPTY
      const isFailed = !!err && !isNone
      // There is no publisher yet: the wait for the first one is short.
      const isAlone = isNone && ![...this.#publishers.values()].some(({ isConnected }) => isConnected)
      this.#failures = isFailed || isAlone ? this.#failures + 1 : 0
      this.#lookAfter(isFailed ? RECONNECT : isAlone ? SUB_WISH : null)
      if (isFailed) return this.#peer.fail(err)
      this.#update(isNone ? [] : othersOf(dests, this.#opts, this.#peer.link))
    })
  }

  #lookAfter (again) {
    const refresh = CALLS.sub.refresh.of(this.#opts.refresh)
    // Not all subscribers at once.
    const usual = refresh > 0 ? Math.max(refresh, FOLLOW.min) * (0.75 + Math.random() / 2) : Infinity
    const wait = again !== null ? Math.min(usual, pause.waitAfter(this.#failures, again)) : usual
    clearTimeout(this.#timer)
    if (wait < Infinity) this.#timer = setTimeout(() => this.#look(), Math.min(MAX_TIMEOUT, wait))
  }

  #update (dests) {
    const named = new Set(dests)
    for (const publisher of [...this.#publishers.values()]) {
      publisher.isNamed = named.has(publisher.dest)
      if (!publisher.isNamed && !publisher.isConnected) this.#drop(publisher)
    }
    for (const dest of named) {
      if (this.#isOver) return
      if (!this.#publishers.has(dest) && this.#makeRoom()) this.#begin(dest)
    }
  }

  /** Strangers may announce any number: above the limit, publishers that lookups no longer return are dropped. */
  #makeRoom () {
    if (this.#publishers.size < MAX_PUBLISHERS) return true
    for (const publisher of this.#publishers.values()) {
      if (publisher.isNamed) continue
      this.#drop(publisher)
      return true
    }
    return false
  }

  #begin (dest) {
    const publisher = new Publisher(dest)
    this.#publishers.set(dest, publisher)
    this.#subscribe(publisher)
  }

  #drop (publisher) {
    this.#publishers.delete(publisher.dest)
    publisher.end()
  }

  #subscribe (publisher) {
    const transport = this.#peer.transport(publisher.dest)
    publisher.transport = transport
    if (isOurs(transport)) {
      transport[kSource] = publisher.dest
      transport[kCallIt](publisher.dest)
      transport[kOnLost] = (unreachable, isSettled) => () => this.#lost(publisher, transport, isSettled)
      transport[kIsBegun] = true
    }
    transport.sub(this.#key, this.#opts)
  }

  #lost (publisher, transport, isSettled) {
    if (publisher.transport !== transport) return
    publisher.end()
    if (!publisher.isNamed) return this.#drop(publisher)
    if (isSettled) publisher.failures = 0
    this.#later(publisher)
  }

  #later (publisher) {
    const wait = pause.waitAfter(++publisher.failures, RECONNECT)
    debug('subscription to %s at %s: again in %d ms', this.#key, publisher.dest, Math.round(wait))
    publisher.timer = setTimeout(() => {
      publisher.timer = null
      if (this.#peer.claim(publisher.dest)) this.#subscribe(publisher)
      else this.#later(publisher)
    }, wait)
  }
}

module.exports = { Following }
