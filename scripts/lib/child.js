'use strict'

const { fork, spawn } = require('child_process')
const { once } = require('events')
const path = require('path')

const LIMIT = 20000

/** A helper process that answers each message with one, in order. */
class Child {
  /** @param {string} file the script, with its whole path */
  constructor (file, ...args) {
    this.process = fork(file, args, { stdio: ['ignore', 'inherit', 'pipe', 'ipc'] })
    this.stderr = ''
    this.process.stderr.setEncoding('utf8').on('data', text => { this.stderr += text })
    this.exited = once(this.process, 'exit')
    this._messages = []
    this._waiting = []
    this.process.on('message', message => {
      const next = this._waiting.shift()
      if (next) next(message)
      else this._messages.push(message)
    })
  }

  /** Resolves with the next message. */
  next () {
    if (this._messages.length > 0) return Promise.resolve(this._messages.shift())
    return limited(new Promise((resolve, reject) => {
      this._waiting.push(resolve)
      this.exited.then(([code, signal]) => reject(new Error(`ended with ${code} ${signal}\n${this.stderr}`)))
    }), 'a message')
  }

  ask (message) {
    this.process.send(message)
    return this.next()
  }

  async stop () {
    if (this.process.exitCode === null && this.process.signalCode === null) this.process.kill('SIGKILL')
    await this.exited
  }
}

/**
 * Runs a script's text in a process of its own; resolves with `{ code, signal, stdout, stderr }`
 * once it has ended by itself. In the script, `pkg` is this package's folder.
 */
async function run (source, { env, args = [] } = {}) {
  const script = `const pkg = ${JSON.stringify(path.join(__dirname, '..', '..'))}\n${source}`
  const child = spawn(process.execPath, [...args, '-e', script], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe']
  })
  const output = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr']) {
    child[name].setEncoding('utf8').on('data', text => { output[name] += text })
  }
  const timer = setTimeout(() => child.kill('SIGKILL'), LIMIT)
  const [code, signal] = await once(child, 'close')
  clearTimeout(timer)
  return { code, signal, ...output }
}

function limited (promise, what) {
  let timer
  const limit = new Promise((resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`waited too long for ${what}`)), LIMIT)
  })
  return Promise.race([promise, limit]).finally(() => clearTimeout(timer))
}

module.exports = { Child, limited, run }
