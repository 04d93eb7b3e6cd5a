'use strict'

const TransportSocket = require('./base/TransportSocket')
const Connection = require('./connection/Connection')
const { hold, letGo } = require('./native/keepAlive')
const { monotonic, nextTick } = require('./util/clock')
const { CHECK_CONNECTION, CONNECT_AMONG_OTHERS, SETTLED } = require('./options/defaults')
const { core } = require('./native/core')
const { LANES } = require('./native/layout')
const {
  kByHand, kCallIt, kConnection, kEndSilently, kClosedConnection, kHeld, kIsAutomatic, kIsBegun, kIsOneOfMany, kIsSilent, kIsSocketWatched, kIsStopped, kIsWatched, kCloseUnwanted,
  kLooksAfter, kLost, kMeter, kName, kOnLost, kOpenConnections, kOptions, kReachable, kSocket, kSource, kEmitUnreachable, kUnreachable, kEndAutomatic
} = require('./util/symbols')
const { OPTIONS } = require('./options/optionTable')
const { copyOf } = require('./options/values')
const { reveal } = require('./base/ownProperty')
const { TOO_LARGE, tooLarge } = require('./errors/silentMistakes')

/** As `AT_ONCE` of native/settings.js. */
const AMONG_OTHERS = { after: 0, within: CONNECT_AMONG_OTHERS }

/** Events forwarded to the peer, beside messages. */
const FORWARDED = ['connected', 'disconnected']

/**
 * One subscription.
 *
 * Events, here and on the peer: `connected`, `disconnected`, `message` (string or Buffer), and `error` for a
 * destination that cannot be reached.
 */
class TransportSub extends TransportSocket {
  constructor (client, conf) {
    super(client, conf)
    this[kConnection] = this[kSocket] = undefined
    this[kClosedConnection] = null
    this[kHeld] = false
    /** The peer's callback for a lost publisher: returns what to do once all listeners were called. */
    this[kOnLost] = null
    /** The peer's callback for a `sub` or `unsub` by other code. */
    this[kByHand] = null
    /**
     * The name in lookups for the address `dest`, where a peer's hook mapped the name to that address: `{ name, dest
     * }`.
     */
    this[kName] = null
    /** The next `sub` is the one that the peer's `sub` makes. */
    this[kIsBegun] = false
    /** The peer reconnects it. */
    this[kIsAutomatic] = false
    /** The peer chose the next connection's destination among several publishers. */
    this[kIsOneOfMany] = false
    /** No message has come since the peer connected it. */
    this[kIsSilent] = false
    /** There was a listener for `close` on the socket that was lost. */
    this[kIsSocketWatched] = false
    /** The address to add to messages, where the peer adds one. */
    this[kSource] = undefined
  }

  init () {
    super.init()
    reveal(this, 'socket')
    this[kConnection] = null
    // Listeners that expect no address may have optional arguments: `peer.on('message', parse)`.
    for (const event of FORWARDED) this.on(event, data => this.client.emit(event, this[kSource] ?? data))
    this.on('message', data => {
      this[kIsSilent] = false
      if (this[kSource] === undefined) this.client.emit('message', data)
      else this.client.emit('message', data, this[kSource])
    })
    // An active transport keeps the process alive, connected or not.
    if (!this[kHeld]) hold()
    this[kHeld] = true
    clearInterval(this._checkConnectionItv)
    // A subclass with `checkConnection` expects calls of it, as by the original.
    if (this[kLooksAfter]()) {
      this._checkConnectionItv = setInterval(() => this.checkConnection(), CHECK_CONNECTION)
    }
  }

  /** Connects to `conf.dest`. */
  sub (key) {
    const isAutomatic = this[kIsAutomatic]
    const isBegun = this[kIsBegun]
    this[kIsBegun] = false
    if (!isAutomatic) {
      if (this[kByHand]) this[kByHand]()
      if (!isBegun && this.client && this.client[kEndAutomatic]) this.client[kEndAutomatic](this, String(this.conf.dest), key)
      // A user who reconnects by hand wants one connection, and not a second one beside the automatic one.
      const current = this[kConnection]
      if (current && current.isAutomatic && !current.closing) {
        current.isHidden = false
        if (current.dest === String(this.conf.dest)) return
        current.close()
        current.silence()
      }
    }
    this.connecting()
    const connection = new SubConnection(this, isAutomatic)
    this[kConnection] = connection
    const dialling = this[kIsOneOfMany] ? AMONG_OTHERS : undefined
    this[kIsOneOfMany] = false
    connection.dial(this.conf.dest, { ...copyOf(this.conf), secure: undefined }, dialling)
  }

  /** `name` is the name in lookups for the present address. */
  [kCallIt] (name) {
    this[kName] = { name, dest: String(this.conf.dest) }
  }

  /** The `ws`-like object, or the socket that was assigned. */
  get socket () {
    const connection = this[kConnection]
    // A subclass's `sub` may add listeners to the socket that it has just made.
    if (connection && (!connection.isHidden || this[kIsAutomatic])) return connection.socket
    // A lost socket stays until another one replaces it: services read its state, and send.
    return this[kSocket] || (this[kClosedConnection] ? this[kClosedConnection].socket : this[kSocket])
  }

  set socket (socket) {
    this[kSocket] = socket
    this[kClosedConnection] = null
  }

  /** See docs/OBSERVABILITY.md. */
  stats () {
    return this[kMeter].ofSubscriber()
  }

  unsub () {
    const connection = this[kConnection]
    const socket = this[kSocket]
    if (this[kByHand]) this[kByHand]()
    this[kConnection] = null
    this[kSocket] = null
    this[kClosedConnection] = null
    if (!connection && !socket) return
    this.disconnected()
    if (socket && typeof socket.close === 'function') socket.close()
    // A foreign socket reports its close itself.
    if (connection) this[kCloseUnwanted](connection)
  }

  /**
   * Closes a connection that is no longer wanted: pending messages are still emitted, unless the peer has stopped.
   */
  [kCloseUnwanted] (connection) {
    connection.isLeft = !connection.isHidden && !connection.isSilent && !connection.isUnheard
    connection.close()
    if (connection.isLeft) return
    connection.silence()
    // The loss of the connection that it replaces was reported already.
    if (!connection.isHidden) nextTick(() => this.emit('disconnected'))
  }

  /** Stops a subscription that is not connected. */
  checkConnection () {
    if (!this.isActive() || this.isConnected()) return
    this.unsub()
  }

  /** Whether other code than the peer listens for `disconnected`, or for `close` on the socket. */
  isWatched () {
    return this[kIsWatched]()
  }

  [kIsWatched] () {
    return this.listenerCount('disconnected') > 1 || this[kIsSocketWatched]
  }

  /** The connection calls this when it is lost, not when this side ended it. */
  [kLost] (connection, err) {
    if (connection.isLeft) this.emit('disconnected')
    if (this[kConnection] !== connection) return
    this[kConnection] = null
    if (!connection.isHidden) this[kClosedConnection] = connection
    this.disconnected()
    // A user who closes the socket ends the subscription.
    if (connection.closing && this[kByHand]) this[kByHand]()
    // Before listeners run: a `once` listener counts, and is gone afterwards.
    this[kIsSocketWatched] = connection.isWatchedForClose
    if (!connection.closing && this.client && this.client[kUnreachable]) this.client[kUnreachable](connection.name, connection.begun, connection.isSettled)
    const again = this[kOnLost] && !connection.closing && this.isActive() ? this[kOnLost](!!err, connection.isSettled) : undefined
    // One more failed attempt to reconnect is no news, and must not end the process.
    const isNews = !(err && connection.isAutomatic && again !== undefined)
    if (isNews && !(err && this[kEmitUnreachable](err))) this.emit('disconnected')
    if (again !== undefined && this.isActive()) again()
  }

  /** Emits the error of an unreachable destination where there is a listener. */
  [kEmitUnreachable] (err) {
    const listeners = [this, this.client].filter(one => one && typeof one.listenerCount === 'function' && one.listenerCount('error') > 0)
    for (const one of listeners) one.emit('error', err)
    return listeners.length > 0
  }

  /** Silently ends a connection that replaced a lost one, or a pending attempt. */
  [kEndSilently] () {
    const connection = this[kConnection]
    this[kConnection] = this[kClosedConnection] = null
    if (connection) {
      this.disconnected()
      connection.close()
      connection.silence()
    }
    this.stop()
  }

  [kOpenConnections] () {
    return this[kConnection] ? [this[kConnection]] : []
  }

  _stop () {
    super._stop()
    clearInterval(this._checkConnectionItv)
    this.unsub()
    if (!this[kHeld]) return
    this[kHeld] = false
    letGo()
  }
}

class SubConnection extends Connection {
  constructor (transport, isAutomatic) {
    super(LANES.SOCKET, transport)
    /** The peer made it to replace a lost one. */
    this.isAutomatic = isAutomatic
    /** Until it opens, `socket` still returns the lost one, unless the user takes the connection over. */
    this.isHidden = isAutomatic
    /** Drops all events. */
    this.isSilent = false
    /** Emits messages until it is closed, and then `disconnected`. */
    this.isLeft = false
    this.begun = monotonic()
    this._openSince = Infinity
  }

  /** The name in lookups of its address. */
  get name () {
    const { [kName]: named } = this.transport
    return named !== null && named.dest === this.dest ? named.name : this.dest
  }

  /** Whether the connection was good: it lasted for a while. */
  get isSettled () {
    return monotonic() - this._openSince >= SETTLED
  }

  /** Whether the socket has a listener for `close`. */
  get isWatchedForClose () {
    return this._socket !== null && this._socket.listenerCount('close') > 0
  }

  opened () {
    this._openSince = monotonic()
    this.isHidden = false
    const { client } = this.transport
    if (client && client[kReachable]) client[kReachable](this.name)
    this.transport.connected()
    this.transport.emit('connected')
  }

  /** Drops all present and future messages of the publisher. */
  silence () {
    this.isSilent = true
    this.lanes = LANES.NONE
    if (!this.isClosed) core.ignore(this.conn)
  }

  /** Whether its peer has stopped. */
  get isUnheard () {
    const { client } = this.transport
    return !!client && client[kIsStopped] === true
  }

  onMessage (data) {
    if (this.isSilent || this.isTerminated || (this.closing && this.isUnheard)) return
    if (this._socket === null) this.transport.emit('message', data)
    else super.onMessage(data)
  }

  /** The package's own message listener calls this. */
  onSocketMessage (data) {
    this.transport.emit('message', data)
  }

  onPing (data) {
    if (!this.isSilent) super.onPing(data)
  }

  onPong (data) {
    if (!this.isSilent) super.onPong(data)
  }

  /** Listeners wait for its close, which must keep the process alive until then. */
  _letGo () {
    if (!this.isLeft || this.isClosed) super._letGo()
  }

  ended (err) {
    if (this.open && err && err.message === TOO_LARGE) tooLarge(this.transport, this.dest)
    this.transport[kLost](this, this.open ? null : err)
  }
}

const { checkConnection } = TransportSub.prototype

/** Whether a subclass reconnects by itself. */
TransportSub.prototype[kLooksAfter] = function () {
  return this.checkConnection !== checkConnection
}

TransportSub.prototype[kOptions] = OPTIONS.PeerSub

module.exports = TransportSub
