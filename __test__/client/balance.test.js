'use strict'

// `conf.balance`: which of a key's destinations a client chooses.

const assert = require('node:assert')
const { call, each } = require('../helpers/conformance')

const better = { better: true }

/** Servers that count what they are asked; the first holds back its answers to `held`. */
async function counting (stage, implementation, count, onHeld) {
  const counts = Array(count).fill(0)
  const held = []
  const services = await Promise.all(counts.map((_, at) => stage.serve(implementation, (rid, key, payload, handler) => {
    counts[at]++
    if (payload !== 'held' || at !== 0) return handler.reply(null, at)
    held.push(() => handler.reply(null, at))
    onHeld()
  })))
  return { counts, held, dests: services.map(({ dest }) => dest), services }
}

each('least-pending asks a server that does not keep up hardly ever', async ({ implementation, stage }) => {
  // What it was asked is answered once the others have done all the rest.
  const release = () => {
    if (answered + held.length === requests) for (const reply of held.splice(0)) reply()
  }
  const { counts, held, dests } = await counting(stage, implementation, 3, release)
  const peer = stage.client(implementation, dests, { balance: 'least-pending' })
  const requests = 300
  const together = 8
  let sent = 0
  let answered = 0
  await new Promise((resolve, reject) => {
    const send = () => {
      if (sent === requests) return
      sent++
      peer.request('k', 'held', { timeout: 15000 }, err => {
        if (err) return reject(err)
        answered++
        release()
        if (answered === requests) return resolve()
        send()
      })
    }
    for (let at = 0; at < together; at++) send()
  })
  // It has one more than the others at most, so of 8 at once no more than a third, rounded up.
  assert.ok(counts[0] <= 3, counts)
  assert.strictEqual(counts[0] + counts[1] + counts[2], requests)
  for (const count of counts.slice(1)) assert.ok(count > 50, counts)
}, better)

each('least-pending counts requests that wait for a connection, with a replaced hook too', async ({ implementation, stage }) => {
  for (const alter of [false, true]) {
    const { counts, dests } = await counting(stage, implementation, 4)
    const peer = stage.client(implementation, dests, { balance: 'least-pending' })
    if (alter) {
      const { newTransport } = peer
      peer.newTransport = function (...args) {
        const transport = newTransport.apply(this, args)
        transport.format = value => JSON.stringify(value)
        return transport
      }
    }
    await Promise.all(Array.from({ length: 40 }, () => peer.request('k', 1)))
    assert.deepStrictEqual(counts, [10, 10, 10, 10])
  }
}, better)

each('round-robin asks each in turn, in whatever order a lookup names them', async ({ implementation, stage }) => {
  const { counts, dests } = await counting(stage, implementation, 3)
  const peer = stage.client(implementation, dests, { balance: 'round-robin' })
  for (let round = 1; round <= 10; round++) {
    for (let at = 0; at < 3; at++) {
      await peer.request(at === 1 ? 'other' : 'k', 1)
      await peer.request(at === 1 ? 'k' : 'other', 1)
      peer.link.lookup = (key, opts, cb) => cb(null, [...dests].sort(() => Math.random() - 0.5))
    }
    assert.deepStrictEqual(counts, Array(3).fill(2 * round))
  }
}, better)

each('round-robin begins anywhere', async ({ implementation, stage }) => {
  const firsts = new Set()
  for (let at = 0; at < 200; at++) firsts.add(stage.client(implementation, [], { balance: 'round-robin' }).dest(['a:1', 'b:2', 'c:3'], 'k'))
  assert.strictEqual(firsts.size, 3)
}, better)

each('random is the default, and named', async ({ implementation, stage }) => {
  for (const balance of [undefined, null, 'random']) {
    const peer = stage.client(implementation, [], { balance })
    const counts = {}
    for (let at = 0; at < 3000; at++) {
      const dest = peer.dest(['a:1', 'b:2', 'c:3'], 'k')
      counts[dest] = (counts[dest] || 0) + 1
    }
    assert.deepStrictEqual(Object.keys(counts).sort(), ['a:1', 'b:2', 'c:3'])
    // 1000 each are to be expected, with a standard deviation of 26; never exactly in turn.
    for (const count of Object.values(counts)) assert.ok(count > 750 && count < 1250, count)
  }
}, better)

each('an unknown balance is an error', ({ implementation }) => {
  for (const balance of ['fastest', 'toString', 7]) {
    assert.throws(() => new implementation.PeerRPCClient({}, { balance }), {
      code: 'ERR_OPTION',
      message: /^ERR_OPTION: balance is .*, and must be random or least-pending or round-robin$/
    })
  }
}, better)

for (const balance of ['round-robin', 'least-pending']) {
  each(`${balance} leaves out what failed, and retry goes elsewhere`, async ({ implementation, stage }) => {
    const { counts, dests } = await counting(stage, implementation, 2)
    // Nobody listens at the first two.
    const peer = stage.client(implementation, ['127.0.0.1:1', '127.0.0.1:2', ...dests], { balance })
    let failures = 0
    for (let at = 0; at < 20; at++) {
      const { err } = await call(peer, 'request', 'k', 1, {})
      if (err) failures++
    }
    assert.ok(failures <= 2, failures)
    assert.strictEqual(counts[0] + counts[1], 20 - failures)
    const other = stage.client(implementation, ['127.0.0.1:1', '127.0.0.1:2', ...dests], { balance })
    for (let at = 0; at < 20; at++) assert.ifError((await call(other, 'request', 'k', 1, { retry: 3 })).err)
  }, better)

  each(`${balance} chooses among the connected ones once there are enough`, async ({ implementation, stage }) => {
    const { counts, dests } = await counting(stage, implementation, 4)
    const peer = stage.client(implementation, dests, { balance, maxActiveKeyDests: 2 })
    for (let at = 0; at < 40; at++) await peer.request('k', 1)
    assert.strictEqual(counts.filter(count => count > 0).length, 2)
  }, better)

  each(`${balance} of no destinations is none`, async ({ implementation, stage }) => {
    const peer = stage.client(implementation, [], { balance })
    assert.strictEqual(peer.dest([], 'k'), undefined)
    assert.strictEqual(peer.dest(undefined, 'k'), undefined)
    assert.strictEqual((await call(peer, 'request', 'k', 1, {})).err.message, 'ERR_GRAPE_LOOKUP_EMPTY')
  }, better)
}
