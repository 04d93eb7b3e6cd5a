'use strict'

// `link.cache.lookup`, which services reach into.

const assert = require('node:assert')
const { EventEmitter } = require('node:events')
const { call, each } = require('../helpers/conformance')
const { standIn, startLink } = require('../helpers/grapes/stand-in')

const DESTS = ['127.0.0.1:1337']

/** A started link's cache of `max` answers, and what it evicts. */
function cacheOf (stage, implementation, conf) {
  const { lookup } = startLink(stage, implementation, 'http://127.0.0.1:1', conf).cache
  const evicted = []
  lookup.on('evict', entry => evicted.push(entry))
  return { lookup, evicted }
}

each('C377: link.cache.lookup is an EventEmitter with max, maxAge, length and keys', ({ implementation, stage }) => {
  const { lookup } = cacheOf(stage, implementation, { lruMaxSizeLookup: 7, lruMaxAgeLookup: 8 })
  assert(lookup instanceof EventEmitter)
  assert.deepStrictEqual([lookup.max, lookup.maxAge, lookup.length, lookup.keys], [7, 8, 0, []])
  const { lookup: other } = cacheOf(stage, implementation, { lruMaxSizeLookup: 0, lruMaxAgeLookup: 0 })
  assert.deepStrictEqual([other.max, other.maxAge], [1000, 0])
})

each('C377: set, get, peek, remove and clear', ({ implementation, stage }) => {
  const { lookup, evicted } = cacheOf(stage, implementation)
  const odd = { any: 'value' }
  assert.strictEqual(lookup.set('a', DESTS), DESTS)
  assert.strictEqual(lookup.set(5, odd), odd)
  assert.strictEqual(lookup.get('a'), DESTS)
  assert.strictEqual(lookup.peek('a'), DESTS)
  assert.strictEqual(lookup.get('5'), odd)
  assert.strictEqual(lookup.peek(5), odd)
  assert.deepStrictEqual([lookup.keys.sort(), lookup.length], [['5', 'a'], 2])
  assert.strictEqual(lookup.remove(5), odd)
  for (const method of ['get', 'peek', 'remove']) assert.strictEqual(lookup[method]('5'), undefined)
  assert.strictEqual(lookup.length, 1)
  lookup.clear()
  assert.deepStrictEqual([lookup.keys, lookup.length, lookup.get('a')], [[], 0, undefined])
  assert.deepStrictEqual(evicted, [])
})

each('C377: the entry that was set or read longest ago is evicted first; peek does not count', ({ implementation, stage }) => {
  const { lookup, evicted } = cacheOf(stage, implementation, { lruMaxSizeLookup: 3 })
  for (const key of ['a', 'b', 'c']) lookup.set(key, [key])
  lookup.get('a')
  lookup.peek('b')
  lookup.set('d', ['d'])
  assert.deepStrictEqual(evicted, [{ key: 'b', value: ['b'] }])
  // One that is there already takes nobody's place.
  lookup.set('c', ['new'])
  assert.strictEqual(lookup.length, 3)
  lookup.evict()
  lookup.evict()
  assert.deepStrictEqual(evicted.slice(1), [{ key: 'a', value: ['a'] }, { key: 'd', value: ['d'] }])
  lookup.evict()
  lookup.evict()
  assert.deepStrictEqual(evicted.slice(3), [{ key: 'c', value: ['new'] }])
  assert.strictEqual(lookup.length, 0)
})

each('C377: what is older than maxAge is evicted when it is asked for', ({ implementation, stage, t }) => {
  let now = Date.now()
  // The original's clock, and ours.
  t.mock.method(Date, 'now', () => now)
  t.mock.method(performance, 'now', () => now)
  const { lookup, evicted } = cacheOf(stage, implementation, { lruMaxAgeLookup: 100 })
  for (const key of ['a', 'b']) lookup.set(key, [key])
  now += 50
  lookup.set('b', ['newer'])
  now += 51
  assert.strictEqual(lookup.peek('a'), undefined)
  assert.deepStrictEqual(lookup.get('b'), ['newer'])
  assert.deepStrictEqual(evicted, [{ key: 'a', value: ['a'] }])
  lookup.maxAge = 10
  assert.strictEqual(lookup.get('b'), undefined)
  assert.strictEqual(evicted.length, 2)
})

each('C378: what is set in the cache is the answer, and what is removed is asked for', async ({ implementation, stage }) => {
  const grape = await standIn(stage, () => DESTS)
  const link = startLink(stage, implementation, grape.url)
  link.cache.lookup.set('lookup:"service"', ['127.0.0.1:9999'])
  assert.deepStrictEqual((await call(link, 'lookup', 'service')).res, ['127.0.0.1:9999'])
  assert.strictEqual(grape.requests.length, 0)
  link.cache.lookup.remove('lookup:"service"')
  assert.deepStrictEqual((await call(link, 'lookup', 'service')).res, DESTS)
  assert.deepStrictEqual(link.cache.lookup.peek('lookup:"service"'), DESTS)
})

each('C378: another cache of a service is asked and filled, also for other types', async ({ implementation, stage }) => {
  const grape = await standIn(stage, ({ type }) => type === 'get' ? { v: 'stored' } : DESTS)
  const link = startLink(stage, implementation, grape.url)
  link.cache.get = new Map()
  link.cache.lookup = new Map()
  for (let at = 0; at < 2; at++) {
    assert.deepStrictEqual((await call(link, 'get', 'hash')).res, { v: 'stored' })
    assert.deepStrictEqual((await call(link, 'lookup', 'service')).res, DESTS)
  }
  assert.strictEqual(grape.requests.length, 2)
  assert.deepStrictEqual([...link.cache.get], [['get:"hash"', { v: 'stored' }]])
})

each('C378: what cannot be reached is forgotten in our cache alone, and whatever is in it', ({ implementation, stage }) => {
  const link = startLink(stage, implementation, 'http://127.0.0.1:1')
  const { lookup } = link.cache
  lookup.set('list', ['127.0.0.1:1', '127.0.0.1:2'])
  lookup.set('text', '127.0.0.1:1')
  lookup.set('number', 5)
  link.forget('127.0.0.1:1')
  assert.deepStrictEqual(lookup.peek('list'), ['127.0.0.1:2'])
  assert.deepStrictEqual([lookup.get('text'), lookup.get('number')], ['127.0.0.1:1', 5])
  link.cache.lookup = new Map()
  link.forget('127.0.0.1:1')
  assert.strictEqual(link.stats().cached, 0)
}, { better: true })
