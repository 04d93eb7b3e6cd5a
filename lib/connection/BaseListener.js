'use strict'

const { LANES } = require('../native/layout')
const context = require('../util/context')
const { kOnConnection } = require('../util/symbols')

/**
 * A port and its connections: what `Listener` and `SecureListener` have in common, and what each has to define. The
 * owner has `[kNewConnection](lanes)`, which returns a Connection, and may have `[kOnConnection](connection)`.
 */
class BaseListener {
  /**
   * @param {number} lanes which side gets the messages, see `LANES`
   * @param {Admission} admission decides which clients are accepted
   * @param {function} [verifyClient] the service's own decision
   */
  constructor (owner, lanes, admission, verifyClient) {
    this.owner = owner
    this.lanes = lanes
    this.connections = new Set()
    this.admission = admission
    this.verifyClient = verifyClient
    /** The face, whose `shouldHandle` decides whether a request is served. */
    this.gate = null
    this._scope = context.capture()
  }

  /** As Node's `server.address()`; null once it is closed. */
  address () {}

  /** Calls `cb` in a later tick, once it listens and has an address. */
  whenListening (cb) {}

  /** Accepts no more connections, including those in their handshake; open connections continue. */
  unlisten () {}

  /** Stops listening and closes all connections; `cb` once the port is free. */
  close (cb) {}

  /** The sockets of future connections get each message too, beside the present receivers. */
  watch () {
    this.lanes |= LANES.SOCKET
  }

  /** The face decides which requests are served. */
  setGate (gate) {
    this.gate = gate
  }

  /** From now on the face's gates decide on every client. */
  askAll () {}

  /** A client was accepted. */
  add (connection) {
    connection.acceptedBy(this)
    this.connections.add(connection)
    if (this.owner[kOnConnection]) this.owner[kOnConnection](connection)
  }

  remove (connection) {
    this.connections.delete(connection)
  }
}

module.exports = BaseListener
