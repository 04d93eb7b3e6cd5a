'use strict'

// Limits: what happens at each, and one past it.

const assert = require('node:assert')
const { once } = require('node:events')
const net = require('node:net')
const { certificates } = require('../../scripts/lib/certificates')
const { call, each } = require('../helpers/conformance')
const { CLOSE, TEXT, frame, rawClient, rawServer } = require('../../scripts/lib/frames')
const { turn, until } = require('../helpers/until')

const better = { better: true }
const PING = 9
const PONG = 10

/** Without and with TLS: a server, and a client by hand. */
const WAYS = [
  ['plain', (stage, i, conf, onRequest) => stage.serve(i, onRequest, conf), () => ({})],
  ['TLS', async (stage, i, conf, onRequest) => {
    const { server } = certificates()
    return stage.serve(i, onRequest, { ...conf, secure: { ...server, verifyClient: () => true } })
  }, () => ({ secure: certificates().client })]
]

for (const [way, serve, secure] of WAYS) {
  each(`maxPayload: a message at the limit is taken, one byte more ends the connection with 1009, ${way}`, async ({ implementation, stage }) => {
    const service = await serve(stage, implementation, { maxPayload: 1000 })
    const overhead = JSON.stringify(['r', 'k', '']).length
    const request = length => JSON.stringify(['r', 'k', 'x'.repeat(length - overhead)])
    const raw = await rawClient(stage, service.port, secure())
    raw.send(frame(TEXT, request(1000), { masked: true }))
    assert.strictEqual(JSON.parse((await raw.next()).text)[2].length, 1000 - overhead)
    raw.send(frame(TEXT, request(1001), { masked: true }))
    assert.strictEqual((await raw.ended).code, 1009)
  }, better)

  each(`maxPayload: a client takes an answer at the limit, and one byte more ends the connection with 1009, ${way}`, async ({ implementation, stage }) => {
    const ends = []
    const { dest } = await rawServer(stage, async raw => {
      ends.push(raw.ended)
      for (const length of [1000, 1001]) {
        const [rid] = JSON.parse((await raw.next()).text)
        const overhead = JSON.stringify([rid, null, '']).length
        raw.send(frame(TEXT, JSON.stringify([rid, null, 'x'.repeat(length - overhead)])))
      }
    }, { secure: way === 'TLS' && certificates().server })
    const peer = stage.client(implementation, dest, { maxPayload: 1000, maxActiveDestTransports: 1, ...secure() })
    assert.ok((await call(peer, 'request', 'k', 1, {})).res.length > 900)
    assert.strictEqual((await call(peer, 'request', 'k', 1, {})).err.message, 'ERR_TRANSPORT_CLOSE')
    assert.strictEqual((await ends[0]).code, 1009)
  }, better)

  each(`highWater: of a client that does not read its answers no request is read, ${way}`, async ({ implementation, stage }) => {
    const highWater = 256 * 1024
    const answer = 'x'.repeat(64 * 1024)
    let asked = 0
    const service = await serve(stage, implementation, { highWater }, (rid, key, payload, handler) => {
      if (key === 'other') return handler.reply(null, payload)
      asked++
      handler.reply(null, answer)
    })
    const raw = await rawClient(stage, service.port, secure())
    const [socket] = service.socket.clients
    const other = await rawClient(stage, service.port, secure())
    raw.socket.setNoDelay(true).pause()
    let sent = 0
    while (asked === sent) {
      assert.ok(++sent < 1000, 'more than any system takes')
      raw.send(frame(TEXT, '["r","k",1]', { masked: true }))
      // What came before these would have been read by then.
      for (let at = 0; at < 10; at++) {
        other.send(frame(TEXT, '["r","other",1]', { masked: true }))
        await other.next()
      }
    }
    // With TLS Node has its own measure.
    if (way === 'plain') assert.ok(socket.bufferedAmount > highWater && socket.bufferedAmount < highWater + 2 * answer.length)
    raw.socket.resume()
    for (let at = 0; at < sent; at++) assert.strictEqual(JSON.parse((await raw.next()).text)[2], answer)
    assert.strictEqual(asked, sent)
  }, better)

  each(`maxConnections: one more than that is told 1013, and comes in once there is room, ${way}`, async ({ implementation, stage }) => {
    const service = await serve(stage, implementation, { maxConnections: 2 })
    const accepted = []
    service.socket.on('connection', socket => accepted.push(socket))
    const clients = [await rawClient(stage, service.port, secure()), await rawClient(stage, service.port, secure())]
    const extra = await rawClient(stage, service.port, secure())
    assert.strictEqual((await extra.ended).code, 1013)
    assert.strictEqual(accepted.length, 2)
    const gone = once(accepted[0], 'close')
    clients[0].socket.destroy()
    await gone
    const later = await rawClient(stage, service.port, secure())
    later.send(frame(TEXT, '["r","k",1]', { masked: true }))
    assert.strictEqual((await later.next()).text, '["r",null,1]')
  }, better)

  each(`handshakeTimeout: who does not finish the handshake is dropped, ${way}`, async ({ implementation, stage }) => {
    const service = await serve(stage, implementation, { handshakeTimeout: 50 })
    const socket = net.connect(service.port, '127.0.0.1')
    stage.after(() => socket.destroy())
    socket.on('error', () => {})
    socket.write(way === 'plain' ? 'GET / HTTP/1.1\r\nHost: x\r\n' : '')
    await new Promise(resolve => socket.on('close', resolve).resume())
  }, better)

  each(`heartbeatInterval: a silent client is pinged, and ended when it stays silent, ${way}`, async ({ implementation, stage }) => {
    const service = await serve(stage, implementation, { heartbeatInterval: 40 })
    const raw = await rawClient(stage, service.port, secure())
    assert.strictEqual((await raw.next()).opcode, PING)
    assert.strictEqual((await raw.ended).code, 1006)
  }, better)

  each(`heartbeatInterval: who answers stays, ${way}`, async ({ implementation, stage }) => {
    // Long enough for a busy machine to answer in.
    const service = await serve(stage, implementation, { heartbeatInterval: 300 })
    const raw = await rawClient(stage, service.port, secure())
    for (let pings = 0; pings < 3; pings++) {
      assert.strictEqual((await raw.next()).opcode, PING)
      raw.send(frame(PONG, '', { masked: true }))
    }
    raw.send(frame(TEXT, '["r","k",1]', { masked: true }))
    assert.strictEqual((await raw.next()).text, '["r",null,1]')
  }, better)

  each(`heartbeatInterval: a client with requests under way is never taken for dead, ${way}`, async ({ implementation, stage }) => {
    const handlers = []
    const service = await serve(stage, implementation, { heartbeatInterval: 40 }, (rid, key, payload, handler) => handlers.push(handler))
    const raw = await rawClient(stage, service.port, secure())
    raw.send(frame(TEXT, '["r","k",1]', { masked: true }))
    for (let pings = 0; pings < 5; pings++) assert.strictEqual((await raw.next()).opcode, PING)
    handlers[0].reply(null, 'late')
    for (;;) {
      const { opcode, text } = await raw.next()
      if (opcode === PING) continue
      assert.strictEqual(text, '["r",null,"late"]')
      break
    }
    assert.strictEqual((await raw.ended).code, 1006)
  }, better)

  each(`heartbeatInterval: a client ends a silent server's connection, unless it waits for an answer, ${way}`, async ({ implementation, stage }) => {
    const raws = []
    const { dest } = await rawServer(stage, raw => raws.push(raw), { secure: way === 'TLS' && certificates().server })
    const conf = { heartbeatInterval: 40, maxActiveDestTransports: 1 }
    const peer = stage.client(implementation, dest, way === 'TLS' ? { ...conf, secure: certificates().client } : conf)
    const asked = call(peer, 'request', 'k', 1, {})
    await until(() => raws.length > 0)
    const [rid] = JSON.parse((await raws[0].next()).text)
    for (let pings = 0; pings < 4; pings++) assert.strictEqual((await raws[0].next()).opcode, PING)
    raws[0].send(frame(TEXT, JSON.stringify([rid, null, 'late'])))
    assert.deepStrictEqual(await asked, { err: null, res: 'late' })
    await raws[0].ended
  }, better)
}

each('heartbeatInterval: 0 asks for no sign of life', async ({ implementation, stage }) => {
  const service = await stage.serve(implementation, undefined, { heartbeatInterval: 0 })
  const other = await stage.serve(implementation, undefined, { heartbeatInterval: 20 })
  const quiet = await rawClient(stage, service.port)
  await (await rawClient(stage, other.port)).ended
  assert.deepStrictEqual(quiet.frames, [])
}, better)

each('maxConnectionRequests and maxRequests: one request more is an error at once', async ({ implementation, stage }) => {
  const handlers = []
  const service = await stage.serve(implementation, (rid, key, payload, handler) => handlers.push(handler))
  for (const [conf, count] of [[{ maxConnectionRequests: 4, maxActiveDestTransports: 1 }, 4], [{ maxRequests: 7 }, 7]]) {
    const peer = stage.client(implementation, service.dest, conf)
    const calls = Array.from({ length: count }, () => call(peer, 'request', 'k', 1, {}))
    assert.strictEqual((await call(peer, 'request', 'k', 1, {})).err.message, 'ERR_REQUESTS_LIMIT')
    await until(() => handlers.length >= count)
    for (const handler of handlers.splice(0)) handler.reply(null, 'done')
    for (const { res } of await Promise.all(calls)) assert.strictEqual(res, 'done')
    const again = call(peer, 'request', 'k', 1, {})
    await until(() => handlers.length > 0)
    handlers.pop().reply(null, 'again')
    assert.strictEqual((await again).res, 'again')
  }
}, better)

each('slowSubscriber drop: a subscriber that does not read loses its oldest messages, and goes on', async ({ implementation, stage }) => {
  const highWater = 1024 * 1024
  const service = await stage.publisher(implementation, { slowSubscriber: 'drop', highWater })
  const raw = await rawClient(stage, service.port)
  raw.socket.pause()
  await until(() => service.socket.clients.size > 0)
  const [socket] = service.socket.clients
  const lost = []
  service.on('slow-subscriber', (slow, count) => {
    assert.strictEqual(slow, socket)
    lost.push(count)
  })
  const pad = 'x'.repeat(16 * 1024)
  let sent = 0
  for (; lost.length < 10; sent++) {
    service.pub(`${sent}:${pad}`)
    assert.ok(socket.bufferedAmount <= highWater + 2 * pad.length)
    await turn()
  }
  raw.socket.resume()
  const got = []
  do got.push(parseInt((await raw.next()).text)); while (got[got.length - 1] < sent - 1)
  const dropped = lost.reduce((sum, count) => sum + count, 0)
  assert.strictEqual(got.length, sent - dropped)
  assert.deepStrictEqual(got, [...got].sort((a, b) => a - b))
  service.pub('after')
  assert.strictEqual((await raw.next()).text, 'after')
}, better)

each('what is sent to a slow subscriber alone, and its close frame, come after what was published', async ({ implementation, stage }) => {
  const service = await stage.publisher(implementation)
  const raw = await rawClient(stage, service.port)
  raw.socket.pause()
  await until(() => service.socket.clients.size > 0)
  const [socket] = service.socket.clients
  const pad = 'x'.repeat(100 * 1024)
  const count = 120
  for (let at = 0; at < count; at++) service.pub(`${at}:${pad}`)
  assert.ok(socket.bufferedAmount > 5e6, 'more than the system takes')
  socket.send(`${count}:alone`)
  socket.close(4000, 'bye')
  raw.socket.resume()
  for (let at = 0; at <= count; at++) assert.strictEqual(parseInt((await raw.next()).text), at)
  const { opcode, payload } = await raw.next()
  assert.strictEqual(opcode, CLOSE)
  assert.strictEqual(payload.readUInt16BE(), 4000)
}, better)

each('slowSubscriber of another name is refused', ({ implementation, stage }) => {
  const is = { code: 'ERR_OPTION', message: "ERR_OPTION: slowSubscriber is 'wait', and must be disconnect or drop" }
  assert.throws(() => new implementation.PeerPub({}, { slowSubscriber: 'wait' }), is)
}, better)
