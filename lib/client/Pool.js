'use strict'

const { callEach } = require('../util/CallbackQueue')
const { drainOf } = require('../options/optionTable')
const { MAX_LOST, MAX_TRANSPORTS, POOL_MONITOR, SHED_AT_ONCE, TRANSPORT_RUN } = require('../options/defaults')
const { kAll, kAsks, kChoose, kChooseOpen, kEmpty, kLose, kMayMoveLarge, kMost, kMovesLarge, kPoolLost, kPoolTimer, kRuns, kShed, kSize, kTakeAll, kWaiting } = require('../util/symbols')

/** The `enough` of a run among connected transports. */
const OPEN = 0

/** Exceeds any number of pending requests. */
const MANY = 2 ** 32

/** The transports of a client, by destination. */
class Pool {
  init () {
    this._pool = new Map()
    this[kEmpty]()
    this._monitorItv = setInterval(() => this.monitor(), POOL_MONITOR)
    // A test may replace `clearInterval` while this runs.
    this[kPoolTimer] = clearInterval
  }

  add (dest, transport) {
    this[kPoolLost].delete(transport)
    let transports = this._pool.get(dest)
    if (transports === undefined) this._pool.set(dest, transports = new Map())
    const { size } = transports
    transports.set(transport.id, transport)
    if (transports.size > size && ++this[kSize] > this[kMost]) this[kShed](transport)
  }

  del (dest, transport) {
    const transports = this._pool.get(dest)
    if (transports === undefined) return
    this[kPoolLost].delete(transport)
    if (transports.delete(transport.id)) this[kSize]--
    if (transports.size > 0) return
    this._pool.delete(dest)
    this[kRuns].delete(dest)
  }

  /** A transport lost its connection and is idle: it may be used again, but only a few of these are kept. */
  [kLose] (dest, transport) {
    this[kPoolLost].set(transport, dest)
    if (this[kPoolLost].size <= MAX_LOST) return
    const [oldest, its] = this[kPoolLost].entries().next().value
    this[kPoolLost].delete(oldest)
    this.del(its, oldest)
  }

  list (dest) {
    const transports = this._pool.get(dest)
    return transports === undefined ? [] : [...transports.values()]
  }

  /** The transports to all destinations. */
  all () {
    return this[kAll]()
  }

  [kAll] () {
    return [...this._pool.values()].flatMap(transports => [...transports.values()])
  }

  hasActive (dest) {
    if (this.list !== list) return this.list(dest).some(transport => transport.isActive())
    return getActive.call(this, dest).length > 0
  }

  getActive (dest) {
    if (this.list !== list) return this.list(dest).filter(transport => transport.isActive())
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
   * Chooses an active transport with the fewest requests, once there are `enough`. It stays chosen for a run of
   * requests, which share a write and a read. If requests are pending, the run is half of them: while one half gets
   * its replies the other half is sent, and a burst is spread. If none is pending, the run is a few requests made one
   * after the other.
   */
  [kChoose] (dest, enough) {
    const run = this[kAsks]() ? undefined : this[kRuns].get(dest)
    if (run !== undefined && run.enough === enough && goesOn(run)) {
      run.left--
      return run.transport
    }
    const active = this.getActive(dest)
    // A subclass may have removed the option from its `conf`.
    if (active.length === 0 || !(active.length >= enough)) return undefined
    const transport = pick(active, run === undefined ? undefined : run.transport)
    this[kRuns].set(dest, { transport, enough, ...lengthOf(active) })
    return transport
  }

  /** A user's override decides for each request which transports it may use. */
  [kAsks] () {
    return this.getActive !== getActive || this.list !== list || this.hasActive !== hasActive
  }

  /** As `kChoose`, among the connected transports. `begun` is called with their number when a run begins. */
  [kChooseOpen] (dest, begun) {
    const run = this[kAsks]() ? undefined : this[kRuns].get(dest)
    if (run !== undefined && run.enough === OPEN && goesOn(run) && isOpen(run.transport)) {
      run.left--
      return run.transport
    }
    const open = this.getActive(dest).filter(isOpen)
    if (open.length === 0) return undefined
    const transport = pick(open, undefined)
    this[kRuns].set(dest, { transport, enough: OPEN, ...lengthOf(open) })
    begun(open.length)
    return transport
  }

  /** Monitors each transport, and forgets the stopped ones. */
  monitor () {
    for (const [dest, transports] of this._pool) {
      for (const transport of transports.values()) {
        transport.monitor()
        if (!transport.isActive()) this.del(dest, transport)
      }
    }
  }

  /** `opts.drain`: see Transport.js; returns a Promise that resolves when all have stopped. */
  stop (opts) {
    if (this[kPoolTimer]) this[kPoolTimer].call(undefined, this._monitorItv)
    if (drainOf(opts) > 0) return Promise.all(this[kTakeAll]().map(transport => transport.stop(opts)))
    this._stop()
    if (this._pool) this[kEmpty]()
  }

  _stop () {
    callEach(this[kTakeAll](), transport => transport.stop())
  }

  /** Empties the pool first: a callback that runs when a transport stops finds none. */
  [kTakeAll] () {
    if (!this._pool) return []
    const transports = this[kAll]()
    this[kEmpty]()
    return transports
  }

  [kEmpty] () {
    this._pool.clear()
    /** By destination: the chosen transport, and how many more requests it gets. */
    this[kRuns] = new Map()
    /** Transports without a connection, with their destinations, in the order of losing it. */
    this[kPoolLost] = new Map()
    this[kSize] = 0
    /** Above this number some transports are stopped. */
    this[kMost] = MAX_TRANSPORTS
  }

  /** Stops the longest idle transports except the latest one; several at once, since all have to be examined. */
  [kShed] (latest) {
    const idle = []
    for (const [dest, transports] of this._pool) {
      for (const transport of transports.values()) {
        if (transport[kWaiting] === 0 && transport !== latest) idle.push({ dest, transport })
      }
    }
    idle.sort((one, other) => one.transport._req_last_ts - other.transport._req_last_ts)
    const over = idle.slice(0, SHED_AT_ONCE)
    for (const { dest, transport } of over) this.del(dest, transport)
    // All others are busy.
    this[kMost] = over.length === SHED_AT_ONCE ? MAX_TRANSPORTS : Math.max(MAX_TRANSPORTS, this[kSize] + SHED_AT_ONCE)
    callEach(over, ({ transport }) => transport.stop())
  }
}

/**
 * One of those with the fewest pending requests. The `last` one only if all others move something large, and one that
 * moves something large only if all do.
 */
function pick (transports, last) {
  let chosen
  let least = Infinity
  let equal = 0
  for (const transport of transports) {
    const isLarge = transport[kMayMoveLarge] === true && transport[kMovesLarge]()
    const rank = (transport[kWaiting] || 0) + (isLarge ? 2 * MANY : 0) + (transport === last ? MANY : 0)
    if (rank > least) continue
    equal = rank < least ? 1 : equal + 1
    least = rank
    if (equal === 1 || Math.random() * equal < 1) chosen = transport
  }
  return chosen
}

/** A run of `left` more requests; if it `isRested`, it ends when a request finds its transport busy. */
function lengthOf (transports) {
  let waiting = 0
  for (const transport of transports) waiting += transport[kWaiting] || 0
  if (waiting === 0) return { left: TRANSPORT_RUN.rested - 1, isRested: true }
  return { left: Math.min((waiting + 1) >> 1, TRANSPORT_RUN.to) - 1, isRested: false }
}

/** A foreign transport may have no `isConnected`. */
function isOpen (transport) {
  return typeof transport.isConnected !== 'function' || transport.isConnected()
}

function goesOn ({ transport, left, isRested }) {
  return left > 0 && transport[kMayMoveLarge] !== true && !(isRested && transport[kWaiting] > 0) && transport.isActive()
}

const { getActive, hasActive, list } = Pool.prototype

module.exports = Pool
