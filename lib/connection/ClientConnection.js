'use strict'

const Connection = require('./Connection')
const ResendBuffer = require('./ResendBuffer')
const { core } = require('../native/core')
const { LANES } = require('../native/layout')
const { sendRequest } = require('../native/output')
const { callEach } = require('../util/CallbackQueue')
const { nextTick, theirs } = require('../util/clock')
const context = require('../util/context')
const { LARGE, MAX_TIMEOUT, NOTHING_READ, TRY_AGAIN_LATER } = require('../options/defaults')
const { TEXT, errorOf } = require('../errors/errors')
const { adopt, late, tell } = require('../errors/failure')
const { ofConnecting } = require('../errors/hints')
const { ofSize } = require('./oversized')
const { kConnection, kFirstTimeout, kParse, kSocketLane } = require('../util/symbols')
const { handOver } = require('../client/replyCost')
const { OPTIONS } = require('../options/optionTable')

/** Transient error codes of the local system. */
const BUSY = ['EADDRNOTAVAIL', 'EMFILE', 'ENFILE']

/** The reply of an overloaded server (RFC 9110 section 15.6.4). */
const BUSY_RESPONSE = 'Unexpected server response: 503'

/** Error codes of connections that no server accepted. */
const REFUSALS = new Set(['ECONNREFUSED', 'ECONNRESET', 'EPIPE'])

/**
 * One connection of a client transport. Callbacks are stored here by slot; the native side holds the ids and the
 * deadlines.
 */
class ClientConnection extends Connection {
  /** @param {NativeLane} lane receives what happens to the connection */
  constructor (transport, lane) {
    super(LANES.RPC, transport)
    this._lane = lane
    this._callbacks = []
    this._free = []
    this._resendable = new ResendBuffer()
    /** Requests that the server had not begun at the close. */
    this._unread = []
    this._isLeaving = false
    /** Requests are held back until prepended `open` listeners have run. */
    this._isHeldBack = false
    /** It was closed before JavaScript knew that it was open, and its requests had been sent by then. */
    this.wasSent = false
    // Without this limit the native side would silently drop a request beyond its slots.
    this._limit = OPTIONS.PeerRPCClient.maxConnectionRequests.of(transport.conf.maxConnectionRequests)
    /** The socket's listener handles the replies to requests that JavaScript sends. */
    this.handedOver = false
    /** The latest key, which the native side still remembers. */
    this._key = undefined
  }

  /** Requests without a reply. */
  get waiting () {
    return this._callbacks.length - this._free.length
  }

  /**
   * Sends a request, or queues it until the connection opens. `key` ends with its comma, and `payload` is a JSON
   * text, unless it `isString`. `opts` are the transport's own, see `kAim` of symbols.js. Returns its slot;
   * undefined when there are too many requests.
   */
  request (key, payload, isString, timeout, cb, opts) {
    if (this.waiting >= this._limit) {
      this.meter.count('rejected')
      return nextTick(cb, late(TEXT.REQUESTS_LIMIT, { key: nameOf(key), dest: this.dest, limit: this._limit }))
    }
    const slot = this._free.length > 0 ? this._free.pop() : this._callbacks.length
    this._callbacks[slot] = cb
    if (payload.length > LARGE) this.onLarge()
    this._resendable.store(slot, key, payload, isString, timeout, opts)
    sendRequest(this.conn, slot, timeout, payload, isString, key === this._key ? undefined : key)
    this._key = key
    if (this.stream !== null) this.stream.pumpSoon()
    return slot
  }

  /** As `request`, for tests with fake timers: a fake timer makes it expire. */
  requestInTheirTime (key, payload, isString, timeout, cb, opts) {
    let isOver = false
    const timer = theirs.setTimeout(() => {
      isOver = true
      this.forget(slot, done)
      cb(late(TEXT.TIMEOUT, { key: nameOf(key), dest: this.dest, timeout }))
    }, timeout)
    const done = (err, res) => {
      // It expired after it was resent over another connection, whose late reply is dropped.
      if (isOver) return
      timer.clear()
      cb(err, res)
    }
    // `forget` identifies the request by its callback.
    done.of = cb
    const slot = this.request(key, payload, isString, MAX_TIMEOUT, done, opts)
    return slot
  }

  /** Cancels a request: before the connection opens it is not even sent. */
  forget (slot, cb) {
    const waits = this._callbacks[slot]
    if (waits !== cb && !(waits && waits.of === cb)) return
    // A reply that is on its way here still uses this slot, so the slot is freed only when it arrives.
    this._callbacks[slot] = noop
    if (!this.isClosed && core.forget(this.conn, slot)) this._take(slot)
  }

  /** The package's own message listener calls this: it takes a reply, unless the native side did. */
  onSocketMessage (data, isHandled) {
    if (!isHandled || this.handedOver) this.transport[kSocketLane].onMessage(data, isHandled ? null : this)
  }

  /** The socket's listener takes replies, whatever users do with the socket. */
  takeReplies () {
    this.handedOver = true
    this.socket[kConnection].watch()
  }

  /** Calls the callback of request `rid`; returns false if there is none. */
  answer (rid, err, res) {
    if (this.waiting === 0) return false
    for (const slot of this._callbacks.keys()) {
      if (this._callbacks[slot] === undefined || this.isClosed || core.rid(this.conn, slot) !== rid) continue
      if (core.forget(this.conn, slot)) this._take(slot)(err, res)
      return true
    }
    return false
  }

  /** From now on the socket's listeners receive the replies. */
  leaveNativeLane () {
    if (this.hasLeftNativeLane || this.isClosed || this.closing) return
    super.leaveNativeLane()
    this.setLanes(LANES.SOCKET)
  }

  get needsMessages () {
    return this.hasLeftNativeLane || this.handedOver
  }

  /** Pending callbacks lose their async context: see context.js. */
  unbind () {
    this._callbacks = this._callbacks.map(cb => cb && context.unbind(cb))
  }

  onReply (slot, err, res) {
    if (err) return this._fail(slot, err, res)
    this._take(slot)(null, res)
  }

  _fail (slot, err, res) {
    const error = errorOf(err, this._about(slot))
    this._take(slot)(error, res)
  }

  /** Handles a reply that is large or has fewer than three elements. */
  onReplyData (slot, data, cost) {
    const reply = this.transport[kParse](data)
    const isArray = Array.isArray(reply)
    const about = !isArray || reply[1] ? this._about(slot) : undefined
    if (about !== undefined) this.meter.count('errors')
    const cb = this._take(slot)
    if (!isArray) return cb(late(TEXT.REPLY_INVALID, about))
    handOver(cost, () => cb(reply[1] ? errorOf(reply[1], about) : null, reply[2]))
  }

  /** `silentFor`: the age in ms of the oldest pending request if nothing arrived since it was sent, else 0. */
  onExpired (slots, silentFor) {
    // Before the callbacks, so that a retry in one of them goes to another destination.
    if (silentFor > 0) this._lane.onSilent(this, silentFor)
    const expired = slots.map(slot => ({ about: this._about(slot, true), cb: this._take(slot) }))
    callEach(expired, ({ about, cb }) => cb(late(TEXT.TIMEOUT, about)))
  }

  /** The id of the request in `slot`, if its callback is `cb`. */
  ridOf (slot, cb) {
    return this._callbacks[slot] === cb ? core.rid(this.conn, slot) : undefined
  }

  onLarge () {
    this._lane.onLarge()
  }

  /** Whether a new request would wait behind something large, in either direction. */
  movesMuch () {
    const { stream } = this
    const isBehind = stream !== null && stream.socket !== null && stream.socket.writableLength > LARGE
    return !this.isClosed && (isBehind || core.movesMuch(this.conn, stream === null ? undefined : stream.descriptor))
  }

  /**
   * The server stopped reading: requests that it has not read go elsewhere, and those that it has still get replies.
   */
  onLeaving () {
    this._isLeaving = true
    this._lane.onLeaving(this, this._takeUnread())
  }

  detach (failure, code, reason) {
    super.detach(failure)
    // Where JavaScript moves the bytes, its error is more precise than the native side's.
    const error = (this.stream !== null && this.stream.error) || failure
    const isTurnedAway = code === TRY_AGAIN_LATER && reason === NOTHING_READ
    const isUnbegun = this.open ? this._isLeaving || isTurnedAway : isRefusal(error) || isBusy(code, error)
    // Before the connection's number is reused.
    if (isUnbegun) this._unread = this._takeUnread()
  }

  /**
   * An `open` listener that runs before the transport's, and sends, must come before the transport's queued requests.
   */
  onOpenPrepended (listen) {
    if (this.open || this.isClosed || this._isHeldBack) return
    this._isHeldBack = true
    core.holdBack(this.conn)
    listen(() => this._release())
  }

  opened () {
    if (!this._isHeldBack) this._lane.onOpened()
  }

  onOpened () {
    try {
      super.onOpened()
    } finally {
      // A listener threw, or removed the package's own.
      this._release()
    }
  }

  _release () {
    if (!this._isHeldBack || !this.open) return
    this._isHeldBack = false
    if (!this.isClosed) core.sendHeldBack(this.conn)
    if (this.stream !== null) this.stream.pumpSoon()
    this._lane.onOpened()
  }

  ended (err, reason) {
    const isTold = err && (!this.open || err.code === TEXT.MEMORY_BUDGET)
    const error = isTold ? this._explained(err) : this._lost(err, reason)
    this._lane.onClosed(this, error, this._takeAll(), isBusy(this.closeCode, err), this._unread)
  }

  /** Closes the connection and returns the pending callbacks. */
  end () {
    this._withdraw()
    const waiting = this._takeAll()
    this.close()
    return waiting
  }

  /** Before `end`: returns the callbacks of sent requests only. */
  takeSent () {
    this._withdraw()
    return this.open || this.wasSent ? this._takeAll() : []
  }

  close (code, reason) {
    this._withdraw()
    super.close(code, reason)
  }

  terminate () {
    this._withdraw()
    super.terminate()
  }

  /**
   * When the connection is closed before JavaScript knows that it is open, takes back the requests that are not sent.
   */
  _withdraw () {
    if (this.open || this.isClosed || this.closing || this.wasSent) return
    this.wasSent = this.waiting > 0 && !core.withdraw(this.conn)
  }

  /** What is known of the request in a slot; with its timeout if it expired (`isOver`). */
  _about (slot, isOver) {
    const request = this._resendable.at(slot)
    if (request === undefined) return { dest: this.dest }
    const { key, timeout, opts } = request
    const about = { key: nameOf(key), dest: this.dest, timeout: undefined }
    // A resent request reports its first timeout.
    if (isOver) about.timeout = (opts && opts[kFirstTimeout]) || timeout
    return about
  }

  /** Adds address and hint to the error of a failed connection. */
  _explained (err) {
    return adopt(err, { dest: this.dest, hint: this.open ? undefined : ofConnecting(err, this.dest, this.stream !== null) })
  }

  /** The error for requests that were pending when the connection was lost. `err`: this side ended it. */
  _lost (err, reason) {
    const { dest, closeCode } = this
    if (this.wasSent) return late(TEXT.TIMEOUT, { dest })
    const cause = ofSize(this, err, reason) || err || undefined
    return late(TEXT.TRANSPORT_CLOSE, { dest, closeCode: (cause && cause.closeCode) || closeCode || undefined, cause })
  }

  _take (slot) {
    const cb = this._callbacks[slot]
    // After `end` the callbacks were called; late replies have none.
    if (cb === undefined) return noop
    this._callbacks[slot] = undefined
    this._resendable.release(slot)
    this._free.push(slot)
    return cb
  }

  /** The requests that the server has not begun, in the order of sending; `text` may be dropped. */
  _takeUnread () {
    const unread = []
    const slots = core.unread(this.conn)
    for (let at = 0; at < slots.length; at += 2) {
      const slot = slots[at]
      const request = { ...this._resendable.copyOf(slot), left: slots[at + 1] }
      const cb = this._take(slot)
      if (cb !== noop) unread.push({ ...request, cb })
    }
    return unread
  }

  _takeAll () {
    const waiting = []
    this._callbacks.forEach((cb, slot) => {
      if (cb === undefined) return
      const { key } = this._resendable.at(slot)
      waiting.push(err => cb(tell(err, { key: nameOf(key), dest: this.dest })))
    })
    // Late replies have no callback and are dropped.
    if (waiting.length > 0 && !this.isClosed) core.abandon(this.conn)
    this._callbacks = []
    this._free = []
    this._resendable.clear()
    return waiting
  }
}

/** Each callback has its own async context. */
ClientConnection.prototype.keepsContext = false

function noop () {}

let latestKey
let latestName

/** The key from its text, which ends with a comma. Most keys equal the one before. */
function nameOf (key) {
  if (key === undefined) return undefined
  if (key !== latestKey) {
    latestName = JSON.parse(`[${key}null]`)[0]
    latestKey = key
  }
  return latestName
}

/** Whether the other side or the local system has reached its limit of connections. */
function isBusy (code, err) {
  return code === TRY_AGAIN_LATER || (!!err && (BUSY.includes(err.code) || err.message === BUSY_RESPONSE))
}

/** Whether no service accepted the connection: it drains or has exited. */
function isRefusal (failure) {
  return !!failure && (REFUSALS.has(failure.code) || failure.message === TEXT.HANG_UP)
}

module.exports = ClientConnection
module.exports.nameOf = nameOf
