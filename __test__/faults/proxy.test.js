'use strict'

// What networks do to bytes.

const assert = require('node:assert')
const { once } = require('node:events')
const { certificates } = require('../../scripts/lib/certificates')
const { call } = require('../helpers/conformance')
const { Calls, closing, fault, until, wait } = require('../helpers/peers/faulty')
const { Proxy } = require('../../scripts/lib/faulty-proxy')
const { told } = require('../helpers/peers/subscribers')

/** Characters of what is large. */
const MUCH = 8 * 1024 * 1024

const PAYLOADS = [1, 'äöü 你好 🦀 \u2028', { list: [1, 'x', null], text: 'y'.repeat(300) }, null, '']

/** A server that notes what it is asked, a proxy before it, and a client of that. */
async function scene (stage, implementation, conf) {
  const asked = []
  const service = await stage.serve(implementation, (rid, key, payload, handler) => {
    asked.push(payload)
    handler.reply(null, payload)
  })
  const proxy = await Proxy.start(stage, service.port)
  const peer = stage.client(implementation, proxy.dest, conf)
  return { asked, peer, proxy, service }
}

for (const [name, treat, count] of [['delays', Proxy.delay(20), 300], ['splits every byte', Proxy.split, 30]]) {
  fault(`a network that ${name} loses and doubles nothing`, async (stage, implementation) => {
    const { asked, peer, proxy } = await scene(stage, implementation)
    proxy.treat = treat
    const calls = new Calls()
    const payloads = Array.from({ length: count }, (_, at) => [at, PAYLOADS[at % PAYLOADS.length]])
    for (const payload of payloads) peer.request('key', payload, {}, calls.next())
    await calls.done()
    assert.deepStrictEqual(calls.results, payloads.map(res => ({ err: null, res })))
    assert.strictEqual(calls.twice, 0)
    assert.deepStrictEqual(asked.sort(([a], [b]) => a - b), payloads)
    assert.strictEqual(proxy.count, 3)
  })

  fault(`a network that ${name} keeps what is published in order`, async (stage, implementation) => {
    const service = await stage.publisher(implementation)
    const proxy = await Proxy.start(stage, service.port)
    proxy.treat = treat
    const peer = stage.subscriber(implementation, proxy.dest)
    const heard = []
    peer.on('message', text => heard.push(text))
    const accepted = once(service.socket, 'connection')
    const connected = told(peer, 'connected')
    peer.sub('key')
    await Promise.all([accepted, connected])
    const sent = Array.from({ length: count }, (_, at) => `${at} ${PAYLOADS[1]}`)
    for (const text of sent) service.pub(text)
    await until(() => heard.length >= sent.length)
    assert.deepStrictEqual(heard, sent)
  })
}

fault('a network that resets connections fails what was under way, once, and doubles nothing', async (stage, implementation) => {
  const { asked, peer, proxy } = await scene(stage, implementation)
  proxy.treat = Proxy.resets(7)
  const calls = new Calls()
  for (let round = 0; round < 100; round++) {
    for (let at = 0; at < 5; at++) peer.request('key', calls.made, {}, calls.next())
    await wait(2)
  }
  await calls.done()
  assert.strictEqual(calls.twice, 0)
  const { answer, ...failed } = calls.outcomes
  for (const text of Object.keys(failed)) assert.match(text, /^ERR_TRANSPORT_CLOSE$|ECONNRESET|socket hang up|handshake/i)
  assert.ok(answer > 0 && answer < calls.made)
  // Each answer is the right one, and nothing was asked twice.
  calls.results.forEach(({ err, res }, at) => assert.ok(err !== null || res === at))
  assert.strictEqual(new Set(asked).size, asked.length)
  proxy.treat = Proxy.pass
  assert.deepStrictEqual(await call(peer, 'request', 'key', 'after', { retry: 3 }), { err: null, res: 'after' })
})

fault('a network that swallows everything: requests time out, and work once it is back', async (stage, implementation) => {
  const { asked, peer, proxy } = await scene(stage, implementation, { maxActiveDestTransports: 1, heartbeatInterval: 100 })
  assert.strictEqual((await call(peer, 'request', 'key', 'before', {})).res, 'before')
  const [{ socket }] = peer.tpool.list(proxy.dest)
  const closed = closing(socket)
  proxy.treat = Proxy.blackhole
  const calls = new Calls()
  for (let at = 0; at < 50; at++) peer.request('key', at, { timeout: 100 + at }, calls.next())
  await calls.done()
  assert.deepStrictEqual(calls.outcomes, { ERR_TIMEOUT: 50 })
  assert.strictEqual(calls.twice, 0)
  // Then it waits for nothing any more, and is found to be dead.
  assert.strictEqual((await closed).error, 'ERR_HEARTBEAT')
  proxy.treat = Proxy.pass
  assert.deepStrictEqual(await call(peer, 'request', 'key', 'after', {}), { err: null, res: 'after' })
  assert.deepStrictEqual(asked, ['before', 'after'])
})

fault('a network that swallows the handshake: requests time out, and work once it is back', async (stage, implementation) => {
  const { asked, peer, proxy } = await scene(stage, implementation, { maxActiveDestTransports: 1, handshakeTimeout: 300 })
  proxy.treat = Proxy.blackhole
  const calls = new Calls()
  for (let at = 0; at < 50; at++) peer.request('key', at, { timeout: 100 }, calls.next())
  await calls.done()
  assert.deepStrictEqual(calls.outcomes, { ERR_TIMEOUT: 50 })
  const patient = await call(peer, 'request', 'key', 'patient', {})
  assert.strictEqual(patient.err.message, 'Opening handshake has timed out')
  proxy.treat = Proxy.pass
  assert.deepStrictEqual(await call(peer, 'request', 'key', 'after', {}), { err: null, res: 'after' })
  assert.deepStrictEqual(asked, ['after'])
})

for (const isSecure of [false, true]) {
  for (const way of ['an answer', 'a request']) {
    fault(`C322: while ${way} of 8 MB stands still on its way, what else is asked passes by the other connections of the pool${isSecure ? ', TLS' : ''}`, async (stage, implementation) => {
      const own = isSecure ? { secure: { ...certificates().server, verifyClient: () => true } } : {}
      const service = await stage.serve(implementation, (rid, key, payload, handler) => {
        handler.reply(null, typeof payload === 'number' ? 'x'.repeat(payload) : payload.length)
      }, own)
      const proxy = await Proxy.start(stage, service.port)
      const peer = stage.client(implementation, proxy.dest, isSecure ? { secure: certificates().client } : {})
      const askAll = async timeout => {
        const results = await Promise.all(Array.from({ length: 24 }, () => call(peer, 'request', 'key', 'small', { timeout })))
        assert.deepStrictEqual(results, Array(24).fill({ err: null, res: 5 }))
      }
      await askAll(15000)
      const hold = Proxy.holds(64 * 1024)
      proxy.treat = hold.treat
      const large = call(peer, 'request', 'key', way === 'an answer' ? MUCH : 'x'.repeat(MUCH), { timeout: 30000 })
      await hold.begun
      // Until its beginning is read.
      await wait(100)
      for (let round = 0; round < 10; round++) await askAll(2000)
      for (let round = 0; round < 24; round++) assert.strictEqual((await call(peer, 'request', 'key', 'small', { timeout: 2000 })).res, 5)
      hold.end()
      const { err, res } = await large
      assert.deepStrictEqual([err, way === 'an answer' ? res.length : res], [null, MUCH])
      // It is as good as the others again.
      await askAll(2000)
      assert.strictEqual(proxy.count, 3)
    })
  }
}
