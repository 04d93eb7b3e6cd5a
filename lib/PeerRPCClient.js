'use strict'

const { PassThrough } = require('stream')
const { abortable } = require('./abort')
const Backoff = require('./Backoff')
const Peer = require('./Peer')
const Pool = require('./Pool')
const TransportRPCClient = require('./TransportRPCClient')
const { balancerOf } = require('./balance')
const budgetOf = require('./budget')
const { BALANCE, CLIENT, DEST_BACKOFF } = require('./defaults')
const { TEXT } = require('./errors')
const { kForget } = require('./internal')
const { Kept } = require('./kept')
const { withDefaults } = require('./options')
const { promised } = require('./promises')
const { Tries, retryOf } = require('./retry')

/** Sends requests to services by name. */
class PeerRPCClient extends Peer {
  constructor (link, conf) {
    super(link, conf)
    this.conf = withDefaults(CLIENT, this.conf)
    this._backoff = new Backoff(DEST_BACKOFF)
    this._underWay = 0
    this._tries = new Tries()
    this._balancer = balancerOf(this.conf.balance ?? BALANCE)
  }

  init () {
    super.init()
    if (this.tpool) this.tpool.stop()
    this.tpool = new Pool()
    this.tpool.init()
  }

  /** Chooses as `conf.balance` says among all destinations, or the connected ones once there are enough. */
  dest (dests, key, opts = {}) {
    const enough = opts.maxActiveKeyDests || this.conf.maxActiveKeyDests
    if (dests && dests.length >= enough) {
      const active = dests.filter(dest => this.tpool.hasActive(dest))
      if (active.length >= enough) dests = active
    }
    if (this._balancer !== null) return this._balancer.choose(dests || [], key, this.tpool)
    return super.dest(dests, key)
  }

  transport (dest, opts = {}) {
    const enough = opts.maxActiveDestTransports || this.conf.maxActiveDestTransports
    const chosen = this.tpool.choose(dest, enough)
    if (chosen !== undefined) return chosen
    const transport = super.transport(dest, opts)
    this.tpool.add(dest, transport)
    return transport
  }

  getTransportClass () {
    return TransportRPCClient
  }

  getTransportOpts (opts) {
    const transportOpts = super.getTransportOpts(opts)
    transportOpts.maxActiveDestTransports = opts.maxActiveDestTransports
    return transportOpts
  }

  /** Options of a transport's `request` out of a peer's. */
  getRequestOpts (opts) {
    if (opts.signal) return { timeout: opts.timeout, signal: opts.signal }
    return { timeout: opts.timeout }
  }

  /** Options of `dest` out of a request's. */
  getDestOpts (opts) {
    return { maxActiveKeyDests: opts.maxActiveKeyDests }
  }

  /**
   * Sends one request to one server.
   * @param {string} key name of the service
   * @param {*} payload anything JSON can say
   * @param {object} [opts] `timeout` ms, `retry` attempts (1), `signal` that ends it,
   *   `maxActiveKeyDests`, `maxActiveDestTransports`
   * @param {function(Error, *)} [cb] without it, this returns a Promise
   */
  request (key, payload, opts, cb) {
    if (typeof opts === 'function') return this.request(key, payload, undefined, opts)
    if (!cb) return promised(cb => request.call(this, key, payload, opts, cb))
    opts = opts || {}
    const retry = retryOf(opts.retry)
    if (opts.signal && !(cb = abortable(opts.signal, cb))) return
    this._lookup(key, (err, dests) => {
      if (err || !Array.isArray(dests)) return this._reject(err || new Error(TEXT.LOOKUP_INVALID), cb)
      if (retry !== null) return this._retry(retry, dests, key, payload, opts, cb)
      this._send(this.dest(this._backoff.usable(dests), key, this.getDestOpts(opts)), key, payload, opts, cb)
    })
  }

  /**
   * Sends one request to each server, or to `opts.limit` random ones.
   * @param {function(Error, Array)} [cb] results in the order of the destinations; the first
   *   error ends the map, as does a result for which `conf.memoryBudget` has no room. Without it, this returns a Promise.
   */
  map (key, payload, opts, cb) {
    if (typeof opts === 'function') return this.map(key, payload, undefined, opts)
    if (!cb) return promised(cb => map.call(this, key, payload, opts, cb))
    opts = opts || {}
    if (opts.signal && !(cb = abortable(opts.signal, cb))) return
    this._lookup(key, (err, dests) => {
      if (err || !Array.isArray(dests)) return this._reject(err || new Error(TEXT.LOOKUP_INVALID), cb)
      if (dests.length === 0) return cb(null, [])
      if (opts.limit) dests = shuffle(dests).slice(0, opts.limit)

      const results = new Array(dests.length)
      const kept = new Kept(budgetOf({ client: this, conf: this.conf }))
      let waiting = dests.length
      dests.forEach((dest, at) => {
        this._send(dest, key, payload, opts, (err, res) => {
          if (waiting === 0) return
          if (!err && !kept.add()) err = new Error(TEXT.MEMORY_BUDGET)
          else results[at] = res
          waiting = err ? 0 : waiting - 1
          if (waiting > 0) return
          kept.end()
          cb(err || null, results)
        })
      })
    })
  }

  /** This transport has no streams: the stream that comes back ends with an error. */
  stream (key, opts) {
    const stream = new PassThrough()
    this._lookup(key, err => stream.destroy(err || new Error(TEXT.NO_STREAMS)))
    return stream
  }

  _lookup (key, cb) {
    if (!this.link || typeof this.link.lookup !== 'function') {
      return process.nextTick(cb, new TypeError(TEXT.NO_LOOKUP))
    }
    this.link.lookup(key, {}, cb)
  }

  _send (dest, key, payload, opts, cb) {
    // Whatever was under way when the peer stopped makes no connection any more.
    if (this.isStopped) return this._reject(new Error(TEXT.TRANSPORT_CLOSE), cb)
    if (dest === undefined) return this._reject(new Error(TEXT.LOOKUP_EMPTY), cb)
    if (this.conf.maxRequests > 0) {
      if (this._underWay >= this.conf.maxRequests) return this._reject(new Error(TEXT.REQUESTS_LIMIT), cb)
      cb = this._counted(cb)
    }
    this.transport(dest, this.getTransportOpts(opts))
      .request(key, payload, this.getRequestOpts(opts), cb)
  }

  /** Tries again, elsewhere while there is an elsewhere. */
  _retry (retry, dests, key, payload, opts, cb) {
    let left = dests
    let attempts = 0
    this._tries.begin(retry, done => {
      if (attempts++ > 0) this._meter.count('retried')
      const dest = this.dest(this._backoff.usable(left), key, this.getDestOpts(opts))
      const others = left.filter(other => other !== dest)
      left = others.length > 0 ? others : dests
      this._send(dest, key, payload, opts, done)
    }, cb, key, opts.signal)
  }

  /** A request that reaches no transport. */
  _reject (err, cb) {
    this._meter.count('rejected')
    cb(err)
  }

  /** `cb` of a request that is under way until it is called. */
  _counted (cb) {
    this._underWay++
    return (err, res) => {
      this._underWay--
      cb(err, res)
    }
  }

  _reachable (dest) {
    this._backoff.reach(dest)
  }

  /**
   * A destination failed: it is not chosen for a while, and who looks up next hears of others.
   * `lasted`: before that it was reached for long enough.
   */
  _unreachable (dest, lasted) {
    if (lasted) this._backoff.succeed(dest)
    this._backoff.fail(dest)
    if (this.link && typeof this.link[kForget] === 'function') this.link[kForget](dest)
  }

  /** See docs/OBSERVABILITY.md. */
  stats () {
    const stats = this._meter.ofClient()
    stats.requests.retried = this._meter.retried
    stats.unreachable = this._backoff.waiting()
    return stats
  }

  /** A transport has lost its connection. */
  _leave (dest, transport) {
    if (!this.isStopped) this.tpool.lose(dest, transport)
  }

  /** It makes another one. */
  _join (dest, transport) {
    if (!this.isStopped) this.tpool.add(dest, transport)
  }

  /** The pool remembers and stops them. */
  _keep () {}

  _openConnections () {
    return super._openConnections(this.tpool ? this.tpool.all() : [])
  }

  _stop () {
    this._tries.endWaiting(new Error(TEXT.TRANSPORT_CLOSE))
    super._stop()
    if (this.tpool) this.tpool.stop()
  }

  _drain (opts) {
    return Promise.all([super._drain(opts), this.tpool && this.tpool.stop(opts)])
  }
}

function shuffle (items) {
  const shuffled = [...items]
  for (let at = shuffled.length - 1; at > 0; at--) {
    const other = Math.floor(Math.random() * (at + 1))
    const item = shuffled[at]
    shuffled[at] = shuffled[other]
    shuffled[other] = item
  }
  return shuffled
}

const { request, map } = PeerRPCClient.prototype

module.exports = PeerRPCClient
