'use strict'

const { PassThrough } = require('stream')
const { abortable } = require('./util/abort')
const { AddressNames, destOf } = require('./client/AddressNames')
const Backoff = require('./util/Backoff')
const Peer = require('./base/Peer')
const Pool = require('./client/Pool')
const { Suspects, isSilent } = require('./client/Suspects')
const TransportRPCClient = require('./TransportRPCClient')
const { balancerOf } = require('./client/balance')
const { budgetOf } = require('./native/memoryBudget')
const { callEach, withDeadline } = require('./util/CallbackQueue')
const { nameOf } = require('./connection/ClientConnection')
const { monotonic, nextTick, setTimeout } = require('./util/clock')
const { CLIENT, CONNECT_AMONG_OTHERS, DEST_BACKOFF, MAX_TIMEOUT, PROBE, SUSPICION } = require('./options/defaults')
const { NO_INIT, STOPPED } = require('./errors/hints')
const { CODE, TEXT } = require('./errors/errors')
const { failure, late, tell } = require('./errors/failure')
const {
  kAbsent, kAdmit, kAim, kAliases, kAll, kAsks, kBackoff, kBalancer, kReplaceDead, kChoose, kChooseOpen, kChooseOther, kChooseProven,
  kConnectAnother, kConnection, kCounted, kDialling, kDials, kDrain, kForget, kIsOneOfMany, kIsStopped, kJoin, kKeep, kLeave,
  kLookup, kLookupKept, kLookupWithin, kLose, kMeter, kOpenConnections, kOptions, kOtherTo, kProbe, kReachable, kReject,
  kRejectCall, kRejectLookup, kRemembers, kReplace, kRequestAgain, kRequestOther, kResend, kRetry, kSend, kSendElsewhere, kSilent, kSuspects,
  kTransportFor, kTransportsTo, kTried, kTries, kUnderWay, kUnreachable, kUsable
} = require('./util/symbols')
const { CALLS, OPTIONS, checkMap, checkRequest, isCommon } = require('./options/optionTable')
const { Kept } = require('./client/replyCost')
const { debug } = require('./observe/channels')
const { checkTargets, isAimed, othersOf } = require('./client/chooseTargets')
const { withDefaults } = require('./options/values')
const { ONCE, Patience } = require('./client/waitForServer')
const { promised } = require('./util/promises')
const { Tries, retryOf } = require('./client/retry')
const traced = require('./client/traceCaller')

/** Sends requests to services by name. */
class PeerRPCClient extends Peer {
  constructor (link, conf) {
    super(link, conf)
    this.conf = withDefaults(CLIENT, this.conf)
    this[kBackoff] = new Backoff(DEST_BACKOFF)
    this[kAliases] = new AddressNames()
    this[kDials] = new Backoff(DEST_BACKOFF)
    this[kSuspects] = new Suspects()
    this[kIsOneOfMany] = false
    this[kUnderWay] = 0
    this[kTries] = new Tries()
    this[kBalancer] = balancerOf(this.conf.balance)
  }

  init () {
    super.init()
    if (this.tpool) this.tpool.stop()
    this.tpool = new Pool()
    this.tpool.init()
  }

  /** Chooses by `conf.balance` among all destinations, or among the connected ones once there are enough. */
  dest (dests, key, opts = {}) {
    const enough = opts.maxActiveKeyDests || this.conf.maxActiveKeyDests
    const { tpool } = this
    // A replaced pool method is called for each request, as with a pool of the original's class.
    if (dests && tpool && ((enough > 0 && dests.length >= enough) || asks(tpool))) {
      const active = dests.filter(dest => tpool.hasActive(dest))
      if (enough > 0 && active.length >= enough) dests = active
    }
    if (this[kBalancer] !== null) return this[kBalancer].choose(dests || [], key, this.tpool)
    return super.dest(dests, key)
  }

  transport (dest, opts = {}) {
    const enough = opts.maxActiveDestTransports || this.conf.maxActiveDestTransports
    const { tpool } = this
    if (tpool === undefined) throw failure(TEXT.PEER_INIT, { dest, hint: NO_INIT }, TypeError)
    const isOther = this[kDials].has(dest) || tpool[kChoose] === undefined
    const chosen = isOther ? this[kChooseOther](dest, enough, opts) : tpool[kChoose](dest, enough)
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

  /** Options for a transport's `request`, from those of the peer's `request`. */
  getRequestOpts (opts) {
    if (opts.signal) return { timeout: opts.timeout, signal: opts.signal }
    return { timeout: opts.timeout }
  }

  /** Options for `dest`, from those of a request. */
  getDestOpts (opts) {
    return { maxActiveKeyDests: opts.maxActiveKeyDests }
  }

  /**
   * Sends one request to one server.
   * @param {string} key name of the service
   * @param {*} payload any JSON value
   * @param {object} [opts] `timeout` ms, `retry` attempts (1), `waitFor` ms until a server announces the key,
   *   `signal` that cancels the request, `dest` instead of a lookup, `exclude` and `self` as of `map`,
   *   `maxActiveKeyDests`, `maxActiveDestTransports`
   * @param {function(Error, *)} [cb] without it, this returns a Promise
   */
  request (key, payload, opts, cb) {
    if (typeof opts === 'function') return this.request(key, payload, undefined, opts)
    if (!cb) return promised(cb => request.call(this, key, payload, opts, cb))
    cb = traced(cb, request)
    opts = opts || {}
    if (!isCommon(opts)) return this[kRequestOther](key, payload, opts, cb)
    // Kept small, like all code on the path of each request: V8 does not inline a larger function into its caller.
    this[kLookup](key, (err, dests) => {
      if (err || !Array.isArray(dests)) return this[kRejectLookup](err, key, cb)
      this[kSend](this.dest(this[kUsable](dests, opts), key, this.getDestOpts(opts)), key, payload, opts, cb)
    })
  }

  /**
   * A request with retries, `waitFor`, a `signal`, or an `aim` that restricts its destinations; invalid options
   * throw.
   */
  [kRequestOther] (key, payload, opts, cb) {
    checkRequest(opts)
    const waitFor = CALLS.request.waitFor.of(opts.waitFor)
    const retry = retryOf(opts.retry)
    const aim = isAimed(opts) ? opts : undefined
    if (aim) checkTargets(aim)
    if (opts.signal && !(cb = abortable(opts.signal, cb, undefined, { key }))) return
    if (waitFor !== undefined) return this[kRetry](new Patience(waitFor, retry), key, payload, opts, cb, aim)
    if (retry !== null) return this[kRetry](retry, key, payload, opts, cb, aim)
    if (opts.dest) {
      this[kIsOneOfMany] = false
      return this[kSend](opts.dest, key, payload, opts, cb, aim)
    }
    this[kLookup](key, (err, dests) => {
      if (err || !Array.isArray(dests)) return this[kRejectLookup](err, key, cb)
      if (aim) dests = othersOf(dests, aim, this.link)
      this[kSend](this.dest(this[kUsable](dests, opts), key, this.getDestOpts(opts)), key, payload, opts, cb, aim)
    })
  }

  /**
   * Sends one request to each server, or to `opts.limit` random ones. Skips the addresses in `opts.exclude`, and with
   * `self: false` the servers that the link announces on this machine.
   * @param {function(Error, Array)} [cb] results in the order of the destinations. The first error ends the map, as
   *   does a result that exceeds `conf.memoryBudget`. With `opts.settled` no error ends it, and each result is `{
   *   dest, status, value }` or `{ dest, status, reason }`. Without a callback, this returns a Promise.
   */
  map (key, payload, opts, cb) {
    if (typeof opts === 'function') return this.map(key, payload, undefined, opts)
    if (!cb) return promised(cb => map.call(this, key, payload, opts, cb))
    cb = traced(cb, map)
    opts = opts || {}
    checkMap(opts)
    const limit = CALLS.map.limit.of(opts.limit)
    const aimed = isAimed(opts)
    if (aimed) checkTargets(opts)
    const waitFor = CALLS.request.waitFor.of(opts.waitFor)
    if (opts.signal && !(cb = abortable(opts.signal, cb, undefined, { key }))) return
    const others = dests => aimed ? othersOf(dests, opts, this.link) : dests
    const lookup = told => waitFor === undefined ? this[kLookup](key, told) : this[kLookupWithin](waitFor, key, others, opts.signal, told)
    lookup((err, dests) => {
      if (err || !Array.isArray(dests)) return this[kRejectLookup](err, key, cb)
      dests = others(dests)
      if (dests.length === 0) return cb(null, [])
      if (limit !== undefined) dests = shuffle(dests).slice(0, limit)

      // Every destination is wanted: there is no alternative to any of them.
      this[kIsOneOfMany] = false
      const { settled } = opts
      const results = new Array(dests.length)
      const kept = new Kept(budgetOf({ client: this, conf: this.conf }))
      let waiting = dests.length
      dests.forEach((dest, at) => {
        this[kSend](dest, key, payload, opts, (err, res) => {
          if (waiting === 0 || (settled && at in results)) return
          const isKept = !!err || kept.add()
          if (!isKept) err = late(TEXT.MEMORY_BUDGET, { key, dest })
          if (settled) results[at] = outcome(dest, err, res)
          else if (isKept) results[at] = res
          waiting = err && !settled ? 0 : waiting - 1
          if (waiting > 0) return
          kept.end()
          cb((!settled && err) || null, results)
        }, { dest })
      })
    })
  }

  /** This transport has no streams: the returned stream fails with an error. */
  stream (key, opts) {
    const stream = new PassThrough()
    this[kLookup](key, err => stream.destroy(err || late(TEXT.NO_STREAMS, { key })))
    return stream
  }

  [kLookup] (key, cb, opts = {}) {
    if (!this.link || typeof this.link.lookup !== 'function') {
      return nextTick(cb, failure(TEXT.NO_LOOKUP, { key }, TypeError))
    }
    this.link.lookup(key, opts, cb)
  }

  /** The error when no server was found; a stopped peer does not look up again. */
  [kAbsent] (patience, err) {
    return patience.absent(this[kIsStopped] ? late(TEXT.TRANSPORT_CLOSE, { hint: STOPPED }) : err)
  }

  /** Looks up for up to `ms`, until there is a server that the call may go to; `others` removes excluded servers. */
  [kLookupWithin] (ms, key, others, signal, cb) {
    const patience = new Patience(ms)
    let found
    this[kTries].begin(patience, done => {
      done = patience.attempt(done)
      this[kLookup](key, patience.lookup((err, dests) => {
        found = err ? undefined : dests
        if (!err && (!Array.isArray(dests) || others(dests).length > 0)) return done(null, dests)
        done(this[kAbsent](patience, err || late(TEXT.LOOKUP_EMPTY, { key })))
      }), ONCE)
      // When the time is over, a list with excluded servers only is a result too.
    }, (err, dests) => err && err.message === TEXT.LOOKUP_EMPTY && found !== undefined ? cb(null, found) : cb(err, dests), key, signal)
  }

  /** As `kLookup`, but from the link's cache without asking a grape: a rejected request then fails without delay. */
  [kLookupKept] (key, cb) {
    const { link } = this
    const kept = link && typeof link[kLookupKept] === 'function' ? link[kLookupKept](key) : null
    if (kept === null) return this[kLookup](key, cb)
    cb(null, kept)
  }

  /** `aim` restricts where the request may go if its server drains before it begins the request. */
  [kSend] (dest, key, payload, opts, cb, aim) {
    if (this[kIsStopped] || dest === undefined || this.conf.maxRequests > 0) cb = this[kAdmit](dest, key, cb)
    if (cb === null) return
    try {
      const transport = this[kTransportFor](dest, opts)
      const requestOpts = this.getRequestOpts(opts)
      if (aim === undefined && this[kRemembers](opts)) aim = opts
      transport.request(key, payload, aim === undefined ? requestOpts : withAim(requestOpts, aim, this.getRequestOpts === getRequestOpts), cb)
    } catch (err) {
      this[kRejectCall](err, key, cb)
    }
  }

  /** A transport for `dest`, which a subclass may map to another address. */
  [kTransportFor] (dest, opts) {
    const chosen = this.transport(dest, this.getTransportOpts(opts))
    if (this.transport !== transport) this[kAliases].add(dest, destOf(chosen))
    return chosen
  }

  /** Whether the options of a call affect where it goes when it is sent again. */
  [kRemembers] (opts) {
    return opts.maxActiveKeyDests !== undefined || opts.maxActiveDestTransports !== undefined ||
      this.dest !== dest || this.transport !== transport || this.getDestOpts !== getDestOpts ||
      this.getTransportOpts !== getTransportOpts || this.getRequestOpts !== getRequestOpts
  }

  /** Returns the callback for a request that may be sent, or null after rejecting one that may not. */
  [kAdmit] (dest, key, cb) {
    // A request that was still in its lookup when the peer stopped opens no connection.
    const text = this[kIsStopped]
      ? TEXT.TRANSPORT_CLOSE
      : dest === undefined
        ? TEXT.LOOKUP_EMPTY
        : this[kUnderWay] >= this.conf.maxRequests ? TEXT.REQUESTS_LIMIT : null
    if (text === null) return this[kCounted](cb)
    this[kReject](late(text, { key, dest, hint: this[kIsStopped] ? STOPPED : undefined }), cb)
    return null
  }

  /**
   * Reports the error of a `conf` or options that a subclass has changed since, or of a forgotten `init`, to the
   * caller.
   */
  [kRejectCall] (err, key, cb) {
    if (this.tpool === undefined && this._active === undefined) {
      err = failure(TEXT.PEER_INIT, { key, hint: NO_INIT, cause: err && err.code === TEXT.PEER_INIT ? undefined : err })
    } else if (!err || err.code !== CODE.OPTION) {
      throw err
    }
    this[kReject](err, cb)
  }

  /**
   * Resends requests that the server at `dest` has not begun because it drains or refused the connection
   * (`isRefused`) to other servers; without any they fail with `err`. If the server has enough connections
   * (`isBusy`), they go over another connection to it.
   */
  [kResend] (dest, unread, err, isRefused, transport, isBusy) {
    const other = isBusy ? this[kOtherTo](dest) : undefined
    if (other !== undefined) {
      return callEach(unread, one => {
        transport[kMeter].count('resent')
        other[kRequestAgain](one)
      })
    }
    const byKey = new Map()
    const since = monotonic()
    for (const one of unread) {
      const aim = one.opts[kAim]
      if (isRefused) one.opts[kTried] = [...one.opts[kTried] || [], dest]
      if (aim && aim.dest) {
        this[kIsOneOfMany] = false
        // After a refusal, another process may listen at this address by now.
        if (isRefused || this[kIsStopped] || !transport.isActive()) {
          nextTick(one.cb, tell(err, { key: nameOf(one.key) }))
        } else {
          transport[kMeter].count('resent')
          transport[kRequestAgain](one)
        }
      } else if (byKey.has(one.key)) {
        byKey.get(one.key).push(one)
      } else {
        byKey.set(one.key, [one])
      }
    }
    // The server drains: the cache may list no other server while the grapes do.
    const names = this[kAliases].of(dest)
    if (!isRefused && byKey.size > 0) forget(this.link, names)
    for (const [keyText, some] of byKey) {
      const key = nameOf(keyText)
      const waiting = some.map(one => ({ ...one, cb: withDeadline(one.left, one.cb) }))
      let isFound = false
      const found = (failure, dests) => {
        if (isFound) return
        isFound = true
        const others = failure || !Array.isArray(dests) ? [] : dests.filter(other => !names.includes(other))
        callEach(waiting, one => this[kSendElsewhere](others, key, one, err, since, transport))
      }
      try {
        this[isRefused ? kLookupKept : kLookup](key, found)
      } catch (thrown) {
        // The callback threw, not the lookup: its own caller gets the exception.
        if (isFound) throw thrown
        isFound = true
        callEach(waiting, one => one.cb(thrown))
      }
    }
  }

  /** A connected transport, or else a connecting one, that can resend requests; undefined if there is none. */
  [kOtherTo] (dest) {
    const others = this.tpool.getActive(dest).filter(transport => typeof transport[kRequestAgain] === 'function')
    return others.find(transport => transport.isConnected()) || others.find(transport => transport.isConnecting())
  }

  [kSendElsewhere] (dests, key, one, err, since, from) {
    const call = one.opts[kAim] || {}
    const tried = one.opts[kTried] || []
    const isTried = dest => tried.some(address => this[kAliases].of(address).includes(dest))
    const left = Math.ceil(one.left - (monotonic() - since))
    let failed = null
    let transport = null
    try {
      dests = othersOf(dests, call, this.link).filter(dest => !isTried(dest))
      const isOver = this[kIsStopped] || dests.length === 0 || left <= 0
      const dest = isOver ? undefined : this.dest(this[kUsable](dests, call), key, this.getDestOpts(call))
      // A subclass may map every destination to the one that failed.
      if (dest !== undefined && !isTried(dest)) transport = this[kTransportFor](dest, call)
      if (transport !== null && isTried(destOf(transport))) transport = null
    } catch (thrown) {
      // The original caller returned long ago, so the error goes to the callback.
      failed = thrown
      transport = null
    }
    if (transport === null) return one.cb(failed || tell(err, { key }))
    from[kMeter].count('resent')
    if (typeof transport[kRequestAgain] === 'function') return transport[kRequestAgain]({ ...one, left })
    const payload = one.isString ? one.text : JSON.parse(one.text)
    transport.request(key, payload, { ...this.getRequestOpts(call), timeout: left }, one.cb)
  }

  /**
   * Retries, at other destinations while there are any, and looks up again when none is left; `retry` comes from
   * `retryOf`, or is a Patience.
   */
  [kRetry] (retry, key, payload, opts, cb, aim) {
    const patience = retry instanceof Patience ? retry : null
    let sent = 0
    let isRejected = false
    let dests = []
    let left = []
    const send = done => {
      if (opts.dest) this[kIsOneOfMany] = false
      const dest = opts.dest || this.dest(this[kUsable](left, opts), key, this.getDestOpts(opts))
      const others = left.filter(other => other !== dest)
      // With `waitFor` any server will do, so the next attempt looks up anew.
      left = others.length > 0 || patience !== null ? others : dests
      if (dest === undefined && !this[kIsStopped]) return reject(late(TEXT.LOOKUP_EMPTY, { key }), done)
      if (sent++ > 0) this[kMeter].count('retried')
      this[kSend](dest, key, payload, opts, done, aim)
    }
    const reject = (err, done) => {
      isRejected = true
      done(patience === null ? err : this[kAbsent](patience, err))
    }
    const found = done => (err, found) => {
      if (!err && !Array.isArray(found)) err = late(TEXT.LOOKUP_INVALID)
      // The lookup failed, but destinations of an earlier attempt may still work.
      if (err && dests.length === 0) return reject(err, done)
      if (!err) dests = aim ? othersOf(found, aim, this.link) : found
      left = dests
      send(done)
    }
    this[kTries].begin(retry, done => {
      isRejected = false
      if (patience !== null) done = patience.attempt(done)
      if (opts.dest || left.length > 0) return send(done)
      if (patience === null) this[kLookup](key, found(done))
      else this[kLookup](key, patience.lookup(found(done)), ONCE)
    }, (err, res) => {
      if (err && isRejected) this[kReject](tell(err, { key }), cb)
      else cb(err, res)
    }, key, opts.signal)
  }

  /** Rejects a request without destinations: the lookup failed, or `err` is null and it found no list. */
  [kRejectLookup] (err, key, cb) {
    err = tell(err || late(TEXT.LOOKUP_INVALID), { key })
    // With an `init` of its own a subclass may need nothing of this class's.
    const isForgotten = this.tpool === undefined && this._active === undefined && this.init === init
    this[kReject](isForgotten ? failure(TEXT.PEER_INIT, { key, hint: NO_INIT, cause: err }) : err, cb)
  }

  /** Fails a request that reaches no transport. */
  [kReject] (err, cb) {
    this[kMeter].count('rejected')
    cb(err)
  }

  /** Counts a request as pending until its callback is called. */
  [kCounted] (cb) {
    this[kUnderWay]++
    return (err, res) => {
      this[kUnderWay]--
      cb(err, res)
    }
  }

  /** The members of `dests` that did not fail, or were reached again since; all of them when all failed. */
  [kUsable] (dests, opts) {
    this[kIsOneOfMany] = dests.length > 1
    if (this[kBackoff].isEmpty) return dests
    return this[kBackoff].proven(dests, dest => this[kProbe](dest, opts))
  }

  /** Connects to a failed destination, with the options of a request that goes elsewhere. */
  [kProbe] (dest, opts) {
    this[kBackoff].tries(dest, PROBE)
    this[kIsOneOfMany] = false
    let transport
    try {
      transport = this[kTransportFor](dest, opts)
    } catch (err) {
      // This request goes elsewhere; requests to the failed destination get the error themselves.
      return debug('%s: %s', dest, err)
    }
    const isOurs = typeof transport.connect === 'function' && typeof transport.isConnected === 'function'
    // Foreign transports do not report that they are connected.
    if (!isOurs || transport.isConnected()) return this[kReachable](destOf(transport) || dest, dest)
    connect(transport)
  }

  /** Chooses when connections failed, or in a pool of the original's class, which has fewer methods. */
  [kChooseOther] (dest, enough, opts) {
    const { tpool } = this
    const proven = tpool[kChooseOpen] === undefined ? undefined : this[kChooseProven](dest, enough, opts)
    if (proven !== undefined) return proven
    return tpool[kChoose] === undefined ? sample(tpool.getActive(dest), enough) : tpool[kChoose](dest, enough)
  }

  /**
   * Chooses a transport to a destination whose connections failed or could not be made: a connected one, while
   * another one connects in the background when its backoff allows. Without a connected one, all requests share one
   * attempt.
   */
  [kChooseProven] (dest, enough, opts) {
    const { tpool } = this
    const open = tpool[kChooseOpen](dest, count => {
      if (count < enough && this[kDials].left(dest) === 0) this[kConnectAnother](dest, enough, opts)
    })
    if (open !== undefined) return open
    const active = tpool.getActive(dest)
    return active.find(isConnecting) || active[0]
  }

  [kConnectAnother] (dest, enough, opts) {
    const active = this.tpool.getActive(dest)
    if (active.some(isConnecting)) return
    this[kDials].tries(dest, PROBE)
    let transport = active.find(transport => typeof transport.isConnected === 'function' && !transport.isConnected())
    if (transport === undefined) {
      transport = super.transport(dest, opts)
      this.tpool.add(dest, transport)
    }
    connect(transport)
  }

  /** Delay and time limit of a connection to `dest`, in the form of `AT_ONCE` of native/settings.js. */
  [kDialling] (dest, connection) {
    const after = this[kDials].isBusy(dest) ? this[kDials].left(dest) : 0
    if (!this[kIsOneOfMany]) return { after, within: MAX_TIMEOUT }
    setTimeout(() => {
      if (!connection.open && !connection.isClosed && !connection.closing) this[kSilent](dest, 0)
    }, SUSPICION.dial + after).unref()
    return { after, within: CONNECT_AMONG_OTHERS }
  }

  /** The pool's transports to `dest`; the pool may be of a foreign class. */
  [kTransportsTo] (dest) {
    return this.tpool && typeof this.tpool.list === 'function' ? this.tpool.list(dest) : []
  }

  /** `name`: an alias of `dest`. */
  [kReachable] (dest, name = dest) {
    for (const one of [name, ...this[kAliases].of(dest)]) this[kBackoff].reach(one)
    this[kDials].reach(dest)
    this[kSuspects].remove(dest)
  }

  /** One connection to `dest` received nothing for `ms`. */
  [kSilent] (dest, ms) {
    const connections = this[kTransportsTo](dest).map(transport => transport[kConnection]).filter(Boolean)
    if (this[kIsStopped] || !isSilent(connections, ms) || !this[kBackoff].suspect(dest)) return
    const names = this[kAliases].of(dest)
    for (const name of names) this[kBackoff].suspect(name)
    this[kSuspects].add(dest, connections, lives => {
      if (lives) for (const name of names) this[kBackoff].clear(name)
      else this[kReplaceDead](dest, names)
    })
  }

  /**
   * The destination gave no sign of life. If it is the only one, requests still go to it over the open connections.
   */
  [kReplaceDead] (dest, names) {
    const hasOthers = names.some(name => this[kBackoff].hasOthers(name))
    for (const name of names) this[kBackoff][hasOthers ? 'fail' : 'clear'](name)
    if (!hasOthers) return
    for (const transport of this[kTransportsTo](dest)) {
      if (transport[kReplace] !== undefined) transport[kReplace]()
    }
    forget(this.link, names)
  }

  /**
   * A destination failed: it is not chosen for a while, and the next lookup asks the grapes. `lasted`: it was
   * reachable long enough before; `isBusy`: it has enough connections. While other connections to it are open the
   * destination did not fail, but no more connections are made for a while.
   */
  [kUnreachable] (dest, lasted, isBusy) {
    const names = this[kAliases].of(dest)
    if (lasted) {
      this[kDials].succeed(dest)
      for (const name of names) this[kBackoff].succeed(name)
    }
    this[kDials].fail(dest, isBusy)
    if (this[kTransportsTo](dest).some(transport => typeof transport.isConnected === 'function' && transport.isConnected())) return
    this[kSuspects].remove(dest)
    for (const name of names) this[kBackoff].fail(name)
    forget(this.link, names)
  }

  /** See docs/OBSERVABILITY.md. */
  stats () {
    const stats = this[kMeter].ofClient()
    stats.requests.retried = this[kMeter].retried
    stats.unreachable = this[kBackoff].waiting()
    return stats
  }

  /** A transport lost its connection. */
  [kLeave] (dest, transport) {
    if (!this[kIsStopped] && this.tpool[kLose] !== undefined) this.tpool[kLose](dest, transport)
  }

  /** A transport connects again. */
  [kJoin] (dest, transport) {
    if (!this[kIsStopped]) this.tpool.add(dest, transport)
  }

  /** The pool keeps the transports and stops them. */
  [kKeep] () {}

  [kOpenConnections] () {
    return super[kOpenConnections](this.tpool && this.tpool[kAll] !== undefined ? this.tpool[kAll]() : [])
  }

  _stop () {
    this[kTries].endWaiting(late(TEXT.TRANSPORT_CLOSE, { hint: STOPPED }))
    super._stop()
    // Nothing watches the suspects any more.
    for (const dest of this[kSuspects].removeAll()) {
      for (const name of this[kAliases].of(dest)) this[kBackoff].clear(name)
    }
    if (this.tpool) this.tpool.stop()
  }

  [kDrain] (opts) {
    return Promise.all([super[kDrain](opts), this.tpool && this.tpool.stop(opts)])
  }
}

/** Connects a transport that has no request. */
function connect (transport) {
  try {
    transport.connect()
  } catch (err) {
    // The next request reports a wrong configuration.
    transport.disconnected()
  }
}

/** A foreign transport may have no `isConnecting`. */
function isConnecting (transport) {
  return typeof transport.isConnecting === 'function' && transport.isConnecting()
}

/** Removes all names of a destination from the link's cached answers. */
function forget (link, names) {
  if (link && typeof link[kForget] === 'function') for (const name of names) link[kForget](name)
}

/**
 * Whether the pool must be called for each request to find the active destinations; always true for a foreign pool.
 */
function asks (tpool) {
  return tpool[kAsks] === undefined || tpool[kAsks]()
}

/** A random element if there are enough. */
function sample (items, enough) {
  return items.length < enough ? undefined : items[Math.floor(Math.random() * items.length)]
}

/** Attaches the options of the call to those of a transport's request, under a symbol that is not enumerable. */
function withAim (opts, aim, isOurs) {
  if (!opts) return opts
  // A subclass may return the same object for all requests.
  if (!isOurs) opts = Object.assign(Object.create(Object.getPrototypeOf(opts)), opts)
  return Object.defineProperty(opts, kAim, { value: aim })
}

/** The outcome of one request of a `map`: as `Promise.allSettled`, with its address. */
function outcome (dest, err, value) {
  return err ? { dest, status: 'rejected', reason: err } : { dest, status: 'fulfilled', value }
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

const { dest, getDestOpts, getRequestOpts, getTransportOpts, init, map, request, transport } = PeerRPCClient.prototype

PeerRPCClient.prototype[kOptions] = OPTIONS.PeerRPCClient

module.exports = PeerRPCClient
