'use strict'

const { callEach } = require('./cbq')
const { drainOf } = require('./option-table')
const { MAX_LOST, MAX_TRANSPORTS, POOL_MONITOR, SHED_AT_ONCE, TRANSPORT_RUN } = require('./defaults')
const { kAll, kAsks, kChoose, kChooseOpen, kEmpty, kLose, kMayMove, kMost, kMoves, kPoolLost, kPoolTimer, kRuns, kShed, kSize, kTakeAll, kWaiting } = require('./internal')

/** What a run says for `enough` that is of those that are connected. */
const OPEN = 0

/** More than any number of requests that wait. */
const MANY = 2 ** 32

/** The transports of a client, by destination. */
class Pool {
  init () {
    this._pool = new Map()
    this[kEmpty]()
    this._monitorItv = setInterval(() => this.monitor(), POOL_MONITOR)
    // A test may replace it while this runs.
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

  /**
   * A transport has no connection any more, and nothing to do: it may be used again, but is kept
   * only while there are few such ones.
   */
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
   * An active transport with as few requests as any, once there are `enough`. It stays the choice for a run of requests,
   * which share a write and a read: half of those that are under way, so that while one half is
   * answered the other one is asked, and a burst is spread; or, when none is, a few that are made one
   * after the other.
   */
  [kChoose] (dest, enough) {
    const run = this[kAsks]() ? undefined : this[kRuns].get(dest)
    if (run !== undefined && run.enough === enough && goesOn(run)) {
      run.left--
      return run.transport
    }
    const active = this.getActive(dest)
    // A subclass may have taken it out of its `conf`.
    if (active.length === 0 || !(active.length >= enough)) return undefined
    const transport = pick(active, run === undefined ? undefined : run.transport)
    this[kRuns].set(dest, { transport, enough, ...lengthOf(active) })
    return transport
  }

  /** Somebody's own method says for each request which transports it may go by. */
  [kAsks] () {
    return this.getActive !== getActive || this.list !== list || this.hasActive !== hasActive
  }

  /** The same of those that are connected. `begun` is told how many there are, when a run begins. */
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
    if (this[kPoolTimer]) this[kPoolTimer].call(undefined, this._monitorItv)
    if (drainOf(opts) > 0) return Promise.all(this[kTakeAll]().map(transport => transport.stop(opts)))
    this._stop()
    if (this._pool) this[kEmpty]()
  }

  _stop () {
    callEach(this[kTakeAll](), transport => transport.stop())
  }

  /** Who is called when one of them stops finds none. */
  [kTakeAll] () {
    if (!this._pool) return []
    const transports = this[kAll]()
    this[kEmpty]()
    return transports
  }

  [kEmpty] () {
    this._pool.clear()
    /** By destination: the transport that was chosen, and how often it may still be. */
    this[kRuns] = new Map()
    /** Those that have lost their connections, with their destinations, longest ago first. */
    this[kPoolLost] = new Map()
    this[kSize] = 0
    /** So many there may be before some are stopped. */
    this[kMost] = MAX_TRANSPORTS
  }

  /** Stops those that are idle for longest, but for the latest; some at a time, since all are looked at. */
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
    // The others have something to do.
    this[kMost] = over.length === SHED_AT_ONCE ? MAX_TRANSPORTS : Math.max(MAX_TRANSPORTS, this[kSize] + SHED_AT_ONCE)
    callEach(over, ({ transport }) => transport.stop())
  }
}

/**
 * One of those with the fewest requests under way; the `last` one only if all others move something
 * large, and one that does only if all do.
 */
function pick (transports, last) {
  let chosen
  let least = Infinity
  let equal = 0
  for (const transport of transports) {
    const isLarge = transport[kMayMove] === true && transport[kMoves]()
    const rank = (transport[kWaiting] || 0) + (isLarge ? 2 * MANY : 0) + (transport === last ? MANY : 0)
    if (rank > least) continue
    equal = rank < least ? 1 : equal + 1
    least = rank
    if (equal === 1 || Math.random() * equal < 1) chosen = transport
  }
  return chosen
}

/** A run of `left` more requests, as long as its transport is at rest before each if it `isRested`. */
function lengthOf (transports) {
  let waiting = 0
  for (const transport of transports) waiting += transport[kWaiting] || 0
  if (waiting === 0) return { left: TRANSPORT_RUN.rested - 1, isRested: true }
  return { left: Math.min((waiting + 1) >> 1, TRANSPORT_RUN.to) - 1, isRested: false }
}

/** One of another kind does not say. */
function isOpen (transport) {
  return typeof transport.isConnected !== 'function' || transport.isConnected()
}

function goesOn ({ transport, left, isRested }) {
  return left > 0 && transport[kMayMove] !== true && !(isRested && transport[kWaiting] > 0) && transport.isActive()
}

const { getActive, hasActive, list } = Pool.prototype

module.exports = Pool
