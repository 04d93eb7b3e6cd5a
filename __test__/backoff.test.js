'use strict'

const { test } = require('node:test')
const assert = require('node:assert')
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
