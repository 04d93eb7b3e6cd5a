'use strict'

// Destinations that say nothing, that have enough clients, or that are slow: what they cost a client.

const assert = require('node:assert')
const { certificates } = require('../../scripts/lib/certificates')
const { call, each } = require('../helpers/conformance')
const { fillBacklog, startServer, until, wait } = require('../helpers/peers/faulty')

/** How often each of several destinations is asked, when they are asked in turn. */
const ROUNDS = 10

/** A client of two processes, which it asks in turn, connected to both. */
async function clientOfTwo (stage, implementation, what = {}) {
  const servers = [await startServer(stage, what), await startServer(stage)]
  const peer = stage.client(implementation, servers.map(({ dest }) => dest), { balance: 'round-robin' })
  for (const { dest } of servers) await call(peer, 'request', 'key', 1, { dest, timeout: what.handler ? 50 : 5000 })
  return { servers, peer }
}

const askMany = (peer, count, opts) => Promise.all(Array.from({ length: count }, (_, at) => call(peer, 'request', 'key', at, opts)))
const failed = results => results.filter(({ err }) => err !== null).length

each('C430: a destination that is silent while requests expire is asked no more while there are others, and is asked again once it is there', async ({ implementation, stage }) => {
  const { servers: [dead], peer } = await clientOfTwo(stage, implementation)
  dead.signal('SIGSTOP')
  const first = await askMany(peer, 2 * ROUNDS, { timeout: 300 })
  assert.strictEqual(failed(first), ROUNDS)
  for (let round = 0; round < ROUNDS; round++) {
    assert.strictEqual(failed(await askMany(peer, 2, { timeout: 300 })), 0)
    await wait(150)
  }
  assert.deepStrictEqual(peer.stats().unreachable, [dead.dest])
  dead.signal('SIGCONT')
  const before = await dead.ask('askedCount')
  // Nobody's request has found out.
  await until(async () => {
    assert.strictEqual(failed(await askMany(peer, 2, { timeout: 5000 })), 0)
    return await dead.ask('askedCount') > before
  })
  assert.deepStrictEqual(peer.stats().unreachable, [])
}, { better: true })

each('C431: a destination that is slow but answers a ping is asked as before', async ({ implementation, stage }) => {
  const { servers: [slow], peer } = await clientOfTwo(stage, implementation, { handler: 'keep' })
  const before = await slow.ask('askedCount')
  for (let round = 0; round < ROUNDS; round++) {
    await until(() => peer.stats().unreachable.length === 0)
    assert.strictEqual(failed(await askMany(peer, 2, { timeout: 100 })), 1)
  }
  assert.strictEqual(await slow.ask('askedCount'), before + ROUNDS)
}, { better: true })

each('C431: time-outs of a process that was busy itself say nothing of a destination', async ({ implementation, stage }) => {
  const { servers, peer } = await clientOfTwo(stage, implementation)
  const before = await Promise.all(servers.map(server => server.ask('askedCount')))
  const asked = askMany(peer, 2 * ROUNDS, { timeout: 100 })
  const end = performance.now() + 1500
  while (performance.now() < end);
  await asked
  await until(() => peer.stats().unreachable.length === 0)
  assert.strictEqual(failed(await askMany(peer, 2 * ROUNDS, { timeout: 5000 })), 0)
  const after = await Promise.all(servers.map(server => server.ask('askedCount')))
  for (const at of [0, 1]) assert.ok(after[at] - before[at] >= ROUNDS, `${before} ${after}`)
}, { better: true })

each('C431: the only destination is asked however silent it was', async ({ implementation, stage }) => {
  const server = await startServer(stage)
  const peer = stage.client(implementation, server.dest)
  assert.strictEqual((await call(peer, 'request', 'key', 1, { timeout: 5000 })).err, null)
  server.signal('SIGSTOP')
  for (let round = 0; round < 5; round++) {
    const { err } = await call(peer, 'request', 'key', 1, { timeout: 300 })
    assert.strictEqual(err.message, 'ERR_TIMEOUT')
  }
  server.signal('SIGCONT')
  assert.strictEqual((await call(peer, 'request', 'key', 'again', { timeout: 5000 })).res, 'again')
  // As many as before: it is waited for.
  assert.ok(await server.ask('connections') <= 3)
}, { better: true })

/** A service that takes `room` connections, and says "try again later" to others; counts all in `made`. */
async function serviceWithRoom (stage, implementation, room) {
  const service = await stage.serve(implementation)
  const counted = { service, made: 0, room }
  service.socket.on('connection', socket => {
    counted.made++
    if (service.socket.clients.size > counted.room) socket.close(1013)
  })
  return counted
}

each('C432: a client asks by the connections that it has, where a server takes no more, and tries another one now and then', async ({ implementation, stage }) => {
  const counted = await serviceWithRoom(stage, implementation, 2)
  const peer = stage.client(implementation, counted.service.dest)
  let failures = 0
  for (let at = 0; at < 300; at++) failures += failed([await call(peer, 'request', 'key', at, { timeout: 5000 })])
  // The one that was sent by the third connection before that was closed.
  assert.ok(failures <= 1, `${failures} failed`)
  assert.ok(counted.made <= 4, `${counted.made} connections`)
  counted.room = 3
  await until(async () => {
    assert.strictEqual((await call(peer, 'request', 'key', 1, { timeout: 5000 })).err, null)
    return counted.service.socket.clients.size === 3
  })
}, { better: true })

for (const isSecure of [false, true]) {
  each(`C512: no request fails because a server has no room for one more connection${isSecure ? ', TLS' : ''}`, async ({ implementation, stage }) => {
    const secure = end => isSecure ? { secure: { ...certificates()[end], verifyClient: () => true } } : {}
    const { dest } = await stage.serve(implementation, undefined, { maxConnections: 2, ...secure('server') })
    const peer = stage.client(implementation, dest, secure('client'))
    for (let round = 0; round < 20; round++) assert.strictEqual(failed(await askMany(peer, 10, { timeout: 5000 })), 0)
    assert.strictEqual(peer.stats().requests.failed, 0)
  }, { better: true })
}

each('C433: requests to the only server wait while that says that it has enough clients', async ({ implementation, stage }) => {
  const counted = await serviceWithRoom(stage, implementation, 0)
  const peer = stage.client(implementation, counted.service.dest)
  assert.strictEqual((await call(peer, 'request', 'key', 1, { timeout: 5000 })).err.message, 'ERR_TRANSPORT_CLOSE')
  const results = await askMany(peer, 50, { timeout: 100 })
  assert.deepStrictEqual([...new Set(results.map(({ err }) => err.message))], ['ERR_TIMEOUT'])
  assert.strictEqual(counted.made, 1)
  counted.room = 3
  assert.strictEqual((await call(peer, 'request', 'key', 2, { timeout: 5000 })).res, 2)
  assert.strictEqual(counted.made, 2)
}, { better: true })

each('C434: a destination that failed is tried by a connection alone, whose failure is nobody\'s', async ({ implementation, stage }) => {
  const { servers: [gone, there], peer } = await clientOfTwo(stage, implementation)
  await gone.kill()
  // Its end may cost those that were under way, and here none is.
  await until(() => peer.stats().unreachable.length === 1)
  const end = performance.now() + 3500
  while (performance.now() < end) {
    assert.strictEqual(failed(await askMany(peer, 2, { timeout: 5000 })), 0)
    await wait(50)
  }
  const again = await startServer(stage, { port: gone.port })
  await until(async () => {
    assert.strictEqual(failed(await askMany(peer, 2, { timeout: 5000 })), 0)
    return await again.ask('askedCount') > 0
  })
  assert.strictEqual((await call(peer, 'request', 'key', 1, { dest: there.dest })).err, null)
}, { better: true })

each('C435: a destination among others that takes no connection is left out after a while, and its requests fail before its own time', async ({ implementation, stage }) => {
  const [silent, there] = [await startServer(stage), await startServer(stage)]
  silent.signal('SIGSTOP')
  await fillBacklog(stage, silent.port)
  const peer = stage.client(implementation, [silent.dest, there.dest], { balance: 'round-robin' })
  const begun = performance.now()
  const first = askMany(peer, 2, {})
  await until(() => peer.stats().unreachable.length === 1)
  assert.strictEqual(failed(await askMany(peer, 2 * ROUNDS, {})), 0)
  const { err } = (await first).find(({ err }) => err !== null)
  assert.strictEqual(err.message, `connect ETIMEDOUT ${silent.dest}`)
  assert.ok(performance.now() - begun < 8000)
}, { better: true })
