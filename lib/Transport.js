'use strict'

const EventEmitter = require('events')
const { randomUUID } = require('crypto')
const { disposable } = require('./dispose')
const { kDrain, kMeter, kOpenConnections } = require('./internal')
const { drains } = require('./options')
const { Meter } = require('./stats')

/** What all transports share: an owner, a configuration, an id, and whether they are active. */
class Transport extends EventEmitter {
  constructor (client, conf = {}) {
    super()
    this.client = client
    this.conf = conf
    this.id = randomUUID()
    const parent = client ? client[kMeter] : undefined
    this[kMeter] = new Meter(parent instanceof Meter ? parent : undefined)
  }

  init () {
    this.active()
  }

  isActive () {
    return !!this._active
  }

  active () {
    this._active = true
  }

  monitor () {}

  /** Ends the transport at once, or with `opts.drain` as a peer: see Peer.js. */
  stop (opts) {
    this._active = false
    if (drains(opts)) return this[kDrain](opts)
    this._stop()
  }

  async [kDrain] () {
    this._stop()
  }

  _stop () {}

  [kOpenConnections] () {
    return []
  }
}

disposable(Transport)

module.exports = Transport
