'use strict'

const TransportSocket = require('./TransportSocket')
const Connection = require('./Connection')
const { hold, letGo } = require('./alive')
const { monotonic, nextTick } = require('./clock')
const { SETTLED } = require('./defaults')
const dispatch = require('./dispatch')
const {
  kAgain, kConnection, kGone, kHeld, kIsWatched, kLost, kMeter, kOnLost, kOpenConnections, kOptions, kSocket, kSource, kTell
} = require('./internal')
const { OPTIONS } = require('./option-table')
const { copyOf } = require('./options')

/** What it tells its peer, beside messages. */
const FORWARDED = ['connected', 'disconnected']

/**
 * One subscription.
 *
 * Events, here and on the peer: `connected`, `disconnected`, `message` (string or Buffer), and
 * `error` for a destination that cannot be reached.
 */
class TransportSub extends TransportSocket {
  constructor (client, conf) {
    super(client, conf)
    this[kConnection] = this[kSocket] = undefined
    this[kGone] = null
    this[kHeld] = false
    /** What its peer does when it has lost its publisher. */
    this[kOnLost] = null
    /** Where its peer tells whom messages are from: the address. */
    this[kSource] = undefined
  }

  init () {
    super.init()
    this[kConnection] = null
    // Who listens without an address may take more arguments: `peer.on('message', parse)`.
    for (const event of FORWARDED) this.on(event, data => this.client.emit(event, this[kSource] ?? data))
    this.on('message', data => {
      if (this[kSource] === undefined) this.client.emit('message', data)
      else this.client.emit('message', data, this[kSource])
    })
    // As long as it is active it keeps the process alive, connected or not.
    hold()
    this[kHeld] = true
  }

  /** Connects to `conf.dest`. */
  sub () {
    this.connecting()
    const connection = new SubConnection(this)
    this[kConnection] = connection
    connection.dial(this.conf.dest, { ...copyOf(this.conf), secure: undefined })
  }

  /** The object like `ws`'s, or what was assigned. */
  get socket () {
    if (this[kConnection]) return this[kConnection].socket
    // One that was lost stays until another takes its place: services look at its state.
    return this[kSocket] || (this[kGone] ? this[kGone].socket : this[kSocket])
  }

  set socket (socket) {
    this[kSocket] = socket
    this[kGone] = null
  }

  /** See docs/OBSERVABILITY.md. */
  stats () {
    return this[kMeter].ofSubscriber()
  }

  unsub () {
    const connection = this[kConnection]
    const socket = this[kSocket]
    this[kConnection] = null
    this[kSocket] = null
    this[kGone] = null
    if (!connection && !socket) return
    this.disconnected()
    if (connection) connection.close()
    if (socket && typeof socket.close === 'function') socket.close()
    nextTick(() => this.emit('disconnected'))
  }

  /** Gives up a subscription that is not connected. */
  checkConnection () {
    if (!this.isActive() || this.isConnected()) return
    this.unsub()
  }

  /** Whether somebody else than the peer listens for `disconnected`. */
  isWatched () {
    return this[kIsWatched]()
  }

  [kIsWatched] () {
    return this.listenerCount('disconnected') > 1
  }

  /** Called by the connection when it is lost, not when it was ended here. */
  [kLost] (connection, err) {
    if (this[kConnection] !== connection) return
    this[kConnection] = null
    this[kGone] = connection
    this.disconnected()
    const { isSettled } = connection
    if (err && this[kTell](err)) return this[kAgain](true, isSettled)
    this.emit('disconnected')
    this[kAgain](!!err, isSettled)
  }

  /** Says that the destination cannot be reached, to whoever listens for that. */
  [kTell] (err) {
    const listeners = [this, this.client].filter(one => one.listenerCount('error') > 0)
    for (const one of listeners) one.emit('error', err)
    return listeners.length > 0
  }

  [kAgain] (unreachable, isSettled) {
    if (this[kOnLost] && this.isActive()) this[kOnLost](unreachable, isSettled)
  }

  [kOpenConnections] () {
    return this[kConnection] ? [this[kConnection]] : []
  }

  _stop () {
    super._stop()
    this.unsub()
    if (!this[kHeld]) return
    this[kHeld] = false
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
    return monotonic() - this._openSince >= SETTLED
  }

  opened () {
    this._openSince = monotonic()
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
    if (this._socket === null) this.transport.emit('message', data)
    else super.onMessage(data)
  }

  /** What our own listener calls. */
  hear (data) {
    this.transport.emit('message', data)
  }

  onPing (data) {
    if (!this.closing) super.onPing(data)
  }

  onPong (data) {
    if (!this.closing) super.onPong(data)
  }

  ended (err) {
    this.transport[kLost](this, this.open ? null : err)
  }
}

TransportSub.prototype[kOptions] = OPTIONS.PeerSub

module.exports = TransportSub
