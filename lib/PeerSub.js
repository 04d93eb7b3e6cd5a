'use strict'

const Peer = require('./Peer')
const TransportSub = require('./TransportSub')
const { RECONNECT_MAX, RECONNECT_MIN, SUB_LOOKUP_TIMEOUT } = require('./defaults')

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

  /**
   * Subscribes to one server of the service `key`.
   * @param {object} [opts] `reconnect`
   */
  sub (key, opts) {
    this._cancel(key)
    this._lookup(key, (err, dest) => {
      if (this.isStopped) return
      if (err) return this.emit('error', err)
      this._subscribe(dest, key, opts, 0)
    })
  }

  _lookup (key, cb) {
    this.link.lookup(key, { timeout: SUB_LOOKUP_TIMEOUT }, (err, dests) => {
      if (err) cb(err)
      else cb(null, this.dest(dests, key))
    })
  }

  _subscribe (dest, key, opts, failures) {
    const transport = this.transport(dest)
    transport.once('connected', () => { failures = 0 })
    transport._onLost = unreachable => {
      if (!this._reconnects(transport, opts)) return
      transport.stop()
      if (unreachable && typeof this.link.forget === 'function') this.link.forget(dest)
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

  _stop () {
    for (const key of [...this._pending.keys()]) this._cancel(key)
    super._stop()
  }
}

module.exports = PeerSub
