'use strict'

// Where subscribers and publishers are better than the original: dead destinations, stalled
// readers, and a stop that stops.

const assert = require('node:assert')
const net = require('net')
const { once } = require('events')
const { each, pair, reachable } = require('../helpers/conformance')
const { freePort } = require('../../scripts/lib/ports')
const { RawClient } = require('../helpers/wire/raw-client')
const { SETTLED, deadDest, endAll, linkOf, subscribed, told, wait } = require('../helpers/peers/subscribers')

const MIB = 1024 * 1024
const LIMIT = 16 * MIB

for (const where of ['transport', 'peer']) {
  each(`C197: a dead destination is an error event on the ${where}`, async ({ implementation, stage }) => {
    const dest = await deadDest()
    const peer = stage.subscriber(implementation, dest, { reconnect: false })
    const transport = peer.transport(dest)
    let disconnected = 0
    transport.on('disconnected', () => disconnected++)
    const failed = told(where === 'peer' ? peer : transport, 'error')
    transport.sub('key')
    const err = await failed
    assert.ok(err instanceof Error)
    assert.strictEqual(err.code, 'ECONNREFUSED')
    assert.strictEqual(transport.isConnected(), false)
    assert.strictEqual(transport.isConnecting(), false)
    await wait(50)
    assert.strictEqual(disconnected, 0, 'told once')
  }, { better: true })

  each(`C198: without a listener for error it is disconnected on the ${where}`, async ({ implementation, stage }) => {
    const dest = await deadDest()
    const peer = stage.subscriber(implementation, dest)
    const transport = peer.transport(dest)
    const disconnected = told(where === 'peer' ? peer : transport, 'disconnected')
    transport.sub('key')
    await disconnected
    assert.strictEqual(transport.isConnected(), false)
    assert.strictEqual(transport.isConnecting(), false)
  }, { better: true })
}

each('C198: a dead destination that nobody listens for ends nothing', async ({ implementation, stage }) => {
  let dest = await deadDest()
  const peer = stage.subscriber(implementation, dest)
  const lookups = linkOf(peer, () => dest)
  const connected = told(peer, 'connected')
  peer.sub('key')
  while (lookups.length < 3) await wait(10)
  dest = (await stage.publisher(implementation)).dest
  await connected
}, { better: true })

pair('C209: a stalled subscriber is ended beyond 16 MiB, and the others go on', async ({ server, client, stage }) => {
  const service = await stage.publisher(server)
  const events = []
  const accepted = once(service.socket, 'connection')
  const stalled = await RawClient.connect(service.dest)
  stage.after(() => stalled.destroy())
  const [connection] = await accepted
  const closed = once(connection, 'close')
  service.on('slow-subscriber', socket => events.push([socket, socket.bufferedAmount, service.socket.clients.has(socket)]))
  const healthy = await subscribed(stage, client, service)
  stalled.socket.pause()

  const message = Buffer.alloc(MIB, 'm')
  let held = 0
  for (let at = 0; at < 40; at++) {
    const arrived = once(healthy, 'message')
    service.pub(message)
    held = Math.max(held, connection.bufferedAmount)
    assert.deepStrictEqual((await arrived)[0].length, MIB)
  }
  assert.strictEqual(events.length, 1, 'told once')
  const [[socket, waiting, known]] = events
  assert.strictEqual(socket, connection)
  assert.ok(waiting > LIMIT, `${waiting} bytes wait`)
  assert.ok(held <= LIMIT + MIB + 10, `${held} bytes were held`)
  assert.strictEqual(known, true)
  assert.strictEqual((await closed)[0], 1006)
  assert.strictEqual(connection.bufferedAmount, 0)
  assert.strictEqual(service.socket.clients.size, 1)
}, { better: 'server' })

each('C209: a subscriber with less waiting is left alone, and gets everything', async ({ implementation, stage }) => {
  const service = await stage.publisher(implementation)
  const accepted = once(service.socket, 'connection')
  const slow = await RawClient.connect(service.dest)
  stage.after(() => slow.destroy())
  const [connection] = await accepted
  service.on('slow-subscriber', () => assert.fail('15 MiB are not too much'))
  slow.socket.pause()
  for (let at = 0; at < 15; at++) service.pub(Buffer.alloc(MIB, at))
  service.pub('end')
  assert.ok(connection.bufferedAmount <= LIMIT)
  slow.socket.resume()
  const frames = await slow.next(16)
  assert.deepStrictEqual(frames.map(({ data }) => data[0]), [...Array(15).keys(), 'e'.charCodeAt(0)])
}, { better: true })

pair('C210: stop of a PeerPub closes the port, and ends the subscribers', async ({ server, client, stage }) => {
  const peer = new server.PeerPub({}, {})
  peer.init()
  const service = peer.transport('server')
  const port = await freePort()
  service.listen(port)
  stage.after(() => peer.stop())
  await reachable(port)
  service.dest = `127.0.0.1:${port}`
  // It does not come back.
  const subscriber = await subscribed(stage, client, service, { conf: { reconnect: false } })
  const disconnected = once(subscriber, 'disconnected')
  peer.stop()
  await disconnected
  const [err] = await once(net.connect(port, '127.0.0.1'), 'error')
  assert.strictEqual(err.code, 'ECONNREFUSED')
  assert.strictEqual(service.isListening(), false)
  // And the port is free.
  const again = net.createServer().listen(port)
  await once(again, 'listening')
  again.close()
}, { better: 'server' })

pair('C211: stop of a PeerSub closes the connection, and no message comes any more', async ({ server, client, stage }) => {
  const service = await stage.publisher(server)
  const [one, two] = [await subscribed(stage, client, service), await subscribed(stage, client, service)]
  const messages = []
  one.on('message', data => messages.push(data))
  const first = once(one, 'message')
  service.pub('one')
  await first
  // Some are on their way already.
  for (let at = 0; at < 100; at++) service.pub('on their way')
  const [connection] = service.socket.clients
  const closed = once(connection, 'close')
  one.stop()
  messages.length = 0
  await closed
  const other = once(two, 'message')
  service.pub('two')
  await other
  await wait(50)
  assert.deepStrictEqual(messages, [])
  assert.strictEqual(service.socket.clients.size, 1)
}, { better: 'client' })

each('C211: stop while a lookup, a connection or a reconnect is under way ends that', async ({ implementation, stage }) => {
  const service = await stage.publisher(implementation)

  const stopped = []
  const looking = stage.subscriber(implementation, service.dest)
  looking.on('connected', () => stopped.push('looking'))
  let found
  looking.link = { lookup: (key, opts, cb) => { found = () => cb(null, [service.dest]) } }
  looking.sub('key')
  looking.stop()
  found()

  const connecting = stage.subscriber(implementation, service.dest)
  connecting.on('connected', () => stopped.push('connecting'))
  connecting.sub('key')
  connecting.stop()

  const again = stage.subscriber(implementation, service.dest, { reconnect: true })
  const lookups = linkOf(again, () => service.dest)
  const accepted = once(service.socket, 'connection')
  const connected = told(again, 'connected')
  const disconnected = told(again, 'disconnected')
  again.sub('key')
  await Promise.all([accepted, connected])
  endAll(service)
  await disconnected
  again.stop()

  await wait(SETTLED)
  assert.deepStrictEqual(stopped, [])
  assert.strictEqual(lookups.length, 1)
  assert.strictEqual(service.socket.clients.size, 0)
}, { better: true })
