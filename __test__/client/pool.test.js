'use strict'

// How a full pool shares out what is asked.

const assert = require('node:assert')
const { test } = require('node:test')
const Pool = require('../../lib/client/Pool')
const { kChoose, kChooseOpen, kMayMoveLarge, kMovesLarge, kWaiting } = require('../../lib/util/symbols')

const DEST = '127.0.0.1:1'

/** A pool of three transports, in which `waiting` requests are under way. */
function poolWith (t, waiting) {
  const pool = new Pool()
  pool.init()
  t.after(() => pool.stop())
  for (let id = 0; id < 3; id++) {
    pool.add(DEST, { id, isActive: () => true, stop () {}, [kWaiting]: id === 0 ? waiting : 0 })
  }
  return pool
}

/** Lengths of the runs in which `requests` go to the same transport. */
function runs (pool, requests) {
  const lengths = []
  let last
  for (let i = 0; i < requests; i++) {
    const chosen = pool[kChoose](DEST, 3)
    if (chosen !== last) lengths.push(0)
    lengths[lengths.length - 1]++
    last = chosen
  }
  return lengths
}

for (const [waiting, length] of [[0, 8], [2, 1], [16, 8], [64, 32], [1024, 512], [100000, 512]]) {
  test(`with ${waiting} requests under way a run has ${length}, and the next one another transport`, t => {
    assert.deepStrictEqual(runs(poolWith(t, waiting), 4 * length), Array(4).fill(length))
  })
}

test('a burst that begins at rest is spread', t => {
  const mosts = []
  for (let round = 0; round < 99; round++) {
    const pool = poolWith(t, 0)
    for (let i = 0; i < 12; i++) pool[kChoose](DEST, 3)[kWaiting]++
    const counts = pool.list(DEST).map(transport => transport[kWaiting])
    mosts.push(Math.max(...counts))
  }
  // Of twelve chosen at random, half of the time six or less are one transport's.
  assert.ok(mosts.sort((one, other) => one - other)[49] <= 6, `${mosts}`)
})

test('requests one after the other share a transport for a while', t => {
  const pool = poolWith(t, 0)
  const chosen = Array.from({ length: 16 }, () => {
    const transport = pool[kChoose](DEST, 3)
    transport[kWaiting]++
    transport[kWaiting]--
    return transport
  })
  assert.deepStrictEqual([new Set(chosen.slice(0, 8)).size, new Set(chosen.slice(8)).size], [1, 1])
})

test('a transport that stops loses the rest of its run', t => {
  const pool = poolWith(t, 64)
  const first = pool[kChoose](DEST, 3)
  first.isActive = () => false
  assert.notStrictEqual(pool[kChoose](DEST, 2), first)
})

test('a transport of another kind, which does not say what waits, counts as idle', t => {
  const pool = poolWith(t, undefined)
  assert.deepStrictEqual(runs(pool, 16), [8, 8])
})

for (const [name, choose] of [['kChoose', pool => pool[kChoose](DEST, 3)], ['kChooseOpen', pool => pool[kChooseOpen](DEST, () => {})]]) {
  test(`${name}: a transport that moves something large is chosen only while all do`, t => {
    const pool = poolWith(t, 64)
    const all = pool.list(DEST)
    const moves = transport => Object.assign(transport, { [kMayMoveLarge]: true, [kMovesLarge]: () => transport[kMayMoveLarge] })
    const [, first, second] = all
    moves(choose(pool))
    const others = all.filter(transport => !transport[kMayMoveLarge])
    for (let at = 0; at < 100; at++) assert.ok(others.includes(choose(pool)), 'its run is over')
    moves(others[0])
    for (let at = 0; at < 100; at++) assert.strictEqual(choose(pool), others[1])
    moves(others[1])
    for (let at = 0; at < 100; at++) assert.ok(all.includes(choose(pool)))
    for (const transport of [first, second]) transport[kMayMoveLarge] = false
    for (let at = 0; at < 100; at++) assert.ok([first, second].includes(choose(pool)))
  })

  test(`${name}: a run goes to a transport with the fewest requests under way`, t => {
    for (let round = 0; round < 20; round++) {
      const pool = poolWith(t, 1)
      const [busy] = pool.list(DEST)
      for (let at = 0; at < 20; at++) assert.notStrictEqual(choose(pool), busy)
    }
  })
}
