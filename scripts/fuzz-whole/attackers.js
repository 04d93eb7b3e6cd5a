'use strict'

// Plays a case: its connections to a target, or those from the target.

const { createHash } = require('crypto')
const dgram = require('dgram')
const net = require('net')
const tls = require('tls')
const { PORT } = require('./cases')
const { NODE, TOKEN, TRANSACTION } = require('./datagrams')
const { ACCEPT } = require('./http')
const { RID } = require('./rpc')

const HOST = '127.0.0.1'
/** RFC 6455 section 1.3. */
const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'

/** How long one connection may take, in ms; then it is reset. */
const PATIENCE = 6000
/** How long a write may wait for its reader. */
const WRITE_PATIENCE = 300
/** Repeated bytes are written in parts of this size. */
const PART = 64 * 1024
/** How long the other side may take to close a connection that we have closed, in ms. */
const FAREWELL = 30

const wait = ms => new Promise(resolve => setTimeout(resolve, ms))

/** Resolves with the event, or with false after `ms`. */
function within (ms, emitter, ...events) {
  return new Promise(resolve => {
    const done = result => {
      clearTimeout(timer)
      for (const event of events) emitter.removeListener(event, heard)
      resolve(result)
    }
    const heard = () => done(true)
    const timer = setTimeout(done, ms, false)
    for (const event of events) emitter.on(event, heard)
  })
}

/** `bytes` with each `[from, to]` replaced where both are equally long. */
function filled (bytes, replacements) {
  let copy = null
  for (const [from, to] of replacements) {
    if (to.length !== from.length) continue
    for (let at = bytes.indexOf(from); at >= 0; at = bytes.indexOf(from, at + from.length)) {
      copy = copy || Buffer.from(bytes)
      to.copy(copy, at)
    }
  }
  return copy || bytes
}

/** One connection, in either direction. */
class Attacker {
  /** @param {object} counts the counters: `connections`, `sent`, `heard` */
  constructor (socket, counts) {
    this.socket = socket
    this.counts = counts
    this._news = false
    this._open = true
    counts.connections++
    socket.on('error', () => {})
    socket.on('close', () => { this._open = false })
    socket.on('data', bytes => {
      counts.heard += bytes.length
      this._news = true
      this.onBytes(bytes)
    })
  }

  onBytes () {}

  /** Replaces placeholders by values that are only known now. */
  fill (bytes) {
    return bytes
  }

  async play (steps) {
    const timer = setTimeout(() => this.reset(), PATIENCE)
    for (const step of steps) {
      if (!this._open) break
      await this._do(step)
    }
    clearTimeout(timer)
    this.reset()
  }

  reset () {
    // Without a reset each connection keeps its port for a minute; Node has no reset for TLS.
    if (this.socket.encrypted) this.socket.destroy()
    else this.socket.resetAndDestroy()
  }

  async _do ({ send, hear, wait: pause, stall, end, ...how }) {
    if (send) await this._send(this.fill(send), how)
    if (hear) {
      if (!this._news) await within(hear, this.socket, 'data', 'end', 'close')
      this._news = false
    }
    if (pause) await wait(pause)
    if (stall === true) this.socket.pause()
    if (stall === false) this.socket.resume()
    if (end === 'reset') this.reset()
    if (end === 'fin') {
      this.socket.end()
      await within(FAREWELL, this.socket, 'close')
    }
  }

  async _send (bytes, { times = 1, cut = 0, gap = 0 }) {
    if (cut > 0) {
      for (let at = 0; at < bytes.length; at += cut) {
        await this._write(bytes.subarray(at, at + cut))
        if (gap > 0) await wait(gap)
      }
      return
    }
    const copies = Math.min(times, Math.max(1, Math.floor(PART / Math.max(1, bytes.length))))
    const part = copies === 1 ? bytes : Buffer.concat(Array(copies).fill(bytes))
    for (let left = times; left > 0 && this._open; left -= copies) {
      const isWritten = await this._write(left < copies ? part.subarray(0, left * bytes.length) : part)
      if (!isWritten) return
    }
  }

  /** False when the other side does not read. */
  async _write (bytes) {
    if (!this._open || !this.socket.writable) return false
    this.counts.sent += bytes.length
    return this.socket.write(bytes) || within(WRITE_PATIENCE, this.socket, 'drain', 'close')
  }
}

/** The side that accepted the connection: knows the ids of the received requests. */
class Host extends Attacker {
  constructor (socket, counts, port) {
    super(socket, counts)
    this._port = Buffer.from(String(port))
    this._text = ''
    this._key = ''
    this._rids = []
  }

  onBytes (bytes) {
    // Ids are readable: masks do not hide them here, since they are removed below.
    if (this._key === '') {
      this._text += bytes.toString('latin1')
      const key = /^sec-websocket-key: (.*)\r$/im.exec(this._text)
      if (key) this._key = key[1]
      return
    }
    for (let at = 0; at + 6 <= bytes.length;) {
      const short = bytes[at + 1] & 127
      const head = at + (short === 126 ? 4 : short === 127 ? 10 : 2)
      if (short === 127 || head + 4 > bytes.length) return
      const length = short === 126 ? bytes.readUInt16BE(at + 2) : short
      const payload = Buffer.from(bytes.subarray(head + 4, head + 4 + length))
      for (let i = 0; i < payload.length; i++) payload[i] ^= bytes[head + (i & 3)]
      const rid = /^\["([-0-9a-f]{36})"/.exec(payload.toString('latin1', 0, 40))
      if (rid) this._rids.push(Buffer.from(rid[1]))
      at = head + 4 + length
    }
  }

  fill (bytes) {
    const accept = createHash('sha1').update(this._key + GUID).digest('base64')
    return filled(bytes, [
      [Buffer.from(ACCEPT), Buffer.from(accept)],
      [Buffer.from(PORT), this._port],
      ...this._rids.map((rid, at) => [Buffer.from(RID(at)), rid])
    ])
  }
}

/** A node of the network, written by hand. */
class Node {
  constructor (actor, port, counts) {
    this.actor = actor
    this.port = port
    this.counts = counts
    this.socket = dgram.createSocket('udp4')
    this._answered = 0
    this._known = new Map()
    counts.connections++
    this.socket.on('error', () => {})
    this.socket.on('message', (bytes, sender) => this._hear(bytes, sender))
  }

  async play () {
    this.socket.bind(0, this.actor.from)
    await within(PATIENCE, this.socket, 'listening', 'error')
    for (const { send, hear, wait: pause } of this.actor.steps) {
      if (send) this._send(send, this.port)
      if (hear) await within(hear, this.socket, 'message')
      if (pause) await wait(pause)
    }
    this.socket.close()
  }

  _send (bytes, port) {
    bytes = filled(bytes, [...this._known])
    this.counts.sent += bytes.length
    this.socket.send(bytes, port, HOST, () => {})
  }

  _hear (bytes, { port }) {
    this.counts.heard += bytes.length
    this._know(bytes, '5:token8:', TOKEN)
    this._know(bytes, '2:id20:', NODE)
    if (bytes.indexOf('1:y1:q') < 0 || this.actor.answers.length === 0) return
    this._know(bytes, '1:t4:', TRANSACTION)
    this._send(this.actor.answers[this._answered++ % this.actor.answers.length], port)
  }

  /** Remembers the bytes behind `mark`. */
  _know (bytes, mark, placeholder) {
    const at = bytes.indexOf(mark)
    if (at < 0) return
    const from = at + mark.length
    this._known.set(placeholder, bytes.subarray(from, from + placeholder.length))
  }
}

/** Connects as an actor specifies, and runs its steps. */
async function connect (actor, port, counts, secure) {
  const where = { host: HOST, port, localAddress: actor.from }
  const socket = actor.secure ? tls.connect({ ...where, ...secure }) : net.connect(where)
  socket.setNoDelay(true)
  const attacker = new Attacker(socket, counts)
  // While a step waits, the end of the connection may go unnoticed.
  if (!await within(PATIENCE, socket, actor.secure ? 'secureConnect' : 'connect', 'error', 'close')) return attacker.reset()
  await attacker.play(actor.steps)
}

/** All of an actor's connections, `width` of them at once. */
async function act (actor, port, counts, secure) {
  if (actor.udp) return new Node(actor, port, counts).play()
  let left = actor.times || 1
  const lanes = Array.from({ length: Math.min(left, actor.width || 1) }, async () => {
    while (left-- > 0) await connect(actor, port, counts, secure)
  })
  await Promise.all(lanes)
}

/** Attacks `port`: all actors of a case at once. */
function attack (actors, port, counts, secure) {
  return Promise.all(actors.map(actor => act(actor, port, counts, secure)))
}

/** A server that runs the next actor's steps with each connection. */
class Ambush {
  constructor (counts, secure) {
    this.counts = counts
    this._actors = []
    this._next = 0
    this._sockets = new Set()
    const server = secure ? tls.createServer(secure, socket => this._meet(socket)) : net.createServer(socket => this._meet(socket))
    // Before its handshake TLS has another socket.
    server.on('tlsClientError', () => {})
    this.server = server.listen(0, HOST)
  }

  get port () {
    return this.server.address().port
  }

  ready () {
    return this.server.listening ? true : within(PATIENCE, this.server, 'listening')
  }

  /** Sets the actors of later connections; open ones are closed. */
  set (actors) {
    this._actors = actors
    this._next = 0
    for (const host of this._sockets) host.reset()
  }

  close () {
    this.set([])
    this.server.close()
  }

  async _meet (socket) {
    socket.setNoDelay(true)
    // It may have arrived while this was closing.
    if (!this.server.listening) return socket.destroy()
    const host = new Host(socket, this.counts, this.port)
    this._sockets.add(host)
    socket.on('close', () => this._sockets.delete(host))
    if (this._actors.length === 0) return host.reset()
    await host.play(this._actors[this._next++ % this._actors.length].steps)
  }
}

module.exports = { Ambush, attack }
