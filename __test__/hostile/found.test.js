'use strict'

// What the fuzz of the whole found (scripts/fuzz-whole.js).

const assert = require('assert')
const test = require('node:test')
const { native } = require('../helpers/implementations')
const { PING, TEXT, frame, rawClient } = require('../../scripts/lib/frames')

const REQUESTS = 200
/** Of each request, in ms. */
const WORK = 5
/** Turns that the event loop has to get meanwhile: one for each 100 ms of work. */
const TURNS = 10

class Replaced extends native.TransportRPCServer {
  format (value) {
    const end = performance.now() + WORK
    while (performance.now() < end);
    return super.format(value)
  }
}

class Peer extends native.PeerRPCServer {
  getTransportClass () {
    return Replaced
  }
}

/** A server that works for a while for each answer. `turns()` counts those of the event loop. */
function startServer (t, conf, answer) {
  const peer = new Peer({}, { host: '127.0.0.1', ...conf })
  peer.init()
  t.after(() => peer.stop())
  const service = peer.transport('server').listen(0)
  let turns = 0
  const timer = setInterval(() => turns++, 1)
  t.after(() => clearInterval(timer))
  const state = { answered: 0, port: service.socket.address().port, turns: () => turns, stop: () => peer.stop() }
  state.all = new Promise(resolve => {
    service.on('request', (rid, key, payload, handler) => {
      handler.reply(null, answer(payload))
      if (++state.answered === REQUESTS) resolve()
    })
  })
  state.first = new Promise(resolve => service.once('request', () => resolve()))
  return state
}

const turn = () => new Promise(resolve => setImmediate(resolve))

/** Some requests are answered, and the rest waits until the client reads: resolves with how many are. */
async function stalled (server) {
  await server.first
  let answered
  do {
    answered = server.answered
    await new Promise(resolve => setTimeout(resolve, 20 * WORK))
  } while (server.answered > answered)
  return answered
}

const requests = () => Array.from({ length: REQUESTS }, (_, at) => frame(TEXT, `["id-${at}","key",${at}]`, { masked: true }))

test('a flood of requests whose answers are costly leaves turns to others, where hooks are replaced', async t => {
  const server = startServer(t, {}, payload => payload)
  const client = await rawClient(t, server.port)
  client.send(...requests())
  await server.first
  const before = server.turns()
  await server.all
  const seen = server.turns() - before
  assert.ok(seen >= TURNS, `${seen} turns during ${REQUESTS * WORK} ms of work`)
  while (client.frames.length < REQUESTS) await client.next()
  assert.deepStrictEqual(client.frames.map(({ text }) => JSON.parse(text)[2]), Array.from({ length: REQUESTS }, (_, at) => at))
})

test('what a client asked that reads nothing and goes away leaves turns to others', async t => {
  const large = 'x'.repeat(256 * 1024)
  const server = startServer(t, { highWater: 64 * 1024 }, () => large)
  const client = await rawClient(t, server.port)
  client.socket.pause()
  client.send(...requests())
  const answered = await stalled(server)
  assert.ok(answered < REQUESTS / 2, `${answered} were answered`)
  const before = server.turns()
  client.socket.destroy()
  await server.all
  const seen = server.turns() - before
  assert.ok(seen >= TURNS / 2, `${seen} turns during ${(REQUESTS - answered) * WORK} ms of work`)
})

test('what a client asked that reads nothing and goes away keeps no server that is stopped at work', async t => {
  const large = 'x'.repeat(256 * 1024)
  const server = startServer(t, { highWater: 64 * 1024 }, () => large)
  const client = await rawClient(t, server.port)
  client.socket.pause()
  client.send(...requests())
  const waiting = await stalled(server)
  client.socket.destroy()
  while (server.answered === waiting) await turn()
  server.stop()
  const { answered } = server
  for (let at = 0; at < REQUESTS; at++) await turn()
  assert.ok(answered < REQUESTS && server.answered === answered, `${server.answered - answered} were answered after stop()`)
})

test('a server that is stopped while a batch is delivered hears nothing more of it', async t => {
  const peer = new native.PeerRPCServer({}, { host: '127.0.0.1' })
  peer.init()
  t.after(() => peer.stop())
  const service = peer.transport('server').listen(0)
  const { port } = service.socket.address()
  let heard = 0
  const stopped = new Promise(resolve => {
    service.on('request', (rid, key, payload, handler) => {
      handler.reply(null, payload)
      if (++heard !== 3) return
      peer.stop()
      setTimeout(resolve, 50)
    })
  })
  const clients = [await rawClient(t, port), await rawClient(t, port)]
  for (const client of clients) client.send(...requests())
  await stopped
  assert.strictEqual(heard, 3)
})

for (const Peer of ['PeerRPCServer', 'PeerPub']) {
  test(`of a client that is terminated no message and no ping is heard any more, ${Peer}`, async t => {
    const peer = new native[Peer]({}, { host: '127.0.0.1' })
    peer.init()
    t.after(() => peer.stop())
    const service = peer.transport('server').listen(0)
    const { socket: server, port } = service
    const heard = []
    const done = new Promise(resolve => server.on('connection', socket => {
      const hear = what => {
        heard.push(what)
        socket.terminate()
      }
      socket.on('message', () => hear('message'))
      socket.on('ping', () => hear('ping'))
      socket.on('close', () => setImmediate(resolve))
    }))
    const client = await rawClient(t, port)
    client.send(...Array.from({ length: 5000 }, (_, at) => frame(at % 2 ? PING : TEXT, '["r","key",1]', { masked: true })))
    await done
    assert.deepStrictEqual(heard, ['message'])
  })
}

test('an id that is an array as large as a message is none', async t => {
  const peer = new native.PeerRPCServer({}, { host: '127.0.0.1' })
  peer.init()
  t.after(() => peer.stop())
  const service = peer.transport('server').listen(0)
  service.on('request', (rid, key, payload, handler) => handler.reply(null, 'answered'))
  const { port } = service
  const client = await rawClient(t, port)
  const refused = new Promise(resolve => service.once('request-error', resolve))
  client.send(frame(TEXT, `[${JSON.stringify(new Array(10000).fill(1e13))},"key",1]`, { masked: true }))
  await refused
  const answered = client.next()
  client.send(frame(TEXT, `["${'x'.repeat(10000)}","key",1]`, { masked: true }))
  assert.strictEqual((await answered).text, `["${'x'.repeat(10000)}",null,"answered"]`)
})
