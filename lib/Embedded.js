'use strict'

const http = require('http')
const Grape = require('./Grape')
const { LASTING_AGE, TAKEOVER_GRACE, TAKEOVER_PAUSE, TAKEOVER_PAUSE_MAX } = require('./defaults')

const HOST = '127.0.0.1'

/**
 * The grape of one machine: the first process to come runs it at an agreed port, the others use it
 * there, and when its process ends another one takes its place.
 */
class Embedded {
  /**
   * @param {number} port TCP port where all processes of the machine meet
   * @param {function()} onChange another process runs the grape from now on, or this one does: it
   *   knows of no service so far
   */
  constructor (port, onChange) {
    this.port = port
    this._onChange = onChange
    this._running = false
    this._grape = null
    this._watch = null
    this._timer = null
    this._pause = TAKEOVER_PAUSE
  }

  get url () {
    return `http://${HOST}:${this.port}`
  }

  /** Whether this process runs the grape. */
  get isHolder () {
    return this._grape !== null
  }

  /** Throws when the port cannot be had, and not because a grape has it. */
  start () {
    if (this._running) return
    this._running = true
    if (!this._take(0)) this._look(false)
  }

  stop () {
    if (!this._running) return
    this._running = false
    clearTimeout(this._timer)
    if (this._watch) this._watch.destroy()
    if (this._grape) this._grape.stop()
    this._watch = this._grape = null
  }

  /** The grape is gone: when this returns, this process runs it or another one does. */
  replace () {
    if (!this._running || this.isHolder) return
    if (this._watch) this._watch.destroy()
    this._watch = null
    clearTimeout(this._timer)
    if (!this._take(TAKEOVER_GRACE)) return this._look(true)
    this._onChange()
  }

  /** Runs the grape, if nobody does. */
  _take (grace) {
    const grape = new Grape({
      host: HOST,
      dht_port: 0,
      api_port: this.port,
      dht_peer_maxAge: LASTING_AGE,
      embedded: true,
      keepAlive: false,
      grace
    })
    const err = grape.startNow()
    if (err && err.code === 'EADDRINUSE') return false
    if (err) throw err
    this._grape = grape
    return true
  }

  /** Watches the process that runs the grape. `isNew`: it has not for long. */
  _look (isNew) {
    const watch = http.get({ host: HOST, port: this.port, path: '/watch', agent: false })
    this._watch = watch
    const began = performance.now()
    const again = () => {
      if (!this._running || this._watch !== watch) return
      // What ends again and again at once is no grape of ours, and need not be asked all the time.
      const brief = performance.now() - began < TAKEOVER_PAUSE_MAX
      this._pause = brief ? Math.min(2 * this._pause, TAKEOVER_PAUSE_MAX) : TAKEOVER_PAUSE
      this._timer = setTimeout(() => this.replace(), this._pause)
      this._timer.unref()
    }
    watch.on('socket', socket => socket.unref())
    watch.on('response', response => {
      const isOurs = response.statusCode === 200
      if (isNew && isOurs && this._watch === watch) this._onChange()
      response.on('error', () => {})
      response.resume()
    })
    watch.on('error', () => {})
    watch.on('close', again)
  }
}

module.exports = Embedded
