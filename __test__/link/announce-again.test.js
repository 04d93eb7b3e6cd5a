'use strict'

// Announces that no grape has taken: services that were there before their grapes, and grapes that are
// restarted.

const assert = require('node:assert')
const { Child } = require('../../scripts/lib/child')
const { call, each } = require('../helpers/conformance')
const { fail, standIn, startLink } = require('../helpers/grapes/stand-in')
const { twoGrapes } = require('../helpers/grapes/two-grapes')
const { until, wait } = require('../helpers/until')

/** How many ms it takes from now on until the service is found. */
async function found (link, key) {
  const since = performance.now()
  for (;;) {
    const { res } = await call(link, 'lookup', key, { retry: 1 })
    if (res) return performance.now() - since
    await wait(50)
  }
}

each('C355: a service that was there 2 s before its grapes is found long before its next interval', async ({ implementation, stage }) => {
  const grapes = await twoGrapes(stage)
  const service = new Child(require.resolve('../helpers/processes/service'), implementation.name, grapes.urls[0], 'early')
  stage.after(() => service.stop())
  // Told at once, and once.
  assert.match((await service.next()).error, /ECONNREFUSED/)
  await wait(2000)
  await Promise.all([0, 1].map(grapes.start))
  const link = startLink(stage, implementation, grapes.urls[0], { lruMaxAgeLookup: 1 })
  assert.ok(await found(link, 'early') < 15000)
}, { better: true })

each('C355: a service whose announce finds its grapes gone is found soon after they are back', async ({ implementation, stage }) => {
  const grapes = await twoGrapes(stage)
  await Promise.all([0, 1].map(grapes.start))
  const link = startLink(stage, implementation, grapes.urls[0], { lruMaxAgeLookup: 1 })
  let failed = 0
  const { announce } = link
  link.announce = (key, port, opts, cb) => announce.call(link, key, port, opts, err => {
    if (err) failed++
    cb(err)
  })
  assert.ifError(await new Promise(resolve => link.startAnnouncing('key', 1337, { interval: 3000 }, resolve)))
  await found(link, 'key')
  await Promise.all([0, 1].map(grapes.kill))
  await until(() => failed === 2)
  await Promise.all([0, 1].map(grapes.start))
  assert.ok(await found(link, 'key') < 15000)
}, { better: true })

each('C355: announces that fail follow each other after 1 s, then after twice as long each time, up to 5 s or the interval', async ({ implementation, t, stage }) => {
  const waits = []
  const { setTimeout } = global
  const failing = { now: true }
  const TEST = 20000
  const requestTimeout = 30000
  t.mock.method(global, 'setTimeout', (call, ms, ...args) => {
    if (ms === TEST || ms === requestTimeout) return setTimeout(call, ms, ...args)
    // The clock in fast motion.
    waits.push(ms)
    return setTimeout(call, 0, ...args)
  })
  for (const [interval, least, most] of [[120000, [500, 1000, 2000, 2500, 2500, 2500], [1500, 3000, 6000, 7500, 7500, 7500]], [100, Array(6).fill(50), Array(6).fill(150)]]) {
    const link = startLink(stage, implementation, 'memory://grape', { requestTimeout })
    link._post = (url, data, opts, cb) => setImmediate(cb, failing.now ? new Error('no grape') : null, 1)
    failing.now = true
    waits.length = 0
    link.startAnnouncing('key', 1, { interval })
    await until(() => waits.length >= least.length)
    for (const [at, ms] of least.entries()) assert.ok(waits[at] >= ms && waits[at] <= most[at] + 1, `${waits}`)
    // One that goes well is followed by another after the interval, and forgets what was before.
    failing.now = false
    await until(() => waits.some(ms => ms >= interval / 2 && ms > 15000) || interval < 1000)
    failing.now = true
    waits.length = 0
    await until(() => waits.filter(ms => ms <= 15000).length >= 2)
    assert.ok(waits.find(ms => ms <= 15000) <= 1500, `${waits}`)
    link.stopAnnouncing('key', 1)
  }
}, { better: true })

each('C355: stopAnnouncing and stop end the attempts', async ({ implementation, stage }) => {
  const grape = await standIn(stage, fail(500, 'ERR_BROKEN'))
  const link = startLink(stage, implementation, grape.url)
  const first = port => new Promise(resolve => link.startAnnouncing('key', port, { retry: 1 }, resolve))
  assert.strictEqual((await first(1)).message, 'ERR_BROKEN')
  link.stopAnnouncing('key', 1)
  assert.strictEqual((await first(2)).message, 'ERR_BROKEN')
  link.stop()
  const asked = grape.requests.length
  // The wait after a first failure is over.
  await wait(1600)
  assert.strictEqual(grape.requests.length, asked)
}, { better: true })
