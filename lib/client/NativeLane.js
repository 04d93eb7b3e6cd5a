'use strict'

const ClientConnection = require('../connection/ClientConnection')
const { nameOf } = ClientConnection
const { callEach } = require('../util/CallbackQueue')
const { AbortError } = require('../util/abort')
const { isFaked } = require('../util/clock')
const { MAX_RESENDS } = require('../options/defaults')
const { toJson } = require('../native/output')
const { TEXT } = require('../errors/errors')
const { late, tell } = require('../errors/failure')
const { LEAVING } = require('../errors/hints')
const {
  kAim, kConnection, kDialling, kFirstTimeout, kIsNative, kLeave, kMeter, kOnClosed, kOnLarge, kOnOpened, kReject, kResend, kResent,
  kSilent, kSocket, kTimeout, kUnreachable
} = require('../util/symbols')

/**
 * The native lane of a client's transport: the native side sends its requests, matches the replies to them, and holds
 * the deadlines. It has one connection at a time, and those that this one replaced.
 */
class NativeLane {
  /** @param {TransportRPCClient} transport */
  constructor (transport) {
    this._transport = transport
    /** The connection of new requests; null if there is none. */
    this.connection = null
    /** Replaced connections: requests that were sent over these still get their replies. */
    this.retired = new Set()
    /** The latest key, and its text in requests. */
    this._key = undefined
    this._keyText = undefined
  }

  /** Connects to the destination of the transport. */
  connect () {
    const { _transport: transport } = this
    const { client, conf } = transport
    const connection = new ClientConnection(transport, this)
    const isOurs = client && typeof client[kDialling] === 'function'
    connection.dial(conf.dest, conf, isOurs ? client[kDialling](conf.dest, connection) : undefined)
    this.connection = connection
  }

  /** Sends a request, and connects first if necessary. Returns its slot; undefined if it was rejected. */
  request (key, payload, opts, cb) {
    const timeout = this._transport[kTimeout](opts)
    const isString = typeof payload === 'string'
    let text = payload
    let { connection } = this
    try {
      if (!isString) text = toJson(payload)
      if (key !== this._key || this._keyText === undefined) this._setKey(key)
      if (connection === null || connection.closing || !connection.open) connection = this._connectionFor()
    } catch (err) {
      this._transport[kReject](err, cb)
      return
    }
    // Options that nothing reads later are not kept.
    const kept = opts && (opts.signal || opts[kAim]) ? opts : undefined
    if (isFaked()) return connection.requestInTheirTime(this._keyText, text, isString, timeout, cb, kept)
    return connection.request(this._keyText, text, isString, timeout, cb, kept)
  }

  _setKey (key) {
    this._key = key
    this._keyText = `${toJson(key)},`
  }

  _connectionFor () {
    const { _transport: transport } = this
    // The socket was closed by its user.
    if (this.connection !== null && this.connection.closing) {
      this.retire()
      transport.disconnected()
    }
    if (this.connection === null) transport.connect()
    // Counted as waiting for the connection, as `cbq.cnt('req')` promises.
    if (!this.connection.open) transport.cbq.push('req', noop)
    return this.connection
  }

  /** Sends a request that a connection has not begun, with the `left` part of its timeout. */
  requestAgain ({ key, text, isString, opts, left, cb }) {
    const { _transport: transport } = this
    if (opts && opts.signal && opts.signal.aborted) return cb(new AbortError(opts.signal))
    if (!transport[kIsNative]() || transport[kSocket]) {
      // The caller's own options, without this package's symbols.
      const own = Object.fromEntries(Object.entries(opts || {}))
      return transport.request(nameOf(key), isString ? text : JSON.parse(text), { ...own, timeout: left }, cb)
    }
    try {
      this._connectionFor().request(key, text, isString, left, cb, opts)
    } catch (err) {
      transport[kReject](err, cb)
    }
  }

  /** The id of the request in `slot` of the present connection, if its callback is `cb`. */
  ridOf (slot, cb) {
    return slot === undefined || this.connection === null ? undefined : this.connection.ridOf(slot, cb)
  }

  /** The present connection is retired: another one takes its place, and its requests still get their replies. */
  retire () {
    this.retired.add(this.connection)
    this.connection = null
  }

  /** Takes the present connection away, and returns it. */
  takeConnection () {
    const { connection } = this
    this.connection = null
    return connection
  }

  /** The open and the connecting connections. */
  connections () {
    return this.connection ? [this.connection, ...this.retired] : [...this.retired]
  }

  /** The connections that may have requests without a reply. */
  sending () {
    return this.connection && !this.connection.open ? this.retired : this.connections()
  }

  /** The requests that were sent over retired connections and have no reply. */
  get retiredWaiting () {
    let waiting = 0
    if (this.retired.size > 0) for (const { waiting: one } of this.retired) waiting += one
    return waiting
  }

  /** Ends the retired connections; returns the callbacks of all sent requests. */
  takeSent () {
    const waiting = this.connection ? this.connection.takeSent() : []
    for (const retired of this.retired) waiting.push(...retired.end())
    this.retired.clear()
    return waiting
  }

  /**
   * Resends requests that this transport's server has not begun, over another connection that the peer chooses, or
   * fails them with `err`.
   */
  _resend (unread, err, isRefused, isBusy = false) {
    const { _transport: transport } = this
    const { client, conf } = transport
    const again = []
    const over = []
    for (const one of unread) {
      const resent = ((one.opts && one.opts[kResent]) || 0) + 1
      if (one.text === undefined || resent > MAX_RESENDS) over.push(one)
      else again.push({ ...one, opts: { ...one.opts, [kAim]: one.opts && one.opts[kAim], [kResent]: resent, [kFirstTimeout]: one.opts?.[kFirstTimeout] ?? one.timeout } })
    }
    callEach(over, ({ cb, key }) => cb(tell(err, { key: nameOf(key) })))
    if (again.length === 0) return
    if (client && typeof client[kResend] === 'function') return client[kResend](conf.dest, again, err, isRefused, transport, isBusy)
    callEach(again, one => {
      if (isRefused || !transport.isActive()) return one.cb(tell(err, { key: nameOf(one.key) }))
      transport[kMeter].count('resent')
      this.requestAgain(one)
    })
  }

  // Called by the connections

  onOpened () {
    this._transport[kOnOpened]()
  }

  /** A large message begins to move over a connection. */
  onLarge () {
    this._transport[kOnLarge]()
  }

  /** A server stopped reading; `unread`: requests that it has not begun. */
  onLeaving (connection, unread) {
    const { _transport: transport } = this
    // The socket lane knows nothing of draining.
    if (this.connection === connection && !connection.handedOver) {
      this.retire()
      transport.disconnected()
      transport[kUnreachable]()
    }
    this._resend(unread, late(TEXT.TRANSPORT_CLOSE, { dest: transport.conf.dest, hint: LEAVING }), false)
  }

  /** `waiting`: callbacks of requests sent over it; `unread`: requests that the server has not begun. */
  onClosed (connection, err, waiting, isBusy, unread) {
    if (this.connection === connection) {
      this.connection = null
      this._transport[kOnClosed](connection, err, waiting, isBusy)
    } else {
      this.retired.delete(connection)
      if (this._transport[kConnection] === null && this._transport.isActive()) this._transport[kLeave]()
      callEach(waiting, cb => cb(err))
    }
    this._resend(unread, err, isBusy || !connection.open, isBusy)
  }

  /** `connection` received nothing for `ms` while requests expired. */
  onSilent (connection, ms) {
    const { client, conf } = this._transport
    if (connection !== this.connection || !client || typeof client[kSilent] !== 'function') return
    client[kSilent](conf.dest, ms)
  }
}

function noop () {}

module.exports = NativeLane
