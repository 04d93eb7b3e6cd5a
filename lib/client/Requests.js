'use strict'

const { kSize } = require('../util/symbols')

const { get: sizeOf } = Object.getOwnPropertyDescriptor(Map.prototype, 'size')

/**
 * `_reqs` of a client's transport: the requests of the socket lane by id. Its `size` includes the native lane's,
 * whose requests have no object: code that waits for the replies reads it.
 */
class Requests extends Map {
  /** @param {function(): Iterable<ClientConnection>} connections the open ones */
  constructor (connections) {
    super()
    this._connections = connections
  }

  /** The number of requests on the socket lane. */
  get [kSize] () {
    return sizeOf.call(this)
  }

  /** The number of requests that were sent and have no reply. */
  get size () {
    let size = super.size
    for (const { waiting } of this._connections()) size += waiting
    return size
  }
}

module.exports = Requests
