'use strict'

const { spawn } = require('child_process')

const LIMIT = 60000

/** As root no namespace of users is needed. */
const AS_USER = process.getuid && process.getuid() !== 0

/** Keeps a network namespace in which nothing is but its loopback interface. */
const HOLD = 'ip link set lo up && echo up && exec cat'

/**
 * Processes that have all ports of 127.0.0.1 to themselves, so that examples can use the ports that they
 * name: in a network namespace of their own. Where the system gives none they run as any others.
 */
class Network {
  static async open (t) {
    const network = new Network()
    t.after(() => network._close())
    await network._open()
    return network
  }

  _children = []
  _enter = []

  async _open () {
    if (process.platform !== 'linux') return
    const holder = this._spawn('unshare', ['--net', ...AS_USER ? ['--map-root-user'] : [], 'sh', '-c', HOLD], { stdio: ['pipe', 'pipe', 'ignore'] })
    const isUp = await new Promise(resolve => {
      holder.stdout.once('data', () => resolve(true))
      holder.once('error', () => resolve(false))
      holder.once('exit', () => resolve(false))
    })
    if (isUp) this._enter = ['nsenter', `--net=/proc/${holder.pid}/ns/net`, ...AS_USER ? [`--user=/proc/${holder.pid}/ns/user`, '--preserve-credentials'] : []]
  }

  /** Starts a program; see `Program`. One that is `detached` ends with all that it has started. */
  start (command, args, options) {
    const [first, ...rest] = [...this._enter, command, ...args]
    return new Program(this._spawn(first, rest, { ...options, stdio: ['ignore', 'pipe', 'pipe'] }))
  }

  _spawn (command, args, options) {
    const child = spawn(command, args, options)
    if (child.pid !== undefined) this._children.push({ child, isGroup: options.detached === true })
    return child
  }

  _close () {
    for (const { child, isGroup } of this._children) {
      if (child.exitCode !== null || child.signalCode !== null) continue
      // A shell's own processes end with it.
      if (isGroup) process.kill(-child.pid, 'SIGKILL')
      else child.kill('SIGKILL')
    }
  }
}

/** A program that runs, and what it has printed. */
class Program {
  constructor (child) {
    this.child = child
    this.output = ''
    this._look = () => {}
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', text => {
        this.output += text
        this._look()
      })
    }
    this.closed = new Promise(resolve => child.once('close', (code, signal) => {
      resolve([code, signal])
      this._look(true)
    }))
  }

  /** Resolves when it has printed what matches. */
  prints (expected) {
    return this._within(new Promise((resolve, reject) => {
      this._look = isOver => {
        if (expected.test(this.output)) resolve(this.output)
        else if (isOver) reject(new Error(`it ended without ${expected}:\n${this.output}`))
      }
      this._look()
    }), () => `${expected}`)
  }

  /** Resolves with the exit code when it has ended by itself. */
  async ends () {
    const [code] = await this._within(this.closed, () => 'its end')
    return code
  }

  _within (promise, what) {
    let timer
    const late = new Promise((resolve, reject) => {
      timer = setTimeout(() => reject(new Error(`waited too long for ${what()}:\n${this.output}`)), LIMIT)
    })
    return Promise.race([promise, late]).finally(() => clearTimeout(timer))
  }
}

module.exports = { Network }
