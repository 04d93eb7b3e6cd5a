'use strict'

const PeerServer = require('./PeerServer')
const TransportPub = require('./TransportPub')
const { kMeter, kServer } = require('./internal')

/** Publishes messages: `peer.transport('server').listen(port)`, then `pub`. */
class PeerPub extends PeerServer {
  getTransportClass () {
    return TransportPub
  }

  /** See docs/OBSERVABILITY.md. */
  stats () {
    return this[kMeter].ofPublisher()
  }

  /** Publishes with the latest transport. */
  pub (msg) {
    this[kServer]().pub(msg)
  }
}

module.exports = PeerPub
