'use strict'

// The other side's process stands still: its system answers, but it does not.

const assert = require('node:assert')
const { once } = require('node:events')
const { asTexts, certificates } = require('../../scripts/lib/certificates')
const { call } = require('../helpers/conformance')
const { closing, fault, start, startServer, until, wait } = require('../helpers/peers/faulty')

const HEARTBEAT = 150
const conf = { heartbeatInterval: HEARTBEAT, maxActiveDestTransports: 1 }

/** An interval with room for tests that work in its parts. */
const PATIENT = 500

/** Characters of an answer for which the systems have no room while nobody reads. */
const MUCH = 16 * 1024 * 1024

/** So many intervals: enough to take anybody for dead. */
const LONG = 8 * HEARTBEAT

fault('an idle connection to a stopped server is given up, and a request works once it goes on', async (stage, implementation) => {
  const server = await startServer(stage)
  const peer = stage.client(implementation, server.dest, conf)
  assert.strictEqual((await call(peer, 'request', 'key', 1, {})).res, 1)
  const [{ socket }] = peer.tpool.list(server.dest)
  const closed = closing(socket)
  server.signal('SIGSTOP')
  assert.deepStrictEqual(await closed, { code: 1006, error: 'ERR_HEARTBEAT' })
  // Its system takes connections, and nobody answers.
  const meanwhile = await call(peer, 'request', 'key', 2, { timeout: 100 })
  assert.strictEqual(meanwhile.err.message, 'ERR_TIMEOUT')
  server.signal('SIGCONT')
  assert.deepStrictEqual(await call(peer, 'request', 'key', 3, { retry: 3 }), { err: null, res: 3 })
})

fault('a stopped server with requests to answer is waited for', async (stage, implementation) => {
  const server = await startServer(stage, { handler: 'keep' })
  const peer = stage.client(implementation, server.dest, conf)
  const asked = call(peer, 'request', 'key', 'late', {})
  await until(async () => (await server.ask('asked')).length === 1)
  const [{ socket }] = peer.tpool.list(server.dest)
  let closes = 0
  socket.on('close', () => closes++)
  server.signal('SIGSTOP')
  await wait(LONG)
  assert.strictEqual(closes, 0)
  server.signal('SIGCONT')
  await server.ask('answer')
  assert.deepStrictEqual(await asked, { err: null, res: 'late' })
  assert.strictEqual(closes, 0)
})

fault('a stopped client is given up by its server, and asks again once it goes on', async (stage, implementation) => {
  const service = await stage.serve(implementation, undefined, conf)
  const client = start(stage, { role: 'client', dest: service.dest, conf: { ...conf, heartbeatInterval: 0 } })
  const connection = once(service.socket, 'connection')
  assert.strictEqual((await client.ask('request', 1)).res, 1)
  const [socket] = await connection
  const closed = closing(socket)
  client.signal('SIGSTOP')
  assert.deepStrictEqual(await closed, { code: 1006, error: 'ERR_HEARTBEAT' })
  client.signal('SIGCONT')
  assert.deepStrictEqual(await client.ask('request', 2, { retry: 3 }), { err: null, res: 2 })
})

fault('a stopped client that waits for an answer gets it once it goes on', async (stage, implementation) => {
  const handlers = []
  const service = await stage.serve(implementation, (rid, key, payload, handler) => handlers.push(handler), conf)
  const client = start(stage, { role: 'client', dest: service.dest, conf: { ...conf, heartbeatInterval: 0 } })
  const asked = client.ask('request', 1)
  await until(() => handlers.length >= 1)
  client.signal('SIGSTOP')
  await wait(LONG)
  assert.strictEqual(service.socket.clients.size, 1)
  handlers[0].reply(null, 'here')
  client.signal('SIGCONT')
  assert.deepStrictEqual(await asked, { err: null, res: 'here' })
})

for (const isSecure of [false, true]) {
  fault(`C318: a stopped client whose answer is on its way is not given up for its silence${isSecure ? ', TLS' : ''}`, async (stage, implementation) => {
    const handlers = []
    const [own, its] = isSecure
      ? [{ secure: { ...certificates().server, verifyClient: () => true } }, { secure: asTexts(certificates().client) }]
      : [{}, {}]
    const service = await stage.serve(implementation, (rid, key, payload, handler) => handlers.push(handler), { ...conf, ...own })
    const client = start(stage, { role: 'client', dest: service.dest, ...its, conf: { ...conf, heartbeatInterval: 0 } })
    const asked = client.ask('request', 1)
    asked.catch(() => {})
    await until(() => handlers.length >= 1)
    client.signal('SIGSTOP')
    handlers[0].reply(null, 'x'.repeat(MUCH))
    await wait(LONG)
    assert.strictEqual(service.socket.clients.size, 1)
    client.signal('SIGCONT')
    const { err, res } = await asked
    assert.deepStrictEqual({ err, length: res && res.length }, { err: null, length: MUCH })
  })
}

fault('C321: while a sign of life is on its way, deadlines of other requests end no connection', async (stage, implementation) => {
  const [slow, other] = [await startServer(stage), await startServer(stage, { handler: 'forget' })]
  const peer = stage.client(implementation, slow.dest, { maxActiveDestTransports: 1, heartbeatInterval: PATIENT })
  assert.strictEqual((await call(peer, 'request', 'key', 1, {})).res, 1)
  const [{ socket }] = peer.tpool.list(slow.dest)
  let closes = 0
  socket.on('close', () => closes++)
  slow.signal('SIGSTOP')
  // It is asked after one interval, and has another one.
  const end = performance.now() + 1.5 * PATIENT
  while (performance.now() < end) await call(peer, 'request', 'key', 2, { dest: other.dest, timeout: 10 })
  slow.signal('SIGCONT')
  assert.strictEqual(closes, 0)
  await wait(PATIENT)
  assert.strictEqual(closes, 0)
  assert.strictEqual((await call(peer, 'request', 'key', 3, {})).res, 3)
})
