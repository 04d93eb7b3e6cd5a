'use strict'

const Peer = require('./Peer')
const TransportRPCServer = require('./TransportRPCServer')

/** Answers requests: `peer.transport('server').listen(port)`. */
class PeerRPCServer extends Peer {
  getTransportClass () {
    return TransportRPCServer
  }
}

module.exports = PeerRPCServer
