'use strict'

// The processes of a soak, as seen by the one that started them.

const { fork } = require('child_process')
const { once } = require('events')
const path = require('path')

/** How long a process may take to start, and to end after it reported that it is done, in ms. */
const PATIENCE = 40000

/**
 * With little room for new objects, memory shows what is kept, and not when V8 last collected
 * garbage.
 */
const V8 = ['--max-semi-space-size=2']

class Actor {
  /** @param {string} script a file of this folder; `what` is its argument */
  constructor (name, script, what) {
    this.name = name
    this.samples = []
    this.counts = {}
    this.worst = {}
    this.breaches = []
    this.result = undefined
    this.ending = null
    this.process = fork(path.join(__dirname, `${script}.js`), [JSON.stringify(what)], { execArgv: V8 })
    this.exited = once(this.process, 'exit').then(([code, signal]) => this._left(code, signal))
    /** Resolves with data for other processes. */
    this.ready = new Promise((resolve, reject) => {
      this.process.on('message', message => this._hear(message, resolve))
      this.exited.then(() => reject(new Error(`${name} did not begin`)))
    })
    this.ready.catch(() => {})
    /** Resolves when it ends before it is stopped. */
    this.early = new Promise(resolve => { this._early = resolve })
  }

  /** Ends it: `how` are options of its peers' `stop`, or a signal. Resolves when it has ended. */
  async end (how) {
    if (this.ending !== null) return this.exited
    this.ending = how
    if (typeof how === 'string') this.process.kill(how)
    else if (this.process.connected) this.process.send({ stop: how })
    const timer = setTimeout(() => {
      this.breaches.push('its process did not end by itself')
      this.process.kill('SIGKILL')
    }, PATIENCE)
    await this.exited
    clearTimeout(timer)
  }

  /** Kills it in any state. */
  async stop () {
    if (this.process.exitCode !== null || this.process.signalCode !== null) return
    this.ending = this.ending || 'SIGKILL'
    this.process.kill('SIGKILL')
    await this.exited
  }

  _hear ({ ready, sample, end }, resolve) {
    if (ready) resolve(ready)
    if (sample) this.samples.push({ at: performance.now(), ...sample })
    if (end) {
      Object.assign(this, { counts: end.counts, worst: end.worst, result: end.result })
      this.breaches.push(...end.breaches)
    }
  }

  _left (code, signal) {
    const killed = typeof this.ending === 'string' && signal === this.ending
    if (!killed && code !== 0) this.breaches.push(`its process ended with ${signal || code}`)
    if (this.ending === null) this.breaches.push('its process ended early')
    this._early()
  }
}

module.exports = { Actor }
