'use strict'

const EventEmitter = require('events')
const { familyOf } = require('../util/address')
const { clearTimeout, setTimeout } = require('../util/clock')
const { core, raw } = require('../native/core')
const { highWaterOf } = require('../native/settings')
const { MAX_TIMEOUT } = require('../options/defaults')
const { fromFailure, unsupported } = require('../errors/errors')
const {
  kAttach, kClosed, kConnection, kDrained, kEnds, kIsComplete, kIsDestroyed, kIsLive, kLook, kMoved, kRefuse, kRemote, kSet, kTimeout,
  kTimer, kTraffic, kWatch
} = require('../util/symbols')

/** Events of Node's sockets that are never emitted here: the native side reads the bytes. */
const UNSUPPORTED = new Set(['data', 'readable'])

/**
 * The TCP socket below a connection without TLS: the part of Node's `net.Socket` that has a meaning where the native
 * side moves the bytes. Used as `socket._socket`, and as `req.socket` of a server.
 *
 * Events: `end` and `close` (hadError), `drain`, `error` if it has a listener, `timeout`.
 */
class TcpSocket extends EventEmitter {
  /**
   * @param {object} remote the client's `{ address, port }`; without it the connection provides the address
   * @param {function()} refuse rejects a client that has no connection yet
   */
  constructor (remote = null, refuse) {
    super()
    this.encrypted = false
    this[kConnection] = null
    this[kRefuse] = refuse
    this[kIsDestroyed] = false
    this[kRemote] = remote
    this[kEnds] = { local: {}, remote: remote || {} }
    this[kIsComplete] = false
    this[kTimer] = null
    this[kTimeout] = undefined
    this.on('newListener', event => {
      if (UNSUPPORTED.has(event)) throw unsupported(`'${event}' of a native connection's TCP socket`)
    })
  }

  /** Attaches the connection, whose handshake is done. */
  [kAttach] (connection) {
    this[kConnection] = connection
    return this
  }

  get remoteAddress () { return this[kLook]().remote.address }
  get remotePort () { return this[kLook]().remote.port }
  get remoteFamily () { return familyOf(this.remoteAddress) }
  get localAddress () { return this[kLook]().local.address }
  get localPort () { return this[kLook]().local.port }
  get localFamily () { return familyOf(this.localAddress) }
  get bytesRead () { return this[kTraffic]()[0] }
  get bytesWritten () { return this[kTraffic]()[1] }
  get connecting () { return false }
  get pending () { return false }
  get timeout () { return this[kTimeout] }
  get destroyed () { return this[kIsDestroyed] || (this[kConnection] !== null && this[kConnection].isClosed) }
  get closed () { return this.destroyed }
  get readable () { return !this.destroyed }
  get writable () { return !this.destroyed }
  get writableEnded () { return this.destroyed }
  get writableFinished () { return this.destroyed }
  get writableHighWaterMark () { return highWaterOf((this[kConnection] && this[kConnection].transport && this[kConnection].transport.conf) || {}) }
  get writableNeedDrain () { return this.writableLength > 0 && this.writableLength >= this.writableHighWaterMark }
  get writableLength () { return this[kIsLive]() ? raw.waiting(this[kConnection].conn) : 0 }
  get bufferSize () { return this.writableLength }
  get readyState () { return this.destroyed ? 'closed' : 'open' }

  /** The local address, as Node's. */
  address () {
    const { address, port } = this[kLook]().local
    return address === undefined ? {} : { address, family: familyOf(address), port }
  }

  /** The default is no delay for small writes. */
  setNoDelay (noDelay = true) {
    return this[kSet]({ noDelay: !!noDelay })
  }

  /** `delay` in ms; 0 is the system's default. */
  setKeepAlive (enable = false, delay = 0) {
    return this[kSet]({ keepAlive: enable ? Math.max(0, Math.trunc(+delay) || 0) : -1 })
  }

  /** Emits `timeout` once nothing was read or written for `ms`, at most as long again later; 0 ends that. */
  setTimeout (ms, cb) {
    clearTimeout(this[kTimer])
    this[kTimer] = null
    this[kTimeout] = ms
    if (cb) ms === 0 ? this.removeListener('timeout', cb) : this.once('timeout', cb)
    // Before there is a connection the handshake has a limit of its own.
    if (ms > 0 && !this.destroyed) this[kWatch](ms, this[kMoved]())
    return this
  }

  pause () {
    if (this[kConnection] !== null) this[kConnection].pause(true)
    return this
  }

  resume () {
    if (this[kConnection] !== null) this[kConnection].pause(false)
    return this
  }

  isPaused () {
    return this[kConnection] !== null && this[kConnection].isPaused
  }

  ref () {
    if (this[kConnection] !== null) this[kConnection].ref()
    return this
  }

  unref () {
    if (this[kConnection] !== null) this[kConnection].unref()
    return this
  }

  /** Ends the connection without a close frame. */
  destroy () {
    if (this.destroyed) return this
    this[kIsDestroyed] = true
    clearTimeout(this[kTimer])
    if (this[kConnection] === null) this[kRefuse]()
    else this[kConnection].terminate()
    return this
  }

  /** As `destroy`, after passing the output so far to the system. */
  end () {
    raw.flush()
    return this.destroy()
  }

  destroySoon () {
    this.end()
  }

  /** Native code has no way to reset a connection. */
  resetAndDestroy () {
    return this.destroy()
  }

  /** The output of one turn is written together anyway. */
  cork () {}

  uncork () {}

  write () {
    throw unsupported("'write' of a native connection's TCP socket")
  }

  [kDrained] () {
    this.emit('drain')
  }

  /** The connection is closed, or will not be made. */
  [kClosed] (err) {
    // A destroyed socket of Node emits no `end`.
    const isOurs = this[kIsDestroyed]
    this[kIsDestroyed] = true
    clearTimeout(this[kTimer])
    if (err && this.listenerCount('error') > 0) this.emit('error', err)
    if (!err && !isOurs) this.emit('end')
    this.emit('close', !!err)
  }

  [kLook] () {
    if (this[kIsComplete] || this[kConnection] === null || this[kConnection].isClosed) return this[kEnds]
    const ends = core.ends(this[kConnection].conn)
    this[kIsComplete] = ends !== null
    if (ends !== null) this[kEnds] = { local: ends.local, remote: this[kRemote] || ends.remote }
    return this[kEnds]
  }

  [kIsLive] () {
    return this[kConnection] !== null && !this[kConnection].isClosed
  }

  [kTraffic] () {
    const { [kConnection]: connection } = this
    return (this[kIsLive]() && core.traffic(connection.conn)) || [0, 0]
  }

  [kMoved] () {
    const [read, written] = this[kTraffic]()
    return read + written
  }

  [kWatch] (ms, before) {
    this[kTimer] = setTimeout(() => {
      const now = this[kMoved]()
      this[kWatch](ms, now)
      if (now === before) this.emit('timeout')
    }, Math.min(ms, MAX_TIMEOUT))
    this[kTimer].unref()
  }

  [kSet] (options) {
    const { [kConnection]: connection } = this
    const failure = connection === null || connection.isClosed ? null : core.setSocket(connection.conn, options)
    if (failure !== null && this.listenerCount('error') > 0) this.emit('error', fromFailure(failure))
    return this
  }
}

module.exports = TcpSocket
