'use strict'

const Emitter = require('./base/Emitter')
const { define } = require('./base/dispose')
const own = require('./base/ownProperty')
const { retryOf } = require('./client/retry')
const { announced } = require('./connection/ipv6Only')
const { TEXT } = require('./errors/errors')
const { failure, late } = require('./errors/failure')
const { STOPPED_LINK } = require('./errors/hints')
const { unstarted } = require('./errors/silentMistakes')
const { AnnounceNews } = require('./link/AnnounceNews')
const { Announcer, payloadOf } = require('./link/Announcer')
const Cache = require('./link/Cache')
const { checkCall, timeoutOf } = require('./link/callOptions')
const GrapeExchanges = require('./link/GrapeExchanges')
const LastKnown = require('./link/LastKnown')
const LinkMeter = require('./link/LinkMeter')
const LinkPromises = require('./link/LinkPromises')
const LinkState = require('./link/LinkState')
const PendingWork = require('./link/PendingWork')
const grapes = require('./link/grapePost')
const { answerOf, destinationsOf, emptyLookup, grapeOf, keyOf } = require('./link/grapeResponses')
const { answered, guarded, led, unanswered } = require('./link/linkCallbacks')
const { getMutable, putMutable } = require('./link/mutableValues')
const { isDestination } = require('./native/connections')
const { hold, letGo } = require('./native/keepAlive')
const { EMBEDDED, LINK, LINK_RETRY, MAX_TIMEOUT } = require('./options/defaults')
const { CALLS, OPTIONS } = require('./options/optionTable')
const { check, withDefaults } = require('./options/values')
const { withDeadline } = require('./util/CallbackQueue')
const { abortable } = require('./util/abort')
const { nextTick } = require('./util/clock')
const { bind } = require('./util/context')
const { failing, promiseOf } = require('./util/promises')
const {
  kAnnounceError, kAnnouncer, kEmbedded, kExchanges, kForget, kGrapeState, kHash, kHashText, kHashed, kIsDue, kLastKnown,
  kLife, kLookupKept, kMeter, kNews, kOwnAddresses, kOwnPorts, kRefresh, kShare, kStarted, kStopAnnouncingAll,
  kStopAnnouncingPort, kTakesBack, kUnannounce, kWhenTold
} = require('./util/symbols')

/** Talks to the grapes: looks up services, announces them, stores and reads values. */
class Link extends Emitter {
  /**
   * @param {object} conf
   * @param {string|string[]} conf.grape `http://host:port`, or several as array or comma list; `'embedded'` for a
   *   grape in this process, or in another process of this machine
   * @param {number} [conf.grapePort] where the processes meet with `'embedded'` (31001)
   * @param {number[]} [conf.grapeUsers] users (uid) whose processes may run that grape, beside root and the user of
   *   this process
   * @param {boolean} [conf.unannounce] whether `stopAnnouncing` takes the address back (true)
   * @param {object} [conf.tls] options of Node's `https.request` for grapes at `https://`
   */
  constructor (conf) {
    super()
    check(OPTIONS.Link, conf)
    this.conf = withDefaults(LINK, conf)
    this[kMeter] = new LinkMeter()
    this[kStarted] = false
    this[kLastKnown] = this[kLife] = this[kNews] = this[kGrapeState] = this[kAnnouncer] = this[kExchanges] = this[kEmbedded] = null
    this[kHashed] = this[kHashText] = undefined
  }

  /** `lookup`, `announce`, `startAnnouncing`, `stopAnnouncing`, `put` and `get`, which return a Promise. */
  get promises () {
    return new LinkPromises(this)
  }

  // Services may assign a `promises` of their own.
  set promises (promises) {
    own(this, 'promises', promises)
  }

  init () {
    this._inited = true
    this.cache = {}
    this[kLife] = new PendingWork()
    this[kNews] = new AnnounceNews(this)
    this[kGrapeState] = new LinkState(this)
    this[kAnnouncer] = new Announcer(this)
    this[kExchanges] = new GrapeExchanges(this)
    if (this.conf.grape === EMBEDDED && !this[kEmbedded]) {
      const EmbeddedGrape = require('./grape/EmbeddedGrape')
      const { grapePort, grapeUsers } = this.conf
      this[kEmbedded] = new EmbeddedGrape(OPTIONS.Link.grapePort.of(grapePort), () => this[kAnnouncer].again(), OPTIONS.Link.grapeUsers.of(grapeUsers))
    }
  }

  /** Keeps the process alive until `stop`; `connect` is emitted once a grape replies. */
  start () {
    if (!this._inited) this.init()
    if (this[kEmbedded]) this[kEmbedded].start()
    if (this[kLife].isOver) this[kLife] = new PendingWork()
    if (!this[kStarted]) {
      this[kStarted] = true
      hold()
    }
    this.cache.lookup = new Cache({
      max: OPTIONS.Link.lruMaxSizeLookup.of(this.conf.lruMaxSizeLookup),
      maxAge: OPTIONS.Link.lruMaxAgeLookup.of(this.conf.lruMaxAgeLookup)
    })
    this[kLastKnown] = new LastKnown()
    this[kGrapeState].start()
    return this
  }

  /**
   * No new exchange begins. A pending read fails with ERR_TRANSPORT_CLOSE, in a later tick; a pending change
   * continues until its reply or its timeout, without another attempt. Connections of reads close at once, those of
   * changes afterwards.
   */
  stop () {
    if (!this._inited) return this
    this[kLife].end(late(TEXT.TRANSPORT_CLOSE, { hint: STOPPED_LINK }))
    if (this[kStarted]) {
      this[kStarted] = false
      letGo()
    }
    this[kGrapeState].stop()
    if (this[kEmbedded]) this[kEmbedded].stop()
    for (const cache of Object.values(this.cache)) cache.clear()
    this[kAnnouncer].stopAll()
    // A stopping grape waits for its connections.
    grapes.letGo()
    return this
  }

  /**
   * Looks up the addresses of a service's servers: `cb(err, ['ip:port', ...])`. A cached answer calls back before
   * this returns.
   * @param {object} [opts] `retry` attempts (3), `timeout` ms of one exchange, `signal` that cancels the lookup
   */
  lookup (key, opts, cb) {
    if (typeof opts === 'function') return this.lookup(key, {}, opts)
    this.request('lookup', key, { retry: LINK_RETRY, ...opts }, (err, dests) => {
      if (err) return cb(err)
      if (!Array.isArray(dests) || dests.length === 0) return cb(led(emptyLookup(key, dests)))
      if (!isDestination(dests[0])) return cb(led(late(TEXT.LOOKUP_INVALID, { key, grape: grapeOf(dests) })))
      cb(null, dests)
    })
  }

  /**
   * Announces once that this machine serves `key` at `port`; `cb(err, nodes)`. Without a callback errors are dropped.
   */
  announce (key, port, opts, cb) {
    if (typeof opts === 'function') return this.announce(key, port, undefined, opts)
    checkCall(opts)
    const host = CALLS.link.host.of(opts && opts.host)
    if (!this._inited) this.init()
    if (host === undefined) {
      this[kAnnouncer].ports.add(port)
      announced(key, port)
    } else {
      this[kAnnouncer].addresses.add(`${host}:${port}`)
    }
    // Calls this class's `announce` later: a subclass's override has run already.
    if (this[kAnnouncer].waits(key, port, () => announce.call(this, key, port, opts, cb))) return
    const told = this[kNews].telling({ key, port, host }, cb)
    this.request('announce', payloadOf(key, port, host), { retry: LINK_RETRY, ...opts }, told)
  }

  /**
   * Announces now, and then again after 0.5 to 1.5 times `opts.interval` (2 min), so that services do not announce in
   * lockstep. `cb` is called after the first announce. Returns false when this key and port are announced already.
   */
  startAnnouncing (key, port, opts = {}, cb) {
    if (typeof opts === 'function') return this.startAnnouncing(key, port, undefined, opts)
    checkCall(opts)
    if (!this._inited) this.init()
    return this[kAnnouncer].start(key, port, opts, cb)
  }

  /**
   * Ends what `startAnnouncing` began, and notifies the grapes: those of this package forget the address, others let
   * it expire. Returns false when this key and port are not announced.
   */
  stopAnnouncing (key, port) {
    if (!this._inited) return false
    return this[kAnnouncer].stop(key, port, this[kTakesBack])
  }

  /**
   * With a replaced `request` or `_post`, an unannounce, which the original never sends, is sent only when the conf
   * says so.
   */
  get [kTakesBack] () {
    const { unannounce } = this.conf
    return unannounce === true || (unannounce !== false && this.request === request && this._post === _post)
  }

  /** Tells the grapes that an announce ended: `cb(err)`, even if a replaced method never calls back. */
  [kUnannounce] (payload, cb) {
    const isOurs = this.request === request
    const longest = Math.min(MAX_TIMEOUT, timeoutOf(undefined, this.conf) * this[kExchanges].grapesFor('unannounce').length)
    const told = isOurs ? cb : withDeadline(longest, cb)
    failing(() => this.request('unannounce', payload, {}, told), told)
  }

  /** Ends all announces of `port`: its server stops. */
  stopAnnouncingPort (port) {
    this[kStopAnnouncingPort](port)
  }

  [kStopAnnouncingPort] (port) {
    if (!this._inited) return
    for (const key of this[kAnnouncer].keysAt(port)) this.stopAnnouncing(key, port)
  }

  [kStopAnnouncingAll] () {
    return Promise.all(this._inited
      ? this[kAnnouncer].all().map(({ key, port }) => {
        this.stopAnnouncing(key, port)
        return promiseOf(cb => this[kWhenTold](key, port, cb))
      })
      : [])
  }

  [kWhenTold] (key, port, cb) {
    if (this._inited) this[kAnnouncer].whenTold(key, port, cb)
    else cb(null)
  }

  [kAnnounceError] (key, port) {
    return this._inited ? this[kAnnouncer].errorOf(key, port) : null
  }

  /** The `host:port` addresses that this link announced for other hosts. */
  [kOwnAddresses] () {
    return this._inited ? this[kAnnouncer].addresses : []
  }

  [kOwnPorts] () {
    return this._inited ? this[kAnnouncer].ports : []
  }

  /** Stores a value in the DHT: `{ v }`, or a signed one; `cb(err, hash)`. */
  put (value, opts, cb) {
    if (typeof opts === 'function') [opts, cb] = [{}, opts]
    if (!value || !cb) throw failure(TEXT.MISSING_ARGS, { hint: 'put(value[, opts], callback)' })
    this.request('put', value, opts || {}, cb)
  }

  /** Reads a value by its hash, or by `{ hash, salt }`. */
  get (hash, opts, cb) {
    if (typeof opts === 'function') [opts, cb] = [{}, opts]
    this.request('get', hash, opts || {}, cb)
  }

  /**
   * Stores a signed text that its owner can replace: `cb(err, hash)`.
   * @param {object} value `{ v, privateKey }`, and optionally `seq`, `salt` and `cas`
   */
  putMutable (value, opts, cb) {
    if (typeof opts === 'function') [opts, cb] = [undefined, opts]
    putMutable(this, value, opts, cb || noop)
  }

  /**
   * Reads a mutable value by its public key: `cb(err, { v, seq, ... })`, null if there is none. `opts.salt` selects
   * one of several.
   */
  getMutable (publicKey, opts, cb) {
    if (typeof opts === 'function') [opts, cb] = [undefined, opts]
    getMutable(this, publicKey, opts, cb)
  }

  /**
   * Sends one request to the grapes: `type` is the path, `payload` the `data` of its body. Equal pending requests
   * share one exchange.
   * @param {object} [opts] `retry` attempts (1), `timeout` ms of one exchange, `signal` that cancels the request
   */
  request (type, payload, opts, cb) {
    opts = opts || {}
    if (typeof cb !== 'function') cb = noop
    const retry = retryOf(opts.retry)
    const ownTimeout = CALLS.link.timeout.of(opts.timeout)
    if (opts.signal && !(cb = abortable(opts.signal, cb, undefined, { key: keyOf(type, payload) }))) return
    if (!this._inited) this.init()
    if (this[kLife].isOver) {
      return nextTick(guarded(this, type, payload, cb), late(TEXT.TRANSPORT_CLOSE, { key: keyOf(type, payload), hint: STOPPED_LINK }))
    }
    const hash = this[kHash](type, payload)
    const cache = this.cache[type]
    const cached = cache && cache.get(hash)
    if (cached) {
      if (cache[kIsDue] === true) {
        cache[kRefresh](hash)
        this[kShare](hash, type, payload, timeoutOf(ownTimeout, this.conf), noop)
      }
      return cb(null, cached)
    }

    if (!this[kStarted]) unstarted(this)
    const timeout = timeoutOf(ownTimeout, this.conf)
    cb = this[kMeter].request(type, guarded(this, type, payload, cb))
    this[kLife].triesOf(type).begin(retry, done => this[kShare](hash, type, payload, timeout, done), cb, hash, opts.signal)
  }

  /** See docs/OBSERVABILITY.md. */
  stats () {
    return {
      ...this[kMeter].read(),
      cached: (this.cache && this.cache.lookup && this.cache.lookup.length) || 0,
      announced: this._inited ? this[kAnnouncer].size : 0,
      unreachable: this._inited ? this[kExchanges].backoff.waiting() : []
    }
  }

  getRequestHash (type, payload) {
    return `${type}:${JSON.stringify(payload)}`
  }

  /** Removes a destination that cannot be reached from the cached answers. */
  forget (dest) {
    this[kForget](dest)
  }

  [kForget] (dest) {
    const { lookup } = this.cache || {}
    if (lookup && typeof lookup.forget === 'function') lookup.forget(dest)
    if (this[kLastKnown]) this[kLastKnown].forget(dest)
  }

  /**
   * Carries one exchange: posts `data` as JSON to `url`, `cb(err, answer)`. Override it to carry all traffic. Its
   * Promise resolves with undefined once `cb` is called.
   * @param {object} opts `timeout` ms, and additional `headers`
   */
  _post (url, data, opts, cb) {
    const text = JSON.stringify(data)
    const { posts } = this[kLife]
    let over
    const promise = new Promise(resolve => { over = resolve })
    const end = grapes.post(url, opts.headers, text, opts.timeout ?? MAX_TIMEOUT, this.conf.tls, (err, status, body) => {
      posts.delete(end)
      over()
      if (err) unanswered(cb, err)
      else answered(cb, ...answerOf(status, body))
    })
    // `stop` ends pending reads only: a change must reach the grapes even when the link stops right after it.
    if (PendingWork.isRead(url.slice(url.lastIndexOf('/') + 1))) posts.add(end)
    return promise
  }

  /**
   * The cached result of a lookup, without asking a grape: undefined if there is none, null if a user's override
   * decides.
   */
  [kLookupKept] (key) {
    const { lookup: cache } = this.cache || {}
    const isOurs = this.lookup === lookup && this.request === request && cache instanceof Cache && cache.get === Cache.prototype.get
    return isOurs ? cache.peek(this.getRequestHash('lookup', key)) : null
  }

  /** Hot path: the same key as before needs no new text. */
  [kHash] (type, payload) {
    if (type !== 'lookup' || typeof payload !== 'string') return this.getRequestHash(type, payload)
    if (payload !== this[kHashed]) {
      this[kHashText] = this.getRequestHash(type, payload)
      this[kHashed] = payload
    }
    return this[kHashText]
  }

  [kShare] (hash, type, payload, timeout, cb) {
    cb = bind(cb)
    const life = this[kLife]
    const shared = life.timeouts.get(hash)
    // The pending exchange may have a longer timeout than the request that joins it.
    if (timeout < shared) cb = withDeadline(timeout * this[kExchanges].grapesFor(type).length, cb, unanswered)
    life.flights.push(hash, cb)
    if (shared !== undefined) return
    life.timeouts.set(hash, timeout)
    this[kExchanges].ask(type, payload, timeout, (err, data) => {
      life.timeouts.delete(hash)
      const isLookup = type === 'lookup'
      const dests = !err && isLookup && Array.isArray(data) ? destinationsOf(data) : []
      if (dests.length > 0) data = dests
      const cache = this.cache[type]
      // Only non-empty lookups are cached; other types have a cache only if a user added one.
      if (cache && !life.isOver && !err && (isLookup ? dests.length > 0 : data)) cache.set(hash, data)
      const known = isLookup && this[kLastKnown] ? this[kLastKnown].answer(hash, err, dests, life.isOver) : undefined
      if (known !== undefined) [err, data] = [null, known]
      life.flights.trigger(hash, err, data)
    })
  }
}

function noop () {}

const { _post, announce, lookup, request } = Link.prototype

// Its ports are free when `stop` returns.
define(Link, 'dispose', function () { this.stop() })
define(Link, 'asyncDispose', async function () { this.stop() })

module.exports = Link
// For code that destructures it.
module.exports.Link = Link
