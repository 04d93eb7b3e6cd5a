'use strict'

// Where our link does better than the original.

const assert = require('node:assert')
const { once } = require('events')
const { call, each } = require('../helpers/conformance')
const { freePort } = require('../../scripts/lib/ports')
const { fail, standIn, startLink } = require('../helpers/grapes/stand-in')

const DESTS = ['127.0.0.1:1337', '127.0.0.1:1338']
const BETTER = { better: true }

/** A client of what a link finds, that chooses the first destination. */
function firstClient (stage, implementation, link) {
  const peer = new implementation.PeerRPCClient(link, {})
  peer.dest = dests => dests[0]
  peer.init()
  stage.after(() => peer.stop())
  return peer
}

each('C194: connect is emitted once a grape answered, in a later tick', async ({ implementation, stage }) => {
  const grape = await standIn(stage, () => 'ERR_REQ_NOTFOUND')
  const link = new implementation.Link({ grape: grape.url })
  stage.after(() => link.stop())
  let heard = 0
  link.on('connect', () => heard++)
  link.start()
  assert.strictEqual(heard, 0)
  await once(link, 'connect')
  assert.strictEqual(heard, 1)
  // Who listens after start hears it too.
  link.stop()
  await once(link.start(), 'connect')
  assert.strictEqual(heard, 2)
}, BETTER)

each('C194: a link stopped at once does not connect', async ({ implementation, stage }) => {
  const grape = await standIn(stage, () => 'ERR_REQ_NOTFOUND')
  const link = new implementation.Link({ grape: grape.url })
  let heard = 0
  link.on('connect', () => heard++)
  link.start()
  link.stop()
  await new Promise(resolve => setTimeout(resolve, 50))
  assert.strictEqual(heard, 0)
}, BETTER)

for (const slash of ['', '/']) {
  each(`C195: a grape at ws://host:port${slash} is asked by http`, async ({ implementation, stage }) => {
    const grape = await standIn(stage, () => DESTS)
    const link = startLink(stage, implementation, `ws://127.0.0.1:${grape.port}${slash}`)
    assert.deepStrictEqual(await call(link, 'lookup', 'key'), { err: null, res: DESTS })
    assert.strictEqual(grape.requests[0].url, '/lookup')
  }, BETTER)
}

for (const answer of [[null], [5], [{}], [[]], ['no address'], [''], ['127.0.0.1'], ['127.0.0.1:0'], ['127.0.0.1:99999']]) {
  each(`C203: the lookup answer ${JSON.stringify(answer)} is a clear error`, async ({ implementation, stage }) => {
    const grape = await standIn(stage, () => answer)
    const link = startLink(stage, implementation, grape.url)
    const message = 'ERR_GRAPE_LOOKUP_INVALID'
    assert.strictEqual((await call(link, 'lookup', 'key')).err.message, message)
    const peer = firstClient(stage, implementation, link)
    assert.strictEqual((await call(peer, 'request', 'key', 1, {})).err.message, message)
    assert.strictEqual((await call(peer, 'map', 'key', 1, {})).err.message, message)
    assert.strictEqual(link.cache.lookup.get('lookup:"key"'), undefined)
  }, BETTER)
}

for (const answer of [5, true, 'text', {}, { 0: '127.0.0.1:1337', length: 1 }]) {
  each(`C203: the lookup answer ${JSON.stringify(answer)} finds nothing`, async ({ implementation, stage }) => {
    const grape = await standIn(stage, () => answer)
    const peer = firstClient(stage, implementation, startLink(stage, implementation, grape.url))
    assert.strictEqual((await call(peer, 'request', 'key', 1, {})).err.message, 'ERR_GRAPE_LOOKUP_EMPTY')
  }, BETTER)
}

each('C203: garbage beside addresses is left out', async ({ implementation, stage }) => {
  const grape = await standIn(stage, () => [null, ...DESTS, 'no address', 5])
  const link = startLink(stage, implementation, grape.url)
  assert.deepStrictEqual(await call(link, 'lookup', 'key'), { err: null, res: DESTS })
  assert.deepStrictEqual(link.cache.lookup.get('lookup:"key"'), DESTS)
}, BETTER)

for (const [what, answer] of [
  ['says nothing', () => {}],
  ['stops after the headers', (request, res) => { res.flushHeaders() }],
  ['stops within the body', (request, res) => { res.write('["127.0') }]
]) {
  each(`C216: a grape that ${what} is ERR_TIMEOUT at the deadline`, async ({ implementation, stage }) => {
    const grape = await standIn(stage, answer)
    const link = startLink(stage, implementation, grape.url, { requestTimeout: 200 })
    const since = performance.now()
    const { err } = await call(link, 'lookup', 'key', { retry: 1 })
    const took = performance.now() - since
    assert.strictEqual(err.message, 'ERR_TIMEOUT')
    assert(took > 190 && took < 1500, `${took} ms`)
    assert.strictEqual((await call(link, 'get', 'ff')).err.message, 'ERR_TIMEOUT')
  }, BETTER)
}

each('C216: the timeout of a request overrides the conf', async ({ implementation, stage }) => {
  const grape = await standIn(stage, (request, res) => { setTimeout(() => res.end('"late"'), 300) })
  const link = startLink(stage, implementation, grape.url, { requestTimeout: 50 })
  assert.strictEqual((await call(link, 'request', 'any', 1, {})).err.message, 'ERR_TIMEOUT')
  assert.strictEqual((await call(link, 'request', 'any', 2, { timeout: 10000 })).res, 'late')
}, BETTER)

each('C217: empty answers and error strings are not cached', async ({ implementation, stage }) => {
  const answers = [[], 'ERR_GRAPE_LOOKUP', [], DESTS]
  const grape = await standIn(stage, () => answers[grape.requests.length - 1])
  const link = startLink(stage, implementation, grape.url)
  for (let at = 0; at < 3; at++) {
    assert.strictEqual((await call(link, 'lookup', 'key')).err.message, 'ERR_GRAPE_LOOKUP_EMPTY')
    assert.strictEqual(link.cache.lookup.get('lookup:"key"'), undefined)
  }
  assert.deepStrictEqual((await call(link, 'lookup', 'key')).res, DESTS)
  await call(link, 'lookup', 'key')
  assert.strictEqual(grape.requests.length, 4)
}, BETTER)

each('C217: an error is not cached', async ({ implementation, stage }) => {
  const grape = await standIn(stage, (request, res) => grape.requests.length > 1 ? DESTS : fail(404, 'ERR')(request, res))
  const link = startLink(stage, implementation, grape.url)
  assert.strictEqual((await call(link, 'lookup', 'key', { retry: 1 })).err.code, 404)
  assert.deepStrictEqual((await call(link, 'lookup', 'key', { retry: 1 })).res, DESTS)
}, BETTER)

each('C219: a destination that refuses is dropped from the cached answer', async ({ implementation, stage }) => {
  const service = await stage.serve(implementation)
  const dead = `127.0.0.1:${await freePort()}`
  const grape = await standIn(stage, ({ data }) => data === 'only' ? [dead] : [dead, service.dest])
  const link = startLink(stage, implementation, grape.url)
  const peer = firstClient(stage, implementation, link)
  await call(link, 'lookup', 'other')
  // What was refused goes to the other one.
  assert.deepStrictEqual(await call(peer, 'request', 'key', 1, {}), { err: null, res: 1 })
  assert.deepStrictEqual(link.cache.lookup.get('lookup:"key"'), [service.dest])
  assert.deepStrictEqual(link.cache.lookup.get('lookup:"other"'), [service.dest])
  assert.deepStrictEqual(await call(peer, 'request', 'key', 1, {}), { err: null, res: 1 })
  assert.strictEqual(grape.requests.length, 2)
}, BETTER)

each('C220: with no destination left the next request looks up afresh', async ({ implementation, stage }) => {
  const service = await stage.serve(implementation)
  const gone = [`127.0.0.1:${await freePort()}`, `127.0.0.1:${await freePort()}`]
  const grape = await standIn(stage, () => grape.requests.length === 1 ? gone : [service.dest])
  const link = startLink(stage, implementation, grape.url)
  const peer = firstClient(stage, implementation, link)
  // One after the other refuses it.
  assert.strictEqual((await call(peer, 'request', 'key', 1, {})).err.code, 'ECONNREFUSED')
  assert.strictEqual(grape.requests.length, 1)
  assert.strictEqual(link.cache.lookup.get('lookup:"key"'), undefined)
  assert.deepStrictEqual(await call(peer, 'request', 'key', 2, {}), { err: null, res: 2 })
  assert.strictEqual(grape.requests.length, 2)
}, BETTER)
