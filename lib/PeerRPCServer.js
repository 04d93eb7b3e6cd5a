'use strict'

const PeerServer = require('./PeerServer')
const TransportRPCServer = require('./TransportRPCServer')
const { kMeter, kOptions } = require('./internal')
const { OPTIONS } = require('./option-table')

/** Serves requests: `peer.transport('server').listen(port)`. */
class PeerRPCServer extends PeerServer {
  getTransportClass () {
    return TransportRPCServer
  }

  /** See docs/OBSERVABILITY.md. */
  stats () {
    return this[kMeter].ofServer()
  }
}

PeerRPCServer.prototype[kOptions] = OPTIONS.PeerRPCServer

module.exports = PeerRPCServer
