'use strict'

// A process has no descriptors left, or a port has too many who begin and do not go on.

const assert = require('node:assert')
const { once } = require('node:events')
const http = require('node:http')
const net = require('node:net')
const { asTexts, certificates } = require('../../scripts/lib/certificates')
const { call } = require('../helpers/conformance')
const { Calls, fault, start, startServer, until } = require('../helpers/peers/faulty')
const { standIn, startLink } = require('../helpers/grapes/stand-in')

const DESCRIPTORS = 64
const HALF_OPEN = 2000
/** As MAX_HANDSHAKES. */
const HANDSHAKES = 4096
/** What the kernel surely keeps for a process until it accepts. */
const SOME = 64
const UPGRADE = 'GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
  'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n'
const HEAD = 'GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n'

/** What a process may keep of what it needed for thousands of connections. */
const KEPT = 64 * 1024 * 1024

/** A link waits for 2.5 s for a grape that says nothing, in ms. */
const HANG_UP = 2000

/** What a process holds that has nothing to do, give or take. */
const FEW = 8

async function connectMany (stage, port, count) {
  const sockets = Array.from({ length: count }, () => {
    const socket = net.connect(port, '127.0.0.1')
    socket.on('error', () => {})
    socket.gone = new Promise(resolve => socket.on('close', resolve))
    socket.resume()
    return socket
  })
  stage.after(() => {
    for (const socket of sockets) socket.destroy()
  })
  await Promise.all(sockets.map(socket => once(socket, 'connect')))
  return sockets
}

/** As many as that, each of which is accepted: the kernel connects more than it hands on. */
async function fill (stage, port, count, descriptors) {
  const sockets = []
  const before = await descriptors()
  while (sockets.length < count) {
    sockets.push(...await connectMany(stage, port, SOME))
    await until(async () => await descriptors() >= before + sockets.length)
  }
  return sockets
}

fault('2,000 half-open connections: the server goes on, drops them, and keeps nothing of them', async (stage, implementation) => {
  const server = await startServer(stage, { conf: { handshakeTimeout: 3000 } })
  const peer = stage.client(implementation, server.dest)
  assert.strictEqual((await call(peer, 'request', 'key', 1, {})).res, 1)
  // The second time shows what the first one left.
  const usages = []
  for (let round = 0; round < 2; round++) {
    const sockets = await connectMany(stage, server.port, HALF_OPEN)
    sockets.forEach((socket, at) => { if (at % 2) socket.write(HEAD) })
    const calls = new Calls()
    const late = stage.client(implementation, server.dest)
    for (let at = 0; at < 300; at++) (at % 2 ? peer : late).request('key', at, { timeout: 15000 }, calls.next())
    await calls.done()
    assert.deepStrictEqual(calls.outcomes, { answer: 300 })
    await Promise.all(sockets.map(({ gone }) => gone))
    late.stop()
    await until(async () => await server.ask('connections') === 3)
    usages.push(await server.ask('usage'))
  }
  assert.strictEqual(await server.ask('connections'), 3)
  const [first, second] = usages
  assert.ok(second.descriptors <= first.descriptors + FEW, `${first.descriptors} and ${second.descriptors} descriptors`)
  assert.ok(second.descriptors < 100, `${second.descriptors} descriptors`)
  assert.ok(second.rss - first.rss < KEPT, `${first.rss} and ${second.rss} bytes`)
})

for (const secure of [false, true]) {
  fault(`4,096 clients in their handshake${secure ? ' with TLS' : ''} are enough: for one more the oldest is hung up on`, async (stage, implementation) => {
    const what = { conf: { handshakeTimeout: 600000 }, secure: secure ? asTexts(certificates().server) : undefined }
    const server = await startServer(stage, what)
    const sockets = await fill(stage, server.port, HANDSHAKES, async () => (await server.ask('usage')).descriptors)
    assert.ok(sockets.every(({ destroyed }) => !destroyed))
    const [extra] = await connectMany(stage, server.port, 1)
    await Promise.race(sockets.map(({ gone }) => gone))
    assert.ok(!extra.destroyed)
    assert.strictEqual(sockets.filter(({ destroyed }) => destroyed).length, 1)
    // Those of one of the first pieces: within a piece the system may take any first.
    assert.ok(sockets.slice(0, SOME).some(({ destroyed }) => destroyed))
    const peer = stage.client(implementation, server.dest, secure ? { secure: certificates().client } : {})
    assert.strictEqual((await call(peer, 'request', 'key', 1, {})).res, 1)
  })
}

fault('a server without descriptors goes on, and accepts again once there are some', async (stage, implementation) => {
  const server = await startServer(stage, {}, { descriptors: DESCRIPTORS })
  const early = stage.client(implementation, server.dest)
  assert.strictEqual((await call(early, 'request', 'key', 'early', {})).res, 'early')
  // Clients who are in: who is in the middle of a handshake makes room, see __test__/hostile.
  const idle = await connectMany(stage, server.port, 2 * DESCRIPTORS)
  for (const socket of idle) socket.write(UPGRADE)
  await until(async () => await server.ask('connections') >= DESCRIPTORS / 4)
  // None can be had for a newcomer, and who is there is served.
  const newcomer = stage.client(implementation, server.dest)
  const refused = await call(newcomer, 'request', 'key', 1, { timeout: 300 })
  assert.strictEqual(refused.err.message, 'ERR_TIMEOUT')
  assert.strictEqual((await call(early, 'request', 'key', 'still', { maxActiveDestTransports: 1 })).res, 'still')
  const patient = call(newcomer, 'request', 'key', 'patient', { timeout: 15000 })
  for (const socket of idle) socket.destroy()
  assert.deepStrictEqual(await patient, { err: null, res: 'patient' })
  for (let at = 0; at < 20; at++) {
    assert.strictEqual((await call(newcomer, 'request', 'key', at, {})).res, at)
  }
  assert.strictEqual(server.stderr, '')
})

fault('a publisher without descriptors goes on publishing', async (stage, implementation) => {
  const publisher = await startServer(stage, { role: 'publisher' }, { descriptors: DESCRIPTORS })
  const peer = stage.subscriber(implementation, publisher.dest)
  const heard = []
  peer.on('message', text => heard.push(parseInt(text)))
  const connected = new Promise(resolve => peer.on('connected', resolve))
  peer.sub('key')
  await connected
  await until(async () => await publisher.ask('connections') === 1)
  const idle = await connectMany(stage, publisher.port, 2 * DESCRIPTORS)
  await publisher.ask('publish', 0, 100, 10)
  await until(() => heard.length >= 100)
  for (const socket of idle) socket.destroy()
  const late = stage.subscriber(implementation, publisher.dest)
  const arrived = new Promise(resolve => late.on('connected', resolve))
  late.sub('key')
  await arrived
  await publisher.ask('publish', 100, 200, 10)
  await until(() => heard.length >= 200)
  assert.deepStrictEqual(heard, Array.from({ length: 200 }, (_, at) => at))
})

fault('a client without descriptors says so, and works once there are some', async (stage, implementation) => {
  const service = await stage.serve(implementation)
  const client = start(stage, { role: 'client', dest: service.dest }, { descriptors: DESCRIPTORS })
  assert.strictEqual((await client.ask('request', 0)).res, 0)
  assert.strictEqual(await client.ask('exhaust'), 'EMFILE')
  const { err } = await client.ask('request', 1)
  assert.strictEqual(err.code, 'EMFILE')
  assert.strictEqual(err.message, `connect EMFILE ${service.dest}`)
  await client.ask('relax')
  // So many that each of its connections is chosen, and made.
  for (let at = 0; at < 200; at++) assert.strictEqual((await client.ask('request', at)).res, at)
  await client.ask('exhaust')
  // What it has goes on.
  for (let at = 0; at < 5; at++) assert.strictEqual((await client.ask('request', at)).res, at)
  assert.strictEqual(client.stderr, '')
})

fault('C320: a grape without descriptors hangs up on who comes, so that another grape is asked at once, and serves again once there are some', async (stage, implementation) => {
  const grape = start(stage, { role: 'grape' }, { descriptors: DESCRIPTORS })
  const port = await grape.told('listening')
  const url = `http://127.0.0.1:${port}`
  const get = () => new Promise(resolve => {
    http.get(`${url}/health`, { agent: false }, res => resolve(res.resume().statusCode)).on('error', err => resolve(err.code))
  })
  assert.strictEqual(await get(), 200)
  assert.strictEqual(await grape.ask('exhaust'), 'EMFILE')
  // A place of its own could be had for the first one: of the answer before.
  await until(async () => await get() !== 200)
  const begun = performance.now()
  for (let at = 0; at < 2 * DESCRIPTORS; at++) assert.match(await get(), /^ECONN/)
  const other = await standIn(stage, () => ['127.0.0.1:1'])
  const link = startLink(stage, implementation, [url, other.url])
  assert.deepStrictEqual((await call(link, 'lookup', 'key')).res, ['127.0.0.1:1'])
  const took = performance.now() - begun
  assert.ok(took < HANG_UP, `${took} ms`)
  await grape.ask('relax')
  for (let at = 0; at < 2; at++) assert.strictEqual(await get(), 200)
  assert.strictEqual(grape.stderr, '')
})
