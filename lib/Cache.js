'use strict'

/** A map of at most `max` entries, the least recently used go first; none older than `maxAge` ms. */
class Cache {
  constructor ({ max, maxAge }) {
    this.max = max
    this.maxAge = maxAge
    this._entries = new Map()
    this._newest = undefined
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
    // Moving an entry costs more than finding it, and the hot one is at the end already.
    if (entry !== this._newest) this._put(key, entry)
    return entry.value
  }

  set (key, value) {
    this._put(key, { value, since: performance.now() })
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

  /** Lets `change(value)` replace each value at its age; `undefined` removes it. */
  update (change) {
    for (const [key, entry] of this._entries) {
      const value = change(entry.value)
      if (value === undefined) this.remove(key)
      else entry.value = value
    }
  }

  clear () {
    this._entries.clear()
    this._newest = undefined
  }

  _put (key, entry) {
    this._entries.delete(key)
    this._entries.set(key, entry)
    this._newest = entry
  }
}

module.exports = Cache
