'use strict'

// Requests to all servers of a service.

const assert = require('node:assert')
const { call, each, pair } = require('../helpers/conformance')

/** Servers that answer with their number; resolves with their destinations. */
async function numbered (stage, implementation, count) {
  const services = await Promise.all(Array.from({ length: count }, (_, at) =>
    stage.serve(implementation, (rid, key, payload, handler) => handler.reply(null, [at, key, payload]))))
  return services.map(({ dest }) => dest)
}

/** A transport class that keeps its requests: `held` gets `{ dest, key, payload, opts, cb }`. */
const holding = ({ TransportRPCClient }, held) => class extends TransportRPCClient {
  request (key, payload, opts, cb) {
    held.push({ dest: this.conf.dest, key, payload, opts, cb })
  }
}

pair('C60: map asks each destination once', async ({ server, client, stage }) => {
  const peer = stage.client(client, await numbered(stage, server, 4))
  const { err, res } = await call(peer, 'map', 'the:key', { a: 1 }, { timeout: 9000 })
  assert.ifError(err)
  assert.deepStrictEqual(res, [0, 1, 2, 3].map(at => [at, 'the:key', { a: 1 }]))
})

pair('C60: the results of map have the order of the destinations, not of the answers', async ({ server, client, stage }) => {
  const replies = []
  const answer = at => (rid, key, payload, { reply }) => {
    replies[at] = () => reply(null, at)
    if (Object.keys(replies).length < 3) return
    for (const late of [2, 0, 1]) replies[late]()
  }
  const services = await Promise.all([0, 1, 2].map(at => stage.serve(server, answer(at))))
  const peer = stage.client(client, services.map(({ dest }) => dest))
  assert.deepStrictEqual(await call(peer, 'map', 'k', 1, {}), { err: null, res: [0, 1, 2] })
})

each('C60: map hands each transport key, payload and options', async ({ implementation, stage }) => {
  const held = []
  const dests = ['a:1', 'b:2']
  const peer = stage.client(implementation, dests, {}, holding(implementation, held))
  const payload = { a: 1 }
  const done = call(peer, 'map', 'k', payload, { timeout: 7 })
  assert.deepStrictEqual(held.map(({ dest, opts }) => ({ dest, opts })), dests.map(dest => ({ dest, opts: { timeout: 7 } })))
  for (const { key, payload: sent, cb } of held) {
    assert.strictEqual(key, 'k')
    assert.strictEqual(sent, payload)
    cb(null, undefined)
  }
  assert.deepStrictEqual(await done, { err: null, res: [undefined, undefined] })
})

pair('C61: map with limit asks so many different servers', async ({ server, client, stage }) => {
  const peer = stage.client(client, await numbered(stage, server, 4))
  for (const [limit, count] of [[1, 1], [2, 2], [3, 3], [4, 4], [9, 4], [0, 4]]) {
    const { err, res } = await call(peer, 'map', 'k', 1, { limit })
    assert.ifError(err)
    assert.strictEqual(new Set(res.map(([at]) => at)).size, count)
    assert.strictEqual(res.length, count)
  }
})

each('C61: map with limit chooses at random', async ({ implementation, stage }) => {
  const dests = ['a:1', 'b:2', 'c:3']
  const held = []
  const peer = stage.client(implementation, dests, {}, holding(implementation, held))
  const chosen = new Map(dests.map(dest => [dest, 0]))
  for (let at = 0; at < 600; at++) {
    const done = call(peer, 'map', 'k', 1, { limit: 2 })
    const asked = held.splice(0)
    for (const { dest, cb } of asked) {
      chosen.set(dest, chosen.get(dest) + 1)
      cb(null, dest)
    }
    const { res } = await done
    assert.deepStrictEqual(res, asked.map(({ dest }) => dest))
  }
  // 400 each are to be expected, with a standard deviation of 12.
  for (const [dest, count] of chosen) assert.ok(count > 300 && count < 500, `${dest}: ${count}`)
  // The link's own answer is left as it was.
  assert.deepStrictEqual(dests, ['a:1', 'b:2', 'c:3'])
})

pair('C62: one failed request fails the map', async ({ server, client, stage }) => {
  const services = await Promise.all([0, 1, 2].map(at => stage.serve(server, (rid, key, payload, handler) => {
    handler.reply(at === 1 ? new Error('not me') : null, at)
  })))
  const peer = stage.client(client, services.map(({ dest }) => dest))
  const { err } = await call(peer, 'map', 'k', 1, {})
  assert.strictEqual(err.message, 'not me')
})

each('C62: the first failure ends the map, and only once', ({ implementation, stage }) => {
  const held = []
  const peer = stage.client(implementation, ['a:1', 'b:2', 'c:3'], {}, holding(implementation, held))
  const ends = []
  peer.map('k', 1, {}, err => ends.push(err))
  const [first, second] = [new Error('first'), new Error('second')]
  held[0].cb(null, 0)
  assert.deepStrictEqual(ends, [])
  held[1].cb(first)
  assert.deepStrictEqual(ends, [first])
  held[2].cb(second)
  assert.deepStrictEqual(ends, [first])
})

each('C63: map over no destinations hands back nothing', async ({ implementation, stage }) => {
  const peer = stage.client(implementation, [])
  for (const opts of [{}, { limit: 2 }]) {
    assert.deepStrictEqual(await call(peer, 'map', 'k', 1, opts), { err: null, res: [] })
  }
})

pair('C191: map works without options', async ({ server, client, stage }) => {
  const peer = stage.client(client, await numbered(stage, server, 2))
  const { err, res } = await call(peer, 'map', 'k', { a: 1 })
  assert.ifError(err)
  assert.deepStrictEqual(res, [[0, 'k', { a: 1 }], [1, 'k', { a: 1 }]])
}, { better: 'client' })
