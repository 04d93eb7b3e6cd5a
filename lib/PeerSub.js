'use strict'

const Messages = require('./messages')
const Peer = require('./Peer')
const TransportSub = require('./TransportSub')
const { CONNECTION, MAX_BUFFERED, RECONNECT_MAX, RECONNECT_MIN, SUB_LOOKUP_TIMEOUT } = require('./defaults')
const { settled } = require('./drain')
const {
  kCancel, kDrain, kFailed, kForget, kIsStopped, kIsWatched, kLater, kLookup, kLoops, kMeter, kOnLost, kPending,
  kReconnects, kSubscribe
} = require('./internal')
const { debug } = require('./observe')
const { amount } = require('./options')
const { inLine } = require('./printable')

/**
 * Receives what a service publishes.
 *
 * Events: `connected`, `disconnected`, `message`, and `error` for a lookup or a connection that
 * failed. A lost connection is made again, unless somebody listens for `disconnected` here or on
 * the transport: who does resubscribes by hand. `conf.reconnect` or `opts.reconnect` says so
 * either way.
 */
class PeerSub extends Peer {
  constructor (link, conf) {
    super(link, conf)
    /** What goes through its messages by `for await`. */
    this[kLoops] = new Set()
    /** Timers of the subscriptions that are tried again, by key. */
    this[kPending] = new Map()
  }

  getTransportClass () {
    return TransportSub
  }

  /** See docs/OBSERVABILITY.md. */
  stats () {
    return this[kMeter].ofSubscriber()
  }

  /**
   * Subscribes to one server of the service `key`.
   * @param {object} [opts] `reconnect`
   */
  sub (key, opts) {
    this[kCancel](key)
    this[kLookup](key, (err, dest) => {
      if (this[kIsStopped]) return
      if (err) return this[kFailed](key, err)
      this[kSubscribe](dest, key, opts, 0)
    })
  }

  /**
   * `for await (const message of peer)`: each message from now on, until `stop`. What the loop is
   * too slow for waits, up to `conf.maxBuffered` messages and `conf.highWater` bytes; one more ends
   * the loop with ERR_MESSAGES_LIMIT, after those.
   */
  [Symbol.asyncIterator] () {
    const messages = new Messages(this, {
      messages: amount(this.conf.maxBuffered, MAX_BUFFERED),
      bytes: amount(this.conf.highWater, CONNECTION.highWater)
    }, () => this[kLoops].delete(messages))
    this[kLoops].add(messages)
    if (this[kIsStopped]) messages.end()
    return messages
  }

  /** A subscription that will not be: said to whoever listens for that, else to the loops. */
  [kFailed] (key, err) {
    if (this.listenerCount('error') > 0) return this.emit('error', err)
    if (this[kLoops].size === 0) {
      // As with the original, what a grape says ends no process.
      process.emitWarning(`there is no subscription to ${inLine(key)}, and nobody listens for error: ${inLine(err.message)}`, {
        type: 'GrenacheWarning', code: 'ERR_NO_SUBSCRIPTION'
      })
    }
    for (const messages of [...this[kLoops]]) messages.fail(err)
  }

  [kLookup] (key, cb) {
    this.link.lookup(key, { timeout: SUB_LOOKUP_TIMEOUT }, (err, dests) => {
      if (err) cb(err)
      else cb(null, this.dest(dests, key))
    })
  }

  [kSubscribe] (dest, key, opts, failures) {
    const transport = this.transport(dest)
    transport[kOnLost] = (unreachable, isSettled) => {
      if (!this[kReconnects](transport, opts)) return
      transport.stop()
      // A server may take anybody in, say something, and end it at once.
      if (isSettled) failures = 0
      if (unreachable && typeof this.link[kForget] === 'function') this.link[kForget](dest)
      this[kLater](key, opts, failures + 1)
    }
    transport.sub(key, opts)
  }

  [kReconnects] (transport, opts) {
    const { reconnect } = { ...this.conf, ...opts }
    if (!this[kIsStopped] && reconnect !== undefined) return !!reconnect
    return !this[kIsStopped] && this.listenerCount('disconnected') === 0 && !transport[kIsWatched]()
  }

  /** Tries again after a while, the longer the more often it failed. */
  [kLater] (key, opts, failures) {
    this[kCancel](key)
    const wait = Math.min(RECONNECT_MAX, RECONNECT_MIN * 2 ** (failures - 1)) * (0.5 + Math.random())
    debug('subscription to %s: again in %d ms', key, Math.round(wait))
    this[kPending].set(key, setTimeout(() => {
      this[kPending].delete(key)
      this[kLookup](key, (err, dest) => {
        if (this[kIsStopped] || this[kPending].has(key)) return
        if (err) this[kLater](key, opts, failures + 1)
        else this[kSubscribe](dest, key, opts, failures)
      })
    }, wait))
  }

  [kCancel] (key) {
    clearTimeout(this[kPending].get(key))
    this[kPending].delete(key)
  }

  /** What came before is for the loops. */
  async [kDrain] (opts) {
    await super[kDrain](opts)
    await settled(() => [...this[kLoops]].every(({ isEmpty }) => isEmpty), opts.drain)
  }

  _stop () {
    for (const messages of [...this[kLoops]]) messages.end()
    for (const key of [...this[kPending].keys()]) this[kCancel](key)
    super._stop()
  }
}

module.exports = PeerSub
