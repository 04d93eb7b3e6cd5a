'use strict'

const budgetOf = require('./budget')
const { monotonic, setTimeout } = require('./clock')
const sourceOf = require('./source')
const { ABANDONED, BUDGET_STEP } = require('./defaults')
const { OPTIONS } = require('./option-table')

/**
 * Counts what connections of a peer have asked that are gone by now, while the service has not
 * answered it, and stops reading those from whose addresses most of it came: without that, a client
 * that asks and goes, again and again, would fill a slow service's process.
 */
class Abandoned {
  /**
   * @param {object} budget the peer's, where it counts too
   * @param {number} limit bytes of that; 0 is any number
   */
  constructor (budget, limit) {
    this._budget = budget
    this._limit = limit || Infinity
    /** Connections that are there. */
    this._connections = new Set()
    /** What is counted, the oldest first. */
    this._entries = new Set()
    /** By address: `{ bytes, isStopped }`. */
    this._sources = new Map()
    this._bytes = 0
    /** The same of those addresses that are read. */
    this._heard = 0
    /** So much is abandoned that nobody is read. */
    this._isFull = false
    /** Whether anybody is not read. */
    this._isStopping = false
    /** What the native side knows. */
    this._told = 0
    this._timer = null
  }

  /** A connection has come. */
  enter (connection) {
    this._connections.add(connection)
    if (this._isStopping) connection.hold(this._isStopped(connection))
  }

  /** It is gone. */
  leave (connection) {
    this._connections.delete(connection)
  }

  /** Counts what such a connection has asked, until that changes, or for `age` ms. */
  add (connection, bytes, age) {
    const name = sourceOf(connection.host)
    let source = this._sources.get(name)
    if (source === undefined) this._sources.set(name, source = { name, bytes: 0, isStopped: false })
    const entry = { source, bytes: 0, end: monotonic() + age }
    this._entries.add(entry)
    this.change(entry, bytes)
    if (this._timer === null) this._wait(entry)
    return entry
  }

  /** So many bytes are left of it; nothing happens when it does not count any more. */
  change (entry, bytes) {
    if (!this._entries.has(entry)) return
    const { source } = entry
    const by = bytes - entry.bytes
    entry.bytes = bytes
    source.bytes += by
    this._bytes += by
    if (!source.isStopped) this._heard += by
    if (bytes <= 0) this._entries.delete(entry)
    if (source.bytes <= 0) this._sources.delete(source.name)
    if (Math.abs(this._bytes - this._told) >= BUDGET_STEP || this._bytes <= 0) {
      this._told = Math.max(0, this._bytes)
      this._budget.abandoned(this._told)
    }
    if (by > 0) this._stop()
    else if (this._isStopping) this._goOn(source)
  }

  /** The addresses stop that have the most, until those that are left have little together. */
  _stop () {
    const share = this._limit * ABANDONED.share
    if (this._bytes <= share) return
    let isNew = false
    while (this._heard > share / 2) {
      let most = null
      for (const source of this._sources.values()) {
        if (!source.isStopped && (most === null || source.bytes > most.bytes)) most = source
      }
      most.isStopped = isNew = true
      this._heard -= most.bytes
    }
    if (this._bytes > this._limit && !this._isFull) this._isFull = isNew = true
    if (isNew) this._apply()
  }

  /** Something of `source` is answered, or does not count any more. */
  _goOn (source) {
    const isFull = this._isFull && this._bytes > this._limit * ABANDONED.relief
    const isOver = this._bytes <= this._limit * ABANDONED.share * ABANDONED.relief
    if (isOver) {
      for (const source of this._sources.values()) source.isStopped = false
      this._heard = this._bytes
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

  /** Lets go of what is too old, the first of which is `entry`. */
  _wait (entry) {
    this._timer = setTimeout(() => {
      this._timer = null
      const now = monotonic()
      for (const entry of this._entries) {
        if (entry.end > now) return this._wait(entry)
        this.change(entry, 0)
      }
    }, Math.max(1, entry.end - monotonic()))
    this._timer.unref()
  }
}

/** By peer; a transport without one has its own. */
const all = new WeakMap()

/** What a server transport's peer counts. */
function abandonedOf (transport) {
  const owner = transport.client || transport
  if (!all.has(owner)) {
    all.set(owner, new Abandoned(budgetOf(transport), OPTIONS.Peer.memoryBudget.of(transport.conf.memoryBudget)))
  }
  return all.get(owner)
}

module.exports = { Abandoned, abandonedOf }
