'use strict'

const { theirs } = require('../util/clock')
const { hearing, hears } = require('./AnnounceNews')
const { sharesPorts } = require('../native/clusterWorker')
const { ANNOUNCE_AGAIN, MAX_TIMEOUT } = require('../options/defaults')
const { TEXT } = require('../errors/errors')
const { refusalOf } = require('./grapeAnswers')
const { kNews, kUnannounce } = require('../util/symbols')
const { CALLS } = require('../options/optionTable')
const { waitAfter } = require('../util/backoffDelay')

/** How many links of this process announce a key and port, by `port:key`. */
const announcers = new Map()

/** Announces periodically for a link, and unannounces what has stopped. */
class Announcer {
  constructor (link) {
    this._link = link
    this._news = link[kNews]
    this._announces = new Map()
    /** Ports announced since the link's start by any call, even if stopped: lookups may still return them. */
    this.ports = new Set()
    /** The same for announces with another host, as `host:port`. */
    this.addresses = new Set()
    /** Announces that wait until the grapes know that an equal one ended, by `port:key`. */
    this._leaving = new Map()
    /** Ended announces until the grapes are notified, by `port:key`. */
    this._ending = new Map()
  }

  /** How many announces there are. */
  get size () {
    return this._announces.size
  }

  /** See `startAnnouncing` of Link.js. */
  start (key, port, opts, cb) {
    const interval = CALLS.link.interval.of(opts && opts.interval)
    const id = idOf(key, port)
    if (this._announces.has(id)) return false

    this.ports.add(port)
    const host = CALLS.link.host.of(opts && opts.host)
    const announce = {
      key,
      port,
      host,
      again: null,
      timer: null,
      stopped: false,
      underWay: 0,
      /** Consecutive failures. */
      failures: 0,
      /** The error of the last announce, or null. */
      error: null,
      isKnown: false,
      takeBack: false,
      whenTold: []
    }
    this._announces.set(id, announce)
    announcers.set(id, (announcers.get(id) || 0) + 1)
    const next = hearing((err, res) => {
      announce.underWay--
      const error = announce.error = err || this._news.refusalOf(announce, res)
      // A grape may have it although nobody can use it: port 0.
      if (!err && refusalOf('announce', res) === null) announce.isKnown = true
      announce.failures = error ? announce.failures + 1 : 0
      if (announce.takeBack) this._takeBack(announce)
      if (!announce.stopped) {
        if (announce.timer) announce.timer.clear()
        const usual = Math.ceil(interval * (0.5 + Math.random()))
        const wait = error ? Math.min(usual, waitAfter(announce.failures, againAfter(error, interval))) : usual
        announce.timer = theirs.setTimeout(announce.again, Math.min(MAX_TIMEOUT, wait))
      }
      const first = cb
      cb = null
      if (error && !hears(first, err)) this._news.warn(announce, error)
      if (first) first(err || (host !== undefined ? error : err))
    })
    announce.again = () => {
      announce.underWay++
      this._link.announce(key, port, opts, next)
    }
    announce.again()
  }

  /** Ends what `start` began, and notifies the grapes if `tells`. */
  stop (key, port, tells) {
    const id = idOf(key, port)
    const announce = this._announces.get(id)
    if (announce === undefined) return false
    this._announces.delete(id)
    end(announce)
    announce.takeBack = tells
    if (!tells) return
    this._ending.set(id, announce)
    this._takeBack(announce)
  }

  /** Calls `cb(err)` once the grapes know that this key and port ended, or at once if there is nothing to send. */
  whenTold (key, port, cb) {
    const announce = this._ending.get(idOf(key, port))
    if (announce === undefined) cb(null)
    else announce.whenTold.push(cb)
  }

  /** Ends all announces without notifying the grapes. */
  stopAll () {
    for (const announce of this._announces.values()) end(announce)
    this._announces.clear()
    this.ports.clear()
    this.addresses.clear()
  }

  /** The present announces, as `{ key, port }`. */
  all () {
    return [...this._announces.values()].map(({ key, port }) => ({ key, port }))
  }

  /** The keys announced at `port`. */
  keysAt (port) {
    return [...this._announces.values()].filter(announce => announce.port === port).map(({ key }) => key)
  }

  /** Why this key and port are not announced; null if they are. */
  errorOf (key, port) {
    const announce = this._announces.get(idOf(key, port))
    return announce === undefined ? null : announce.error
  }

  /** Announces everything again, to a grape that has just started. */
  again () {
    for (const announce of this._announces.values()) {
      // Without a timer the announce is in flight; it may have gone to the previous grape.
      if (announce.timer) announce.timer.clear()
      announce.again()
    }
  }

  /** Delays `announce` while the grapes are told that an equal one ended; returns false if they are not. */
  waits (key, port, announce) {
    const waiting = this._leaving.get(idOf(key, port))
    if (waiting) waiting.push(announce)
    return waiting !== undefined
  }

  /** Tells the grapes that this key and port ended, whatever they reply. Later announces are sent after it. */
  _takeBack (announce) {
    const { key, port, host, underWay, isKnown } = announce
    const id = idOf(key, port)
    // An announce in flight must not arrive after this.
    if (underWay > 0) return
    if (!isKnown || this._leaving.has(id) || announcers.has(id) || sharesPorts()) return this._isOver(announce, null)
    const waiting = []
    this._leaving.set(id, waiting)
    this._link[kUnannounce](payloadOf(key, port, host), err => {
      this._leaving.delete(id)
      for (const announce of waiting) announce()
      // A reply means that the grape was told, whatever it says: the original's grapes do not know this request.
      this._isOver(announce, err && typeof err.code === 'number' ? null : err)
    })
  }

  _isOver (announce, err) {
    const id = idOf(announce.key, announce.port)
    if (this._ending.get(id) === announce) this._ending.delete(id)
    for (const cb of announce.whenTold.splice(0)) cb(err)
  }
}

/** A grape that refuses an announce will refuse it again: the pace does not exceed the usual one. */
function againAfter (error, interval) {
  const isRefused = typeof error.code === 'string' && /^ERR_(GRAPE|REQ)_/.test(error.code) && error.code !== TEXT.GRAPE_ALONE
  return isRefused ? { min: ANNOUNCE_AGAIN.min, max: interval } : ANNOUNCE_AGAIN
}

/**
 * The payload of an announce. The original's grapes always record the sender's address; they do not understand the
 * object, so that an announce for another host fails there.
 */
function payloadOf (key, port, host) {
  return host === undefined ? [key, port] : { key, port, host }
}

function idOf (key, port) {
  return `${port}:${key}`
}

/** Stops an announce. */
function end (announce) {
  const id = idOf(announce.key, announce.port)
  const others = announcers.get(id) - 1
  if (others > 0) announcers.set(id, others)
  else announcers.delete(id)
  announce.stopped = true
  if (announce.timer) announce.timer.clear()
}

module.exports = { Announcer, payloadOf }
