'use strict'

// Servers that answer a client's handshake with everything but an upgrade: the caller gets an error in
// time, and no connection stays.

const assert = require('node:assert')
const { once } = require('node:events')
const net = require('node:net')
const tls = require('node:tls')
const { certificates } = require('../../scripts/lib/certificates')
const { call } = require('../helpers/conformance')
const { fault, until } = require('../helpers/peers/faulty')

/** A handshake's time, and the longest that its end may be late on a busy machine, in ms. */
const TIME = 1000
const LATE = 4000

/** `[what, first bytes, more of them on and on, pace in ms]` */
const ANSWERS = [
  ['a head without end', 'HTTP/1.1 101 Ok\r\nX-A: ', 'x'.repeat(1000), 0],
  ['headers without end', 'HTTP/1.1 101 Ok\r\n', 'X-A: b\r\n'.repeat(100), 0],
  ['a head that trickles', 'HTTP/1.1 101 Ok\r\nX-A: ', 'x', 20],
  ['empty lines without end', '\r\n', '\r\n'.repeat(100), 0],
  ['100 Continue without end', 'HTTP/1.1 100 Continue\r\n\r\n', 'HTTP/1.1 100 Continue\r\n\r\n'.repeat(10), 0],
  ['103 Early Hints without end', 'HTTP/1.1 103 Early Hints\r\n\r\n', 'HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n', 1],
  ['401 with a body without end', 'HTTP/1.1 401 Unauthorized\r\nTransfer-Encoding: chunked\r\n\r\n', `400\r\n${'x'.repeat(0x400)}\r\n`, 0],
  ['a redirect', 'HTTP/1.1 302 Found\r\nLocation: /else\r\nContent-Length: 1000000\r\n\r\n', 'x', 20],
  ['two upgrades', 'HTTP/1.1 101 Ok\r\nUpgrade: websocket\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n', 'x', 20],
  ['garbage', '\0\xff\0\xff', '\xff'.repeat(100), 0],
  ['nothing at all', '', '', 0]
]

/** A server that answers what it is told; resolves with its `dest` and the sockets that are open. */
async function answering (stage, secure, [, first, more, pace]) {
  const open = new Set()
  const server = secure ? tls.createServer({ ...certificates().server, rejectUnauthorized: false }) : net.createServer()
  server.on('connection', socket => {
    open.add(socket)
    socket.on('error', () => {}).once('close', () => open.delete(socket))
  })
  server.on('tlsClientError', () => {})
  server.on(secure ? 'secureConnection' : 'connection', socket => {
    socket.on('error', () => {})
    socket.once('data', () => {
      socket.resume()
      if (first) socket.write(Buffer.from(first, 'latin1'))
      const pour = () => {
        if (socket.destroyed || !more) return
        if (socket.write(Buffer.from(more, 'latin1'))) setTimeout(pour, pace)
        else socket.once('drain', pour)
      }
      pour()
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  stage.after(() => {
    server.close()
    for (const socket of open) socket.destroy()
  })
  return { dest: `127.0.0.1:${server.address().port}`, open }
}

for (const secure of [false, true]) {
  for (const answer of ANSWERS) {
    fault(`a client that is answered ${answer[0]} says so in time, and leaves nothing, ${secure ? 'TLS' : 'plain'}`, async (stage, implementation) => {
      const { dest, open } = await answering(stage, secure, answer)
      const peer = stage.client(implementation, dest, { handshakeTimeout: TIME, ...(secure && { secure: certificates().client }) })
      const start = performance.now()
      const results = await Promise.all([1, 2, 3].map(payload => call(peer, 'request', 'key', payload, { timeout: 60000 })))
      assert.ok(performance.now() - start < TIME + LATE, `${performance.now() - start} ms`)
      for (const { err } of results) assert.ok(err instanceof Error)
      await until(() => open.size === 0)
    })
  }
}

for (const secure of [false, true]) {
  fault(`a client that is told to wait again and again does not wait for its deadline, ${secure ? 'TLS' : 'plain'}`, async (stage, implementation) => {
    for (const head of ['100 Continue', '102 Processing', '103 Early Hints']) {
      const { dest, open } = await answering(stage, secure, ['waits', '', `HTTP/1.1 ${head}\r\n\r\n`.repeat(100), 0])
      const peer = stage.client(implementation, dest, secure && { secure: certificates().client })
      const { err } = await call(peer, 'request', 'key', 1, { timeout: 60000 })
      assert.strictEqual(err.message, `Unexpected server response: ${head.slice(0, 3)}`)
      await until(() => open.size === 0)
    }
  })
}

fault('a client of a server that never does its part of TLS says so in time, and leaves nothing', async (stage, implementation) => {
  const open = new Set()
  const silent = net.createServer(socket => {
    open.add(socket)
    socket.on('error', () => {}).resume().once('close', () => open.delete(socket))
  }).listen(0, '127.0.0.1')
  await once(silent, 'listening')
  stage.after(() => {
    silent.close()
    for (const socket of open) socket.destroy()
  })
  const peer = stage.client(implementation, `127.0.0.1:${silent.address().port}`, { handshakeTimeout: TIME, secure: certificates().client })
  const { err } = await call(peer, 'request', 'key', 1, { timeout: 60000 })
  assert.strictEqual(err.message, 'Opening handshake has timed out')
  await until(() => open.size === 0)
})
