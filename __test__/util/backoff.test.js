'use strict'

const { test } = require('node:test')
const assert = require('node:assert')
const net = require('node:net')
const { once } = require('node:events')
const { call, each } = require('../helpers/conformance')
const { until } = require('../helpers/peers/faulty')
const { kBackoff } = require('../../lib/util/symbols')
const Backoff = require('../../lib/util/Backoff')

test('what failed waits for a while, the longer the more often it failed', t => {
  let now = 1e9
  t.mock.method(performance, 'now', () => now)
  const backoff = new Backoff({ min: 100, max: 350 })
  assert.deepStrictEqual(backoff.best(['a', 'b']), ['a', 'b'])
  for (const wait of [100, 200, 350, 350]) {
    backoff.fail('a')
    now += wait - 1
    assert.deepStrictEqual(backoff.waiting(), ['a'])
    now += 1
    assert.deepStrictEqual(backoff.waiting(), [])
  }
  backoff.fail('a')
  backoff.succeed('a')
  assert.deepStrictEqual(backoff.best(['a', 'b']), ['a', 'b'])
  backoff.fail('a')
  now += 100
  assert.deepStrictEqual(backoff.waiting(), [], 'a success forgets the failures before')
})

test('what waited is told to whoever tries it, and left out until it is reached', t => {
  let now = 1e9
  t.mock.method(performance, 'now', () => now)
  const backoff = new Backoff({ min: 100, max: 350 })
  const tried = []
  const proven = () => backoff.proven(['a', 'b'], name => {
    tried.push(name)
    backoff.tries(name, 50)
  })
  assert.deepStrictEqual(proven(), ['a', 'b'])
  backoff.fail('a')
  assert.deepStrictEqual([proven(), tried], [['b'], []])
  now += 100
  assert.deepStrictEqual([proven(), tried], [['b'], ['a']])
  assert.deepStrictEqual([proven(), tried], [['b'], ['a']], 'once')
  now += 50
  assert.deepStrictEqual([proven(), tried], [['b'], ['a', 'a']], 'nobody said how it went')
  backoff.reach('a')
  assert.deepStrictEqual(proven(), ['a', 'b'])
  backoff.fail('a')
  backoff.fail('b')
  assert.deepStrictEqual([proven(), tried.length], [['a', 'b'], 2], 'when all failed, requests find out')
})

test('a suspect is left out until it is clear, and has failed no more for it', () => {
  const backoff = new Backoff({ min: 60000, max: 60000 })
  assert.strictEqual(backoff.suspect('a'), true)
  assert.strictEqual(backoff.suspect('a'), false)
  assert.strictEqual(backoff.hasOthers('a'), false)
  assert.deepStrictEqual(backoff.proven(['a'], assert.fail), ['a'])
  assert.strictEqual(backoff.hasOthers('a'), false)
  assert.deepStrictEqual(backoff.proven(['a', 'b'], assert.fail), ['b'])
  assert.strictEqual(backoff.hasOthers('a'), true)
  assert.deepStrictEqual(backoff.waiting(), ['a'])
  backoff.clear('a')
  assert.strictEqual(backoff.has('a'), false)
  backoff.fail('a')
  assert.strictEqual(backoff.suspect('a'), false)
})

test('the best have not failed, or were reached; else they have waited, or wait least', t => {
  let now = 1e9
  t.mock.method(performance, 'now', () => now)
  const backoff = new Backoff({ min: 100, max: 1000 })
  const names = ['a', 'b', 'c']
  assert.deepStrictEqual(backoff.best(names), names)
  for (const name of ['a', 'a', 'b']) backoff.fail(name)
  assert.deepStrictEqual(backoff.best(names), ['c'])
  for (let at = 0; at < 3; at++) backoff.fail('c')
  assert.deepStrictEqual(backoff.best(names), ['b'])
  now += 200
  assert.deepStrictEqual(backoff.best(names), ['a', 'b'])
  backoff.reach('a')
  assert.deepStrictEqual(backoff.best(names), ['a'])
  assert.deepStrictEqual(backoff.best([]), [])
})

test('what was under way together fails together', t => {
  let now = 1e9
  t.mock.method(performance, 'now', () => now)
  const backoff = new Backoff({ min: 100, max: 1000 })
  const since = now
  now += 10
  for (let at = 0; at < 5; at++) backoff.fail('a', false, since)
  assert.strictEqual(backoff.left('a'), 100)
  backoff.fail('a', false, now)
  assert.strictEqual(backoff.left('a'), 200)
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

each('C434: a destination that failed is tried after a while, the longer the more often it failed, by no request', async ({ implementation, stage, t }) => {
  const service = await stage.serve(implementation)
  let tried = 0
  const dead = net.createServer(socket => {
    tried++
    socket.destroy()
  }).listen(0, '127.0.0.1')
  await once(dead, 'listening')
  stage.after(() => dead.close())
  const dest = `127.0.0.1:${dead.address().port}`
  const peer = stage.client(implementation, [dest, service.dest])
  // Prefers what is dead wherever it is offered.
  peer.dest = dests => dests[0]
  let now = performance.now()
  t.mock.method(performance, 'now', () => now)
  const asked = async opts => (await call(peer, 'request', 'key', 1, opts)).err === null
  // Nobody lets it in, and it goes elsewhere.
  assert.strictEqual(await asked({}), true)
  for (const [times, wait] of [1000, 2000, 4000].entries()) {
    await until(() => Math.round(peer[kBackoff].left(dest)) === wait)
    for (const opts of [{}, { retry: 2 }, {}]) assert.strictEqual(await asked(opts), true)
    now += wait - 1
    assert.strictEqual(await asked({}), true)
    assert.strictEqual(tried, times + 1)
    now += 1
    assert.strictEqual(await asked({}), true)
    await until(() => tried === times + 2)
  }
}, { better: true })
