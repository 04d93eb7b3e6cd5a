'use strict'

// Others that say nothing more: how long they are waited for.

const { test } = require('node:test')
const assert = require('node:assert')
const { once } = require('node:events')
const net = require('node:net')
const tls = require('node:tls')
const { asTexts, certificates } = require('../../scripts/lib/certificates')
const { limited } = require('../../scripts/lib/child')
const { Stage, call, native } = require('../helpers/conformance')
const { fault, fillBacklog, startServer, until } = require('../helpers/peers/faulty')
const { CLOSE, TEXT, frame, rawClient, rawServer } = require('../../scripts/lib/frames')
const { freePort } = require('../../scripts/lib/ports')

const COUNT = 30
/** What a process holds that has nothing to do, give or take. */
const FEW = 8

fault('clients that are told of their mistake, and neither read nor hang up, are let go', async stage => {
  const server = await startServer(stage)
  const before = (await server.ask('usage')).descriptors
  for (let at = 0; at < COUNT; at++) {
    const raw = await rawClient(stage, server.port)
    raw.socket.pause()
    raw.send(frame(3, 'x', { masked: true }))
  }
  await until(async () => (await server.ask('usage')).descriptors <= before + FEW)
})

/** Clients of a server with TLS that do not come to the point. */
const UNDECIDED = {
  'who does not begin TLS': port => net.connect(port, '127.0.0.1'),
  'who says nothing after it': port => tls.connect({ port, ...certificates().client }),
  'who does not end its request': port => {
    const socket = tls.connect({ port, ...certificates().client })
    socket.write('GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n')
    return socket
  },
  'who asks for something else again and again': port => {
    const socket = tls.connect({ port, ...certificates().client })
    const ask = () => socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
    ask()
    socket.on('data', ask)
    return socket
  }
}

for (const [who, connect] of Object.entries(UNDECIDED)) {
  fault(`with TLS, ${who} is hung up on in time, and others are not`, async (stage, implementation) => {
    const server = await startServer(stage, { conf: { handshakeTimeout: 1000 }, secure: asTexts(certificates().server) })
    const peer = stage.client(implementation, server.dest, { secure: certificates().client })
    assert.strictEqual((await call(peer, 'request', 'key', 1, {})).res, 1)
    const socket = connect(server.port)
    stage.after(() => socket.destroy())
    socket.on('error', () => {}).resume()
    // Node's own limit is a minute.
    await limited(new Promise(resolve => socket.on('close', resolve)), 'being hung up on')
    assert.strictEqual(await server.ask('connections'), 1)
    assert.strictEqual((await call(peer, 'request', 'key', 2, {})).res, 2)
    assert.strictEqual(server.stderr, '')
  })
}

fault('a destination whose system does not answer is ETIMEDOUT', async (stage, implementation) => {
  const server = await startServer(stage)
  server.signal('SIGSTOP')
  await fillBacklog(stage, server.port)
  const { err } = await call(stage.client(implementation, server.dest), 'request', 'key', 1, {})
  assert.deepStrictEqual([err.code, err.message], ['ETIMEDOUT', `connect ETIMEDOUT ${server.dest}`])
})

/** A connection of ours that is closed, and whose other side does not care; resolves with what we hear. */
const CLOSING = {
  'our server': async (stage, secure) => {
    const service = await stage.serve(native, undefined, secure && { secure: { ...certificates().server, verifyClient: () => true } })
    const connection = once(service.socket, 'connection')
    const raw = await rawClient(stage, service.port, { secure: secure && certificates().client })
    const [socket] = await connection
    return { raw, socket, masked: true }
  },
  'our client': async (stage, secure) => {
    let arrived
    const raw = new Promise(resolve => { arrived = resolve })
    const { dest } = await rawServer(stage, arrived, { secure: secure && certificates().server })
    const peer = stage.client(native, dest, { maxActiveDestTransports: 1, ...(secure && { secure: certificates().client }) })
    peer.request('k', 1, {}, () => {})
    await (await raw).next()
    const [{ socket }] = peer.tpool.list(dest)
    // What it asks leaves before it hears that it is connected.
    if (socket.readyState === 0) await once(socket, 'open')
    return { raw: await raw, socket, masked: false }
  }
}

// All at once, since each takes half a minute.
test('who does not answer a close frame, or does not end its request to a grape, is given up', { timeout: 90000 }, async t => {
  const stage = new Stage(t)
  const closings = Object.values(CLOSING).flatMap(make => [false, true].map(async secure => {
    const { raw, socket, masked } = await make(stage, secure)
    const closed = once(socket, 'close')
    socket.close(4000)
    assert.strictEqual((await raw.next()).opcode, CLOSE)
    raw.send(frame(TEXT, 'still here', { masked }))
    assert.strictEqual((await closed)[0], 1006)
    await raw.ended
  }))

  const api = await freePort()
  const grape = new native.Grape({ host: '127.0.0.1', dht_port: 0, api_port: api })
  grape.start()
  stage.after(() => grape.stop())
  await once(grape, 'ready')
  const requests = ['POST /lookup HT', 'POST /lookup HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 20\r\n\r\n{"data"'].map(async text => {
    const socket = net.connect(api, '127.0.0.1')
    stage.after(() => socket.destroy())
    socket.write(text)
    let answer = ''
    socket.setEncoding('utf8').on('data', text => { answer += text })
    await once(socket, 'close')
    return answer
  })
  await Promise.all(closings)
  const [head, body] = await Promise.all(requests)
  assert.strictEqual(head, '')
  // Its time is up, and with it that of the connection: it may still be told.
  assert.match(body, /^$|^HTTP\/1.1 500 [^]*ERR_GRAPE_PAYLOAD_INVALID$/)
})
