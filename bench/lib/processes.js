'use strict'

const { spawn } = require('child_process')
const { createInterface } = require('readline')
const net = require('net')
const path = require('path')
const { bunFile, rustFile } = require('./programs')

const PEER = path.join(__dirname, '..', 'peer.js')

/** Longest wait for a reply. */
const PATIENCE = 90000

/** A process that replies to each line of JSON with one. */
class Child {
  constructor (file, args, env) {
    this.process = spawn(file, args, {
      env: { ...process.env, ...env },
      stdio: ['pipe', 'pipe', 'inherit']
    })
    this.waiting = []
    this.failure = null
    createInterface({ input: this.process.stdout }).on('line', line => {
      const message = JSON.parse(line)
      const { resolve, reject } = this.waiting.shift()
      if (message.error) reject(new Error(message.error))
      else resolve(message.result)
    })
    this.process.on('error', err => this._fail(err))
    this.process.stdin.on('error', err => this._fail(err))
    this.exited = new Promise(resolve => this.process.on('close', (code, signal) => {
      this._fail(new Error(`a bench process ended with ${signal || code}`))
      resolve()
    }))
    this.ready = this._next()
    // The next caller gets the error.
    this.ready.catch(() => {})
  }

  /** Sends a command, resolves with the result. */
  async ask (command, more) {
    await this.ready
    const answer = this._next()
    this.process.stdin.write(JSON.stringify({ do: command, ...more }) + '\n')
    return answer
  }

  /** Ends it in any state. */
  stop () {
    this.process.kill('SIGKILL')
    return this.exited
  }

  _next () {
    if (this.failure) return Promise.reject(this.failure)
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error('no answer')), PATIENCE)
      const settled = settle => value => {
        clearTimeout(timer)
        settle(value)
      }
      this.waiting.push({ resolve: settled(resolve), reject: settled(reject) })
    })
  }

  _fail (err) {
    this.failure = this.failure || err
    for (const { reject } of this.waiting.splice(0)) reject(err)
  }
}

/** A role of an implementation, see implementations/index.js, in a process of its own. */
function startPeer (implementation, role, port, more) {
  const { program = 'node', env } = implementation
  if (program === 'rust') return startRust(role, port)
  const what = JSON.stringify({ ...implementation, role, port, ...more })
  return program === 'bun'
    ? new Child(bunFile(), [PEER, what], env)
    : new Child(process.execPath, ['--expose-gc', PEER, what], env)
}

/** `role` of bench/rust: server, silent or client. */
function startRust (role, port) {
  return new Child(rustFile(), [role, String(port)])
}

/** Runs `measure` with processes that end with it. */
async function withChildren (measure) {
  const children = []
  const keep = child => {
    children.push(child)
    return child
  }
  try {
    return await measure({
      peer: (...args) => keep(startPeer(...args)),
      rust: (...args) => keep(startRust(...args))
    })
  } finally {
    await Promise.all(children.map(child => child.stop()))
  }
}

function freePort () {
  return new Promise((resolve, reject) => {
    const server = net.createServer().on('error', reject)
    server.listen(0, () => {
      const { port } = server.address()
      server.close(() => resolve(port))
    })
  })
}

module.exports = { freePort, withChildren }
