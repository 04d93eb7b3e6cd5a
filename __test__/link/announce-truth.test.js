'use strict'

// What grapes say of announces reaches who announces: by promises, events, counts and warnings. The
// callbacks of the original keep its results.

const assert = require('node:assert')
const { once } = require('node:events')
const http = require('node:http')
const { call, each, native } = require('../helpers/conformance')
const { standIn, startLink } = require('../helpers/grapes/stand-in')
const { until } = require('../helpers/until')
const { warningsOf } = require('../helpers/warnings')
const { Grape, PeerRPCServer } = require('../..')

/** A grape alone in its network: one of the original keeps nothing then. */
async function lone (stage, Class, conf) {
  const { freePort, freeUdpPort } = require('../../scripts/lib/ports')
  const port = await freePort()
  const grape = new Class({ host: '127.0.0.1', dht_port: await freeUdpPort(), dht_bootstrap: [], api_port: port, ...conf })
  await new Promise((resolve, reject) => grape.start(err => err ? reject(err) : resolve()))
  stage.after(() => new Promise(resolve => grape.stop(resolve)))
  return `http://127.0.0.1:${port}`
}

const REFUSALS = [
  ['No nodes to query', 'No nodes to query', 'ERR_GRAPE_ALONE'],
  ['All queries failed', 'All queries failed', 'ERR_GRAPE_ALONE'],
  ['ERR_GRAPE_SERVICE_PORT', 'ERR_GRAPE_SERVICE_PORT', 'ERR_GRAPE_SERVICE_PORT'],
  ['<html>hello</html>', 'ERR_GRAPE_ANSWER: <html>hello</html>', 'ERR_GRAPE_ANSWER'],
  ['', 'ERR_GRAPE_ANSWER: an empty text', 'ERR_GRAPE_ANSWER'],
  [{ a: 1 }, 'ERR_GRAPE_ANSWER: {"a":1}', 'ERR_GRAPE_ANSWER']
]

for (const [answer, message, code] of REFUSALS) {
  each(`C37: callbacks of announces get ${JSON.stringify(answer)} as before`, async ({ implementation, stage }) => {
    const grape = await standIn(stage, () => answer)
    const link = startLink(stage, implementation, grape.url)
    assert.deepStrictEqual(await call(link, 'announce', 'key', 1), { err: null, res: answer })
    const first = await new Promise(resolve => link.startAnnouncing('key', 1, (...args) => resolve(args)))
    assert.deepStrictEqual(first, [null])
  })

  each(`C526 C530: promises of announces reject with ${message}, and stats count a failure`, async ({ implementation, stage }) => {
    const grape = await standIn(stage, () => answer)
    const link = startLink(stage, implementation, grape.url)
    const about = { name: 'Error', message, code, key: 'key', port: 1, grape: grape.url }
    await assert.rejects(link.promises.announce('key', 1), about)
    await assert.rejects(link.promises.startAnnouncing('key', 1), about)
    const { requests, exchanges } = link.stats()
    assert.deepStrictEqual(requests.announce, { started: 2, succeeded: 0, failed: 2, timedOut: 0, pending: 0 })
    assert.deepStrictEqual(exchanges, { started: 2, succeeded: 0, failed: 2, timedOut: 0, pending: 0 })
  }, { better: true })
}

for (const answer of [0, 1, 20, null, true]) {
  each(`C526 C530: ${answer} is a success`, async ({ implementation, stage }) => {
    const grape = await standIn(stage, (request, res) => { res.end(JSON.stringify(answer)) })
    const link = startLink(stage, implementation, grape.url)
    assert.strictEqual(await link.promises.announce('key', 1), answer)
    assert.strictEqual(await link.promises.startAnnouncing('key', 1), true)
    assert.strictEqual(link.stats().requests.announce.succeeded, 2)
  }, { better: true })
}

each('C526 C528 C529: a grape of the original that is alone keeps nothing, and says so', async ({ implementation, stage }) => {
  const heard = warningsOf(stage, 'ERR_NOT_ANNOUNCED')
  const link = startLink(stage, implementation, await lone(stage, require('grenache-grape').Grape))
  const failed = []
  await assert.rejects(link.promises.startAnnouncing('told', 1), { message: 'No nodes to query', code: 'ERR_GRAPE_ALONE' })
  assert.strictEqual(link.startAnnouncing('rpc_test', 1337, err => failed.push(err)), undefined)
  await until(() => heard.length === 1)
  assert.match(heard[0], /^rpc_test is not announced at port 1337: No nodes to query \(http:.*start a second one/)
  link.on('announce-error', (err, about) => failed.push(err.code, about.key))
  await call(link, 'announce', 'again', 2)
  assert.deepStrictEqual(failed, [null, 'ERR_GRAPE_ALONE', 'again'])
}, { better: true })

each('C526 C528: the promise of an announce of a service that does not listen yet rejects, and that of one that does resolves', async ({ implementation, stage }) => {
  const url = await lone(stage, Grape)
  const link = startLink(stage, implementation, url)
  const peer = new PeerRPCServer(link, {})
  peer.init()
  stage.after(() => peer.stop())
  const service = peer.transport('server')
  const told = once(link, 'announce-error')
  await assert.rejects(link.promises.startAnnouncing('early', service.port), { code: 'ERR_GRAPE_SERVICE_PORT', key: 'early' })
  const [err, about] = await told
  assert.deepStrictEqual([err.code, about], ['ERR_GRAPE_SERVICE_PORT', { key: 'early', port: undefined, host: undefined }])
  service.listen(0)
  await once(service.socket, 'listening')
  const announced = once(link, 'announced')
  assert.strictEqual(await link.promises.startAnnouncing('ready', service.port), true)
  assert.deepStrictEqual(await announced, [{ key: 'ready', port: service.port, host: undefined, nodes: 1 }])
  assert.deepStrictEqual(await link.promises.lookup('ready'), [`127.0.0.1:${service.port}`])
}, { better: true })

each('C527: promises of put and get reject with what a grape says', async ({ implementation, stage }) => {
  const link = startLink(stage, implementation, await lone(stage, Grape))
  const long = 'x'.repeat(2000)
  assert.match((await call(link, 'put', { v: long })).res, /less than 1000 bytes/)
  await assert.rejects(link.promises.put({ v: long }), { message: /less than 1000 bytes/, code: 'ERR_GRAPE_ANSWER' })
  await assert.rejects(link.promises.put({}), { message: 'opts.v not given', code: 'ERR_GRAPE_ANSWER' })
  await assert.rejects(link.promises.get({ nothing: 1 }), { message: 'ERR_GRAPE_GENERIC', code: 'ERR_GRAPE_GENERIC' })
  const { generateKeyPairSync } = require('node:crypto')
  const { privateKey } = generateKeyPairSync('ed25519')
  await assert.rejects(link.promises.putMutable({ v: long, privateKey, seq: 1 }), { message: /less than 1000 bytes/ })
  const hash = await link.promises.put({ v: 'kept' })
  assert.strictEqual((await link.promises.get(hash)).v, 'kept')
  assert.strictEqual(await link.promises.get('00'.repeat(20)), '')
}, { better: true })

each('C530 C172: a lookup that a text answers has it as its cause', async ({ implementation, stage }) => {
  const web = http.createServer((req, res) => res.end('It works!')).listen(0, '127.0.0.1')
  await once(web, 'listening')
  stage.after(() => new Promise(resolve => web.close(resolve)))
  const link = startLink(stage, implementation, `http://127.0.0.1:${web.address().port}`)
  const { err } = await call(link, 'lookup', 'key')
  assert.strictEqual(err.message, 'ERR_GRAPE_LOOKUP_EMPTY')
  if (implementation !== native) return
  assert.strictEqual(err.cause.message, 'ERR_GRAPE_ANSWER: It works!')
  assert.strictEqual(link.stats().requests.lookup.failed, 1)
})

each('C529: a failure is one warning for each cause, and none where somebody listens or is told', async ({ implementation, stage }) => {
  const heard = warningsOf(stage, 'ERR_NOT_ANNOUNCED')
  let answer = 'No nodes to query'
  const grape = await standIn(stage, () => answer)
  const link = startLink(stage, implementation, grape.url)
  const announce = () => call(link, 'announce', 'key', 1)
  await announce()
  await announce()
  answer = 'ERR_OTHER'
  await announce()
  await until(() => heard.length === 2)
  link.on('announce-error', () => {})
  answer = 'ERR_THIRD'
  await announce()
  const other = startLink(stage, implementation, grape.url)
  await other.promises.announce('key', 1).catch(() => {})
  await other.promises.startAnnouncing('key', 1).catch(() => {})
  const gone = startLink(stage, implementation, 'http://user:secret@127.0.0.1:1')
  assert.strictEqual((await call(gone, 'announce', 'key', 1)).err.code, 'ECONNREFUSED')
  gone.announce('key', 1)
  await until(() => heard.length === 3)
  assert.deepStrictEqual(heard.map(text => /: ([^(]*) \(/.exec(text)[1]), ['No nodes to query', 'ERR_OTHER', 'connect ECONNREFUSED 127.0.0.1:1'])
  assert.doesNotMatch(heard[2], /secret/)
}, { better: true })

each('C531: what a lone grape refuses is announced again in a second, and what makes no sense more and more rarely', async ({ implementation, stage }) => {
  const at = []
  const grape = await standIn(stage, ({ type, data }) => {
    const [key] = data || [type]
    at.push({ key, ms: performance.now() })
    return key === 'alone' && at.filter(({ key }) => key === 'alone').length === 1 ? 'No nodes to query' : 1
  })
  const link = startLink(stage, implementation, grape.url)
  link.on('announce-error', () => {})
  const announced = once(link, 'announced')
  link.startAnnouncing('alone', 1)
  await announced
  assert.ok(at[1].ms - at[0].ms < 5000, `${at[1].ms - at[0].ms}`)
  assert.strictEqual(link.stats().requests.announce.failed, 1)
}, { better: true })

each('C529: stop of a link, and a signal, are no failed announce', async ({ implementation, stage }) => {
  const heard = warningsOf(stage, 'ERR_NOT_ANNOUNCED')
  const grape = await standIn(stage, () => {})
  const link = startLink(stage, implementation, grape.url, { requestTimeout: 200 })
  const failed = []
  link.on('announce-error', err => failed.push(err.message))
  const control = new AbortController()
  const ended = link.promises.announce('key', 1, { signal: control.signal, retry: 1 })
  await grape.arrived(1)
  control.abort()
  await assert.rejects(ended, { code: 'ABORT_ERR' })
  link.announce('other', 1)
  await grape.arrived(2)
  link.stop()
  link.announce('late', 1)
  assert.strictEqual((await call(link, 'announce', 'later', 1)).err.message, 'ERR_TRANSPORT_CLOSE')
  assert.deepStrictEqual([failed, heard], [[], []])
}, { better: true })

for (const port of [0, -1, 65536]) {
  each(`C543: nothing listens at port ${port}: promises reject, an event and a warning tell, callbacks get the grape's answer`, async ({ implementation, stage }) => {
    const heard = warningsOf(stage, 'ERR_NOT_ANNOUNCED')
    const grape = await standIn(stage, () => 1)
    const link = startLink(stage, implementation, grape.url)
    assert.deepStrictEqual(await call(link, 'announce', 'key', port), { err: null, res: 1 })
    const first = await new Promise(resolve => link.startAnnouncing('key', port, (...args) => resolve(args)))
    assert.deepStrictEqual(first, [null])
    await until(() => heard.length === 1)
    assert.match(heard[0], /^key is not announced at port .*listen\(\) before/)
    link.stopAnnouncing('key', port)
    // What a grape has taken is taken back.
    await until(() => grape.requests.some(({ type }) => type === 'unannounce'))
    const told = once(link, 'announce-error')
    const about = { message: 'ERR_GRAPE_SERVICE_PORT', code: 'ERR_GRAPE_SERVICE_PORT', key: 'other', port }
    await assert.rejects(link.promises.announce('other', port), about)
    assert.deepStrictEqual((await told)[1], { key: 'other', port, host: undefined })
    await assert.rejects(link.promises.startAnnouncing('other', port), about)
  }, { better: true })
}
