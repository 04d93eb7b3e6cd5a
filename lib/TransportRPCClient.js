'use strict'

const { randomUUID } = require('crypto')
const TransportRPC = require('./base/TransportRPC')
const Connection = require('./connection/Connection')
const NativeLane = require('./client/NativeLane')
const Requests = require('./client/Requests')
const SocketLane = require('./client/SocketLane')
const { abortable } = require('./util/abort')
const { bind } = require('./util/context')
const { CallbackQueue, callEach } = require('./util/CallbackQueue')
const { dateNow, monotonic, nextTick } = require('./util/clock')
const { CLIENT_TRANSPORT, SETTLED } = require('./options/defaults')
const { turnTime } = require('./native/dispatch')
const { LANES } = require('./native/layout')
const { farewell, settled } = require('./util/drain')
const {
  kConnection, kDrain, kDraining, kEndedByStop, kFail, kClosedConnection, kIsReportedLost, kIsNative, kIsNativeNow, kJoin, kLeave, kMayMoveLarge,
  kMeter, kMoreRequests, kMovesLarge, kNativeLane, kOnClosed, kOnLarge, kOnOpened, kOpenConnections,
  kOpenSince, kOptions, kReachable, kReject, kReplace, kRequestAbortable, kRequestAgain, kRequestPromised,
  kRequestWatched, kSocket, kSocketLane, kStart, kStopped, kTimeout, kUnreachable, kWaiting
} = require('./util/symbols')
const { OPTIONS, timeoutOf } = require('./options/optionTable')
const observe = require('./observe/channels')
const { reveal } = require('./base/ownProperty')
const { TEXT } = require('./errors/errors')
const { late, tell } = require('./errors/failure')
const { STOPPED } = require('./errors/hints')
const { withDefaults } = require('./options/values')
const { promised } = require('./util/promises')

/** `readyState` of a closed socket. */
const CLOSED = 3

/**
 * Sends requests to one destination, over one connection at a time.
 *
 * There are two ways to send: see `NativeLane` and `SocketLane`. The socket lane is used while a hook is replaced, and
 * after a socket was assigned.
 */
class TransportRPCClient extends TransportRPC {
  constructor (client, conf) {
    super(client, conf)
    this.conf = withDefaults(CLIENT_TRANSPORT, this.conf)
    this[kSocket] = undefined
    this[kClosedConnection] = this[kEndedByStop] = null
    this[kNativeLane] = new NativeLane(this)
    this[kSocketLane] = new SocketLane(this)
  }

  init () {
    super.init()
    reveal(this, 'socket')
    this.cbq = new CallbackQueue()
    // After another `init` the connection until then changes nothing here.
    this[kNativeLane].takeConnection()
    const native = this[kNativeLane] = new NativeLane(this)
    this[kSocketLane] = new SocketLane(this)
    this._reqs = new Requests(() => native.sending())
    /** When the connection opened; Infinity while it is not open. */
    this[kOpenSince] = Infinity
    /** The peer's pool knows that this transport lost its connection, and may have dropped it. */
    this[kIsReportedLost] = false
    this[kDraining] = false
    this[kMayMoveLarge] = false
    /** There were requests since `_req_last_ts`. */
    this[kMoreRequests] = false
    this.setLastRequestTime()
  }

  /**
   * Sends a request and connects first if necessary. `opts.timeout` counts from this call, and `opts.signal` cancels
   * the request.
   * @param {function(Error, *)} [cb] without it, this returns a Promise
   */
  request (key, payload, opts, cb) {
    this.setLastRequestTime()
    if (typeof cb !== 'function') return this[kRequestPromised](key, payload, opts)
    cb = bind(cb)
    if (observe.isWatched()) return this[kRequestWatched](key, payload, opts, cb)
    this[kStart](key, payload, opts, cb)
  }

  connect () {
    if (this.isConnected()) return this.cbq.trigger('req')
    if (this.isConnecting()) return
    this.disconnect()
    this.connecting()
    this[kJoin]()
    if (this[kIsNative]()) return this[kNativeLane].connect()
    const socket = this.getSocket(this.conf)
    this.socket = socket
    this[kSocketLane].listen(socket)
  }

  disconnect () {
    const connection = this[kNativeLane].takeConnection()
    const socket = this[kSocket]
    this[kSocket] = null
    this[kClosedConnection] = null
    if (!connection && !socket) return
    this.disconnected()
    // Requests queued while the socket is closed wait for the next socket: the close of this one was reported.
    const queued = socket && socket.readyState === CLOSED ? [] : this[kSocketLane].takeQueued()
    if (socket) this[kSocketLane].close(socket)
    let waiting = connection ? connection.end() : []
    // These requests were sent before JavaScript knew that the connection is open: an error about a closed connection
    // would make the caller take them for unsent.
    if (connection && connection.wasSent) waiting = waiting.map(cb => () => cb(this[kStopped](TEXT.TIMEOUT)))
    // A stop calls these back itself.
    const sent = [...this._reqs.values()].filter(req => this[kEndedByStop] === null || !this[kEndedByStop].has(req))
    // Queued requests fail in a later tick, as after a broken connection; requests made until then wait for the next
    // connection.
    nextTick(() => this[kFail](this[kStopped](TEXT.TRANSPORT_CLOSE), [...queued, ...waiting], sent))
  }

  /** The `ws`-like object, or the socket that was assigned. */
  get socket () {
    if (this[kConnection]) return this[kConnection].socket
    // A lost socket stays until another one replaces it: services read its state.
    return this[kSocket] || (this[kClosedConnection] ? this[kClosedConnection].socket : this[kSocket])
  }

  set socket (socket) {
    this[kSocket] = socket
    this[kClosedConnection] = null
    if (socket && this[kConnection]) this[kNativeLane].retire()
  }

  /** Makes a socket to `conf.dest`. Override it to use another socket. */
  getSocket (conf) {
    return new Connection(LANES.NONE, this).dial(this.conf.dest, conf).socket
  }

  setLastRequestTime () {
    // A transport with pending requests is not idle, and reading the clock for each request of a burst costs too
    // much: `monitor` reads it then.
    const { connection } = this[kNativeLane]
    if (connection !== null && connection.waiting > 0) this[kMoreRequests] = true
    else this._req_last_ts = Date.now === dateNow ? turnTime() : Date.now()
  }

  newRequest (key, payload, opts, cb) {
    return {
      rid: randomUUID(),
      key,
      payload,
      opts: { ...opts, timeout: this[kTimeout](opts) },
      cb,
      _ts: Date.now()
    }
  }

  addRequest (req) {
    this._reqs.set(req.rid, req)
    if (req.opts) this[kSocketLane].expireLater(req)
    this[kSocketLane].takeReplies()
  }

  delRequest (req) {
    this._reqs.delete(req.rid)
  }

  getRequest (rid) {
    return this._reqs.get(rid)
  }

  sendRequest (req) {
    this.socket.send(this.format([req.rid, req.key, req.payload]))
  }

  handleReply (rid, err, data) {
    const req = this.getRequest(rid)
    if (!req) return
    this.delRequest(req)
    if (typeof req.cb === 'function') req.cb(err ? tell(err, { key: req.key }) : err, data)
  }

  /** Stops a transport that was idle for `conf.inactivityTimeout` ms. */
  monitor () {
    super.monitor()
    if (this[kMoreRequests]) {
      this[kMoreRequests] = false
      this._req_last_ts = Date.now()
    }
    if (this[kWaiting] === 0 && Date.now() - this._req_last_ts > this.conf.inactivityTimeout) this.stop()
  }

  /** See docs/OBSERVABILITY.md. */
  stats () {
    return this[kMeter].ofClient()
  }

  /** Sends a request on one of the lanes. Returns its slot on the native lane. */
  [kStart] (key, payload, opts, cb) {
    if (this[kDraining]) return this[kReject](this[kStopped](TEXT.TRANSPORT_CLOSE), cb)
    if (opts && opts.signal) return this[kRequestAbortable](key, payload, opts, cb)
    if (this[kIsNativeNow]()) return this[kNativeLane].request(key, payload, opts, cb)
    this[kSocketLane].request(key, payload, opts, this[kMeter].asked(cb))
  }

  /** A method of its own, as `kRequestPromised`. */
  [kRequestWatched] (key, payload, opts, cb) {
    observe.request(this, key, payload, cb, done => this[kNativeLane].ridOf(this[kStart](key, payload, opts, done), done))
  }

  _request (key, payload, opts, cb) {
    const req = this.newRequest(key, payload, opts, cb)
    this.addRequest(req)
    try {
      this.sendRequest(req)
    } catch (err) {
      this.delRequest(req)
      nextTick(cb, err)
    }
  }

  /** A request that a connection has not begun: see `kResend`. */
  [kRequestAgain] (unread) {
    this[kNativeLane].requestAgain(unread)
  }

  /** A separate method, since a closure in `request` would cost each request something. */
  [kRequestPromised] (key, payload, opts) {
    return promised(cb => request.call(this, key, payload, opts, cb))
  }

  [kRequestAbortable] (key, payload, opts, cb) {
    // Throws before anything listens to the signal.
    this[kTimeout](opts)
    const { signal } = opts
    const isNative = this[kIsNativeNow]()
    // Inside `abortable`, so that the meter counts the abort.
    if (!isNative && !signal.aborted) cb = this[kMeter].asked(cb)
    let forget = () => this[kSocketLane].forget(signal)
    // Runs at once, so that a peer that counts its requests has one less when the caller is called back.
    cb = abortable(signal, cb, (cb, err) => {
      forget()
      cb(err)
    }, { key, dest: this.conf.dest })
    if (cb === undefined) return this[kMeter].count('rejected')
    if (!isNative) return this[kSocketLane].request(key, payload, opts, cb)
    const slot = this[kNativeLane].request(key, payload, opts, cb)
    const { connection } = this[kNativeLane]
    forget = () => slot !== undefined && connection.forget(slot, cb)
    return slot
  }

  /** The error for requests to a stopped transport, pending or new. */
  [kStopped] (text) {
    return late(text, { dest: this.conf.dest, hint: STOPPED })
  }

  /** Rejects a request that cannot be sent because of its payload or the transport's configuration. */
  [kReject] (err, cb) {
    if (this[kConnection] === null) this.disconnected()
    this[kMeter].count('rejected')
    nextTick(cb, err)
  }

  [kTimeout] (opts) {
    return timeoutOf(opts ? opts.timeout : undefined, this.conf)
  }

  /** Whether the native side sends requests and takes the replies. */
  [kIsNativeNow] () {
    const { connection } = this[kNativeLane]
    return this[kIsNative]() && !this[kSocket] && (connection === null || !(connection.hasLeftNativeLane || connection.isPatched))
  }

  /** The native connection of new requests; null if there is none. */
  get [kConnection] () {
    return this[kNativeLane].connection
  }

  /** A connection opened: the native lane's, or the `socket` of the socket lane. */
  [kOnOpened] (socket) {
    this[kOpenSince] = monotonic()
    if (socket === undefined) {
      if (typeof this.client?.[kReachable] === 'function') this.client[kReachable](this.conf.dest)
      if (this[kSocketLane].sent > 0) this[kSocketLane].takeReplies()
    }
    this.connected()
    this.cbq.trigger('req')
  }

  /** A lane lost its connection, whose closed `socket` services may still read; `waiting` was sent over it. */
  [kOnClosed] (lost, err, waiting, isBusy) {
    this[kSocket] = null
    this[kClosedConnection] = lost
    this.disconnected()
    if (!lost.closing) this[kUnreachable](isBusy)
    this[kFail](err, [...this[kSocketLane].takeQueued(), ...waiting], [...this._reqs.values()])
  }

  /** A large message begins to move over the native connection. */
  [kOnLarge] () {
    this[kMayMoveLarge] = true
  }

  /** Whether a new request would wait behind something large on this connection. */
  [kMovesLarge] () {
    const connection = this[kConnection]
    return (this[kMayMoveLarge] = connection !== null && connection.movesMuch())
  }

  /** The next request makes another connection. */
  [kReplace] () {
    const connection = this[kConnection]
    if (connection === null || !connection.open || connection.closing) return
    this[kNativeLane].retire()
    this[kOpenSince] = Infinity
    this.disconnected()
  }

  [kUnreachable] (isBusy) {
    const { client } = this
    const lasted = monotonic() - this[kOpenSince] >= SETTLED
    this[kOpenSince] = Infinity
    if (client && typeof client[kUnreachable] === 'function') client[kUnreachable](this.conf.dest, lasted, isBusy)
    this[kLeave]()
  }

  /** Grapes may name any number of destinations: a transport without a connection need not be kept. */
  [kLeave] () {
    const { client } = this
    if (this[kNativeLane].retired.size > 0 || !client || typeof client[kLeave] !== 'function') return
    this[kIsReportedLost] = true
    client[kLeave](this.conf.dest, this)
  }

  /** Callers that still hold this transport may use it again. */
  [kJoin] () {
    if (!this[kIsReportedLost]) return
    this[kIsReportedLost] = false
    this.client[kJoin](this.conf.dest, this)
  }

  /** Fails the callbacks that waited for the connection, and the requests sent over it. */
  [kFail] (err, waiting, sent) {
    callEach([
      ...waiting.map(cb => () => cb(err)),
      ...sent.map(req => () => this.handleReply(req.rid, tell(err, { key: req.key, dest: this.conf.dest })))
    ], call => call())
  }

  /** Requests without a reply. On the socket lane they wait in `cbq` for the connection. */
  get [kWaiting] () {
    const { connection, retiredWaiting } = this[kNativeLane]
    return retiredWaiting + this[kSocketLane].sent + (connection ? connection.waiting : this.cbq.cnt('req'))
  }

  [kOpenConnections] () {
    return this[kNativeLane].connections()
  }

  async [kDrain] ({ drain }) {
    this[kDraining] = true
    await settled(() => this[kWaiting] === 0, drain)
    if (this[kConnection]) await farewell([this[kConnection]])
    this._stop()
  }

  _stop () {
    super._stop()
    this[kSocketLane].stop()
    const sent = this[kEndedByStop] = new Set(this._reqs.values())
    const waiting = this[kNativeLane].takeSent()
    try {
      // As with the original, callers are called back before the connection closes.
      callEach([
        ...[...sent].map(req => err => this.handleReply(req.rid, tell(err, { key: req.key }))),
        ...waiting
      ], cb => cb(this[kStopped](TEXT.TIMEOUT)))
    } finally {
      this.disconnect()
      this[kEndedByStop] = null
    }
  }
}

const {
  connect, disconnect, getSocket, parse, format, request, _request, sendRequest, handleReply,
  newRequest, addRequest, getRequest, delRequest, isConnected, isConnecting, connected
} = TransportRPCClient.prototype

/** As in TransportRPCServer.js. */
TransportRPCClient.prototype[kIsNative] = function () {
  return this.request === request && this._request === _request &&
    this.sendRequest === sendRequest && this.handleReply === handleReply &&
    this.newRequest === newRequest && this.addRequest === addRequest &&
    this.getRequest === getRequest && this.delRequest === delRequest &&
    this.parse === parse && this.format === format && this.connect === connect &&
    this.disconnect === disconnect && this.getSocket === getSocket &&
    this.isConnected === isConnected && this.isConnecting === isConnecting && this.connected === connected
}

TransportRPCClient.prototype[kOptions] = OPTIONS.PeerRPCClient

module.exports = TransportRPCClient
