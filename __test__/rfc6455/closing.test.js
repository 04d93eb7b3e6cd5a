'use strict'

// RFC 6455 section 7: the closing handshake, its codes, and how connections fail.

const assert = require('node:assert')
const { once } = require('node:events')
const { OPCODE, SIDES, anyPace, bothSides, closing, dial, fact, listen, ourClient, ourServer } = require('../helpers/wire/wire')

const { CONTINUATION, CLOSE, PING, TEXT } = OPCODE

/** Codes that may be sent (7.4); 1012 to 1014 were registered with IANA after the RFC. */
const SENDABLE = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999]

/** Codes that "MUST NOT be set as a status code in a Close control frame", or belong to nobody (7.4.1, 7.4.2). */
const NOT_SENDABLE = [0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535]

for (const code of SENDABLE) {
  for (const reason of ['', 'why ü']) {
    anyPace(`5.5.1: a close with ${code} ${reason && 'and a reason'} is answered with the same`, async ({ wire, ours, send }) => {
      await send(wire.text('before'), wire.close(code, reason))
      assert.deepStrictEqual(await ours.closed, [code, reason])
      const frames = await wire.ended
      assert.deepStrictEqual(frames.map(({ opcode }) => opcode), [CLOSE])
      assert.strictEqual(frames[0].payload.readUInt16BE(), code)
      assert.strictEqual(ours.error, null)
      assert.deepStrictEqual(ours.heard, [['message', 'before']])
    })
  }
}

for (const code of NOT_SENDABLE) {
  anyPace(`7.4: a close with ${code} is a protocol error`, async ({ wire, ours, send }) => {
    await send(wire.close(code, 'why'))
    const frames = await wire.ended
    assert.deepStrictEqual(frames.map(({ opcode }) => opcode), [CLOSE])
    assert.strictEqual(frames[0].payload.readUInt16BE(), 1002)
    assert.deepStrictEqual(await ours.closed, [1006, ''])
    assert.strictEqual(ours.error.message, `Invalid WebSocket frame: invalid status code ${code}`)
  })
}

anyPace('7.1.5: a close without a code is 1005 and answered without one', async ({ wire, ours, send }) => {
  await send(wire.close())
  assert.deepStrictEqual(await ours.closed, [1005, ''])
  const frames = await wire.ended
  assert.deepStrictEqual(frames.map(({ opcode, payload }) => [opcode, payload.length]), [[CLOSE, 0]])
})

anyPace('5.5.1: a close with one byte is a protocol error', async ({ wire, ours, send }) => {
  await send.late([wire.frame(CLOSE, [3])], wire.text('late'))
  const frames = await wire.ended
  assert.deepStrictEqual(frames.map(({ opcode, payload }) => [opcode, payload]), [[CLOSE, closing(1002)]])
  assert.deepStrictEqual(await ours.closed, [1006, ''])
  assert.deepStrictEqual(ours.heard, [])
})

for (const [name, reason] of [
  ['a byte that is none', [0xff]], ['half a character', [0x61, 0xe2, 0x82]], ['a surrogate', [0xed, 0xa0, 0x80]], ['too long a form', [0xc0, 0xaf]]
]) {
  anyPace(`8.1: a close whose reason is not UTF-8, ${name}, is 1007`, async ({ wire, ours, send }) => {
    await send(wire.frame(CLOSE, closing(1000, Buffer.from(reason))))
    const frames = await wire.ended
    assert.deepStrictEqual(frames.map(({ opcode, payload }) => [opcode, payload]), [[CLOSE, closing(1007)]])
    assert.deepStrictEqual(await ours.closed, [1006, ''])
  })
}

bothSides('5.5.1: the longest reason is read whole', async ({ wire, ours }) => {
  const reason = 'ü'.repeat(61) + 'x'
  wire.send(wire.close(4000, reason))
  assert.deepStrictEqual(await ours.closed, [4000, reason])
})

// 1.4: "a peer discards any further data received".
for (const [name, late] of [
  ['a text frame', wire => wire.text('late')],
  ['a large one', wire => wire.text('late'.repeat(1000))],
  ['text that is not UTF-8', wire => wire.text([0xff])],
  ['half a frame', wire => wire.text('late').subarray(0, 3)],
  ['a fragment', wire => wire.text('late', { fin: false })],
  ['a ping', wire => wire.frame(PING, 'late')],
  ['another close frame', wire => wire.close(1001)],
  ['a frame that breaks a rule', wire => wire.frame(3, 'late')],
  ['a header beyond the limit', wire => wire.text('', { length: 2n ** 62n })],
  ['garbage', () => Buffer.alloc(100, 0xff)]
]) {
  bothSides(`1.4: ${name} behind a close frame is discarded`, async ({ wire, ours }) => {
    wire.send(wire.text('before'), wire.close(1000, 'bye'), late(wire))
    assert.deepStrictEqual(await ours.closed, [1000, 'bye'])
    const frames = await wire.ended
    assert.deepStrictEqual(frames.map(({ opcode }) => opcode), [CLOSE])
    assert.deepStrictEqual(ours.heard, [['message', 'before']])
    assert.strictEqual(ours.error, null)
  })
}

bothSides('5.4: a close between fragments closes', async ({ wire, ours }) => {
  wire.send(wire.text('a', { fin: false }), wire.frame(CONTINUATION, 'b', { fin: false }), wire.close(1001))
  assert.deepStrictEqual(await ours.closed, [1001, ''])
  assert.deepStrictEqual(ours.heard, [])
})

// 7.1.1 and 7.1.2: whoever closes sends a close frame and waits for the answer.

for (const [code, reason] of [[undefined], [1000, ''], [1001, ''], [4999, 'enough ü'], [3000, 'x'.repeat(123)]]) {
  bothSides(`7.1.2: our close with ${code} ${reason ? 'and a reason ' : ''}waits for its answer`, async ({ wire, ours }) => {
    ours.socket.close(code, reason)
    const { opcode, payload, fin } = await wire.next()
    assert.deepStrictEqual([opcode, fin], [CLOSE, true])
    assert.deepStrictEqual(payload, code === undefined ? Buffer.alloc(0) : closing(code, reason))
    assert.strictEqual(ours.socket.readyState, 2)
    if (wire.masks) wire.send(wire.frame(CLOSE, payload))
    else wire.socket.end(wire.frame(CLOSE, payload))
    assert.deepStrictEqual(await ours.closed, code === undefined ? [1005, ''] : [code, reason])
    assert.strictEqual((await wire.ended).length, 1)
    assert.strictEqual(ours.error, null)
  })
}

bothSides('7.1.3: both may close at the same time', async ({ wire, ours }) => {
  ours.socket.close(4000)
  if (wire.masks) wire.send(wire.close(4001))
  else wire.socket.end(wire.close(4001))
  assert.deepStrictEqual(await ours.closed, [4001, ''])
  const frames = await wire.ended
  assert.deepStrictEqual(frames.map(({ payload }) => payload), [closing(4000)])
})

// 5.5.1: "The application MUST NOT send any more data frames after sending a Close frame."
bothSides('5.5.1: nothing goes out behind our own close frame', async ({ wire, ours }) => {
  ours.socket.close(1000)
  ours.socket.send('late')
  ours.socket.ping('late')
  await wire.next()
  wire.send(wire.frame(PING, 'asks'))
  if (wire.masks) wire.send(wire.close(1000))
  else wire.socket.end(wire.close(1000))
  assert.deepStrictEqual((await wire.ended).map(({ opcode }) => opcode), [CLOSE])
})

bothSides('7.1.5: a connection that ends without a close frame is 1006', async ({ wire, ours }) => {
  wire.send(wire.text('good'), wire.text('half', { length: 100 }))
  wire.socket.end()
  assert.deepStrictEqual(await ours.closed, [1006, ''])
  assert.deepStrictEqual(ours.heard, [['message', 'good']])
})

bothSides('7.1.5: a connection that is reset is 1006', async ({ wire, ours }) => {
  wire.send(wire.text('good'))
  await once(ours.socket, 'message')
  wire.socket.resetAndDestroy()
  assert.deepStrictEqual(await ours.closed, [1006, ''])
})

// 7.1.1: the TCP connection "SHOULD be closed first by the server".
fact('7.1.1: our server closes TCP first, when the handshake is done', async stage => {
  for (const who of ['client', 'server']) {
    const { wire, ours } = await ourServer(stage)
    wire.socket.removeAllListeners('end')
    const ended = once(wire.socket, 'end')
    if (who === 'server') {
      ours.socket.close(1000)
      await wire.next()
    }
    wire.send(wire.close(1000))
    await ended
    wire.socket.end()
  }
})

fact('7.1.1: our client leaves it to the server to close TCP after its own close', async stage => {
  const { wire, ours } = await ourClient(stage)
  wire.socket.removeAllListeners('end')
  const order = []
  wire.socket.on('end', () => order.push('client'))
  ours.socket.close(1000)
  await wire.next()
  wire.send(wire.close(1000))
  await new Promise(resolve => setTimeout(resolve, 50))
  order.push('server')
  wire.socket.end()
  await wire.ended
  assert.strictEqual(order[0], 'server')
})

fact('7.2.1: a client that cannot connect has 1006 and an error', async stage => {
  const { dest, arrived } = await listen(stage)
  const ours = dial(stage, dest)
  const { socket } = await arrived
  socket.destroy()
  assert.deepStrictEqual(await ours.closed, [1006, ''])
  assert.ok(ours.error instanceof Error)
})

bothSides('7.2: one connection that fails leaves the next one alone', async ({ stage, side, wire }) => {
  wire.send(wire.frame(TEXT, 'x', { rsv: 7 }))
  await wire.ended
  const { wire: next, ours } = await SIDES[side](stage)
  ours.echo()
  next.send(next.text('still here'))
  assert.strictEqual((await next.next()).text, 'still here')
})
