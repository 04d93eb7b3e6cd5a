'use strict'

const EventEmitter = require('events')
const { callEach } = require('../util/CallbackQueue')
const { isActive, isStoppable } = require('./foreignTransport')
const { disposable } = require('./dispose')
const { kDrain, kIsStopped, kKeep, kLatest, kMeter, kOpenConnections, kOptions, kServer, kTransports } = require('../util/symbols')
const { OPTIONS, drainOf } = require('../options/optionTable')
const { check, copyOf } = require('../options/values')
const own = require('./ownProperty')
const { TransportMeter } = require('../observe/TransportMeter')

/** The base of all peers: a configuration, a link, and transports made through overridable hooks. */
class Peer extends EventEmitter {
  /**
   * @param {object} link any object with `lookup(key, opts, cb)`
   * @param {object} [conf] passed on to the transports; throws ERR_OPTION for an invalid option
   */
  constructor (link, conf = {}) {
    super()
    check(this[kOptions], conf)
    this.conf = conf
    this.link = link
    this[kTransports] = new Set()
    this[kLatest] = undefined
    this[kMeter] = new TransportMeter()
  }

  init () {
    this._active = true
  }

  isActive () {
    return !!this._active
  }

  get isStopped () {
    return this[kIsStopped]
  }

  // Services may assign a property of their own.
  set isStopped (isStopped) {
    own(this, 'isStopped', isStopped)
  }

  get [kIsStopped] () {
    return this._active === false
  }

  /** Options for `transport`, from those of a request. */
  getTransportOpts (opts) {
    return {}
  }

  /** Makes a transport to `dest`, or a serving one when `dest` is `'server'`. */
  transport (dest, opts = {}) {
    const transport = this.newTransport({ ...copyOf(this.conf), dest })
    this[kKeep](transport)
    this[kLatest] = transport
    return transport
  }

  newTransport (conf) {
    const Transport = this.getTransportClass()
    const transport = new Transport(this, conf)
    transport.init()
    return transport
  }

  /** Chooses one of the destinations. */
  dest (dests, key, opts = {}) {
    return sample(dests)
  }

  /**
   * Stops the peer at once, or with `opts.drain` after its pending work, within that many ms: a client takes no new
   * requests, a server takes no new connections and is no longer announced, and they close their connections with
   * code 1001. With `opts.drain` it returns a Promise, which rejects at once when the value is invalid.
   */
  stop (opts) {
    const drain = drainOf(opts)
    if (drain instanceof Error) return Promise.reject(drain)
    this._active = false
    if (drain > 0) return this[kDrain]({ ...opts, drain }).then(() => this._stop())
    this._stop()
  }

  [kDrain] (opts) {
    return Promise.all([...this[kTransports]].map(transport => transport.stop(opts)))
  }

  _stop () {
    const transports = [...this[kTransports]]
    this[kTransports].clear()
    callEach(transports, transport => transport.stop())
  }

  /** Connections of its transports. */
  [kOpenConnections] (transports = [...this[kTransports]]) {
    // A foreign transport may have none.
    return transports.flatMap(transport => transport[kOpenConnections] ? transport[kOpenConnections]() : [])
  }

  /** The latest transport, made if there is none: for calls on the peer itself. */
  [kServer] () {
    return this[kLatest] && isActive(this[kLatest]) ? this[kLatest] : this.transport('server')
  }

  /** Keeps a transport, to stop it with the peer. */
  [kKeep] (transport) {
    if (!isStoppable(transport)) return
    for (const kept of this[kTransports]) {
      if (!kept.isActive()) this[kTransports].delete(kept)
    }
    this[kTransports].add(transport)
  }
}

/** A random element; undefined for no elements. */
function sample (items) {
  return items ? items[Math.floor(Math.random() * items.length)] : undefined
}

Peer.prototype[kOptions] = OPTIONS.Peer

disposable(Peer)

module.exports = Peer
