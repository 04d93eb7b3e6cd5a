'use strict'

// A link with several grapes: when one fails, the next one is asked.

const assert = require('node:assert')
const { call, each, native } = require('../helpers/conformance')
const { freePort } = require('../../scripts/lib/ports')
const { fail, standIn, startLink } = require('../helpers/grapes/stand-in')

const DESTS = ['127.0.0.1:1337']

/** A test with a stage, and an address where no grape is. The original knows one grape only. */
function scene (title, body) {
  each(title, async ({ stage }) => body(stage, `http://127.0.0.1:${await freePort()}`), { better: true })
}

const asked = grape => grape.requests.map(({ type }) => type)

for (const [form, of] of [
  ['an array', (...urls) => urls],
  ['a comma list', (...urls) => urls.join(',')],
  ['a comma list with blanks and slashes', (...urls) => ` ${urls.join('/ , ')}/ `]
]) {
  scene(`lookup, get and put go on to the next of ${form}`, async (stage, dead) => {
    const grape = await standIn(stage, ({ type }) => type === 'lookup' ? DESTS : type)
    for (const [method, payload, expected] of [['lookup', 'key', DESTS], ['get', 'ff', 'get'], ['put', { v: 1 }, 'put']]) {
      const link = startLink(stage, native, of(dead, grape.url))
      assert.deepStrictEqual(await call(link, method, payload), { err: null, res: expected })
    }
    assert.deepStrictEqual(asked(grape), ['lookup', 'get', 'put'])
  })
}

scene('a grape that breaks with 5xx is passed over', async stage => {
  const broken = await standIn(stage, fail(503, 'ERR_BUSY'))
  const grape = await standIn(stage, () => 'value')
  const link = startLink(stage, native, [broken.url, grape.url])
  assert.deepStrictEqual(await call(link, 'get', 'ff'), { err: null, res: 'value' })
  assert.strictEqual(broken.requests.length, 1)
})

scene('a grape that does not answer in time is passed over', async stage => {
  const silent = await standIn(stage, () => {})
  const grape = await standIn(stage, () => 'value')
  const link = startLink(stage, native, [silent.url, grape.url], { requestTimeout: 100 })
  assert.deepStrictEqual(await call(link, 'get', 'ff'), { err: null, res: 'value' })
  assert.strictEqual(silent.requests.length, 1)
})

scene('a grape that drops the connection is passed over', async stage => {
  const rude = await standIn(stage, (request, res) => { res.socket.destroy() })
  const grape = await standIn(stage, () => 'value')
  const link = startLink(stage, native, [rude.url, grape.url])
  assert.deepStrictEqual(await call(link, 'get', 'ff'), { err: null, res: 'value' })
})

scene('a request that a grape refuses with 4xx goes nowhere else', async stage => {
  const strict = await standIn(stage, fail(413, 'ERR_GRAPE_PAYLOAD_SIZE'))
  const grape = await standIn(stage, () => 'value')
  const link = startLink(stage, native, [strict.url, grape.url])
  assert.strictEqual((await call(link, 'put', { v: 1 })).err.code, 413)
  assert.strictEqual(grape.requests.length, 0)
})

scene('an answer that finds nothing goes nowhere else', async stage => {
  const empty = await standIn(stage, () => [])
  const grape = await standIn(stage, () => DESTS)
  const link = startLink(stage, native, [empty.url, grape.url])
  assert.strictEqual((await call(link, 'lookup', 'key')).err.message, 'ERR_GRAPE_LOOKUP_EMPTY')
  assert.strictEqual(grape.requests.length, 0)
})

scene('the grape that answered is asked first from then on', async stage => {
  const broken = await standIn(stage, fail(500, 'ERR_BROKEN'))
  const grape = await standIn(stage, () => 'value')
  const last = await standIn(stage, () => 'last')
  const link = startLink(stage, native, [broken.url, grape.url, last.url])
  for (const hash of ['01', '02', '03']) assert.strictEqual((await call(link, 'get', hash)).res, 'value')
  assert.strictEqual(broken.requests.length, 1)
  assert.strictEqual(grape.requests.length, 3)
  assert.strictEqual(last.requests.length, 0)
})

scene('after the last grape the first one is asked', async stage => {
  let working = 1
  const grapes = []
  for (const at of [0, 1]) {
    grapes.push(await standIn(stage, (request, res) => at === working ? at : fail(500, 'ERR_BROKEN')(request, res)))
  }
  const link = startLink(stage, native, grapes.map(({ url }) => url))
  assert.strictEqual((await call(link, 'get', '01')).res, 1)
  working = 0
  assert.strictEqual((await call(link, 'get', '02')).res, 0)
})

scene('when all grapes fail, the last error comes back', async (stage, dead) => {
  const first = await standIn(stage, fail(500, 'ERR_FIRST'))
  const last = await standIn(stage, fail(500, 'ERR_LAST'))
  const link = startLink(stage, native, [first.url, dead, last.url])
  assert.strictEqual((await call(link, 'get', 'ff')).err.message, 'ERR_LAST')
  assert.strictEqual(first.requests.length, 1)
  assert.strictEqual(last.requests.length, 1)
  const gone = startLink(stage, native, [first.url, dead])
  const { err } = await call(gone, 'get', 'ff')
  assert.strictEqual(err.code, 'ECONNREFUSED')
  assert(err.message.includes(dead.slice('http://'.length)), err.message)
})

scene('each attempt of a lookup asks all grapes', async stage => {
  const grapes = [await standIn(stage, fail(500, 'ERR_1')), await standIn(stage, fail(500, 'ERR_2'))]
  const link = startLink(stage, native, grapes.map(({ url }) => url))
  assert.strictEqual((await call(link, 'lookup', 'key', { retry: 2 })).err.code, 500)
  assert.deepStrictEqual(grapes.map(asked), [['lookup', 'lookup'], ['lookup', 'lookup']])
})

scene('announce goes on to a grape on the same host', async (stage, dead) => {
  const grape = await standIn(stage, () => 1)
  const link = startLink(stage, native, [dead, grape.url])
  assert.deepStrictEqual(await call(link, 'announce', 'key', 1, { retry: 1 }), { err: null, res: 1 })
  assert.deepStrictEqual(asked(grape), ['announce'])
})

// A grape announces the address that it sees: elsewhere it would announce another machine's.
scene('announce does not go to a grape on another host', async stage => {
  const broken = await standIn(stage, fail(500, 'ERR_BROKEN'))
  const other = await standIn(stage, () => DESTS)
  const same = await standIn(stage, fail(500, 'ERR_SAME'))
  const link = startLink(stage, native, [broken.url, `http://localhost:${other.port}`, same.url])
  const { err } = await call(link, 'announce', 'key', 1, { retry: 1 })
  assert.strictEqual(err.message, 'ERR_SAME')
  assert.strictEqual(other.requests.length, 0)
  // A lookup may go there, first while the broken one is in disgrace; announces may not.
  assert.deepStrictEqual((await call(link, 'lookup', 'key')).res, DESTS)
  assert.deepStrictEqual(asked(other), ['lookup'])
  await call(link, 'announce', 'key', 2, { retry: 1 })
  assert.deepStrictEqual(asked(broken), ['announce', 'announce'])
  assert.deepStrictEqual(asked(other), ['lookup'])
})

scene('an overridden _post sees every attempt', async stage => {
  const urls = []
  class OwnLink extends native.Link {
    _post (url, data, opts, cb) {
      urls.push(url)
      cb(urls.length < 3 ? new Error('ERR_OWN') : null, 'value')
    }
  }
  const link = startLink(stage, { Link: OwnLink }, ['memory://a', 'memory://b', 'memory://c'])
  assert.strictEqual((await call(link, 'get', 'ff')).res, 'value')
  assert.deepStrictEqual(urls, ['memory://a/get', 'memory://b/get', 'memory://c/get'])
})
