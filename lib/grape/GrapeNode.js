'use strict'

const EventEmitter = require('events')
const { familyOf, partsOf } = require('../util/address')
const { kAt, kCalls } = require('../util/symbols')

/**
 * The node of a running grape, with the methods that services of the original call on `grape.node`: names are hex, as
 * from `grape.str2hex`, or bytes.
 */
class GrapeNode extends EventEmitter {
  /** `calls` are the methods of a grape's class. */
  constructor (at, calls, grape) {
    super()
    this[kAt] = at
    this[kCalls] = {}
    for (const name of Object.keys(calls)) this[kCalls][name] = calls[name].bind(grape)
  }

  /** The address of its UDP socket: `{ address, family, port }`. */
  address () {
    return { ...this[kAt] }
  }

  /** `cb(err, nodes)` with the number of nodes that stored it. */
  announce (name, port, cb) {
    if (typeof port === 'function') return this.announce(name, 0, port)
    this[kCalls].announce(nameOf(name), port || 0, cb)
  }

  /** `cb(err, count)` with the number of addresses; the grape emits `peer` for each. */
  lookup (name, cb = noop) {
    this[kCalls].lookup(nameOf(name), (err, found) => err ? cb(err) : cb(null, found.length))
  }

  /** As `grape.put`; `cb(err, hash)`, the hash as a Buffer. */
  put (opts, cb = noop) {
    this[kCalls].put(opts, (err, hash) => err ? cb(err) : cb(null, Buffer.from(hash, 'hex')))
  }

  /** As `grape.get`; `cb(err, value)`. */
  get (hash, opts, cb) {
    if (typeof opts === 'function') return this.get(hash, {}, opts)
    this[kCalls].get({ ...opts, hash }, cb)
  }
}

/** `{ address, family, port }` of `host:port`, as Node's servers return it. */
function portOf (text) {
  const { host, port } = partsOf(text)
  return { address: host, family: familyOf(host), port: +port }
}

function nameOf (name) {
  return Buffer.from(name, 'hex').toString()
}

function noop () {}

module.exports = { GrapeNode, portOf }
