'use strict'

const { randomUUID } = require('crypto')
const { AnnounceNews } = require('./AnnounceNews')
const { Announcer, payloadOf } = require('./Announcer')
const Backoff = require('./Backoff')
const Cache = require('./Cache')
const dispatch = require('./dispatch')
const Emitter = require('./emitter')
const grapes = require('./grape-post')
const { abortable } = require('./abort')
const { answered, guarded, led, unanswered } = require('./callbacks')
const { hold, letGo } = require('./alive')
const { CbQ, withDeadline } = require('./cbq')
const { clearTimeout, nextTick, setTimeout, theirs } = require('./clock')
const { bind } = require('./context')
const {
  EMBEDDED, GRAPE_BACKOFF, GRAPE_HEDGE, GRAPE_RETURN, LAST_KNOWN_AGE, LINK, LINK_RETRY, LOOKUP_CACHE, MAX_ADDRESSES,
  MAX_ODD_ADDRESSES, MAX_TIMEOUT, PROBE_TYPE
} = require('./defaults')
const { define } = require('./dispose')
const { CODE, TEXT, addressOf, errorOf } = require('./errors')
const { failure, late, tell } = require('./failure')
const { refusalOf } = require('./grape-answers')
const { STOPPED_LINK } = require('./hints')
const { announced } = require('./ipv6')
const LinkMeter = require('./LinkMeter')
const LinkState = require('./LinkState')
const {
  kAloneAt, kAnnounceError, kAnnouncer, kAsk, kEmbedded, kExchange, kExchangeOnce, kForget, kGrapeState, kGrapes, kGrapesBackoff,
  kHash, kHashText, kHashed, kIsDue, kLastKnown, kLife, kLookupKept, kMeter, kNews, kOwnAddresses, kOwnPorts, kRefresh, kShare, kStarted,
  kStopAnnouncingAll, kStopAnnouncingPort, kTakesBack, kUnannounce, kWhenTold, kWhenTrusted
} = require('./internal')
const { getMutable, putMutable } = require('./mutable')
const { isNested } = require('./nesting')
const { debug } = require('./observe')
const { CALLS, OPTIONS } = require('./option-table')
const { check, withDefaults } = require('./options')
const own = require('./own')
const { LinkPromises, isThenable, promiseOf } = require('./promises')
const { Tries, retryOf } = require('./retry')
const { unstarted } = require('./silent-mistakes')

/** Talks to the grapes: finds services, announces them, stores and reads values. */
class Link extends Emitter {
  /**
   * @param {object} conf
   * @param {string|string[]} conf.grape `http://host:port`, or several as array or comma list;
   *   `'embedded'` for one that runs in this process, or in another one of this machine
   * @param {number} [conf.grapePort] where the processes meet with `'embedded'` (31001)
   * @param {number[]} [conf.grapeUsers] users (uid) whose processes may run that grape, beside this
   *   process' own and root
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

  /** `lookup`, `announce`, `startAnnouncing`, `stopAnnouncing`, `put` and `get` that return a Promise. */
  get promises () {
    return new LinkPromises(this)
  }

  // Services keep something of their own here.
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
      const Embedded = require('./Embedded')
      const { grapePort, grapeUsers } = this.conf
      this[kEmbedded] = new Embedded(OPTIONS.Link.grapePort.of(grapePort), () => this[kAnnouncer].again(), OPTIONS.Link.grapeUsers.of(grapeUsers))
    }
  }

  /** Keeps the process alive until `stop`; `connect` is emitted once a grape answers. */
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
   * No exchange begins any more. What only reads fails with ERR_TRANSPORT_CLOSE, in a later tick; what changes
   * something goes on to its answer, or its timeout, without another attempt. Its connections close, these after it.
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
    // A grape that stops waits for connections.
    grapes.letGo()
    return this
  }

  /**
   * Addresses of a service's servers: `cb(err, ['ip:port', ...])`. A cached answer calls back
   * before this returns.
   * @param {object} [opts] `retry` attempts (3), `timeout` ms of one exchange, `signal` that ends it
   */
  lookup (key, opts, cb) {
    if (typeof opts === 'function') return this.lookup(key, {}, opts)
    this.request('lookup', key, { retry: LINK_RETRY, ...opts }, (err, dests) => {
      if (err) return cb(err)
      if (!Array.isArray(dests) || dests.length === 0) return cb(led(emptyLookup(key, dests)))
      if (!dispatch.isDestination(dests[0])) return cb(led(late(TEXT.LOOKUP_INVALID, { key, grape: grapeOf(dests) })))
      cb(null, dests)
    })
  }

  /**
   * Announces once that this machine serves `key` at `port`; `cb(err, nodes)`. Without a
   * callback errors are dropped.
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
    // Not by a subclass's own method, which has had this call.
    if (this[kAnnouncer].waits(key, port, () => announce.call(this, key, port, opts, cb))) return
    const told = this[kNews].telling({ key, port, host }, cb)
    this.request('announce', payloadOf(key, port, host), { retry: LINK_RETRY, ...opts }, told)
  }

  /**
   * Announces now and then again and again, after 0.5 to 1.5 times `opts.interval` (2 min), so
   * that services do not announce in lockstep. `cb` is called after the first. Returns false
   * when this key and port are announced already.
   */
  startAnnouncing (key, port, opts = {}, cb) {
    if (typeof opts === 'function') return this.startAnnouncing(key, port, undefined, opts)
    checkCall(opts)
    if (!this._inited) this.init()
    return this[kAnnouncer].start(key, port, opts, cb)
  }

  /**
   * Ends what `startAnnouncing` began, and tells the grapes: those of this package forget the
   * address, others let it age. Returns false when this key and port are not announced.
   */
  stopAnnouncing (key, port) {
    if (!this._inited) return false
    return this[kAnnouncer].stop(key, port, this[kTakesBack])
  }

  /** Somebody's own `request` or `_post` hears of what the original never asks only where the conf says so. */
  get [kTakesBack] () {
    const { unannounce } = this.conf
    return unannounce === true || (unannounce !== false && this.request === request && this._post === _post)
  }

  /** Tells the grapes of the end of an announce: `cb(err)`, whatever becomes of a method of somebody's own. */
  [kUnannounce] (payload, cb) {
    const isOurs = this.request === request && this._post === _post
    const longest = Math.min(MAX_TIMEOUT, timeoutOf(undefined, this.conf) * this[kGrapes]('unannounce').length)
    const told = isOurs ? cb : withDeadline(longest, cb)
    failing(() => this.request('unannounce', payload, {}, told), told)
  }

  /** Ends the announces of everything at `port`: its server goes away. */
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

  /** What is announced at these ports of this machine is this link's. */
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
   * Stores a text that its owner may replace, signed: `cb(err, hash)`.
   * @param {object} value `{ v, privateKey }`, and `seq`, `salt` and `cas`
   */
  putMutable (value, opts, cb) {
    if (typeof opts === 'function') [opts, cb] = [undefined, opts]
    putMutable(this, value, opts, cb || noop)
  }

  /** Reads it by the public key: `cb(err, { v, seq, ... })`, null for none. `opts.salt` names one of several. */
  getMutable (publicKey, opts, cb) {
    if (typeof opts === 'function') [opts, cb] = [undefined, opts]
    getMutable(this, publicKey, opts, cb)
  }

  /**
   * One request to the grapes: `type` is the path, `payload` the `data` of its body. Equal
   * requests that are under way share one exchange.
   * @param {object} [opts] `retry` attempts (1), `timeout` ms of one exchange, `signal` that ends it
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

  /** A destination cannot be reached: takes it out of the cached answers. */
  forget (dest) {
    this[kForget](dest)
  }

  [kForget] (dest) {
    const { lookup } = this.cache || {}
    if (lookup && typeof lookup.forget === 'function') lookup.forget(dest)
    if (this[kLastKnown]) this[kLastKnown].forget(dest)
  }

  /**
   * Carries one exchange: posts `data` as JSON to `url`, `cb(err, answer)`. Override it to
   * carry all traffic. Its Promise resolves with nothing once `cb` is called.
   * @param {object} opts `timeout` ms, and `headers` beside those of ours
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
    // What changes something is to be told also by who stops at once.
    if (READS.some(type => url.endsWith(`/${type}`))) posts.add(end)
    return promise
  }

  /** What `lookup` says without asking a grape, undefined for nobody; null where it is not known here what it says. */
  [kLookupKept] (key) {
    const { lookup: cache } = this.cache || {}
    const isOurs = this.lookup === lookup && this.request === request && cache instanceof Cache && cache.get === Cache.prototype.get
    return isOurs ? cache.peek(this.getRequestHash('lookup', key)) : null
  }

  /** Hot path: the same key again needs no new text. */
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
    // The exchange that is under way may be more patient than who joins it.
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
      // Of lookups only good answers; other types have a cache when somebody gave them one.
      if (cache && !life.isOver && !err && (isLookup ? dests.length > 0 : data)) cache.set(hash, data)
      if (isLookup && this[kLastKnown]) {
        const isAlone = isUnavailable(err)
        if (isAlone) this[kAloneAt] = theirs.now()
        // Whoever served it when there was a grape may serve it still, and has to announce again.
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
   * Asks a grape, and the next one when that fails; those that failed lately come last. What only
   * reads is asked of the next one as well when the first takes long.
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
        // The grape has nothing to do with it.
        if (life.isOver) return finish(err, data)
        const isAnswered = !err || typeof err.code === 'number'
        if (isUnavailable(err)) this[kGrapesBackoff].fail(grape)
        else this[kGrapesBackoff].succeed(grape)
        const isLast = !isUnavailable(err) || (open === 0 && (isOver || asked >= grapes.length))
        try {
          if (isAnswered) this[kGrapeState].heard(grape, type, err, data)
          else if (isLast) this[kGrapeState].lost(err)
        } finally {
          // Another one may answer still.
          if (isLast) finish(err, data)
          else if (!isOver && asked < grapes.length) ask()
        }
      })
    }
    ask()
  }

  /** Where a request may go. A grape on another machine would announce its own address, unless it is told which. */
  [kGrapes] (type, payload) {
    if (this[kEmbedded]) return [this[kEmbedded].url]
    const named = this.conf.grape
    const grapes = (Array.isArray(named) ? named : String(named).split(','))
      .map(grape => String(grape).trim().replace(/^ws(s?):\/\//, 'http$1://').replace(/\/+$/, ''))
      .filter((grape, at) => grape !== '' || at === 0)
    if ((type !== 'announce' && type !== 'unannounce') || isElsewhere(payload)) return grapes
    return grapes.filter(grape => hostname(grape) === hostname(grapes[0]))
  }

  /** One exchange that ends by its timeout, also when somebody's `_post` does not. */
  [kExchange] (url, payload, timeout, cb) {
    if (!this[kEmbedded]) return this[kExchangeOnce](url, payload, timeout, cb)
    const ask = cb => this[kWhenTrusted](timeout, cb, () => this[kExchangeOnce](url, payload, timeout, cb))
    // When the process with the embedded grape is gone, another one stands in and is asked once.
    ask((err, data) => {
      if (!isBroken(err)) return cb(err, data)
      // The grape may have ended with this link: nobody stands in for it.
      if (this[kLife].isOver) return cb(late(TEXT.TRANSPORT_CLOSE, { hint: STOPPED_LINK }))
      try {
        this[kEmbedded].replace()
      } catch (err) {
        return unanswered(cb, err)
      }
      ask(cb)
    })
  }

  /** Goes on once a grape of this user's, or root's, has the embedded grape's port. */
  [kWhenTrusted] (timeout, cb, goOn) {
    if (this[kEmbedded].isTrusted) return goOn()
    this[kEmbedded].ready(withDeadline(timeout, err => err ? unanswered(cb, err) : goOn()))
  }

  [kExchangeOnce] (url, payload, timeout, cb) {
    // It waited for the embedded grape.
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
      // Of a callback that somebody's `_post` called at once.
      if (isTold) throw err
      unanswered(finish, err)
    }
  }
}

/** Requests that change nothing. */
const READS = ['lookup', 'get', PROBE_TYPE]

/** The Error of a lookup that found nobody; what the grape said instead of a list is its `cause`. */
function emptyLookup (key, answer) {
  const cause = refusalOf('lookup', answer) || undefined
  return late(TEXT.LOOKUP_EMPTY, { key, grape: grapeOf(answer), cause })
}

/** Calls somebody's own method, and `fail(err)` when that throws or rejects. */
function failing (call, fail) {
  try {
    const promise = call()
    if (isThenable(promise)) promise.then(undefined, fail)
  } catch (err) {
    fail(err)
  }
}

/** Throws for options of a call that mean nothing, before anything is kept of it. */
function checkCall (opts) {
  if (!opts) return
  retryOf(opts.retry)
  CALLS.link.timeout.of(opts.timeout)
}

/** How long one exchange may take, in ms: as the call says, or the link. */
function timeoutOf (own, conf) {
  return Math.max(0, own ?? OPTIONS.Link.requestTimeout.of(conf.requestTimeout))
}

/** What is under way between a link's start and its stop. */
class Life {
  constructor () {
    this.isOver = false
    /** Requests that only read, and those that change something. */
    this.reads = new Tries()
    this.changes = new Tries()
    /** Who waits for an exchange, by request. */
    this.flights = new CbQ()
    /** Timeouts of the exchanges under way, by request. */
    this.timeouts = new Map()
    /** Each ends one exchange that only reads. */
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

/** The Error for an HTTP status and what came with it. */
function failureOf (status, answer) {
  const error = errorOf(answer, { code: status })
  if (error.message !== '') return seen(error, status)
  const { STATUS_CODES } = require('http')
  return seen(late(`${status} ${STATUS_CODES[status] || 'without a text'}`), status)
}

/** With the status as its code, which the original's has for all to see. */
function seen (error, status) {
  return Object.defineProperty(error, 'code', { value: status, writable: true, configurable: true, enumerable: true })
}

/** Which grape gave an answer that is no list of addresses. */
const answeredBy = new WeakMap()

function grapeOf (answer) {
  return answeredBy.get(Object(answer))
}

/** The service that a request to a grape is about, where it is about one. */
function keyOf (type, payload) {
  if (type === 'lookup') return payload
  if (type !== 'announce' && type !== 'unannounce') return undefined
  return Array.isArray(payload) ? payload[0] : payload.key
}

/** The addresses in a grape's answer, each once, and no more than a service can have. */
function destinationsOf (answer) {
  const dests = new Set()
  let seen = 0
  for (const dest of answer) {
    if (dispatch.isDestination(dest)) dests.add(dest)
    if (dests.size === MAX_ADDRESSES || ++seen - dests.size === MAX_ODD_ADDRESSES) break
  }
  return [...dests]
}

/** Whether an announce says where the service is. */
function isElsewhere (payload) {
  return !!payload && payload.host !== undefined
}

/** Another grape may do better: this one did not answer, or broke. */
function isUnavailable (err) {
  return !!err && (typeof err.code !== 'number' || err.code >= 500)
}

/** The connection is gone, or there was none: not an answer, a deadline or a payload that is none. */
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
// For who destructures it.
module.exports.Link = Link
