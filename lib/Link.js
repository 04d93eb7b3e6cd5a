'use strict'

const { randomUUID } = require('crypto')
const { AnnounceNews } = require('./link/AnnounceNews')
const { Announcer, payloadOf } = require('./link/Announcer')
const Backoff = require('./util/Backoff')
const Cache = require('./link/Cache')
const { isDestination } = require('./native/connections')
const Emitter = require('./base/Emitter')
const grapes = require('./link/grapePost')
const { abortable } = require('./util/abort')
const { answered, guarded, led, unanswered } = require('./link/linkCallbacks')
const { hold, letGo } = require('./native/keepAlive')
const { CallbackQueue, withDeadline } = require('./util/CallbackQueue')
const { clearTimeout, nextTick, setTimeout, theirs } = require('./util/clock')
const { bind } = require('./util/context')
const {
  EMBEDDED, GRAPE_BACKOFF, GRAPE_HEDGE, GRAPE_RETURN, LAST_KNOWN_AGE, LINK, LINK_RETRY, LOOKUP_CACHE, MAX_ADDRESSES,
  MAX_ODD_ADDRESSES, MAX_TIMEOUT, PROBE_TYPE
} = require('./options/defaults')
const { define } = require('./base/dispose')
const { CODE, TEXT, addressOf, errorOf } = require('./errors/errors')
const { failure, late, tell } = require('./errors/failure')
const { refusalOf } = require('./link/grapeAnswers')
const { STOPPED_LINK } = require('./errors/hints')
const { announced } = require('./connection/ipv6Only')
const LinkMeter = require('./link/LinkMeter')
const LinkState = require('./link/LinkState')
const {
  kAloneAt, kAnnounceError, kAnnouncer, kAsk, kEmbedded, kExchange, kExchangeOnce, kForget, kGrapeState, kGrapes, kGrapesBackoff,
  kHash, kHashText, kHashed, kIsDue, kLastKnown, kLife, kLookupKept, kMeter, kNews, kOwnAddresses, kOwnPorts, kRefresh, kShare, kStarted,
  kStopAnnouncingAll, kStopAnnouncingPort, kTakesBack, kUnannounce, kWhenTold, kWhenTrusted
} = require('./util/symbols')
const { getMutable, putMutable } = require('./link/mutableValues')
const { isNested } = require('./util/nesting')
const { debug } = require('./observe/channels')
const { CALLS, OPTIONS } = require('./options/optionTable')
const { check, withDefaults } = require('./options/values')
const own = require('./base/ownProperty')
const LinkPromises = require('./link/LinkPromises')
const { isThenable, promiseOf } = require('./util/promises')
const { Tries, retryOf } = require('./client/retry')
const { unstarted } = require('./errors/silentMistakes')

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
    this[kLastKnown] = this[kLife] = this[kNews] = this[kGrapeState] = this[kAnnouncer] = this[kGrapesBackoff] = this[kEmbedded] = null
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
    this[kLife] = new Life()
    this[kNews] = new AnnounceNews(this)
    this[kGrapeState] = new LinkState(this)
    this[kAnnouncer] = new Announcer(this)
    this[kGrapesBackoff] = new Backoff(GRAPE_BACKOFF)
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
    if (this[kLife].isOver) this[kLife] = new Life()
    if (!this[kStarted]) {
      this[kStarted] = true
      hold()
    }
    this.cache.lookup = new Cache({
      max: OPTIONS.Link.lruMaxSizeLookup.of(this.conf.lruMaxSizeLookup),
      maxAge: OPTIONS.Link.lruMaxAgeLookup.of(this.conf.lruMaxAgeLookup)
    })
    this[kLastKnown] = new Cache({ max: LOOKUP_CACHE, maxAge: LAST_KNOWN_AGE })
    this[kAloneAt] = -Infinity
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
    const isOurs = this.request === request && this._post === _post
    const longest = Math.min(MAX_TIMEOUT, timeoutOf(undefined, this.conf) * this[kGrapes]('unannounce').length)
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
      unreachable: this._inited ? this[kGrapesBackoff].waiting() : []
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
    const read = (status, body) => {
      const isFine = status >= 200 && status < 300
      if (isNested(body)) return answered(cb, isFine ? late(TEXT.NESTING_LIMIT) : failureOf(status, TEXT.NESTING_LIMIT))
      let answer = body
      try {
        answer = JSON.parse(body)
      } catch (err) {
        // Some failures are plain text.
      }
      answered(cb, isFine ? null : failureOf(status, answer), isFine ? answer : undefined)
    }
    const { posts } = this[kLife]
    let over
    const promise = new Promise(resolve => { over = resolve })
    const end = grapes.post(url, opts.headers, text, opts.timeout ?? MAX_TIMEOUT, this.conf.tls, (err, status, body) => {
      posts.delete(end)
      over()
      if (err) unanswered(cb, err)
      else read(status, body)
    })
    // `stop` ends pending reads only: a change must reach the grapes even when the link stops right after it.
    if (READS.some(type => url.endsWith(`/${type}`))) posts.add(end)
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
    if (timeout < shared) cb = withDeadline(timeout * this[kGrapes](type).length, cb, unanswered)
    life.flights.push(hash, cb)
    if (shared !== undefined) return
    life.timeouts.set(hash, timeout)
    this[kAsk](type, payload, timeout, (err, data) => {
      life.timeouts.delete(hash)
      const isLookup = type === 'lookup'
      const dests = !err && isLookup && Array.isArray(data) ? destinationsOf(data) : []
      if (dests.length > 0) data = dests
      const cache = this.cache[type]
      // Only non-empty lookups are cached; other types have a cache only if a user added one.
      if (cache && !life.isOver && !err && (isLookup ? dests.length > 0 : data)) cache.set(hash, data)
      if (isLookup && this[kLastKnown]) {
        const isAlone = isUnavailable(err)
        if (isAlone) this[kAloneAt] = theirs.now()
        // Services that were there before the grapes failed may still be, and have to announce again.
        const isBelieved = !isAlone && theirs.now() - this[kAloneAt] > GRAPE_RETURN
        if (dests.length > 0) this[kLastKnown].set(hash, dests)
        else if (!err && isBelieved) this[kLastKnown].remove(hash)
        else if ((!err || isAlone) && !life.isOver && this[kLastKnown].peek(hash) !== undefined) {
          data = this[kLastKnown].get(hash)
          err = null
        }
      }
      life.flights.trigger(hash, err, data)
    })
  }

  /**
   * Asks a grape, and the next one when that fails; recently failed grapes come last. A read also goes to the next
   * grape when the first one takes long.
   */
  [kAsk] (type, payload, timeout, cb) {
    const grapes = this[kGrapesBackoff].sorted(this[kGrapes](type, payload))
    const life = this[kLife]
    let asked = 0
    let open = 0
    let timer = null
    let isOver = false
    const finish = (err, data) => {
      if (isOver) return
      isOver = true
      clearTimeout(timer)
      cb(err, data)
    }
    const ask = () => {
      const grape = grapes[asked++]
      open++
      clearTimeout(timer)
      if (asked < grapes.length && READS.includes(type)) timer = setTimeout(ask, GRAPE_HEDGE).unref()
      this[kExchange](`${grape}/${type}`, payload, timeout, (err, data) => {
        open--
        const from = addressOf(grape)
        if (err) err = tell(err, { key: keyOf(type, payload), grape: from })
        else if (type === 'lookup') answeredBy.set(Object(data), from)
        if (debug.enabled) debug('%s at %s: %s', type, grape, err ? err.message : data)
        // The link stopped: the error says nothing about the grape.
        if (life.isOver) return finish(err, data)
        const isAnswered = !err || typeof err.code === 'number'
        if (isUnavailable(err)) this[kGrapesBackoff].fail(grape)
        else this[kGrapesBackoff].succeed(grape)
        const isLast = !isUnavailable(err) || (open === 0 && (isOver || asked >= grapes.length))
        try {
          if (isAnswered) this[kGrapeState].heard(grape, type, err, data)
          else if (isLast) this[kGrapeState].lost(err)
        } finally {
          // Another grape may still reply.
          if (isLast) finish(err, data)
          else if (!isOver && asked < grapes.length) ask()
        }
      })
    }
    ask()
  }

  /**
   * The grapes for a request. A grape on another machine would record its own address for an announce without a
   * `host`.
   */
  [kGrapes] (type, payload) {
    if (this[kEmbedded]) return [this[kEmbedded].url]
    const named = this.conf.grape
    const grapes = (Array.isArray(named) ? named : String(named).split(','))
      .map(grape => String(grape).trim().replace(/^ws(s?):\/\//, 'http$1://').replace(/\/+$/, ''))
      .filter((grape, at) => grape !== '' || at === 0)
    if ((type !== 'announce' && type !== 'unannounce') || isElsewhere(payload)) return grapes
    return grapes.filter(grape => hostname(grape) === hostname(grapes[0]))
  }

  /** One exchange, limited by its timeout even when a user's `_post` is not. */
  [kExchange] (url, payload, timeout, cb) {
    if (!this[kEmbedded]) return this[kExchangeOnce](url, payload, timeout, cb)
    const ask = cb => this[kWhenTrusted](timeout, cb, () => this[kExchangeOnce](url, payload, timeout, cb))
    // When the process with the embedded grape has exited, another process takes over, and its grape is asked once.
    ask((err, data) => {
      if (!isBroken(err)) return cb(err, data)
      // The grape may have stopped with this link: no takeover.
      if (this[kLife].isOver) return cb(late(TEXT.TRANSPORT_CLOSE, { hint: STOPPED_LINK }))
      try {
        this[kEmbedded].replace()
      } catch (err) {
        return unanswered(cb, err)
      }
      ask(cb)
    })
  }

  /** Continues once the embedded grape's port is held by a grape of this user or of root. */
  [kWhenTrusted] (timeout, cb, goOn) {
    if (this[kEmbedded].isTrusted) return goOn()
    this[kEmbedded].ready(withDeadline(timeout, err => err ? unanswered(cb, err) : goOn()))
  }

  [kExchangeOnce] (url, payload, timeout, cb) {
    // The link may have stopped while this waited for the embedded grape.
    if (this[kLife].isOver) return nextTick(cb, late(TEXT.TRANSPORT_CLOSE, { hint: STOPPED_LINK }))
    const type = url.slice(url.lastIndexOf('/') + 1)
    const finish = withDeadline(timeout, this[kMeter].exchange(type, cb), unanswered)
    let isTold = false
    const tell = (err, data) => {
      isTold = true
      finish(err, data)
    }
    const post = () => this._post(url, { rid: randomUUID(), data: payload }, { timeout }, tell)
    if (type === 'unannounce') return failing(post, err => isTold || unanswered(finish, err))
    try {
      post()
    } catch (err) {
      // The callback threw, called synchronously by a user's `_post`.
      if (isTold) throw err
      unanswered(finish, err)
    }
  }
}

/** Requests that change nothing. */
const READS = ['lookup', 'get', PROBE_TYPE]

/** The Error of an empty lookup; if the grape sent no list, what it sent is the `cause`. */
function emptyLookup (key, answer) {
  const cause = refusalOf('lookup', answer) || undefined
  return late(TEXT.LOOKUP_EMPTY, { key, grape: grapeOf(answer), cause })
}

/** Calls a user's method, and `fail(err)` when it throws or rejects. */
function failing (call, fail) {
  try {
    const promise = call()
    if (isThenable(promise)) promise.then(undefined, fail)
  } catch (err) {
    fail(err)
  }
}

/** Throws for invalid options of a call, before any state is kept. */
function checkCall (opts) {
  if (!opts) return
  retryOf(opts.retry)
  CALLS.link.timeout.of(opts.timeout)
}

/** The timeout of one exchange in ms: the call's, or the link's. */
function timeoutOf (own, conf) {
  return Math.max(0, own ?? OPTIONS.Link.requestTimeout.of(conf.requestTimeout))
}

/** Pending work between a link's start and its stop. */
class Life {
  constructor () {
    this.isOver = false
    /** Read requests, and requests that change something. */
    this.reads = new Tries()
    this.changes = new Tries()
    /** Callbacks that wait for an exchange, by request. */
    this.flights = new CallbackQueue()
    /** Timeouts of the pending exchanges, by request. */
    this.timeouts = new Map()
    /** Functions that each cancel one read exchange. */
    this.posts = new Set()
  }

  triesOf (type) {
    return READS.includes(type) ? this.reads : this.changes
  }

  end (err) {
    this.isOver = true
    this.reads.end(err)
    this.changes.endWaiting(err)
    const posts = [...this.posts]
    this.posts.clear()
    for (const end of posts) end(err)
  }
}

/** The Error for an HTTP status and its body. */
function failureOf (status, answer) {
  const error = errorOf(answer, { code: status })
  if (error.message !== '') return seen(error, status)
  const { STATUS_CODES } = require('http')
  return seen(late(`${status} ${STATUS_CODES[status] || 'without a text'}`), status)
}

/** With the status as an enumerable `code`, as the original's. */
function seen (error, status) {
  return Object.defineProperty(error, 'code', { value: status, writable: true, configurable: true, enumerable: true })
}

/** The grape that sent an answer, by answer. */
const answeredBy = new WeakMap()

function grapeOf (answer) {
  return answeredBy.get(Object(answer))
}

/** The service that a request to a grape is about, if any. */
function keyOf (type, payload) {
  if (type === 'lookup') return payload
  if (type !== 'announce' && type !== 'unannounce') return undefined
  return Array.isArray(payload) ? payload[0] : payload.key
}

/** The addresses in a grape's answer, without duplicates and up to the limit. */
function destinationsOf (answer) {
  const dests = new Set()
  let seen = 0
  for (const dest of answer) {
    if (isDestination(dest)) dests.add(dest)
    if (dests.size === MAX_ADDRESSES || ++seen - dests.size === MAX_ODD_ADDRESSES) break
  }
  return [...dests]
}

/** Whether an announce names the service's host. */
function isElsewhere (payload) {
  return !!payload && payload.host !== undefined
}

/** Whether another grape may succeed: this one did not reply, or failed. */
function isUnavailable (err) {
  return !!err && (typeof err.code !== 'number' || err.code >= 500)
}

/** The connection broke or could not be made: not a reply, a timeout or an invalid payload. */
function isBroken (err) {
  return !!err && err.name === 'Error' && typeof err.code !== 'number' &&
    err.message !== TEXT.TIMEOUT && err.code !== CODE.GRAPE_FOREIGN
}

function hostname (url) {
  try {
    return new URL(url).hostname
  } catch (err) {
    return url
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
