'use strict'

const EventEmitter = require('events')
const { theirs } = require('../util/clock')
const { LOOKUP_CACHE, MAX_FORGOTTEN, REFRESH_AFTER, REFRESH_SHORT } = require('../options/defaults')
const { kEntries, kEvict, kFind, kForgets, kForgotten, kIsDue, kNewest, kPut, kRefresh, kUpdate } = require('../util/symbols')

/**
 * Values by text, at most `max` of them, evicting the least recently used; none older than `maxAge` ms, 0 is no
 * limit. Event: `evict`, with the `{ key, value }` that was evicted or too old.
 *
 * A forgotten member of a list leaves it when the list is read: searching all lists would take milliseconds, and
 * strangers choose how often.
 */
class Cache extends EventEmitter {
  constructor ({ max, maxAge }) {
    super()
    /** The least recently used first. */
    this[kEntries] = new Map()
    this[kNewest] = undefined
    /** When each member was last forgotten, as a count of `kForgets`; the oldest first. */
    this[kForgotten] = new Map()
    this[kForgets] = 0
    /** Whether the last read value should be refreshed. */
    this[kIsDue] = false
    this.max = max || LOOKUP_CACHE
    this.maxAge = maxAge || 0
  }

  get length () {
    return this[kEntries].size
  }

  get keys () {
    return [...this[kEntries].keys()]
  }

  /** Reads a value and marks it as used. */
  get (key) {
    const entry = this[kFind](key)
    if (entry === undefined) return undefined
    // Moving an entry costs more than finding it, and the hot one is last already.
    if (entry !== this[kNewest]) this[kPut](entry)
    return entry.value
  }

  /** Reads a value without marking it as used. */
  peek (key) {
    const entry = this[kFind](key)
    return entry === undefined ? undefined : entry.value
  }

  set (key, value) {
    const since = theirs.now()
    const due = this.maxAge ? since + REFRESH_AFTER * this.maxAge : Infinity
    this[kPut]({ key: `${key}`, value, since, due, forgets: this[kForgets] })
    if (this[kEntries].size > this.max) this.evict()
    return value
  }

  /** Evicts the least recently used value. */
  evict () {
    const [entry] = this[kEntries].values()
    if (entry !== undefined) this[kEvict](entry)
  }

  remove (key) {
    const entry = this[kEntries].get(`${key}`)
    if (entry === undefined) return undefined
    if (entry === this[kNewest]) this[kNewest] = undefined
    this[kEntries].delete(entry.key)
    return entry.value
  }

  /** Removes a member from all present lists. */
  forget (member) {
    this[kForgotten].delete(member)
    this[kForgotten].set(member, ++this[kForgets])
    if (this[kForgotten].size > MAX_FORGOTTEN) this[kForgotten].delete(this[kForgotten].keys().next().value)
  }

  clear () {
    this[kEntries].clear()
    this[kForgotten].clear()
    this[kNewest] = undefined
  }

  /** A refresh has begun, and must not begin twice. */
  [kRefresh] (key) {
    const entry = this[kEntries].get(key)
    if (entry !== undefined) entry.due = Infinity
  }

  [kFind] (key) {
    const entry = this[kEntries].get(typeof key === 'string' ? key : `${key}`)
    if (entry === undefined) return undefined
    const now = this.maxAge || entry.due < Infinity ? theirs.now() : 0
    if (this.maxAge && now - entry.since > this.maxAge) {
      this[kEvict](entry)
      return undefined
    }
    this[kIsDue] = now > entry.due
    if (entry.forgets !== this[kForgets] && !this[kUpdate](entry)) {
      this.remove(entry.key)
      return undefined
    }
    return entry
  }

  /** Removes members forgotten since the entry was last read; returns false when none is left. */
  [kUpdate] (entry) {
    const since = entry.forgets
    entry.forgets = this[kForgets]
    if (!Array.isArray(entry.value)) return true
    const isForgotten = member => this[kForgotten].get(member) > since
    if (!entry.value.some(isForgotten)) return true
    entry.value = entry.value.filter(member => !isForgotten(member))
    // The member may be back soon, after a restart.
    entry.due = Math.min(entry.due, theirs.now() + REFRESH_SHORT)
    return entry.value.length > 0
  }

  [kPut] (entry) {
    this[kEntries].delete(entry.key)
    this[kEntries].set(entry.key, entry)
    this[kNewest] = entry
  }

  [kEvict] ({ key, value }) {
    this.remove(key)
    this.emit('evict', { key, value })
  }
}

module.exports = Cache
