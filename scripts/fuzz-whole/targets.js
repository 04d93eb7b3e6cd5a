'use strict'

// The attacked processes, as seen by the attacker: they must stay alive, send heartbeats, stay
// small, and end on request.

const { spawn } = require('child_process')
const { once } = require('events')
const fs = require('fs')
const path = require('path')

/** How a target is started: its script, arguments, and environment. */
const TARGETS = {
  witness: { script: 'witness' },
  server: { script: 'server', witnesses: 4 },
  watched: { script: 'server', watched: true, witnesses: 4, env: { NODE_DEBUG: 'grenache' } },
  pub: { script: 'pub', witnesses: 1 },
  client: { script: 'client' },
  sub: { script: 'sub', env: { NODE_DEBUG: 'grenache' } },
  link: { script: 'link' },
  grape: { script: 'grape' }
}

/** Resident MiB that no target may exceed under any attack. */
const MEMORY = 512
/** How often memory is checked, in ms. */
const MEMORY_PACE = 40
/** Longest stall of an event loop, in ms, with a processor available. */
const STALL = 1000
/** Silence after which a process counts as hung, in ms, not counting its wait for a processor. */
const SILENCE = 8000
/** How long a target may take to start, to reply, and to end, in ms. */
const PATIENCE = 30000
/** Characters of standard error that are kept. */
const TAIL = 4000

const MIB = 1024 * 1024

/** The system's data on a process, or '' when it has ended. */
function about (pid, file) {
  try {
    return fs.readFileSync(`/proc/${pid}/${file}`, 'utf8')
  } catch (err) {
    return ''
  }
}

const residentMiB = pid => Math.round(Number((/^VmRSS:\s*(\d+) kB$/m.exec(about(pid, 'status')) || [0, 0])[1]) / 1024)
/** How long a process has waited for a processor, in ms. */
const waited = pid => Number(about(pid, 'schedstat').split(' ')[1] || 0) / 1e6

class Target {
  /**
   * @param {string} name of `TARGETS`
   * @param {object} what further arguments
   */
  constructor (name, what) {
    const { script, env, ...own } = TARGETS[name]
    this.name = name
    this.most = 0
    this.stall = 0
    this.stderr = ''
    this._ending = false
    this._asked = 0
    this._answers = new Map()
    this.failure = new Promise(resolve => { this._fail = text => resolve({ target: this, text }) })
    this.process = spawn(process.execPath, ['--expose-gc', path.join(__dirname, 'targets', `${script}.js`), JSON.stringify({ ...what, ...own })], {
      env: { ...process.env, ...env }, stdio: ['ignore', 'inherit', 'pipe', 'ipc']
    })
    this.process.stderr.setEncoding('utf8').on('data', text => { this.stderr = (this.stderr + text).slice(-TAIL) })
    this.exited = once(this.process, 'exit').then(([code, signal]) => {
      clearInterval(this._watch)
      if (!this._ending || code !== 0) this._fail(`its process ended with ${signal || code}`)
      for (const { reject } of this._answers.values()) reject(new Error(`${name} is gone`))
    })
    this.ready = new Promise((resolve, reject) => {
      this.process.on('message', message => this._hear(message, resolve))
      this.exited.then(() => reject(new Error(`${name} did not begin\n${this.stderr}`)))
    })
    this.ready.catch(() => {})
    this._beaten()
    this._looked = performance.now()
    this._watch = setInterval(() => this._look(), MEMORY_PACE)
  }

  /** Calls a method; resolves with the result. */
  ask (method, ...args) {
    const id = ++this._asked
    return new Promise((resolve, reject) => {
      this._answers.set(id, { resolve, reject })
      if (this.process.connected) this.process.send({ id, method, args })
      else reject(new Error(`${this.name} is gone`))
    }).finally(() => this._answers.delete(id))
  }

  /** Stops it; it has to end by itself. */
  async end () {
    if (this._ending) return this.exited
    this._ending = true
    if (this.process.connected) this.process.send({ method: 'stop' })
    const timer = setTimeout(() => this._give('its process did not end'), PATIENCE)
    await this.exited
    clearTimeout(timer)
  }

  /** Kills it in any state. */
  async kill () {
    this._ending = true
    this.process.kill('SIGKILL')
    await this.exited
  }

  _hear ({ ready, beat, breach, id, value }, resolve) {
    if (ready) return resolve(ready)
    if (breach) return this._fail(breach)
    if (id !== undefined) return this._answers.has(id) && this._answers.get(id).resolve(value)
    this._beaten()
    this.stall = Math.max(this.stall, beat.stall)
    if (beat.stall > STALL) this._fail(`its event loop stood still for ${beat.stall} ms`)
  }

  _beaten () {
    this._beat = { at: performance.now(), waited: waited(this.process.pid) }
  }

  _look () {
    const { pid } = this.process
    const resident = residentMiB(pid)
    this.most = Math.max(this.most, resident)
    if (resident > MEMORY) return this._give(`${resident} MiB are resident, ${MEMORY} are allowed`)
    // If this process was stalled itself, it has not received heartbeats either.
    const now = performance.now()
    if (now - this._looked > 10 * MEMORY_PACE) this._beaten()
    this._looked = now
    const silence = now - this._beat.at
    if (silence < SILENCE) return
    const held = waited(pid) - this._beat.waited
    if (silence - held > SILENCE) this._give(`nothing was heard of it for ${Math.round(silence - held)} ms`)
  }

  _give (text) {
    this._fail(text)
    this.process.kill('SIGKILL')
  }
}

module.exports = { MEMORY, MIB, STALL, TARGETS, Target }
