'use strict'

const { callEach } = require('./cbq')
const { drains } = require('./options')
const { POOL_MONITOR, TRANSPORT_RUN } = require('./defaults')

/** The transports of a client, by destination. */
class Pool {
  init () {
    this._pool = new Map()
    /** By destination: the transport that was chosen, and how often it may still be. */
    this._runs = new Map()
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
    if (transports.size > 0) return
    this._pool.delete(dest)
    this._runs.delete(dest)
  }

  list (dest) {
    const transports = this._pool.get(dest)
    return transports === undefined ? [] : [...transports.values()]
  }

  /** The transports to all destinations. */
  all () {
    return [...this._pool.values()].flatMap(transports => [...transports.values()])
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

  /**
   * A random active transport, once there are `enough`. It stays the choice for a run of requests,
   * which share a write and a read: half of those that are under way, so that while one half is
   * answered the other one is asked; or, when none is, all that are made before it is at rest again.
   */
  choose (dest, enough) {
    const run = this._runs.get(dest)
    if (run !== undefined && run.enough === enough && goesOn(run)) {
      run.left--
      return run.transport
    }
    const active = this.getActive(dest)
    if (active.length < enough) return undefined
    const others = run === undefined ? active : active.filter(transport => transport !== run.transport)
    const from = others.length > 0 ? others : active
    const transport = from[Math.floor(Math.random() * from.length)]
    this._runs.set(dest, { transport, enough, ...lengthOf(active) })
    return transport
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

  /** `opts.drain`: see Transport.js; then it resolves when all have stopped. */
  stop (opts) {
    clearInterval(this._monitorItv)
    const transports = this.all()
    this._pool = new Map()
    this._runs = new Map()
    if (drains(opts)) return Promise.all(transports.map(transport => transport.stop(opts)))
    callEach(transports, transport => transport.stop())
  }
}

/** A run of `left` more requests, of which the last `loose` are not made by a transport at rest. */
function lengthOf (transports) {
  let waiting = 0
  for (const transport of transports) waiting += transport._waiting || 0
  const { from, rested, to } = TRANSPORT_RUN
  if (waiting === 0) return { left: rested - 1, loose: rested - from }
  return { left: Math.min(Math.max(from, (waiting + 1) >> 1), to) - 1, loose: 0 }
}

function goesOn ({ transport, left, loose }) {
  return left > 0 && (left > loose || transport._waiting > 0) && transport.isActive()
}

module.exports = Pool
