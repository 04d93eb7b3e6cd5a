'use strict'

// Something else answers at the port of a server that is gone.

const assert = require('node:assert')
const { randomBytes } = require('node:crypto')
const { once } = require('node:events')
const http = require('node:http')
const net = require('node:net')
const { certificates } = require('../../scripts/lib/certificates')
const { call } = require('../helpers/conformance')
const { rawServer } = require('../../scripts/lib/frames')
const { Calls, fault, startServer, until } = require('../helpers/peers/faulty')
const { told } = require('../helpers/peers/subscribers')

/** Lets `server` listen where `killed` did. */
async function takeOver (stage, killed, server) {
  await killed.kill()
  const sockets = new Set()
  server.on('connection', socket => sockets.add(socket.on('error', () => {})))
  server.listen(killed.port, '127.0.0.1')
  await once(server, 'listening')
  const end = async () => {
    if (!server.listening) return
    server.close()
    for (const socket of sockets) socket.destroy()
    await once(server, 'close')
  }
  stage.after(end)
  return end
}

/** Whom a client finds there, and the error that says so. */
const OTHERS = [
  ['an HTTP server', () => http.createServer((req, res) => res.end('hello')), /^Unexpected server response: 200$/],
  ['an HTTP server that upgrades to nothing', () => http.createServer().on('upgrade', (req, socket) => socket.destroy()), /hang up|closed|ECONNRESET|handshake/i],
  ['a server that says nothing and hangs up', () => net.createServer(socket => socket.end()), /hang up|closed|ECONNRESET|handshake/i],
  ['a server of garbage', () => net.createServer(socket => socket.write(randomBytes(4096))), /^Parse Error/],
  ['a server of endless headers', () => net.createServer(socket => {
    const more = () => { while (!socket.destroyed && socket.write(`X: ${'x'.repeat(1000)}\r\n`)); }
    socket.write('HTTP/1.1 101 Switching Protocols\r\n')
    socket.on('drain', more)
    more()
  }), /^Header overflow$|handshake/]
]

for (const [name, make, expected] of OTHERS) {
  fault(`${name} at the port: a clear error, and requests work once the server is back`, async (stage, implementation) => {
    const server = await startServer(stage)
    const peer = stage.client(implementation, server.dest, { handshakeTimeout: 2000 })
    assert.strictEqual((await call(peer, 'request', 'key', 1, {})).res, 1)
    const end = await takeOver(stage, server, make())
    const calls = new Calls()
    for (let at = 0; at < 30; at++) peer.request('key', at, {}, calls.next())
    await calls.done()
    assert.strictEqual(calls.twice, 0)
    for (const { err } of calls.results) assert.ok(err === 'ERR_TRANSPORT_CLOSE' || expected.test(err), err)
    const { err } = await call(peer, 'request', 'key', 2, {})
    assert.match(err.message, expected)
    await end()
    await startServer(stage, { port: server.port })
    await until(async () => (await call(peer, 'request', 'key', 3, {})).res === 3)
  })

  fault(`${name} at the port of a publisher: the subscriber comes back with it, and says no error meanwhile`, async (stage, implementation) => {
    const publisher = await startServer(stage, { role: 'publisher' })
    const peer = stage.subscriber(implementation, publisher.dest, { reconnect: true, handshakeTimeout: 2000 })
    const heard = []
    peer.on('message', text => heard.push(text))
    const errors = []
    peer.on('error', err => errors.push(err.message))
    const connected = told(peer, 'connected')
    peer.sub('key')
    await connected
    const taken = make()
    const asked = once(taken, 'connection')
    const end = await takeOver(stage, publisher, taken)
    await asked
    await end()
    const back = told(peer, 'connected')
    const restarted = await startServer(stage, { role: 'publisher', port: publisher.port })
    await back
    await restarted.ask('publish', 0, 1, 2)
    await until(() => heard.length >= 1)
    assert.deepStrictEqual(heard, ['0:xx'])
    assert.deepStrictEqual(errors, [])
  })
}

for (const [name, make] of [OTHERS[0], OTHERS[3]]) {
  fault(`${name} at the port of a server with TLS: a clear error`, async (stage, implementation) => {
    const server = await startServer(stage)
    await takeOver(stage, server, make())
    const peer = stage.client(implementation, server.dest, { secure: { ...certificates().client, handshakeTimeout: 2000 } })
    const calls = new Calls()
    for (let at = 0; at < 10; at++) peer.request('key', at, {}, calls.next())
    await calls.done()
    assert.strictEqual(calls.twice, 0)
    for (const { err } of calls.results) assert.match(err, /wrong version number|packet length/i)
  })
}

fault('a WebSocket server of something else: what it says is nothing, and requests time out', async (stage, implementation) => {
  const { dest } = await rawServer(stage, raw => {
    for (const text of ['hello', '[]', '[1]', '["no", null, 1]', 'null', '{"rid": 1}', '[[[[']) {
      raw.send(Buffer.concat([Buffer.from([0x81, text.length]), Buffer.from(text)]))
    }
  })
  const peer = stage.client(implementation, dest)
  const calls = new Calls()
  for (let at = 0; at < 30; at++) peer.request('key', at, { timeout: 200 }, calls.next())
  await calls.done()
  assert.strictEqual(calls.twice, 0)
  assert.deepStrictEqual(calls.outcomes, { ERR_TIMEOUT: 30 })
})

fault('a server whose port is taken says so, and listens once it is free', async (stage, { PeerRPCServer }) => {
  const other = await startServer(stage)
  const peer = new PeerRPCServer({}, {})
  peer.init()
  stage.after(() => peer.stop())
  const service = peer.transport('server')
  const failed = told(service, 'error')
  service.listen(other.port)
  assert.strictEqual((await failed).code, 'EADDRINUSE')
  await other.kill()
  const again = peer.transport('server').listen(other.port)
  assert.ok(again.isListening())
})
