'use strict'

const { hold, letGo } = require('./alive')
const dispatch = require('./dispatch')
const context = require('./context')

/**
 * A native server: a port, and the connections that came in by it. The owner has
 * `newConnection(lanes)`, which returns a Connection, and may have `onConnection(connection, request)`.
 */
class Listener {
  /**
   * Listens at once, or throws Node's own error.
   * @param {object} conf the transport's
   * @param {number} lanes who gets the messages, see `LANES`
   * @param {object} meter counts what its connections do
   */
  constructor (port, conf, lanes, owner, meter) {
    this.owner = owner
    this.lanes = lanes
    this.connections = new Set()
    this._scope = context.capture()
    const { server, port: actual, address } = dispatch.listen(port, conf, lanes, this, meter)
    this.server = server
    this._address = { port: actual, address, family: address.includes(':') ? 'IPv6' : 'IPv4' }
    this._closed = false
    hold()
  }

  /** As Node's `server.address()`; null once it is closed. */
  address () {
    return this.server === undefined ? null : this._address
  }

  /** Calls `cb` in a later tick, if it still listens then. */
  whenListening (cb) {
    process.nextTick(() => this.address() !== null && cb())
  }

  /** Lets the sockets of connections to come hear each message, beside who does already. */
  watch () {
    this.lanes |= dispatch.LANES.SOCKET
    if (this.server !== undefined) dispatch.setServerLanes(this.server, this.lanes)
  }

  onAccepted (event) {
    context.enter(this._scope, this, this._accept, event)
  }

  _accept ({ conn, url, headers, address, port }) {
    this.add(this.owner.newConnection(this.lanes).accepted(conn, { url, headers, address, port }))
  }

  add (connection) {
    connection.listener = this
    this.connections.add(connection)
    if (this.owner.onConnection) this.owner.onConnection(connection)
  }

  remove (connection) {
    this.connections.delete(connection)
  }

  /** Takes no more connections; those that are there go on. */
  unlisten () {
    if (this.server === undefined) return
    dispatch.unlisten(this.server)
    this.server = undefined
  }

  /** Stops listening and ends all connections; `cb` in a later tick. */
  close (cb) {
    if (this._closed) return
    this._closed = true
    this.unlisten()
    letGo()
    for (const connection of this.connections) connection.terminate()
    if (cb) process.nextTick(cb)
  }
}

module.exports = Listener
