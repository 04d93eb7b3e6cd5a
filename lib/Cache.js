'use strict'

const { MAX_FORGOTTEN } = require('./defaults')

/**
 * Lists, at most `max` of them, the least recently used go first; none older than `maxAge` ms.
 * A member that is forgotten leaves each list when that is read: looking for it in all of them would
 * take milliseconds, and strangers say how often.
 */
class Cache {
  constructor ({ max, maxAge }) {
    this.max = max
    this.maxAge = maxAge
    this._entries = new Map()
    this._newest = undefined
    /** When each member was forgotten last, by `_forgets`; the oldest first. */
    this._forgotten = new Map()
    this._forgets = 0
  }

  get length () {
    return this._entries.size
  }

  get keys () {
    return [...this._entries.keys()]
  }

  get (key) {
    const entry = this._entries.get(key)
    if (entry === undefined) return undefined
    if (this.maxAge && performance.now() - entry.since > this.maxAge) {
      this.remove(key)
      return undefined
    }
    if (entry.forgets !== this._forgets && !this._look(entry)) {
      this.remove(key)
      return undefined
    }
    // Moving an entry costs more than finding it, and the hot one is at the end already.
    if (entry !== this._newest) this._put(key, entry)
    return entry.value
  }

  set (key, value) {
    this._put(key, { value, since: performance.now(), forgets: this._forgets })
    if (this._entries.size > this.max) this.remove(this._entries.keys().next().value)
    return value
  }

  remove (key) {
    const entry = this._entries.get(key)
    if (entry === undefined) return undefined
    if (entry === this._newest) this._newest = undefined
    this._entries.delete(key)
    return entry.value
  }

  /** Takes a member out of the lists that are kept now. */
  forget (member) {
    this._forgotten.delete(member)
    this._forgotten.set(member, ++this._forgets)
    if (this._forgotten.size > MAX_FORGOTTEN) this._forgotten.delete(this._forgotten.keys().next().value)
  }

  clear () {
    this._entries.clear()
    this._forgotten.clear()
    this._newest = undefined
  }

  /** Takes out what was forgotten since the entry was read last; false when nothing is left. */
  _look (entry) {
    const isForgotten = member => this._forgotten.get(member) > entry.forgets
    if (entry.value.some(isForgotten)) entry.value = entry.value.filter(member => !isForgotten(member))
    entry.forgets = this._forgets
    return entry.value.length > 0
  }

  _put (key, entry) {
    this._entries.delete(key)
    this._entries.set(key, entry)
    this._newest = entry
  }
}

module.exports = Cache
