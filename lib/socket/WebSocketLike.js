'use strict'

const { raw } = require('../native/core')
const { LANES, OPCODE } = require('../native/layout')
const { callEach } = require('../util/CallbackQueue')
const { setImmediate } = require('../util/clock')
const domEvents = require('./domEvents')
const { unsupported } = require('../errors/errors')
const { failure, late } = require('../errors/failure')
const OwnListener = require('./OwnListener')
const { firstOf } = require('../connection/serverOptions')
const {
  kAfterWrite, kClosed, kConnection, kControl, kDrained, kEnd, kFrame, kHandled, kIsEarlyTold, kIsFragmenting, kIsPatched, kIsWatched,
  kMessage, kMustBeConnected, kOpened, kOwn, kSent, kWatchesOpen
} = require('../util/symbols')

const CONNECTING = 0
const OPEN = 1
const CLOSING = 2
const CLOSED = 3
const STATES = { CONNECTING, OPEN, CLOSING, CLOSED }
const NAMES = ['CONNECTING', 'OPEN', 'CLOSING', 'CLOSED']

/** The forms in which binary messages are emitted. */
const BINARY_TYPES = ['nodebuffer', 'arraybuffer', 'fragments']

/**
 * A connection with the interface of the `ws` package, version 7.
 *
 * Events: `open`, `message` (string of a text, Buffer of a binary frame), `close` (code, reason), `error`, `ping`,
 * `pong`.
 */
class WebSocketLike extends OwnListener {
  constructor (connection) {
    super(connection)
    this[kSent] = []
    this._binaryType = BINARY_TYPES[0]
    /** A message was begun, and more of its fragments follow. */
    this[kIsFragmenting] = false
    /** It was closed before it opened, and has emitted the error. */
    this[kIsEarlyTold] = false
    // A listener that is added at `open` still gets the messages that arrived with the handshake.
    this[kWatchesOpen] = this.readyState === CONNECTING && !(connection.lanes & LANES.SOCKET)
    if (this[kWatchesOpen]) connection.watch()
  }

  get readyState () {
    const { open, isClosed, closing } = this[kConnection]
    if (isClosed) return CLOSED
    if (closing) return CLOSING
    return open ? OPEN : CONNECTING
  }

  /** The URL of a client; empty on a server. */
  get url () {
    return this[kConnection].url || ''
  }

  /** The subprotocol: the first one that the client offers; clients of this package offer none. */
  get protocol () {
    const { isClient, upgradeRequest } = this[kConnection]
    return isClient || !upgradeRequest ? '' : protocolOf(upgradeRequest)
  }

  /** No extension is ever negotiated. */
  get extensions () {
    return ''
  }

  /**
   * The form in which binary messages are emitted: `nodebuffer`, `arraybuffer`, or `fragments` for an array of
   * buffers.
   */
  get binaryType () {
    return this._binaryType
  }

  set binaryType (type) {
    if (BINARY_TYPES.includes(type)) this._binaryType = type
  }

  /** The TCP socket, or Node's TLS socket; null before the handshake is done. */
  get _socket () {
    return this[kConnection].open ? this[kConnection].tcp : null
  }

  /** `createWebSocketStream` of `ws` reads this on its own sockets. */
  get _receiver () {
    throw unsupported("'_receiver' of a native connection's socket, which 'createWebSocketStream' needs")
  }

  /** Whether any listener needs events that the connection emits only while it is watched. */
  get [kIsWatched] () {
    const { [kConnection]: connection } = this
    const own = this[kOwn] === null ? 0 : 1
    return connection.needsMessages || this[kSent].length > 0 || this.listenerCount('message') > own ||
      this.listenerCount('ping') > 0 || this.listenerCount('pong') > 0
  }

  /** Bytes in the write queue. */
  get bufferedAmount () {
    return this[kConnection].isClosed ? 0 : raw.waiting(this[kConnection].conn)
  }

  /**
   * Sends a string as text, anything else as binary like `Buffer.from`.
   * @param {object} [opts] `binary` overrides that; with `fin: false` more fragments of this message follow.
   *   `compress` and `mask` of `ws` have no effect: compression is never negotiated, and the protocol defines who
   *   masks (RFC 6455 section 5.1).
   * @param {function(Error)} [cb] called when the message is passed to the system
   */
  send (data, opts, cb) {
    this[kMustBeConnected]()
    if (typeof opts === 'function') {
      cb = opts
      opts = undefined
    }
    const message = encode(data, opts)
    const fin = !opts || opts.fin === undefined || !!opts.fin
    const opcode = this[kIsFragmenting] ? OPCODE.CONTINUATION : message.opcode
    if (this.readyState === OPEN) this[kIsFragmenting] = !fin
    this[kFrame](opcode, message.data, cb, fin)
  }

  /** A replaced `send` must also see what the transport sends. */
  get [kIsPatched] () {
    return this.send !== send
  }

  /** The handshake is done. */
  [kOpened] () {
    this.emit('open')
    if (this[kWatchesOpen] && !this[kIsWatched]) this[kConnection].unwatch()
  }

  /** A message arrived; the native side may have handled it as the package's own listener would. */
  [kMessage] (data, isHandled) {
    const value = typeof data === 'string' ? data : inBinaryType(data, this._binaryType)
    this[kHandled] = isHandled ? value : undefined
    try {
      this.emit('message', value)
    } finally {
      this[kHandled] = undefined
    }
  }

  ping (data, mask, cb) {
    this[kControl](OPCODE.PING, data, mask, cb)
  }

  pong (data, mask, cb) {
    this[kControl](OPCODE.PONG, data, mask, cb)
  }

  close (code, reason) {
    const text = reason === undefined ? undefined : String(reason)
    if (this.readyState === OPEN && code !== undefined) mustBeSendable(code, text)
    this[kEnd](connection => connection.close(code, text))
  }

  terminate () {
    this[kEnd](connection => connection.terminate())
  }

  /** Closing before the connection opens is an error, which needs no listener. */
  [kEnd] (end) {
    const isEarly = this.readyState === CONNECTING
    this[kIsEarlyTold] ||= isEarly
    end(this[kConnection])
    if (isEarly && this.listenerCount('error') > 0) this.emit('error', early())
  }

  [kControl] (opcode, data, mask, cb) {
    this[kMustBeConnected]()
    if (typeof data === 'function') {
      cb = data
      data = undefined
    } else if (typeof mask === 'function') {
      cb = mask
    }
    const payload = encode(data).data
    if (Buffer.byteLength(payload) > 125) {
      throw failure('The data size must not be greater than 125 bytes', { code: 'ERR_OUT_OF_RANGE' }, RangeError)
    }
    this[kFrame](opcode, payload, cb)
  }

  [kFrame] (opcode, data, cb, fin) {
    if (this.readyState !== OPEN) {
      if (cb) cb(failure(`WebSocket is not open: readyState ${this.readyState} (${NAMES[this.readyState]})`))
      return
    }
    this[kConnection].send(opcode, data, fin)
    if (cb) this[kAfterWrite](cb)
  }

  /** Calls back when the write queue is empty: in the next tick, unless the receiver is slow. */
  [kAfterWrite] (cb) {
    this[kSent].push(cb)
    if (this[kSent].length > 1) return
    this[kConnection].watch()
    setImmediate(() => {
      // The tick's output may not be written yet, and `kDrained` comes only after a wait.
      raw.flush()
      if (this.bufferedAmount === 0) this[kDrained]()
    })
  }

  [kDrained] (err) {
    const sent = this[kSent]
    this[kSent] = []
    callEach(sent, cb => cb(err))
  }

  [kClosed] (code, reason, err) {
    const { [kConnection]: connection } = this
    // The transport closed it.
    if (connection.isClient && connection.closing && !connection.open) err = early()
    if (err && !this[kIsEarlyTold] && this.listenerCount('error') > 0) this.emit('error', err)
    this[kDrained](late('WebSocket was closed before the data was written'))
    this.emit('close', code, reason)
  }

  [kMustBeConnected] () {
    if (this.readyState === CONNECTING) {
      throw failure('WebSocket is not open: readyState 0 (CONNECTING)')
    }
  }
}

const { send } = WebSocketLike.prototype

for (const [name, value] of Object.entries(STATES)) {
  const constant = { value, enumerable: true }
  Object.defineProperty(WebSocketLike, name, constant)
  Object.defineProperty(WebSocketLike.prototype, name, constant)
}

domEvents(WebSocketLike)

/** The error of `ws` for a socket closed before it opened. */
function early () {
  return late('WebSocket was closed before the connection was established')
}

/** A binary message in the form of `binaryType`. */
function inBinaryType (data, type) {
  if (type === 'nodebuffer') return data
  if (type === 'fragments') return [data]
  return data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength)
}

function protocolOf ({ headers }) {
  const at = Array.isArray(headers) ? headers.findIndex((name, nth) => nth % 2 === 0 && name === 'sec-websocket-protocol') : -1
  const offered = at >= 0 ? headers[at + 1] : headers['sec-websocket-protocol'] || ''
  return firstOf(offered)
}

/** Throws for a close code or reason that must not be sent (RFC 6455 sections 5.5 and 7.4). */
function mustBeSendable (code, reason = '') {
  const defined = code >= 1000 && code <= 1014 && ![1004, 1005, 1006].includes(code)
  const free = code >= 3000 && code <= 4999
  if (typeof code !== 'number' || !(defined || free)) {
    throw failure('First argument must be a valid error code number', { code: 'ERR_INVALID_ARG_VALUE' }, TypeError)
  }
  if (Buffer.byteLength(reason) > 123) {
    throw failure('The message must not be greater than 123 bytes', { code: 'ERR_OUT_OF_RANGE' }, RangeError)
  }
}

/** The opcode and bytes that `ws` sends for a value. Throws for a value without bytes. */
function encode (data, opts) {
  if (typeof data === 'number') data = data.toString()
  const binary = opts && opts.binary !== undefined ? opts.binary : typeof data !== 'string'
  return { opcode: binary ? OPCODE.BINARY : OPCODE.TEXT, data: bytesOf(data) }
}

function bytesOf (data) {
  if (!data) return ''
  if (typeof data === 'string' || Buffer.isBuffer(data)) return data
  if (ArrayBuffer.isView(data)) return Buffer.from(data.buffer, data.byteOffset, data.byteLength)
  return Buffer.from(data)
}

module.exports = WebSocketLike
module.exports.encode = encode
