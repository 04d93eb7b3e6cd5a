'use strict'

const TransportSocket = require('./TransportSocket')
const Connection = require('./Connection')
const { hold, letGo } = require('./alive')
const { monotonic, nextTick } = require('./clock')
const { CHECK_CONNECTION, CONNECT_AMONG_OTHERS, SETTLED } = require('./defaults')
const dispatch = require('./dispatch')
const {
  kByHand, kConnection, kGiveUp, kGone, kHeld, kIsAutomatic, kIsOneOfMany, kIsSocketWatched, kIsWatched, kLooksAfter, kLost, kMeter,
  kOnLost, kOpenConnections, kOptions, kReachable, kSocket, kSource, kTell, kUnreachable
} = require('./internal')
const { OPTIONS } = require('./option-table')
const { copyOf } = require('./options')
const { reveal } = require('./own')
const { TOO_LARGE, tooLarge } = require('./silent-mistakes')

/** As `AT_ONCE` of dispatch.js. */
const AMONG_OTHERS = { after: 0, within: CONNECT_AMONG_OTHERS }

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
    /** What its peer decides when it has lost its publisher: what to do once everybody was told. */
    this[kOnLost] = null
    /** What its peer does when somebody else calls `sub`. */
    this[kByHand] = null
    /** Its peer connects it again. */
    this[kIsAutomatic] = false
    /** Where it connects next was chosen by the peer among several publishers. */
    this[kIsOneOfMany] = false
    /** Somebody listened for the end of the socket that was lost. */
    this[kIsSocketWatched] = false
    /** Where its peer tells whom messages are from: the address. */
    this[kSource] = undefined
  }

  init () {
    super.init()
    reveal(this, 'socket')
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
    // A subclass that looks after its connection expects to be asked, as by the original.
    if (this[kLooksAfter]()) {
      this._checkConnectionItv = setInterval(() => this.checkConnection(), CHECK_CONNECTION)
    }
  }

  /** Connects to `conf.dest`. */
  sub () {
    const isAutomatic = this[kIsAutomatic]
    if (!isAutomatic) {
      if (this[kByHand]) this[kByHand]()
      // Who connects again by hand means one connection, and not one beside ours.
      const current = this[kConnection]
      if (current && current.isAutomatic && !current.closing) {
        if (current.dest === String(this.conf.dest)) return
        current.close()
      }
    }
    this.connecting()
    const connection = new SubConnection(this, isAutomatic)
    this[kConnection] = connection
    const dialling = this[kIsOneOfMany] ? AMONG_OTHERS : undefined
    this[kIsOneOfMany] = false
    connection.dial(this.conf.dest, { ...copyOf(this.conf), secure: undefined }, dialling)
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
    if (socket && typeof socket.close === 'function') socket.close()
    if (!connection) return
    connection.close()
    // Whoever brought a socket tells of its end.
    nextTick(() => this.emit('disconnected'))
  }

  /** Gives up a subscription that is not connected. */
  checkConnection () {
    if (!this.isActive() || this.isConnected()) return
    this.unsub()
  }

  /** Whether somebody else than the peer listens for `disconnected`, or for `close` of the socket. */
  isWatched () {
    return this[kIsWatched]()
  }

  [kIsWatched] () {
    return this.listenerCount('disconnected') > 1 || this[kIsSocketWatched]
  }

  /** Called by the connection when it is lost, not when it was ended here. */
  [kLost] (connection, err) {
    if (this[kConnection] !== connection) return
    this[kConnection] = null
    this[kGone] = connection
    this.disconnected()
    // Before anybody is told: a listener of `once` counts, and is gone then.
    this[kIsSocketWatched] = connection.isWatchedForClose
    if (!connection.closing && this.client && this.client[kUnreachable]) this.client[kUnreachable](connection.dest, connection.begun, connection.isSettled)
    const again = this[kOnLost] && this.isActive() ? this[kOnLost](!!err, connection.isSettled) : undefined
    // One more attempt of ours that failed is no news, and no reason for an exit.
    const isNews = !(err && connection.isAutomatic && again !== undefined)
    if (isNews && !(err && this[kTell](err))) this.emit('disconnected')
    if (again !== undefined && this.isActive()) again()
  }

  /** Says that the destination cannot be reached, to whoever listens for that. */
  [kTell] (err) {
    const listeners = [this, this.client].filter(one => one.listenerCount('error') > 0)
    for (const one of listeners) one.emit('error', err)
    return listeners.length > 0
  }

  /** Ends what took the place of a lost connection, or was about to: nobody has to hear of it. */
  [kGiveUp] () {
    const connection = this[kConnection]
    this[kConnection] = this[kGone] = null
    if (connection) {
      this.disconnected()
      connection.close()
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
    super(dispatch.LANES.SOCKET, transport)
    /** Made by the peer in place of one that was lost. */
    this.isAutomatic = isAutomatic
    this.begun = monotonic()
    this._openSince = Infinity
  }

  /** Whether it was a good one: it lasted for a while, whatever came. */
  get isSettled () {
    return monotonic() - this._openSince >= SETTLED
  }

  /** Whether somebody listens for its end at the socket. */
  get isWatchedForClose () {
    return this._socket !== null && this._socket.listenerCount('close') > 0
  }

  opened () {
    this._openSince = monotonic()
    const { client } = this.transport
    if (client && client[kReachable]) client[kReachable](this.dest)
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
    if (this.open && err && err.message === TOO_LARGE) tooLarge(this.transport, this.dest)
    this.transport[kLost](this, this.open ? null : err)
  }
}

const { checkConnection } = TransportSub.prototype

/** Whether a subclass looks after the connection by itself. */
TransportSub.prototype[kLooksAfter] = function () {
  return this.checkConnection !== checkConnection
}

TransportSub.prototype[kOptions] = OPTIONS.PeerSub

module.exports = TransportSub
