'use strict'

// Several hosts on one Linux machine: each is a network namespace, with a cable to a switch in user
// space (switch.rs). Everything depends on pipes to this process, so it disappears when this
// process ends, however it ends.

const { execFile, spawn } = require('child_process')
const { once } = require('events')
const fs = require('fs')
const path = require('path')
const { createInterface } = require('readline')
const { promisify } = require('util')
const { asTexts, forHosts } = require('../scripts/lib/certificates')

const run = promisify(execFile)

const ROOT = path.join(__dirname, '..')
const SWITCH = path.join(ROOT, 'target', 'debug', 'examples', 'netlab-switch')

/** Addresses of the hosts of a lab. */
const address = number => `10.77.0.${number + 1}`

/** Subject names of the servers' certificates: the hosts of all labs, and a name. */
const CERTIFIED = ['DNS:service.lab', ...Array.from({ length: 32 }, (_, number) => `IP:${address(number)}`)]

let texts

/** Keys and certificates as texts, to pass to a process. */
function tlsTexts () {
  if (texts === undefined) {
    const { server, client } = forHosts(CERTIFIED)
    texts = JSON.stringify({ server: asTexts(server), client: asTexts(client) })
  }
  return texts
}

/** The reason why no lab is possible here; null if it is. */
async function obstacle () {
  if (process.platform !== 'linux') return 'only Linux has network namespaces'
  try {
    await run('unshare', ['--net', 'true'])
  } catch (err) {
    return 'network namespaces are not permitted here (try as root)'
  }
  if (!fs.existsSync('/dev/net/tun')) return '/dev/net/tun is missing'
  try {
    await run('ip', ['-V'])
  } catch (err) {
    return 'the command ip (iproute2) is missing'
  }
  return null
}

/** The namespace of a process, for nsenter. */
const namespace = pid => `--net=/proc/${pid}/ns/net`

/** Resolves when a process has left this process' namespace. */
async function hasMoved (pid) {
  const own = fs.readlinkSync('/proc/self/ns/net')
  while (fs.readlinkSync(`/proc/${pid}/ns/net`) === own) await new Promise(resolve => setTimeout(resolve, 2))
}

class Lab {
  /** A lab with `count` hosts and perfect cables. */
  static async open (count) {
    const lab = new Lab()
    try {
      await lab._open(count)
    } catch (err) {
      lab.close()
      throw err
    }
    return lab
  }

  async _open (count) {
    this._children = []
    this._answers = []
    await run('cargo', ['build', '--quiet', '--locked', '--example', 'netlab-switch'], { cwd: ROOT })
    this._switch = this._spawn('unshare', ['--net', SWITCH, String(count)], ['pipe', 'pipe', 'inherit'])
    const lines = createInterface({ input: this._switch.stdout })
    lines.on('line', line => this._answers.shift()(line))
    await new Promise(resolve => this._answers.push(resolve))
    this.hosts = await Promise.all(Array.from({ length: count }, (_, number) => this._host(number)))
  }

  /** Ends everything. */
  close () {
    for (const child of this._children) child.kill('SIGKILL')
  }

  /**
   * Sets the quality of a host's cable: `delay` and `jitter` in ms, `loss` from 0 to 1, `rate` in
   * kbit/s, and `queue` in ms, for each direction.
   */
  cable (host, quality) {
    return this._command({ cable: { port: host.number, up: quality, down: quality } })
  }

  /** Cuts the two groups of hosts off from each other. */
  async cut (some, others, on = true) {
    for (const a of some) {
      for (const b of others) {
        await this._command({ cut: { from: a.number, to: b.number, on } })
        await this._command({ cut: { from: b.number, to: a.number, on } })
      }
    }
  }

  heal (some, others) {
    return this.cut(some, others, false)
  }

  /** Switches the host off: no other host is notified. */
  powerOff (host) {
    return this._command({ power: { port: host.number, on: false } })
  }

  powerOn (host) {
    return this._command({ power: { port: host.number, on: true } })
  }

  async _command (command) {
    const answer = new Promise(resolve => this._answers.push(resolve))
    this._switch.stdin.write(`${JSON.stringify(command)}\n`)
    const line = await answer
    if (line !== 'ok') throw new Error(`the switch says: ${line}`)
  }

  async _host (number) {
    // It holds the namespace until its standard input ends.
    const holder = this._spawn('unshare', ['--net', 'cat'], ['pipe', 'ignore', 'inherit'])
    await hasMoved(holder.pid)
    const ip = address(number)
    await run('nsenter', [namespace(this._switch.pid), 'ip', 'link', 'set', `lab${number}`, 'netns', String(holder.pid)])
    await run('nsenter', [namespace(holder.pid), 'sh', '-ec', [
      'ip link set lo up', `ip link set lab${number} name eth0`, `ip address add ${ip}/24 dev eth0`, 'ip link set eth0 up'
    ].join('\n')])
    return new Host(this, number, ip, holder.pid)
  }

  _spawn (command, args, stdio, env) {
    const child = spawn(command, args, { stdio, env: { ...process.env, ...env } })
    this._children.push(child)
    return child
  }
}

/** Runs a command, given as arguments, with host names of its own, in a mount namespace. */
const WITH_NAMES = 'mount -t tmpfs lab /mnt; echo "$NETLAB_NAMES" > /mnt/hosts; mount --bind /mnt/hosts /etc/hosts; exec "$0" "$@"'

/** As in /etc/hosts. */
const lines = names => Object.entries(names).flatMap(([name, ips]) => ips.map(ip => `${ip} ${name}`)).join('\n')

class Host {
  constructor (lab, number, ip, holder) {
    this.number = number
    this.ip = ip
    this._lab = lab
    this._holder = holder
  }

  /** Runs a system command, such as `ip`, on this host. */
  command (...command) {
    return run('nsenter', [namespace(this._holder), ...command])
  }

  /**
   * Starts a Node process on this host.
   * @param {object} [kind] `package`: `ours` or `original`; `env` of the process; `tls`: whether
   * peers have it
   * @param {object} [opts] `names`: the addresses of each name that it can look up
   */
  async process ({ package: name = 'ours', env, tls } = {}, { names } = {}) {
    const child = this._lab._spawn('nsenter', [
      namespace(this._holder),
      ...names ? ['unshare', '--mount', 'sh', '-ec', WITH_NAMES] : [],
      process.execPath, '--no-warnings', path.join(__dirname, 'process.js')
    ], ['ignore', 'inherit', 'inherit', 'ipc'], {
      NETLAB_KIND: name,
      NETLAB_HOST: this.ip,
      ...names && { NETLAB_NAMES: lines(names) },
      ...tls && { NETLAB_TLS: tlsTexts() },
      ...env
    })
    const made = new Process(child)
    await made.ready
    return made
  }
}

/** A process on a host, with the roles of roles.js. */
class Process {
  constructor (child) {
    this._child = child
    this._calls = new Map()
    this._last = 0
    this._end = null
    this.ended = once(child, 'exit')
    this.ready = new Promise((resolve, reject) => {
      child.on('exit', (code, signal) => {
        this._end = new Error(`a process ended with ${signal || code}`)
        reject(this._end)
        for (const { reject } of this._calls.values()) reject(this._end)
      })
      child.on('message', ({ id, ready, res, err }) => {
        if (ready) return resolve()
        const call = this._calls.get(id)
        this._calls.delete(id)
        if (err === undefined) call.resolve(res)
        else call.reject(new Error(err))
      })
    })
    this.ready.catch(() => {})
  }

  /** Calls a role; resolves with the result. */
  call (role, args) {
    const id = ++this._last
    const result = new Promise((resolve, reject) => this._calls.set(id, { resolve, reject }))
    // A caller that kills the process need not handle this.
    result.catch(() => {})
    if (this._end !== null) this._calls.get(id).reject(this._end)
    else this._child.send({ id, role, args }, err => err && this._calls.get(id) && this._calls.get(id).reject(err))
    return result
  }

  /** Sends a signal, and resolves when the process has ended. */
  async kill (signal = 'SIGKILL') {
    this._child.kill(signal)
    await this.ended
  }

  signal (signal) {
    this._child.kill(signal)
  }
}

module.exports = { Lab, obstacle }
