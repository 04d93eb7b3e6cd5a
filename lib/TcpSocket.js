'use strict'

const EventEmitter = require('events')
const dispatch = require('./dispatch')
const { fromFailure, unsupported } = require('./errors')

/** Events of Node's sockets that never come here: the native side reads the bytes. */
const UNSUPPORTED = new Set(['data', 'drain', 'end', 'readable'])

/**
 * The TCP socket below a connection without TLS, as much of Node's `net.Socket` as has a meaning
 * where the native side moves the bytes: `socket._socket`, and `req.socket` of a server.
 *
 * Events: `close` (hadError), `error` where somebody listens, `timeout`.
 */
class TcpSocket extends EventEmitter {
  /**
   * @param {object} remote the client's `{ address, port }`; without one it is the connection's to tell
   * @param {function()} refuse ends a client that is no connection yet
   */
  constructor (remote = null, refuse) {
    super()
    this.encrypted = false
    this._connection = null
    this._refuse = refuse
    this._isDestroyed = false
    this._remote = remote
    this._ends = { local: {}, remote: remote || {} }
    this._isComplete = false
    this._timer = null
    this.on('newListener', event => {
      if (UNSUPPORTED.has(event)) throw unsupported(`'${event}' of a native connection's TCP socket`)
    })
  }

  /** Stands for the socket of `connection`, whose handshake is done. */
  attach (connection) {
    this._connection = connection
    return this
  }

  get remoteAddress () { return this._look().remote.address }
  get remotePort () { return this._look().remote.port }
  get remoteFamily () { return familyOf(this.remoteAddress) }
  get localAddress () { return this._look().local.address }
  get localPort () { return this._look().local.port }
  get localFamily () { return familyOf(this.localAddress) }
  get bytesRead () { return this._traffic()[0] }
  get bytesWritten () { return this._traffic()[1] }
  get connecting () { return false }
  get pending () { return false }
  get timeout () { return this._timeout }
  get destroyed () { return this._isDestroyed || (this._connection !== null && this._connection.over) }
  get readyState () { return this.destroyed ? 'closed' : 'open' }

  /** This end, as Node's. */
  address () {
    const { address, port } = this._look().local
    return address === undefined ? {} : { address, family: familyOf(address), port }
  }

  /** Small writes wait for nothing, unless somebody says so here. */
  setNoDelay (noDelay = true) {
    return this._set({ noDelay: !!noDelay })
  }

  /** `delay` in ms; 0 is the system's own. */
  setKeepAlive (enable = false, delay = 0) {
    return this._set({ keepAlive: enable ? Math.max(0, Math.trunc(+delay) || 0) : -1 })
  }

  /** Emits `timeout` once nothing was read or written for `ms`, up to as long again later; 0 ends that. */
  setTimeout (ms, cb) {
    clearTimeout(this._timer)
    this._timer = null
    this._timeout = ms
    if (cb) ms === 0 ? this.removeListener('timeout', cb) : this.once('timeout', cb)
    // Before there is a connection the handshake has a limit of its own.
    if (ms > 0 && !this.destroyed) this._watch(ms, this._moved())
    return this
  }

  pause () {
    if (this._connection !== null) this._connection.pause(true)
    return this
  }

  resume () {
    if (this._connection !== null) this._connection.pause(false)
    return this
  }

  isPaused () {
    return this._connection !== null && this._connection.isPaused
  }

  ref () {
    if (this._connection !== null) this._connection.ref()
    return this
  }

  unref () {
    if (this._connection !== null) this._connection.unref()
    return this
  }

  /** Ends the connection, without a close frame. */
  destroy () {
    if (this.destroyed) return this
    this._isDestroyed = true
    clearTimeout(this._timer)
    if (this._connection === null) this._refuse()
    else this._connection.terminate()
    return this
  }

  /** The same, once what was sent so far has been given to the system. */
  end () {
    dispatch.flush()
    return this.destroy()
  }

  write () {
    throw unsupported("'write' of a native connection's TCP socket")
  }

  /** The connection is over, or there will be none. */
  closed (err) {
    this._isDestroyed = true
    clearTimeout(this._timer)
    if (err && this.listenerCount('error') > 0) this.emit('error', err)
    this.emit('close', !!err)
  }

  _look () {
    if (this._isComplete || this._connection === null || this._connection.over) return this._ends
    const ends = dispatch.ends(this._connection.conn)
    this._isComplete = ends !== null
    if (ends !== null) this._ends = { local: ends.local, remote: this._remote || ends.remote }
    return this._ends
  }

  _traffic () {
    const { _connection: connection } = this
    return (connection !== null && !connection.over && dispatch.traffic(connection.conn)) || [0, 0]
  }

  _moved () {
    const [read, written] = this._traffic()
    return read + written
  }

  _watch (ms, before) {
    this._timer = setTimeout(() => {
      const now = this._moved()
      this._watch(ms, now)
      if (now === before) this.emit('timeout')
    }, ms)
    this._timer.unref()
  }

  _set (options) {
    const { _connection: connection } = this
    const failure = connection === null || connection.over ? null : dispatch.setSocket(connection.conn, options)
    if (failure !== null && this.listenerCount('error') > 0) this.emit('error', fromFailure(failure))
    return this
  }
}

function familyOf (address) {
  return address && (address.includes(':') ? 'IPv6' : 'IPv4')
}

module.exports = TcpSocket
