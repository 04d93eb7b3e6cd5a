'use strict'

const Messages = require('./messages')
const Peer = require('./Peer')
const TransportSub = require('./TransportSub')
const { CONNECTION, MAX_BUFFERED, RECONNECT_MAX, RECONNECT_MIN, SUB_LOOKUP_TIMEOUT } = require('./defaults')
const { settled } = require('./drain')
const { kForget } = require('./internal')
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
  getTransportClass () {
    return TransportSub
  }

  /** See docs/OBSERVABILITY.md. */
  stats () {
    return this._meter.ofSubscriber()
  }

  /**
   * Subscribes to one server of the service `key`.
   * @param {object} [opts] `reconnect`
   */
  sub (key, opts) {
    this._cancel(key)
    this._lookup(key, (err, dest) => {
      if (this.isStopped) return
      if (err) return this._failed(key, err)
      this._subscribe(dest, key, opts, 0)
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
    }, () => this._loops.delete(messages))
    this._loops.add(messages)
    if (this.isStopped) messages.end()
    return messages
  }

  /** A subscription that will not be: said to whoever listens for that, else to the loops. */
  _failed (key, err) {
    if (this.listenerCount('error') > 0) return this.emit('error', err)
    if (this._loops.size === 0) {
      // As with the original, what a grape says ends no process.
      process.emitWarning(`there is no subscription to ${inLine(key)}, and nobody listens for error: ${inLine(err.message)}`, {
        type: 'GrenacheWarning', code: 'ERR_NO_SUBSCRIPTION'
      })
    }
    for (const messages of [...this._loops]) messages.fail(err)
  }

  get _loops () {
    if (!this._iterators) this._iterators = new Set()
    return this._iterators
  }

  _lookup (key, cb) {
    this.link.lookup(key, { timeout: SUB_LOOKUP_TIMEOUT }, (err, dests) => {
      if (err) cb(err)
      else cb(null, this.dest(dests, key))
    })
  }

  _subscribe (dest, key, opts, failures) {
    const transport = this.transport(dest)
    transport._onLost = (unreachable, isSettled) => {
      if (!this._reconnects(transport, opts)) return
      transport.stop()
      // A server may take anybody in, say something, and end it at once.
      if (isSettled) failures = 0
      if (unreachable && typeof this.link[kForget] === 'function') this.link[kForget](dest)
      this._later(key, opts, failures + 1)
    }
    transport.sub(key, opts)
  }

  _reconnects (transport, opts) {
    const { reconnect } = { ...this.conf, ...opts }
    if (!this.isStopped && reconnect !== undefined) return !!reconnect
    return !this.isStopped && this.listenerCount('disconnected') === 0 && !transport.isWatched()
  }

  /** Tries again after a while, the longer the more often it failed. */
  _later (key, opts, failures) {
    this._cancel(key)
    const wait = Math.min(RECONNECT_MAX, RECONNECT_MIN * 2 ** (failures - 1)) * (0.5 + Math.random())
    debug('subscription to %s: again in %d ms', key, Math.round(wait))
    this._pending.set(key, setTimeout(() => {
      this._pending.delete(key)
      this._lookup(key, (err, dest) => {
        if (this.isStopped || this._pending.has(key)) return
        if (err) this._later(key, opts, failures + 1)
        else this._subscribe(dest, key, opts, failures)
      })
    }, wait))
  }

  _cancel (key) {
    clearTimeout(this._pending.get(key))
    this._pending.delete(key)
  }

  get _pending () {
    if (!this._timers) this._timers = new Map()
    return this._timers
  }

  /** What came before is for the loops. */
  async _drain (opts) {
    await super._drain(opts)
    await settled(() => [...this._loops].every(({ isEmpty }) => isEmpty), opts.drain)
  }

  _stop () {
    for (const messages of [...this._loops]) messages.end()
    for (const key of [...this._pending.keys()]) this._cancel(key)
    super._stop()
  }
}

module.exports = PeerSub
