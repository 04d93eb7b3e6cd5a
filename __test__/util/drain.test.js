'use strict'

// `stop({ drain: ms })`: what is under way ends first, nothing new begins, and everybody is told.

const assert = require('node:assert')
const { once } = require('node:events')
const { certificates } = require('../../scripts/lib/certificates')
const { call, each } = require('../helpers/conformance')
const { refused } = require('../../scripts/lib/frames')
const { standIn, startLink } = require('../helpers/grapes/stand-in')
const { subscribed } = require('../helpers/peers/subscribers')
const { turn } = require('../helpers/until')

const better = { better: true }
const LONG = 20000

const WAYS = [
  ['plain', () => ({}), () => ({})],
  ['TLS', () => ({ secure: { ...certificates().server, verifyClient: () => true } }), () => ({ secure: certificates().client })]
]

for (const [way, ofServer, ofClient] of WAYS) {
  each(`a drained server answers what it was asked, takes no more connections, and closes with 1001, ${way}`, async ({ implementation, stage }) => {
    const handlers = []
    const service = await stage.serve(implementation, (rid, key, payload, handler) => handlers.push(handler), ofServer())
    const peer = stage.client(implementation, service.dest, { ...ofClient(), maxActiveDestTransports: 1 })
    const asked = ['a', 'b'].map(payload => call(peer, 'request', 'k', payload, {}))
    while (handlers.length < 2) await turn()
    const [{ socket }] = peer.tpool.list(service.dest)
    const closed = once(socket, 'close')
    let done = false
    const drained = service.stop({ drain: LONG }).then(() => { done = true })
    assert.strictEqual(service.isActive(), false)
    await refused(service.port)
    handlers[0].reply(null, 1)
    assert.deepStrictEqual(await asked[0], { err: null, res: 1 })
    assert.strictEqual(done, false)
    handlers[1].reply(null, 2)
    assert.deepStrictEqual(await asked[1], { err: null, res: 2 })
    assert.strictEqual((await closed)[0], 1001)
    await drained
  }, better)

  each(`a drained server ends what takes too long, ${way}`, async ({ implementation, stage }) => {
    const asked = []
    const service = await stage.serve(implementation, () => asked.push(1), ofServer())
    const peer = stage.client(implementation, service.dest, ofClient())
    const failed = call(peer, 'request', 'k', 1, {})
    while (asked.length === 0) await turn()
    await service.stop({ drain: 50 })
    assert.strictEqual((await failed).err.message, 'ERR_TRANSPORT_CLOSE')
  }, better)

  each(`a drained client waits for its answers and asks nothing new, ${way}`, async ({ implementation, stage }) => {
    const handlers = []
    const service = await stage.serve(implementation, (rid, key, payload, handler) => handlers.push(handler), ofServer())
    const closes = []
    service.socket.on('connection', socket => closes.push(once(socket, 'close')))
    const peer = stage.client(implementation, service.dest, ofClient())
    const asked = call(peer, 'request', 'k', 1, {})
    while (handlers.length === 0) await turn()
    const drained = peer.stop({ drain: LONG })
    assert.strictEqual((await call(peer, 'request', 'k', 2, {})).err.message, 'ERR_TRANSPORT_CLOSE')
    handlers[0].reply(null, 'late')
    assert.deepStrictEqual(await asked, { err: null, res: 'late' })
    await drained
    assert.strictEqual((await closes[0])[0], 1001)
    assert.strictEqual(handlers.length, 1)
  }, better)
}

each('a drained client gives up what takes too long', async ({ implementation, stage }) => {
  const service = await stage.serve(implementation, () => {})
  const peer = stage.client(implementation, service.dest)
  const failed = call(peer, 'request', 'k', 1, {})
  await once(service.socket, 'connection')
  await peer.stop({ drain: 50 })
  assert.match((await failed).err.message, /^ERR_(TIMEOUT|TRANSPORT_CLOSE)$/)
}, better)

each('a drained server peer is announced no more', async ({ implementation, stage }) => {
  const grape = await standIn(stage, () => 1)
  const link = startLink(stage, implementation, grape.url)
  const peer = new implementation.PeerRPCServer(link, {})
  peer.init()
  const services = [peer.transport('server').listen(0), peer.transport('server').listen(0)]
  for (const { port } of services) await new Promise(resolve => link.startAnnouncing('k', port, {}, resolve))
  await services[0].stop({ drain: LONG })
  assert.notStrictEqual(link.startAnnouncing('k', services[0].port, {}), false)
  assert.strictEqual(link.startAnnouncing('k', services[1].port, {}), false)
  await peer.stop({ drain: LONG })
  assert.notStrictEqual(link.startAnnouncing('k', services[1].port, {}), false)
}, better)

each('a drained publisher sends all that was published', async ({ implementation, stage }) => {
  const service = await stage.publisher(implementation)
  const peer = await subscribed(stage, implementation, service, { conf: { reconnect: false } })
  const got = []
  peer.on('message', message => got.push(message.length))
  const gone = once(peer, 'disconnected')
  const sizes = Array.from({ length: 200 }, (_, at) => 1000 * at)
  for (const size of sizes) service.pub('x'.repeat(size))
  await service.stop({ drain: LONG })
  await gone
  assert.deepStrictEqual(got, sizes)
}, better)
