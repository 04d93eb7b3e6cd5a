'use strict'

// Lookups that wait for no grape: an answer that is used is asked for again before it is too old, a
// grape that takes long has company, and without any grape what was found last is used.

const assert = require('node:assert')
const { call, each } = require('../helpers/conformance')
const { freePort } = require('../../scripts/lib/ports')
const { fail, standIn, startLink } = require('../helpers/grapes/stand-in')
const { turn } = require('../helpers/until')

const DESTS = ['127.0.0.1:1337']
const OTHERS = ['127.0.0.1:1338']

/** A clock that a test moves: the original's, and ours. */
function clock (t) {
  let now = Date.now()
  t.mock.method(Date, 'now', () => now)
  t.mock.method(performance, 'now', () => now)
  return ms => { now += ms }
}

each('C460: a kept answer that is used is asked for again before it is too old, and nobody waits for that', async ({ implementation, stage, t }) => {
  const pass = clock(t)
  let answer = null
  const grape = await standIn(stage, (request, res) => {
    if (grape.requests.length === 1) return DESTS
    answer = () => res.end(JSON.stringify(OTHERS))
  })
  const link = startLink(stage, implementation, grape.url, { lruMaxAgeLookup: 10000 })
  const lookup = async () => (await call(link, 'lookup', 'key')).res
  assert.deepStrictEqual(await lookup(), DESTS)
  pass(7900)
  assert.deepStrictEqual(await lookup(), DESTS)
  pass(200)
  // The grape has not answered; it is asked once.
  for (let i = 0; i < 10; i++) assert.deepStrictEqual(await lookup(), DESTS)
  await grape.arrived(2)
  answer()
  while ((await lookup())[0] !== OTHERS[0]) await turn()
  // That answer has a whole age of its own.
  pass(7900)
  assert.deepStrictEqual(await lookup(), OTHERS)
  assert.strictEqual(grape.requests.length, 2)
}, { better: true })

each('C460: one out of which a destination was taken that failed is asked for again after a second', async ({ implementation, stage, t }) => {
  for (const lruMaxAgeLookup of [10000, 0]) {
    const pass = clock(t)
    const both = [...DESTS, ...OTHERS]
    const grape = await standIn(stage, () => both)
    const link = startLink(stage, implementation, grape.url, { lruMaxAgeLookup })
    const lookup = async () => (await call(link, 'lookup', 'key')).res
    assert.deepStrictEqual(await lookup(), both)
    link.forget(DESTS[0])
    assert.deepStrictEqual(await lookup(), OTHERS)
    pass(900)
    assert.deepStrictEqual(await lookup(), OTHERS)
    assert.strictEqual(grape.requests.length, 1)
    pass(200)
    // It is asked once, and nobody waits for that.
    assert.deepStrictEqual(await lookup(), OTHERS)
    while ((await lookup()).length < both.length) await turn()
    assert.strictEqual(grape.requests.length, 2)
    t.mock.restoreAll()
  }
}, { better: true })

each('C461: a lookup and a get are asked of the next grape too when the first takes long, and the first answer counts', async ({ implementation, stage }) => {
  for (const method of ['lookup', 'get']) {
    let late
    const slow = await standIn(stage, (request, res) => { late = () => res.end('["127.0.0.1:1"]') })
    const grape = await standIn(stage, () => DESTS)
    const link = startLink(stage, implementation, [slow.url, grape.url], { requestTimeout: 60000 })
    assert.deepStrictEqual(await call(link, method, 'key'), { err: null, res: DESTS })
    assert.deepStrictEqual([slow.requests.length, grape.requests.length], [1, 1])
    // Its answer comes to nobody.
    late()
    assert.deepStrictEqual(await call(link, method, 'other'), { err: null, res: DESTS })
  }
}, { better: true })

each('what changes something is asked of one grape, however long that takes', async ({ implementation, stage }) => {
  for (const [method, ...args] of [['announce', 'key', 1337], ['put', { v: 1 }]]) {
    const slow = await standIn(stage, (request, res) => { setTimeout(() => res.end('1'), 500) })
    const grape = await standIn(stage, () => 2)
    const link = startLink(stage, implementation, [slow.url, grape.url])
    assert.deepStrictEqual(await call(link, method, ...args, {}), { err: null, res: 1 })
    assert.strictEqual(grape.requests.length, 0)
  }
}, { better: true })

each('C462: while no grape can be asked a lookup finds what it found last, until that fails', async ({ implementation, stage, t }) => {
  const pass = clock(t)
  let works = true
  const grape = await standIn(stage, (request, res) => works ? [...DESTS, ...OTHERS] : fail(503, 'ERR_BUSY')(request, res))
  const link = startLink(stage, implementation, [grape.url, `http://127.0.0.1:${await freePort()}`], { lruMaxAgeLookup: 1000 })
  const lookup = key => call(link, 'lookup', key, { retry: 1 })
  assert.deepStrictEqual((await lookup('key')).res, [...DESTS, ...OTHERS])
  works = false
  pass(2000)
  assert.deepStrictEqual((await lookup('key')).res, [...DESTS, ...OTHERS])
  assert.notStrictEqual((await lookup('unknown')).err, null)
  link.forget(DESTS[0])
  assert.deepStrictEqual((await lookup('key')).res, OTHERS)
  link.forget(OTHERS[0])
  assert.notStrictEqual((await lookup('key')).err, null)
  works = true
  assert.deepStrictEqual((await lookup('key')).res, [...DESTS, ...OTHERS])
  works = false
  pass(600001)
  assert.notStrictEqual((await lookup('key')).err, null)
}, { better: true })

each('C462: a grape that is back and finds nobody yet is not believed for three minutes', async ({ implementation, stage, t }) => {
  const pass = clock(t)
  let answer = () => DESTS
  const grape = await standIn(stage, (...args) => answer(...args))
  const link = startLink(stage, implementation, grape.url, { lruMaxAgeLookup: 1000 })
  const lookup = key => call(link, 'lookup', key, { retry: 1 })
  assert.deepStrictEqual((await lookup('key')).res, DESTS)
  pass(2000)
  answer = fail(503, 'ERR_BUSY')
  assert.deepStrictEqual((await lookup('key')).res, DESTS)
  answer = () => []
  assert.deepStrictEqual((await lookup('key')).res, DESTS)
  assert.strictEqual((await lookup('unknown')).err.message, 'ERR_GRAPE_LOOKUP_EMPTY')
  pass(179000)
  assert.deepStrictEqual((await lookup('key')).res, DESTS)
  pass(2000)
  assert.strictEqual((await lookup('key')).err.message, 'ERR_GRAPE_LOOKUP_EMPTY')
  assert.strictEqual((await lookup('key')).err.message, 'ERR_GRAPE_LOOKUP_EMPTY')
}, { better: true })

each('a grape that finds nobody is believed, whatever was found before', async ({ implementation, stage, t }) => {
  const pass = clock(t)
  let found = DESTS
  const grape = await standIn(stage, () => found)
  const link = startLink(stage, implementation, grape.url, { lruMaxAgeLookup: 1000 })
  assert.deepStrictEqual((await call(link, 'lookup', 'key')).res, DESTS)
  found = []
  pass(2000)
  assert.strictEqual((await call(link, 'lookup', 'key')).err.message, 'ERR_GRAPE_LOOKUP_EMPTY')
})

each('an error of a replaced _post is that of the lookup, whatever comes with it', async ({ implementation, stage }) => {
  class Own extends implementation.Link {
    _post (url, data, opts, cb) {
      setImmediate(cb, Object.assign(new Error('mine'), { code: 403 }), null)
    }
  }
  const link = new Own({ grape: 'http://127.0.0.1:1' })
  link.start()
  stage.after(() => link.stop())
  assert.strictEqual((await call(link, 'lookup', 'key', { retry: 1 })).err.message, 'mine')
})
