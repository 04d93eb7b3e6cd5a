'use strict'

// Promises of what the callback API does.

/** A Promise of what `start` gives its callback. */
function promiseOf (start) {
  return new Promise((resolve, reject) => start((err, res) => err ? reject(err) : resolve(res)))
}

/** The same for a call that nobody needed to look after so far: its error may be overlooked. */
function promised (start) {
  const promise = promiseOf(start)
  promise.catch(() => {})
  return promise
}

/** A link's methods, as Promises. */
class LinkPromises {
  constructor (link) {
    this._link = link
  }

  lookup (key, opts) {
    return promiseOf(cb => this._link.lookup(key, opts, cb))
  }

  announce (key, port, opts) {
    return promiseOf(cb => this._link.announce(key, port, opts, cb))
  }

  /** Resolves after the first announce: with false when this key and port were announced already. */
  startAnnouncing (key, port, opts) {
    return promiseOf(cb => {
      const started = this._link.startAnnouncing(key, port, opts, err => cb(err, true))
      if (started === false) cb(null, false)
    })
  }

  put (value, opts) {
    return promiseOf(cb => opts ? this._link.put(value, opts, cb) : this._link.put(value, cb))
  }

  get (hash, opts) {
    return promiseOf(cb => opts ? this._link.get(hash, opts, cb) : this._link.get(hash, cb))
  }
}

module.exports = { LinkPromises, promised }
