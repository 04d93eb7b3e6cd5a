'use strict'

// RFC 6455 section 5: frames, their masks, lengths, reserved bits and opcodes.

const assert = require('node:assert')
const { FORM, MASK, OPCODE, PACES, anyPace, bothSides, closing, fact, ourClient, ourServer } = require('../helpers/wire/wire')

const { CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG } = OPCODE

/** What one side does with a frame that breaks a rule: it says so and ends the connection. */
async function refused ({ wire, ours }, code) {
  const frames = await wire.ended
  assert.deepStrictEqual(frames.map(({ opcode }) => opcode), [CLOSE])
  assert.strictEqual(frames[0].payload.readUInt16BE(), code)
  assert.deepStrictEqual(await ours.closed, [1006, ''])
  assert.ok(ours.error instanceof Error)
}

/** Sends a good message, the bad bytes, and another message, which nobody hears. */
async function breaks (ends, send, bytes, code = 1002) {
  await send.late([ends.wire.text('good'), bytes], ends.wire.text('late'))
  await refused(ends, code)
  assert.deepStrictEqual(ends.ours.heard, [['message', 'good']])
}

// 5.1: "a client MUST mask all frames that it sends to the server", "A server MUST NOT mask any
// frames that it sends to the client", and whoever sees it otherwise "MUST close the connection".

for (const [name, opcode, opts] of [
  ['text frame', TEXT], ['binary frame', BINARY], ['fragment', TEXT, { fin: false }], ['ping', PING], ['pong', PONG], ['close', CLOSE]
]) {
  anyPace(`5.1: a ${name} with the wrong masking is refused`, ({ wire, ours, send }) =>
    breaks({ wire, ours }, send, wire.frame(opcode, '', { ...opts, key: wire.masks ? null : MASK })))
}

bothSides('5.1: the last fragment needs the right masking too', async ({ wire, ours }) => {
  wire.send(wire.text('a', { fin: false }), wire.frame(CONTINUATION, 'b', { key: wire.masks ? null : MASK }))
  await refused({ wire, ours }, 1002)
})

bothSides('5.1: each frame of a client is masked, and none of a server', async ({ wire, ours, side }) => {
  ours.socket.send('text')
  ours.socket.send(Buffer.alloc(70000))
  ours.socket.ping('ping')
  ours.socket.pong('pong')
  wire.send(wire.frame(PING, 'answer me'))
  for (let count = 0; count < 5; count++) await wire.next()
  ours.socket.close(1000)
  wire.socket.end(wire.close(1000))
  const frames = await wire.ended
  assert.strictEqual(frames.length, 6)
  for (const { key } of frames) assert.strictEqual(key !== null, side === 'client')
})

fact('5.3: a client takes another key for each frame', async stage => {
  const { wire, ours } = await ourClient(stage)
  const count = 50
  for (let at = 0; at < count; at++) ours.socket.send('same')
  const keys = new Set()
  for (let at = 0; at < count; at++) keys.add((await wire.next()).key.toString('hex'))
  // Two equal ones of fifty come once in four million runs; the rest of them would differ still.
  assert.ok(keys.size >= count - 1)
})

for (const [name, pace] of Object.entries(PACES)) {
  fact(`5.3: any key unmasks, at any length, ${name}`, async stage => {
    const { wire, ours } = await ourServer(stage)
    const keys = [MASK, Buffer.alloc(4), Buffer.alloc(4, 0xff), Buffer.from([0, 0, 0, 1]), Buffer.from([1, 0, 0, 0])]
    const sent = []
    const bytes = []
    for (let length = 0; length < 20; length++) {
      const text = 'abcdefghijklmnopqrstuvwxyz'.slice(0, length)
      sent.push(['message', text])
      bytes.push(wire.text(text, { key: keys[length % keys.length] }))
    }
    bytes.push(wire.close(1000))
    await pace(wire.socket, Buffer.concat(bytes))
    await ours.closed
    assert.deepStrictEqual(ours.heard, sent)
  })
}

// 5.2: RSV1 to RSV3 "MUST be 0 unless an extension is negotiated", and none ever is.

for (const rsv of [1, 2, 4, 7]) {
  for (const [name, frame] of [
    ['text frame', wire => wire.text('x', { rsv })],
    ['binary frame', wire => wire.frame(BINARY, 'x', { rsv })],
    ['fragment', wire => wire.text('x', { rsv, fin: false })],
    ['ping', wire => wire.frame(PING, 'x', { rsv })],
    ['close', wire => wire.frame(CLOSE, closing(1000), { rsv })]
  ]) {
    anyPace(`5.2: a ${name} with reserved bits ${rsv} is refused`, ({ wire, ours, send }) => breaks({ wire, ours }, send, frame(wire)))
  }
}

bothSides('5.2: reserved bits of a continuation are refused', async ({ wire, ours }) => {
  wire.send(wire.text('a', { fin: false }), wire.frame(CONTINUATION, 'b', { rsv: 4 }))
  await refused({ wire, ours }, 1002)
})

// 5.2: "If an unknown opcode is received, the receiving endpoint MUST Fail the WebSocket Connection."

for (const opcode of [3, 4, 5, 6, 7, 0xb, 0xc, 0xd, 0xe, 0xf]) {
  for (const [name, payload, opts] of [['empty', ''], ['with payload', 'x'], ['not final', 'x', { fin: false }]]) {
    anyPace(`5.2: opcode ${opcode}, ${name}, is refused`, ({ wire, ours, send }) => breaks({ wire, ours }, send, wire.frame(opcode, payload, opts)))
  }
}

// 5.2: "in all cases, the minimal number of bytes MUST be used to encode the length".

const BORDERS = [0, 1, 125, 126, 127, 128, 65534, 65535, 65536, 65537]

bothSides('5.2: lengths go out in their shortest form, and come in whole', async ({ wire, ours }) => {
  ours.echo()
  for (const opcode of [TEXT, BINARY]) {
    for (const length of BORDERS) {
      const payload = Buffer.alloc(length, 'x')
      wire.send(wire.frame(opcode, payload))
      const frame = await wire.next()
      assert.strictEqual(frame.opcode, opcode)
      assert.strictEqual(frame.fin, true)
      assert.strictEqual(frame.rsv, 0)
      assert.strictEqual(frame.form, length < 126 ? FORM.SHORT : length < 65536 ? FORM.MEDIUM : FORM.LONG)
      assert.ok(frame.payload.equals(payload))
    }
  }
})

// The rule on lengths is the sender's. A receiver is not told to refuse a longer form, `ws` and
// browsers take it, and there is only one way to read it: so it is taken here too.
anyPace('5.2: a length in a longer form than needed is read all the same', async ({ wire, ours, send }) => {
  await send(
    wire.text('', { form: FORM.MEDIUM }), wire.text('one', { form: FORM.MEDIUM }), wire.frame(BINARY, 'two', { form: FORM.LONG }),
    wire.text('x'.repeat(300), { form: FORM.LONG }),
    wire.text('fr', { fin: false, form: FORM.LONG }), wire.frame(CONTINUATION, 'agments', { form: FORM.MEDIUM }),
    wire.close(1000)
  )
  assert.deepStrictEqual(await ours.closed, [1000, ''])
  assert.deepStrictEqual(ours.heard.map(([, data]) => String(data)), ['', 'one', 'two', 'x'.repeat(300), 'fragments'])
})

// 5.2: "the most significant bit MUST be 0"; beyond our own limit either way.
for (const length of [2n ** 62n, 2n ** 63n, 2n ** 64n - 1n]) {
  anyPace(`5.2: a frame that promises ${length} bytes is refused by its header`, async ({ wire, ours, send }) => {
    await send(wire.text('good'), wire.frame(BINARY, '', { length, form: FORM.LONG }))
    await refused({ wire, ours }, 1009)
    assert.deepStrictEqual(ours.heard, [['message', 'good']])
  })
}

// A rule that a header breaks is broken whatever follows, and what follows may never come.

const begun = wire => wire.text('begun', { fin: false })
const LARGEST = 100n * 1024n * 1024n

for (const [name, code, header, before = () => Buffer.alloc(0)] of [
  ['wrong masking', 1002, (wire, opts) => wire.frame(TEXT, '', { ...opts, key: wire.masks ? null : MASK })],
  ['reserved bits', 1002, (wire, opts) => wire.frame(BINARY, '', { ...opts, rsv: 4 })],
  ['a reserved opcode', 1002, (wire, opts) => wire.frame(3, '', opts)],
  ['a reserved opcode of a control frame', 1002, (wire, opts) => wire.frame(0xb, '', opts)],
  ['a ping of 126 bytes', 1002, wire => wire.frame(PING, '', { length: 126 })],
  ['a close frame of 2^32 bytes', 1002, wire => wire.frame(CLOSE, '', { length: 2 ** 32 })],
  ['a pong in fragments', 1002, (wire, opts) => wire.frame(PONG, '', { ...opts, fin: false })],
  ['a continuation of nothing', 1002, (wire, opts) => wire.frame(CONTINUATION, '', opts)],
  ['a new message between fragments', 1002, (wire, opts) => wire.text('', opts), begun],
  ['fragments that are too much together', 1009, wire => wire.frame(CONTINUATION, '', { length: LARGEST - 4n }), begun]
]) {
  anyPace(`5.2: a header is enough to refuse ${name}`, async ({ wire, ours, send }) => {
    await send(wire.text('good'), before(wire), header(wire, { length: 100 }))
    await refused({ wire, ours }, code)
    assert.deepStrictEqual(ours.heard, [['message', 'good']])
  })
}

anyPace('5.6: text is a string, binary bytes, whatever they hold', async ({ wire, ours, send }) => {
  const bytes = Buffer.from([0, 0xff, 0xc3, 0x28])
  await send(wire.text('\0 ü \u{1f600}'), wire.frame(BINARY, bytes), wire.frame(BINARY, ''), wire.text(''), wire.close(1000))
  await ours.closed
  assert.deepStrictEqual(ours.heard, [
    ['message', '\0 ü \u{1f600}'], ['message', bytes], ['message', Buffer.alloc(0)], ['message', '']
  ])
})
