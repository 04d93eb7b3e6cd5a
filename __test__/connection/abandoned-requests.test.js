'use strict'

// What connections asked that are gone: who is not read any more, and until when.

const { test } = require('node:test')
const assert = require('node:assert')
const { AbandonedRequests } = require('../../lib/connection/AbandonedRequests')
const { ABANDONED } = require('../../lib/options/defaults')

const MIB = 1024 * 1024
const LIMIT = 64 * MIB
const SHARE = LIMIT * ABANDONED.share
const LONG = 60000

function scene () {
  const told = []
  const abandoned = new AbandonedRequests({ abandoned: bytes => told.push(bytes) }, LIMIT)
  const enter = host => {
    const connection = { host, isHeld: false, hold (isHeld) { this.isHeld = isHeld } }
    abandoned.opened(connection)
    return connection
  }
  return { abandoned, enter, told }
}

test('the address with the most is not read, and others are', () => {
  const { abandoned, enter, told } = scene()
  const [greedy, honest] = [enter('10.0.0.1'), enter('10.0.0.2')]
  const left = [abandoned.add(honest, MIB, LONG), abandoned.add(greedy, SHARE, LONG)]
  assert.deepStrictEqual([greedy.isHeld, honest.isHeld], [true, false])
  assert.deepStrictEqual([enter('::ffff:10.0.0.1').isHeld, enter('10.0.0.2').isHeld, enter('10.0.0.3').isHeld], [true, false, false])
  // Nor does it matter what becomes of others.
  abandoned.change(left[0], 0)
  assert.strictEqual(greedy.isHeld, true)
  abandoned.change(left[1], SHARE * ABANDONED.relief)
  assert.deepStrictEqual([greedy.isHeld, enter('10.0.0.1').isHeld], [false, false])
  abandoned.change(left[1], 0)
  assert.deepStrictEqual(told, [MIB, MIB + SHARE, SHARE, SHARE * ABANDONED.relief, 0])
})

test('an address is read again when nothing of its own is left', () => {
  const { abandoned, enter } = scene()
  const [first, second] = [enter('10.0.0.1'), enter('10.0.0.2')]
  const left = [abandoned.add(first, SHARE, LONG), abandoned.add(second, SHARE, LONG)]
  assert.deepStrictEqual([first.isHeld, second.isHeld], [true, true])
  abandoned.change(left[0], 0)
  assert.deepStrictEqual([first.isHeld, second.isHeld], [false, true])
})

test('above all of the budget nobody is read', () => {
  const { abandoned, enter } = scene()
  const honest = enter('10.1.1.1')
  const left = []
  for (let at = 0; at < 70; at++) left.push(abandoned.add(enter(`10.0.0.${at}`), MIB, LONG))
  assert.strictEqual(honest.isHeld, true)
  for (const one of left.slice(0, 24)) abandoned.change(one, 0)
  assert.strictEqual(honest.isHeld, false)
})

test('what nobody answers counts until it is too old', async t => {
  // Its timer keeps no process alive.
  const awake = setInterval(() => {}, LONG)
  t.after(() => clearInterval(awake))
  const { abandoned, enter, told } = scene()
  const greedy = enter('10.0.0.1')
  const left = abandoned.add(greedy, SHARE + MIB, 5)
  assert.strictEqual(greedy.isHeld, true)
  await new Promise(resolve => { greedy.hold = isHeld => isHeld || resolve() })
  assert.deepStrictEqual(told, [SHARE + MIB, 0])
  // It is answered after all.
  abandoned.change(left, MIB)
  assert.strictEqual(told.length, 2)
})

test('without a limit everybody is read', () => {
  const abandoned = new AbandonedRequests({ abandoned () {} }, 0)
  const connection = { host: '10.0.0.1', hold: isHeld => assert.strictEqual(isHeld, false) }
  abandoned.opened(connection)
  abandoned.add(connection, 2 ** 40, LONG)
})
