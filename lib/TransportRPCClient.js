'use strict'

const { randomUUID } = require('crypto')
const TransportRPC = require('./TransportRPC')
const ClientConnection = require('./ClientConnection')
const Connection = require('./Connection')
const { AbortError, abortable } = require('./abort')
const { bind } = require('./context')
const { CbQ, callEach, withDeadline } = require('./cbq')
const { CLIENT_TRANSPORT, SETTLED, SWEEP } = require('./defaults')
const { LANES, costOf, roughly, toJson } = require('./dispatch')
const { farewell, settled } = require('./drain')
const { handOver } = require('./kept')
const observe = require('./observe')
const { TEXT, errorOf } = require('./errors')
const { refusedId } = require('./nesting')
const { amount, withDefaults } = require('./options')
const { promised } = require('./promises')

/**
 * Requests to one destination, over one connection at a time.
 *
 * There are two ways through it. On the native lane, requests go to the native side at once.
 * When a hook is replaced, or a socket was brought, each request goes through all the methods
 * below, one by one, over the socket object.
 */
class TransportRPCClient extends TransportRPC {
  constructor (client, conf) {
    super(client, conf)
    this.conf = withDefaults(CLIENT_TRANSPORT, this.conf)
  }

  init () {
    super.init()
    this.cbq = new CbQ()
    this._reqs = new Map()
    this._deadlines = new WeakMap()
    this._connection = null
    this._retired = new Set()
    /** When the connection was open; Infinity while it is not. */
    this._openSince = Infinity
    /** Its peer's pool knows that it has lost its connection, and may have let go of it. */
    this._isAway = false
    this._key = undefined
    this._keyText = undefined
    this._sweeper = null
    this._sweepAt = Infinity
    this._draining = false
    /** There were requests since `_req_last_ts`. */
    this._moreRequests = false
    this.setLastRequestTime()
  }

  /**
   * Sends a request, connecting first if need be. `opts.timeout` counts from here, and
   * `opts.signal` ends it.
   * @param {function(Error, *)} [cb] without it, this returns a Promise
   */
  request (key, payload, opts, cb) {
    this.setLastRequestTime()
    if (typeof cb !== 'function') return this._requestPromised(key, payload, opts)
    cb = bind(cb)
    if (observe.isWatched()) return this._requestWatched(key, payload, opts, cb)
    this._start(key, payload, opts, cb)
  }

  connect () {
    if (this.isConnected()) return this.cbq.trigger('req')
    if (this.isConnecting()) return
    this.disconnect()
    this.connecting()
    this._join()
    if (this._isNative()) {
      const connection = new ClientConnection(this)
      connection.dial(this.conf.dest, this.conf)
      this._connection = connection
    } else {
      const socket = this.getSocket(this.conf)
      this.socket = socket
      this._hearSocket(socket)
    }
  }

  disconnect () {
    const connection = this._connection
    const socket = this._socket
    this._connection = null
    this._socket = null
    if (!connection && !socket) return
    this.disconnected()
    if (socket) this._closeSocket(socket)
    const waiting = connection ? connection.end() : []
    const sent = [...this._reqs.values()]
    // Who waits hears of it in a later tick, as from a connection that broke.
    process.nextTick(() => this._fail(new Error(TEXT.TRANSPORT_CLOSE), waiting, sent))
  }

  /** The object like `ws`'s, or what was assigned. */
  get socket () {
    return this._connection ? this._connection.socket : this._socket
  }

  set socket (socket) {
    this._socket = socket
    if (!socket || !this._connection) return
    this._retire()
  }

  /** Makes a socket to `conf.dest`. Override it to bring another. */
  getSocket (conf) {
    return new Connection(LANES.NONE, this).dial(this.conf.dest, conf).socket
  }

  setLastRequestTime () {
    // A transport with something under way is not idle, and a clock for each request of a burst
    // costs too much: `monitor` looks at it then.
    if (this._connection !== null && this._connection.waiting > 0) this._moreRequests = true
    else this._req_last_ts = roughly()
  }

  newRequest (key, payload, opts, cb) {
    return {
      rid: randomUUID(),
      key,
      payload,
      opts: { ...opts, timeout: this._timeout(opts) },
      cb,
      _ts: Date.now()
    }
  }

  addRequest (req) {
    this._reqs.set(req.rid, req)
    if (req.opts) {
      // Not by the system's clock, which may jump.
      const deadline = performance.now() + req.opts.timeout
      this._deadlines.set(req, deadline)
      this._sweepBy(deadline)
    }
    this._hearConnection()
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
    if (typeof req.cb === 'function') req.cb(err, data)
  }

  /** Stops a transport that had nothing to do for `conf.inactivityTimeout` ms. */
  monitor () {
    super.monitor()
    if (this._moreRequests) {
      this._moreRequests = false
      this._req_last_ts = Date.now()
    }
    if (this._waiting === 0 && Date.now() - this._req_last_ts > this.conf.inactivityTimeout) this.stop()
  }

  /** See docs/OBSERVABILITY.md. */
  stats () {
    return this._meter.ofClient()
  }

  _start (key, payload, opts, cb) {
    if (this._draining) return this._refuse(new Error(TEXT.TRANSPORT_CLOSE), cb)
    if (opts && opts.signal) return this._requestAbortable(key, payload, opts, cb)
    if (this._isNative() && !this._socket) this._requestNative(key, payload, opts, cb)
    else this._requestBySocket(key, payload, opts, this._meter.asked(cb))
  }

  /** As `_start`, told to those who watch. */
  _requestWatched (key, payload, opts, cb) {
    const watched = observe.ask(this, key, payload)
    const done = (err, res) => {
      watched.end(err, res)
      cb(err, res)
    }
    const before = this._connection
    const slot = before === null ? 0 : before.nextSlot
    this._start(key, payload, opts, done)
    const connection = this._connection
    if (connection !== null) watched.message.rid = connection.ridOf(connection === before ? slot : 0, done)
    watched.start()
  }

  _request (key, payload, opts, cb) {
    const req = this.newRequest(key, payload, opts, cb)
    this.addRequest(req)
    try {
      this.sendRequest(req)
    } catch (err) {
      this.delRequest(req)
      process.nextTick(cb, err)
    }
  }

  _requestNative (key, payload, opts, cb) {
    const isString = typeof payload === 'string'
    let text = payload
    try {
      if (!isString) text = toJson(payload)
      if (key !== this._key || this._keyText === undefined) this._setKey(key)
      // Somebody closed its socket.
      if (this._connection !== null && this._connection.closing) {
        this._retire()
        this.disconnected()
      }
      if (this._connection === null) this.connect()
    } catch (err) {
      this._refuse(err, cb)
      return
    }
    const connection = this._connection
    // Counted as waiting for the connection, as `cbq.cnt('req')` promises.
    if (!connection.open) this.cbq.push('req', noop)
    return connection.request(this._keyText, text, isString, this._timeout(opts), cb)
  }

  /** By itself, since a closure in `request` would cost each request something. */
  _requestPromised (key, payload, opts) {
    return promised(cb => request.call(this, key, payload, opts, cb))
  }

  _requestAbortable (key, payload, opts, cb) {
    const { signal } = opts
    const isNative = this._isNative() && !this._socket
    // Inside, so that it hears of the abort.
    if (!isNative && !signal.aborted) cb = this._meter.asked(cb)
    let forget = () => this._forgetRequests(signal)
    // At once, so that a peer that counts its requests has one less when its caller hears of it.
    cb = abortable(signal, cb, (cb, err) => {
      forget()
      cb(err)
    })
    if (cb === undefined) return this._meter.count('rejected')
    if (!isNative) return this._requestBySocket(key, payload, opts, cb)
    const slot = this._requestNative(key, payload, opts, cb)
    const connection = this._connection
    forget = () => slot !== undefined && connection.forget(slot, cb)
  }

  /** Replies to the requests of the socket lane that this signal ended find none. */
  _forgetRequests (signal) {
    for (const req of [...this._reqs.values()]) {
      if (req.opts && req.opts.signal === signal) this.delRequest(req)
    }
  }

  _requestBySocket (key, payload, opts, cb) {
    this._hearConnection()
    if (!this.isConnected()) cb = withDeadline(this._timeout(opts), cb)
    this.cbq.push('req', err => {
      if (err) cb(err)
      else if (opts && opts.signal && opts.signal.aborted) cb(new AbortError(opts.signal))
      else this._request(key, payload, opts, cb)
    })
    try {
      this.connect()
    } catch (err) {
      this.disconnected()
      process.nextTick(() => this.cbq.trigger('req', err))
    }
  }

  /** A request that cannot be sent: its payload, or the transport's configuration. */
  _refuse (err, cb) {
    if (this._connection === null) this.disconnected()
    this._meter.count('rejected')
    process.nextTick(cb, err)
  }

  _timeout (opts) {
    return amount(opts ? opts.timeout : undefined, this.conf.requestTimeout)
  }

  _setKey (key) {
    this._key = key
    this._keyText = `${toJson(key)},`
  }

  /** Answers to requests that JavaScript sends come by the socket object. */
  _hearConnection () {
    if (!this._connection || this._connection.handedOver) return
    this._connection.handedOver = true
    this._hearSocket(this._connection.socket)
  }

  /** Listens to a socket, whoever made it. */
  _hearSocket (socket) {
    let error = null
    let opened = this.isConnected()
    const isCurrent = () => this.socket === socket
    socket.on('message', data => {
      const reply = this.parse(data)
      const refused = reply === null ? refusedId(data) : undefined
      if (refused !== undefined) return this.handleReply(refused, new Error(TEXT.NESTING_LIMIT))
      if (!reply || typeof reply[Symbol.iterator] !== 'function') return
      const [rid, err, res] = reply
      handOver(costOf(data), () => this.handleReply(rid, err ? errorOf(err) : null, res))
    })
    if (this._connection) return
    this._meter.foreign(socket, opened)
    socket.on('open', () => {
      if (!isCurrent()) return
      opened = true
      this._openSince = performance.now()
      this.connected()
      this.cbq.trigger('req')
    })
    socket.on('error', err => { error = err })
    socket.on('close', () => {
      if (!isCurrent()) return
      this._socket = null
      this.disconnected()
      this._unreachable()
      const isTold = error && (!opened || error.code === TEXT.MEMORY_BUDGET)
      const failure = isTold ? error : new Error(TEXT.TRANSPORT_CLOSE)
      this._fail(failure, [], [...this._reqs.values()])
    })
  }

  _closeSocket (socket) {
    try {
      socket.close()
    } catch (err) {
      // A foreign socket may refuse; it is not ours any more.
    }
  }

  _onOpened () {
    const { client } = this
    this._openSince = performance.now()
    if (client && typeof client._reachable === 'function') client._reachable(this.conf.dest)
    if (this._reqs.size > 0) this._hearConnection()
    this.connected()
    this.cbq.trigger('req')
  }

  /** `waiting`: callbacks of requests that were sent by it. */
  _onClosed (connection, err, waiting) {
    if (this._connection !== connection) {
      this._retired.delete(connection)
      return callEach(waiting, cb => cb(err))
    }
    this._connection = null
    this.disconnected()
    if (!connection.closing) this._unreachable()
    this._fail(err, waiting, [...this._reqs.values()])
  }

  /** Another connection takes the place of this one; what was asked over it is still answered. */
  _retire () {
    this._retired.add(this._connection)
    this._connection = null
  }

  _unreachable () {
    const { client } = this
    const lasted = performance.now() - this._openSince >= SETTLED
    this._openSince = Infinity
    if (client && typeof client._unreachable === 'function') client._unreachable(this.conf.dest, lasted)
    this._leave()
  }

  /** Grapes may name any number of destinations: what has no connection need not be kept. */
  _leave () {
    const { client } = this
    if (this._retired.size > 0 || !client || typeof client._leave !== 'function') return
    this._isAway = true
    client._leave(this.conf.dest, this)
  }

  /** Whoever has it may use it again. */
  _join () {
    if (!this._isAway) return
    this._isAway = false
    this.client._join(this.conf.dest, this)
  }

  /** Fails what waits for the connection, and what was sent by it: callbacks, and requests. */
  _fail (err, waiting, sent) {
    callEach([
      () => this.cbq.trigger('req', err),
      ...waiting.map(cb => () => cb(err)),
      ...sent.map(req => () => this.handleReply(req.rid, err))
    ], call => call())
  }

  /** Looks for expired requests of the socket lane by `deadline`. */
  _sweepBy (deadline) {
    if (!(deadline < this._sweepAt)) return
    clearTimeout(this._sweeper)
    this._sweepAt = deadline
    this._sweeper = setTimeout(() => this._sweep(), amount(deadline - performance.now(), 0))
    this._sweeper.unref()
  }

  _sweep () {
    const now = performance.now()
    const expired = []
    let next = Infinity
    for (const req of this._reqs.values()) {
      const deadline = this._deadlines.get(req) ?? Infinity
      if (deadline <= now) expired.push(req)
      else next = Math.min(next, deadline)
    }
    this._sweepAt = Infinity
    if (next < Infinity) this._sweepBy(Math.max(next, now + SWEEP))
    callEach(expired, req => this.handleReply(req.rid, new Error(TEXT.TIMEOUT)))
  }

  /** Requests without an answer. Those of the socket lane wait in `cbq` for the connection. */
  get _waiting () {
    return this._reqs.size + (this._connection ? this._connection.waiting : this.cbq.cnt('req'))
  }

  _openConnections () {
    return this._connection ? [this._connection, ...this._retired] : [...this._retired]
  }

  async _drain ({ drain }) {
    this._draining = true
    await settled(() => this._waiting === 0, drain)
    if (this._connection) await farewell([this._connection])
    this._stop()
  }

  _stop () {
    super._stop()
    clearTimeout(this._sweeper)
    this._sweepAt = Infinity
    const sent = [...this._reqs.values()]
    const connection = this._connection
    const waiting = connection && connection.open ? connection._takeAll() : []
    for (const retired of this._retired) waiting.push(...retired.end())
    this._retired.clear()
    this.disconnect()
    callEach([
      ...sent.map(req => err => this.handleReply(req.rid, err)),
      ...waiting
    ], cb => cb(new Error(TEXT.TIMEOUT)))
  }
}

function noop () {}

const {
  connect, disconnect, getSocket, parse, format, request, _request, sendRequest, handleReply,
  newRequest, addRequest, getRequest, delRequest
} = TransportRPCClient.prototype

/** As in TransportRPCServer.js. */
TransportRPCClient.prototype._isNative = function () {
  return this.request === request && this._request === _request &&
    this.sendRequest === sendRequest && this.handleReply === handleReply &&
    this.newRequest === newRequest && this.addRequest === addRequest &&
    this.getRequest === getRequest && this.delRequest === delRequest &&
    this.parse === parse && this.format === format && this.connect === connect &&
    this.disconnect === disconnect && this.getSocket === getSocket
}

module.exports = TransportRPCClient
