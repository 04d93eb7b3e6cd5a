'use strict'

// Frames that no peer should send: only the connection they came by ends.

const assert = require('node:assert')
const { once } = require('node:events')
const { certificates } = require('../../scripts/lib/certificates')
const { call, each } = require('../helpers/conformance')
const { BINARY, TEXT, frame, rawClient, rawServer } = require('../../scripts/lib/frames')

const LIMIT = 100 * 1024 * 1024
const BAD_TEXT = Buffer.from([0x22, 0xc3, 0x28, 0x22])
const RESERVED = 0x40
const PING = 9

/** `[name, close code, frames as a function of masked]` */
const BAD = [
  ['C199: a frame with the wrong masking', 1002, masked => frame(TEXT, '["r","k",1]', { masked: !masked })],
  ['C199: a frame with a reserved opcode', 1002, masked => frame(3, 'x', { masked })],
  ['C199: a control frame with a reserved opcode', 1002, masked => frame(11, 'x', { masked })],
  ['C199: a frame with a reserved bit', 1002, masked => frame(TEXT, '["r","k",1]', { masked, reserved: RESERVED })],
  ['C199: a fragmented ping', 1002, masked => frame(PING, 'x', { masked, fin: false })],
  ['C199: a ping of 126 bytes', 1002, masked => frame(PING, 'x'.repeat(126), { masked })],
  ['C199: a continuation of nothing', 1002, masked => frame(0, 'x', { masked })],
  ['C200: a text frame with bad UTF-8', 1007, masked => frame(TEXT, BAD_TEXT, { masked })],
  ['C200: bad UTF-8 across two frames', 1007, masked => Buffer.concat([
    frame(TEXT, BAD_TEXT.subarray(0, 2), { masked, fin: false }), frame(0, BAD_TEXT.subarray(2), { masked })
  ])],
  ['C201: a frame over the size limit', 1009, masked => frame(BINARY, '', { masked, length: LIMIT + 1 })],
  ['C201: a text frame over the size limit', 1009, masked => frame(TEXT, '', { masked, length: LIMIT + 1 })],
  ['C201: a frame of 2^62 bytes', 1009, masked => frame(TEXT, '', { masked, length: 2 ** 62 })]
]

const REQUEST = rid => frame(TEXT, JSON.stringify([rid, 'k', rid]), { masked: true })
const REPLY = rid => JSON.stringify([rid, null, rid])

/** Resolves once a socket has closed, with the code; hears no `error`, so that one could be uncaught. */
const closeOf = socket => new Promise(resolve => socket.on('close', resolve))

/** Services of this package by every way a frame can take: `[name, conf, class]`. */
const WAYS = {
  native: () => ({}),
  'by socket': () => ({ replaced: true }),
  TLS: () => ({ conf: { secure: { ...certificates().server, verifyClient: () => true } } })
}

for (const [way, make] of Object.entries(WAYS)) {
  for (const [title, expected, bytes] of BAD) {
    each(`${title} ends only its connection to a server, ${way}`, async ({ implementation, stage }) => {
      const { conf, replaced } = make()
      class Transport extends implementation.TransportRPCServer {
        sendReply (...args) {
          super.sendReply(...args)
        }
      }
      const asked = []
      const service = await stage.serve(implementation, (rid, key, payload, handler) => {
        asked.push(payload)
        handler.reply(null, payload)
      }, conf, replaced ? Transport : undefined)
      const secure = conf && certificates().client
      const other = await rawClient(stage, service.port, { secure })
      other.send(REQUEST('before'))
      assert.strictEqual((await other.next()).text, REPLY('before'))
      const connection = once(service.socket, 'connection')
      const bad = await rawClient(stage, service.port, { secure })
      const [socket] = await connection
      const closed = closeOf(socket)

      bad.send(REQUEST('good'), bytes(true), REQUEST('after'))
      assert.strictEqual((await bad.ended).code, expected)
      await closed

      other.send(REQUEST('still here'))
      assert.strictEqual((await other.next()).text, REPLY('still here'))
      // What came before it in good order was a request, and nothing behind it was.
      assert.deepStrictEqual(asked, ['before', 'good', 'still here'])
      assert.strictEqual(service.socket.clients.size, 1)
    }, { better: true })
  }
}

for (const [title, expected, bytes] of BAD) {
  each(`${title} ends only its connection to a client`, async ({ implementation, stage }) => {
    const bad = await rawServer(stage, async raw => {
      const rid = JSON.parse((await raw.next()).text)[0]
      raw.send(frame(TEXT, JSON.stringify([rid, null, 'good'])))
      await raw.next()
      raw.send(bytes(false))
      ended(raw.ended)
    })
    let ended
    const over = new Promise(resolve => { ended = resolve })
    const good = await stage.serve(implementation)
    const peer = stage.client(implementation, bad.dest)
    const other = peer.transport(good.dest)
    const transport = peer.transport(bad.dest)
    assert.strictEqual((await call(other, 'request', 'k', 1, {})).res, 1)
    assert.strictEqual((await call(transport, 'request', 'k', 1, {})).res, 'good')
    const closed = closeOf(transport.socket)
    const { err } = await call(transport, 'request', 'k', 2, {})
    assert.strictEqual(err.message, 'ERR_TRANSPORT_CLOSE')
    await closed
    assert.strictEqual((await over).code, expected)
    assert.strictEqual((await call(other, 'request', 'k', 2, {})).res, 2)
  }, { better: true })

  each(`${title} ends only its connection to a publisher and a subscriber`, async ({ implementation, stage }) => {
    const service = await stage.publisher(implementation)
    const connect = async () => {
      const connection = once(service.socket, 'connection')
      const raw = await rawClient(stage, service.port)
      return { raw, socket: (await connection)[0] }
    }
    const other = await connect()
    const bad = await connect()
    const closed = closeOf(bad.socket)
    bad.raw.send(bytes(true))
    assert.strictEqual((await bad.raw.ended).code, expected)
    await closed
    service.pub('still here')
    assert.strictEqual((await other.raw.next()).text, 'still here')
    assert.deepStrictEqual([...service.socket.clients], [other.socket])

    let ended
    const over = new Promise(resolve => { ended = resolve })
    const publisher = await rawServer(stage, raw => {
      raw.send(frame(TEXT, 'good'), bytes(false), frame(TEXT, 'after'))
      ended(raw.ended)
    })
    const peer = stage.subscriber(implementation, publisher.dest)
    const events = []
    peer.on('message', message => events.push(message))
    const disconnected = once(peer, 'disconnected')
    peer.sub('k', {})
    await disconnected
    assert.deepStrictEqual(events, ['good'])
    assert.strictEqual((await over).code, expected)
  }, { better: true })
}

each('C201: a message of many frames over the size limit ends only its connection', async ({ implementation, stage }) => {
  const service = await stage.serve(implementation)
  const other = await rawClient(stage, service.port)
  const raw = await rawClient(stage, service.port)
  const part = frame(0, Buffer.alloc(LIMIT / 4), { masked: true, fin: false })
  raw.send(frame(BINARY, '', { masked: true, fin: false }))
  for (let parts = 0; parts < 4; parts++) raw.send(part)
  raw.send(frame(0, 'x', { masked: true }))
  assert.strictEqual((await raw.ended).code, 1009)
  other.send(REQUEST('still here'))
  assert.strictEqual((await other.next()).text, REPLY('still here'))
}, { better: true })

each('C201: a frame of exactly the size limit is no problem', async ({ implementation, stage }) => {
  const service = await stage.serve(implementation)
  const raw = await rawClient(stage, service.port)
  raw.send(frame(BINARY, 'x', { masked: true, length: LIMIT }))
  const first = await Promise.race([raw.ended, new Promise(resolve => setTimeout(resolve, 100, 'open'))])
  assert.strictEqual(first, 'open')
}, { better: true })

each('C199: a client that leaves in the middle of a frame ends only its connection', async ({ implementation, stage }) => {
  const service = await stage.serve(implementation)
  const other = await rawClient(stage, service.port)
  other.send(REQUEST('before'))
  await other.next()
  const connection = once(service.socket, 'connection')
  const raw = await rawClient(stage, service.port)
  const [socket] = await connection
  const closed = closeOf(socket)
  raw.send(frame(TEXT, '["r', { masked: true, length: 100 }))
  raw.socket.end()
  assert.strictEqual(await closed, 1006)
  other.send(REQUEST('still here'))
  assert.strictEqual((await other.next()).text, REPLY('still here'))
}, { better: true })
