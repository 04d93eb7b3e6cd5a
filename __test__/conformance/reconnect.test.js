'use strict'

// Subscribers that lost their connection.

const assert = require('node:assert')
const { once } = require('events')
const { mock } = require('node:test')
const { each, pair } = require('../helpers/conformance')
const { SETTLED, connectionsOf, deadDest, endAll, linkOf, subscribed, wait } = require('../helpers/peers/subscribers')

pair('C212 C213: a lost connection is made again, after a fresh lookup', async ({ server, client, stage }) => {
  const first = await stage.publisher(server)
  const second = await stage.publisher(server)
  const peer = stage.subscriber(client, first.dest)
  const lookups = linkOf(peer, count => count === 1 ? first.dest : second.dest)
  const accepted = once(first.socket, 'connection')
  peer.sub('key')
  await accepted
  const moved = once(second.socket, 'connection')
  const connected = once(peer, 'connected')
  const since = Date.now()
  endAll(first)
  await Promise.all([moved, connected])
  assert.ok(Date.now() - since >= 45, 'not at once')
  const message = once(peer, 'message')
  second.pub('from the other')
  assert.deepStrictEqual(await message, ['from the other'])
  assert.deepStrictEqual(lookups.map(({ key, opts }) => [key, opts]), Array(2).fill(['key', { timeout: 5000 }]))
}, { better: 'client' })

each('C212 C213: each failure makes the wait longer, and each attempt looks up afresh', async ({ implementation, stage }) => {
  const dest = await deadDest()
  const peer = stage.subscriber(implementation, dest)
  // A lookup that fails is such a failure, too.
  const lookups = linkOf(peer, count => count === 3 ? new Error('no grape') : dest)
  peer.sub('key')
  while (lookups.length < 5) await wait(10)
  const waits = lookups.slice(1).map(({ at }, before) => at - lookups[before].at)
  // Half of 100, 200, 400, 800 ms at least; Node's timers may be a little early.
  waits.forEach((ms, at) => assert.ok(ms >= 50 * 2 ** at - 5, `wait ${at}: ${waits}`))
}, { better: true })

pair('C212: once a connection lasted for a while the waits start over', async ({ server, client, stage }) => {
  const { now } = performance
  let later = 0
  const mocked = mock.method(performance, 'now', () => now.call(performance) + later)
  stage.after(() => mocked.mock.restore())
  const service = await stage.publisher(server)
  const peer = await subscribed(stage, client, service)
  for (let round = 0; round < 7; round++) {
    const since = Date.now()
    const connected = once(peer, 'connected')
    const accepted = once(service.socket, 'connection')
    later += 5000
    endAll(service)
    await Promise.all([accepted, connected])
    // The wait would be longer than 3 s in the end.
    assert.ok(Date.now() - since < 3000)
  }
  assert.strictEqual(service.socket.clients.size, 1)
}, { better: 'client' })

for (const where of ['peer', 'transport']) {
  pair(`C214: no reconnect where somebody listens for disconnected on the ${where}`, async ({ server, client, stage }) => {
    const service = await stage.publisher(server)
    const connections = connectionsOf(service)
    const events = []
    let peer
    const disconnected = new Promise(resolve => {
      const listen = emitter => emitter.on('disconnected', () => resolve(events.push('disconnected')))
      peer = subscribed(stage, client, service, {
        before (peer) {
          if (where === 'peer') return listen(peer)
          const { transport } = peer
          peer.transport = function (...args) {
            return listen(transport.apply(this, args))
          }
        }
      })
    })
    peer = await peer
    endAll(service)
    await disconnected
    await wait(SETTLED)
    assert.strictEqual(connections.length, 1)
    assert.deepStrictEqual(events, ['disconnected'])

    // By hand it is one connection, not two.
    const connected = once(peer, 'connected')
    peer.sub('key')
    await connected
    await wait(SETTLED)
    assert.strictEqual(connections.length, 2)
    assert.strictEqual(service.socket.clients.size, 1)
  }, { better: 'client' })
}

for (const where of ['conf', 'opts']) {
  pair(`C215: reconnect: true in ${where} reconnects whoever listens`, async ({ server, client, stage }) => {
    const service = await stage.publisher(server)
    let lost = 0
    const peer = await subscribed(stage, client, service, {
      [where]: { reconnect: true },
      before: peer => peer.on('disconnected', () => lost++)
    })
    for (let round = 1; round < 3; round++) {
      const accepted = once(service.socket, 'connection')
      const connected = once(peer, 'connected')
      endAll(service)
      await Promise.all([accepted, connected])
      assert.strictEqual(lost, round)
    }
    assert.strictEqual(service.socket.clients.size, 1)
  }, { better: 'client' })

  pair(`C215: reconnect: false in ${where} never reconnects by itself`, async ({ server, client, stage }) => {
    const service = await stage.publisher(server)
    const connections = connectionsOf(service)
    const peer = await subscribed(stage, client, service, { [where]: { reconnect: false } })
    const lost = Promise.all(connections.map(connection => once(connection, 'close')))
    endAll(service)
    await lost
    await wait(SETTLED)
    assert.strictEqual(connections.length, 1)
    assert.strictEqual(peer.isActive(), true)
  }, { better: 'client' })
}

pair('C215: the options of sub win over the configuration', async ({ server, client, stage }) => {
  const service = await stage.publisher(server)
  const connections = connectionsOf(service)
  await subscribed(stage, client, service, { conf: { reconnect: true }, opts: { reconnect: false } })
  endAll(service)
  await wait(SETTLED)
  assert.strictEqual(connections.length, 1)
}, { better: 'client' })
