'use strict'

// RFC 6455 section 4.1: what our client asks, and what it makes of a server's answer.

const assert = require('node:assert')
const { once } = require('node:events')
const { OPCODE, PACES, Wire, closeOf, dial, encode, fact, listen, response } = require('../helpers/wire/wire')

/** One client of ours whose server answers with the bytes of `make(key)`. */
async function answering (stage, make, pace = PACES['at once'], conf) {
  const { dest, arrived } = await listen(stage)
  const ours = dial(stage, dest, conf)
  const opened = once(ours.socket, 'open').then(() => true, () => false)
  const { socket, key, head } = await arrived
  await pace(socket, make(key))
  return { ours, socket, key, head, dest, opened }
}

/** The answer of section 4.2.2, with other headers. */
const changed = headers => key => response(key, headers)

fact('4.1: the request is what the RFC asks for', async stage => {
  const keys = new Set()
  for (let count = 0; count < 5; count++) {
    const { dest, arrived } = await listen(stage)
    dial(stage, dest)
    const { head, key } = await arrived
    const [line, ...lines] = head.trimEnd().split('\r\n')
    assert.strictEqual(line, 'GET /ws HTTP/1.1')
    const headers = Object.fromEntries(lines.map(line => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 2)]))
    assert.strictEqual(Object.keys(headers).length, lines.length)
    const { 'sec-websocket-key': sent, ...others } = headers
    assert.deepStrictEqual(others, { host: dest, upgrade: 'websocket', connection: 'Upgrade', 'sec-websocket-version': '13' })
    assert.strictEqual(Buffer.from(sent, 'base64').length, 16)
    assert.strictEqual(Buffer.from(sent, 'base64').toString('base64'), sent)
    keys.add(key)
  }
  // "The nonce MUST be selected randomly for each connection."
  assert.strictEqual(keys.size, 5)
})

const ACCEPTED = {
  'the answer of section 1.2': {},
  'another reason': { line: 'HTTP/1.1 101 Fine' },
  'no reason': { line: 'HTTP/1.1 101' },
  'values in other case': { Upgrade: 'WebSocket', Connection: 'UPGRADE' },
  'Connection in two headers': { Connection: ['keep-alive', 'Upgrade'] },
  'Connection with more tokens': { Connection: 'keep-alive, Upgrade' },
  'headers that nobody knows': { Server: 'x', Date: 'now', 'X-A': ['1', '2'], 'X-Latin': '\xe4' },
  'space around values': { Upgrade: '  websocket\t', Connection: '\t Upgrade  ' }
}

for (const [name, headers] of Object.entries(ACCEPTED)) {
  for (const [pace, write] of Object.entries(PACES)) {
    fact(`4.1: accepts ${name}, ${pace}`, async stage => {
      const { ours, socket, opened } = await answering(stage, changed(headers), write)
      assert.strictEqual(await opened, true)
      const wire = new Wire(socket, false)
      wire.send(wire.text('hello'), wire.close(1000))
      assert.deepStrictEqual(await ours.closed, [1000, ''])
      assert.deepStrictEqual(ours.heard, [['message', 'hello']])
    })
  }
}

fact('4.1: accepts header names in other case', async stage => {
  for (const change of ['toLowerCase', 'toUpperCase']) {
    const { opened } = await answering(stage, key => Buffer.from(
      response(key).toString().replace(/^[A-Za-z-]+(?=:)/gm, name => name[change]()), 'latin1'))
    assert.strictEqual(await opened, true)
  }
})

/** `[what is wrong, the error's text, headers]` */
const REFUSED = [
  ['status 200', 'Unexpected server response: 200', { line: 'HTTP/1.1 200 OK' }],
  ['status 426', 'Unexpected server response: 426', { line: 'HTTP/1.1 426 Upgrade Required' }],
  ['a redirection', 'Unexpected server response: 302', { line: 'HTTP/1.1 302 Found', Location: 'ws://127.0.0.1:1/' }],
  ['status 401', 'Unexpected server response: 401', { line: 'HTTP/1.1 401 No' }],
  ['no Upgrade', 'Invalid Upgrade header', { Upgrade: undefined }],
  ['another Upgrade', 'Invalid Upgrade header', { Upgrade: 'h2c' }],
  ['no Connection', 'Invalid Connection header', { Connection: undefined }],
  ['Connection without the token', 'Invalid Connection header', { Connection: 'close' }],
  ['a second accept', 'Invalid Sec-WebSocket-Accept header', { 'sec-websocket-accept': 'x' }],
  ['no accept', 'Invalid Sec-WebSocket-Accept header', { 'Sec-WebSocket-Accept': undefined }],
  ['an empty accept', 'Invalid Sec-WebSocket-Accept header', { 'Sec-WebSocket-Accept': '' }],
  ['the accept of another key', 'Invalid Sec-WebSocket-Accept header', { 'Sec-WebSocket-Accept': 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=' }],
  ['a subprotocol', 'Server sent a subprotocol but none was requested', { 'Sec-WebSocket-Protocol': 'x' }],
  ['a subprotocol that is no ASCII', 'Server sent a subprotocol but none was requested', { 'Sec-WebSocket-Protocol': '\xe4' }],
  ['an extension that is no ASCII', 'Server sent an extension but none was requested', { 'Sec-WebSocket-Extensions': '\xe4' }],
  ['an extension', 'Server sent an extension but none was requested', { 'Sec-WebSocket-Extensions': 'permessage-deflate' }]
]

for (const [name, message, headers] of REFUSED) {
  for (const [pace, write] of Object.entries(PACES)) {
    fact(`4.1: refuses ${name}, ${pace}`, async stage => {
      const { ours, socket } = await answering(stage, changed(headers), write)
      assert.deepStrictEqual(await ours.closed, [1006, ''])
      assert.strictEqual(ours.error.message, message)
      // It says nothing more, and lets go of the connection.
      if (!socket.closed) await closeOf(socket.resume())
    })
  }
}

fact('4.1: an accept in other case is another one', async stage => {
  const { ours } = await answering(stage, key => Buffer.from(
    response(key).toString().replace(/(?<=Accept: ).*/, accept => accept.toLowerCase()), 'latin1'))
  await ours.closed
  assert.strictEqual(ours.error.message, 'Invalid Sec-WebSocket-Accept header')
})

fact('4.1: what is no HTTP is refused', async stage => {
  for (const bytes of ['hello\r\n\r\n', 'HTTP/1.1 abc\r\n\r\n', '\x15\x03\x01\0\x02\x02F', 'SSH-2.0-x\r\n']) {
    const { ours } = await answering(stage, () => Buffer.from(bytes, 'latin1'))
    assert.deepStrictEqual(await ours.closed, [1006, ''])
    assert.match(ours.error.message, /^Parse Error: /)
  }
})

fact('4.1: an answer beyond the limit is refused', async stage => {
  const { ours } = await answering(stage, changed({ 'X-A': 'a'.repeat(64 * 1024) }))
  assert.deepStrictEqual(await ours.closed, [1006, ''])
  assert.strictEqual(ours.error.message, 'Header overflow')
})

fact('4.1: a server that hangs up in the middle of its answer is an error', async stage => {
  for (const cut of [0, 1, 20, -1]) {
    const { ours, socket } = await answering(stage, key => response(key).subarray(0, cut))
    socket.end()
    assert.deepStrictEqual(await ours.closed, [1006, ''])
    assert.strictEqual(ours.error.message, 'socket hang up')
  }
})

fact('4.1: an answer that does not end in time is an error', async stage => {
  const { ours } = await answering(stage, key => response(key).subarray(0, -1), PACES['at once'], { handshakeTimeout: 50 })
  assert.deepStrictEqual(await ours.closed, [1006, ''])
  assert.strictEqual(ours.error.message, 'Opening handshake has timed out')
})

fact('4.1: an answer cut anywhere is put together', async stage => {
  const length = response('x'.repeat(24)).length
  for (let cut = 1; cut < length; cut += 7) {
    const { opened } = await answering(stage, response, async (socket, bytes) => {
      socket.write(bytes.subarray(0, cut))
      await new Promise(resolve => setImmediate(resolve))
      socket.write(bytes.subarray(cut))
    })
    assert.strictEqual(await opened, true)
  }
})

fact('4.1: frames in the packet of the answer are read, once the socket is open', async stage => {
  const frames = [
    encode(OPCODE.TEXT, 'one'), encode(OPCODE.PING, 'p'), encode(OPCODE.TEXT, 'tw', { fin: false }), encode(OPCODE.CONTINUATION, 'o'),
    encode(OPCODE.BINARY, 'x'.repeat(5000))
  ]
  for (const pace of Object.values(PACES)) {
    const { ours, socket, opened } = await answering(stage, key => Buffer.concat([response(key), ...frames]), pace)
    assert.strictEqual(await opened, true)
    const wire = new Wire(socket, false)
    const pong = await wire.next()
    assert.deepStrictEqual([pong.opcode, pong.text], [OPCODE.PONG, 'p'])
    wire.send(wire.close(1000))
    await ours.closed
    assert.deepStrictEqual(ours.heard.map(([event, data]) => [event, String(data)]), [
      ['message', 'one'], ['ping', 'p'], ['message', 'two'], ['message', 'x'.repeat(5000)]
    ])
  }
})

fact('4.1: a close in the packet of the answer closes a socket that was open', async stage => {
  const { ours, opened } = await answering(stage, key => Buffer.concat([response(key), encode(OPCODE.CLOSE, [3, 233])]))
  assert.strictEqual(await opened, true)
  assert.deepStrictEqual(await ours.closed, [1001, ''])
})
