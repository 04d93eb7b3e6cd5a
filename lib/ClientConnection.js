'use strict'

const Connection = require('./Connection')
const dispatch = require('./dispatch')
const { callEach } = require('./cbq')
const { nextTick, theirs } = require('./clock')
const context = require('./context')
const { LARGE, MAX_TIMEOUT, NOTHING_READ, RESENT, TRY_AGAIN_LATER } = require('./defaults')
const { TEXT, errorOf } = require('./errors')
const { adopt, late, tell } = require('./failure')
const { ofConnecting } = require('./hints')
const { ofSize } = require('./oversized')
const { kFirstTimeout, kHearReply, kMayMove, kOnClosed, kOnLeaving, kOnOpened, kParse, kSilent } = require('./internal')
const { handOver } = require('./kept')
const { OPTIONS } = require('./option-table')

/** Where no request is. */
const NOTHING_ASKED = { key: undefined, isString: false, timeout: undefined, opts: undefined }

/** Codes of this system's errors that pass. */
const BUSY = ['EADDRNOTAVAIL', 'EMFILE', 'ENFILE']

/** What a server answers that has enough to do (RFC 9110 section 15.6.4). */
const BUSY_RESPONSE = 'Unexpected server response: 503'

/** Codes of connections that were let in by nobody. */
const REFUSALS = new Set(['ECONNREFUSED', 'ECONNRESET', 'EPIPE'])

/**
 * One connection of a client transport. Callbacks wait here by slot; the native side has the
 * ids and the deadlines.
 */
class ClientConnection extends Connection {
  constructor (transport) {
    super(dispatch.LANES.RPC, transport)
    this._callbacks = []
    this._free = []
    /** What was asked, by slot, for when its server drains before it begins it: texts, and the rest. */
    this._texts = []
    this._asked = []
    /** Long texts among them, and requests with options: they are let go of when they are answered. */
    this._kept = 0
    /** Characters of the long texts. */
    this._chars = 0
    /** What the latest request was, but for its text. */
    this._latest = NOTHING_ASKED
    /** What the server had not begun at the end. */
    this._unread = []
    this._isLeaving = false
    /** Its requests wait until the listeners have heard that it is open that were put before all others. */
    this._isHeldBack = false
    /** It was ended when JavaScript did not know that it was open, and its requests had left by then. */
    this.wasSent = false
    // Beyond its slots the native side would take a request without a word.
    this._limit = OPTIONS.PeerRPCClient.maxConnectionRequests.of(transport.conf.maxConnectionRequests)
    /** Requests that JavaScript sends are answered by the socket's listener. */
    this.handedOver = false
    /** What was asked last, which the native side still knows. */
    this._key = undefined
  }

  /** Requests without an answer. */
  get waiting () {
    return this._callbacks.length - this._free.length
  }

  /**
   * Sends a request, or lets it wait for the connection. `key` ends with its comma, and `payload`
   * is a JSON text, unless it `isString`. `opts` are the transport's own, see `kAim` of internal.js.
   * Returns its slot; undefined when there are too many.
   */
  request (key, payload, isString, timeout, cb, opts) {
    if (this.waiting >= this._limit) {
      this.meter.count('rejected')
      return nextTick(cb, late(TEXT.REQUESTS_LIMIT, { key: nameOf(key), dest: this.dest, limit: this._limit }))
    }
    const slot = this._free.length > 0 ? this._free.pop() : this._callbacks.length
    this._callbacks[slot] = cb
    this._keep(slot, key, payload, isString, timeout, opts)
    dispatch.sendRequest(this.conn, slot, timeout, payload, isString, key === this._key ? undefined : key)
    this._key = key
    if (this.stream !== null) this.stream.pumpSoon()
    return slot
  }

  /** As `request`, where a test has replaced the timers: it says when the time is over. */
  requestInTheirTime (key, payload, isString, timeout, cb, opts) {
    let isOver = false
    const timer = theirs.setTimeout(() => {
      isOver = true
      this.forget(slot, done)
      cb(late(TEXT.TIMEOUT, { key: nameOf(key), dest: this.dest, timeout }))
    }, timeout)
    const done = (err, res) => {
      // It was sent again by another connection.
      if (isOver) return
      timer.clear()
      cb(err, res)
    }
    // Who gives it up knows it by its callback.
    done.of = cb
    const slot = this.request(key, payload, isString, MAX_TIMEOUT, done, opts)
    return slot
  }

  /** Gives up a request: before the connection is open it is not even sent. */
  forget (slot, cb) {
    const waits = this._callbacks[slot]
    if (waits !== cb && !(waits && waits.of === cb)) return
    // What is on its way here is still meant for this slot, which is free only then.
    this._callbacks[slot] = noop
    if (!this.over && dispatch.forget(this.conn, slot)) this._take(slot)
  }

  /** What our own listener calls: a reply is taken, unless the native side has done so. */
  hear (data, isHandled) {
    if (!isHandled || this.handedOver) this.transport[kHearReply](data, isHandled ? null : this)
  }

  /** Calls back who waits for the reply to `rid`; false: nobody does. */
  answer (rid, err, res) {
    if (this.waiting === 0) return false
    for (const slot of this._callbacks.keys()) {
      if (this._callbacks[slot] === undefined || this.over || dispatch.rid(this.conn, slot) !== rid) continue
      if (dispatch.forget(this.conn, slot)) this._take(slot)(err, res)
      return true
    }
    return false
  }

  /** From now on replies are heard by the socket's listeners. */
  leave () {
    if (this.hasLeft || this.over || this.closing) return
    super.leave()
    this.setLanes(dispatch.LANES.SOCKET)
  }

  get needsMessages () {
    return this.hasLeft || this.handedOver
  }

  /** The callbacks that wait have no context of their own: see context.js. */
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

  /** A reply that was large or short. */
  onReplyData (slot, data, cost) {
    const reply = this.transport[kParse](data)
    const isArray = Array.isArray(reply)
    const about = !isArray || reply[1] ? this._about(slot) : undefined
    if (about !== undefined) this.meter.count('errors')
    const cb = this._take(slot)
    if (!isArray) return cb(late(TEXT.REPLY_INVALID, about))
    handOver(cost, () => cb(reply[1] ? errorOf(reply[1], about) : null, reply[2]))
  }

  /** `silentFor`: so many ms ago the oldest was asked, if nothing came since; else 0. */
  onExpired (slots, silentFor) {
    // Whoever asks again when it hears of it shall ask somebody else.
    if (silentFor > 0) this.transport[kSilent](this, silentFor)
    const expired = slots.map(slot => ({ about: this._about(slot, true), cb: this._take(slot) }))
    callEach(expired, ({ about, cb }) => cb(late(TEXT.TIMEOUT, about)))
  }

  /** Where the next request's callback waits. */
  get nextSlot () {
    return this._free.length > 0 ? this._free[this._free.length - 1] : this._callbacks.length
  }

  /** The id of the request whose callback waits in `slot`, if it is this one. */
  ridOf (slot, cb) {
    return this._callbacks[slot] === cb ? dispatch.rid(this.conn, slot) : undefined
  }

  onLarge () {
    this.transport[kMayMove] = true
  }

  /** Whether what is asked by it waits behind something large, either way. */
  movesMuch () {
    const { stream } = this
    const isBehind = stream !== null && stream.socket !== null && stream.socket.writableLength > LARGE
    return !this.over && (isBehind || dispatch.movesMuch(this.conn, stream === null ? undefined : stream.descriptor))
  }

  /** The server reads no more: what it has not read goes elsewhere, and what it has is still answered. */
  onLeaving () {
    this._isLeaving = true
    this.transport[kOnLeaving](this, this._takeUnread())
  }

  detach (failure, code, reason) {
    super.detach(failure)
    // Where JavaScript moves the bytes, it knows better than the native side.
    const error = (this.stream !== null && this.stream.error) || failure
    const isTurnedAway = code === TRY_AGAIN_LATER && reason === NOTHING_READ
    const isUnbegun = this.open ? this._isLeaving || isTurnedAway : isRefusal(error) || isBusy(code, error)
    // Before its number is given back.
    if (isUnbegun) this._unread = this._takeUnread()
  }

  /** Whoever hears of the opening before the transport does, and sends, comes before its requests. */
  hearOpened (listen) {
    if (this.open || this.over || this._isHeldBack) return
    this._isHeldBack = true
    dispatch.holdBack(this.conn)
    listen(() => this._release())
  }

  opened () {
    if (!this._isHeldBack) this.transport[kOnOpened]()
  }

  onOpened () {
    try {
      super.onOpened()
    } finally {
      // A listener threw, or took that of ours away.
      this._release()
    }
  }

  _release () {
    if (!this._isHeldBack || !this.open) return
    this._isHeldBack = false
    if (!this.over) dispatch.sendHeldBack(this.conn)
    if (this.stream !== null) this.stream.pumpSoon()
    this.transport[kOnOpened]()
  }

  ended (err, reason) {
    const isTold = err && (!this.open || err.code === TEXT.MEMORY_BUDGET)
    const error = isTold ? this._explained(err) : this._lost(err, reason)
    this.transport[kOnClosed](this, error, this._takeAll(), isBusy(this.closeCode, err), this._unread)
  }

  /** Ends the connection, and returns the callbacks that wait. */
  end () {
    this._withdraw()
    const waiting = this._takeAll()
    this.close()
    return waiting
  }

  /** Before `end`: the callbacks of requests that were sent, and nobody else's. */
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

  /** Who ends a connection before it is known to be open takes back what was not sent. */
  _withdraw () {
    if (this.open || this.over || this.closing || this.wasSent) return
    this.wasSent = this.waiting > 0 && !dispatch.withdraw(this.conn)
  }

  /** What is known of the request in a slot; its time where that is over. */
  _about (slot, isOver) {
    const asked = this._asked[slot]
    if (asked === undefined) return { dest: this.dest }
    const { key, timeout, opts } = asked
    const about = { key: nameOf(key), dest: this.dest, timeout: undefined }
    // What was asked again has its first one.
    if (isOver) about.timeout = (opts && opts[kFirstTimeout]) || timeout
    return about
  }

  /** Why there is no connection. */
  _explained (err) {
    return adopt(err, { dest: this.dest, hint: this.open ? undefined : ofConnecting(err, this.dest, this.stream !== null) })
  }

  /** The connection was lost with requests under way. `err`: it ended by this side. */
  _lost (err, reason) {
    const { dest, closeCode } = this
    if (this.wasSent) return late(TEXT.TIMEOUT, { dest })
    const cause = ofSize(this, err, reason) || err || undefined
    return late(TEXT.TRANSPORT_CLOSE, { dest, closeCode: (cause && cause.closeCode) || closeCode || undefined, cause })
  }

  _take (slot) {
    const cb = this._callbacks[slot]
    // After `end` its callbacks are called already, and what still comes has none.
    if (cb === undefined) return noop
    this._callbacks[slot] = undefined
    if (this._kept > 0 || slot >= RESENT.slots) this._drop(slot)
    this._free.push(slot)
    return cb
  }

  _keep (slot, key, text, isString, timeout, opts) {
    if (text.length > RESENT.from) text = this._keepLong(text)
    this._texts[slot] = text
    let asked = this._latest
    // Most are like the one before, and share it.
    if (asked.key !== key || asked.timeout !== timeout || asked.isString !== isString || opts !== undefined) {
      asked = { key, isString, timeout, opts }
      if (opts === undefined) this._latest = asked
      else this._kept++
    }
    this._asked[slot] = asked
  }

  /** A text with room, or undefined. */
  _keepLong (text) {
    if (text.length > LARGE) this.onLarge()
    if (this._chars + text.length > RESENT.chars) return undefined
    this._chars += text.length
    this._kept++
    return text
  }

  _drop (slot) {
    const text = this._texts[slot]
    this._texts[slot] = undefined
    if (text !== undefined && text.length > RESENT.from) {
      this._chars -= text.length
      this._kept--
    }
    if (this._asked[slot].opts !== undefined) {
      this._kept--
      this._asked[slot] = NOTHING_ASKED
    }
  }

  /** What the server has not begun, in the order in which it was asked; `text` may be gone. */
  _takeUnread () {
    const unread = []
    const slots = dispatch.unread(this.conn)
    for (let at = 0; at < slots.length; at += 2) {
      const slot = slots[at]
      const asked = { ...this._asked[slot], text: this._texts[slot], left: slots[at + 1] }
      const cb = this._take(slot)
      if (cb !== noop) unread.push({ ...asked, cb })
    }
    return unread
  }

  _takeAll () {
    const waiting = []
    this._callbacks.forEach((cb, slot) => {
      if (cb === undefined) return
      const { key } = this._asked[slot]
      waiting.push(err => cb(tell(err, { key: nameOf(key), dest: this.dest })))
    })
    // Late replies have no callback and are dropped.
    if (waiting.length > 0 && !this.over) dispatch.abandon(this.conn)
    this._callbacks = []
    this._free = []
    this._texts = []
    this._asked = []
    this._kept = 0
    this._chars = 0
    return waiting
  }
}

/** Each callback has a context of its own. */
ClientConnection.prototype.keepsContext = false

function noop () {}

let latestKey
let latestName

/** What a key's text, with its comma, says. Most are like the one before. */
function nameOf (key) {
  if (key === undefined) return undefined
  if (key !== latestKey) {
    latestName = JSON.parse(`[${key}null]`)[0]
    latestKey = key
  }
  return latestName
}

/** Whether the other side, or this one's system, has as many connections as it wants. */
function isBusy (code, err) {
  return code === TRY_AGAIN_LATER || (!!err && (BUSY.includes(err.code) || err.message === BUSY_RESPONSE))
}

/** Whether a service let nobody in, as one that drains or has ended. */
function isRefusal (failure) {
  return !!failure && (REFUSALS.has(failure.code) || failure.message === TEXT.HANG_UP)
}

module.exports = ClientConnection
module.exports.nameOf = nameOf
