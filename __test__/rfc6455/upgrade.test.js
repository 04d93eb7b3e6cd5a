'use strict'

// RFC 6455 section 4.2: what our server makes of a client's opening handshake.

const assert = require('node:assert')
const { ACCEPT, MASK, OPCODE, PACES, Wire, ask, closeOf, closing, connect, encode, fact, request } = require('../helpers/wire/wire')
const { native } = require('../helpers/implementations')

/** A server that echoes, and one answer of it to these bytes. */
async function answered (stage, make, { conf, pace } = {}) {
  const service = await stage.publisher(native, { origins: '*', ...conf })
  const requests = []
  service.socket.on('connection', (socket, request) => {
    requests.push(request)
    socket.on('message', data => socket.send(data))
  })
  const socket = await connect(stage, service.port)
  const answer = await ask(socket, make(service.port), pace)
  return { ...answer, requests, service, socket }
}

/** `GET` with other headers: those of the RFC's own sample, changed. */
const changed = headers => port => request(port, headers)

const ACCEPTED = {
  'the handshake of section 1.2': { Origin: 'http://example.com' },
  'another path': { line: 'GET /chat?room=1&x=%20 HTTP/1.1' },
  'an absolute URI': { line: 'GET http://127.0.0.1/ws HTTP/1.1' },
  'header names in lower case': {
    Host: undefined,
    Upgrade: undefined,
    Connection: undefined,
    'Sec-WebSocket-Key': undefined,
    'Sec-WebSocket-Version': undefined,
    host: 'a',
    upgrade: 'websocket',
    connection: 'upgrade',
    'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
    'sec-websocket-version': '13'
  },
  'header names in upper case': {
    Host: undefined,
    Upgrade: undefined,
    Connection: undefined,
    'Sec-WebSocket-Key': undefined,
    'Sec-WebSocket-Version': undefined,
    HOST: 'a',
    UPGRADE: 'websocket',
    CONNECTION: 'Upgrade',
    'SEC-WEBSOCKET-KEY': 'dGhlIHNhbXBsZSBub25jZQ==',
    'SEC-WEBSOCKET-VERSION': '13'
  },
  'values in other case': { Upgrade: 'WebSocket', Connection: 'UPGRADE' },
  'Connection with more tokens': { Connection: 'keep-alive, Upgrade' },
  'Connection with more tokens behind': { Connection: 'Upgrade,keep-alive' },
  'Connection in two headers': { Connection: ['keep-alive', 'Upgrade'] },
  'Connection with a tab': { Connection: 'keep-alive,\tUpgrade' },
  'space around values': { Upgrade: '  websocket  ', Connection: ' \t Upgrade ', 'Sec-WebSocket-Key': '  dGhlIHNhbXBsZSBub25jZQ==  ' },
  'an extension that we do not have': { 'Sec-WebSocket-Extensions': 'permessage-deflate; client_max_window_bits, x-other' },
  'headers that nobody knows': { 'X-A': '', 'X-B': ['1', '2'], Cookie: 'a=b; c=d', 'X-Latin': '\xe4\xf6' }
}

for (const [name, headers] of Object.entries(ACCEPTED)) {
  for (const [pace, write] of Object.entries(PACES)) {
    fact(`4.2: accepts ${name}, ${pace}`, async stage => {
      const { status, headers: answer, rest, socket, requests } = await answered(stage, changed(headers), { pace: write })
      assert.strictEqual(status, 101)
      assert.strictEqual(rest.length, 0)
      // 4.2.2: all that the answer has to have, and no extension or subprotocol that nobody agreed on.
      assert.match(answer.upgrade, /^websocket$/i)
      assert.match(answer.connection, /^upgrade$/i)
      assert.strictEqual(answer['sec-websocket-accept'], ACCEPT)
      assert.strictEqual(answer['sec-websocket-extensions'], undefined)
      assert.strictEqual(answer['sec-websocket-protocol'], undefined)
      const wire = new Wire(socket, true)
      wire.send(wire.text('hello'))
      assert.strictEqual((await wire.next()).text, 'hello')
      assert.strictEqual(requests.length, 1)
    })
  }
}

/** `[what is wrong, status, headers]` */
const REFUSED = [
  ['no Upgrade', 426, { Upgrade: undefined }],
  ['another Upgrade', 400, { Upgrade: 'h2c' }],
  ['an empty Upgrade', 400, { Upgrade: '' }],
  ['no Host', 400, { Host: undefined }],
  ['two Hosts', 400, { Host: ['a', 'b'] }],
  ['no Connection', 400, { Connection: undefined }],
  ['Connection without the token', 400, { Connection: 'keep-alive' }],
  ['Connection with something like the token', 400, { Connection: 'Upgraded' }],
  ['no key', 400, { 'Sec-WebSocket-Key': undefined }],
  ['an empty key', 400, { 'Sec-WebSocket-Key': '' }],
  ['a key of 15 bytes', 400, { 'Sec-WebSocket-Key': Buffer.alloc(15).toString('base64') }],
  ['a key of 17 bytes', 400, { 'Sec-WebSocket-Key': Buffer.alloc(17).toString('base64') }],
  ['a key of 18 bytes', 400, { 'Sec-WebSocket-Key': Buffer.alloc(18).toString('base64') }],
  ['a key that is no base64', 400, { 'Sec-WebSocket-Key': '!!!!!!!!!!!!!!!!!!!!!!==' }],
  ['two keys', 400, { 'Sec-WebSocket-Key': ['dGhlIHNhbXBsZSBub25jZQ==', 'AAAAAAAAAAAAAAAAAAAAAA=='] }],
  ['no version', 400, { 'Sec-WebSocket-Version': undefined }],
  ['version 8', 426, { 'Sec-WebSocket-Version': '8' }],
  ['version 14', 426, { 'Sec-WebSocket-Version': '14' }],
  ['two versions', 426, { 'Sec-WebSocket-Version': ['13', '8'] }],
  ['a list of versions', 426, { 'Sec-WebSocket-Version': '13, 8' }],
  ['HTTP/1.0', 400, { line: 'GET /ws HTTP/1.0' }],
  ['another method', 400, { line: 'POST /ws HTTP/1.1' }],
  ['HEAD', 400, { line: 'HEAD /ws HTTP/1.1' }]
]

/** What is no HTTP is refused where it stops to be, with bytes to come. */
const MALFORMED = [
  ['HTTP/2', { line: 'GET /ws HTTP/2' }],
  ['no path', { line: 'GET HTTP/1.1' }],
  ['a line that is no HTTP', { line: 'hello' }],
  ['a header without a colon', { line: 'GET /ws HTTP/1.1\r\nnonsense' }],
  ['a space before the colon', { 'X-A ': '1' }],
  ['a zero byte in a header', { 'X-A': '\0' }],
  ['a line that is folded', { 'X-A': 'a\r\n b' }]
]

for (const [name, status, headers] of REFUSED) {
  for (const [pace, write] of Object.entries(PACES)) {
    fact(`4.2.1: refuses ${name}, ${pace}`, async stage => {
      const { status: got, headers: answer, rest, requests, service } = await answered(stage, changed(headers), { pace: write })
      assert.strictEqual(got, status)
      // An answer in HTTP, whole, after which the connection is over.
      assert.strictEqual(answer.connection, 'close')
      // 4.4: which version we understand.
      assert.strictEqual(answer['sec-websocket-version'], '13')
      assert.strictEqual(answer['sec-websocket-accept'], undefined)
      // RFC 9110, 9.3.2: of a HEAD only the length is told.
      assert.strictEqual(rest.length, name === 'HEAD' ? 0 : Number(answer['content-length']))
      assert.strictEqual(requests.length, 0)
      assert.strictEqual(service.socket.clients.size, 0)
    })
  }
}

for (const [name, headers] of MALFORMED) {
  fact(`4.2.1: refuses ${name}`, async stage => {
    const { status, requests } = await answered(stage, changed(headers))
    assert.strictEqual(status, 400)
    assert.strictEqual(requests.length, 0)
  })
}

fact('4.2.1: what is no HTTP at all is refused', async stage => {
  for (const bytes of [Buffer.from([0x16, 3, 1, 2, 0, 1, 0]), Buffer.from('\0\0\0\0'), encode(OPCODE.TEXT, 'x', { key: MASK })]) {
    const { status } = await answered(stage, () => bytes)
    assert.strictEqual(status, 400)
  }
})

fact('4.2: a head beyond the limit is refused, and the server goes on', async stage => {
  const service = await stage.publisher(native)
  const socket = await connect(stage, service.port)
  const closed = closeOf(socket)
  socket.resume().write(request(service.port, { 'X-A': 'a'.repeat(64 * 1024) }))
  await closed
  const { status } = await ask(await connect(stage, service.port), request(service.port))
  assert.strictEqual(status, 101)
})

fact('4.2: a head below the limit is accepted', async stage => {
  const { status } = await answered(stage, changed({ 'X-A': 'a'.repeat(15 * 1024) }))
  assert.strictEqual(status, 101)
})

fact('4.2: too many headers are refused', async stage => {
  const { status } = await answered(stage, changed({ 'X-A': new Array(200).fill('1') }))
  assert.strictEqual(status, 400)
})

fact('4.2: a head that does not end in time ends the connection', async stage => {
  const service = await stage.publisher(native, { handshakeTimeout: 50 })
  for (const bytes of [Buffer.alloc(0), request(service.port).subarray(0, -1)]) {
    const socket = await connect(stage, service.port)
    const closed = closeOf(socket)
    socket.resume().write(bytes)
    await closed
  }
  // One that is there in time is not measured by it afterwards.
  const socket = await connect(stage, service.port)
  const { status } = await ask(socket, request(service.port))
  assert.strictEqual(status, 101)
  const wire = new Wire(socket, true)
  await new Promise(resolve => setTimeout(resolve, 100))
  wire.send(wire.frame(OPCODE.PING, 'x'))
  assert.strictEqual((await wire.next()).text, 'x')
})

fact('4.2: frames right behind the head are read', async stage => {
  const frame = (opcode, payload, opts) => encode(opcode, payload, { key: MASK, ...opts })
  const frames = [
    frame(OPCODE.TEXT, 'one'), frame(OPCODE.TEXT, 'x'.repeat(3000)), frame(OPCODE.PING, 'p'),
    frame(OPCODE.TEXT, 'tw', { fin: false }), frame(OPCODE.CONTINUATION, 'o')
  ]
  for (const pace of Object.values(PACES)) {
    const { status, rest, socket } = await answered(stage, port => Buffer.concat([request(port), ...frames]), { pace })
    assert.strictEqual(status, 101)
    const wire = new Wire(socket, true, rest)
    const texts = []
    while (texts.length < 4) texts.push((await wire.next()).text)
    // The pong may pass the echoes, which JavaScript sends.
    assert.deepStrictEqual(texts.filter(text => text !== 'p'), ['one', 'x'.repeat(3000), 'two'])
    assert.ok(texts.includes('p'))
  }
})

fact('4.2: half a frame right behind the head waits for its other half', async stage => {
  const frame = encode(OPCODE.TEXT, 'hello', { key: MASK })
  for (let cut = 1; cut < frame.length; cut++) {
    const { rest, socket } = await answered(stage, port => Buffer.concat([request(port), frame.subarray(0, cut)]))
    const wire = new Wire(socket, true, rest)
    wire.send(frame.subarray(cut))
    assert.strictEqual((await wire.next()).text, 'hello')
  }
})

fact('4.2: a body is no part of a handshake: its bytes are frames, and bad ones', async stage => {
  const { status, rest, socket, requests } = await answered(stage, port => Buffer.concat([request(port, { 'Content-Length': '500' }), Buffer.from('hello'.repeat(100))]))
  assert.strictEqual(status, 101)
  const wire = new Wire(socket, true, rest)
  const frames = await wire.ended
  assert.deepStrictEqual(frames.map(({ opcode, payload }) => [opcode, payload]), [[OPCODE.CLOSE, closing(1002)]])
  assert.strictEqual(requests.length, 1)
})

fact('4.2.2: of the subprotocols that a client offers, the first is taken, as in `ws`', async stage => {
  for (const [offer, chosen] of [['one', 'one'], ['one, two', 'one'], ['one,two', 'one'], [['one', 'two'], 'one'], [', one', undefined], ['', undefined]]) {
    const { status, headers } = await answered(stage, changed({ 'Sec-WebSocket-Protocol': offer }))
    assert.strictEqual(status, 101)
    assert.strictEqual(headers['sec-websocket-protocol'], chosen)
  }
})

fact('4.2: what the client asked is there for listeners of connections', async stage => {
  const { requests } = await answered(stage, changed({ line: 'GET /a?b=1 HTTP/1.1', 'X-A': ['1', '2'], Origin: 'http://a' }))
  const [{ url, headers }] = requests
  assert.strictEqual(url, '/a?b=1')
  assert.strictEqual(headers['x-a'], '1, 2')
  assert.strictEqual(headers.origin, 'http://a')
})
