'use strict'

// Announcing: once, again and again, and how long it waits in between.

const assert = require('node:assert')
const { replace } = require('../helpers/clock')
const { call, each } = require('../helpers/conformance')
const { fail, standIn, startLink } = require('../helpers/grapes/stand-in')

const MINUTES = 60 * 1000

/** Nothing more happens for a while. */
const pause = () => new Promise(resolve => setTimeout(resolve, 100))

each('C174: announce announces once, with and without options', async ({ implementation, stage }) => {
  const grape = await standIn(stage, () => 1)
  const link = startLink(stage, implementation, grape.url)
  assert.deepStrictEqual(await call(link, 'announce', 'one', 1), { err: null, res: 1 })
  assert.deepStrictEqual(await call(link, 'announce', 'two', 2, {}), { err: null, res: 1 })
  link.announce('three', 3)
  link.announce('four', 4, {})
  await grape.arrived(4)
  await pause()
  assert.deepStrictEqual(grape.requests.map(({ data }) => data).sort(), [['four', 4], ['one', 1], ['three', 3], ['two', 2]])
})

each('C174 C175: without a callback the errors of three attempts are dropped', async ({ implementation, stage }) => {
  const grape = await standIn(stage, fail(500, 'ERR_BROKEN'))
  const link = startLink(stage, implementation, grape.url)
  link.announce('key', 1)
  await grape.arrived(3)
  await pause()
  assert.strictEqual(grape.requests.length, 3)
})

for (const [opts, attempts] of [[undefined, 3], [{}, 3], [{ retry: 1 }, 1], [{ retry: 4 }, 4]]) {
  each(`C175: announce with ${JSON.stringify(opts)} makes ${attempts} attempts`, async ({ implementation, stage }) => {
    const grape = await standIn(stage, fail(500, 'ERR_BROKEN'))
    const link = startLink(stage, implementation, grape.url)
    const { err } = await call(link, 'announce', 'key', 1, opts)
    assert.strictEqual(err.message, 'ERR_BROKEN')
    assert.strictEqual(grape.requests.length, attempts)
  })
}

each('C176 C179: startAnnouncing announces again and again, and calls back once', async ({ implementation, stage }) => {
  const grape = await standIn(stage, () => 1)
  const link = startLink(stage, implementation, grape.url)
  const calls = []
  link.startAnnouncing('key', 1234, { interval: 10 }, err => calls.push([err, grape.requests.length]))
  await grape.arrived(5)
  for (const { type, data } of grape.requests) assert.deepStrictEqual([type, data], ['announce', ['key', 1234]])
  assert.deepStrictEqual(calls, [[null, 1]])
})

each('C176: startAnnouncing works without options, callback or both', async ({ implementation, stage }) => {
  const grape = await standIn(stage, () => 1)
  const link = startLink(stage, implementation, grape.url)
  link.startAnnouncing('key', 1)
  link.startAnnouncing('key', 2, {})
  assert.ifError(await new Promise(resolve => link.startAnnouncing('key', 3, resolve)))
  await grape.arrived(3)
  assert.deepStrictEqual(grape.requests.map(({ data }) => data[1]).sort(), [1, 2, 3])
})

each('C176 C179: a failed announce is told once and does not end the announces', async ({ implementation, stage }) => {
  const grape = await standIn(stage, (request, res) => {
    return grape.requests.length <= 3 ? fail(500, 'ERR_BROKEN')(request, res) : 1
  })
  const link = startLink(stage, implementation, grape.url)
  const errors = []
  link.startAnnouncing('key', 1, { interval: 10 }, err => errors.push(err.message))
  await grape.arrived(6)
  assert.deepStrictEqual(errors, ['ERR_BROKEN'])
})

for (const interval of [undefined, 10 * MINUTES]) {
  const mean = interval || 2 * MINUTES
  each(`C177 C178: with interval ${interval} waits are around ${mean} ms, no two services in step`, async ({ implementation, stage, t }) => {
    const waits = []
    let enough
    const done = new Promise(resolve => { enough = resolve })
    // The clock in fast motion: a wait is noted, and over at once.
    const { setTimeout } = global
    replace(t, global, 'setTimeout', (fn, ms, ...args) => {
      if (ms < MINUTES / 2) return setTimeout(fn, ms, ...args)
      waits.push(ms)
      if (waits.length < 2000) setImmediate(fn, ...args)
      else enough()
      return setTimeout(() => {}, 0)
    })
    const link = startLink(stage, implementation, 'memory://grape')
    link._post = (url, data, opts, cb) => setImmediate(cb, null, 1)
    link.startAnnouncing('key', 1, interval && { interval })
    await done
    const sum = waits.reduce((sum, ms) => sum + ms, 0)
    assert(Math.min(...waits) >= mean / 2, `${Math.min(...waits)}`)
    assert(Math.max(...waits) <= mean * 1.5 + 1, `${Math.max(...waits)}`)
    // They fill the range: 2000 random ones leave no tenth of it empty, nor lean to one side.
    assert(Math.min(...waits) < mean * 0.6)
    assert(Math.max(...waits) > mean * 1.4)
    assert(Math.abs(sum / waits.length - mean) < mean * 0.05, `mean ${sum / waits.length}`)
  })
}

each('C180: the same key and port is announced once', async ({ implementation, stage }) => {
  const grape = await standIn(stage, () => 1)
  const link = startLink(stage, implementation, grape.url)
  assert.strictEqual(link.startAnnouncing('key', 1, {}), undefined)
  assert.strictEqual(link.startAnnouncing('key', 1, {}), false)
  assert.strictEqual(link.startAnnouncing('key', 1), false)
  assert.strictEqual(link.startAnnouncing('key', 2), undefined)
  assert.strictEqual(link.startAnnouncing('other', 1), undefined)
  await grape.arrived(3)
  await pause()
  assert.strictEqual(grape.requests.length, 3)
})

each('C181: stopAnnouncing ends one key and port, and lets it start again', async ({ implementation, stage }) => {
  const grape = await standIn(stage, () => 1)
  const link = startLink(stage, implementation, grape.url)
  const count = port => grape.requests.filter(({ type, data }) => type === 'announce' && data[1] === port).length
  const first = port => new Promise(resolve => link.startAnnouncing('key', port, { interval: 10 }, resolve))
  await Promise.all([first(1), first(2)])
  assert.strictEqual(link.stopAnnouncing('key', 1), undefined)
  assert.strictEqual(link.stopAnnouncing('key', 1), false)
  assert.strictEqual(link.stopAnnouncing('other', 1), false)
  const before = count(1)
  await grape.arrived(grape.requests.length + 5)
  assert(count(1) <= before + 1, 'only what was on its way')
  assert(count(2) >= 4)
  assert.ifError(await first(1))
})

each('C181: stopAnnouncing before the first answer ends it too', async ({ implementation, stage }) => {
  const held = []
  const grape = await standIn(stage, (request, res) => { held.push(res) })
  const link = startLink(stage, implementation, grape.url)
  const first = new Promise(resolve => link.startAnnouncing('key', 1, { interval: 10 }, resolve))
  await grape.arrived(1)
  link.stopAnnouncing('key', 1)
  held[0].end('1')
  assert.ifError(await first)
  await pause()
  assert.strictEqual(grape.requests.filter(({ type }) => type === 'announce').length, 1)
})

each('C181: stop ends all announces', async ({ implementation, stage }) => {
  const grape = await standIn(stage, () => 1)
  const link = startLink(stage, implementation, grape.url)
  const first = (key, port) => new Promise(resolve => link.startAnnouncing(key, port, { interval: 10 }, resolve))
  await Promise.all([first('one', 1), first('two', 2), first('two', 3)])
  link.stop()
  // Announces that were on their way may still arrive.
  await pause()
  const arrived = grape.requests.length
  await pause()
  assert.strictEqual(grape.requests.length, arrived)
})
