'use strict'

const { theirs } = require('./clock')
const { sharesPorts } = require('./cluster-worker')
const { ANNOUNCE_AGAIN, MAX_TIMEOUT } = require('./defaults')
const { CALLS } = require('./option-table')
const { waitAfter } = require('./pause')

/** How many links of this process announce a key and port, by `port:key`. */
const announcers = new Map()

/** Announces for a link, again and again, and takes back what is no more. */
class Announcer {
  constructor (link) {
    this._link = link
    this._announces = new Map()
    /** What was announced since the link's start, by whichever call, also if it is no more: lookups may still find it. */
    this.ports = new Set()
    /** Announces that wait until the grapes know that an equal one ended, by `port:key`. */
    this._leaving = new Map()
    /** Announces that ended, until the grapes are told of it, by `port:key`. */
    this._ending = new Map()
  }

  /** What is announced. */
  get size () {
    return this._announces.size
  }

  /** See `startAnnouncing` of Link.js. */
  start (key, port, opts, cb) {
    const interval = CALLS.link.interval.of(opts && opts.interval)
    const id = idOf(key, port)
    if (this._announces.has(id)) return false

    this.ports.add(port)
    const announce = {
      key,
      port,
      again: null,
      timer: null,
      stopped: false,
      underWay: 0,
      /** In a row. */
      failures: 0,
      isKnown: false,
      takeBack: false,
      whenTold: []
    }
    this._announces.set(id, announce)
    announcers.set(id, (announcers.get(id) || 0) + 1)
    const next = err => {
      announce.underWay--
      if (!err) announce.isKnown = true
      announce.failures = err ? announce.failures + 1 : 0
      if (announce.takeBack) this._takeBack(announce)
      if (!announce.stopped) {
        if (announce.timer) announce.timer.clear()
        const usual = Math.ceil(interval * (0.5 + Math.random()))
        const wait = err ? Math.min(usual, waitAfter(announce.failures, ANNOUNCE_AGAIN)) : usual
        announce.timer = theirs.setTimeout(announce.again, Math.min(MAX_TIMEOUT, wait))
      }
      if (cb) {
        const first = cb
        cb = null
        first(err)
      }
    }
    announce.again = () => {
      announce.underWay++
      this._link.announce(key, port, opts, next)
    }
    announce.again()
  }

  /** Ends what `start` began, and tells the grapes if `tells`. */
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

  /** Calls `cb(err)` once the grapes know of the end of this key and port, or there is nothing to tell them. */
  whenTold (key, port, cb) {
    const announce = this._ending.get(idOf(key, port))
    if (announce === undefined) cb(null)
    else announce.whenTold.push(cb)
  }

  /** Ends everything, and tells nobody. */
  stopAll () {
    for (const announce of this._announces.values()) end(announce)
    this._announces.clear()
    this.ports.clear()
  }

  /** What is announced, as `{ key, port }`. */
  all () {
    return [...this._announces.values()].map(({ key, port }) => ({ key, port }))
  }

  /** The keys that are announced at `port`. */
  keysAt (port) {
    return [...this._announces.values()].filter(announce => announce.port === port).map(({ key }) => key)
  }

  /** Announces everything anew, to a grape that knows nothing. */
  again () {
    for (const announce of this._announces.values()) {
      // One without a timer is on its way; it may have gone to the one before.
      if (announce.timer) announce.timer.clear()
      announce.again()
    }
  }

  /** Lets `announce` wait while the grapes are told that an equal one ended; false: they are not. */
  waits (key, port, announce) {
    const waiting = this._leaving.get(idOf(key, port))
    if (waiting) waiting.push(announce)
    return waiting !== undefined
  }

  /**
   * Tells the grapes that nothing is at this key and port any more, whatever they answer. Announces
   * that come after it are sent after it.
   */
  _takeBack (announce) {
    const { key, port, underWay, isKnown } = announce
    const id = idOf(key, port)
    // One that is under way must not come after this.
    if (underWay > 0) return
    if (!isKnown || this._leaving.has(id) || announcers.has(id) || sharesPorts()) return this._isOver(announce, null)
    const waiting = []
    this._leaving.set(id, waiting)
    this._link.request('unannounce', [key, port], {}, err => {
      this._leaving.delete(id)
      for (const announce of waiting) announce()
      // A grape that answers was told, whatever it says: the original's know no such request.
      this._isOver(announce, err && typeof err.code === 'number' ? null : err)
    })
  }

  _isOver (announce, err) {
    const id = idOf(announce.key, announce.port)
    if (this._ending.get(id) === announce) this._ending.delete(id)
    for (const cb of announce.whenTold.splice(0)) cb(err)
  }
}

function idOf (key, port) {
  return `${port}:${key}`
}

/** No more announces of it. */
function end (announce) {
  const id = idOf(announce.key, announce.port)
  const others = announcers.get(id) - 1
  if (others > 0) announcers.set(id, others)
  else announcers.delete(id)
  announce.stopped = true
  if (announce.timer) announce.timer.clear()
}

module.exports = Announcer
