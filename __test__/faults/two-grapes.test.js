'use strict'

// The recipe of the README: two grapes that know each other. Either one may die.

const assert = require('node:assert')
const { call, each, native } = require('../helpers/conformance')
const { startLink } = require('../helpers/grapes/stand-in')
const { twoGrapes } = require('../helpers/grapes/two-grapes')

/** Both of them run. */
async function bothGrapes (stage) {
  const grapes = await twoGrapes(stage)
  await Promise.all([0, 1].map(grapes.start))
  return grapes
}

/** How long it takes until a lookup finds `ports`, in ms; none may fail meanwhile. */
async function found (link, key, ports) {
  const since = performance.now()
  const wanted = ports.map(port => `127.0.0.1:${port}`).sort()
  for (;;) {
    const { err, res } = await call(link, 'lookup', key)
    assert.ok(res || err.message === 'ERR_GRAPE_LOOKUP_EMPTY', err)
    if (res && res.sort().join() === wanted.join()) return performance.now() - since
    assert.ok(performance.now() - since < 15000, `found ${res || err.message} instead of ${wanted}`)
  }
}

for (const first of [0, 1]) {
  each(`C532: grape ${first + 1} of two is killed, then comes back and the other is killed: announces and lookups go on`, async ({ implementation, stage }) => {
    const grapes = await bothGrapes(stage)
    // Services of each order of the grapes, and one that asks.
    const links = [grapes.urls, [...grapes.urls].reverse()].map(grape => startLink(stage, implementation, grape, { lruMaxAgeLookup: 1 }))
    const failed = []
    for (const link of links) link.on('announce-error', err => failed.push(err.message))
    const announce = (at, key, port) => links[at].promises.startAnnouncing(key, port, { interval: 1000 })
    await announce(0, 'kept', 1)
    await announce(1, 'kept', 2)
    for (const link of links) await found(link, 'kept', [1, 2])

    await grapes.kill(first)
    for (const link of links) await found(link, 'kept', [1, 2])
    // New ones too.
    await announce(0, 'alone', 3)
    await announce(1, 'alone', 4)
    for (const link of links) await found(link, 'alone', [3, 4])

    await grapes.start(first)
    const both = [...grapes.urls].map(grape => startLink(stage, implementation, grape, { lruMaxAgeLookup: 1 }))
    for (const link of both) await found(link, 'alone', [3, 4])
    await grapes.kill(1 - first)
    for (const link of links) {
      await found(link, 'kept', [1, 2])
      await found(link, 'alone', [3, 4])
    }
    await announce(0, 'late', 5)
    for (const link of links) await found(link, 'late', [5])
    assert.deepStrictEqual(failed, [])
  }, { better: true })
}

each('C532: a grape keeps what is announced through it, alone, with another one, and when that is dead', async ({ implementation, stage }) => {
  const grapes = await bothGrapes(stage)
  const link = startLink(stage, implementation, grapes.urls[0], { lruMaxAgeLookup: 1 })
  assert.ok(await link.promises.announce('with', 1) >= 1)
  await grapes.kill(1)
  assert.ok(await link.promises.announce('with', 2) >= 1)
  assert.ok(await link.promises.announce('without', 3) >= 1)
  await found(link, 'with', [1, 2])
  await found(link, 'without', [3])
  assert.strictEqual(link.stats().requests.announce.failed, 0)
  assert.strictEqual(implementation, native)
}, { better: true })

each('C541: a grape that comes after a service, or is started again, finds it though it announces nothing meanwhile', async ({ implementation, stage }) => {
  const grapes = await bothGrapes(stage)
  const link = startLink(stage, implementation, grapes.urls[0], { lruMaxAgeLookup: 1 })
  await grapes.kill(1)
  await link.promises.announce('before', 1)
  await grapes.start(1)
  await found(startLink(stage, implementation, grapes.urls[1], { lruMaxAgeLookup: 1 }), 'before', [1])
}, { better: true })
