'use strict'

// `await using` and `using`, by the methods that they call.

const { test } = require('node:test')
const assert = require('node:assert')
const { once } = require('node:events')
const { certificates } = require('../../scripts/lib/certificates')
const { each } = require('../helpers/conformance')
const { refused } = require('../../scripts/lib/frames')
const { freePort } = require('../../scripts/lib/ports')
const { until } = require('../helpers/until')
const { define } = require('../../lib/base/dispose')
const { kStarted } = require('../../lib/util/symbols')

const better = { better: true }

const WAYS = [
  ['plain', () => ({}), () => ({})],
  ['TLS', () => ({ secure: { ...certificates().server, verifyClient: () => true } }), () => ({ secure: certificates().client })]
]

for (const [way, ofServer, ofClient] of WAYS) {
  each(`a disposed client has stopped, and its connections are closed, ${way}`, async ({ implementation, stage }) => {
    const service = await stage.serve(implementation, undefined, ofServer())
    const sockets = []
    service.socket.on('connection', socket => sockets.push(socket))
    const peer = stage.client(implementation, service.dest, ofClient())
    for (let at = 0; at < 3; at++) await peer.request('k', 1)
    const mine = peer.tpool.list(service.dest).map(({ socket }) => socket)
    const pending = assert.rejects(peer.request('held', 1))
    await peer[Symbol.asyncDispose]()
    await pending
    assert.strictEqual(peer.isActive(), false)
    assert.deepStrictEqual(mine.map(({ readyState }) => readyState), [3, 3, 3])
    await until(() => sockets.every(({ readyState }) => readyState === 3))
  }, better)

  each(`a disposed server has stopped, and its clients are gone, ${way}`, async ({ implementation, stage }) => {
    const peer = new implementation.PeerRPCServer({}, ofServer())
    peer.init()
    const service = peer.transport('server').listen(0)
    service.on('request', (rid, key, payload, handler) => handler.reply(null, payload))
    const sockets = []
    service.socket.on('connection', socket => sockets.push(socket))
    await once(service.socket, 'listening')
    const client = stage.client(implementation, `127.0.0.1:${service.port}`, ofClient())
    assert.strictEqual(await client.request('k', 1), 1)
    await peer[Symbol.asyncDispose]()
    assert.deepStrictEqual([peer.isActive(), service.isActive()], [false, false])
    assert.deepStrictEqual(sockets.map(({ readyState }) => readyState), [3])
    await refused(service.port)
  }, better)
}

each('disposed transports, publishers and subscribers have stopped', async ({ implementation, stage }) => {
  const publisher = new implementation.PeerPub({}, {})
  publisher.init()
  const service = publisher.transport('server').listen(0)
  const subscriber = stage.subscriber(implementation, `127.0.0.1:${service.port}`)
  const connected = once(subscriber, 'connected')
  subscriber.sub('k')
  await connected
  await subscriber[Symbol.asyncDispose]()
  assert.strictEqual(subscriber.isActive(), false)
  await service[Symbol.asyncDispose]()
  assert.strictEqual(service.isActive(), false)
  await refused(service.port)
  await publisher[Symbol.asyncDispose]()

  const rpc = await stage.serve(implementation)
  const transport = stage.client(implementation, rpc.dest).transport(rpc.dest)
  assert.strictEqual(await transport.request('k', 1), 1)
  const mine = transport.socket
  await transport[Symbol.asyncDispose]()
  assert.deepStrictEqual([transport.isActive(), mine.readyState], [false, 3])
}, better)

each('a link and a grape are disposed too, with their ports', async ({ implementation }) => {
  const grapePort = await freePort()
  const link = new implementation.Link({ grape: 'embedded', grapePort })
  link.start()
  assert.strictEqual(await link.promises.announce('k', 1), 1)
  await link[Symbol.asyncDispose]()
  await refused(grapePort)

  const grape = new implementation.Grape({ dht_port: 0, api_port: grapePort, host: '127.0.0.1' })
  await new Promise((resolve, reject) => grape.start(err => err ? reject(err) : resolve()))
  await grape[Symbol.asyncDispose]()
  assert.strictEqual(grape.address(), null)
  await refused(grapePort)
  await grape[Symbol.asyncDispose]()
}, better)

each('dispose without await stops at once', async ({ implementation, stage }) => {
  const service = await stage.serve(implementation)
  const peer = stage.client(implementation, service.dest)
  const transport = peer.transport(service.dest)
  transport[Symbol.dispose]()
  assert.strictEqual(transport.isActive(), false)
  peer[Symbol.dispose]()
  assert.strictEqual(peer.isActive(), false)
  new implementation.PeerRPCClient({}, {})[Symbol.dispose]()
  await new implementation.PeerRPCClient({}, {})[Symbol.asyncDispose]()
  const link = new implementation.Link({ grape: 'http://127.0.0.1:1' }).start()
  assert.strictEqual(link[Symbol.dispose](), undefined)
  assert.strictEqual(link[kStarted], false)
}, better)

each('a class that overrides stop is stopped by it', async ({ implementation }) => {
  const stopped = []
  class Client extends implementation.PeerRPCClient {
    stop (opts) {
      stopped.push(opts)
      return super.stop(opts)
    }
  }
  for (const name of ['dispose', 'asyncDispose']) {
    const peer = new Client({}, {})
    peer.init()
    await peer[Symbol[name]]()
  }
  assert.deepStrictEqual(stopped, [undefined, undefined])
}, better)

test('where Node has no such symbol nothing is defined', () => {
  class Thing {}
  define(Thing, 'noSuchSymbol', () => {})
  assert.deepStrictEqual(Reflect.ownKeys(Thing.prototype), ['constructor'])
  define(Thing, 'iterator', () => {})
  assert.deepStrictEqual(Reflect.ownKeys(Thing.prototype), ['constructor', Symbol.iterator])
  assert.deepStrictEqual(Object.keys(Thing.prototype), [])
})
