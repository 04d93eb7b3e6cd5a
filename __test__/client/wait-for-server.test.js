'use strict'

// Calls that wait until somebody serves the name.

const assert = require('node:assert')
const { call, each } = require('../helpers/conformance')
const { freePort } = require('../../scripts/lib/ports')
const { standIn, startLink } = require('../helpers/grapes/stand-in')
const { until } = require('../helpers/until')
const { testGrapes } = require('../../testing')

/** An end before that, in ms, does not come from a longer wait, on a busy machine either. */
const LATE = 4000

/** A client of a grape that answers lookups as `answer` says; the grape's requests are in `grape`. */
async function clientOf (stage, implementation, answer, conf) {
  const grape = await standIn(stage, answer)
  const link = startLink(stage, implementation, grape.url, { lruMaxAgeLookup: 1, ...conf })
  const peer = new implementation.PeerRPCClient(link, {})
  peer.init()
  stage.after(() => peer.stop())
  return { grape, link, peer }
}

/** How long a call took, in ms, and what came of it. */
async function timed (start) {
  const since = performance.now()
  const result = await start().then(res => ({ res }), err => ({ err }))
  return { ms: performance.now() - since, ...result }
}

each('C536: request, map and waitFor wait for a service that is announced later', async ({ implementation, stage }) => {
  const network = await testGrapes(1)
  stage.after(() => network.stop())
  const link = startLink(stage, implementation, network.url)
  const peer = new implementation.PeerRPCClient(link, {})
  peer.init()
  stage.after(() => peer.stop())
  const waiting = [
    peer.request('late', 'hello', { waitFor: 10000 }),
    peer.map('late', 'hello', { waitFor: 10000 }),
    link.promises.waitFor('late', { timeout: 10000 })
  ]
  await until(() => link.stats().requests.lookup?.succeeded >= 6)
  const service = await stage.serve(implementation)
  const since = performance.now()
  await link.promises.announce('late', +service.dest.split(':')[1])
  assert.deepStrictEqual(await Promise.all(waiting), ['hello', ['hello'], [service.dest]])
  assert.ok(performance.now() - since < 3000)
  // What is there already is not waited for.
  const { ms, res } = await timed(() => peer.request('late', 'again', { waitFor: 10000 }))
  assert.ok(res === 'again' && ms < LATE)
  const { requests } = peer.stats()
  assert.deepStrictEqual([requests.rejected, requests.retried], [0, 0])
}, { better: true })

each('C536: the time is over when it is, and the error says why', async ({ implementation, stage }) => {
  const { peer, link, grape } = await clientOf(stage, implementation, () => [])
  for (const start of [() => peer.request('k', 1, { waitFor: 300 }), () => peer.map('k', 1, { waitFor: 300 }), () => link.promises.waitFor('k', { timeout: 300 })]) {
    const { ms, err } = await timed(start)
    assert.strictEqual(err.message, 'ERR_GRAPE_LOOKUP_EMPTY')
    assert.ok(ms >= 299 && ms < LATE, `${ms}`)
  }
  assert.ok(grape.requests.length >= 6 && grape.requests.length < 30, `${grape.requests.length}`)
  assert.strictEqual(peer.stats().requests.rejected, 2)

  const silent = await clientOf(stage, implementation, () => {})
  const slow = await timed(() => silent.peer.request('k', 1, { waitFor: 300 }))
  assert.strictEqual(slow.err.message, 'ERR_TIMEOUT')
  assert.ok(slow.ms >= 299 && slow.ms < LATE, `${slow.ms}`)
  const gone = startLink(stage, implementation, 'http://127.0.0.1:1')
  const refused = await timed(() => gone.promises.waitFor('k', { timeout: 200 }))
  assert.strictEqual(refused.err.code, 'ECONNREFUSED')
  assert.ok(refused.ms >= 199 && refused.ms < LATE, `${refused.ms}`)
}, { better: true })

each('C536: an announced service that does not listen yet is waited for, also with dest; an error of a server is not', async ({ implementation, stage }) => {
  const at = await freePort()
  const dest = `127.0.0.1:${at}`
  const { peer } = await clientOf(stage, implementation, () => [dest])
  const waiting = [peer.request('k', 'hello', { waitFor: 10000 }), peer.request('k', 'direct', { waitFor: 10000, dest })]
  await until(() => peer.stats().requests.retried >= 3)
  const server = new implementation.PeerRPCServer({}, {})
  server.init()
  stage.after(() => server.stop())
  const service = server.transport('server').listen(at)
  const asked = []
  service.on('request', (rid, key, payload, { reply }) => {
    asked.push(payload)
    if (payload === 'fail') reply(new Error('ERR_GRAPE_LOOKUP_EMPTY'))
    else reply(null, payload)
  })
  assert.deepStrictEqual(await Promise.all(waiting), ['hello', 'direct'])
  await assert.rejects(peer.request('k', 'fail', { waitFor: 5000 }), { message: 'ERR_GRAPE_LOOKUP_EMPTY' })
  assert.deepStrictEqual(asked.sort(), ['direct', 'fail', 'hello'])
}, { better: true })

each('C537: a signal, stop of the client and stop of the link end it at once', async ({ implementation, stage }) => {
  const { peer, link, grape } = await clientOf(stage, implementation, () => [])
  const ways = [
    signal => peer.request('k', 1, { waitFor: 10000, signal }),
    signal => peer.map('k', 1, { waitFor: 10000, signal }),
    signal => link.promises.waitFor('k', { timeout: 10000, signal })
  ]
  for (const way of ways) {
    const control = new AbortController()
    const ended = way(control.signal)
    await grape.arrived(grape.requests.length + 2)
    control.abort()
    const { ms, err } = await timed(() => ended)
    assert.strictEqual(err.code, 'ABORT_ERR')
    assert.ok(ms < LATE)
  }
  const { length } = grape.requests
  await new Promise(resolve => setTimeout(resolve, 500))
  assert.strictEqual(grape.requests.length, length)

  const waiting = [peer.request('k', 1, { waitFor: 10000 }), peer.map('k', 1, { waitFor: 10000 })]
  await grape.arrived(length + 3)
  peer.stop()
  for (const one of waiting) await assert.rejects(one, { message: 'ERR_TRANSPORT_CLOSE' })
  const last = link.promises.waitFor('k')
  await grape.arrived(grape.requests.length + 2)
  link.stop()
  await assert.rejects(last, { message: 'ERR_TRANSPORT_CLOSE' })
  await assert.rejects(link.promises.waitFor('k'), { message: 'ERR_TRANSPORT_CLOSE' })
}, { better: true })

each('C538: the lookup is a part of retry', async ({ implementation, stage }) => {
  const service = await stage.serve(implementation)
  let empty = 3
  const { peer, grape } = await clientOf(stage, implementation, () => empty-- > 0 ? [] : [service.dest])
  const { ms, res } = await timed(() => peer.request('k', 'hello', { retry: { times: 10, interval: 100 } }))
  assert.strictEqual(res, 'hello')
  assert.ok(ms >= 290)
  assert.strictEqual(grape.requests.length, 4)
  empty = Infinity
  const failed = await timed(() => peer.request('other', 'hello', { retry: { times: 3, interval: 100 } }))
  assert.strictEqual(failed.err.message, 'ERR_GRAPE_LOOKUP_EMPTY')
  assert.ok(failed.ms >= 199)
  assert.strictEqual(grape.requests.length, 7)
  const { requests } = peer.stats()
  assert.deepStrictEqual([requests.rejected, requests.retried], [1, 0])
  // Whether it is worth another attempt says the caller.
  await assert.rejects(peer.request('third', 1, { retry: { times: 5, errorFilter: err => err.message !== 'ERR_GRAPE_LOOKUP_EMPTY' } }))
  assert.strictEqual(grape.requests.length, 8)
}, { better: true })

each('C536: what nobody can wait for fails at once, and waitFor is what its option says', async ({ implementation, stage }) => {
  const { peer, link } = await clientOf(stage, implementation, () => [])
  for (const waitFor of ['soon', NaN, -1, {}]) {
    assert.throws(() => peer.request('k', 1, { waitFor }, () => {}), { code: 'ERR_OPTION', option: 'waitFor' })
    assert.throws(() => peer.map('k', 1, { waitFor }, () => {}), { code: 'ERR_OPTION', option: 'waitFor' })
  }
  await assert.rejects(link.promises.waitFor('k', { timeout: 'soon' }), { code: 'ERR_OPTION', option: 'timeout' })
  for (const waitFor of [0, null, undefined, '']) {
    const { ms, err } = await timed(() => peer.request('k', 1, { waitFor }))
    assert.ok(err.message === 'ERR_GRAPE_LOOKUP_EMPTY' && ms < LATE)
  }
  for (const [grape, expected] of [['nonsense', /^ERR_GRAPE_URL/], [undefined, /^ERR_GRAPE_URL/]]) {
    const bad = startLink(stage, implementation, grape)
    const { ms, err } = await timed(() => bad.promises.waitFor('k', { timeout: 5000 }))
    assert.match(err.message, expected)
    assert.ok(ms < LATE)
  }
  // Left out by `exclude` is not there.
  const service = await stage.serve(implementation)
  const known = await clientOf(stage, implementation, () => [service.dest])
  const { err } = await timed(() => known.peer.request('k', 1, { waitFor: 200, exclude: service.dest }))
  assert.strictEqual(err.message, 'ERR_GRAPE_LOOKUP_EMPTY')
  assert.deepStrictEqual(await known.peer.map('k', 1, { waitFor: 200, exclude: service.dest }), [])
  assert.strictEqual((await call(known.peer, 'request', 'k', 1, { waitFor: 200 })).res, 1)
}, { better: true })
