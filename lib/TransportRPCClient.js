'use strict'

const { randomUUID } = require('crypto')
const TransportRPC = require('./base/TransportRPC')
const ClientConnection = require('./connection/ClientConnection')
const { nameOf } = ClientConnection
const Connection = require('./connection/Connection')
const { AbortError, abortable } = require('./util/abort')
const { bind } = require('./util/context')
const { CallbackQueue, callEach } = require('./util/CallbackQueue')
const { dateNow, isFaked, monotonic, nextTick, theirs } = require('./util/clock')
const Deadline = require('./util/Deadline')
const { CLIENT_TRANSPORT, MAX_RESENDS, MAX_TIMEOUT, SETTLED, SWEEP } = require('./options/defaults')
const { LANES, costOf, roughly, toJson } = require('./native/dispatch')
const { farewell, settled } = require('./util/drain')
const {
  kAim, kAskedAt, kBegun, kCloseSocket, kConnection, kConnectionFor, kDeadlines, kDialling, kDrain, kDraining, kEnding, kFail, kFirstTimeout, kForgetRequests, kGone, kHearConnection,
  kHearReply, kHearSocket, kIsAway, kIsNative, kIsNativeNow, kJoin, kKey, kKeyText, kLeave, kMayMove, kMeter, kMoreRequests, kMoves,
  kOnClosed, kOnLeaving, kOnOpened, kOpenConnections, kOpenSince, kOptions, kReachable, kRefuse, kReplace, kRequestAbortable, kRequestAgain,
  kRequestBySocket, kRequestNative, kRequestPromised, kRequestWatched, kResend, kResent, kRetire, kRetired, kSetKey, kSilent, kSize, kSocket,
  kStart, kStopped, kSweep, kSweepAt, kSweepBy, kSweeper, kTakeQueued, kTimeout,
  kUnreachable, kWaiting
} = require('./util/symbols')
const { OPTIONS, timeoutOf } = require('./options/optionTable')
const { handOver } = require('./client/replyCost')
const observe = require('./observe/channels')
const { reveal } = require('./base/ownProperty')
const { TEXT, errorOf } = require('./errors/errors')
const { late, tell } = require('./errors/failure')
const { LEAVING, STOPPED, ofConnecting } = require('./errors/hints')
const { ofSize } = require('./connection/oversized')
const { refusedId } = require('./util/nesting')
const { withDefaults } = require('./options/values')
const { promised } = require('./util/promises')
const Requests = require('./client/Requests')

/** `readyState` of a closed socket. */
const CLOSED = 3

/**
 * Sends requests to one destination, over one connection at a time.
 *
 * There are two ways to send. On the native lane, the native side sends requests directly. When a hook is replaced or
 * a socket was assigned, each request passes through all the methods below, one by one, over the socket object.
 */
class TransportRPCClient extends TransportRPC {
  constructor (client, conf) {
    super(client, conf)
    this.conf = withDefaults(CLIENT_TRANSPORT, this.conf)
    this[kSocket] = undefined
    this[kGone] = this[kEnding] = null
  }

  init () {
    super.init()
    reveal(this, 'socket')
    this.cbq = new CallbackQueue()
    this._reqs = new Requests(() => this[kConnection] && !this[kConnection].open ? this[kRetired] : this[kOpenConnections]())
    this[kDeadlines] = new WeakMap()
    this[kConnection] = null
    this[kRetired] = new Set()
    /** When the connection opened; Infinity while it is not open. */
    this[kOpenSince] = Infinity
    /** The peer's pool knows that this transport lost its connection, and may have dropped it. */
    this[kIsAway] = false
    this[kKey] = undefined
    this[kKeyText] = undefined
    /** When the request that is being sent was made, and its entry in `cbq`. */
    this[kAskedAt] = undefined
    this[kBegun] = null
    this[kSweeper] = null
    this[kSweepAt] = Infinity
    this[kDraining] = false
    this[kMayMove] = false
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
    if (this[kIsNative]()) {
      const connection = new ClientConnection(this)
      const { client } = this
      const isOurs = client && typeof client[kDialling] === 'function'
      connection.dial(this.conf.dest, this.conf, isOurs ? client[kDialling](this.conf.dest, connection) : undefined)
      this[kConnection] = connection
    } else {
      const socket = this.getSocket(this.conf)
      this.socket = socket
      this[kHearSocket](socket)
    }
  }

  disconnect () {
    const connection = this[kConnection]
    const socket = this[kSocket]
    this[kConnection] = null
    this[kSocket] = null
    this[kGone] = null
    if (!connection && !socket) return
    this.disconnected()
    // Requests queued while the socket is closed wait for the next socket: the close of this one was reported.
    const queued = socket && socket.readyState === CLOSED ? [] : this[kTakeQueued]()
    if (socket) this[kCloseSocket](socket)
    let waiting = connection ? connection.end() : []
    // These requests were sent before JavaScript knew that the connection is open: an error about a closed connection
    // would make the caller take them for unsent.
    if (connection && connection.wasSent) waiting = waiting.map(cb => () => cb(this[kStopped](TEXT.TIMEOUT)))
    // A stop calls these back itself.
    const sent = [...this._reqs.values()].filter(req => this[kEnding] === null || !this[kEnding].has(req))
    // Queued requests fail in a later tick, as after a broken connection; requests made until then wait for the next
    // connection.
    nextTick(() => this[kFail](this[kStopped](TEXT.TRANSPORT_CLOSE), [...queued, ...waiting], sent))
  }

  /** The `ws`-like object, or the socket that was assigned. */
  get socket () {
    if (this[kConnection]) return this[kConnection].socket
    // A lost socket stays until another one replaces it: services read its state.
    return this[kSocket] || (this[kGone] ? this[kGone].socket : this[kSocket])
  }

  set socket (socket) {
    this[kSocket] = socket
    this[kGone] = null
    if (!socket || !this[kConnection]) return
    this[kRetire]()
  }

  /** Makes a socket to `conf.dest`. Override it to use another socket. */
  getSocket (conf) {
    return new Connection(LANES.NONE, this).dial(this.conf.dest, conf).socket
  }

  setLastRequestTime () {
    // A transport with pending requests is not idle, and reading the clock for each request of a burst costs too
    // much: `monitor` reads it then.
    if (this[kConnection] !== null && this[kConnection].waiting > 0) this[kMoreRequests] = true
    else this._req_last_ts = Date.now === dateNow ? roughly() : Date.now()
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
    if (req.opts) {
      // Monotonic: the system's clock may jump.
      const at = (this[kAskedAt] ?? theirs.now()) + req.opts.timeout
      this[kDeadlines].set(req, { at, since: req._ts })
      this[kSweepBy](at)
    }
    this[kHearConnection]()
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

  [kStart] (key, payload, opts, cb) {
    if (this[kDraining]) return this[kRefuse](this[kStopped](TEXT.TRANSPORT_CLOSE), cb)
    if (opts && opts.signal) return this[kRequestAbortable](key, payload, opts, cb)
    if (this[kIsNativeNow]()) this[kRequestNative](key, payload, opts, cb)
    else this[kRequestBySocket](key, payload, opts, this[kMeter].asked(cb))
  }

  /** As `kStart`, and reports the request to diagnostics subscribers. */
  [kRequestWatched] (key, payload, opts, cb) {
    // Throws before any subscriber is notified.
    this[kTimeout](opts)
    const watched = observe.ask(this, key, payload)
    const done = (err, res) => {
      watched.end(err, res)
      cb(err, res)
    }
    const before = this[kConnection]
    const slot = before === null ? 0 : before.nextSlot
    this[kStart](key, payload, opts, done)
    const connection = this[kConnection]
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
      nextTick(cb, err)
    }
  }

  [kRequestNative] (key, payload, opts, cb) {
    const timeout = this[kTimeout](opts)
    const isString = typeof payload === 'string'
    let text = payload
    let connection = this[kConnection]
    try {
      if (!isString) text = toJson(payload)
      if (key !== this[kKey] || this[kKeyText] === undefined) this[kSetKey](key)
      if (connection === null || connection.closing || !connection.open) connection = this[kConnectionFor]()
    } catch (err) {
      this[kRefuse](err, cb)
      return
    }
    // Options that nothing reads later are not kept.
    const kept = opts && (opts.signal || opts[kAim]) ? opts : undefined
    if (isFaked()) return connection.requestInTheirTime(this[kKeyText], text, isString, timeout, cb, kept)
    return connection.request(this[kKeyText], text, isString, timeout, cb, kept)
  }

  [kConnectionFor] () {
    // The socket was closed by its user.
    if (this[kConnection] !== null && this[kConnection].closing) {
      this[kRetire]()
      this.disconnected()
    }
    if (this[kConnection] === null) this.connect()
    // Counted as waiting for the connection, as `cbq.cnt('req')` promises.
    if (!this[kConnection].open) this.cbq.push('req', noop)
    return this[kConnection]
  }

  /** Sends a request that a connection has not begun, with the `left` part of its timeout. */
  [kRequestAgain] ({ key, text, isString, opts, left, cb }) {
    if (opts && opts.signal && opts.signal.aborted) return cb(new AbortError(opts.signal))
    if (!this[kIsNative]() || this[kSocket]) {
      // The caller's own options, without this package's symbols.
      const own = Object.fromEntries(Object.entries(opts || {}))
      return this.request(nameOf(key), isString ? text : JSON.parse(text), { ...own, timeout: left }, cb)
    }
    try {
      this[kConnectionFor]().request(key, text, isString, left, cb, opts)
    } catch (err) {
      this[kRefuse](err, cb)
    }
  }

  /**
   * Resends requests that this transport's server has not begun, over another connection that the peer chooses, or
   * fails them with `err`.
   */
  [kResend] (unread, err, isRefused, isBusy = false) {
    const { client, conf } = this
    const again = []
    const over = []
    for (const one of unread) {
      const resent = ((one.opts && one.opts[kResent]) || 0) + 1
      if (one.text === undefined || resent > MAX_RESENDS) over.push(one)
      else again.push({ ...one, opts: { ...one.opts, [kAim]: one.opts && one.opts[kAim], [kResent]: resent, [kFirstTimeout]: one.opts?.[kFirstTimeout] ?? one.timeout } })
    }
    callEach(over, ({ cb, key }) => cb(tell(err, { key: nameOf(key) })))
    if (again.length === 0) return
    if (client && typeof client[kResend] === 'function') return client[kResend](conf.dest, again, err, isRefused, this, isBusy)
    callEach(again, one => {
      if (isRefused || !this.isActive()) return one.cb(tell(err, { key: nameOf(one.key) }))
      this[kMeter].count('resent')
      this[kRequestAgain](one)
    })
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
    let forget = () => this[kForgetRequests](signal)
    // Runs at once, so that a peer that counts its requests has one less when the caller is called back.
    cb = abortable(signal, cb, (cb, err) => {
      forget()
      cb(err)
    }, { key, dest: this.conf.dest })
    if (cb === undefined) return this[kMeter].count('rejected')
    if (!isNative) return this[kRequestBySocket](key, payload, opts, cb)
    const slot = this[kRequestNative](key, payload, opts, cb)
    const connection = this[kConnection]
    forget = () => slot !== undefined && connection.forget(slot, cb)
  }

  /** Late replies to the requests of the socket lane that this signal cancelled find no entry. */
  [kForgetRequests] (signal) {
    for (const req of [...this._reqs.values()]) {
      if (req.opts && req.opts.signal === signal) this.delRequest(req)
    }
  }

  [kRequestBySocket] (key, payload, opts, cb) {
    const timeout = this[kTimeout](opts)
    this[kHearConnection]()
    const asked = theirs.now()
    let isExpired = false
    const deadline = this.isConnected()
      ? null
      : new Deadline(() => {
        isExpired = true
        cb(late(TEXT.TIMEOUT, { key, dest: this.conf.dest, timeout }))
      }, timeout, true).unref()
    const begun = err => {
      if (isExpired) return
      // From here on the request is in `_reqs`, with its own deadline.
      if (deadline !== null) deadline.clear()
      if (err) return cb(tell(err, { key, dest: this.conf.dest }))
      if (opts && opts.signal && opts.signal.aborted) return cb(new AbortError(opts.signal))
      this[kAskedAt] = asked
      try {
        this._request(key, payload, opts, cb)
      } finally {
        this[kAskedAt] = undefined
      }
    }
    this.cbq.push('req', begun)
    this[kBegun] = begun
    try {
      this.connect()
    } catch (err) {
      this.disconnected()
      nextTick(() => this.cbq.trigger('req', err))
    } finally {
      this[kBegun] = null
    }
  }

  /** The error for requests to a stopped transport, pending or new. */
  [kStopped] (text) {
    return late(text, { dest: this.conf.dest, hint: STOPPED })
  }

  /** Rejects a request that cannot be sent because of its payload or the transport's configuration. */
  [kRefuse] (err, cb) {
    if (this[kConnection] === null) this.disconnected()
    this[kMeter].count('rejected')
    nextTick(cb, err)
  }

  [kTimeout] (opts) {
    return timeoutOf(opts ? opts.timeout : undefined, this.conf)
  }

  [kSetKey] (key) {
    this[kKey] = key
    this[kKeyText] = `${toJson(key)},`
  }

  /** Replies to requests that JavaScript sends arrive through the socket object. */
  [kHearConnection] () {
    if (!this[kConnection] || this[kConnection].handedOver) return
    this[kConnection].handedOver = true
    // Whatever users do with the socket, its own listener takes replies.
    this[kConnection].socket[kConnection].watch()
  }

  /** Whether the native side sends requests and takes the replies. */
  [kIsNativeNow] () {
    const connection = this[kConnection]
    return this[kIsNative]() && !this[kSocket] && (connection === null || !(connection.hasLeft || connection.isPatched))
  }

  /** Handles a reply; `connection`, if any, may have its callback. */
  [kHearReply] (data, connection) {
    const reply = this.parse(data)
    const refused = reply === null ? refusedId(data) : undefined
    const handle = (rid, err, res) => {
      if (connection === null || !connection.answer(rid, err, res)) this.handleReply(rid, err, res)
    }
    if (refused !== undefined) return handle(refused, late(TEXT.NESTING_LIMIT, { dest: this.conf.dest }))
    if (!reply || typeof reply[Symbol.iterator] !== 'function') return
    const [rid, err, res] = reply
    handOver(costOf(data), () => handle(rid, err ? errorOf(err, { dest: this.conf.dest }) : null, res))
  }

  /** Listens to a socket, no matter who made it. */
  [kHearSocket] (socket) {
    let error = null
    let opened = this.isConnected()
    const isCurrent = () => this.socket === socket
    socket.on('message', data => this[kHearReply](data, null))
    this[kMeter].foreign(socket, opened)
    socket.on('open', () => {
      if (!isCurrent()) return
      opened = true
      this[kOpenSince] = monotonic()
      this.connected()
      this.cbq.trigger('req')
    })
    socket.on('error', err => { error = err })
    socket.on('close', (code, reason) => {
      if (!isCurrent()) return
      this[kSocket] = null
      this[kGone] = { socket }
      this.disconnected()
      this[kUnreachable]()
      const isTold = error && (!opened || error.code === TEXT.MEMORY_BUDGET)
      const failure = isTold ? told(error, this.conf) : lost(this, error, code, reason)
      this[kFail](failure, this[kTakeQueued](), [...this._reqs.values()])
    })
  }

  [kCloseSocket] (socket) {
    try {
      socket.close()
    } catch (err) {
      // A foreign socket may throw; this transport no longer uses it.
    }
  }

  [kOnOpened] () {
    const { client } = this
    this[kOpenSince] = monotonic()
    if (client && typeof client[kReachable] === 'function') client[kReachable](this.conf.dest)
    if (bySocket(this) > 0) this[kHearConnection]()
    this.connected()
    this.cbq.trigger('req')
  }

  /** `unread`: requests that the server has not begun, see `kResend`. */
  [kOnLeaving] (connection, unread) {
    // The socket lane knows nothing of draining.
    if (this[kConnection] === connection && !connection.handedOver) {
      this[kRetire]()
      this.disconnected()
      this[kUnreachable]()
    }
    this[kResend](unread, late(TEXT.TRANSPORT_CLOSE, { dest: this.conf.dest, hint: LEAVING }), false)
  }

  /** `waiting`: callbacks of requests sent over it; `unread`: requests that the server has not begun. */
  [kOnClosed] (connection, err, waiting, isBusy, unread) {
    if (this[kConnection] !== connection) {
      this[kRetired].delete(connection)
      if (this[kConnection] === null && this.isActive()) this[kLeave]()
      callEach(waiting, cb => cb(err))
      return this[kResend](unread, err, isBusy || !connection.open, isBusy)
    }
    this[kConnection] = null
    this[kGone] = connection
    this.disconnected()
    if (!connection.closing) this[kUnreachable](isBusy)
    this[kFail](err, [...this[kTakeQueued](), ...waiting], [...this._reqs.values()])
    this[kResend](unread, err, isBusy || !connection.open, isBusy)
  }

  /** Retires the connection: another one takes its place, and requests sent over it still get their replies. */
  [kRetire] () {
    this[kRetired].add(this[kConnection])
    this[kConnection] = null
  }

  /** Whether a new request would wait behind something large on this connection. */
  [kMoves] () {
    const connection = this[kConnection]
    this[kMayMove] = connection !== null && connection.movesMuch()
    return this[kMayMove]
  }

  /** `connection` received nothing for `ms` while requests expired. */
  [kSilent] (connection, ms) {
    const { client } = this
    if (connection !== this[kConnection] || !client || typeof client[kSilent] !== 'function') return
    client[kSilent](this.conf.dest, ms)
  }

  /** The next request makes another connection. */
  [kReplace] () {
    const connection = this[kConnection]
    if (connection === null || !connection.open || connection.closing) return
    this[kRetire]()
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
    if (this[kRetired].size > 0 || !client || typeof client[kLeave] !== 'function') return
    this[kIsAway] = true
    client[kLeave](this.conf.dest, this)
  }

  /** Callers that still hold this transport may use it again. */
  [kJoin] () {
    if (!this[kIsAway]) return
    this[kIsAway] = false
    this.client[kJoin](this.conf.dest, this)
  }

  /** Takes the requests that wait for the connection out of `cbq`, except the one that is being made. */
  [kTakeQueued] () {
    const { q } = this.cbq
    const queued = q instanceof Map ? q.get('req') : undefined
    if (!Array.isArray(queued)) return []
    const begun = this[kBegun]
    if (begun !== null && queued.includes(begun)) q.set('req', [begun])
    else q.delete('req')
    return queued.filter(cb => cb !== begun)
  }

  /** Fails the callbacks that waited for the connection, and the requests sent over it. */
  [kFail] (err, waiting, sent) {
    callEach([
      ...waiting.map(cb => () => cb(err)),
      ...sent.map(req => () => this.handleReply(req.rid, tell(err, { key: req.key, dest: this.conf.dest })))
    ], call => call())
  }

  /** Makes sure that expired requests of the socket lane are looked for by `deadline`. */
  [kSweepBy] (deadline) {
    if (!(deadline < this[kSweepAt])) return
    if (this[kSweeper] !== null) this[kSweeper].clear()
    this[kSweepAt] = deadline
    this[kSweeper] = new Deadline(() => this[kSweep](), Math.min(MAX_TIMEOUT, deadline - theirs.now()), true).unref()
  }

  [kSweep] () {
    const now = theirs.now()
    const expired = []
    let next = Infinity
    for (const req of this._reqs.values()) {
      const deadline = deadlineOf(req, this[kDeadlines].get(req))
      if (deadline <= now) expired.push(req)
      else next = Math.min(next, deadline)
    }
    this[kSweepAt] = Infinity
    if (next < Infinity) this[kSweepBy](Math.max(next, now + SWEEP))
    callEach(expired, req => this.handleReply(req.rid, late(TEXT.TIMEOUT, { key: req.key, dest: this.conf.dest, timeout: req.opts && req.opts.timeout })))
  }

  /** Requests without a reply. On the socket lane they wait in `cbq` for the connection. */
  get [kWaiting] () {
    let waiting = 0
    if (this[kRetired].size > 0) for (const retired of this[kRetired]) waiting += retired.waiting
    return waiting + bySocket(this) + (this[kConnection] ? this[kConnection].waiting : this.cbq.cnt('req'))
  }

  [kOpenConnections] () {
    return this[kConnection] ? [this[kConnection], ...this[kRetired]] : [...this[kRetired]]
  }

  async [kDrain] ({ drain }) {
    this[kDraining] = true
    await settled(() => this[kWaiting] === 0, drain)
    if (this[kConnection]) await farewell([this[kConnection]])
    this._stop()
  }

  _stop () {
    super._stop()
    if (this[kSweeper]) this[kSweeper].clear()
    this[kSweepAt] = Infinity
    const sent = this[kEnding] = new Set(this._reqs.values())
    const connection = this[kConnection]
    const waiting = connection ? connection.takeSent() : []
    for (const retired of this[kRetired]) waiting.push(...retired.end())
    this[kRetired].clear()
    try {
      // As with the original, callers are called back before the connection closes.
      callEach([
        ...[...sent].map(req => err => this.handleReply(req.rid, tell(err, { key: req.key }))),
        ...waiting
      ], cb => cb(this[kStopped](TEXT.TIMEOUT)))
    } finally {
      this.disconnect()
      this[kEnding] = null
    }
  }
}

/** A subclass may give a request more time: the extra time counts from `_ts`. */
function deadlineOf (req, deadline) {
  if (deadline === undefined) return Infinity
  const later = req._ts - deadline.since
  return Number.isFinite(later) ? deadline.at + later : deadline.at
}

/** How many requests of the socket lane were sent and have no reply. */
function bySocket ({ _reqs }) {
  const own = _reqs[kSize]
  // A Map that a user assigned holds only the socket lane's requests.
  return own === undefined ? _reqs.size : own
}

/** The error for a failed connection, with a native or a foreign socket. */
function told (err, { dest, secure }) {
  return tell(err, { dest, hint: err instanceof Error ? ofConnecting(err, dest, !!secure) : undefined })
}

/** The error for a lost connection of such a socket. */
function lost (transport, error, closeCode, reason) {
  const { dest } = transport.conf
  const cause = ofSize({ dest, closeCode, transport }, error, reason) || error || undefined
  return late(TEXT.TRANSPORT_CLOSE, { dest, closeCode: (cause && cause.closeCode) || closeCode, cause })
}

function noop () {}

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
