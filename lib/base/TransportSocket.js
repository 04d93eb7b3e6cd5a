'use strict'

const Transport = require('./Transport')
const { drainServer } = require('../util/drain')
const { kDrain, kFail, kListener, kOpenConnections, kTryListening } = require('../util/symbols')

/** A transport with the states of a socket, and the common part of transports that listen. */
class TransportSocket extends Transport {
  isConnecting () {
    return !!this._connecting
  }

  isConnected () {
    return !this.isConnecting() && this._connected
  }

  isListening () {
    return !!this._listening
  }

  connecting () {
    this._connecting = true
    this._connected = false
  }

  connected () {
    this._connecting = false
    this._connected = true
  }

  disconnected () {
    this._connecting = false
    this._connected = false
  }

  listening () {
    this._listening = true
  }

  unlistening () {
    this._listening = false
  }

  /** Listens; if the system does not allow it, `keep` gets a server that emits the error. */
  [kTryListening] (listen, keep) {
    try {
      listen()
    } catch (err) {
      // A mistake in the configuration, and not the system's error for the port.
      if (!err.syscall) throw err
      const WebSocketServerLike = require('../socket/WebSocketServerLike')
      const server = new WebSocketServerLike()
      keep(server)
      server[kFail](err, this)
    }
  }

  [kOpenConnections] () {
    return this[kListener] ? [...this[kListener].connections] : []
  }

  async [kDrain] ({ drain }) {
    if (this[kListener]) await drainServer(this, this[kListener], drain)
    this._stop()
  }
}

module.exports = TransportSocket
