'use strict'

// How connections end: whoever ends them and whatever else happens then, each callback is called,
// each listener hears, and nothing of one connection reaches the next one.

const assert = require('node:assert')
const { once } = require('node:events')
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const Ws = require('ws')
const Stream = require('../../lib/tls/TlsStream')
const { connectStream } = require('../../lib/native/connections')
const { Budget } = require('../../lib/native/addon')
const { Child } = require('../../scripts/lib/child')
const { certificates } = require('../../scripts/lib/certificates')
const { call, each, pair } = require('../helpers/conformance')
const { TEXT, frame, rawClient, rawServer } = require('../../scripts/lib/frames')
const { secureClient, serveSecure } = require('../helpers/peers/secure')
const { subscribed } = require('../helpers/peers/subscribers')
const { kMeter } = require('../../lib/util/symbols')

const better = { better: true }
const turn = () => new Promise(resolve => setImmediate(resolve))

/** Answers everything but `'hang'`. */
const answerUnlessHang = (rid, key, payload, handler) => {
  if (payload !== 'hang') handler.reply(null, payload)
}

/** Without and with TLS: `[name, serve(stage, implementation, onRequest), client(stage, implementation, dest)]`. */
const WAYS = [
  ['plain', (stage, i, onRequest) => stage.serve(i, onRequest), (stage, i, dest) => stage.client(i, dest, { maxActiveDestTransports: 1 })],
  ['TLS', (stage, i, onRequest) => serveSecure(stage, i, {}, onRequest), (stage, i, dest) => {
    const client = secureClient(stage, i, dest)
    client.conf.maxActiveDestTransports = 1
    return client
  }]
]

for (const [way, serve, clientOf] of WAYS) {
  for (const how of ['close', 'terminate']) {
    each(`a client whose own socket was ended by ${how}() answers all and connects again, ${way}`, async ({ implementation, stage }) => {
      const service = await serve(stage, implementation, answerUnlessHang)
      const client = clientOf(stage, implementation, service.dest)
      await call(client, 'request', 'k', 1, {})
      const [transport] = client.tpool.list(service.dest)
      const { socket } = transport
      const closed = once(socket, 'close')
      const hanging = call(client, 'request', 'k', 'hang', {})
      socket[how]()
      const next = call(client, 'request', 'k', 'next', {})
      assert.deepStrictEqual(await next, { err: null, res: 'next' })
      await closed
      assert.strictEqual((await hanging).err.message, 'ERR_TRANSPORT_CLOSE')
      assert.notStrictEqual(transport.socket, socket)
      assert.strictEqual(transport.isConnected(), true)
    }, better)
  }

  each(`a request in the close handler is answered over a new connection, ${way}`, async ({ implementation, stage }) => {
    const service = await serve(stage, implementation)
    const client = clientOf(stage, implementation, service.dest)
    const transport = client.transport(service.dest)
    await call(transport, 'request', 'k', 1, {})
    const again = new Promise(resolve => transport.socket.on('close', () => {
      assert.strictEqual(transport.isConnected(), false)
      transport.request('k', 'again', {}, (err, res) => resolve({ err, res }))
    }))
    for (const socket of service.socket.clients) socket.terminate()
    assert.deepStrictEqual(await again, { err: null, res: 'again' })
  })

  pair(`whoever ends a connection, both sides hear of it, ${way}`, async ({ server, client, stage }) => {
    const service = await serve(stage, server)
    const sockets = []
    service.socket.on('connection', socket => sockets.push(socket))
    for (const how of ['close', 'terminate']) {
      for (const side of ['client', 'server']) {
        const transport = clientOf(stage, client, service.dest).transport(service.dest)
        await call(transport, 'request', 'k', 1, {})
        const ends = [transport.socket, sockets.pop()]
        const closed = Promise.all(ends.map(socket => once(socket, 'close')))
        ends[side === 'client' ? 0 : 1][how]()
        await closed
        for (const socket of ends) assert.strictEqual(socket.readyState, Ws.CLOSED)
        assert.strictEqual(service.socket.clients.size, 0)
      }
    }
  })

  each(`giving up while connecting ends the socket, ${way}`, async ({ implementation, stage }) => {
    const service = await serve(stage, implementation)
    const transport = clientOf(stage, implementation, service.dest).transport(service.dest)
    const given = call(transport, 'request', 'k', 1, {})
    const closed = new Promise(resolve => transport.socket.on('close', resolve))
    transport.disconnect()
    assert.strictEqual((await given).err.message, 'ERR_TRANSPORT_CLOSE')
    assert.strictEqual(await closed, 1006)
  }, better)
}

for (const [what, event, send] of [
  ['a ping', 'ping', socket => socket.ping('x')],
  ['a pong', 'pong', socket => socket.pong('x')],
  ['a message', 'message', socket => socket.send('x')]
]) {
  pair(`a listener set in the connection handler hears ${what}`, async ({ server, client, stage }) => {
    const service = await stage.serve(server)
    const heard = new Promise(resolve => service.socket.on('connection', socket => socket.on(event, resolve)))
    const transport = stage.client(client, service.dest).transport(service.dest)
    transport.connect()
    await once(transport.socket, 'open')
    send(transport.socket)
    assert.strictEqual(String(await heard), 'x')
  })
}

pair('a large message sent in the connection handler calls back', async ({ server, client, stage }) => {
  const service = await stage.serve(server)
  const sent = new Promise(resolve => service.socket.on('connection', socket => socket.send('x'.repeat(20e6), resolve)))
  const transport = stage.client(client, service.dest).transport(service.dest)
  transport.connect()
  const [message] = await once(transport.socket, 'message')
  assert.strictEqual(message.length, 20e6)
  assert.ifError(await sent)
})

each('frames and a reset that come together while JavaScript is busy are both noticed', async ({ implementation, stage }) => {
  const asked = []
  const service = await stage.serve(implementation, (rid, key, payload) => asked.push(payload))
  const count = 10
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'grenache-reset-'))
  stage.after(() => fs.rmSync(folder, { recursive: true }))
  const done = path.join(folder, 'done')
  const closed = new Promise(resolve => {
    let open = 0
    service.socket.on('connection', socket => {
      open++
      socket.on('close', () => --open === 0 && resolve())
    })
  })
  const child = new Child(require.resolve('../helpers/processes/resetting'), String(service.port), String(count), done)
  stage.after(() => child.stop())
  await child.next()
  while (service.socket.clients.size < count) await turn()
  child.process.send('reset')
  const late = Date.now() + 10000
  while (!fs.existsSync(done) && Date.now() < late);
  await closed
  assert.deepStrictEqual(asked, new Array(count).fill(1))
  assert.strictEqual(service.socket.clients.size, 0)
})

for (const body of [{ toString: 1, valueOf: 2 }, { message: 'x' }, ['a', 'b'], 5, true]) {
  each(`a reply's error that is ${JSON.stringify(body)} is an Error`, async ({ implementation, stage }) => {
    const { dest } = await rawServer(stage, async raw => {
      const [rid] = JSON.parse((await raw.next()).text)
      raw.send(frame(TEXT, JSON.stringify([rid, body, 1])))
    })
    const { err, res } = await call(stage.client(implementation, dest), 'request', 'k', 1, {})
    assert.ok(err instanceof Error)
    assert.strictEqual(err.message, body.toString === 1 ? JSON.stringify(body) : String(body))
    assert.strictEqual(res, 1)
  }, better)
}

each('a client that stopped makes no connection any more', async ({ implementation, stage }) => {
  const service = await stage.serve(implementation, answerUnlessHang)
  const connections = []
  service.socket.on('connection', socket => connections.push(socket))
  const client = stage.client(implementation, service.dest)
  let answer
  client.link = { lookup: (key, opts, cb) => { answer = () => cb(null, [service.dest]) } }
  const mapping = call(client, 'map', 'k', 1, {})
  client.stop()
  answer()
  assert.strictEqual((await mapping).err.message, 'ERR_TRANSPORT_CLOSE')
  client.init()
  client.link = stage.link(service.dest)
  const retrying = call(client, 'request', 'k', 'hang', { retry: 5 })
  while (connections.length === 0) await turn()
  client.stop()
  assert.match((await retrying).err.message, /^ERR_(TIMEOUT|TRANSPORT_CLOSE)$/)
  assert.strictEqual(connections.length, 1)
}, better)

each('one throwing callback keeps no other transport from stopping', async ({ implementation, stage }) => {
  const services = [await stage.serve(implementation, () => {}), await stage.serve(implementation, () => {})]
  const client = stage.client(implementation, [])
  client.link = { lookup: (key, opts, cb) => cb(null, [key]) }
  for (const service of services) service.accepted = once(service.socket, 'connection')
  const [first, second] = services
  client.request(first.dest, 1, {}, () => { throw new Error('mine') })
  const other = call(client, 'request', second.dest, 1, {})
  for (const service of services) await service.accepted
  const gone = services.map(service => once([...service.socket.clients][0], 'close'))
  for (const { dest } of services) while (client.tpool.list(dest)[0].isConnecting()) await turn()
  assert.throws(() => client.stop(), /^Error: mine$/)
  assert.strictEqual((await other).err.message, 'ERR_TIMEOUT')
  await Promise.all(gone)
}, better)

each('TLS: what a broken connection still says is nobody\'s, also when another took its place', async ({ implementation, stage }) => {
  const asked = []
  const service = await serveSecure(stage, implementation, {}, (rid, key, payload, handler) => {
    asked.push(payload)
    handler.reply(null, payload)
  })
  const secure = { ...certificates().client, allowHalfOpen: true }
  const broken = await rawClient(stage, service.port, { secure })
  broken.socket.removeAllListeners('end')
  const ended = new Promise(resolve => broken.socket.on('end', resolve))
  broken.send(frame(3, 'x', { masked: true }))
  await ended
  const other = await rawClient(stage, service.port, { secure })
  broken.send(frame(TEXT, '["r1","k","from the broken one"]', { masked: true }))
  other.send(frame(TEXT, '["r2","k","from the other one"]', { masked: true }))
  assert.strictEqual((await other.next()).text, '["r2",null,"from the other one"]')
  broken.socket.destroy()
  other.send(frame(TEXT, '["r3","k","again"]', { masked: true }))
  assert.strictEqual((await other.next()).text, '["r3",null,"again"]')
  assert.deepStrictEqual(asked, ['from the other one', 'again'])
}, better)

pair('TLS: the close code arrives', async ({ server, stage }) => {
  const service = await serveSecure(stage, server)
  for (const [end, code] of [
    [socket => socket.close(), 1005],
    [socket => socket.close(4000, 'bye'), 4000],
    [socket => socket._socket.write(Buffer.from([0x83, 0x80, 0, 0, 0, 0])), 1002]
  ]) {
    const socket = new Ws(`wss://localhost:${service.port}/ws`, certificates().client)
    await once(socket, 'open')
    socket.on('error', () => {})
    end(socket)
    assert.strictEqual((await once(socket, 'close'))[0], code)
  }
}, { better: 'server' })

each('what a publisher sends reaches no client of a TLS server in the same process', async ({ implementation, stage }) => {
  const publisher = await stage.publisher(implementation)
  const subscriber = await subscribed(stage, implementation, publisher)
  const service = await serveSecure(stage, implementation)
  const client = secureClient(stage, implementation, service.dest)
  client.conf.maxActiveDestTransports = 1
  await call(client, 'request', 'k', 1, {})
  const heard = []
  client.tpool.list(service.dest)[0].socket.on('message', message => heard.push(message))
  const published = once(subscriber, 'message')
  publisher.pub('secret')
  await published
  await call(client, 'request', 'k', 'last', {})
  assert.strictEqual(heard.length, 1)
  assert.match(heard[0], /"last"\]$/)
})

each('TLS: a wrong conf.secure leaves nothing behind', async ({ implementation, stage }) => {
  const { key, cert } = certificates().client
  const transport = stage.client(implementation, [], { secure: { key, cert, ca: 'text' } }).transport('127.0.0.1:1')
  const budget = new Budget(0)
  const before = connectStream(false, {}, 0, transport[kMeter], budget)
  const count = 100
  for (let i = 0; i < count; i++) await call(transport, 'request', 'k', i, {})
  // Numbers are given out densely.
  assert.ok(connectStream(false, {}, 0, transport[kMeter], budget) < before + count)
}, better)

each('TLS: clients that send more than is dealt with are not read until it is', async ({ implementation, stage }) => {
  const limit = 32 * 1024 * 1024
  const service = await serveSecure(stage, implementation)
  const message = frame(TEXT, JSON.stringify(['r', 'k', 'x'.repeat(6000)]), { masked: true })
  const clients = await Promise.all(Array.from({ length: 24 }, () => rawClient(stage, service.port, { secure: certificates().client })))
  const behind = []
  const { setBehind } = Stream.prototype
  stage.after(() => { Stream.prototype.setBehind = setBehind })
  Stream.prototype.setBehind = function (is) {
    behind.push(is)
    setBehind.call(this, is)
  }
  let asked = 0
  service.removeAllListeners('request')
  service.on('request', () => asked++)
  const count = Math.ceil(2 * limit / clients.length / message.length)
  for (const { socket } of clients) socket.write(Buffer.concat(new Array(count).fill(message)))
  while (asked < clients.length * count) await turn()
  assert.ok(behind.includes(true))
  assert.strictEqual(behind.filter(is => is).length, behind.filter(is => !is).length)
}, better)
