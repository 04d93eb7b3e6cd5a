'use strict'

const EventEmitter = require('events')
const { randomUUID } = require('crypto')
const { disposable } = require('./dispose')
const { kDrain, kMeter, kOpenConnections, kOptions } = require('../util/symbols')
const { OPTIONS, drainOf } = require('../options/optionTable')
const { check } = require('../options/values')
const { TransportMeter } = require('../observe/TransportMeter')

/** The base of all transports: an owner, a configuration, an id, and whether they are active. */
class Transport extends EventEmitter {
  constructor (client, conf = {}) {
    super()
    check(this[kOptions], conf)
    this.client = client
    this.conf = conf
    this.id = randomUUID()
    const parent = client ? client[kMeter] : undefined
    this[kMeter] = new TransportMeter(parent instanceof TransportMeter ? parent : undefined)
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

  /** Stops the transport at once, or with `opts.drain` as a peer: see Peer.js. */
  stop (opts) {
    const drain = drainOf(opts)
    if (drain instanceof Error) return Promise.reject(drain)
    this._active = false
    if (drain > 0) return this[kDrain]({ ...opts, drain })
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

Transport.prototype[kOptions] = OPTIONS.Peer

disposable(Transport)

module.exports = Transport
