'use strict'

// What stop of a client peer ends.

const assert = require('node:assert')
const { once } = require('events')
const net = require('net')
const { call, each, native, pair } = require('../helpers/conformance')

pair('C45: stop ends sent requests with ERR_TIMEOUT at once', async ({ server, client, stage }) => {
  let come = 0
  let allCame
  const came = new Promise(resolve => { allCame = resolve })
  const service = await stage.serve(server, (rid, key, payload, handler) => {
    if (key === 'answered') handler.reply(null, payload)
    else if (++come === 5) allCame()
  })
  const peer = stage.client(client, service.dest)
  // Answers show that the client knows its connections to be open.
  for (let at = 0; at < 3; at++) assert.ifError((await call(peer, 'request', 'answered', at, {})).err)
  const ends = []
  for (let at = 0; at < 5; at++) peer.request('k', at, {}, (err, res) => ends.push([err.message, res]))
  await came
  assert.deepStrictEqual(ends, [])
  peer.stop()
  assert.deepStrictEqual(ends, Array(5).fill(['ERR_TIMEOUT', undefined]))
})

/** A port that takes connections and says nothing; resolves with its destination. */
async function mute (stage) {
  const sockets = []
  const port = net.createServer(socket => {
    sockets.push(socket)
    socket.on('error', () => {})
  }).listen(0, '127.0.0.1')
  await once(port, 'listening')
  stage.after(() => {
    for (const socket of sockets) socket.destroy()
    port.close()
  })
  return { dest: `127.0.0.1:${port.address().port}`, port }
}

each('C46: stop ends requests that wait for a connection with ERR_TRANSPORT_CLOSE', async ({ implementation, stage }) => {
  const { dest, port } = await mute(stage)
  const peer = stage.client(implementation, dest)
  const connected = once(port, 'connection')
  const ends = Promise.all(Array.from({ length: 5 }, () => call(peer, 'request', 'k', 1, {})))
  await connected
  peer.stop()
  for (const { err, res } of await ends) {
    assert.strictEqual(err.message, 'ERR_TRANSPORT_CLOSE')
    assert.strictEqual(res, undefined)
  }
})

pair('C46: a stop in the turn of the requests ends them too', async ({ server, client, stage }) => {
  let requests = 0
  const service = await stage.serve(server, () => requests++)
  const peer = stage.client(client, service.dest)
  const ends = Promise.all(Array.from({ length: 3 }, () => call(peer, 'request', 'k', 1, {})))
  peer.stop()
  const told = (await ends).map(({ err }) => err.message)
  // Where the turn lasts so long that they were sent, which a busy machine may do, that is what is told.
  if (client === native && told.includes('ERR_TIMEOUT')) return assert.deepStrictEqual(told, Array(3).fill('ERR_TIMEOUT'))
  assert.deepStrictEqual(told, Array(3).fill('ERR_TRANSPORT_CLOSE'))
  assert.strictEqual(requests, 0)
})

pair('C47: stop closes the sockets of the pool', async ({ server, client, stage }) => {
  const service = await stage.serve(server)
  const connections = []
  service.socket.on('connection', socket => connections.push(socket))
  const peer = stage.client(client, service.dest)
  for (let at = 0; at < 3; at++) await call(peer, 'request', 'k', at, {})
  assert.strictEqual(connections.length, 3)
  const transports = peer.tpool.list(service.dest)
  assert.strictEqual(transports.length, 3)
  const closed = connections.map(socket => once(socket, 'close'))
  peer.stop()
  await Promise.all(closed)
  for (const transport of transports) {
    assert.strictEqual(transport.isActive(), false)
    assert.strictEqual(transport.isConnected(), false)
  }
  assert.deepStrictEqual(peer.tpool.list(service.dest), [])
})
