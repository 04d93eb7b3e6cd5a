'use strict'

// Sockets that are ended before their handshake is done.

const assert = require('node:assert')
const net = require('net')
const { once } = require('events')
const { each } = require('../helpers/conformance')

/** A server that never answers: the port, and those who came. */
async function silent (stage) {
  const server = net.createServer(socket => socket.on('error', () => {})).listen(0, '127.0.0.1')
  await once(server, 'listening')
  stage.after(() => server.close())
  return `127.0.0.1:${server.address().port}`
}

for (const method of ['close', 'terminate']) {
  each(`C477: ${method}() while connecting is an error, then a close`, async ({ implementation, stage }) => {
    const dest = await silent(stage)
    const transport = stage.client(implementation, dest).transport(dest)
    transport.connect()
    const { socket } = transport
    const heard = []
    socket.on('error', err => heard.push(['error', err.message, socket.readyState]))
    const closed = new Promise(resolve => socket.on('close', (...args) => resolve(args)))
    socket[method]()
    heard.push('returned')
    const [code, reason] = await closed
    assert.deepStrictEqual(heard, [
      ['error', 'WebSocket was closed before the connection was established', 2], 'returned'
    ])
    assert.deepStrictEqual([code, String(reason), socket.readyState], [1006, '', 3])
  })
}

each('C477: a transport that is stopped while it connects says so to who listens', async ({ implementation, stage }) => {
  const dest = await silent(stage)
  const transport = stage.client(implementation, dest).transport(dest)
  transport.connect()
  const { socket } = transport
  const failed = once(socket, 'error')
  const closed = new Promise(resolve => socket.on('close', resolve))
  transport.stop()
  assert.strictEqual((await failed)[0].message, 'WebSocket was closed before the connection was established')
  assert.strictEqual(await closed, 1006)
})
