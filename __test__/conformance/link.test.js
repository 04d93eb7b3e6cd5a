'use strict'

// A link by itself: settings, requests, lookups and their cache.

const { test } = require('node:test')
const assert = require('node:assert')
const { promisify } = require('util')
const { call, each, native, original } = require('../helpers/conformance')
const { fail, standIn, startLink } = require('../helpers/grapes/stand-in')

const DESTS = ['127.0.0.1:1337', '127.0.0.1:1338']

/** A lookup with its default options. */
const lookup = (link, key) => call(link, 'lookup', key)

test('C166: the defaults are those of the original', () => {
  const expected = {
    grape: '',
    monitorTimeout: 2000,
    requestTimeout: 2500,
    lruMaxSizeLookup: 2500,
    lruMaxAgeLookup: 10000
  }
  for (const { Link } of [original, native]) {
    assert.deepStrictEqual(new Link().conf, expected)
    assert.deepStrictEqual(new Link({}).conf, expected)
    assert.deepStrictEqual(new Link({ requestTimeout: 1, own: 2 }).conf, { ...expected, requestTimeout: 1, own: 2 })
  }
})

each('C166: lruMaxSizeLookup answers are kept, the longest unused goes first', async ({ implementation, stage }) => {
  const grape = await standIn(stage, () => DESTS)
  const link = startLink(stage, implementation, grape.url, { lruMaxSizeLookup: 2 })
  for (const key of ['a', 'b', 'a', 'c', 'a', 'b']) await lookup(link, key)
  assert.deepStrictEqual(grape.requests.map(({ data }) => data), ['a', 'b', 'c', 'b'])
})

each('C166: an answer is kept for lruMaxAgeLookup ms', async ({ implementation, stage, t }) => {
  const grape = await standIn(stage, () => DESTS)
  const link = startLink(stage, implementation, grape.url)
  let now = Date.now()
  // The original's clock, and ours.
  t.mock.method(Date, 'now', () => now)
  t.mock.method(performance, 'now', () => now)
  await lookup(link, 'key')
  now += 9999
  await lookup(link, 'key')
  assert.strictEqual(grape.requests.length, 1)
  now += 2
  await lookup(link, 'key')
  assert.strictEqual(grape.requests.length, 2)
})

each('an answer is kept for its time whatever the wall clock does', async ({ implementation, stage, t }) => {
  const grape = await standIn(stage, () => DESTS)
  const link = startLink(stage, implementation, grape.url)
  const wall = Date.now()
  let jump = 0
  t.mock.method(Date, 'now', () => wall + jump)
  const since = performance.now()
  let passed = 0
  t.mock.method(performance, 'now', () => since + passed)
  for (const [next, requests] of [[0, 1], [3600000, 1], [-3600000, 1], [0, 2]]) {
    jump = next
    await lookup(link, 'key')
    assert.strictEqual(grape.requests.length, requests)
    passed += 4000
  }
}, { better: true })

each('C167 C168: start and stop return the link, also after init', async ({ implementation }) => {
  const link = new implementation.Link({ grape: 'http://127.0.0.1:1' })
  assert.strictEqual(link.start(), link)
  assert.strictEqual(link.stop(), link)
  const inited = new implementation.Link({ grape: 'http://127.0.0.1:1' })
  inited.init()
  assert.strictEqual(inited.start(), inited)
  assert.strictEqual(inited.stop(), inited)
})

each('C168: a link that was inited and then started looks up and caches', async ({ implementation, stage }) => {
  const grape = await standIn(stage, () => DESTS)
  const link = new implementation.Link({ grape: grape.url })
  link.init()
  link.start()
  stage.after(() => link.stop())
  for (let at = 0; at < 2; at++) assert.deepStrictEqual((await lookup(link, 'key')).res, DESTS)
  assert.strictEqual(grape.requests.length, 1)
})

each('C167: a link that was stopped can be started again, with an empty cache', async ({ implementation, stage }) => {
  const grape = await standIn(stage, () => DESTS)
  const link = startLink(stage, implementation, grape.url)
  await lookup(link, 'key')
  link.stop()
  link.start()
  assert.deepStrictEqual((await lookup(link, 'key')).res, DESTS)
  assert.strictEqual(grape.requests.length, 2)
})

each('C169: any type and payload goes to the grape, once unless retry says more', async ({ implementation, stage }) => {
  const grape = await standIn(stage, (request, res) => {
    if (request.type === 'broken') return fail(500, 'ERR_BROKEN')(request, res)
    return { got: request.data }
  })
  const link = startLink(stage, implementation, grape.url)
  const payload = { a: [1, null, 'ü'] }
  assert.deepStrictEqual(await call(link, 'request', 'own_type', payload, {}), { err: null, res: { got: payload } })
  assert.strictEqual(grape.requests[0].type, 'own_type')
  assert.strictEqual((await call(link, 'request', 'broken', 1, {})).err.message, 'ERR_BROKEN')
  assert.strictEqual(grape.requests.length, 2)
  assert.strictEqual((await call(link, 'request', 'broken', 1, { retry: 2 })).err.code, 500)
  assert.strictEqual(grape.requests.length, 4)
})

each('C170: lookup hands back the addresses, with and without options', async ({ implementation, stage }) => {
  const grape = await standIn(stage, () => DESTS)
  const link = startLink(stage, implementation, grape.url)
  assert.deepStrictEqual(await call(link, 'lookup', 'one'), { err: null, res: DESTS })
  assert.deepStrictEqual(await call(link, 'lookup', 'two', {}), { err: null, res: DESTS })
  assert.deepStrictEqual(await call(link, 'lookup', 'three', { timeout: 5000 }), { err: null, res: DESTS })
  assert.strictEqual(grape.requests.length, 3)
})

for (const [opts, attempts] of [[undefined, 3], [{}, 3], [{ retry: 1 }, 1], [{ retry: 5 }, 5]]) {
  each(`C171: lookup with ${JSON.stringify(opts)} makes ${attempts} attempts`, async ({ implementation, stage }) => {
    const grape = await standIn(stage, fail(500, 'ERR_BROKEN'))
    const link = startLink(stage, implementation, grape.url)
    const { err } = await call(link, 'lookup', 'key', opts)
    assert.strictEqual(err.message, 'ERR_BROKEN')
    assert.strictEqual(err.code, 500)
    assert.strictEqual(grape.requests.length, attempts)
  })
}

each('C171: an attempt that works ends the lookup', async ({ implementation, stage }) => {
  const grape = await standIn(stage, (request, res) => {
    return grape.requests.length < 3 ? fail(500, 'ERR_BROKEN')(request, res) : DESTS
  })
  const link = startLink(stage, implementation, grape.url)
  assert.deepStrictEqual(await lookup(link, 'key'), { err: null, res: DESTS })
  assert.strictEqual(grape.requests.length, 3)
})

for (const answer of [[], null, 'ERR_GRAPE_LOOKUP', {}, 0]) {
  each(`C172: a lookup answered ${JSON.stringify(answer)} has found nothing`, async ({ implementation, stage }) => {
    const grape = await standIn(stage, () => answer)
    const link = startLink(stage, implementation, grape.url)
    const { err, res } = await lookup(link, 'key')
    assert(err instanceof Error)
    assert.strictEqual(err.message, 'ERR_GRAPE_LOOKUP_EMPTY')
    assert.strictEqual(res, undefined)
    assert.strictEqual(grape.requests.length, 1)
  })
}

each('C173 C186: a cached answer calls back before lookup returns', async ({ implementation, stage }) => {
  const grape = await standIn(stage, () => DESTS)
  const link = startLink(stage, implementation, grape.url)
  assert.strictEqual(link.cache.lookup.get('lookup:"rpc_\\"test"'), undefined)
  await lookup(link, 'rpc_"test')
  assert.deepStrictEqual(link.cache.lookup.get('lookup:"rpc_\\"test"'), DESTS)
  const answers = []
  link.lookup('rpc_"test', (err, dests) => answers.push([err, dests]))
  link.lookup('rpc_"test', { retry: 1 }, (err, dests) => answers.push([err, dests]))
  assert.deepStrictEqual(answers, [[null, DESTS], [null, DESTS]])
  assert.strictEqual(answers[0][1], link.cache.lookup.get('lookup:"rpc_\\"test"'))
  assert.strictEqual(grape.requests.length, 1)
})

each('C173: an answer that is not cached calls back later', async ({ implementation, stage }) => {
  const grape = await standIn(stage, () => DESTS)
  const link = startLink(stage, implementation, grape.url)
  let returned = false
  const late = new Promise(resolve => link.lookup('key', () => resolve(returned)))
  returned = true
  assert.strictEqual(await late, true)
})

each('C185: equal requests in flight share one HTTP request', async ({ implementation, stage }) => {
  const held = []
  const grape = await standIn(stage, (request, res) => { held.push(res) })
  const link = startLink(stage, implementation, grape.url)
  const answers = Promise.all([
    lookup(link, 'key'), lookup(link, 'key'), lookup(link, 'key'), lookup(link, 'other'),
    call(link, 'get', 'ff'), call(link, 'get', 'ff')
  ])
  await grape.arrived(3)
  held.forEach(res => res.end(JSON.stringify(DESTS)))
  assert.deepStrictEqual(await answers, Array(6).fill({ err: null, res: DESTS }))
  assert.deepStrictEqual(grape.requests.map(({ type, data }) => `${type} ${data}`).sort(), ['get ff', 'lookup key', 'lookup other'])

  // What is not cached asks again.
  const again = call(link, 'get', 'ff')
  await grape.arrived(4)
  held[3].end('"later"')
  assert.strictEqual((await again).res, 'later')
})

each('C185: a failure reaches all who share it', async ({ implementation, stage }) => {
  const held = []
  const grape = await standIn(stage, (request, res) => { held.push(res) })
  const link = startLink(stage, implementation, grape.url)
  const answers = Promise.all([call(link, 'get', 'ff'), call(link, 'get', 'ff')])
  await grape.arrived(1)
  fail(500, 'ERR_BROKEN')(null, held[0])
  for (const { err } of await answers) assert.strictEqual(err.message, 'ERR_BROKEN')
  assert.strictEqual(grape.requests.length, 1)
})

each('C187: an overridden _post carries all traffic', async ({ implementation, stage }) => {
  const posted = []
  class OwnLink extends implementation.Link {
    _post (url, data, opts, cb) {
      posted.push({ url, data, timeout: opts.timeout })
      setImmediate(cb, null, url.endsWith('/lookup') ? DESTS : data.data)
    }
  }
  const link = startLink(stage, { Link: OwnLink }, 'memory://grape', { requestTimeout: 1234 })
  assert.deepStrictEqual(await lookup(link, 'key'), { err: null, res: DESTS })
  assert.deepStrictEqual((await call(link, 'announce', 'key', 1)).res, ['key', 1])
  assert.deepStrictEqual((await call(link, 'put', { v: 'v' })).res, { v: 'v' })
  assert.deepStrictEqual((await call(link, 'get', 'ff')).res, 'ff')
  assert.deepStrictEqual((await call(link, 'request', 'own', 5, { timeout: 77 })).res, 5)
  assert.deepStrictEqual(posted.map(({ url, timeout }) => `${url} ${timeout}`), [
    'memory://grape/lookup 1234', 'memory://grape/announce 1234', 'memory://grape/put 1234',
    'memory://grape/get 1234', 'memory://grape/own 77'
  ])
  for (const { data } of posted) assert.deepStrictEqual(Object.keys(data), ['rid', 'data'])

  // Also one that is assigned later, and fails.
  link._post = (url, data, opts, cb) => cb(new Error('ERR_OWN'))
  assert.strictEqual((await call(link, 'get', 'ff')).err.message, 'ERR_OWN')
  assert.strictEqual(posted.length, 5)
})

each('C188: lookup, put and get can be promisified', async ({ implementation, stage }) => {
  const grape = await standIn(stage, ({ type, data }, res) => {
    return data === 'none' ? [] : type === 'lookup' ? DESTS : type
  })
  const link = startLink(stage, implementation, grape.url)
  const lookupLater = promisify(link.lookup).bind(link)
  assert.deepStrictEqual(await lookupLater('key'), DESTS)
  assert.deepStrictEqual(await lookupLater('other', { retry: 1 }), DESTS)
  await assert.rejects(lookupLater('none'), { message: 'ERR_GRAPE_LOOKUP_EMPTY' })
  assert.strictEqual(await promisify(link.put).bind(link)({ v: 1 }), 'put')
  assert.strictEqual(await promisify(link.get).bind(link)('ff'), 'get')
})
