'use strict'

// Which transports a client peer makes, uses and gives up.

const assert = require('node:assert')
const { PoolTransport } = require('grenache-nodejs-base')
const { once } = require('events')
const { replace, stopClock } = require('../helpers/clock')
const { call, each, pair } = require('../helpers/conformance')

/** A client whose transports answer at once, with themselves. */
function instant (stage, { PeerRPCClient, TransportRPCClient }, dests, conf) {
  return stage.client({ PeerRPCClient }, dests, conf, class extends TransportRPCClient {
    request (key, payload, opts, cb) {
      this.setLastRequestTime()
      setImmediate(cb, null, this)
    }
  })
}

/** The transport that a request went by. */
async function used (peer, opts = {}) {
  const { err, res } = await call(peer, 'request', 'k', 1, opts)
  assert.ifError(err)
  return res
}

/** All that `choose` returns in many turns: each of up to seven for certain. */
async function allOf (choose) {
  const all = new Set()
  for (let at = 0; at < 400; at++) all.add(await choose())
  return all
}

const DESTS = ['a:1', 'b:2', 'c:3', 'd:4', 'e:5', 'f:6', 'g:7']

each('C59: opts.maxActiveDestTransports overrides the conf for one request', async ({ implementation, stage }) => {
  const peer = instant(stage, implementation, 'a:1')
  const first = await used(peer, { maxActiveDestTransports: 1 })
  assert.strictEqual(await used(peer, { maxActiveDestTransports: 1 }), first)
  assert.strictEqual(peer.tpool.list('a:1').length, 1)
  for (let at = 0; at < 5; at++) await used(peer)
  assert.strictEqual(peer.tpool.list('a:1').length, 3)
  for (let at = 0; at < 9; at++) await used(peer, { maxActiveDestTransports: 5 })
  assert.strictEqual(peer.tpool.list('a:1').length, 5)
  assert.strictEqual(peer.conf.maxActiveDestTransports, 3)
})

each('C59: opts.maxActiveKeyDests overrides the conf for one request', async ({ implementation, stage }) => {
  const peer = instant(stage, implementation, DESTS)
  const { dest } = (await used(peer, { maxActiveKeyDests: 1 })).conf
  for (let at = 0; at < 50; at++) {
    assert.strictEqual((await used(peer, { maxActiveKeyDests: 1 })).conf.dest, dest)
  }
  const others = await allOf(async () => (await used(peer, { maxActiveKeyDests: 9 })).conf.dest)
  assert.deepStrictEqual([...others].sort(), DESTS)
  assert.strictEqual(peer.conf.maxActiveKeyDests, 5)
})

each('C67: once five destinations are active, only active ones are chosen', async ({ implementation, stage }) => {
  const peer = instant(stage, implementation, DESTS)
  assert.strictEqual(peer.conf.maxActiveKeyDests, 5)
  for (const dest of DESTS.slice(0, 4)) peer.transport(dest)
  const chosen = () => allOf(() => peer.dest(DESTS, 'k', {}))
  assert.deepStrictEqual([...await chosen()].sort(), DESTS)
  peer.transport(DESTS[4])
  assert.deepStrictEqual([...await chosen()].sort(), DESTS.slice(0, 5))
  const [stopped] = peer.tpool.list(DESTS[0])
  stopped.stop()
  assert.deepStrictEqual([...await chosen()].sort(), DESTS)
})

each('C67: requests settle on conf.maxActiveKeyDests destinations', async ({ implementation, stage }) => {
  const peer = instant(stage, implementation, DESTS, { maxActiveKeyDests: 2 })
  const dests = await allOf(async () => (await used(peer)).conf.dest)
  assert.strictEqual(dests.size, 2)
})

each('C68 C69: three transports are made for a destination, then a random one is used', async ({ implementation, stage }) => {
  const peer = instant(stage, implementation, 'a:1')
  assert.strictEqual(peer.conf.maxActiveDestTransports, 3)
  const made = []
  for (let at = 0; at < 3; at++) made.push(await used(peer))
  assert.strictEqual(new Set(made).size, 3)
  assert.deepStrictEqual(peer.tpool.list('a:1'), made)
  assert.deepStrictEqual(await allOf(() => used(peer)), new Set(made))
})

each('C68: conf.maxActiveDestTransports says how many', async ({ implementation, stage }) => {
  const peer = instant(stage, implementation, 'a:1', { maxActiveDestTransports: 1 })
  assert.strictEqual((await allOf(() => used(peer))).size, 1)
})

each('C69: a transport that stopped is not used, and its place is filled', async ({ implementation, stage }) => {
  const peer = instant(stage, implementation, 'a:1')
  for (let at = 0; at < 3; at++) await used(peer)
  const [stopped, ...others] = peer.tpool.list('a:1')
  stopped.stop()
  const all = await allOf(() => used(peer))
  assert.strictEqual(all.size, 3)
  assert.strictEqual(all.has(stopped), false)
  for (const other of others) assert.ok(all.has(other))
})

pair('C68 C69: a client opens as many connections as its pool has transports', async ({ server, client, stage }) => {
  const service = await stage.serve(server)
  let connections = 0
  service.socket.on('connection', () => connections++)
  const peer = stage.client(client, service.dest)
  for (let at = 0; at < 10; at++) {
    assert.deepStrictEqual(await call(peer, 'request', 'k', at, {}), { err: null, res: at })
    assert.strictEqual(connections, Math.min(at + 1, 3))
  }
})

each('C70: tpool has list, hasActive and getActive', ({ implementation, stage }) => {
  const peer = instant(stage, implementation, 'a:1')
  const { tpool } = peer
  assert.deepStrictEqual(tpool.list('a:1'), [])
  assert.deepStrictEqual(tpool.getActive('a:1'), [])
  assert.strictEqual(tpool.hasActive('a:1'), false)

  const [first, second] = [peer.transport('a:1'), peer.transport('a:1')]
  peer.transport('b:2')
  assert.deepStrictEqual(tpool.list('a:1'), [first, second])
  assert.deepStrictEqual(tpool.getActive('a:1'), [first, second])
  assert.strictEqual(tpool.hasActive('a:1'), true)

  first.stop()
  assert.deepStrictEqual(tpool.list('a:1'), [first, second])
  assert.deepStrictEqual(tpool.getActive('a:1'), [second])
  second.stop()
  assert.strictEqual(tpool.hasActive('a:1'), false)
  assert.strictEqual(tpool.hasActive('b:2'), true)
})

each('C71: the pool is monitored every 10 seconds', ({ implementation, t, stage }) => {
  const clock = stopClock(t)
  const peer = instant(stage, implementation, 'a:1')
  let monitored = 0
  peer.tpool.monitor = () => monitored++
  clock.tick(9999)
  assert.strictEqual(monitored, 0)
  clock.tick(1)
  assert.strictEqual(monitored, 1)
  clock.tick(50000)
  assert.strictEqual(monitored, 6)
  peer.stop()
  clock.tick(50000)
  assert.strictEqual(monitored, 6)
})

/** A transport that had its last request so long ago is stopped by the next look at the pool. */
const stopsAfter = (timeout, conf) => ({ implementation, t, stage }) => {
  const clock = stopClock(t)
  const peer = instant(stage, implementation, 'a:1', conf)
  const transport = peer.transport('a:1')
  clock.tick(4000)
  transport.request('k', 1, {}, () => {})
  clock.tick(timeout)
  assert.strictEqual(transport.isActive(), true)
  clock.tick(10000)
  assert.strictEqual(transport.isActive(), false)
  assert.deepStrictEqual(peer.tpool.list('a:1'), [])
  peer.stop()
}

each('C71: a transport stops after 120 s without requests', stopsAfter(120000, {}))
each('C71: conf.inactivityTimeout says after how long', stopsAfter(35000, { inactivityTimeout: 35000 }))

pair('C71: of several requests at once the last one counts', async ({ server, client, stage, t }) => {
  const answers = []
  const service = await stage.serve(server, (rid, key, payload, { reply }) => answers.push(() => reply(null, payload)))
  const peer = stage.client(client, service.dest, { inactivityTimeout: 500 })
  const start = Date.now()
  let now = start
  replace(t, Date, 'now', () => now)
  const transport = peer.transport(service.dest)
  const replies = [0, 1000].map(time => {
    now = start + time
    return call(transport, 'request', 'k', time, {})
  })
  while (answers.length < 2) await new Promise(setImmediate)
  for (const answer of answers) answer()
  await Promise.all(replies)
  now = start + 1400
  transport.monitor()
  assert.strictEqual(transport.isActive(), true)
  now = start + 2000
  transport.monitor()
  assert.strictEqual(transport.isActive(), false)
})

pair('C71: a transport with a request under way does not stop, without one it closes', async ({ server, client, stage }) => {
  let answer
  const service = await stage.serve(server, (rid, key, payload, { reply }) => { answer = () => reply(null, payload) })
  const accepted = once(service.socket, 'connection')
  const peer = stage.client(client, service.dest, { inactivityTimeout: 5 })
  const answered = call(peer, 'request', 'k', 1, {})
  const [connection] = await accepted
  await new Promise(resolve => setTimeout(resolve, 50))
  peer.tpool.monitor()
  const [transport] = peer.tpool.list(service.dest)
  assert.strictEqual(transport.isActive(), true)
  answer()
  assert.deepStrictEqual(await answered, { err: null, res: 1 })

  const closed = once(connection, 'close')
  peer.tpool.monitor()
  await closed
  assert.strictEqual(transport.isActive(), false)
  assert.deepStrictEqual(peer.tpool.list(service.dest), [])
})

each("C70: a peer works with a pool of the original's class", async ({ implementation, stage }) => {
  const service = await stage.serve(implementation)
  const peer = stage.client(implementation, service.dest, { maxActiveDestTransports: 2 })
  peer.tpool.stop()
  peer.tpool = new PoolTransport()
  peer.tpool.init()
  for (let at = 0; at < 5; at++) {
    assert.deepStrictEqual(await call(peer, 'request', 'key', at, { timeout: 10000 }), { err: null, res: at })
    assert.strictEqual(peer.tpool.list(service.dest).length, Math.min(at + 1, 2))
  }
  assert.deepStrictEqual(await call(peer, 'map', 'key', 'all', { timeout: 10000 }), { err: null, res: ['all'] })
  const made = peer.tpool.list(service.dest)
  peer.stop()
  assert.deepStrictEqual(made.map(transport => transport.isActive()), [false, false])
})

each('C509: requests that are made at once are spread over the connections of a destination', async ({ implementation, stage }) => {
  const most = []
  const service = await stage.serve(implementation)
  const peer = stage.client(implementation, service.dest)
  // So many connections are made one after the other.
  for (let at = 0; at < 3; at++) await call(peer, 'request', 'key', at, {})
  const transports = peer.tpool.list(service.dest)
  for (let round = 0; round < 31; round++) {
    const counts = new Map(transports.map(transport => [transport, 0]))
    for (const transport of transports) {
      const { request } = Object.getPrototypeOf(transport)
      transport.request = function (...args) {
        counts.set(transport, counts.get(transport) + 1)
        return request.apply(this, args)
      }
    }
    await Promise.all(Array.from({ length: 30 }, (_, at) => call(peer, 'request', 'key', at, {})))
    most.push(Math.max(...counts.values()))
  }
  most.sort((one, other) => one - other)
  assert.ok(most[15] < 20, `of 30 requests one connection has ${most[15]}`)
})
