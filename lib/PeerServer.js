'use strict'

const Peer = require('./Peer')
const own = require('./own')
const { kLatest, kServer } = require('./internal')

/** A peer that listens, itself or by its transports. */
class PeerServer extends Peer {
  /** Listens on `port` with the latest transport, and returns that. */
  listen (port) {
    return this[kServer]().listen(port)
  }

  /** Port of the latest transport; undefined before it listens. */
  get port () {
    return this[kLatest] && this[kLatest].port
  }

  // Services keep their own port here.
  set port (port) {
    own(this, 'port', port)
  }
}

module.exports = PeerServer
