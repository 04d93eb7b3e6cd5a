'use strict'

// Pools whose methods are replaced, and pools behind a proxy.

const assert = require('node:assert')
const { call, each } = require('../helpers/conformance')

/** A client with `transports` connections to a server that echoes; `used(at)` says which one takes a request. */
async function full (implementation, stage, transports = 2) {
  const service = await stage.serve(implementation)
  const peer = stage.client(implementation, service.dest, { maxActiveDestTransports: transports })
  for (let at = 0; at < transports; at++) await call(peer, 'request', 'key', at, {})
  return { peer, dest: service.dest, all: peer.tpool.list(service.dest) }
}

const REPLACED = {
  getActive: (tpool, isGood) => {
    const { getActive } = tpool
    tpool.getActive = function (dest) {
      return getActive.call(this, dest).filter(isGood)
    }
  },
  list: (tpool, isGood) => {
    const { list } = tpool
    tpool.list = function (dest) {
      return list.call(this, dest).filter(isGood)
    }
  },
  'getActive, behind a proxy,': (tpool, isGood, peer) => {
    peer.tpool = new Proxy(tpool, {
      get (target, name) {
        const value = target[name]
        return name === 'getActive' ? dest => target.getActive(dest).filter(isGood) : value
      }
    })
  }
}

for (const [what, put] of Object.entries(REPLACED)) {
  each(`C343: a replaced ${what} of tpool says for each request which transports it may go by`, async ({ implementation, stage }) => {
    const { peer, dest, all } = await full(implementation, stage)
    let bad = null
    put(peer.tpool, transport => transport !== bad, peer)
    // Each is left out in its turn, also the one that was used last. The place of that is filled.
    const counts = new Map()
    for (const transport of all) {
      const { request } = transport
      transport.request = function (...args) {
        counts.set(transport, (counts.get(transport) || 0) + 1)
        return request.apply(this, args)
      }
    }
    for (let at = 0; at < 12; at++) {
      bad = at % 3 === 0 ? null : all[at % 2]
      const before = counts.get(bad) || 0
      assert.deepStrictEqual(await call(peer, 'request', 'key', at, {}), { err: null, res: at })
      if (bad !== null) assert.strictEqual(counts.get(bad) || 0, before, `request ${at} went by the one that was left out`)
    }
    assert.ok(counts.size > 0)
    assert.strictEqual(peer.tpool.hasActive(dest), true)
  })
}

each('C343: a replaced hasActive of tpool is asked for each destination of each request', async ({ implementation, stage }) => {
  const services = [await stage.serve(implementation), await stage.serve(implementation)].map(({ dest }) => dest)
  const peer = stage.client(implementation, services)
  const asked = []
  const { hasActive } = peer.tpool
  peer.tpool.hasActive = function (dest) {
    asked.push(dest)
    return hasActive.call(this, dest)
  }
  for (let at = 0; at < 3; at++) await call(peer, 'request', 'key', at, {})
  assert.deepStrictEqual(asked, [...services, ...services, ...services])
})

each('C343: a replaced getActive of tpool is asked once for each request', async ({ implementation, stage }) => {
  const { peer } = await full(implementation, stage)
  let asked = 0
  const { getActive } = peer.tpool
  peer.tpool.getActive = function (dest) {
    asked++
    return getActive.call(this, dest)
  }
  for (let at = 0; at < 10; at++) await call(peer, 'request', 'key', at, {})
  assert.strictEqual(asked, 10)
})

each('C344: tpool may be behind a proxy', async ({ implementation, stage }) => {
  const { peer, all } = await full(implementation, stage)
  const seen = new Set()
  peer.tpool = new Proxy(peer.tpool, {
    get (target, name, receiver) {
      seen.add(name)
      return Reflect.get(target, name, receiver)
    }
  })
  assert.deepStrictEqual(await call(peer, 'request', 'key', 1, {}), { err: null, res: 1 })
  peer.tpool.monitor()
  peer.stop()
  assert.deepStrictEqual(all.map(transport => transport.isActive()), [false, false])
  assert.ok(seen.has('stop'))
  peer.init()
  assert.deepStrictEqual(await call(peer, 'request', 'key', 2, {}), { err: null, res: 2 })
})

each('C344: a peer and its transports may be behind proxies', async ({ implementation, stage }) => {
  const service = await stage.serve(implementation)
  class Client extends implementation.PeerRPCClient {
    newTransport (conf) {
      return new Proxy(super.newTransport(conf), {})
    }
  }
  const peer = new Proxy(new Client(stage.link(service.dest)), {})
  peer.init()
  stage.after(() => peer.stop())
  for (let at = 0; at < 5; at++) assert.deepStrictEqual(await call(peer, 'request', 'key', at, {}), { err: null, res: at })
  assert.strictEqual(peer.tpool.list(service.dest).length, 3)
})

each('C344: _reqs of a transport may be behind a proxy that calls the map', async ({ implementation, stage }) => {
  const { peer, all: [transport] } = await full(implementation, stage, 1)
  const seen = []
  transport._reqs = new Proxy(transport._reqs, {
    get (target, name) {
      seen.push(name)
      const value = target[name]
      return typeof value === 'function' ? value.bind(target) : value
    }
  })
  transport.sendRequest = function (req) {
    Object.getPrototypeOf(this).sendRequest.call(this, req)
  }
  assert.deepStrictEqual(await call(peer, 'request', 'key', 1, {}), { err: null, res: 1 })
  assert.ok(seen.includes('set') && seen.includes('get') && seen.includes('delete'), seen.map(String).join())
  transport.monitor()
  transport.stop()
})

each('C344: tpool.stop() calls its _stop(), which stops its transports, and empties its _pool', async ({ implementation, stage }) => {
  const { peer, dest, all } = await full(implementation, stage)
  const { tpool } = peer
  const pool = tpool._pool
  const { _stop } = tpool
  let calls = 0
  tpool._stop = function () {
    calls++
    _stop.call(this)
    assert.deepStrictEqual(all.map(transport => transport.isActive()), [false, false])
  }
  tpool.stop()
  assert.deepStrictEqual([calls, pool.size, tpool.list(dest)], [1, 0, []])
})

each('C344: of two transports with one id the later takes the place of the former', ({ implementation, stage }) => {
  const peer = stage.client(implementation, 'a:1')
  const one = { id: undefined, isActive: () => true, monitor () {}, stop () {} }
  const other = { ...one }
  peer.tpool.add('a:1', one)
  peer.tpool.add('a:1', other)
  assert.deepStrictEqual(peer.tpool.list('a:1').map(transport => transport === other), [true])
})
