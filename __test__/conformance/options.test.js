'use strict'

// Options as real services write them: left out, undefined, of another form.

const assert = require('node:assert')
const { call, each, pair } = require('../helpers/conformance')
const { NO_HOST } = require('../../scripts/lib/ports')
const { fail, standIn, startLink } = require('../helpers/grapes/stand-in')

const DESTS = ['127.0.0.1:1337']
const better = { better: true }

for (const conf of [{ requestTimeout: undefined }, { requestTimeout: null }]) {
  pair(`C56: conf ${JSON.stringify(conf)} of a client is as if left out`, async ({ server, client, stage }) => {
    const service = await stage.serve(server)
    assert.deepStrictEqual(await call(stage.client(client, service.dest, conf), 'request', 'k', 1, {}), { err: null, res: 1 })
  }, { better: 'client' })
}

for (const [conf, opts] of [
  [{ requestTimeout: undefined }, {}], [{}, { timeout: undefined }], [{}, { timeout: null }], [{}, { timeout: 0 }],
  [{}, { timeout: Infinity }], [{ lruMaxAgeLookup: undefined }, {}]
]) {
  each(`a link with conf ${JSON.stringify(conf)} looks up with ${JSON.stringify(opts)}`, async ({ implementation, stage }) => {
    const grape = await standIn(stage, () => DESTS)
    const link = startLink(stage, implementation, grape.url, conf)
    assert.deepStrictEqual(await call(link, 'lookup', 'key', opts), { err: null, res: DESTS })
    assert.deepStrictEqual(link.cache.lookup.get('lookup:"key"'), DESTS)
  }, better)
}

const RETRIES = [
  [{ times: 4, interval: 1 }, 4], [{ interval: 1 }, 5], [{ times: 2 }, 2], ['3', 3],
  [{ times: 0 }, 5], [{ times: 'abc' }, 5], ['abc', 5], ['0', 5], [{ times: -1 }, 1], [-1, 1], [{}, 5],
  [0, 1], ['', 1], [null, 1], [undefined, 1], [false, 1], [{ times: 3, interval: 'abc' }, 3], [{ times: 2.5 }, 3]
]

for (const [retry, attempts] of RETRIES) {
  each(`C171: a lookup's retry of ${JSON.stringify(retry)} is ${attempts} attempts`, async ({ implementation, stage }) => {
    const grape = await standIn(stage, fail(500, 'no'))
    const link = startLink(stage, implementation, grape.url)
    assert.strictEqual((await call(link, 'lookup', 'key', { retry })).err.message, 'no')
    assert.strictEqual(grape.requests.length, attempts)
  })

  pair(`C57: a request's retry of ${JSON.stringify(retry)} is ${attempts} attempts`, async ({ server, client, stage }) => {
    let asked = 0
    const service = await stage.serve(server, (rid, key, payload, handler) => handler.reply(new Error(`no ${++asked}`)))
    const { err } = await call(stage.client(client, service.dest), 'request', 'k', 1, { retry })
    assert.strictEqual(err.message, `no ${attempts}`)
  })
}

for (const peerOrLink of ['peer', 'link']) {
  each(`C295: interval may be a function of the attempt, and errorFilter ends the retries of a ${peerOrLink}`, async ({ implementation, stage }) => {
    const says = () => `no ${++asked}`
    let asked = 0
    let ask
    if (peerOrLink === 'peer') {
      const service = await stage.serve(implementation, (rid, key, payload, handler) => handler.reply(new Error(says())))
      const peer = stage.client(implementation, service.dest)
      ask = retry => call(peer, 'request', 'k', 1, { retry })
    } else {
      const grape = await standIn(stage, (request, res) => fail(500, says())(request, res))
      const link = startLink(stage, implementation, grape.url)
      ask = retry => call(link, 'request', 'some', asked, { retry })
    }
    const attempts = []
    const interval = attempt => attempts.push(attempt)
    const errorFilter = err => err.message !== 'no 3'
    assert.strictEqual((await ask({ times: 5, interval, errorFilter })).err.message, 'no 3')
    assert.deepStrictEqual(attempts, [1, 2])
    asked = 0
    assert.strictEqual((await ask({ times: 5, errorFilter: () => false })).err.message, 'no 1')
    assert.strictEqual((await ask({ times: 2, errorFilter: 'no function' })).err.message, 'no 3')
  })
}

each('C296: what is no retry is thrown by the call', async ({ implementation, stage }) => {
  const peer = stage.client(implementation, '127.0.0.1:1')
  const link = startLink(stage, implementation, 'http://127.0.0.1:1')
  for (const retry of [true, () => 1, Symbol('retry')]) {
    const is = { name: 'TypeError', code: 'ERR_OPTION', message: /^ERR_OPTION: retry is .*, and must be a number of attempts or \{ times, interval, errorFilter \}$/ }
    assert.throws(() => peer.request('k', 1, { retry }, () => {}), is)
    assert.throws(() => link.request('some', 1, { retry }, () => {}), is)
    await assert.rejects(peer.request('k', 1, { retry }), is)
  }
}, better)

each('a failing errorFilter or interval is the error of the request', async ({ implementation, stage }) => {
  const peer = stage.client(implementation, '127.0.0.1:1')
  const thrown = new Error('thrown')
  const fails = () => { throw thrown }
  for (const retry of [{ errorFilter: fails }, { interval: fails }]) {
    assert.strictEqual((await call(peer, 'request', 'k', 1, { retry })).err, thrown)
  }
}, better)

each('a lookup that joins a more patient one ends by its own timeout', async ({ implementation, stage }) => {
  let answer
  const grape = await standIn(stage, (request, res) => { answer = () => res.end(JSON.stringify(DESTS)) })
  const link = startLink(stage, implementation, grape.url)
  const patient = call(link, 'lookup', 'key', { timeout: 20000 })
  await grape.arrived(1)
  const { err } = await call(link, 'lookup', 'key', { timeout: 20, retry: 1 })
  assert.strictEqual(err.message, 'ERR_TIMEOUT')
  answer()
  assert.deepStrictEqual(await patient, { err: null, res: DESTS })
  assert.strictEqual(grape.requests.length, 1)
}, better)

each('a grape whose name has no address is Node\'s error', async ({ implementation, stage }) => {
  const link = startLink(stage, implementation, `http://${NO_HOST}:1`)
  const { err } = await call(link, 'lookup', 'key', { retry: 1 })
  assert.strictEqual(err.code, 'ENOTFOUND')
  assert.ok(err.message.includes(`getaddrinfo ENOTFOUND ${NO_HOST}`), err.message)
})

each('a grape\'s error that no string can be made of is an Error', async ({ implementation, stage }) => {
  const grape = await standIn(stage, fail(500, '{"toString":1,"valueOf":2}'))
  const link = startLink(stage, implementation, grape.url)
  const { err } = await call(link, 'lookup', 'key', { retry: 1 })
  assert.strictEqual(err.message, '{"toString":1,"valueOf":2}')
  assert.strictEqual(err.code, 500)
}, better)
