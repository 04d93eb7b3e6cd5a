'use strict'

// The command `grenache` as a child process, and a network for it.

const { spawn } = require('child_process')
const { once } = require('events')
const path = require('path')
const { Grape, Link, PeerPub, PeerRPCServer } = require('../../..')
const { limited } = require('../../../scripts/lib/child')

const COMMAND = path.join(__dirname, '..', '..', '..', 'bin', 'grenache.js')

/** A grape on free ports, and a link to it. Without `embedded` it wants other nodes to store at. */
async function network (t, embedded = true) {
  const grape = new Grape({ host: '127.0.0.1', dht_port: 0, api_port: 0, embedded })
  await new Promise((resolve, reject) => grape.start(err => err ? reject(err) : resolve()))
  const url = `http://${grape.address().api}`
  const link = new Link({ grape: url }).start()
  t.after(() => {
    link.stop()
    return new Promise(resolve => grape.stop(resolve))
  })
  return { url, link }
}

function announce (link, key, port) {
  return new Promise((resolve, reject) => link.announce(key, port, {}, err => err ? reject(err) : resolve()))
}

/** Serves `key`: `answer(payload)` is the answer, an Error for an error, undefined for none. */
async function serve (t, link, key, answer, conf) {
  const peer = new PeerRPCServer(link, conf)
  peer.init()
  t.after(() => peer.stop())
  const service = peer.transport('server').listen(0)
  service.on('request', (rid, key, payload, handler) => {
    const answered = answer(payload)
    if (answered instanceof Error) handler.reply(answered)
    else if (answered !== undefined) handler.reply(null, answered)
  })
  await once(service.socket, 'listening')
  await announce(link, key, service.port)
  return service
}

/** A publisher of `key`. */
async function publish (t, link, key) {
  const peer = new PeerPub(link, {})
  peer.init()
  t.after(() => peer.stop())
  const service = peer.transport('server').listen(0)
  await announce(link, key, service.port)
  return service
}

/** A command that was started; `stdout` and `stderr` grow. */
class Command {
  constructor (t, args, { env, stdin, node = [COMMAND] } = {}) {
    this.process = spawn(process.execPath, [...node, ...args.map(String)], {
      env: { ...process.env, GRENACHE_GRAPE: '', ...env },
      stdio: 'pipe'
    })
    t.after(() => this.process.kill('SIGKILL'))
    this.stdout = ''
    this.stderr = ''
    for (const name of ['stdout', 'stderr']) {
      this.process[name].setEncoding('utf8').on('data', text => { this[name] += text })
    }
    // It may end without reading it.
    this.process.stdin.on('error', () => {})
    if (stdin !== null) this.process.stdin.end(stdin)
    this._closed = once(this.process, 'close')
  }

  /** Resolves once stdout, or stderr, has what `pattern` wants. */
  prints (pattern, stream = 'stdout') {
    return limited(new Promise((resolve, reject) => {
      const look = () => pattern.test(this[stream]) && resolve()
      this.process[stream].on('data', look)
      this._closed.then(() => reject(new Error(`it ended: ${this.stdout}${this.stderr}`)))
      look()
    }), `${pattern}`)
  }

  /** Resolves with `{ code, stdout, stderr }`. */
  async ends () {
    const [code] = await limited(this._closed, 'its end')
    return { code, stdout: this.stdout, stderr: this.stderr }
  }
}

/** Runs a command to its end. */
function run (t, args, options) {
  return new Command(t, args, options).ends()
}

const objects = stdout => stdout.split('\n').filter(Boolean).map(line => JSON.parse(line))

module.exports = { COMMAND, Command, announce, network, objects, publish, run, serve }
