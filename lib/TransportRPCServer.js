'use strict'

const assert = require('assert')
const TransportRPC = require('./TransportRPC')
const ServerConnection = require('./ServerConnection')
const dispatch = require('./dispatch')

/**
 * Serves requests on a port.
 *
 * Events: `request` (rid, key, payload, handler, cert), `request-error` for a frame that is no
 * request, `error` when the port cannot be had.
 */
class TransportRPCServer extends TransportRPC {
  /** Listens on `port`, on `conf.host` or on all interfaces; 0 takes any free port. */
  listen (port) {
    assert(Number.isInteger(port), 'port must be an Integer')
    this.listening()
    this.port = port
    try {
      const { server, port } = dispatch.listen(this.port, this.conf.host, this.conf.io, this)
      this._server = server
      this._connections = new Set()
      this.port = port
      dispatch.hold()
    } catch (err) {
      process.nextTick(() => {
        this.unlistening()
        this.emit('error', err)
      })
    }
    return this
  }

  /** Stops listening and ends the clients without a close frame. */
  unlisten () {
    if (this._server === undefined) return
    dispatch.unlisten(this._server)
    this._server = undefined
    dispatch.letGo()
    for (const connection of this._connections) connection.terminate()
    this.unlistening()
  }

  /** Makes a request event of a parsed frame. */
  handleRequest (handler, data, meta) {
    if (!data) {
      this.emit('request-error')
      return
    }
    const rid = data[0]
    const reply = (err, res) => handler.reply(rid, err, res)
    this.emit('request', rid, data[1], data[2], { reply }, meta.cert)
  }

  onAccepted (conn) {
    const connection = new ServerConnection(this, conn)
    this._connections.add(connection)
    return connection
  }

  _stop () {
    super._stop()
    this.unlisten()
  }
}

module.exports = TransportRPCServer
