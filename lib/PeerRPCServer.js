'use strict'

const PeerServer = require('./PeerServer')
const TransportRPCServer = require('./TransportRPCServer')

/** Answers requests: `peer.transport('server').listen(port)`. */
class PeerRPCServer extends PeerServer {
  getTransportClass () {
    return TransportRPCServer
  }

  /** See docs/OBSERVABILITY.md. */
  stats () {
    return this._meter.ofServer()
  }
}

module.exports = PeerRPCServer
