'use strict'

const PeerServer = require('./PeerServer')
const TransportPub = require('./TransportPub')
const { kMeter, kOptions, kServer } = require('./internal')
const { OPTIONS } = require('./option-table')

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

PeerPub.prototype[kOptions] = OPTIONS.PeerPub

module.exports = PeerPub
