'use strict'

// One test, run with the original packages and with this one in every useful combination: the
// original alone proves that the test is right.

const { test } = require('node:test')
const { once } = require('events')
const { native, original } = require('./implementations')
const { freePort } = require('../../scripts/lib/ports')
const { limited } = require('../../scripts/lib/child')

const WAYS = [
  { server: original, client: original },
  { server: native, client: native },
  { server: native, client: original },
  { server: original, client: native }
]

/**
 * A fact about two peers. `title` begins with its numbers in docs/COMPAT.md.
 * @param {function(object)} body gets `{ server, client, t, stage }`: two implementations, the
 *   test's context, and helpers that clean up after it
 * @param {object} [opts] `better: 'server' | 'client' | 'both'`: a fact in which the original is
 *   worse, so it runs only where that side is (or both are) this package
 */
function pair (title, body, { better } = {}) {
  for (const { server, client } of WAYS) {
    if (better === 'server' && server !== native) continue
    if (better === 'client' && client !== native) continue
    if (better === 'both' && (server !== native || client !== native)) continue
    test(`${title} [${server.name} server, ${client.name} client]`, t =>
      limited(Promise.resolve(body({ server, client, t, stage: new Stage(t) })), title))
  }
}

/**
 * A fact about one implementation by itself.
 * @param {object} [opts] `better: true`: the original is worse, so only this package is asked
 */
function each (title, body, { better } = {}) {
  for (const implementation of better ? [native] : [original, native]) {
    test(`${title} [${implementation.name}]`, t =>
      limited(Promise.resolve(body({ implementation, t, stage: new Stage(t) })), title))
  }
}

/** Makes peers and servers that are stopped when their test is over. */
class Stage {
  constructor (t) {
    this._cleanups = []
    t.after(async () => {
      for (const cleanup of this._cleanups.reverse()) await cleanup()
    })
  }

  /** `cleanup` runs after the test, last things first. */
  after (cleanup) {
    this._cleanups.push(cleanup)
  }

  /** A link that knows the answer. */
  link (...dests) {
    return { lookup: (key, opts, cb) => cb(null, dests) }
  }

  /** An RPC server that echoes, or does what `onRequest` says; resolves with its transport. */
  async serve (implementation, onRequest, conf = {}, Transport) {
    const peer = new implementation.PeerRPCServer({}, conf)
    if (Transport) peer.getTransportClass = () => Transport
    peer.init()
    const service = peer.transport('server')
    const port = await freePort()
    service.on('request', onRequest || ((rid, key, payload, handler) => handler.reply(null, payload)))
    service.listen(port)
    this.after(() => {
      service.stop()
      peer.stop()
    })
    service.dest = `127.0.0.1:${port}`
    await reachable(port)
    return service
  }

  /** An RPC client of these destinations. */
  client (implementation, dests, conf = {}, Transport) {
    const peer = new implementation.PeerRPCClient(this.link(...[].concat(dests)), conf)
    if (Transport) peer.getTransportClass = () => Transport
    peer.init()
    this.after(() => peer.stop())
    return peer
  }

  /** A publisher; resolves with its transport. */
  async publisher (implementation, conf = {}) {
    const peer = new implementation.PeerPub({}, conf)
    peer.init()
    const service = peer.transport('server')
    const port = await freePort()
    service.listen(port)
    // The original's own stop leaves its port open.
    this.after(() => {
      if (service.socket) service.socket.close()
      service.stop()
    })
    service.dest = `127.0.0.1:${port}`
    await reachable(port)
    return service
  }

  /** A subscriber of these destinations, not subscribed yet. */
  subscriber (implementation, dests, conf = {}) {
    const peer = new implementation.PeerSub(this.link(...[].concat(dests)), conf)
    peer.init()
    const made = []
    const transport = peer.transport
    peer.transport = function (...args) {
      const one = transport.apply(this, args)
      made.push(one)
      return one
    }
    this.after(() => {
      peer.stop()
      // The original's own stop leaves its transports running.
      for (const one of made) if (one.isActive()) one.stop()
    })
    return peer
  }
}

/** Resolves once something accepts connections at `port`. */
async function reachable (port) {
  const net = require('net')
  for (let tries = 0; ; tries++) {
    const socket = net.connect(port, '127.0.0.1')
    try {
      await once(socket, 'connect')
      socket.destroy()
      return
    } catch (err) {
      if (tries === 50) throw err
      await new Promise(resolve => setImmediate(resolve))
    }
  }
}

/** Calls a method that takes a callback; resolves with `{ err, res }`. */
function call (object, method, ...args) {
  return new Promise(resolve => object[method](...args, (err, res) => resolve({ err, res })))
}

module.exports = { Stage, call, each, native, original, pair, reachable }
