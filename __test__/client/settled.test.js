'use strict'

// `map` with `settled`: what each destination answered, whatever the others did.

const assert = require('node:assert')
const { call, each } = require('../helpers/conformance')
const { freePort } = require('../../scripts/lib/ports')

const better = { better: true }

/** Servers that answer by their number: an answer, an error, nothing. */
async function three (stage, implementation) {
  const answers = [reply => reply(null, 'fine'), reply => reply(new Error('broken')), () => {}]
  const services = await Promise.all(answers.map(answer =>
    stage.serve(implementation, (rid, key, payload, { reply }) => answer(reply))))
  return services.map(({ dest }) => dest)
}

/** Reasons by their messages, which compare. */
const plain = results => results.map(({ reason, ...rest }) => reason ? { ...rest, reason: reason.message } : rest)

each('C410: map with settled tells of each destination how it went', async ({ implementation, stage }) => {
  const [fine, broken, silent] = await three(stage, implementation)
  const gone = `127.0.0.1:${await freePort()}`
  const peer = stage.client(implementation, [gone, fine, broken, silent, 'nonsense'])
  const expected = [
    { dest: gone, status: 'rejected', reason: `connect ECONNREFUSED ${gone}` },
    { dest: fine, status: 'fulfilled', value: 'fine' },
    { dest: broken, status: 'rejected', reason: 'broken' },
    { dest: silent, status: 'rejected', reason: 'ERR_TIMEOUT' },
    { dest: 'nonsense', status: 'rejected', reason: 'ERR_DEST_INVALID: nonsense' }
  ]
  const opts = { settled: true, timeout: 300 }
  assert.deepStrictEqual(plain(await peer.map('k', 1, opts)), expected)
  const { err, res } = await call(peer, 'map', 'k', 1, opts)
  assert.strictEqual(err, null)
  assert.deepStrictEqual(plain(res), expected)
  assert.ok(res[0].reason instanceof Error)
}, better)

each('C410: without it, or with false, the first error ends a map', async ({ implementation, stage }) => {
  const [fine, broken] = await three(stage, implementation)
  const peer = stage.client(implementation, [fine, broken])
  for (const settled of [undefined, false, null]) {
    await assert.rejects(peer.map('k', 1, { settled, timeout: 9000 }), { message: 'broken' })
  }
}, better)

each('C410: a lookup that fails, and a signal, end it all the same; of nobody it is an empty list', async ({ implementation, stage }) => {
  const [, , silent] = await three(stage, implementation)
  const peer = stage.client(implementation, silent)
  const controller = new AbortController()
  const answers = peer.map('k', 1, { settled: true, signal: controller.signal })
  controller.abort()
  await assert.rejects(answers, { code: 'ABORT_ERR' })
  peer.link.lookup = (key, opts, cb) => cb(new Error('no grape'))
  await assert.rejects(peer.map('k', 1, { settled: true }), { message: 'no grape' })
  peer.link.lookup = (key, opts, cb) => cb(null, [])
  assert.deepStrictEqual(await peer.map('k', 1, { settled: true }), [])
}, better)

each('C410: a limit of the peer is a rejection of those that it concerns', async ({ implementation, stage }) => {
  const [fine] = await three(stage, implementation)
  const peer = stage.client(implementation, [fine, fine], { maxRequests: 1 })
  assert.deepStrictEqual(plain(await peer.map('k', 1, { settled: true })), [
    { dest: fine, status: 'fulfilled', value: 'fine' },
    { dest: fine, status: 'rejected', reason: 'ERR_REQUESTS_LIMIT' }
  ])
}, better)

each('C410: answers without room in memoryBudget are rejections, and the others are kept', async ({ implementation, stage }) => {
  const answer = 'x'.repeat(1024 * 1024)
  const services = await Promise.all(Array.from({ length: 8 }, () =>
    stage.serve(implementation, (rid, key, payload, { reply }) => reply(null, answer))))
  const peer = stage.client(implementation, services.map(({ dest }) => dest), { memoryBudget: 4 * 1024 * 1024 })
  const results = await peer.map('k', 1, { settled: true, timeout: 9000 })
  const kept = results.filter(({ status, value }) => status === 'fulfilled' && value === answer)
  const refused = results.filter(({ reason }) => reason && reason.message === 'ERR_MEMORY_BUDGET')
  assert.strictEqual(kept.length + refused.length, 8)
  assert.ok(kept.length > 0 && refused.length > 0, `${kept.length} kept`)
}, better)

each('C410: a transport that calls back twice counts once', async ({ implementation, stage }) => {
  const held = []
  class Twice extends implementation.TransportRPCClient {
    request (key, payload, opts, cb) {
      held.push(cb)
    }
  }
  const peer = stage.client(implementation, ['a:1', 'b:2'], {}, Twice)
  const answers = peer.map('k', 1, { settled: true })
  held[0](null, 1)
  held[0](null, 2)
  held[1](new Error('3'))
  assert.deepStrictEqual(plain(await answers), [
    { dest: 'a:1', status: 'fulfilled', value: 1 }, { dest: 'b:2', status: 'rejected', reason: '3' }
  ])
}, better)
