'use strict'

// Where a call goes: `dest`, `exclude` and `self`.

const assert = require('node:assert')
const os = require('os')
const { call, each } = require('../helpers/conformance')
const { freePort } = require('../../scripts/lib/ports')
const { standIn, startLink } = require('../helpers/grapes/stand-in')

const better = { better: true }

/** Servers that answer with their own address. */
async function named (stage, implementation, count) {
  const services = await Promise.all(Array.from({ length: count }, async () => {
    const service = await stage.serve(implementation, (rid, key, payload, { reply }) => reply(null, service.dest))
    return service
  }))
  return services.map(({ dest }) => dest)
}

/** A client whose link finds these, and announces what it is told to. */
async function member (stage, implementation, dests, conf) {
  const grape = await standIn(stage, ({ type }) => type === 'lookup' ? dests : 1)
  const peer = stage.client(implementation, [], conf)
  peer.link = startLink(stage, implementation, grape.url)
  return peer
}

each('C411: map leaves out what exclude names, before it limits', async ({ implementation, stage }) => {
  const dests = await named(stage, implementation, 4)
  const peer = stage.client(implementation, dests)
  assert.deepStrictEqual(await peer.map('k', 1, { exclude: dests[1] }), [dests[0], dests[2], dests[3]])
  assert.deepStrictEqual((await call(peer, 'map', 'k', 1, { exclude: [dests[0], dests[3], 'other:1'] })).res, [dests[1], dests[2]])
  for (let times = 0; times < 20; times++) {
    assert.deepStrictEqual(await peer.map('k', 1, { exclude: dests.slice(1), limit: 1 }), [dests[0]])
  }
  assert.deepStrictEqual(await peer.map('k', 1, { exclude: dests }), [])
  assert.deepStrictEqual(await peer.map('k', 1, { exclude: null }), dests)
}, better)

each('C411: map with self false asks everybody but what its link announces, by whichever call', async ({ implementation, stage }) => {
  const dests = await named(stage, implementation, 4)
  const port = at => Number(dests[at].split(':')[1])
  const peer = await member(stage, implementation, dests)
  assert.deepStrictEqual(await peer.map('k', 1, { self: false }), dests)
  await peer.link.promises.startAnnouncing('k', port(0))
  assert.deepStrictEqual(await peer.map('k', 1, { self: false }), dests.slice(1))
  await peer.link.promises.announce('k', port(1))
  assert.deepStrictEqual(await peer.map('k', 1, { self: false, exclude: dests[3] }), [dests[2]])
  // A grape, or the cache, may still know it.
  peer.link.stopAnnouncing('k', port(0))
  assert.deepStrictEqual(await peer.map('k', 1, { self: false }), dests.slice(2))
  for (const self of [true, undefined, null, '']) assert.deepStrictEqual(await peer.map('k', 1, { self }), dests)
  peer.link.stop()
  peer.link.start()
  assert.deepStrictEqual(await peer.map('k', 1, { self: false }), dests)
}, better)

each('C411: the same port of another machine is somebody else', async ({ implementation, stage }) => {
  const own = Object.values(os.networkInterfaces()).flat().filter(({ family }) => family === 'IPv4').map(({ address }) => `${address}:1`)
  const asked = []
  class Recording extends implementation.TransportRPCClient {
    request (key, payload, opts, cb) {
      asked.push(this.conf.dest)
      cb(null)
    }
  }
  const others = ['192.0.2.1:1', '127.0.0.1:2', '[2001:db8::1]:1', 'example.test:1']
  const peer = stage.client(implementation, [])
  peer.getTransportClass = () => Recording
  const grape = await standIn(stage, ({ type }) => type === 'lookup' ? [...own, '127.0.0.1:1', '127.9.9.9:1', '[::1]:1', 'localhost:1', ...others] : 1)
  peer.link = startLink(stage, implementation, grape.url)
  await peer.link.promises.announce('k', 1)
  await peer.map('k', 1, { self: false })
  assert.deepStrictEqual(asked, others)
}, better)

each('C411: so does request, and with nobody left it is ERR_GRAPE_LOOKUP_EMPTY', async ({ implementation, stage }) => {
  const dests = await named(stage, implementation, 3)
  for (const balance of ['random', 'least-pending', 'round-robin']) {
    const peer = await member(stage, implementation, dests, { balance })
    await peer.link.promises.announce('k', Number(dests[0].split(':')[1]))
    for (let times = 0; times < 20; times++) {
      assert.strictEqual(await peer.request('k', 1, { self: false, exclude: dests[1] }), dests[2])
      assert.strictEqual(await peer.request('k', 1, { exclude: [dests[1], dests[2]], retry: 2 }), dests[0])
    }
    await assert.rejects(peer.request('k', 1, { exclude: dests }), { message: 'ERR_GRAPE_LOOKUP_EMPTY' })
  }
}, better)

each('C411: with a link that announces nothing nobody is oneself', async ({ implementation, stage }) => {
  const dests = await named(stage, implementation, 2)
  const peer = stage.client(implementation, dests)
  assert.deepStrictEqual(await peer.map('k', 1, { self: false }), dests)
}, better)

each('C411: map without one of these hands on what the lookup said', async ({ implementation, stage }) => {
  const dests = await named(stage, implementation, 2)
  const peer = stage.client(implementation, dests)
  for (const opts of [undefined, {}, { exclude: undefined, self: undefined, dest: undefined }]) {
    assert.deepStrictEqual(await peer.map('k', 1, opts), dests)
  }
}, better)

each('C412: a request with dest goes there, without a lookup', async ({ implementation, stage }) => {
  const [there, elsewhere] = await named(stage, implementation, 2)
  const peer = stage.client(implementation, elsewhere)
  peer.link = { lookup: () => assert.fail('it looked up') }
  peer.dest = () => assert.fail('it chose')
  for (let times = 0; times < 5; times++) {
    assert.strictEqual(await peer.request('k', 1, { dest: there }), there)
    assert.deepStrictEqual(await call(peer, 'request', 'k', 1, { dest: there, timeout: 9000 }), { err: null, res: there })
  }
  // By the pool, as any other.
  assert.strictEqual(peer.tpool.list(there).length, peer.conf.maxActiveDestTransports)
  assert.deepStrictEqual(peer.tpool.list(elsewhere), [])
}, better)

each('C412: it is tried again there alone', async ({ implementation, stage }) => {
  let asked = 0
  const flaky = await stage.serve(implementation, (rid, key, payload, { reply }) => {
    if (++asked < 3) reply(new Error('not yet'))
    else reply(null, asked)
  })
  const peer = stage.client(implementation, 'nowhere:1')
  assert.strictEqual(await peer.request('k', 1, { dest: flaky.dest, retry: 3 }), 3)
  const gone = `127.0.0.1:${await freePort()}`
  await assert.rejects(peer.request('k', 1, { dest: gone, retry: 2 }), { code: 'ECONNREFUSED' })
  // Also while it is avoided.
  await assert.rejects(peer.request('k', 1, { dest: gone }), { code: 'ECONNREFUSED' })
  assert.strictEqual(peer.stats().requests.retried, 3)
}, better)

each('C412: a signal ends it, and so do a limit and the peer\'s stop', async ({ implementation, stage }) => {
  const silent = await stage.serve(implementation, () => {})
  const peer = stage.client(implementation, [], { maxRequests: 1 })
  const controller = new AbortController()
  const request = peer.request('k', 1, { dest: silent.dest, signal: controller.signal })
  await assert.rejects(peer.request('k', 1, { dest: silent.dest }), { message: 'ERR_REQUESTS_LIMIT' })
  controller.abort()
  await assert.rejects(request, { code: 'ABORT_ERR' })
  peer.stop()
  await assert.rejects(peer.request('k', 1, { dest: silent.dest }), { message: 'ERR_TRANSPORT_CLOSE' })
}, better)

each('C411 C412: what is no address is an error', async ({ implementation, stage }) => {
  const peer = stage.client(implementation, 'a:1')
  for (const dest of [5, {}, [], true, '']) {
    await assert.rejects(peer.request('k', 1, { dest }), { code: 'ERR_OPTION' })
    assert.throws(() => peer.request('k', 1, { dest }, () => {}), { code: 'ERR_OPTION' })
  }
  for (const exclude of [5, {}, [5], true, () => true]) {
    await assert.rejects(peer.map('k', 1, { exclude }), { code: 'ERR_OPTION' })
    await assert.rejects(peer.request('k', 1, { exclude }), { code: 'ERR_OPTION' })
  }
  await assert.rejects(peer.request('k', 1, { dest: 'nonsense' }), { message: 'ERR_DEST_INVALID: nonsense' })
}, better)
