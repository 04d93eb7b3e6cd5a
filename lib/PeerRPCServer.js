'use strict'

const PeerServer = require('./PeerServer')
const TransportRPCServer = require('./TransportRPCServer')
const { kMeter } = require('./internal')

/** Answers requests: `peer.transport('server').listen(port)`. */
class PeerRPCServer extends PeerServer {
  getTransportClass () {
    return TransportRPCServer
  }

  /** See docs/OBSERVABILITY.md. */
  stats () {
    return this[kMeter].ofServer()
  }
}

module.exports = PeerRPCServer
