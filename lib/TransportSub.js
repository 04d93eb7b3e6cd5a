'use strict'

const TransportSocket = require('./TransportSocket')
const Connection = require('./Connection')
const { hold, letGo } = require('./alive')
const { SETTLED } = require('./defaults')
const dispatch = require('./dispatch')

const FORWARDED = ['connected', 'disconnected', 'message']

/**
 * One subscription.
 *
 * Events, here and on the peer: `connected`, `disconnected`, `message` (string or Buffer), and
 * `error` for a destination that cannot be reached.
 */
class TransportSub extends TransportSocket {
  init () {
    super.init()
    this._connection = null
    for (const event of FORWARDED) this.on(event, data => this.client.emit(event, data))
    // As long as it is active it keeps the process alive, connected or not.
    hold()
    this._held = true
  }

  /** Connects to `conf.dest`. */
  sub () {
    this.connecting()
    const connection = new SubConnection(this)
    this._connection = connection
    connection.dial(this.conf.dest, { ...this.conf, secure: undefined })
  }

  /** The object like `ws`'s, or what was assigned. */
  get socket () {
    return this._connection ? this._connection.socket : this._socket
  }

  set socket (socket) {
    this._socket = socket
  }

  /** See docs/OBSERVABILITY.md. */
  stats () {
    return this._meter.ofSubscriber()
  }

  unsub () {
    const connection = this._connection
    const socket = this._socket
    this._connection = null
    this._socket = null
    if (!connection && !socket) return
    this.disconnected()
    if (connection) connection.close()
    if (socket && typeof socket.close === 'function') socket.close()
    process.nextTick(() => this.emit('disconnected'))
  }

  /** Gives up a subscription that is not connected. */
  checkConnection () {
    if (!this.isActive() || this.isConnected()) return
    this.unsub()
  }

  /** Whether somebody else than the peer listens for `disconnected`. */
  isWatched () {
    return this.listenerCount('disconnected') > 1
  }

  /** Called by the connection when it is lost, not when it was ended here. */
  _lost (connection, err) {
    if (this._connection !== connection) return
    this._connection = null
    this.disconnected()
    const { isSettled } = connection
    if (err && this._tell(err)) return this._again(true, isSettled)
    this.emit('disconnected')
    this._again(!!err, isSettled)
  }

  /** Says that the destination cannot be reached, to whoever listens for that. */
  _tell (err) {
    const listeners = [this, this.client].filter(one => one.listenerCount('error') > 0)
    for (const one of listeners) one.emit('error', err)
    return listeners.length > 0
  }

  _again (unreachable, isSettled) {
    if (this._onLost && this.isActive()) this._onLost(unreachable, isSettled)
  }

  _openConnections () {
    return this._connection ? [this._connection] : []
  }

  _stop () {
    super._stop()
    this.unsub()
    if (!this._held) return
    this._held = false
    letGo()
  }
}

class SubConnection extends Connection {
  constructor (transport) {
    super(dispatch.LANES.SOCKET, transport)
    this._openSince = Infinity
  }

  /** Whether it was a good one: it lasted for a while, whatever came. */
  get isSettled () {
    return performance.now() - this._openSince >= SETTLED
  }

  opened () {
    this._openSince = performance.now()
    this.transport.connected()
    this.transport.emit('connected')
  }

  close (code, reason) {
    super.close(code, reason)
    // Nobody hears what a publisher says that goes on, or has said.
    this.lanes = dispatch.LANES.NONE
    if (!this.over) dispatch.ignore(this.conn)
  }

  onMessage (data) {
    // Messages that arrive after the end are dropped.
    if (this.closing) return
    this.transport.emit('message', data)
    super.onMessage(data)
  }

  onPing (data) {
    if (!this.closing) super.onPing(data)
  }

  onPong (data) {
    if (!this.closing) super.onPong(data)
  }

  ended (err) {
    this.transport._lost(this, this.open ? null : err)
  }
}

module.exports = TransportSub
