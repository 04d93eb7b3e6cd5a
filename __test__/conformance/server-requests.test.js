'use strict'

// Requests as servers get them, and their replies.

const assert = require('node:assert')
const net = require('node:net')
const { once } = require('node:events')
const { call, each, pair } = require('../helpers/conformance')
const { BINARY, frame, rawClient, refused, TEXT } = require('../../scripts/lib/frames')

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

pair('C89 C90: request has five arguments, cert is null without TLS', async ({ server, client, stage }) => {
  const got = []
  const service = await stage.serve(server, (...args) => {
    got.push(args)
    args[3].reply(null, null)
  })
  const payload = { a: [1, 'ü', null] }
  assert.deepStrictEqual(await call(stage.client(client, service.dest), 'request', 'the:key', payload, {}), { err: null, res: null })
  assert.strictEqual(got.length, 1)
  assert.strictEqual(got[0].length, 5)
  const [rid, key, received, handler, cert] = got[0]
  assert.match(rid, UUID)
  assert.deepStrictEqual([key, received, cert], ['the:key', payload, null])
  assert.deepStrictEqual(Object.keys(handler), ['reply'])
})

pair('C91: reply works taken out, late, and in another order', async ({ server, client, stage }) => {
  const waiting = []
  const service = await stage.serve(server, (rid, key, payload, { reply }) => {
    waiting.push(() => reply(null, payload))
    if (waiting.length < 4) return
    setTimeout(() => {
      for (const answer of waiting.reverse()) answer()
    }, 20)
  })
  // One connection, so that the order of replies is the order of answers.
  const peer = stage.client(client, service.dest, { maxActiveDestTransports: 1 })
  const answered = []
  const calls = ['a', 'b', 'c', 'd'].map(payload => call(peer, 'request', 'k', payload, {}).then(answer => {
    answered.push(payload)
    return answer
  }))
  assert.deepStrictEqual((await Promise.all(calls)).map(({ res }) => res), ['a', 'b', 'c', 'd'])
  assert.deepStrictEqual(answered, ['d', 'c', 'b', 'a'])
})

pair('C92: a second reply is dropped by the client', async ({ server, client, stage }) => {
  const service = await stage.serve(server, (rid, key, payload, handler) => {
    handler.reply(null, `${payload} first`)
    handler.reply(new Error('second'), `${payload} second`)
  })
  const peer = stage.client(client, service.dest, { maxActiveDestTransports: 1 })
  const got = []
  for (const payload of ['a', 'b', 'c']) {
    // The next reply comes behind the second one to this.
    await new Promise(resolve => peer.request('k', payload, {}, (err, res) => {
      got.push([err, res])
      resolve()
    }))
  }
  assert.deepStrictEqual(got, [[null, 'a first'], [null, 'b first'], [null, 'c first']])
})

pair('C93 C94 C95 C96: what arrives of a reply', async ({ server, client, stage }) => {
  const replies = {
    error: [new Error('ERR_MINE')],
    unicode: [new TypeError('nö "quoted" \u2028 🦀')],
    object: [{ message: 'like an error', code: 5 }],
    text: ['text', 1],
    null: [null, 2],
    undefined: [undefined, 3],
    false: [false, 4],
    zero: [0, 5],
    empty: ['', 6],
    emptyMessage: [new Error(''), 7],
    both: [new Error('but'), { a: [1] }],
    nothing: []
  }
  const expected = {
    error: ['ERR_MINE', null],
    unicode: ['nö "quoted" \u2028 🦀', null],
    object: ['like an error', null],
    text: [null, 1],
    null: [null, 2],
    undefined: [null, 3],
    false: [null, 4],
    zero: [null, 5],
    empty: [null, 6],
    emptyMessage: [null, 7],
    both: ['but', { a: [1] }],
    nothing: [null, null]
  }
  const service = await stage.serve(server, (rid, key, payload, handler) => handler.reply(...replies[payload]))
  const peer = stage.client(client, service.dest)
  for (const [name, [message, res]] of Object.entries(expected)) {
    const got = await call(peer, 'request', 'k', name, {})
    assert.deepStrictEqual(got.res, res, name)
    if (message === null) {
      assert.strictEqual(got.err, null, name)
    } else {
      assert.ok(got.err instanceof Error, name)
      assert.strictEqual(got.err.message, message)
      // Ours has the code that the text begins with.
      assert.ok([undefined, /^ERR_\w+|/.exec(message)[0] || undefined].includes(got.err.code), got.err.code)
    }
  }
})

const GARBAGE = ['{', 'text', '', '[1,]', Buffer.from([0xff, 0xfe]), Buffer.alloc(0), 'x'.repeat(70000)]
const FALSY = ['null', 'false', '0', '""', Buffer.from('null')]

each('C97 C98: request-error for no JSON and for falsy JSON, and the connection stays up', async ({ implementation, stage }) => {
  const service = await stage.serve(implementation)
  const errors = []
  service.on('request-error', (...args) => errors.push(args))
  const raw = await rawClient(stage, service.port)
  for (const data of [...GARBAGE, ...FALSY]) {
    // The request behind it shows that the frame was dealt with and the connection is up.
    raw.send(frame(Buffer.isBuffer(data) ? BINARY : TEXT, data, { masked: true }), frame(TEXT, '["r","k","r"]', { masked: true }))
    assert.strictEqual((await raw.next()).text, '["r",null,"r"]')
    assert.deepStrictEqual(errors, [[]], String(data).slice(0, 20))
    errors.length = 0
  }
})

pair('C99: stop ends the clients without a close frame', async ({ server, client, stage }) => {
  const service = await stage.serve(server)
  const peer = stage.client(client, service.dest)
  const transport = peer.transport(service.dest)
  await call(transport, 'request', 'k', 1, {})
  const closed = once(transport.socket, 'close')
  const raw = await rawClient(stage, service.port)
  raw.send(frame(TEXT, '["r","k",1]', { masked: true }))
  await raw.next()

  service.stop()
  assert.strictEqual((await closed)[0], 1006)
  const { code, frames } = await raw.ended
  assert.deepStrictEqual([code, frames.length], [1006, 1])
  assert.strictEqual(service.isActive(), false)
  await refused(service.port)
})

each('C99: a client in the middle of its handshake does not keep the port open', async ({ implementation, stage }) => {
  const service = await stage.serve(implementation)
  const { port } = service
  // It may be told that it is over, too.
  const socket = net.connect(port, '127.0.0.1').on('error', () => {})
  stage.after(() => socket.destroy())
  await once(socket, 'connect')
  service.stop()
  await refused(port)
})
