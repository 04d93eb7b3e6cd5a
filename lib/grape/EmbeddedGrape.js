'use strict'

const http = require('http')
const { clearTimeout, monotonic, setTimeout } = require('../util/clock')
const Deadline = require('../util/Deadline')
const Grape = require('../Grape')
const {
  LASTING_AGE, LOOK_TIMEOUT, MAX_WATCH, STATUS_START, TAKEOVER_GRACE, TAKEOVER_PAUSE, TAKEOVER_PAUSE_MAX
} = require('../options/defaults')
const { foreignGrape } = require('../errors/errors')
const limitHeads = require('../tls/informationalHeads')
const { kStartNow } = require('../util/symbols')
const { debug } = require('../observe/channels')
const { portOwners } = require('./portOwner')

const HOST = '127.0.0.1'

/** The `Server` header of this package's grapes; version 1.0.0 does not send it. */
const SERVER = /^grenache-nodejs-ws-native\//

/** The user that is allowed everything anyway. */
const ROOT = 0

/** The header that identifies one run of a grape. */
const INSTANCE = 'grape-instance'

/**
 * The grape of one machine: the first process runs it at an agreed port, the others use it there, and when its
 * process ends another one takes over.
 */
class EmbeddedGrape {
  /**
   * @param {number} port TCP port where all processes of the machine meet
   * @param {function()} onChange called when another process, or this one, has taken over the grape: the new grape
   *   knows no services yet
   * @param {number[]} [users] users whose processes may run it, beside this process' user and root
   */
  constructor (port, onChange, users = []) {
    this.port = port
    this._onChange = onChange
    this._users = users
    this._running = false
    this._grape = null
    this._watch = null
    this._timer = null
    this._pause = TAKEOVER_PAUSE
    /** The last watched run of a grape, if it identifies itself. */
    this._instance = undefined
    /** Whether a trusted grape has the port: true, the Error that explains why not, or null. */
    this._trust = null
    /** Until when `_trust` is valid while no watch is open. */
    this._trustedUntil = 0
    /** Callbacks of `ready`. */
    this._waiting = []
  }

  get url () {
    return `http://${HOST}:${this.port}`
  }

  /** Whether this process runs the grape. */
  get isHolder () {
    return this._grape !== null
  }

  /** Whether requests may go to the port at once; else `ready` calls back when they may. */
  get isTrusted () {
    return this.isHolder || (this._trust === true && (this._running || monotonic() < this._trustedUntil))
  }

  /** Throws when the port cannot be bound and no trusted grape has it. */
  start () {
    if (this._running) return
    this._running = true
    try {
      if (this._take(0)) return
      this._checkOwner()
    } catch (err) {
      this._running = false
      throw err
    }
    this._look(false)
  }

  stop () {
    if (!this._running) return
    this._running = false
    clearTimeout(this._timer)
    if (this._watch) this._watch.destroy()
    if (this._grape) this._grape.stop()
    this._watch = this._grape = null
    this._judge(null)
  }

  /** Call this when the grape is gone: afterwards this process runs it, or another one does. */
  replace () {
    if (!this._running || this.isHolder) return
    if (this._watch) this._watch.destroy()
    this._watch = null
    clearTimeout(this._timer)
    if (!this._take(TAKEOVER_GRACE)) return this._look(true)
    this._judge(null)
    this._onChange()
  }

  /**
   * Calls back once it is known who has the port: with an Error if that is no grape, or one of another user. If
   * nothing replies there, `cb` gets no error: the request itself will fail.
   */
  ready (cb) {
    if (this.isTrusted) return cb(null)
    if (this._trust instanceof Error && this._running) return cb(this._trust)
    this._waiting.push(cb)
    if (this._watch || this._waiting.length > 1) return
    if (!this._running) return this._probe()
    // The watched grape is gone, and its successor is unknown.
    try {
      this.replace()
    } catch (err) {
      this._judge(err)
    }
  }

  /** Runs the grape if no other process does. */
  _take (grace) {
    const grape = new Grape({
      host: HOST,
      dht_port: 0,
      api_port: this.port,
      dht_peer_maxAge: LASTING_AGE,
      keepAlive: false,
      grace
    })
    const err = grape[kStartNow]()
    if (err && err.code === 'EADDRINUSE') return false
    if (err) throw err
    this._grape = grape
    return true
  }

  /** Throws when the port belongs to another user, who could return false addresses. */
  _checkOwner () {
    if (typeof process.geteuid !== 'function') return
    const trusted = [process.geteuid(), ROOT, ...this._users]
    const foreign = portOwners(this.port).find(uid => !trusted.includes(uid))
    if (foreign !== undefined) throw foreignGrape(this.port, foreign)
  }

  /** `trust` as `_trust` above; null where requests find out themselves. */
  _judge (trust) {
    this._trust = trust
    this._trustedUntil = monotonic() + TAKEOVER_PAUSE_MAX
    const err = trust instanceof Error ? trust : null
    for (const cb of this._waiting.splice(0)) cb(err)
  }

  /** Watches the process that runs the grape. `isNew`: a new process took over. */
  _look (isNew) {
    const began = monotonic()
    try {
      this._checkOwner()
    } catch (err) {
      this._watch = null
      this._judge(err)
      return this._later(began)
    }
    if (this._trust === true) this._trust = null
    const watch = http.get({ host: HOST, port: this.port, path: '/watch', agent: false })
    const isCurrent = () => this._running && this._watch === watch
    this._watch = watch
    const deadline = new Deadline(() => watch.destroy(), LOOK_TIMEOUT).unref()
    let isIdentifying = false
    let isClosed = false
    const ended = () => {
      if (!isCurrent()) return
      this._watch = null
      if (!(this._trust instanceof Error)) this._judge(null)
      this._later(began)
    }
    watch.on('socket', socket => socket.unref())
    limitHeads(watch, () => watch.destroy())
    watch.on('response', response => {
      deadline.clear()
      isIdentifying = true
      const instance = response.headers[INSTANCE]
      response.on('error', () => {})
      let room = MAX_WATCH
      response.on('data', bytes => {
        room -= bytes.length
        if (room < 0) watch.destroy()
      })
      this._identify(response, trust => {
        isIdentifying = false
        if (isCurrent()) {
          this._judge(trust)
          // The same run still knows everything: only the watch ended.
          const isSame = instance !== undefined && instance === this._instance
          if (trust === true) this._instance = instance
          if (isNew && trust === true && !isSame) this._onChange()
        }
        if (isClosed) ended()
      })
    })
    watch.on('error', () => {})
    watch.on('close', () => {
      deadline.clear()
      isClosed = true
      if (!isIdentifying) ended()
    })
  }

  /** Looks again after a pause: the watch that began at `began` has ended. */
  _later (began) {
    // A program whose watch ends at once, repeatedly, is no grape of this package: the pauses grow.
    const brief = monotonic() - began < TAKEOVER_PAUSE_MAX
    this._pause = brief ? Math.min(2 * this._pause, TAKEOVER_PAUSE_MAX) : TAKEOVER_PAUSE
    // Not all processes of a machine at once.
    const pause = brief ? this._pause * (0.5 + Math.random() / 2) : this._pause
    this._timer = setTimeout(() => {
      try {
        this.replace()
      } catch (err) {
        // No request waits for this now: the next one gets the error.
        debug('the grape at port %d: %s', this.port, err.message)
        this._judge(err)
        this._later(began)
      }
    }, pause).unref()
  }

  /** Finds out who has the port while no watch is open: the link was never started. */
  _probe () {
    try {
      this._checkOwner()
    } catch (err) {
      return this._judge(err)
    }
    const ask = this._get('/health')
    let answered = false
    ask.on('response', response => {
      answered = true
      response.on('error', () => {})
      // The head is enough, and a body may be endless.
      response.destroy()
      this._identify(response, trust => this._judge(trust))
    })
    ask.on('close', () => answered || this._judge(null))
  }

  /** Whether a grape answered: `say` gets true, an Error, or null when it is gone meanwhile. */
  _identify ({ statusCode, headers }, say) {
    if (statusCode === 200 && SERVER.test(headers.server)) return say(true)
    // Version 1.0.0 is recognized by the beginning of its status.
    const ask = this._get('/status')
    let start = ''
    let answered = false
    ask.on('response', response => {
      answered = true
      response.setEncoding('latin1').on('data', text => {
        start += text
        if (start.length >= STATUS_START) response.destroy()
      })
      response.on('error', () => {})
      response.on('close', () => say(isStatus(start, this.port) || foreignGrape(this.port)))
    })
    ask.on('close', () => answered || say(null))
  }

  /** Sends a GET request to the port, with a time limit for the whole response. */
  _get (path) {
    const ask = http.get({ host: HOST, port: this.port, path, agent: false })
    const deadline = new Deadline(() => ask.destroy(), LOOK_TIMEOUT).unref()
    ask.on('socket', socket => socket.unref())
    ask.on('error', () => {})
    limitHeads(ask, () => ask.destroy())
    return ask.on('close', () => deadline.clear())
  }
}

/** Whether the status of a grape at `port` begins like this. */
function isStatus (text, port) {
  const [, api] = /^\{"version":"[^"]*","memory":(?:\d+|null),"dht":"[^"]*","api":"([^"]*)","id":"[0-9a-f]{40}",/.exec(text) || []
  return api === `${HOST}:${port}`
}

module.exports = EmbeddedGrape
