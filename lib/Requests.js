'use strict'

const { kSize } = require('./internal')

const { get: sizeOf } = Object.getOwnPropertyDescriptor(Map.prototype, 'size')

/**
 * `_reqs` of a client's transport: the requests of the socket lane by id. Its `size` tells of the native
 * lane's too, whose requests have no object: who waits for the answers looks at it.
 */
class Requests extends Map {
  /** @param {function(): Iterable<ClientConnection>} connections those that are open */
  constructor (connections) {
    super()
    this._connections = connections
  }

  /** Those of the socket lane. */
  get [kSize] () {
    return sizeOf.call(this)
  }

  /** Requests that were sent and have no answer. */
  get size () {
    let size = super.size
    for (const { waiting } of this._connections()) size += waiting
    return size
  }
}

module.exports = Requests
