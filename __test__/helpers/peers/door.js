'use strict'

// Strangers at the door of a server: those who knock, and those who do something else.

const { once } = require('events')
const net = require('net')
const tls = require('tls')
const { asTexts, certificates } = require('../../../scripts/lib/certificates')
const { limited } = require('../../../scripts/lib/child')
const { fault, startServer } = require('./faulty')
const { wait } = require('./subscribers')

const KEY = 'dGhlIHNhbXBsZSBub25jZQ=='

/** What a process holds that has nothing to do, give or take. */
const FEW = 8

/** Resident MiB that a process under attack may reach. */
const MEMORY = 512

/** The head of a request for an upgrade; `headers` are lines. */
function upgrade ({ path = '/ws', headers = [], origin } = {}) {
  return [
    `GET ${path} HTTP/1.1`, 'Host: x', 'Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13',
    `Sec-WebSocket-Key: ${KEY}`, ...(origin === undefined ? [] : [`Origin: ${origin}`]), ...headers
  ].join('\r\n') + '\r\n\r\n'
}

class Guest {
  /**
   * Connects, and with `secure` does TLS's part.
   * @param {object} [opts] `secure`, and options of Node's sockets
   */
  static async connect (stage, port, { secure, host = '127.0.0.1', ...opts } = {}) {
    const guest = new Guest(net.connect({ port, host, allowHalfOpen: true, ...opts }), secure)
    stage.after(() => guest.destroy())
    await once(guest.raw, 'connect')
    return guest
  }

  constructor (raw, secure) {
    this.raw = raw
    this.socket = secure ? tls.connect({ socket: raw, allowHalfOpen: true, ...certificates().client, ...secure }) : raw
    /** All that came, as Latin-1. */
    this.text = ''
    this._waiting = []
    this.socket.on('data', bytes => {
      this.text += bytes.toString('latin1')
      for (const look of this._waiting) look()
    })
    for (const socket of new Set([raw, this.socket])) socket.on('error', () => {})
    /** The other side ended its half, or all of it. */
    this.ended = new Promise(resolve => {
      this.socket.once('end', resolve)
      raw.once('close', resolve)
    })
    this.closed = new Promise(resolve => raw.once('close', resolve))
  }

  write (bytes) {
    if (!this.socket.destroyed) this.socket.write(bytes)
    return this
  }

  /** Resolves with the status of the answer; 0: it ended without one. */
  async status () {
    const isThere = () => this.text.includes('\r\n\r\n')
    if (!isThere()) {
      await limited(Promise.race([this.ended, new Promise(resolve => {
        this._waiting.push(() => isThere() && resolve())
      })]), 'an answer')
    }
    return Number(this.text.slice(9, 12))
  }

  destroy () {
    this.socket.destroy()
    this.raw.destroy()
  }
}

/** Knocks, and resolves with the status. */
async function knock (stage, port, { secure, host, localAddress, ...request } = {}) {
  const guest = await Guest.connect(stage, port, { secure, host, ...(localAddress && { localAddress }) })
  const status = await guest.write(upgrade(request)).status()
  guest.destroy()
  return status
}

/** Connects many at once, which never close their side by themselves. */
function crowd (stage, port, count, opts) {
  return Promise.all(Array.from({ length: count }, () => Guest.connect(stage, port, opts)))
}

/** What the kernel surely keeps for a process until it accepts. */
const SOME = 128

/** As many as that, each of which the server has accepted: the kernel connects more than it hands on. */
async function fill (stage, server, count) {
  const guests = []
  const { descriptors } = await server.ask('usage')
  while (guests.length < count) {
    guests.push(...await crowd(stage, server.port, Math.min(SOME, count - guests.length)))
    while ((await server.ask('usage')).descriptors < descriptors + guests.length) await wait(5)
  }
  return guests
}

/**
 * A case against a server or publisher of helpers/processes/door-peer.js, plain and with TLS.
 * @param {function(object)} body gets `{ stage, secure, implementation, start }`
 */
function door (title, body, { ways = ['plain', 'TLS'] } = {}) {
  for (const way of ways) {
    const secure = way === 'TLS' ? {} : undefined
    fault(`${title}, ${way}`, (stage, implementation) => body({
      stage,
      implementation,
      secure,
      start: ({ conf = {}, ...what } = {}, limits) => startServer(stage, {
        ...what, conf: { host: '0.0.0.0', ...conf }, secure: secure && asTexts(certificates().server)
      }, { script: 'door-peer.js', memory: MEMORY, ...limits })
    }))
  }
}

/** Resolves with the time in ms after which `isTrue` resolves with true. */
async function timeUntil (isTrue, most) {
  const start = performance.now()
  while (!await isTrue()) {
    if (performance.now() - start > most) throw new Error(`${most} ms are not enough for ${isTrue}`)
    await wait(20)
  }
  return performance.now() - start
}

module.exports = { FEW, Guest, crowd, door, fill, knock, timeUntil, upgrade }
