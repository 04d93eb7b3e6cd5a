'use strict'

const { budgetOf } = require('../native/memoryBudget')
const { monotonic, setTimeout } = require('../util/clock')
const sourceOf = require('../util/addressGroup')
const { ABANDONED, BUDGET_STEP } = require('../options/defaults')
const { OPTIONS } = require('../options/optionTable')

/**
 * Counts pending requests of a peer's closed connections, and stops reading the addresses that caused most of them.
 * Without that, a client that repeatedly sends requests and disconnects would fill the memory of a slow service.
 */
class AbandonedRequests {
  /**
   * @param {object} budget the peer's memory budget, in which they count too
   * @param {number} limit bytes of the budget; 0 is no limit
   */
  constructor (budget, limit) {
    this._budget = budget
    this._limit = limit || Infinity
    /** Open connections. */
    this._connections = new Set()
    /** Counted closed connections, oldest first. */
    this._entries = new Set()
    /** By address: `{ bytes, isStopped }`. */
    this._sources = new Map()
    this._bytes = 0
    /** The bytes of the addresses that are still read. */
    this._readBytes = 0
    /** So much is abandoned that no address is read. */
    this._isFull = false
    /** Whether any address is not read. */
    this._isStopping = false
    /** The last value that the native side was given. */
    this._reported = 0
    this._timer = null
  }

  /** A connection opened. */
  opened (connection) {
    this._connections.add(connection)
    if (this._isStopping) connection.hold(this._isStopped(connection))
  }

  /** A connection closed. */
  closed (connection) {
    this._connections.delete(connection)
  }

  /** Counts the pending requests of a closed connection, until they change, or for `age` ms. */
  add (connection, bytes, age) {
    const name = sourceOf(connection.host)
    let source = this._sources.get(name)
    if (source === undefined) this._sources.set(name, source = { name, bytes: 0, isStopped: false })
    const entry = { source, bytes: 0, end: monotonic() + age }
    this._entries.add(entry)
    this.change(entry, bytes)
    if (this._timer === null) this._expireLater(entry)
    return entry
  }

  /** Sets the remaining bytes of an entry; an expired entry is ignored. */
  change (entry, bytes) {
    if (!this._entries.has(entry)) return
    const { source } = entry
    const by = bytes - entry.bytes
    entry.bytes = bytes
    source.bytes += by
    this._bytes += by
    if (!source.isStopped) this._readBytes += by
    if (bytes <= 0) this._entries.delete(entry)
    if (source.bytes <= 0) this._sources.delete(source.name)
    if (Math.abs(this._bytes - this._reported) >= BUDGET_STEP || this._bytes <= 0) {
      this._reported = Math.max(0, this._bytes)
      this._budget.abandoned(this._reported)
    }
    if (by > 0) this._stop()
    else if (this._isStopping) this._resume(source)
  }

  /** Stops reading the addresses with the most bytes, until the others have few together. */
  _stop () {
    const share = this._limit * ABANDONED.share
    if (this._bytes <= share) return
    let isNew = false
    while (this._readBytes > share / 2) {
      let most = null
      for (const source of this._sources.values()) {
        if (!source.isStopped && (most === null || source.bytes > most.bytes)) most = source
      }
      most.isStopped = isNew = true
      this._readBytes -= most.bytes
    }
    if (this._bytes > this._limit && !this._isFull) this._isFull = isNew = true
    if (isNew) this._apply()
  }

  /** A request of `source` got its reply, or has expired. */
  _resume (source) {
    const isFull = this._isFull && this._bytes > this._limit * ABANDONED.relief
    const isOver = this._bytes <= this._limit * ABANDONED.share * ABANDONED.relief
    if (isOver) {
      for (const source of this._sources.values()) source.isStopped = false
      this._readBytes = this._bytes
    }
    const changes = isOver || isFull !== this._isFull || (source.isStopped && source.bytes <= 0)
    this._isFull = isFull
    if (changes) this._apply()
  }

  _apply () {
    this._isStopping = this._isFull
    for (const { isStopped } of this._sources.values()) this._isStopping = this._isStopping || isStopped
    for (const connection of this._connections) connection.hold(this._isStopping && this._isStopped(connection))
  }

  _isStopped (connection) {
    if (this._isFull) return true
    const source = this._sources.get(sourceOf(connection.host))
    return source !== undefined && source.isStopped
  }

  /** Expires old entries, of which `entry` is the first. */
  _expireLater (entry) {
    this._timer = setTimeout(() => {
      this._timer = null
      const now = monotonic()
      for (const entry of this._entries) {
        if (entry.end > now) return this._expireLater(entry)
        this.change(entry, 0)
      }
    }, Math.max(1, entry.end - monotonic()))
    this._timer.unref()
  }
}

/** By peer; a transport without a peer has its own. */
const all = new WeakMap()

/** The counts of a server transport's peer. */
function abandonedOf (transport) {
  const owner = transport.client || transport
  if (!all.has(owner)) {
    all.set(owner, new AbandonedRequests(budgetOf(transport), OPTIONS.Peer.memoryBudget.of(transport.conf.memoryBudget)))
  }
  return all.get(owner)
}

module.exports = { AbandonedRequests, abandonedOf }
