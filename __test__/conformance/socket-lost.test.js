'use strict'

// What a transport has for a socket once its connection is lost.

const assert = require('node:assert')
const { once } = require('events')
const { call, pair } = require('../helpers/conformance')
const { clientOf, drop } = require('../helpers/peers/hooks')

const CLOSED = 3

pair('C473: a lost connection leaves its closed socket', async ({ server, client, stage }) => {
  const service = await stage.serve(server)
  const transport = clientOf(stage, client, service)
  await call(transport, 'request', 'key', 1, { timeout: 5000 })
  const { socket } = transport
  const inClose = new Promise(resolve => socket.on('close', () => resolve([transport.socket === socket, socket.readyState])))
  await drop(service, transport)
  assert.deepStrictEqual(await inClose, [true, CLOSED])
  assert.strictEqual(transport.socket, socket)
  assert.strictEqual(transport.isConnected(), false)
  // Another one takes its place.
  assert.deepStrictEqual(await call(transport, 'request', 'key', 2, { timeout: 5000 }), { err: null, res: 2 })
  assert.notStrictEqual(transport.socket, socket)
  assert.strictEqual(transport.socket.readyState, 1)
  transport.stop()
  assert.ok(!transport.socket)
})

pair('C473: also of a connection at which nobody has looked', async ({ server, client, stage }) => {
  const service = await stage.serve(server)
  const transport = clientOf(stage, client, service)
  await call(transport, 'request', 'key', 1, { timeout: 5000 })
  const lost = new Promise(resolve => {
    const { disconnected } = transport
    transport.disconnected = function (...args) {
      disconnected.apply(this, args)
      setImmediate(resolve)
    }
  })
  for (const connection of service.socket.clients) connection.terminate()
  await lost
  assert.strictEqual(transport.socket.readyState, CLOSED)
  transport.disconnect()
  assert.ok(!transport.socket)
})

pair('C473: a subscription that was lost has its closed socket until it ends', async ({ server, client, stage }) => {
  const service = await stage.publisher(server)
  const transport = stage.subscriber(client, service.dest).transport(service.dest)
  transport.sub()
  await once(transport, 'connected')
  const { socket } = transport
  // Whoever listens connects again by itself.
  const lost = once(transport, 'disconnected')
  for (const connection of service.socket.clients) connection.terminate()
  await lost
  assert.strictEqual(transport.socket, socket)
  assert.strictEqual(socket.readyState, CLOSED)
  transport.unsub()
  assert.ok(!transport.socket)
})
