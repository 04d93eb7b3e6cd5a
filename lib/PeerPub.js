'use strict'

const PeerServer = require('./base/PeerServer')
const TransportPub = require('./TransportPub')
const { kMeter, kOptions, kServer } = require('./util/symbols')
const { OPTIONS } = require('./options/optionTable')

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
