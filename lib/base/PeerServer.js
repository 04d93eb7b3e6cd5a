'use strict'

const Peer = require('./Peer')
const own = require('./ownProperty')
const { kLatest, kOptions, kServer } = require('../util/symbols')
const { OPTIONS } = require('../options/optionTable')

/** A peer that listens, itself or by its transports. */
class PeerServer extends Peer {
  /** Listens on `port` with the latest transport, and returns its result. */
  listen (port) {
    return this[kServer]().listen(port)
  }

  /** Port of the latest transport; undefined before it listens. */
  get port () {
    return this[kLatest] && this[kLatest].port
  }

  // Services may assign a port of their own.
  set port (port) {
    own(this, 'port', port)
  }
}

PeerServer.prototype[kOptions] = OPTIONS.PeerServer

module.exports = PeerServer
