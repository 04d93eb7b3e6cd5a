'use strict'

const TransportSocket = require('./TransportSocket')
const Connection = require('./Connection')
const { hold, letGo } = require('./alive')
const { monotonic, nextTick } = require('./clock')
const { CHECK_CONNECTION, CONNECT_AMONG_OTHERS, SETTLED } = require('./defaults')
const dispatch = require('./dispatch')
const {
  kByHand, kCallIt, kConnection, kGiveUp, kGone, kHeld, kIsAutomatic, kIsBegun, kIsOneOfMany, kIsSocketWatched, kIsStopped, kIsWatched, kLetGo,
  kLooksAfter, kLost, kMeter, kName, kOnLost, kOpenConnections, kOptions, kReachable, kSocket, kSource, kTell, kUnreachable, kYield
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
    /** What its peer does when somebody else calls `sub` or `unsub`. */
    this[kByHand] = null
    /** What lookups call the address `dest`, where a peer's hook has made another one of it: `{ name, dest }`. */
    this[kName] = null
    /** The next `sub` begins what `sub` of the peer was asked for. */
    this[kIsBegun] = false
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
    if (!this[kHeld]) hold()
    this[kHeld] = true
    clearInterval(this._checkConnectionItv)
    // A subclass that looks after its connection expects to be asked, as by the original.
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
      if (!isBegun && this.client && this.client[kYield]) this.client[kYield](this, String(this.conf.dest), key)
      // Who connects again by hand means one connection, and not one beside ours.
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

  /** Lookups call the address `name` that it connects to. */
  [kCallIt] (name) {
    this[kName] = { name, dest: String(this.conf.dest) }
  }

  /** The object like `ws`'s, or what was assigned. */
  get socket () {
    const connection = this[kConnection]
    // A `sub` of a subclass may listen to what it has just made.
    if (connection && (!connection.isHidden || this[kIsAutomatic])) return connection.socket
    // One that was lost stays until another takes its place: services look at its state, and send.
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
    if (this[kByHand]) this[kByHand]()
    this[kConnection] = null
    this[kSocket] = null
    this[kGone] = null
    if (!connection && !socket) return
    this.disconnected()
    if (socket && typeof socket.close === 'function') socket.close()
    // Whoever brought a socket tells of its end.
    if (connection) this[kLetGo](connection)
  }

  /** Ends a connection that somebody gives up: what is on its way is heard, unless the peer has stopped. */
  [kLetGo] (connection) {
    connection.isLeft = !connection.isHidden && !connection.isSilent && !connection.isUnheard
    connection.close()
    if (connection.isLeft) return
    connection.silence()
    // The loss of what it stands for was told before.
    if (!connection.isHidden) nextTick(() => this.emit('disconnected'))
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
    if (connection.isLeft) this.emit('disconnected')
    if (this[kConnection] !== connection) return
    this[kConnection] = null
    if (!connection.isHidden) this[kGone] = connection
    this.disconnected()
    // Who ends the socket by himself has ended the subscription.
    if (connection.closing && this[kByHand]) this[kByHand]()
    // Before anybody is told: a listener of `once` counts, and is gone then.
    this[kIsSocketWatched] = connection.isWatchedForClose
    if (!connection.closing && this.client && this.client[kUnreachable]) this.client[kUnreachable](connection.name, connection.begun, connection.isSettled)
    const again = this[kOnLost] && !connection.closing && this.isActive() ? this[kOnLost](!!err, connection.isSettled) : undefined
    // One more attempt of ours that failed is no news, and no reason for an exit.
    const isNews = !(err && connection.isAutomatic && again !== undefined)
    if (isNews && !(err && this[kTell](err))) this.emit('disconnected')
    if (again !== undefined && this.isActive()) again()
  }

  /** Says that the destination cannot be reached, to whoever listens for that. */
  [kTell] (err) {
    const listeners = [this, this.client].filter(one => one && typeof one.listenerCount === 'function' && one.listenerCount('error') > 0)
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
    super(dispatch.LANES.SOCKET, transport)
    /** Made by the peer in place of one that was lost. */
    this.isAutomatic = isAutomatic
    /** Until it is open the lost one is shown in its place, unless somebody takes it for his own. */
    this.isHidden = isAutomatic
    /** Nobody hears what comes. */
    this.isSilent = false
    /** Its end is told when it is closed, and it is heard until then. */
    this.isLeft = false
    this.begun = monotonic()
    this._openSince = Infinity
  }

  /** What lookups call its address. */
  get name () {
    const { [kName]: named } = this.transport
    return named !== null && named.dest === this.dest ? named.name : this.dest
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
    this.isHidden = false
    const { client } = this.transport
    if (client && client[kReachable]) client[kReachable](this.name)
    this.transport.connected()
    this.transport.emit('connected')
  }

  /** Nobody hears what a publisher says that goes on, or has said. */
  silence () {
    this.isSilent = true
    this.lanes = dispatch.LANES.NONE
    if (!this.over) dispatch.ignore(this.conn)
  }

  /** Whether its peer has stopped. */
  get isUnheard () {
    const { client } = this.transport
    return !!client && client[kIsStopped] === true
  }

  onMessage (data) {
    if (this.isSilent || (this.closing && this.isUnheard)) return
    if (this._socket === null) this.transport.emit('message', data)
    else super.onMessage(data)
  }

  /** What our own listener calls. */
  hear (data) {
    this.transport.emit('message', data)
  }

  onPing (data) {
    if (!this.isSilent) super.onPing(data)
  }

  onPong (data) {
    if (!this.isSilent) super.onPong(data)
  }

  /** Who is told of its end waits for it. */
  _letGo () {
    if (!this.isLeft || this.over) super._letGo()
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
