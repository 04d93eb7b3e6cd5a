'use strict'

const { setImmediate } = require('./clock')
const Connection = require('./Connection')
const Unanswered = require('./Unanswered')
const { abandonedOf } = require('./Abandoned')
const { partsOf } = require('./address')
const dispatch = require('./dispatch')
const { ABANDONED } = require('./defaults')
const { isLarge, isTooLarge } = require('./errors')
const observe = require('./observe')
const { kAnswer, kCaller, kIsNative, kMessage, kParse, kServing } = require('./internal')
const { OPTIONS } = require('./option-table')
const { messageOf } = require('./silent-mistakes')

/** One client of a server transport. */
class ServerConnection extends Connection {
  constructor (transport, lanes) {
    super(lanes, transport)
    this.cert = null
    const { maxConnectionRequests, maxRequestBytes, requestTimeout } = transport.conf
    const limits = OPTIONS.PeerRPCServer
    this._age = limits.requestTimeout.of(requestTimeout)
    this._unanswered = new Unanswered(
      this,
      limits.maxConnectionRequests.of(maxConnectionRequests),
      limits.maxRequestBytes.of(maxRequestBytes),
      this._age
    )
    this._abandoned = abandonedOf(transport)
    /** What is counted of it there, once it is gone. */
    this._left = null
    /** Too much is abandoned of what others asked from its address: nothing of it reaches the service. */
    this._isHeld = false
    /** Our own listener, where JavaScript answers. */
    this._serve = null
    /** Messages came both ways when it left the native lane. */
    this._doubled = false
    /** What was emitted in place of the message that may come right behind. */
    this._emitted = null
    /** The message right behind is one of a request that was answered. */
    this._isNextHandled = false
    this._isDraining = false
  }

  accepted (conn, request) {
    super.accepted(conn, request)
    this._abandoned.enter(this)
    return this
  }

  /** The other side's address, without its port. */
  get host () {
    const { socket, address } = this.request
    // Node forgets it when the socket ends.
    return socket ? partsOf(this.dest).host : address
  }

  /** Whether it has to wait, as one whose answers are not read. */
  hold (isHeld) {
    if (isHeld === this._isHeld || this.over) return
    this._isHeld = isHeld
    if (isHeld) this.isBehind = true
    else setImmediate(() => this.onRoom())
    this.setReading()
  }

  /** Nothing more is read, and the client is told how far it was read: see src/rpc/drain.rs. */
  drain () {
    // What goes by the socket object is answered by somebody else.
    if (this.over || this.closing || !(this.lanes & dispatch.LANES.RPC)) return false
    this._isDraining = true
    this.setReading()
    dispatch.drain(this.conn)
    return true
  }

  isDrained () {
    return this._isDraining ? dispatch.isDrained(this.conn) : super.isDrained()
  }

  onRoom () {
    if (!this._isHeld) super.onRoom()
  }

  setReading () {
    super.setReading(!this._isDraining && !this._isHeld && !this._unanswered.isFull)
  }

  keep (bytes) {
    super.keep(bytes)
    if (this._left !== null) this._abandoned.change(this._left, this._kept > 0 ? this._kept + ABANDONED.connection : 0)
  }

  /**
   * `cost` is what it costs to keep, in bytes; 0 of a small one. `since` is when it was fetched: a
   * default in here would cost each request a scope more.
   */
  onRequest (rid, key, payload, cost, since) {
    if (this.isBehind) return this._waitForTurn('onRequest', [rid, key, payload, cost, since], cost)
    const { transport, _unanswered: unanswered } = this
    if (this.hasLeft || !transport[kIsNative]()) {
      return this._handOver(JSON.stringify([rid, key, payload]))
    }
    const { young } = unanswered
    young.count++
    if (cost > 0) unanswered.add(young, cost)
    const reply = (err, res) => this.reply(rid, err, res, young, since, cost)
    if (observe.isWatched()) observe.serve(transport, this, rid, key, payload, reply, this.cert)
    else transport[kAnswer](this, rid, key, payload, reply, this.cert)
    if (young.count >= unanswered.room) unanswered.look()
  }

  /** A message that was large or no array of three: what it means is decided here. */
  onRequestData (data, cost, since) {
    if (this.isBehind) return this._waitForTurn('onRequestData', [data, cost, since], cost)
    const { transport, _unanswered: unanswered } = this
    if (this.hasLeft || !transport[kIsNative]()) return this._handOver(data)
    const { young } = unanswered
    let request = transport[kParse](data)
    // It would be written back, whatever the service answers.
    if (request && isLarge(request[0])) request = null
    if (request) {
      young.count++
      unanswered.add(young, cost)
    } else {
      this._isNone('invalid')
    }
    const handler = { reply: (rid, err, res) => this.reply(rid, err, res, young, since, cost), [kCaller]: this }
    transport.handleRequest(handler, request, { cert: this.cert })
    if (young.count >= unanswered.room) unanswered.look()
  }

  /**
   * `generation` is what the request was counted in, see Unanswered.js; `since` when it came, and
   * `cost` what it counted.
   */
  reply (rid, err, res, generation, since, cost) {
    const isString = typeof res === 'string'
    let result = res
    try {
      // Of a client that has gone only the count is kept.
      if (!isString && !this.over) result = dispatch.toJson(res)
    } catch (error) {
      // What came in may be what cannot be written: that is the caller's error, and not the service's.
      if (!isTooLarge(error)) throw error
      return this.reply(rid, error, null, generation, since, cost)
    }
    generation.count--
    if (cost > 0) this._unanswered.take(generation, cost)
    if (this._unanswered.isWatched) this._unanswered.answered()
    // A late answer to a client that has gone, or a number that means another client now.
    if (this.over) return
    if (this._socket !== null && this.isPatched) return this._replyBySocket(rid, err, res)
    try {
      if (dispatch.sendReply(this.conn, rid, err ? messageOf(this.transport, err) : null, result, isString, since)) this.fallBehind()
    } catch (error) {
      if (!isTooLarge(error)) throw error
      this._replyTooLarge(rid, error, since)
    }
    if (err) this.meter.count('errors')
    if (this.stream !== null) this.stream.pumpSoon()
  }

  /** Somebody has replaced the socket's `send`. */
  _replyBySocket (rid, err, res) {
    dispatch.answered(this.conn)
    if (err) this.meter.count('errors')
    this.transport.sendReply(this._socket, rid, err, res)
  }

  /** Id, error and result are too long together. */
  _replyTooLarge (rid, error, since) {
    try {
      dispatch.sendReply(this.conn, rid, error.message, 'null', false, since)
    } catch (err) {
      // No peer makes such an id.
      this._isNone('errors')
    }
  }

  /** By itself: a closure in there would let the answer's closure keep what was asked. */
  _waitForTurn (method, args, cost) {
    this.wait(() => this[method](...args), cost)
  }

  /** What our own listener calls: each message is answered, unless that is done. */
  hear (data, isHandled) {
    if (isHandled) return
    if (this._serve === null) this._serve = this.transport[kServing](this.socket, this.cert)
    this._serve(data)
  }

  /** From now on each message goes through the socket object's listeners. */
  leave () {
    if (this.hasLeft || this.over) return
    // In the middle of a request: the same message for the socket comes right behind.
    if (this._leave()) this._isNextHandled = dispatch.messageNext(this.conn) !== undefined
  }

  /** Whether messages came both ways so far. */
  _leave () {
    super.leave()
    this._doubled = this.lanes === (dispatch.LANES.RPC | dispatch.LANES.SOCKET)
    this.setLanes(dispatch.LANES.SOCKET)
    this._unanswered.end()
    return this._doubled
  }

  onMessage (data) {
    if (this.isBehind) return super.onMessage(data)
    const emitted = this._emitted
    this._emitted = null
    if (emitted !== null && isSame(emitted, data)) return
    if (!this._isNextHandled) return super.onMessage(data)
    this._isNextHandled = false
    if (this._socket !== null) this._socket[kMessage](data, true)
  }

  /** A message of the native lane, which it has left; somebody replaced a hook, perhaps. */
  _handOver (data) {
    this._isNone('moved')
    // The messages of one batch may find it handed over already.
    if (!this.hasLeft) this._leave()
    if (this._doubled) {
      // Where somebody listened already, the same message for the socket comes right behind.
      const next = dispatch.messageNext(this.conn)
      if (next !== undefined && isSame(data, next)) return
      // One that had to wait is behind in what waits.
      this._emitted = data
    }
    this.socket[kMessage](data, false)
  }

  terminate () {
    super.terminate()
    this.onRequest = this.onRequestData = ignore
  }

  ended () {
    this._abandoned.leave(this)
    if (this._isHeld) this.dropWaiting()
    this._unanswered.outlive()
    if (this._kept > 0) this._left = this._abandoned.add(this, this._kept + ABANDONED.connection, this._age)
  }

  /** What the native side takes for a request is none, and is not answered there. */
  _isNone (why) {
    dispatch.answered(this.conn)
    this.meter.count(why)
  }
}

/** Whether a message is the one that was composed anew of its parts. */
function isSame (composed, data) {
  if (typeof composed !== 'string') return Buffer.isBuffer(data) && composed.equals(data)
  if (composed === data) return true
  try {
    return JSON.stringify(JSON.parse(data)) === composed
  } catch (err) {
    return false
  }
}

function ignore () {}

module.exports = ServerConnection
