'use strict'

const assert = require('assert')
const budgetOf = require('./budget')
const TransportSocket = require('./TransportSocket')
const Connection = require('./Connection')
const Listener = require('./Listener')
const SocketServer = require('./SocketServer')
const dispatch = require('./dispatch')
const { PUBLISHER } = require('./defaults')
const { drainServer } = require('./drain')
const { withDefaults } = require('./options')
const { encode } = require('./socket')

const SLOW = ['disconnect', 'drop']

/**
 * Publishes to everybody who is connected to a port.
 *
 * Events: `error` when the port cannot be had, `slow-subscriber` (socket, lost) for a subscriber
 * that is more than `conf.highWater` bytes behind. With `conf.slowSubscriber` `disconnect` it is
 * ended then; with `drop` it goes on without the `lost` oldest messages.
 */
class TransportPub extends TransportSocket {
  /** Listens on `port`, on `conf.host` or on all interfaces; 0 takes any free port. */
  listen (port) {
    assert(Number.isInteger(port), 'port must be an Integer')
    const { slowSubscriber = 'disconnect' } = this.conf
    assert(SLOW.includes(slowSubscriber), `conf.slowSubscriber must be ${SLOW.join(' or ')}`)
    this.port = port
    try {
      this._listener = new Listener(port, withDefaults(PUBLISHER, this.conf), dispatch.LANES.NONE, this, this._meter, budgetOf(this))
      this._face = null
      this.listening()
      if (port === 0) this.port = this._listener.address().port
    } catch (err) {
      // A mistake of the caller's; only what the system refuses is an event.
      if (!err.syscall) throw err
      this._face = new SocketServer()
      this._face.fail(err, this)
    }
    return this
  }

  unlisten () {
    if (!this._listener) return
    // The face says that it is closed; without one there is nobody to tell.
    const server = this._face || this._listener
    server.close()
    this._listener = undefined
    this._face = null
    this.unlistening()
  }

  /** The object like `ws`'s server. */
  get socket () {
    if (!this._face && this._listener) this._face = SocketServer.of(this._listener, this)
    return this._face
  }

  /**
   * Sends a message to all subscribers: strings and numbers as text, anything else as binary
   * like `Buffer.from`. Throws a TypeError for what has no bytes, once somebody is connected.
   */
  pub (msg) {
    const listener = this._listener
    // The socket's own close leaves the listener here, without a server.
    if (!listener || listener.server === undefined || listener.connections.size === 0) return
    const { opcode, data } = encode(msg)
    this._meter.count('published')
    const disconnect = this.conf.slowSubscriber !== 'drop'
    const slow = dispatch.publish(listener.server, opcode, data, disconnect)
    if (slow.length > 0) this._tellSlow(listener, new Map(slow.map(({ conn, lost }) => [conn, lost])))
  }

  /** See docs/OBSERVABILITY.md. */
  stats () {
    return this._meter.ofPublisher()
  }

  newConnection (lanes) {
    // What subscribers say is for the socket's own listeners.
    return new Connection(lanes, this)
  }

  onConnection (connection) {
    if (this._face) this._face._add(connection)
  }

  /** A subscriber that does not read would hold the publisher's memory for ever. */
  _tellSlow (listener, slow) {
    for (const connection of [...listener.connections]) {
      const lost = slow.get(connection.conn)
      if (lost === undefined || connection.closing) continue
      this.emit('slow-subscriber', connection.socket, lost)
      if (lost === 0) connection.terminate()
    }
  }

  _openConnections () {
    return this._listener ? [...this._listener.connections] : []
  }

  async _drain ({ drain }) {
    if (this._listener) await drainServer(this, this._listener, drain)
    this._stop()
  }

  _stop () {
    super._stop()
    this.unlisten()
  }
}

module.exports = TransportPub
