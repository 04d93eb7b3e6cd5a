'use strict'

// `stats()` of peers and transports: what was counted, in scenes whose numbers are known.

const assert = require('node:assert')
const { test } = require('node:test')
const { once } = require('node:events')
const Ws = require('ws')
const { call, each } = require('../helpers/conformance')
const { freePort } = require('../../scripts/lib/ports')
const { WAYS, until } = require('../helpers/peers/observed')
const { PeerPub, PeerRPCClient, PeerSub, TransportRPCClient } = require('../..')

const better = { better: true }
const NONE = { opened: 0, closed: 0, open: 0, failed: 0 }

/** Does what its payload says. */
function serve (rid, key, payload, handler) {
  if (payload.fail) handler.reply(new Error(payload.fail))
  else if (!payload.silent) handler.reply(null, payload)
}

const opened = count => ({ opened: count, closed: 0, open: count, failed: 0 })

for (const [way, conf, Transports] of WAYS) {
  each(`every end of a request is counted, ${way}`, async ({ implementation, stage }) => {
    const service = await stage.serve(implementation, serve, conf.server, Transports.server)
    const peer = stage.client(implementation, service.dest, { ...conf.client, maxActiveDestTransports: 1 }, Transports.client)
    assert.deepStrictEqual(peer.stats().requests, {
      started: 0, succeeded: 0, failed: 0, timedOut: 0, aborted: 0, pending: 0, rejected: 0, retried: 0
    })
    assert.deepStrictEqual(peer.stats().connections, NONE)

    const ask = (payload, opts = {}) => call(peer, 'request', 'key', payload, opts)
    const big = 'x'.repeat(20000)
    // Connected, so that the one that times out is sent before.
    await ask({ payload: 1 })
    await Promise.all([
      ...['two', { big }].map(payload => ask({ payload })),
      ask({ fail: 'no' }),
      ask({ fail: big }),
      ask({ silent: true }, { timeout: 50 })
    ])
    const circular = {}
    circular.self = circular
    if (way !== 'replaced hooks') await ask(circular)
    const pending = [ask({ silent: true }), ask({ silent: true })]
    await until(() => service.stats().requests.received === 8)

    const [transport] = peer.tpool.list(service.dest)
    const requests = {
      started: 8, succeeded: 3, failed: 2, timedOut: 1, aborted: 0, pending: 2, rejected: way === 'replaced hooks' ? 0 : 1
    }
    assert.deepStrictEqual(transport.stats().requests, requests)
    assert.deepStrictEqual(peer.stats().requests, { ...requests, retried: 0 })
    assert.deepStrictEqual(peer.stats().connections, opened(1))
    const served = { received: 8, replied: 5, failed: 2, pending: 3, abandoned: 0, invalid: 0 }
    assert.deepStrictEqual(service.stats().requests, served)
    assert.deepStrictEqual(service.client.stats(), service.stats())
    assert.deepStrictEqual(service.stats().connections, opened(1))

    transport.stop()
    assert.deepStrictEqual((await Promise.all(pending)).map(({ err }) => !!err), [true, true])
    await until(() => service.stats().connections.open === 0 && peer.stats().connections.open === 0)
    const ended = { ...requests, failed: 4, pending: 0 }
    // A stopped transport of the socket lane tells as ERR_TIMEOUT what it had sent.
    if (way === 'replaced hooks') Object.assign(ended, { failed: 2, timedOut: 3 })
    assert.deepStrictEqual(peer.stats().requests, { ...ended, retried: 0 })
    assert.deepStrictEqual(peer.stats().connections, { opened: 1, closed: 1, open: 0, failed: 0 })
    assert.deepStrictEqual(service.stats().requests, { ...served, pending: 0, abandoned: 3 })
    assert.deepStrictEqual(service.stats().connections, { opened: 1, closed: 1, open: 0, failed: 0 })
  }, better)

  each(`what its signal ends is aborted, and nothing else, ${way}`, async ({ implementation, stage }) => {
    const service = await stage.serve(implementation, serve, conf.server, Transports.server)
    const peer = stage.client(implementation, service.dest, { ...conf.client, maxActiveDestTransports: 1 }, Transports.client)
    const expect = expected => {
      const { started, succeeded, failed, aborted, pending, rejected } = peer.stats().requests
      assert.deepStrictEqual({ started, succeeded, failed, aborted, pending, rejected }, expected)
    }
    const abort = async (signal, whenAsked) => {
      const asked = call(peer, 'request', 'key', { silent: true }, { signal })
      await whenAsked()
      return asked
    }
    // Before it is connected, while the service works on it, and before it is asked.
    const early = new AbortController()
    const late = new AbortController()
    assert.strictEqual((await abort(early.signal, () => early.abort())).err.name, 'AbortError')
    expect({ started: 1, succeeded: 0, failed: 0, aborted: 1, pending: 0, rejected: 0 })
    await call(peer, 'request', 'key', 1, {})
    assert.strictEqual((await abort(late.signal, async () => {
      await until(() => service.stats().requests.received === 2)
      late.abort()
    })).err.name, 'AbortError')
    const [transport] = peer.tpool.list(service.dest)
    assert.strictEqual((await call(transport, 'request', 'key', 1, { signal: late.signal })).err.name, 'AbortError')
    expect({ started: 3, succeeded: 1, failed: 0, aborted: 2, pending: 0, rejected: 1 })
  }, better)

  each(`the same bytes go in as come out, ${way}`, async ({ implementation, stage }) => {
    const service = await stage.serve(implementation, serve, conf.server, Transports.server)
    const peer = stage.client(implementation, service.dest, { ...conf.client, maxActiveDestTransports: 1 }, Transports.client)
    const size = 300000
    const { res } = await call(peer, 'request', 'key', { text: 'x'.repeat(size) }, {})
    assert.strictEqual(res.text.length, size)
    const { sent, received, waiting } = peer.stats().bytes
    const other = service.stats().bytes
    assert.strictEqual(other.received, sent)
    assert.ok(sent > size && received > size, `${sent} ${received}`)
    // A server's answer to the handshake counts as sent only.
    assert.ok(other.sent >= received && other.sent < received + 500, `${other.sent} ${received}`)
    assert.deepStrictEqual([waiting, other.waiting], [0, 0])
  }, better)

  each(`latencies are what was waited, on both sides, ${way}`, async ({ implementation, stage }) => {
    const least = { service: Infinity, client: Infinity }
    const service = await stage.serve(implementation, (rid, key, payload, handler) => {
      const since = performance.now()
      setTimeout(() => {
        // As it was here; timers are no exact clocks.
        least.service = Math.min(least.service, performance.now() - since)
        handler.reply(null, payload)
      }, 50)
    }, conf.server, Transports.server)
    const peer = stage.client(implementation, service.dest, conf.client, Transports.client)
    await Promise.all(Array.from({ length: 20 }, () => call(peer, 'request', 'key', {}, {})))
    for (const { latency } of [peer.stats(), service.stats(), service.client.stats()]) {
      assert.strictEqual(latency.count, 20)
      // Clocks of two languages, and buckets that round up.
      assert.ok(latency.p50 > least.service - 1, `${latency.p50} ${least.service}`)
      assert.ok(latency.p50 <= latency.p90 && latency.p90 <= latency.p99, JSON.stringify(latency))
      assert.ok(latency.p99 <= latency.p999 && latency.p999 <= latency.max, JSON.stringify(latency))
      assert.ok(latency.mean > least.service - 1 && latency.mean <= latency.max, JSON.stringify(latency))
    }
  }, better)
}

each('what reaches no transport is rejected, and attempts are counted', async ({ implementation, stage }) => {
  const dead = `127.0.0.1:${await freePort()}`
  const peer = stage.client(implementation, dead)
  const { err } = await call(peer, 'request', 'key', 1, { retry: 3 })
  assert.strictEqual(err.code, 'ECONNREFUSED')
  const { requests, connections, unreachable, latency } = peer.stats()
  assert.deepStrictEqual(requests, {
    started: 3, succeeded: 0, failed: 3, timedOut: 0, aborted: 0, pending: 0, rejected: 0, retried: 2
  })
  assert.deepStrictEqual(connections, { opened: 0, closed: 0, open: 0, failed: 3 })
  assert.deepStrictEqual(unreachable, [dead])
  assert.strictEqual(latency.count, 0)

  peer.link.lookup = (key, opts, cb) => cb(new Error('lookup'))
  await call(peer, 'request', 'key', 1, {})
  await call(peer, 'map', 'key', 1, {})
  peer.link.lookup = (key, opts, cb) => cb(null, [])
  await call(peer, 'request', 'key', 1, {})
  assert.strictEqual(peer.stats().requests.rejected, 3)
  assert.strictEqual(peer.stats().requests.started, 3)
}, better)

each('a request over the limit is rejected', async ({ implementation, stage }) => {
  const service = await stage.serve(implementation, serve)
  const conf = { maxActiveDestTransports: 1, maxConnectionRequests: 1 }
  const peer = stage.client(implementation, service.dest, conf)
  const first = call(peer, 'request', 'key', 1, {})
  assert.strictEqual((await call(peer, 'request', 'key', 2, {})).err.message, 'ERR_REQUESTS_LIMIT')
  await first
  const { started, succeeded, rejected } = peer.stats().requests
  assert.deepStrictEqual({ started, succeeded, rejected }, { started: 1, succeeded: 1, rejected: 1 })
}, better)

each('a peer counts what its stopped transports did', async ({ implementation, stage }) => {
  const service = await stage.serve(implementation, serve)
  const peer = stage.client(implementation, service.dest, { maxActiveDestTransports: 1 })
  let sent = 0
  for (let round = 1; round <= 3; round++) {
    await call(peer, 'request', 'key', { round }, {})
    for (const transport of peer.tpool.list(service.dest)) transport.stop()
    await until(() => peer.stats().connections.closed === round)
    const stats = peer.stats()
    assert.strictEqual(stats.requests.succeeded, round)
    assert.strictEqual(stats.latency.count, round)
    assert.ok(stats.bytes.sent > sent)
    sent = stats.bytes.sent
  }
}, better)

each('a reply that comes too late is a timeout only', async ({ implementation, stage }) => {
  const handlers = []
  const service = await stage.serve(implementation, (rid, key, payload, handler) => {
    if (payload === 'late') handlers.push(handler)
    else handler.reply(null, payload)
  })
  const peer = stage.client(implementation, service.dest, { maxActiveDestTransports: 1 })
  // Connected, so that the one that times out is sent before.
  await call(peer, 'request', 'key', 'first', {})
  await call(peer, 'request', 'key', 'late', { timeout: 30 })
  await until(() => handlers.length >= 1)
  handlers[0].reply(null, 1)
  await call(peer, 'request', 'key', 'last', {})
  const { started, succeeded, timedOut } = peer.stats().requests
  assert.deepStrictEqual({ started, succeeded, timedOut }, { started: 3, succeeded: 2, timedOut: 1 })
  assert.strictEqual(peer.stats().latency.count, 2)
}, better)

each('what is no request is invalid, and nobody waits for its answer', async ({ implementation, stage }) => {
  const service = await stage.serve(implementation, serve)
  const socket = new Ws(`ws://${service.dest}/ws`)
  await once(socket, 'open')
  for (let at = 0; at < 3; at++) socket.send('no JSON')
  socket.send(JSON.stringify(['rid', 'key', 'text']))
  await once(socket, 'message')
  const { received, replied, pending, invalid } = service.stats().requests
  assert.deepStrictEqual({ received, replied, pending, invalid }, { received: 1, replied: 1, pending: 0, invalid: 3 })
  socket.terminate()
}, better)

each('a service that replaces a hook while it runs counts each request once', async ({ implementation, stage }) => {
  const service = await stage.serve(implementation, serve)
  const peer = stage.client(implementation, service.dest, { maxActiveDestTransports: 1 })
  await call(peer, 'request', 'key', 1, {})
  const { parse } = service
  service.parse = data => parse.call(service, data)
  const answers = await Promise.all([2, 3, 4].map(payload => call(peer, 'request', 'key', payload, {})))
  assert.deepStrictEqual(answers.map(({ res }) => res), [2, 3, 4])
  const { received, replied, pending } = service.stats().requests
  assert.deepStrictEqual({ received, replied, pending }, { received: 4, replied: 4, pending: 0 })
  assert.strictEqual(service.stats().latency.count, 4)
}, better)

each('sockets that others made are counted too', async ({ implementation, stage }) => {
  class Foreign extends TransportRPCClient {
    getSocket () {
      return new Ws(`ws://${this.conf.dest}/ws`)
    }
  }
  const service = await stage.serve(implementation, serve)
  const peer = stage.client(implementation, service.dest, { maxActiveDestTransports: 1 }, Foreign)
  await call(peer, 'request', 'key', 1, {})
  assert.deepStrictEqual(peer.stats().connections, opened(1))
  assert.strictEqual(peer.stats().requests.succeeded, 1)
  peer.stop()
  await until(() => peer.stats().connections.closed === 1)
}, better)

test('published messages are counted where they are sent and where they come', async t => {
  const publisher = new PeerPub({}, {})
  publisher.init()
  const service = publisher.transport('server').listen(0)
  const link = { lookup: (key, opts, cb) => cb(null, [`127.0.0.1:${service.port}`]) }
  const subscribers = [1, 2].map(() => {
    const subscriber = new PeerSub(link, {})
    subscriber.init()
    return subscriber
  })
  t.after(() => [...subscribers, publisher].forEach(peer => peer.stop()))
  service.pub('nobody is there')
  await Promise.all(subscribers.map(subscriber => {
    const connected = once(subscriber, 'connected')
    subscriber.sub('key')
    return connected
  }))
  await until(() => service.stats().connections.open === 2)
  let got = 0
  for (const subscriber of subscribers) subscriber.on('message', () => got++)
  for (let at = 0; at < 10; at++) service.pub(`message ${at}`)
  await until(() => got === 20)
  assert.deepStrictEqual(publisher.stats().messages, { published: 10, delivered: 20, lost: 0 })
  assert.deepStrictEqual(service.stats(), publisher.stats())
  for (const subscriber of subscribers) {
    assert.deepStrictEqual(subscriber.stats().messages, { received: 10 })
    assert.deepStrictEqual(subscriber.stats().connections, opened(1))
  }
  const [{ bytes }] = subscribers.map(subscriber => subscriber.stats())
  assert.ok(bytes.received > 10 * 'message 0'.length)
})

test('messages that a slow subscriber loses are counted', async t => {
  const publisher = new PeerPub({}, { slowSubscriber: 'drop', highWater: 100000 })
  publisher.init()
  const service = publisher.transport('server').listen(0)
  const socket = new Ws(`ws://127.0.0.1:${service.port}`)
  t.after(() => {
    socket.terminate()
    publisher.stop()
  })
  await once(socket, 'open')
  await until(() => service.stats().connections.open === 1)
  socket._socket.pause()
  let lost = 0
  service.on('slow-subscriber', (socket, count) => { lost += count })
  for (let at = 0; service.stats().messages.lost === 0; at++) {
    assert.ok(at < 1000, 'nothing is lost')
    service.pub('x'.repeat(100000))
  }
  assert.strictEqual(service.stats().messages.lost, lost)
  assert.ok(service.stats().bytes.waiting > 0)
})

test('peers without anything to count say so', () => {
  const { latency, bytes } = new PeerRPCClient({}, {}).stats()
  assert.deepStrictEqual(latency, { count: 0, mean: 0, p50: 0, p90: 0, p99: 0, p999: 0, max: 0 })
  assert.deepStrictEqual(bytes, { sent: 0, received: 0, waiting: 0 })
})
