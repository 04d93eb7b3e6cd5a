'use strict'

const Peer = require('./Peer')
const own = require('./own')

/** A peer that listens, itself or by its transports. */
class PeerServer extends Peer {
  /** Listens on `port` with the latest transport, and returns that. */
  listen (port) {
    return this._server().listen(port)
  }

  /** Port of the latest transport; undefined before it listens. */
  get port () {
    return this._latest && this._latest.port
  }

  // Services keep their own port here.
  set port (port) {
    own(this, 'port', port)
  }
}

module.exports = PeerServer
