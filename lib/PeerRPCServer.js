'use strict'

const PeerServer = require('./base/PeerServer')
const TransportRPCServer = require('./TransportRPCServer')
const { kMeter, kOptions } = require('./util/symbols')
const { OPTIONS } = require('./options/optionTable')

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
