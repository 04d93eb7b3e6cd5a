'use strict'

// Links to hostile grapes, and one to a well-behaved grape.

const { begin, loaded, wait, what } = require('./target')
const { calledOnce, isQuiet } = require('./callbacks')
const { TIMEOUT, witness } = require('./good')

const { Link, PeerRPCClient } = loaded

const LATE = 20000

const links = new Map()
const clients = new Map()

function linkOf (dest) {
  if (!links.has(dest)) {
    const link = new Link({ grape: `http://${dest}`, requestTimeout: 400, lruMaxAgeLookup: 50 })
    link.start()
    links.set(dest, link)
    const client = new PeerRPCClient(link, { requestTimeout: 200, handshakeTimeout: 500 })
    client.init()
    clients.set(dest, client)
  }
  return links.get(dest)
}

function ask (link, client, { via, key, timeout }) {
  return calledOnce(via, LATE, done => {
    const opts = { timeout, retry: 1 }
    if (via === 'request') client.request(key, 1, opts, done)
    else if (via === 'promise') link.promises.lookup(key, opts).then(() => done(), done)
    else if (via === 'announce') link.announce(key, 80, opts, done)
    else if (via === 'put') link.put({ v: key }, done)
    else link[via](key, opts, done)
  })
}

const own = new Link({ grape: what.good.grape, lruMaxAgeLookup: 1 })
own.start()
const stop = witness('a good grape', what.good.pid, async () => (await own.promises.lookup('good', { timeout: TIMEOUT })).length > 0)

begin({}, {
  async ask (dest, isSecure, asks) {
    const link = linkOf(dest)
    await Promise.all(asks.map(one => ask(link, clients.get(dest), { ...one, key: JSON.parse(one.key) })))
    await wait(20)
  },
  isQuiet,
  async stop () {
    await stop()
    for (const peer of clients.values()) peer.stop()
    for (const link of [own, ...links.values()]) link.stop()
  }
})
