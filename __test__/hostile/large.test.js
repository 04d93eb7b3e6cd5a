'use strict'

// Much that both sides have to say at once: neither may wait for the other.

const assert = require('node:assert')
const { spawn } = require('child_process')
const { once } = require('events')
const path = require('path')
const { test } = require('node:test')
const { kConnection } = require('../../lib/util/symbols')
const { Stage } = require('../helpers/conformance')
const { TEXT, frame, rawClient } = require('../../scripts/lib/frames')
const { hostile, mustAnswer } = require('../helpers/peers/hostile')
const { native } = require('../helpers/implementations')
const { until } = require('../helpers/peers/faulty')

const SIZE = 1024 * 1024
const MIB = SIZE

/** What the service works for a request, in ms: more than a turn of deliveries may take. */
const WORK = 100

hostile('requests that are more than all buffers hold, and whose answers are as large, are all answered', async ({ startServer, client }) => {
  const server = await startServer({}, { memory: 1024 })
  const peer = client(server, { maxActiveDestTransports: 1 })
  const payload = 'x'.repeat(SIZE)
  const answers = await Promise.all(Array.from({ length: 80 }, () => peer.request('key', payload, { timeout: 18000 })))
  assert.ok(answers.every(answer => answer === payload))
  await mustAnswer(peer)
})

hostile('what comes while the rest of a long batch waits for the next turn is answered after it', async ({ stage, secure, startServer }) => {
  const server = await startServer({ handler: 'work' })
  const [busy, other] = [await rawClient(stage, server.port, { secure }), await rawClient(stage, server.port, { secure })]
  const request = (rid, ms) => frame(TEXT, JSON.stringify([rid, 'key', ms]), { masked: true })
  for (let round = 0; round < 5; round++) {
    // The second one lets the service look at the clock, and the third one waits.
    busy.send(request('a', WORK), request('b', 0), request('c', 1))
    await new Promise(resolve => setTimeout(resolve, WORK / 2))
    other.send(request('d', 1))
    assert.deepStrictEqual(JSON.parse((await other.next()).text), ['d', null, 1])
    const answered = new Set()
    while (answered.size < 3) answered.add(JSON.parse((await busy.next()).text)[0])
  }
})

hostile('a flood of what is no request keeps nobody else waiting until its end', async ({ stage, secure, startServer, client }) => {
  const server = await startServer()
  const peer = client(server)
  await mustAnswer(peer)
  const raw = await rawClient(stage, server.port, { secure })
  const many = Buffer.concat(new Array(50000).fill(frame(TEXT, '', { masked: true })))
  // Once it is destroyed there is an error.
  const flood = err => err || raw.socket.write(many, flood)
  flood()
  for (let at = 0; at < 10; at++) await mustAnswer(peer)
  assert.ok(!raw.socket.destroyed)
  raw.socket.destroy()
})

/** Sends pings without an end, in a process of its own; it reads what comes. */
const FLOODER = `
const { Guest, upgrade } = require('./__test__/helpers/peers/door')
const { PING, frame } = require('./scripts/lib/frames')
const pings = Buffer.concat(new Array(40000).fill(frame(PING, '', { masked: true })))
Guest.connect({ after () {} }, Number(process.argv[1])).then(async guest => {
  await guest.write(upgrade()).status()
  guest.socket.removeAllListeners('data').resume()
  const go = () => { while (guest.socket.write(pings)); }
  guest.socket.on('drain', go)
  go()
})
`

test('a connection that always has more to read leaves others their turns', async t => {
  const peer = new native.PeerRPCServer({}, { host: '127.0.0.1' })
  peer.init()
  t.after(() => peer.stop())
  const service = peer.transport('server').listen(0)
  service.on('request', (rid, key, payload, handler) => handler.reply(null, payload))
  const { socket: server, port } = service
  const connected = once(server, 'connection')
  const child = spawn(process.execPath, ['-e', FLOODER, port], { cwd: path.join(__dirname, '..', '..'), stdio: ['ignore', 'inherit', 'inherit'] })
  t.after(() => child.kill())
  const [{ _socket: flood }] = await connected
  await until(() => flood.bytesRead > MIB)
  const client = new native.PeerRPCClient({ lookup: (key, opts, cb) => cb(null, [`127.0.0.1:${port}`]) })
  client.init()
  t.after(() => client.stop())
  await client.request('key', 'first', { timeout: 30000 })
  const before = flood.bytesRead
  for (let at = 0; at < 20; at++) assert.strictEqual(await client.request('key', at, { timeout: 30000 }), at)
  const read = (flood.bytesRead - before) / MIB
  assert.ok(read < 100, `${read} MiB of the flood were read before 20 others`)
})

test('what comes while many messages wait for their turn is heard after them', async t => {
  const stage = new Stage(t)
  const service = await stage.publisher(native)
  const connected = once(service.socket, 'connection')
  const raw = await rawClient(stage, service.port)
  const [socket] = await connected
  const heard = []
  socket.on('message', text => heard.push(Number(text)))
  const connection = socket[kConnection]
  const message = number => frame(TEXT, String(number), { masked: true })
  connection.isBehind = true
  const many = Array.from({ length: 10000 }, (_, number) => number)
  raw.send(...many.map(message))
  await until(() => connection._delayed.size === many.length)
  raw.send(message(many.length))
  connection.onRoom()
  await until(() => heard.length > many.length)
  assert.deepStrictEqual(heard, [...many, many.length])
})
