'use strict'

const { setImmediate } = require('../util/clock')
const Connection = require('./Connection')
const RequestLimit = require('./RequestLimit')
const { abandonedOf } = require('./AbandonedRequests')
const { partsOf } = require('../util/address')
const { core } = require('../native/core')
const { messageNext } = require('../native/dispatch')
const { LANES } = require('../native/layout')
const { sendReply, toJson } = require('../native/output')
const { ABANDONED } = require('../options/defaults')
const { isLarge, isTooLarge } = require('../errors/errors')
const { kCaller, kIsNative, kMessage, kParse, kServe, kServing } = require('../util/symbols')
const { OPTIONS } = require('../options/optionTable')
const { messageOf } = require('../errors/silentMistakes')

/** One client of a server transport. */
class ServerConnection extends Connection {
  constructor (transport, lanes) {
    super(lanes, transport)
    const { maxConnectionRequests, maxRequestBytes, requestTimeout } = transport.conf
    const limits = OPTIONS.PeerRPCServer
    this._age = limits.requestTimeout.of(requestTimeout)
    this._unanswered = new RequestLimit(
      this,
      limits.maxConnectionRequests.of(maxConnectionRequests),
      limits.maxRequestBytes.of(maxRequestBytes),
      this._age
    )
    this._abandoned = abandonedOf(transport)
    /** Where this connection is counted after its close, while requests are pending. */
    this._abandonedEntry = null
    /** Closed connections from its address hold too much: nothing of this one reaches the service. */
    this._isHeld = false
    /** The package's own listener, where JavaScript replies. */
    this._serve = null
    /** Messages arrived on both lanes when it left the native lane. */
    this._doubled = false
    /** The message emitted instead of the same one that may come next on the socket lane. */
    this._emitted = null
    /** The next message is a request that was handled already. */
    this._isNextHandled = false
    this._isDraining = false
  }

  accepted (conn, request) {
    super.accepted(conn, request)
    this._abandoned.opened(this)
    return this
  }

  /** The other side's address, without its port. */
  get host () {
    const { socket, address } = this.upgradeRequest
    // Node drops the address when the socket closes.
    return socket ? partsOf(this.dest).host : address
  }

  /** Holds the connection's messages back, as if its client did not read its replies. */
  hold (isHeld) {
    if (isHeld === this._isHeld || this.isClosed) return
    this._isHeld = isHeld
    if (isHeld) this.delayMessages()
    else setImmediate(() => this.onRoom())
    this.setReading()
  }

  /** Stops reading, and tells the client how far it was read: see src/rpc/drain.rs. */
  drain () {
    // On the socket lane the user replies.
    if (this.isClosed || this.closing || !(this.lanes & LANES.RPC)) return false
    this._isDraining = true
    this.setReading()
    core.drain(this.conn)
    return true
  }

  isDrained () {
    return this._isDraining ? core.isDrained(this.conn) : super.isDrained()
  }

  onRoom () {
    if (!this._isHeld) super.onRoom()
  }

  setReading () {
    super.setReading(!this._isDraining && !this._isHeld && !this._unanswered.isFull)
  }

  retain (bytes) {
    super.retain(bytes)
    if (this._abandonedEntry !== null) this._abandoned.change(this._abandonedEntry, this._retained > 0 ? this._retained + ABANDONED.connection : 0)
  }

  /**
   * `cost` is what it costs to keep, in bytes; 0 for a small one. `since` is when it was fetched: a default value
   * here would cost each request one more scope.
   */
  onRequest (rid, key, payload, cost, since) {
    if (this.isTerminated) return
    if (this.isBehind) return this._waitForTurn('onRequest', [rid, key, payload, cost, since], cost)
    const { transport, _unanswered: unanswered } = this
    if (this.hasLeftNativeLane || !transport[kIsNative]()) {
      return this._handOver(JSON.stringify([rid, key, payload]))
    }
    const { young } = unanswered
    young.count++
    if (cost > 0) unanswered.add(young, cost)
    const reply = (err, res) => this.reply(rid, err, res, young, since, cost)
    transport[kServe](this, rid, key, payload, reply, this.cert)
    if (young.count >= unanswered.room) unanswered.update()
  }

  /** A message that was large or no array of three: it is parsed here. */
  onRequestData (data, cost, since) {
    if (this.isTerminated) return
    if (this.isBehind) return this._waitForTurn('onRequestData', [data, cost, since], cost)
    const { transport, _unanswered: unanswered } = this
    if (this.hasLeftNativeLane || !transport[kIsNative]()) return this._handOver(data)
    const { young } = unanswered
    let request = transport[kParse](data)
    // The reply would repeat this id, whatever the service replies.
    if (request && isLarge(request[0])) request = null
    if (request) {
      young.count++
      unanswered.add(young, cost)
    } else {
      this._isNone('invalid')
    }
    const handler = { reply: (rid, err, res) => this.reply(rid, err, res, young, since, cost), [kCaller]: this }
    transport.handleRequest(handler, request, { cert: this.cert })
    if (young.count >= unanswered.room) unanswered.update()
  }

  /**
   * `generation` is the one that the request was counted in, see RequestLimit.js; `since` when it arrived, and `cost`
   * what it was counted with.
   */
  reply (rid, err, res, generation, since, cost) {
    const isString = typeof res === 'string'
    let result = res
    try {
      // For a closed connection only the count matters.
      if (!isString && !this.isClosed) result = toJson(res)
    } catch (error) {
      // The request itself may be what cannot be stringified: that is the caller's error, and not the service's.
      if (!isTooLarge(error)) throw error
      return this.reply(rid, error, null, generation, since, cost)
    }
    generation.count--
    if (cost > 0) this._unanswered.take(generation, cost)
    if (this._unanswered.isWatched) this._unanswered.onReply()
    // A late reply to a closed connection, whose number may belong to another client now.
    if (this.isClosed) return
    if (this._socket !== null && this.isPatched) return this._replyBySocket(rid, err, res)
    try {
      if (sendReply(this.conn, rid, err ? messageOf(this.transport, err) : null, result, isString, since)) this.fallBehind()
    } catch (error) {
      if (!isTooLarge(error)) throw error
      this._replyTooLarge(rid, error, since)
    }
    if (err) this.meter.count('errors')
    if (this.stream !== null) this.stream.pumpSoon()
  }

  /** The user replaced the socket's `send`. */
  _replyBySocket (rid, err, res) {
    core.answered(this.conn)
    if (err) this.meter.count('errors')
    this.transport.sendReply(this._socket, rid, err, res)
  }

  /** Id, error and result together are too long. */
  _replyTooLarge (rid, error, since) {
    try {
      sendReply(this.conn, rid, error.message, 'null', false, since)
    } catch (err) {
      // The id is too long by itself; no peer of this package makes such an id.
      this._isNone('errors')
    }
  }

  /** A separate method: a closure in the caller would let the reply's closure retain the request. */
  _waitForTurn (method, args, cost) {
    this._delayed.push(() => this[method](...args), cost)
  }

  /** The package's own listener calls this: it replies to each message that is not handled yet. */
  onSocketMessage (data, isHandled) {
    if (isHandled) return
    if (this._serve === null) this._serve = this.transport[kServing](this.socket, this.cert)
    this._serve(data)
  }

  /** From now on each message goes through the socket object's listeners. */
  leaveNativeLane () {
    if (this.hasLeftNativeLane || this.isClosed) return
    // Within the handling of a request: the same message comes next for the socket.
    if (this._leave()) this._isNextHandled = messageNext(this.conn) !== undefined
  }

  /** Returns whether messages arrived on both lanes so far. */
  _leave () {
    super.leaveNativeLane()
    this._doubled = this.lanes === (LANES.RPC | LANES.SOCKET)
    this.setLanes(LANES.SOCKET)
    this._unanswered.end()
    return this._doubled
  }

  onMessage (data) {
    if (this.isBehind || this.isTerminated) return super.onMessage(data)
    const emitted = this._emitted
    this._emitted = null
    if (emitted !== null && isSame(emitted, data)) return
    if (!this._isNextHandled) return super.onMessage(data)
    this._isNextHandled = false
    if (this._socket !== null) this._socket[kMessage](data, true)
  }

  /** A message of the native lane after leaving it, for example because a hook was replaced. */
  _handOver (data) {
    this._isNone('moved')
    // An earlier message of the same batch may have done this.
    if (!this.hasLeftNativeLane) this._leave()
    if (this._doubled) {
      // If there was a listener before, the same message comes next for the socket.
      const next = messageNext(this.conn)
      if (next !== undefined && isSame(data, next)) return
      // If this message had to wait, its copy for the socket is in the queue.
      this._emitted = data
    }
    this.socket[kMessage](data, false)
  }

  ended () {
    this._abandoned.closed(this)
    if (this._isHeld) this._delayed.drop()
    this._unanswered.outlive()
    if (this._retained > 0) this._abandonedEntry = this._abandoned.add(this, this._retained + ABANDONED.connection, this._age)
  }

  /** The native side took the message for a request, but it is none, and gets no reply there. */
  _isNone (why) {
    core.answered(this.conn)
    this.meter.count(why)
  }
}

/** Whether `data` is the message that `composed` was rebuilt from. */
function isSame (composed, data) {
  if (typeof composed !== 'string') return Buffer.isBuffer(data) && composed.equals(data)
  if (composed === data) return true
  try {
    return JSON.stringify(JSON.parse(data)) === composed
  } catch (err) {
    return false
  }
}

module.exports = ServerConnection
