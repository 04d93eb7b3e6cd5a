'use strict'

const { callEach } = require('./cbq')
const { POOL_MONITOR } = require('./defaults')

/** The transports of a client, by destination. */
class Pool {
  init () {
    this._pool = new Map()
    this._monitorItv = setInterval(() => this.monitor(), POOL_MONITOR)
  }

  add (dest, transport) {
    let transports = this._pool.get(dest)
    if (transports === undefined) this._pool.set(dest, transports = new Map())
    transports.set(transport.id, transport)
  }

  del (dest, transport) {
    const transports = this._pool.get(dest)
    if (transports === undefined) return
    transports.delete(transport.id)
    if (transports.size === 0) this._pool.delete(dest)
  }

  list (dest) {
    const transports = this._pool.get(dest)
    return transports === undefined ? [] : [...transports.values()]
  }

  hasActive (dest) {
    return this.getActive(dest).length > 0
  }

  getActive (dest) {
    const active = []
    const transports = this._pool.get(dest)
    if (transports !== undefined) {
      for (const transport of transports.values()) {
        if (transport.isActive()) active.push(transport)
      }
    }
    return active
  }

  /** Lets each transport look after itself, and forgets those that stopped. */
  monitor () {
    for (const [dest, transports] of this._pool) {
      for (const transport of transports.values()) {
        transport.monitor()
        if (!transport.isActive()) this.del(dest, transport)
      }
    }
  }

  stop () {
    clearInterval(this._monitorItv)
    const pool = this._pool
    this._pool = new Map()
    const transports = [...pool.values()].flatMap(transports => [...transports.values()])
    callEach(transports, transport => transport.stop())
  }
}

module.exports = Pool
