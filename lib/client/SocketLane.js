'use strict'

const { callEach } = require('../util/CallbackQueue')
const { AbortError } = require('../util/abort')
const { nextTick, theirs } = require('../util/clock')
const Deadline = require('../util/Deadline')
const { MAX_TIMEOUT, SWEEP } = require('../options/defaults')
const { costOf } = require('../native/memoryBudget')
const { TEXT, errorOf } = require('../errors/errors')
const { late, tell } = require('../errors/failure')
const { ofConnecting } = require('../errors/hints')
const { ofSize } = require('../connection/oversized')
const { refusedId } = require('../util/nesting')
const { handOver } = require('./replyCost')
const { kConnection, kMeter, kOnClosed, kOnOpened, kSize, kTimeout } = require('../util/symbols')

/**
 * The socket lane of a client's transport: each request passes through the transport's methods, one by one, and over
 * its socket object. It is used while a hook is replaced, or after a socket was assigned. Requests wait in `cbq` for
 * the connection, and in `_reqs` for the reply; one timer makes both expire.
 */
class SocketLane {
  /** @param {TransportRPCClient} transport */
  constructor (transport) {
    this._transport = transport
    /** By entry of `_reqs`: its deadline, and the `_ts` that this counts from. */
    this._deadlines = new WeakMap()
    /** The requests that wait for the connection. */
    this._queued = new Set()
    this._sweeper = null
    this._sweepAt = Infinity
    /** When the request that is being sent was made, and its entry in `cbq`. */
    this._since = undefined
    this._begun = null
  }

  request (key, payload, opts, cb) {
    const { _transport: transport } = this
    const timeout = transport[kTimeout](opts)
    this.takeReplies()
    const since = theirs.now()
    const queued = { at: since + timeout, isExpired: false, expire: () => cb(late(TEXT.TIMEOUT, { key, dest: transport.conf.dest, timeout })) }
    const begun = err => {
      if (queued.isExpired) return
      // From here on the request is in `_reqs`, with its own deadline.
      this._queued.delete(queued)
      if (err) return cb(tell(err, { key, dest: transport.conf.dest }))
      if (opts && opts.signal && opts.signal.aborted) return cb(new AbortError(opts.signal))
      this._since = since
      try {
        transport._request(key, payload, opts, cb)
      } finally {
        this._since = undefined
      }
    }
    if (!transport.isConnected()) {
      this._queued.add(queued)
      this._sweepBy(queued.at)
    }
    transport.cbq.push('req', begun)
    this._begun = begun
    try {
      transport.connect()
    } catch (err) {
      transport.disconnected()
      nextTick(() => transport.cbq.trigger('req', err))
    } finally {
      this._begun = null
    }
  }

  /** Replies to requests that JavaScript sends arrive through the socket object of the native connection, if there is one. */
  takeReplies () {
    const { [kConnection]: connection } = this._transport
    if (connection && !connection.handedOver) connection.takeReplies()
  }

  /** The number of requests that were sent and have no reply. */
  get sent () {
    const { _reqs: reqs } = this._transport
    const own = reqs[kSize]
    // A Map that a user assigned holds only the socket lane's requests.
    return own === undefined ? reqs.size : own
  }

  /** Late replies to the requests that this signal cancelled find no entry. */
  forget (signal) {
    const { _transport: transport } = this
    for (const req of [...transport._reqs.values()]) {
      if (req.opts && req.opts.signal === signal) transport.delRequest(req)
    }
  }

  /** Takes the requests that wait for the connection out of `cbq`, except the one that is being made. */
  takeQueued () {
    const { q } = this._transport.cbq
    const queued = q instanceof Map ? q.get('req') : undefined
    if (!Array.isArray(queued)) return []
    const begun = this._begun
    if (begun !== null && queued.includes(begun)) q.set('req', [begun])
    else q.delete('req')
    return queued.filter(cb => cb !== begun)
  }

  /** Handles a message as a reply; `connection`, if any, may have its callback. */
  onMessage (data, connection) {
    const { _transport: transport } = this
    const { dest } = transport.conf
    const reply = transport.parse(data)
    const refused = reply === null ? refusedId(data) : undefined
    const handle = (rid, err, res) => {
      if (connection === null || !connection.answer(rid, err, res)) transport.handleReply(rid, err, res)
    }
    if (refused !== undefined) return handle(refused, late(TEXT.NESTING_LIMIT, { dest }))
    if (!reply || typeof reply[Symbol.iterator] !== 'function') return
    const [rid, err, res] = reply
    handOver(costOf(data), () => handle(rid, err ? errorOf(err, { dest }) : null, res))
  }

  /** Listens to the socket of the transport, no matter who made it. */
  listen (socket) {
    const { _transport: transport } = this
    let error = null
    let opened = transport.isConnected()
    const isCurrent = () => transport.socket === socket
    socket.on('message', data => this.onMessage(data, null))
    transport[kMeter].foreign(socket, opened)
    socket.on('open', () => {
      if (!isCurrent()) return
      opened = true
      transport[kOnOpened](socket)
    })
    socket.on('error', err => { error = err })
    socket.on('close', (code, reason) => {
      if (!isCurrent()) return
      const isFinal = error && (!opened || error.code === TEXT.MEMORY_BUDGET)
      transport[kOnClosed]({ socket }, isFinal ? explained(error, transport.conf) : lost(transport, error, code, reason), [])
    })
  }

  /** Closes a socket, no matter who made it. */
  close (socket) {
    try {
      socket.close()
    } catch (err) {
      // A foreign socket may throw; this transport no longer uses it.
    }
  }

  /** Makes a request that was added to `_reqs` expire. */
  expireLater (req) {
    // Monotonic: the system's clock may jump.
    const at = (this._since ?? theirs.now()) + req.opts.timeout
    this._deadlines.set(req, { at, since: req._ts })
    this._sweepBy(at)
  }

  /** Requests that were sent expire no more; those that wait for a connection do. */
  stop () {
    if (this._sweeper !== null) this._sweeper.clear()
    this._sweepAt = Infinity
    for (const { at } of this._queued) this._sweepBy(at)
  }

  /** Makes sure that expired requests are looked for by `deadline`. */
  _sweepBy (deadline) {
    if (!(deadline < this._sweepAt)) return
    if (this._sweeper !== null) this._sweeper.clear()
    this._sweepAt = deadline
    this._sweeper = new Deadline(() => this._sweep(), Math.min(MAX_TIMEOUT, deadline - theirs.now()), true).unref()
  }

  _sweep () {
    const { _transport: transport } = this
    const now = theirs.now()
    const expired = []
    let next = Infinity
    for (const queued of this._queued) {
      if (queued.at <= now) {
        this._queued.delete(queued)
        queued.isExpired = true
        expired.push(queued.expire)
      } else {
        next = Math.min(next, queued.at)
      }
    }
    for (const req of transport._reqs.values()) {
      const deadline = deadlineOf(req, this._deadlines.get(req))
      if (deadline <= now) expired.push(() => transport.handleReply(req.rid, late(TEXT.TIMEOUT, { key: req.key, dest: transport.conf.dest, timeout: req.opts && req.opts.timeout })))
      else next = Math.min(next, deadline)
    }
    this._sweepAt = Infinity
    if (next < Infinity) this._sweepBy(Math.max(next, now + SWEEP))
    callEach(expired, expire => expire())
  }
}

/** A subclass may give a request more time: the extra time counts from `_ts`. */
function deadlineOf (req, deadline) {
  if (deadline === undefined) return Infinity
  const later = req._ts - deadline.since
  return Number.isFinite(later) ? deadline.at + later : deadline.at
}

/** The error for a failed connection, with a native or a foreign socket. */
function explained (err, { dest, secure }) {
  return tell(err, { dest, hint: err instanceof Error ? ofConnecting(err, dest, !!secure) : undefined })
}

/** The error for a lost connection of such a socket. */
function lost (transport, error, closeCode, reason) {
  const { dest } = transport.conf
  const cause = ofSize({ dest, closeCode, transport }, error, reason) || error || undefined
  return late(TEXT.TRANSPORT_CLOSE, { dest, closeCode: (cause && cause.closeCode) || closeCode, cause })
}

module.exports = SocketLane
