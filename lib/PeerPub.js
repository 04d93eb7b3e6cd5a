'use strict'

const PeerServer = require('./PeerServer')
const TransportPub = require('./TransportPub')

/** Publishes messages: `peer.transport('server').listen(port)`, then `pub`. */
class PeerPub extends PeerServer {
  getTransportClass () {
    return TransportPub
  }

  /** See docs/OBSERVABILITY.md. */
  stats () {
    return this._meter.ofPublisher()
  }

  /** Publishes with the latest transport. */
  pub (msg) {
    this._server().pub(msg)
  }
}

module.exports = PeerPub
