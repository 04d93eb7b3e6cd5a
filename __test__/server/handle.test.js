'use strict'

// `service.handle(key, handler)` and `service.handle(handlers)`: answers by return value, beside the event `request`.

const assert = require('node:assert')
const { once } = require('node:events')
const v8 = require('node:v8')
const { certificates } = require('../../scripts/lib/certificates')
const { call, each } = require('../helpers/conformance')
const { until } = require('../helpers/until')

const better = { better: true }

const secureServer = () => ({ secure: { ...certificates().server, verifyClient: () => true } })

/** The ways to a handler: `[name, conf of the server, conf of the client, what is done to the service]`. */
const WAYS = [
  ['native', () => ({}), () => ({}), () => {}],
  ['TLS', secureServer, () => ({ secure: certificates().client }), () => {}],
  ['replaced hook', () => ({}), () => ({}), service => { service.parse = data => JSON.parse(data) }]
]

/** A service without listeners for `request`, and a client of it. */
async function pairOf (stage, implementation, [, ofServer, ofClient, alter] = WAYS[0], conf) {
  const service = await stage.serve(implementation, undefined, ofServer())
  service.removeAllListeners('request')
  alter(service)
  return { service, peer: stage.client(implementation, service.dest, { ...ofClient(), ...conf }) }
}

for (const way of WAYS) {
  each(`a handler's return value is the answer, ${way[0]}`, async ({ implementation, stage }) => {
    const { service, peer } = await pairOf(stage, implementation, way)
    const returned = service
      .handle('sum', ({ a, b }) => a + b)
      .handle('later', async payload => [await payload])
      .handle('nothing', () => {})
      .handle('thenable', () => ({ then: resolve => resolve('then') }))
    assert.strictEqual(returned, service)
    assert.strictEqual(await peer.request('sum', { a: 1, b: 2 }), 3)
    const long = 'long'.repeat(30000)
    assert.deepStrictEqual(await peer.request('later', long), [long])
    assert.strictEqual(await peer.request('nothing', 1), null)
    assert.strictEqual(await peer.request('thenable', 1), 'then')
  }, better)

  each(`what a handler throws is the error of the caller, ${way[0]}`, async ({ implementation, stage }) => {
    const { service, peer } = await pairOf(stage, implementation, way)
    const thrown = [
      [new Error('mine'), 'mine'], [new TypeError(''), 'TypeError'], ['text', 'text'], ['', 'Error'],
      [undefined, 'Error'], [null, 'null'], [{ message: 'like one' }, 'like one'], [{ message: 7 }, '[object Object]'],
      [Object.create(null), '{}']
    ]
    service.handle('sync', at => { throw thrown[at][0] })
    service.handle('async', async at => { throw thrown[at][0] })
    for (const at of thrown.keys()) {
      for (const key of ['sync', 'async']) {
        assert.deepStrictEqual(await call(peer, 'request', key, at, {}), { err: new Error(thrown[at][1]), res: null })
      }
    }
  }, better)

  each(`what JSON cannot say is an error of the caller, ${way[0]}`, async ({ implementation, stage }) => {
    const { service, peer } = await pairOf(stage, implementation, way)
    const circle = {}
    circle.circle = circle
    service.handle('big', () => 1n).handle('circle', async () => circle)
    await assert.rejects(peer.request('big', 1), /BigInt/)
    await assert.rejects(peer.request('circle', 1), /circular/)
  }, better)

  each(`a key without a handler is an error, or the event's where somebody listens, ${way[0]}`, async ({ implementation, stage }) => {
    const { service, peer } = await pairOf(stage, implementation, way)
    service.handle('mine', () => 'handled')
    assert.strictEqual(await peer.request('mine', 1), 'handled')
    await assert.rejects(peer.request('other', 1), { message: 'ERR_KEY_UNKNOWN' })
    const heard = []
    service.on('request', (rid, key, payload, handler) => {
      heard.push(key)
      handler.reply(null, 'heard')
    })
    assert.strictEqual(await peer.request('other', 1), 'heard')
    assert.strictEqual(await peer.request('mine', 1), 'handled')
    service.handle('mine', () => 'handled anew')
    assert.strictEqual(await peer.request('mine', 1), 'handled anew')
    assert.strictEqual(service.handle('mine', null), service)
    assert.strictEqual(await peer.request('mine', 1), 'heard')
    assert.deepStrictEqual(heard, ['other', 'mine'])
  }, better)

  each(`a handler knows id, key and certificate of its request, ${way[0]}`, async ({ implementation, stage }) => {
    const { service, peer } = await pairOf(stage, implementation, way)
    const contexts = []
    service.handle('k', (payload, context) => contexts.push(context))
    await peer.request('k', 1)
    await peer.request('k', 'long'.repeat(30000))
    const ids = contexts.map(({ rid }) => rid)
    assert.match(ids.join(), /^[0-9a-f-]{36},[0-9a-f-]{36}$/)
    assert.notStrictEqual(ids[0], ids[1])
    for (const { key, cert } of contexts) {
      assert.strictEqual(key, 'k')
      assert.strictEqual(cert && cert.subject.CN, way[0] === 'TLS' ? 'client' : null)
    }
  }, better)

  each(`a handler's signal is aborted when its caller is gone, ${way[0]}`, async ({ implementation, stage }) => {
    const { service, peer } = await pairOf(stage, implementation, way, { maxActiveDestTransports: 1 })
    const signals = []
    const waits = []
    service.handle('wait', (payload, { signal }) => {
      signals.push(signal)
      return new Promise(resolve => waits.push(resolve))
    })
    service.handle('lazy', (payload, context) => new Promise(resolve => waits.push(() => resolve(signals.push(context.signal)))))
    const requests = [peer.request('wait', 1), peer.request('wait', 'long'.repeat(30000)), peer.request('wait', 3), peer.request('lazy', 4)]
    await until(() => waits.length >= 4)
    const [{ socket }] = peer.tpool.list(service.dest)
    waits[0]('answered')
    assert.strictEqual(await requests[0], 'answered')
    const ends = signals.slice(1).map(signal => once(signal, 'abort'))
    const closed = once([...service.socket.clients][0], 'close')
    socket.terminate()
    await Promise.all(ends)
    await closed
    waits[3]()
    await until(() => signals.length >= 4)
    // Who had its answer needs no abort; who asks when the caller is gone gets one at once.
    assert.deepStrictEqual(signals.map(({ aborted }) => aborted), [false, true, true, true])
    for (const request of requests.slice(1)) await assert.rejects(request, { message: 'ERR_TRANSPORT_CLOSE' })
    // Nobody is there for these.
    waits[1]('late')
    waits[2]('late')
  }, better)

  each(`a handler's signal is aborted when the server stops, ${way[0]}`, async ({ implementation, stage }) => {
    const { service, peer } = await pairOf(stage, implementation, way)
    const asked = new Promise(resolve => service.handle('wait', (payload, { signal }) => {
      resolve(signal)
      return new Promise(() => {})
    }))
    const request = peer.request('wait', 1)
    const signal = await asked
    assert.strictEqual(signal.aborted, false)
    service.stop()
    assert.strictEqual(signal.aborted, true)
    await assert.rejects(request)
  }, better)
}

each('many signals on one connection are one listener of its socket', async ({ implementation, stage }) => {
  const { service, peer } = await pairOf(stage, implementation, WAYS[0], { maxActiveDestTransports: 1 })
  const waits = []
  service.handle('wait', (payload, { signal }) => new Promise(resolve => waits.push(() => resolve(signal.aborted))))
  const requests = Array.from({ length: 100 }, () => peer.request('wait', 1))
  await until(() => waits.length >= 100)
  const [socket] = service.socket.clients
  const listeners = socket.listenerCount('close')
  assert.ok(listeners <= 3, listeners)
  for (const answer of waits) answer()
  assert.deepStrictEqual(new Set(await Promise.all(requests)), new Set([false]))
}, better)

each('a drained server finishes what its handlers have begun', async ({ implementation, stage }) => {
  const { service, peer } = await pairOf(stage, implementation)
  const signals = []
  const waits = []
  service.handle('wait', (payload, { signal }) => {
    signals.push(signal)
    return new Promise(resolve => waits.push(resolve))
  })
  const request = peer.request('wait', 1)
  await until(() => waits.length >= 1)
  const drained = service.stop({ drain: 20000 })
  assert.strictEqual(signals[0].aborted, false)
  waits[0]('done')
  assert.strictEqual(await request, 'done')
  await drained
}, better)

each('handlers work with another codec, and with a handleRequest that calls super', async ({ implementation, stage }) => {
  const codec = Base => class extends Base {
    parse (data) {
      return v8.deserialize(data)
    }

    format (value) {
      return v8.serialize(value)
    }
  }
  const seen = []
  class Server extends codec(implementation.TransportRPCServer) {
    handleRequest (handler, data, meta) {
      seen.push(data[1])
      super.handleRequest(handler, data, meta)
    }
  }
  const service = await stage.serve(implementation, undefined, {}, Server)
  service.removeAllListeners('request')
  service.handle('k', async payload => new Map([[payload, 1n]]))
  const peer = stage.client(implementation, service.dest, {}, codec(implementation.TransportRPCClient))
  assert.deepStrictEqual(await peer.request('k', 'a'), new Map([['a', 1n]]))
  await assert.rejects(peer.request('none', 1), { message: 'ERR_KEY_UNKNOWN' })
  assert.deepStrictEqual(seen, ['k', 'none'])
}, better)

each('a request without a payload has null', async ({ implementation, stage }) => {
  const { service, peer } = await pairOf(stage, implementation)
  service.handle('count', payload => [payload])
  assert.deepStrictEqual(await peer.request('count'), [null])
}, better)

each('an object has the handlers of many keys, all or none of them', async ({ implementation, stage }) => {
  const { service, peer } = await pairOf(stage, implementation)
  assert.strictEqual(service.handle({ sum: ({ a, b }) => a + b, 'the key': async (payload, { key }) => [key, payload] }), service)
  assert.strictEqual(await peer.request('sum', { a: 1, b: 2 }), 3)
  assert.deepStrictEqual(await peer.request('the key', 1), ['the key', 1])
  for (const odd of [{ more: () => 1, none: 1 }, { more: () => 1, none: null }, {}]) {
    assert.throws(() => service.handle(odd), { name: 'AssertionError', message: 'the handlers must be functions, by key' })
  }
  await assert.rejects(peer.request('more', 1), { message: 'ERR_KEY_UNKNOWN' })
  service.unhandle('sum')
  await assert.rejects(peer.request('sum', 1), { message: 'ERR_KEY_UNKNOWN' })
}, better)

each('without a handler all is as it was', async ({ implementation, stage }) => {
  const { service, peer } = await pairOf(stage, implementation)
  assert.throws(() => service.handle('k'), { name: 'AssertionError', message: 'the handler must be a function, or null' })
  assert.throws(() => service.handle('k', 'text'), { name: 'AssertionError' })
  service.handle('k', () => 1)
  assert.strictEqual(await peer.request('k', 1), 1)
  assert.strictEqual(service.unhandle('none').unhandle('k'), service)
  // Nobody answers, as in a service that has no listener.
  await assert.rejects(peer.request('k', 1, { timeout: 50 }), { message: 'ERR_TIMEOUT' })
}, better)
