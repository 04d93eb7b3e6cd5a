'use strict'

const EventEmitter = require('events')
const { LOOKUP_CACHE, MAX_FORGOTTEN } = require('./defaults')

/**
 * Values by text, at most `max` of them, the least recently used go first; none older than `maxAge`
 * ms, 0 for any age. Event: `evict`, with the `{ key, value }` that made room or is too old.
 *
 * Where a value is a list, a member that is forgotten leaves it when that is read: looking for it in
 * all of them would take milliseconds, and strangers say how often.
 */
class Cache extends EventEmitter {
  /** The least recently used first. */
  #entries = new Map()
  #newest
  /** When each member was forgotten last, by `#forgets`; the oldest first. */
  #forgotten = new Map()
  #forgets = 0

  constructor ({ max, maxAge }) {
    super()
    this.max = max || LOOKUP_CACHE
    this.maxAge = maxAge || 0
  }

  get length () {
    return this.#entries.size
  }

  get keys () {
    return [...this.#entries.keys()]
  }

  /** A value, which is used by that. */
  get (key) {
    const entry = this.#find(key)
    if (entry === undefined) return undefined
    // Moving an entry costs more than finding it, and the hot one is at the end already.
    if (entry !== this.#newest) this.#put(entry)
    return entry.value
  }

  /** A value, without using it. */
  peek (key) {
    const entry = this.#find(key)
    return entry === undefined ? undefined : entry.value
  }

  set (key, value) {
    this.#put({ key: `${key}`, value, since: performance.now(), forgets: this.#forgets })
    if (this.#entries.size > this.max) this.evict()
    return value
  }

  /** Takes out the least recently used. */
  evict () {
    const [entry] = this.#entries.values()
    if (entry !== undefined) this.#evict(entry)
  }

  remove (key) {
    const entry = this.#entries.get(`${key}`)
    if (entry === undefined) return undefined
    if (entry === this.#newest) this.#newest = undefined
    this.#entries.delete(entry.key)
    return entry.value
  }

  /** Takes a member out of the lists that are kept now. */
  forget (member) {
    this.#forgotten.delete(member)
    this.#forgotten.set(member, ++this.#forgets)
    if (this.#forgotten.size > MAX_FORGOTTEN) this.#forgotten.delete(this.#forgotten.keys().next().value)
  }

  clear () {
    this.#entries.clear()
    this.#forgotten.clear()
    this.#newest = undefined
  }

  #find (key) {
    const entry = this.#entries.get(typeof key === 'string' ? key : `${key}`)
    if (entry === undefined) return undefined
    if (this.maxAge && performance.now() - entry.since > this.maxAge) {
      this.#evict(entry)
      return undefined
    }
    if (entry.forgets !== this.#forgets && !this.#update(entry)) {
      this.remove(entry.key)
      return undefined
    }
    return entry
  }

  /** Takes out what was forgotten since the entry was read last; false when nothing is left. */
  #update (entry) {
    const since = entry.forgets
    entry.forgets = this.#forgets
    if (!Array.isArray(entry.value)) return true
    const isForgotten = member => this.#forgotten.get(member) > since
    if (entry.value.some(isForgotten)) entry.value = entry.value.filter(member => !isForgotten(member))
    return entry.value.length > 0
  }

  #put (entry) {
    this.#entries.delete(entry.key)
    this.#entries.set(entry.key, entry)
    this.#newest = entry
  }

  #evict ({ key, value }) {
    this.remove(key)
    this.emit('evict', { key, value })
  }
}

module.exports = Cache
