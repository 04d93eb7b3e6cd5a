'use strict'

// Processes that tests kill, stop and starve; see faulty-peer.js for what they do.

const { spawn } = require('child_process')
const { once } = require('events')
const fs = require('fs')
const net = require('net')
const path = require('path')
const { limited } = require('../../../scripts/lib/child')
const { each, native } = require('../conformance')
const { wait } = require('./subscribers')

/** In nanoseconds; by a clock that no test replaces. */
const PATIENCE = 60000n * 1000000n

/** How often the memory of a process with a limit is looked at, in ms. */
const MEMORY_PACE = 20

/** Resident memory of a process; 0 once it is gone. */
function residentMiB (pid) {
  try {
    return Math.round(/^VmRSS:\s*(\d+) kB$/m.exec(fs.readFileSync(`/proc/${pid}/status`, 'utf8'))[1] / 1024)
  } catch (err) {
    return 0
  }
}

class Faulty {
  /**
   * @param {string} script a file of `helpers/processes`
   * @param {object} what its argument
   * @param {object} [limits] `descriptors`; `heap` in MiB; `memory`, the resident MiB beyond which it
   *   is killed
   */
  constructor (script, what, { descriptors, heap, memory } = {}) {
    const command = [process.execPath, path.join(__dirname, '..', 'processes', script), JSON.stringify(what)]
    if (heap) command.splice(1, 0, `--max-old-space-size=${heap}`)
    // `exec`, so that the process that is killed is the one that matters.
    if (descriptors) command.unshift('sh', '-c', `ulimit -n ${descriptors}; exec "$@"`, 'sh')
    this.process = spawn(command[0], command.slice(1), { stdio: ['ignore', 'inherit', 'pipe', 'ipc'] })
    this.stderr = ''
    this.process.stderr.setEncoding('utf8').on('data', text => { this.stderr += text })
    this.exited = once(this.process, 'exit')
    if (memory) this._limitMemory(memory)
    this._answers = new Map()
    this._asked = 0
    this._heard = new Map()
    this.process.on('message', ({ id, event, value }) => {
      if (id === undefined) return this._hear(event)(value)
      this._answers.get(id)(value)
      this._answers.delete(id)
    })
  }

  /** Resolves with what it says of an event that happens once. */
  told (event) {
    return this._orEnd(this._event(event).promise, event)
  }

  /** Lets it do something, and resolves with the result. */
  ask (method, ...args) {
    const id = ++this._asked
    const answer = new Promise(resolve => this._answers.set(id, resolve))
    this.process.send({ id, method, args })
    return this._orEnd(answer, method)
  }

  signal (name) {
    this.process.kill(name)
  }

  /** Ends it at once, and resolves when it is gone. */
  async kill () {
    if (this.process.exitCode === null && this.process.signalCode === null) this.process.kill('SIGKILL')
    await this.exited
  }

  /** What comes from outside may not fill the machine that runs the tests either. */
  _limitMemory (most) {
    const timer = setInterval(() => {
      const resident = residentMiB(this.process.pid)
      if (resident <= most) return
      this.stderr += `killed: ${resident} MiB are resident, ${most} are allowed\n`
      this.process.kill('SIGKILL')
    }, MEMORY_PACE)
    this.exited.then(() => clearInterval(timer))
  }

  _event (event) {
    if (!this._heard.has(event)) {
      const heard = {}
      heard.promise = new Promise(resolve => { heard.resolve = resolve })
      this._heard.set(event, heard)
    }
    return this._heard.get(event)
  }

  _hear (event) {
    return this._event(event).resolve
  }

  _orEnd (promise, what) {
    return limited(Promise.race([promise, this.exited.then(([code, signal]) => {
      throw new Error(`${what}: it ended with ${code} ${signal}\n${this.stderr}`)
    })]), what)
  }
}

/** Starts a process that ends with its test; `script` is faulty-peer.js unless it says otherwise. */
function start (stage, what, { script = 'faulty-peer.js', ...limits } = {}) {
  const faulty = new Faulty(script, what, limits)
  stage.after(() => faulty.kill())
  return faulty
}

/** Starts a server or publisher, and resolves with it, its `port` and its `dest`. */
async function startServer (stage, what, limits) {
  const faulty = start(stage, { role: 'server', port: 0, ...what }, limits)
  const port = await faulty.told('listening')
  return Object.assign(faulty, { port, dest: `127.0.0.1:${port}` })
}

/** A test of this package alone. */
function fault (title, body) {
  each(title, ({ stage, implementation }) => body(stage, implementation), { better: true })
}

/** Counts how often each of the callbacks it makes is called: `results` by number, `twice`. */
class Calls {
  constructor () {
    this.made = 0
    this.twice = 0
    this.results = []
    this._waiting = new Set()
    this._idle = []
  }

  /** A callback. */
  next () {
    const at = this.made++
    this._waiting.add(at)
    return (err, res) => {
      if (!this._waiting.delete(at)) {
        this.twice++
        return
      }
      this.results[at] = { err: err ? err.message : null, res }
      if (this._waiting.size === 0) for (const resolve of this._idle.splice(0)) resolve(this)
    }
  }

  get open () {
    return this._waiting.size
  }

  /** Resolves once all are called, and a second call of any would have come too. */
  async done () {
    if (this._waiting.size > 0) {
      await limited(new Promise(resolve => this._idle.push(resolve)), `${this._waiting.size} of ${this.made} callbacks`)
    }
    await wait(20)
    return this
  }

  /** How often each outcome came: an error's text, or `answer`. */
  get outcomes () {
    const counts = {}
    for (const { err } of this.results.filter(Boolean)) {
      const name = err || 'answer'
      counts[name] = (counts[name] || 0) + 1
    }
    return counts
  }
}

/** Resolves once `isTrue` resolves with true; rejects when the test's own limit has long passed. */
async function until (isTrue, pace = 20) {
  const end = process.hrtime.bigint() + PATIENCE
  while (!await isTrue()) {
    if (process.hrtime.bigint() > end) throw new Error(`waited too long: ${isTrue}`)
    await wait(pace)
  }
}

/** Resolves once a socket object has closed, with its code and the text of its error. */
function closing (socket) {
  let error = null
  socket.on('error', err => { error = err.message })
  return limited(new Promise(resolve => socket.on('close', code => resolve({ code, error }))), 'close')
}

/** `ms`, and some turns of the event loop at least: one alone may be over while this process is busy. */
async function inTurns (ms) {
  for (let turn = 0; turn < 10; turn++) await wait(ms / 10)
}

/** Connects to a process that stands still until its system has no room for more. */
async function fillBacklog (stage, port) {
  let socket
  do {
    socket = net.connect(port, '127.0.0.1')
    stage.after(socket.destroy.bind(socket))
    await Promise.race([once(socket, 'connect'), inTurns(500)])
  } while (!socket.connecting)
}

module.exports = { Calls, Faulty, closing, fault, fillBacklog, native, residentMiB, start, startServer, until, wait }
