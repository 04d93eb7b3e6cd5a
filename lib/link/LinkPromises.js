'use strict'

const { abortable } = require('../util/abort')
const { kAnnounceError, kLife, kLink, kNews, kWhenTold } = require('../util/symbols')
const { promiseOf } = require('../util/promises')
const { waitFor } = require('../client/waitForServer')
const { CALLS } = require('../options/optionTable')
const { hearing } = require('./AnnounceNews')
const { refusalOf } = require('./grapeAnswers')
const { getMutable, putMutable } = require('./mutableValues')

/** Wraps `cb`, which gets a grape's refusal as an error. */
function refusing (type, cb) {
  return (err, res) => cb(err || refusalOf(type, res), res)
}

/** A link's methods that return Promises. */
class LinkPromises {
  constructor (link) {
    this[kLink] = link
  }

  lookup (key, opts) {
    return promiseOf(cb => this[kLink].lookup(key, opts, cb))
  }

  /** Also rejects when the grape refuses. */
  announce (key, port, opts) {
    return promiseOf(cb => {
      const link = this[kLink]
      link.announce(key, port, opts, hearing((err, res) => {
        const refusal = err || link[kNews] === null ? null : link[kNews].refusalOf({ key, port, host: opts ? opts.host : undefined }, res)
        cb(err || refusal, res)
      }))
    })
  }

  /** Resolves after the first announce: with false when this key and port were announced already. */
  startAnnouncing (key, port, opts) {
    return promiseOf(cb => {
      const link = this[kLink]
      const started = link.startAnnouncing(key, port, opts, hearing(err => cb(err || link[kAnnounceError](key, port), true)))
      if (started === false) cb(null, false)
    })
  }

  /** Resolves once the grapes were notified: with false when this key and port were not announced. */
  stopAnnouncing (key, port) {
    return promiseOf(cb => {
      const link = this[kLink]
      if (link.stopAnnouncing(key, port) === false) cb(null, false)
      else link[kWhenTold](key, port, err => cb(err, true))
    })
  }

  put (value, opts) {
    return promiseOf(cb => {
      const told = refusing('put', cb)
      if (opts) this[kLink].put(value, opts, told)
      else this[kLink].put(value, told)
    })
  }

  get (hash, opts) {
    return promiseOf(cb => {
      const told = refusing('get', cb)
      if (opts) this[kLink].get(hash, opts, told)
      else this[kLink].get(hash, told)
    })
  }

  /** Addresses of a service's servers, as soon as there are any. */
  waitFor (key, opts) {
    const { timeout, signal } = opts || {}
    return promiseOf(cb => {
      const link = this[kLink]
      const ms = CALLS.wait.timeout.of(timeout)
      if (signal && !(cb = abortable(signal, cb))) return
      if (!link._inited) link.init()
      waitFor(link, link[kLife].reads, key, ms, signal, cb)
    })
  }

  // Not the link's methods: a subclass may have others of these names.

  putMutable (value, opts) {
    return promiseOf(cb => putMutable(this[kLink], value, opts, refusing('put', cb)))
  }

  getMutable (publicKey, opts) {
    return promiseOf(cb => getMutable(this[kLink], publicKey, opts, cb))
  }
}

module.exports = LinkPromises
