'use strict'

const http = require('http')
const { clearTimeout, monotonic, setTimeout } = require('./clock')
const Deadline = require('./Deadline')
const Grape = require('./Grape')
const {
  LASTING_AGE, LOOK_TIMEOUT, MAX_WATCH, STATUS_START, TAKEOVER_GRACE, TAKEOVER_PAUSE, TAKEOVER_PAUSE_MAX
} = require('./defaults')
const { foreignGrape } = require('./errors')
const limitHeads = require('./heads')
const { kStartNow } = require('./internal')
const { debug } = require('./observe')
const { portOwners } = require('./port-owner')

const HOST = '127.0.0.1'

/** What our grapes call themselves; those of 1.0.0 do not. */
const SERVER = /^grenache-nodejs-ws-native\//

/** User that may do anything anyway. */
const ROOT = 0

/** The header by which a grape tells one run of its from the next. */
const INSTANCE = 'grape-instance'

/**
 * The grape of one machine: the first process to come runs it at an agreed port, the others use it
 * there, and when its process ends another one takes its place.
 */
class Embedded {
  /**
   * @param {number} port TCP port where all processes of the machine meet
   * @param {function()} onChange another process runs the grape from now on, or this one does: it
   *   knows of no service so far
   * @param {number[]} [users] whose processes may run it, beside this one's user and root
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
    /** Which run of a grape was watched last, where it says so. */
    this._instance = undefined
    /** Whether a grape has the port that may be used: true, the Error that says why not, or null. */
    this._trust = null
    /** For how long it is so while nobody watches. */
    this._trustedUntil = 0
    /** Callbacks that wait for it. */
    this._waiting = []
  }

  get url () {
    return `http://${HOST}:${this.port}`
  }

  /** Whether this process runs the grape. */
  get isHolder () {
    return this._grape !== null
  }

  /** Whether requests may go to the port at once; else `ready` says when. */
  get isTrusted () {
    return this.isHolder || (this._trust === true && (this._running || monotonic() < this._trustedUntil))
  }

  /** Throws when the port cannot be had, and not because a grape has it that may be used. */
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

  /** The grape is gone: when this returns, this process runs it or another one does. */
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
   * Calls back once it is known who has the port: with an Error if that is no grape, or one of
   * another user. Who meets no answer there is not told so: the request itself will be.
   */
  ready (cb) {
    if (this.isTrusted) return cb(null)
    if (this._trust instanceof Error && this._running) return cb(this._trust)
    this._waiting.push(cb)
    if (this._watch || this._waiting.length > 1) return
    if (!this._running) return this._probe()
    // The watched one is gone, and whoever comes next is not known.
    try {
      this.replace()
    } catch (err) {
      this._judge(err)
    }
  }

  /** Runs the grape, if nobody does. */
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

  /** Throws when the port is another user's, who could tell lies about services. */
  _checkOwner () {
    if (typeof process.geteuid !== 'function') return
    const trusted = [process.geteuid(), ROOT, ...this._users]
    const foreign = portOwners(this.port).find(uid => !trusted.includes(uid))
    if (foreign !== undefined) throw foreignGrape(this.port, foreign)
  }

  /** `trust` as above; null where requests find out themselves. */
  _judge (trust) {
    this._trust = trust
    this._trustedUntil = monotonic() + TAKEOVER_PAUSE_MAX
    const err = trust instanceof Error ? trust : null
    for (const cb of this._waiting.splice(0)) cb(err)
  }

  /** Watches the process that runs the grape. `isNew`: it has not for long. */
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
          // The same as before knows everything still: only the watch ended.
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

  /** Looks again, after a pause: who looked since `began` found nobody to watch any more. */
  _later (began) {
    // What ends again and again at once is no grape of ours, and need not be asked all the time.
    const brief = monotonic() - began < TAKEOVER_PAUSE_MAX
    this._pause = brief ? Math.min(2 * this._pause, TAKEOVER_PAUSE_MAX) : TAKEOVER_PAUSE
    // Not all processes of a machine at once.
    const pause = brief ? this._pause * (0.5 + Math.random() / 2) : this._pause
    this._timer = setTimeout(() => {
      try {
        this.replace()
      } catch (err) {
        // Nobody asked for it now: who does is told.
        debug('the grape at port %d: %s', this.port, err.message)
        this._judge(err)
        this._later(began)
      }
    }, pause).unref()
  }

  /** Asks who has the port while nobody watches: the link was never started. */
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
      // Its head tells enough, and a body may have no end.
      response.destroy()
      this._identify(response, trust => this._judge(trust))
    })
    ask.on('close', () => answered || this._judge(null))
  }

  /** Whether a grape answered: `say` gets true, an Error, or null when it is gone meanwhile. */
  _identify ({ statusCode, headers }, say) {
    if (statusCode === 200 && SERVER.test(headers.server)) return say(true)
    // Those of 1.0.0 are known by the beginning of their status.
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

  /** Asks whatever has the port: it has so long for all of its answer. */
  _get (path) {
    const ask = http.get({ host: HOST, port: this.port, path, agent: false })
    const deadline = new Deadline(() => ask.destroy(), LOOK_TIMEOUT).unref()
    ask.on('socket', socket => socket.unref())
    ask.on('error', () => {})
    limitHeads(ask, () => ask.destroy())
    return ask.on('close', () => deadline.clear())
  }
}

/** Whether that is how the status of a grape at the port begins. */
function isStatus (text, port) {
  const [, api] = /^\{"version":"[^"]*","memory":(?:\d+|null),"dht":"[^"]*","api":"([^"]*)","id":"[0-9a-f]{40}",/.exec(text) || []
  return api === `${HOST}:${port}`
}

module.exports = Embedded
