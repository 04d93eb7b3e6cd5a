'use strict'

// `link.stats()`.

const assert = require('node:assert')
const { test } = require('node:test')
const http = require('node:http')
const { once } = require('node:events')
const { call } = require('../helpers/conformance')
const { freePort } = require('../../scripts/lib/ports')
const { Link } = require('../..')

/** A grape that answers as `answer(url, res)` does; resolves with its address. */
async function grapeOf (t, answer) {
  const server = http.createServer((req, res) => req.resume().on('end', () => answer(req.url, res)))
  await once(server.listen(0, '127.0.0.1'), 'listening')
  t.after(() => {
    server.close()
    server.closeAllConnections?.()
  })
  return `http://127.0.0.1:${server.address().port}`
}

function linkOf (t, grape, conf) {
  const link = new Link({ grape, ...conf }).start()
  t.after(() => link.stop())
  return link
}

const counts = (started, succeeded = started, failed = 0, timedOut = 0) => ({ started, succeeded, failed, timedOut, pending: 0 })

test('a link counts its requests by type, and what it exchanges with grapes', async t => {
  const grape = await grapeOf(t, (url, res) => {
    if (url === '/get') res.statusCode = 400
    res.end({ '/lookup': '["127.0.0.1:1"]', '/announce': '1' }[url] || '"text"')
  })
  const link = linkOf(t, grape)
  assert.deepStrictEqual(link.stats(), {
    requests: {},
    exchanges: counts(0),
    latency: { count: 0, mean: 0, p50: 0, p90: 0, p99: 0, p999: 0, max: 0 },
    cached: 0,
    announced: 0,
    unreachable: []
  })
  // Three that share an exchange, and one from the cache.
  await Promise.all([1, 2, 3].map(() => call(link, 'lookup', 'key', {})))
  await call(link, 'lookup', 'key', {})
  await call(link, 'put', { v: 'x' })
  assert.strictEqual((await call(link, 'get', 'hash')).err.code, 400)
  await new Promise(resolve => link.startAnnouncing('key', 1, {}, resolve))

  const { requests, exchanges, latency, cached, announced } = link.stats()
  assert.deepStrictEqual(requests, { lookup: counts(3), put: counts(1), get: counts(1, 0, 1), announce: counts(1) })
  assert.deepStrictEqual(exchanges, counts(4, 3, 1))
  assert.strictEqual(latency.count, 4)
  assert.ok(latency.p50 > 0 && latency.p50 <= latency.max)
  assert.deepStrictEqual([cached, announced], [1, 1])
})

test('a link counts grapes that fail, and those that do not answer in time', async t => {
  const dead = `http://127.0.0.1:${await freePort()}`
  const silent = await grapeOf(t, () => {})
  const link = linkOf(t, [dead, silent], { requestTimeout: 50 })
  const { err } = await call(link, 'get', 'hash')
  assert.strictEqual(err.message, 'ERR_TIMEOUT')
  const { requests, exchanges, latency, unreachable } = link.stats()
  assert.deepStrictEqual(requests, { get: counts(1, 0, 0, 1) })
  assert.deepStrictEqual(exchanges, counts(2, 0, 1, 1))
  assert.strictEqual(latency.count, 0)
  assert.deepStrictEqual(unreachable, [dead, silent])
})
