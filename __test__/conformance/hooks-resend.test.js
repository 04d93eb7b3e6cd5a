'use strict'

// Subclasses and links of somebody's own, where a request is sent again that its server did not take:
// where it goes, and what the hooks are called with. The original does not send again.

const assert = require('node:assert')
const net = require('net')
const { once } = require('events')
const { call, each } = require('../helpers/conformance')
const { freePort } = require('../../scripts/lib/ports')
const { standIn } = require('../helpers/grapes/stand-in')

const BETTER = { better: true }

/** A port where connections are counted and ended at once. */
async function refusing (stage) {
  const server = net.createServer(socket => {
    server.count++
    socket.on('error', () => {})
    socket.destroy()
  })
  server.count = 0
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  stage.after(() => server.close())
  server.dest = `127.0.0.1:${server.address().port}`
  return server
}

/** A client of this class, by a link of that class to a grape that names `dests`. */
async function clientOf (stage, { Link, PeerRPCClient }, dests, { OwnLink = Link, Client = PeerRPCClient } = {}) {
  const grape = await standIn(stage, () => dests)
  const link = new OwnLink({ grape: grape.url })
  link.start()
  const peer = new Client(link, {})
  peer.init()
  stage.after(() => {
    peer.stop()
    link.stop()
  })
  return peer
}

const ask = (peer, opts = {}) => call(peer, 'request', 'key', 1, { timeout: 3000, ...opts })

const named = (stage, implementation, name) => stage.serve(implementation, (rid, key, payload, { reply }) => reply(null, name))

const LOOKUPS = {
  'by a subclass': (Link, change) => class extends Link {
    lookup (key, opts, cb) {
      super.lookup(key, opts, (err, dests) => cb(err, dests && change(dests)))
    }
  },
  'by the request of a subclass': (Link, change) => class extends Link {
    request (type, payload, opts, cb) {
      super.request(type, payload, opts, (err, res) => cb(err, type === 'lookup' && res ? change(res) : res))
    }
  },
  'on the link itself': (Link, change) => function (conf) {
    const link = new Link(conf)
    const { lookup } = link
    link.lookup = function (key, opts, cb) {
      lookup.call(this, key, opts, (err, dests) => cb(err, dests && change(dests)))
    }
    return link
  },
  'by a get of its cache': (Link, change) => class extends Link {
    start () {
      super.start()
      const { get } = this.cache.lookup
      this.cache.lookup.get = function (key) {
        const dests = get.call(this, key)
        return dests && change(dests)
      }
      this.cache.lookup.set('lookup:"key"', ALL.dests)
      return this
    }
  }
}
const ALL = { dests: null }

for (const [what, change] of Object.entries(LOOKUPS)) {
  each(`C348: a request that was refused goes nowhere that a lookup, changed ${what}, does not name`, async ({ implementation, stage }) => {
    const dead = await refusing(stage)
    const forbidden = await named(stage, implementation, 'forbidden')
    const dests = ALL.dests = [dead.dest, forbidden.dest]
    const OwnLink = change(implementation.Link, all => all.filter(dest => dest !== forbidden.dest))
    const peer = await clientOf(stage, implementation, dests, { OwnLink })
    const { err } = await ask(peer)
    assert.strictEqual(err && err.code, 'ECONNRESET')
    assert.strictEqual(dead.count, 1)
  }, BETTER)
}

each('C348: it goes where such a lookup leads', async ({ implementation, stage }) => {
  const dead = await refusing(stage)
  const wrong = await named(stage, implementation, 'wrong')
  const right = await named(stage, implementation, 'right')
  const OwnLink = LOOKUPS['by a subclass'](implementation.Link, dests => dests.map(dest => dest === wrong.dest ? right.dest : dest))
  const peer = await clientOf(stage, implementation, [dead.dest, wrong.dest], { OwnLink })
  peer.dest = dests => dests.includes(dead.dest) ? dead.dest : dests[0]
  assert.deepStrictEqual(await ask(peer), { err: null, res: 'right' })
}, BETTER)

each('C348: a lookup that throws then is the error of the request', async ({ implementation, stage }) => {
  const dead = await refusing(stage)
  let calls = 0
  const peer = new implementation.PeerRPCClient({
    lookup: (key, opts, cb) => {
      if (++calls > 1) throw new Error('the lookup of a service')
      cb(null, [dead.dest])
    }
  })
  peer.init()
  stage.after(() => peer.stop())
  assert.strictEqual((await ask(peer)).err.message, 'the lookup of a service')
}, BETTER)

each('C349: every hook gets the options of the call, also when it is sent again', async ({ implementation, stage }) => {
  const dead = await refusing(stage)
  const service = await stage.serve(implementation)
  const seen = []
  const shared = { timeout: 3000 }
  class Client extends implementation.PeerRPCClient {
    getDestOpts (opts) {
      return { ...super.getDestOpts(opts), shard: opts.shard }
    }

    getTransportOpts (opts) {
      return { ...super.getTransportOpts(opts), tenant: opts.tenant }
    }

    getRequestOpts () {
      return shared
    }

    dest (dests, key, opts) {
      seen.push(['dest', opts.shard])
      return dests.includes(dead.dest) ? dead.dest : dests[0]
    }

    transport (dest, opts) {
      seen.push(['transport', opts.tenant])
      return super.transport(dest, opts)
    }
  }
  const peer = await clientOf(stage, implementation, [dead.dest, service.dest], { Client })
  assert.deepStrictEqual(await ask(peer, { shard: 0, tenant: 'one' }), { err: null, res: 1 })
  assert.deepStrictEqual(seen, [['dest', 0], ['transport', 'one'], ['dest', 0], ['transport', 'one']])
  // The other one failed, and is connected to again with the options of who asks then.
  const before = seen.length
  while (dead.count === 1) {
    assert.deepStrictEqual(await ask(peer, { shard: 1, tenant: 'two' }), { err: null, res: 1 })
    await new Promise(resolve => setTimeout(resolve, 20))
  }
  assert.deepStrictEqual([...new Set(seen.slice(before).map(String))].sort(), ['dest,1', 'transport,two'])
  assert.deepStrictEqual([Reflect.ownKeys(shared), shared], [['timeout'], { timeout: 3000 }])
}, BETTER)

each('C349: maxActiveDestTransports of the call holds when it is sent again', async ({ implementation, stage }) => {
  const service = await stage.serve(implementation)
  const peer = await clientOf(stage, implementation, [service.dest])
  for (let at = 0; at < 2; at++) {
    const dead = await refusing(stage)
    peer.link.cache.lookup.set('lookup:"key"', [dead.dest, service.dest])
    const [kept] = peer.tpool.list(service.dest)
    const { dest } = Object.getPrototypeOf(peer)
    peer.dest = function (dests, ...args) {
      return dests.includes(dead.dest) ? dead.dest : dest.call(this, dests, ...args)
    }
    assert.deepStrictEqual(await ask(peer, { maxActiveDestTransports: 1 }), { err: null, res: 1 })
    assert.strictEqual(peer.tpool.list(service.dest).length, 1)
    if (at > 0) assert.strictEqual(peer.tpool.list(service.dest)[0], kept)
  }
}, BETTER)

for (const hook of ['dest', 'transport', 'getDestOpts', 'getTransportOpts']) {
  each(`C349: what ${hook} throws then is the error of the request`, async ({ implementation, stage }) => {
    const dead = await refusing(stage)
    const service = await stage.serve(implementation)
    let calls = 0
    class Client extends implementation.PeerRPCClient {
      dest (dests) {
        return dests.includes(dead.dest) ? dead.dest : dests[0]
      }
    }
    const own = Client.prototype[hook]
    Client.prototype[hook] = function (...args) {
      if (++calls > 1) throw new TypeError('of a service')
      return own.apply(this, args)
    }
    const peer = await clientOf(stage, implementation, [dead.dest, service.dest], { Client })
    assert.strictEqual((await ask(peer)).err.message, 'of a service')
  }, BETTER)
}

each('C368: one refused request makes one connection where a subclass maps its only destination', async ({ implementation, stage }) => {
  const dead = await refusing(stage)
  class Client extends implementation.PeerRPCClient {
    transport (dest, opts) {
      return super.transport(dest.replace('10.9.8.7', '127.0.0.1'), opts)
    }
  }
  const name = dead.dest.replace('127.0.0.1', '10.9.8.7')
  const peer = await clientOf(stage, implementation, [name], { Client })
  assert.strictEqual((await ask(peer)).err.code, 'ECONNRESET')
  assert.strictEqual(dead.count, 1)
  assert.ok(peer.stats().unreachable.includes(name))
}, BETTER)

each('C368: of mapped destinations those are chosen that did not fail', async ({ implementation, stage }) => {
  const dead = await refusing(stage)
  const service = await stage.serve(implementation)
  const asked = []
  class Client extends implementation.PeerRPCClient {
    transport (dest, opts) {
      asked.push(dest)
      return super.transport(dest.replace('10.9.8.7', '127.0.0.1'), opts)
    }
  }
  const names = [dead, service].map(({ dest }) => dest.replace('127.0.0.1', '10.9.8.7'))
  const peer = await clientOf(stage, implementation, names, { Client })
  peer.link.lookup = (key, opts, cb) => cb(null, names)
  for (let at = 0; at < 20; at++) assert.deepStrictEqual(await ask(peer), { err: null, res: 1 })
  assert.ok(dead.count <= 2, `${dead.count} connections`)
}, BETTER)

each('C368: one refused request makes one connection where dest() knows no other', async ({ implementation, stage }) => {
  const dead = await refusing(stage)
  const service = await stage.serve(implementation)
  class Client extends implementation.PeerRPCClient {
    dest () {
      return dead.dest
    }
  }
  const peer = await clientOf(stage, implementation, [dead.dest, service.dest], { Client })
  assert.strictEqual((await ask(peer)).err.code, 'ECONNRESET')
  assert.strictEqual(dead.count, 1)
}, BETTER)

each('C368: one refused request makes one connection for each destination that a link of somebody\'s own names', async ({ implementation, stage }) => {
  const dead = [await refusing(stage), await refusing(stage), await refusing(stage)]
  const peer = stage.client(implementation, dead.map(({ dest }) => dest))
  assert.strictEqual((await ask(peer)).err.code, 'ECONNRESET')
  assert.deepStrictEqual(dead.map(({ count }) => count), [1, 1, 1])
}, BETTER)

each('C383: a client takes a transport that has only what the original calls', async ({ implementation, stage }) => {
  class Memory {
    constructor (peer, conf) {
      Object.assign(this, { peer, conf, id: Math.random(), calls: [] })
    }

    init () {
      this.calls.push('init')
    }

    isActive () {
      return !this.calls.includes('stop')
    }

    monitor () {
      this.calls.push('monitor')
    }

    stop () {
      this.calls.push('stop')
    }

    request (key, payload, opts, cb) {
      setImmediate(cb, null, [key, payload, opts])
    }
  }
  const peer = stage.client(implementation, ['mem:1', 'mem:2'], {}, Memory)
  const opts = { timeout: 5 }
  for (let at = 0; at < 9; at++) {
    assert.deepStrictEqual(await call(peer, 'request', 'key', at, { ...opts }), { err: null, res: ['key', at, opts] })
  }
  const made = [...peer.tpool.list('mem:1'), ...peer.tpool.list('mem:2')]
  peer.tpool.monitor()
  peer.stop()
  assert.deepStrictEqual(made.map(({ calls }) => calls.join()), made.map(() => 'init,monitor,stop'))
})

each('C383: it may have transports of its own beside such as failed', async ({ implementation, stage }) => {
  const port = await freePort()
  const peer = stage.client(implementation, `127.0.0.1:${port}`)
  assert.strictEqual((await ask(peer)).err.code, 'ECONNREFUSED')
  const own = { id: 'own', isActive: () => true, monitor () {}, stop () {}, request: (key, payload, opts, cb) => setImmediate(cb, null, 'own') }
  for (const transport of peer.tpool.list(`127.0.0.1:${port}`)) peer.tpool.del(`127.0.0.1:${port}`, transport)
  peer.tpool.add(`127.0.0.1:${port}`, own)
  assert.deepStrictEqual(await ask(peer), { err: null, res: 'own' })
}, BETTER)
