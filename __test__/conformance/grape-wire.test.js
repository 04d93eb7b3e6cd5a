'use strict'

// What a link sends to a grape, byte by byte, and how it reads the answers.

const assert = require('node:assert')
const { call, each } = require('../helpers/conformance')
const { native } = require('../helpers/implementations')
const { fail, standIn, startLink } = require('../helpers/grapes/stand-in')

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/

each('C31: each type is a POST of JSON to its own path', async ({ implementation, stage }) => {
  const grape = await standIn(stage, () => ['127.0.0.1:1'])
  const link = startLink(stage, implementation, grape.url)
  await call(link, 'lookup', 'key')
  await call(link, 'announce', 'key', 1234, {})
  await call(link, 'put', { v: 'value' })
  await call(link, 'get', '00ff')
  await call(link, 'request', 'other', null, {})
  assert.deepStrictEqual(grape.requests.map(({ method, url }) => `${method} ${url}`), [
    'POST /lookup', 'POST /announce', 'POST /put', 'POST /get', 'POST /other'
  ])
  for (const { headers, text } of grape.requests) {
    assert.strictEqual(headers['content-type'], 'application/json')
    assert.strictEqual(+headers['content-length'], Buffer.byteLength(text))
  }
})

each('C32: the body holds a fresh rid and the data, and nothing else', async ({ implementation, stage }) => {
  const grape = await standIn(stage, () => 0)
  const link = startLink(stage, implementation, grape.url)
  const data = { text: 'äöü 你好 🦀 "\\ \u2028', list: [1, 2.5, null, true] }
  await call(link, 'request', 'any', data, {})
  await call(link, 'request', 'any', 'again', {})
  for (const { text, body } of grape.requests) {
    assert.match(body.rid, UUID)
    assert.strictEqual(text, JSON.stringify({ rid: body.rid, data: body.data }))
  }
  assert.deepStrictEqual(grape.requests[0].data, data)
  assert.notStrictEqual(grape.requests[0].body.rid, grape.requests[1].body.rid)
})

each('C33: the data of lookup and announce', async ({ implementation, stage }) => {
  const grape = await standIn(stage, () => ['127.0.0.1:1'])
  const link = startLink(stage, implementation, grape.url)
  await call(link, 'lookup', 'rpc:"key"')
  await call(link, 'announce', 'rpc:"key"', 1234)
  assert.strictEqual(grape.requests[0].data, 'rpc:"key"')
  assert.deepStrictEqual(grape.requests[1].data, ['rpc:"key"', 1234])
})

each('C34: the data of put is what the caller gave', async ({ implementation, stage }) => {
  const grape = await standIn(stage, () => 'hash')
  const link = startLink(stage, implementation, grape.url)
  const plain = { v: 'value' }
  const signed = { v: 'value', k: 'aa', sig: 'bb', salt: 'salt', seq: 2, cas: 1 }
  await call(link, 'put', plain)
  await call(link, 'put', signed)
  assert.deepStrictEqual(grape.requests.map(({ data }) => data), [plain, signed])
})

each('C35: the data of get is the hash, or hash and salt', async ({ implementation, stage }) => {
  const grape = await standIn(stage, () => ({ v: 'value' }))
  const link = startLink(stage, implementation, grape.url)
  await call(link, 'get', '00ff')
  await call(link, 'get', { hash: '00ff', salt: 'salt' })
  assert.deepStrictEqual(grape.requests.map(({ data }) => data), ['00ff', { hash: '00ff', salt: 'salt' }])
})

each('C36: an answer is read as JSON, also large and in pieces', async ({ implementation, stage }) => {
  const answers = [null, 5, 'text', { v: { deep: ['ü🦀'] } }, Array.from({ length: 5000 }, (_, at) => `ü${at}`)]
  const grape = await standIn(stage, ({ data }, res) => {
    const bytes = Buffer.from(JSON.stringify(answers[data]))
    const middle = bytes.length >> 1
    res.write(bytes.subarray(0, middle), () => res.end(bytes.subarray(middle)))
  })
  const link = startLink(stage, implementation, grape.url)
  for (const at of answers.keys()) {
    const { err, res } = await call(link, 'request', 'any', at, {})
    assert.ifError(err)
    assert.deepStrictEqual(res, answers[at])
  }
})

each('C36: an answer that is no JSON is passed on as text', async ({ implementation, stage }) => {
  const grape = await standIn(stage, fail(200, 'no {json'))
  const link = startLink(stage, implementation, grape.url)
  assert.deepStrictEqual(await call(link, 'request', 'any', 1, {}), { err: null, res: 'no {json' })
})

each('C37: a failure with status 200 is the result', async ({ implementation, stage }) => {
  const grape = await standIn(stage, () => 'ERR_GRAPE_SERVICE_PORT')
  const link = startLink(stage, implementation, grape.url)
  const expected = { err: null, res: 'ERR_GRAPE_SERVICE_PORT' }
  assert.deepStrictEqual(await call(link, 'announce', 'key', 'no port', {}), expected)
  assert.deepStrictEqual(await call(link, 'put', { v: 1 }), expected)
  assert.deepStrictEqual(await call(link, 'get', 'ff'), expected)
  assert.strictEqual(grape.requests.length, 3)
})

for (const [status, text, message, better = message] of [
  [500, 'ERR_GRAPE_PAYLOAD_INVALID', 'ERR_GRAPE_PAYLOAD_INVALID'],
  [413, '"ERR_AS_JSON"', 'ERR_AS_JSON'],
  // The original's has no text.
  [404, '', '', '404 Not Found'],
  [302, 'elsewhere', 'elsewhere']
]) {
  each(`C38: status ${status} with the body '${text}' is an Error`, async ({ implementation, stage }) => {
    const grape = await standIn(stage, fail(status, text))
    const link = startLink(stage, implementation, grape.url)
    const { err, res } = await call(link, 'get', 'ff')
    assert(err instanceof Error)
    assert.strictEqual(err.message, implementation === native ? better : message)
    assert.strictEqual(err.code, status)
    assert.strictEqual(res, undefined)
  })
}

each('C38: every status of 2xx is a result', async ({ implementation, stage }) => {
  const grape = await standIn(stage, ({ data }, res) => {
    res.statusCode = data
    return `answer ${data}`
  })
  const link = startLink(stage, implementation, grape.url)
  for (const status of [200, 201, 202, 299]) {
    assert.deepStrictEqual(await call(link, 'request', 'any', status, {}), { err: null, res: `answer ${status}` })
  }
})
