'use strict'

const TransportSocket = require('./TransportSocket')
const WebSocketServerLike = require('../socket/WebSocketServerLike')
const { reveal } = require('./ownProperty')
const { drainServer } = require('../util/drain')
const {
  kAdd, kDrain, kFail, kListen, kListener, kOnConnection, kOnServedNatively, kOpenConnections, kSocket, kTakePort, kUnlisten,
  kWebSocketServer
} = require('../util/symbols')

/** A transport that listens on a port. */
class TransportServer extends TransportSocket {
  constructor (client, conf) {
    super(client, conf)
    this[kListener] = this[kWebSocketServer] = this[kSocket] = undefined
  }

  init () {
    super.init()
    reveal(this, 'socket')
  }

  /** The object like `ws`'s server, or the one that was assigned, or that failed. */
  get socket () {
    if (!this[kListener]) return this[kSocket]
    if (!this[kWebSocketServer]) this[kWebSocketServer] = WebSocketServerLike.of(this[kListener], this)
    return this[kWebSocketServer]
  }

  set socket (socket) {
    this[kSocket] = socket
  }

  /** Listens with the listener that `listen` makes. If the system rejects the port, `socket` emits the error. */
  [kListen] (listen, port) {
    this.port = port
    try {
      this[kListener] = listen()
    } catch (err) {
      // A mistake in the configuration, and not the system's error for the port.
      if (!err.syscall) throw err
      this[kSocket] = new WebSocketServerLike()
      this[kSocket][kFail](err, this)
      return
    }
    this[kWebSocketServer] = this[kSocket] = undefined
    this.listening()
    if (port === 0) this[kTakePort](this[kListener])
  }

  /** Reads the port that the system has chosen. Where it is chosen later, this may listen elsewhere by then. */
  [kTakePort] (listener) {
    if (listener.address() !== null) this.port = listener.address().port
    else listener.whenListening(() => { if (this[kListener] === listener) this.port = listener.address().port })
  }

  /** Closes the listener; returns whether there was one. */
  [kUnlisten] () {
    if (!this[kListener]) return false
    // The object like `ws`'s server emits `close`; without one there are no listeners.
    const server = this[kWebSocketServer] || this[kListener]
    server.close()
    this[kListener] = this[kWebSocketServer] = undefined
    this.unlistening()
    return true
  }

  /** The listener accepted a connection. */
  [kOnConnection] (connection) {
    if (this[kWebSocketServer]) this[kWebSocketServer][kAdd](connection)
    else this[kOnServedNatively](connection)
  }

  /** The native side serves a connection: subclasses may need to know. */
  [kOnServedNatively] (connection) {}

  [kOpenConnections] () {
    return this[kListener] ? [...this[kListener].connections] : []
  }

  async [kDrain] ({ drain }) {
    if (this[kListener]) await drainServer(this, this[kListener], drain)
    this._stop()
  }
}

module.exports = TransportServer
