'use strict'

const { test } = require('node:test')
const assert = require('node:assert')
const { call, each } = require('./helpers/conformance')
const { deadDest } = require('./helpers/subscribers')
const Backoff = require('../lib/Backoff')

test('what failed is not usable for a while, the longer the more often it failed', t => {
  let now = 1e9
  t.mock.method(performance, 'now', () => now)
  const backoff = new Backoff({ min: 100, max: 350 })
  assert.deepStrictEqual(backoff.usable(['a', 'b']), ['a', 'b'])
  for (const wait of [100, 200, 350, 350]) {
    backoff.fail('a')
    now += wait - 1
    assert.deepStrictEqual(backoff.usable(['a', 'b']), ['b'])
    now += 1
    assert.deepStrictEqual(backoff.usable(['a', 'b']), ['a', 'b'])
  }
  backoff.fail('a')
  backoff.succeed('a')
  assert.deepStrictEqual(backoff.usable(['a', 'b']), ['a', 'b'])
  backoff.fail('a')
  now += 100
  assert.deepStrictEqual(backoff.usable(['a', 'b']), ['a', 'b'], 'a success forgets the failures before')
})

test('when all failed, all are usable', () => {
  const backoff = new Backoff({ min: 60000, max: 60000 })
  for (const name of ['a', 'b']) backoff.fail(name)
  assert.deepStrictEqual(backoff.usable(['a', 'b']), ['a', 'b'])
})

test('sorting keeps the order, and puts what failed behind', () => {
  const backoff = new Backoff({ min: 60000, max: 60000 })
  backoff.fail('b')
  assert.deepStrictEqual(backoff.sorted(['a', 'b', 'c']), ['a', 'c', 'b'])
})

test('no more than 4,096 failures are remembered, the latest', () => {
  const backoff = new Backoff({ min: 1000000, max: 1000000 })
  const names = Array.from({ length: 5000 }, (_, at) => `127.0.${at >> 8}.${at & 255}:1`)
  for (const name of names) backoff.fail(name)
  assert.deepStrictEqual(backoff.waiting(), names.slice(-4096))
  backoff.fail(names[4999 - 4095])
  backoff.fail('another')
  assert.ok(backoff.waiting().includes(names[4999 - 4095]))
})

each('a destination that failed is chosen again after a while, the longer the more often it failed', async ({ implementation, stage, t }) => {
  const service = await stage.serve(implementation)
  const dead = await deadDest()
  const peer = stage.client(implementation, [dead, service.dest])
  const offered = []
  // Prefers what is dead wherever it is offered.
  peer.dest = dests => {
    offered.push(dests.includes(dead))
    return dests[0]
  }
  let now = performance.now()
  t.mock.method(performance, 'now', () => now)
  const asked = async opts => (await call(peer, 'request', 'key', 1, opts)).err === null
  for (const wait of [1000, 2000, 4000]) {
    assert.strictEqual(await asked({}), false)
    for (const opts of [{}, { retry: 2 }, {}]) assert.strictEqual(await asked(opts), true)
    now += wait - 1
    assert.strictEqual(await asked({}), true)
    assert.deepStrictEqual(offered.splice(0), [true, false, false, false, false])
    now += 1
  }
}, { better: true })
