'use strict'

// What the system tells at the border to it: connections that break while nobody reads them.

const assert = require('node:assert')
const { once } = require('node:events')
const net = require('node:net')
const { limited } = require('../../scripts/lib/child')
const { until, wait } = require('../helpers/peers/faulty')
const { TEXT, frame, rawClient } = require('../../scripts/lib/frames')
const { hostile, mustAnswer } = require('../helpers/peers/hostile')

/** Unanswered requests with which a connection is not read. */
const FEW = 4
/** Bytes that wait for a client with which it is not read. */
const HIGH_WATER = 64 * 1024
/** Requests of a MiB: more than the system takes on both ways. */
const LARGE = 32
/** Within this time the end of a client is noticed, in ms. */
const SOON = 5000
/** CPU time that a process with nothing to do may take in a second, in ms. */
const IDLE = 300

/** With TLS Node's sockets tell nothing while they are not read: signs of life do. */
const conf = secure => ({ maxConnectionRequests: FEW, highWater: HIGH_WATER, heartbeatInterval: secure ? 1000 : 30000 })

const request = (id, payload = 1) => frame(TEXT, JSON.stringify([String(id), 'key', payload]), { masked: true })

/** A raw client and its TCP socket, also with TLS. */
async function connect (stage, server, secure) {
  if (!secure) {
    const raw = await rawClient(stage, server.port)
    return { raw, tcp: raw.socket }
  }
  const tcp = net.connect(server.port, '127.0.0.1')
  tcp.on('error', () => {})
  await once(tcp, 'connect')
  return { raw: await rawClient(stage, server.port, { secure: { ...secure, socket: tcp } }), tcp }
}

/** A server that reads a client no more, since it has enough to answer. */
async function blocked ({ stage, startServer, secure }) {
  const server = await startServer({ handler: 'keep', conf: conf(secure) })
  const client = await connect(stage, server, secure)
  for (let at = 0; at < FEW; at++) client.raw.send(request(at))
  await until(async () => await server.ask('askedCount') === FEW)
  // What waits in the system now is not read.
  client.raw.send(request('unread'))
  return { server, ...client }
}

async function mustLetGo (server) {
  const begin = performance.now()
  await until(async () => await server.ask('connections') === 0)
  const took = performance.now() - begin
  assert(took < SOON, `noticed after ${took} ms`)
}

async function mustBeIdle (server) {
  const before = (await server.ask('usage')).cpu
  await wait(1000)
  const { cpu } = await server.ask('usage')
  assert(cpu - before < IDLE, `${cpu - before} ms of CPU time in a second`)
}

const ENDS = {
  resets: tcp => tcp.resetAndDestroy(),
  'goes away': tcp => tcp.destroy()
}

for (const [ends, end] of Object.entries(ENDS)) {
  hostile(`a client that ${ends} while its service has enough to answer is let go`, async context => {
    const { server, tcp } = await blocked(context)
    end(tcp)
    await mustLetGo(server)
    await mustBeIdle(server)
    await server.ask('answer')
    assert.strictEqual(server.stderr, '')
  })
}

hostile('a client that resets without having read its answers is let go, and others are answered', async ({ stage, startServer, secure, client }) => {
  const server = await startServer({ conf: conf(secure) })
  const { raw, tcp } = await connect(stage, server, secure)
  raw.socket.pause()
  const large = 'x'.repeat(1024 * 1024)
  for (let at = 0; at < LARGE; at++) raw.send(request(at, large))
  let before = -1
  await until(async () => {
    const now = await server.ask('askedCount')
    const stands = now > 0 && now === before
    before = now
    return stands
  }, 200)
  assert(before < LARGE, 'the client is not read any more')
  await mustAnswer(client(server))
  tcp.resetAndDestroy()
  await until(async () => await server.ask('connections') === 1)
  await mustBeIdle(server)
  assert.strictEqual(server.stderr, '')
})

hostile('a client that ended its half while its service has enough to answer costs no CPU time', async context => {
  const { server, raw } = await blocked(context)
  raw.socket.end()
  await mustBeIdle(server)
  await server.ask('answer')
  await limited(raw.ended, 'the end')
}, { tls: false })
