'use strict'

// Clients with requests to strangers, and one with requests to a well-behaved server.

const { begin, loaded, secureOf, wait, what } = require('./target')
const { calledOnce, isQuiet } = require('./callbacks')
const { TIMEOUT, witness } = require('./good')

const { PeerRPCClient } = loaded

/** How late a callback may be, in ms. */
const LATE = 5000

const clients = new Map()

function clientOf (dest, isSecure) {
  if (!clients.has(dest)) {
    const link = { lookup: (key, opts, cb) => cb(null, [dest]) }
    const conf = { maxPayload: 4 * 1024 * 1024, handshakeTimeout: 1000, ...(isSecure && { secure: secureOf(what.secure) }) }
    const peer = new PeerRPCClient(link, conf)
    peer.init()
    clients.set(dest, peer)
  }
  return clients.get(dest)
}

/** Sends a request, and resolves when its callback was called: once, and in time. */
function ask (peer, dest, { via, key, payload, timeout }) {
  return calledOnce(via, timeout + LATE, done => {
    const opts = { timeout }
    if (via === 'promise') peer.request(key, payload, opts).then(() => done(), done)
    else if (via === 'transport') peer.transport(dest, {}).request(key, payload, opts, done)
    else peer[via](key, payload, opts, done)
  })
}

const own = clientOf(what.good.server, false)
const stop = witness('a good server', what.good.pid, async at => await own.request('echo', at, { timeout: TIMEOUT }) === at)

begin({}, {
  async ask (dest, isSecure, asks) {
    const peer = clientOf(dest, isSecure)
    await Promise.all(asks.map(one => ask(peer, dest, { ...one, payload: JSON.parse(one.payload) })))
    await wait(20)
  },
  isQuiet,
  async stop () {
    await stop()
    for (const peer of clients.values()) peer.stop()
  }
})
