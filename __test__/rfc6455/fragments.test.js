'use strict'

// RFC 6455 sections 5.4 and 5.5: messages in fragments, and control frames beside and between them.

const assert = require('node:assert')
const { once } = require('node:events')
const { OPCODE, anyPace, bothSides, closing } = require('../helpers/wire/wire')

const { CONTINUATION, BINARY, CLOSE, PING, PONG } = OPCODE
const more = { fin: false }

/** Messages in fragments: `[title, frames as a function of the wire, what is heard, what is answered]`. */
const WHOLE = [
  ['two fragments', w => [w.text('Hel', more), w.frame(CONTINUATION, 'lo')], [['message', 'Hello']]],
  ['a fragment for each byte', w => [
    w.text('f', more), ...[...'ragment'].map(c => w.frame(CONTINUATION, c, more)), w.frame(CONTINUATION, 's')
  ], [['message', 'fragments']]],
  ['binary fragments', w => [w.frame(BINARY, [0, 255], more), w.frame(CONTINUATION, [1])], [['message', Buffer.from([0, 255, 1])]]],
  ['an empty first fragment', w => [w.text('', more), w.frame(CONTINUATION, 'x')], [['message', 'x']]],
  ['an empty fragment between', w => [w.text('x', more), w.frame(CONTINUATION, '', more), w.frame(CONTINUATION, 'y')], [['message', 'xy']]],
  ['an empty last fragment', w => [w.text('x', more), w.frame(CONTINUATION, '')], [['message', 'x']]],
  ['nothing but empty text fragments', w => [w.text('', more), w.frame(CONTINUATION, '', more), w.frame(CONTINUATION, '')], [['message', '']]],
  ['nothing but empty binary fragments', w => [w.frame(BINARY, '', more), w.frame(CONTINUATION, '')], [['message', Buffer.alloc(0)]]],
  ['whole messages before and behind', w => [w.text('a'), w.text('b', more), w.frame(CONTINUATION, 'c'), w.text('d')],
    [['message', 'a'], ['message', 'bc'], ['message', 'd']]],
  ['messages in fragments one after the other', w => [
    w.text('a', more), w.frame(CONTINUATION, 'b'), w.frame(BINARY, 'c', more), w.frame(CONTINUATION, 'd')
  ], [['message', 'ab'], ['message', Buffer.from('cd')]]],
  ['a ping between', w => [w.text('Hel', more), w.frame(PING, '!'), w.frame(CONTINUATION, 'lo')],
    [['ping', Buffer.from('!')], ['message', 'Hello']], [[PONG, '!']]],
  ['pings and pongs everywhere', w => [
    w.frame(PING, '1'), w.text('a', more), w.frame(PING, '2'), w.frame(PONG, '3'), w.frame(CONTINUATION, 'b', more),
    w.frame(PING, ''), w.frame(CONTINUATION, 'c'), w.frame(PING, '4')
  ], [['ping', Buffer.from('1')], ['ping', Buffer.from('2')], ['pong', Buffer.from('3')], ['ping', Buffer.alloc(0)], ['message', 'abc'], ['ping', Buffer.from('4')]],
  [[PONG, '1'], [PONG, '2'], [PONG, ''], [PONG, '4']]],
  ['fragments of all sizes', w => [
    w.text('x'.repeat(125), more), w.frame(CONTINUATION, 'y'.repeat(126), more), w.frame(CONTINUATION, 'z'.repeat(700))
  ], [['message', 'x'.repeat(125) + 'y'.repeat(126) + 'z'.repeat(700)]]]
]

for (const [title, frames, heard, answered = []] of WHOLE) {
  anyPace(`5.4: ${title}`, async ({ wire, ours, send }) => {
    await send(...frames(wire), wire.close(1000))
    assert.deepStrictEqual(await ours.closed, [1000, ''])
    assert.deepStrictEqual(ours.heard, heard)
    const frames_ = await wire.ended
    assert.deepStrictEqual(frames_.map(({ opcode, text }) => [opcode, text]), [...answered, [CLOSE, closing(1000).toString()]])
  })
}

/** Orders of frames that section 5.4 does not allow, up to the frame that breaks them. */
const BROKEN = [
  ['a continuation of nothing', w => [w.frame(CONTINUATION, 'x')]],
  ['an empty continuation of nothing', w => [w.frame(CONTINUATION, '')]],
  ['a continuation of nothing that goes on', w => [w.frame(CONTINUATION, 'x', more)]],
  ['a continuation of a message that is done', w => [w.text('x', more), w.frame(CONTINUATION, 'y'), w.frame(CONTINUATION, 'z')], [['message', 'xy']]],
  ['a continuation of a whole message', w => [w.text('x'), w.frame(CONTINUATION, 'y')], [['message', 'x']]],
  ['a whole message between fragments', w => [w.text('x', more), w.text('y')]],
  ['a binary message between text fragments', w => [w.text('x', more), w.frame(BINARY, 'y')]],
  ['another message in fragments between fragments', w => [w.text('x', more), w.text('y', more)]],
  ['an empty message between fragments', w => [w.text('', more), w.text('')]]
]

for (const [title, frames, heard = []] of BROKEN) {
  anyPace(`5.4: ${title} is refused`, async ({ wire, ours, send }) => {
    await send.late(frames(wire), wire.frame(CONTINUATION, 'late'), wire.text('late'))
    const [close, ...others] = await wire.ended
    assert.deepStrictEqual(others, [])
    assert.deepStrictEqual([close.opcode, close.payload], [CLOSE, closing(1002)])
    assert.deepStrictEqual(await ours.closed, [1006, ''])
    assert.deepStrictEqual(ours.heard, heard)
  })
}

bothSides('5.4: a message whose end does not come is nobody\'s', async ({ wire, ours }) => {
  wire.send(wire.text('x', more), wire.close(1000))
  assert.deepStrictEqual(await ours.closed, [1000, ''])
  assert.deepStrictEqual(ours.heard, [])
})

bothSides('5.4: a ping between fragments is answered before the message ends', async ({ wire, ours }) => {
  wire.send(wire.text('a', more), wire.frame(PING, 'now'))
  assert.strictEqual((await wire.next()).text, 'now')
  const message = once(ours.socket, 'message')
  wire.send(wire.frame(CONTINUATION, 'b'))
  assert.deepStrictEqual(await message, ['ab'])
  assert.deepStrictEqual(ours.heard, [['ping', Buffer.from('now')], ['message', 'ab']])
})

// 5.5: "All control frames MUST have a payload length of 125 bytes or less and MUST NOT be fragmented."

for (const [name, opcode] of [['ping', PING], ['pong', PONG], ['close', CLOSE]]) {
  for (const [title, payload, opts] of [
    ['of 126 bytes', Buffer.alloc(126, 3)],
    ['of 70000 bytes', Buffer.alloc(70000, 3)],
    ['in fragments', closing(1000), more],
    ['in empty fragments', '', more]
  ]) {
    bothSides(`5.5: a ${name} ${title} is refused`, async ({ wire, ours }) => {
      wire.send(wire.text('good'), wire.frame(opcode, payload, opts))
      const [close, ...others] = await wire.ended
      assert.deepStrictEqual(others, [])
      assert.deepStrictEqual([close.opcode, close.payload], [CLOSE, closing(1002)])
      assert.deepStrictEqual(await ours.closed, [1006, ''])
      assert.deepStrictEqual(ours.heard, [['message', 'good']])
    })
  }
}

// 5.5.2 and 5.5.3: a pong has "identical Application data as found in the message body of the Ping".

anyPace('5.5.3: each ping is answered with its own bytes, in order', async ({ wire, ours, send }) => {
  const payloads = ['', 'x', Buffer.from([0, 0xff, 0xc3, 0x28]), Buffer.alloc(124, 1), Buffer.alloc(125, 2)].map(one => Buffer.from(one))
  await send(...payloads.map(payload => wire.frame(PING, payload)), wire.close(1000))
  const frames = await wire.ended
  assert.deepStrictEqual(frames.slice(0, -1).map(({ opcode, payload }) => [opcode, payload]), payloads.map(payload => [PONG, payload]))
  assert.deepStrictEqual(ours.heard, payloads.map(payload => ['ping', payload]))
})

anyPace('5.5.3: a pong that nobody asked for is heard and not answered', async ({ wire, ours, send }) => {
  await send(wire.frame(PONG, 'x'), wire.frame(PONG, ''), wire.close(1000))
  const frames = await wire.ended
  assert.deepStrictEqual(frames.map(({ opcode }) => opcode), [CLOSE])
  assert.deepStrictEqual(ours.heard, [['pong', Buffer.from('x')], ['pong', Buffer.alloc(0)]])
})

bothSides('5.5.2: what we ask is a ping with the bytes that were given', async ({ wire, ours }) => {
  ours.socket.ping(Buffer.alloc(125, 7))
  const { opcode, payload } = await wire.next()
  assert.deepStrictEqual([opcode, payload], [PING, Buffer.alloc(125, 7)])
})
