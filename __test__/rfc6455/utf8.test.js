'use strict'

// RFC 6455 section 8.1: text is UTF-8, whatever borders of frames and reads it crosses.

const assert = require('node:assert')
const { OPCODE, anyPace, bothSides, closing } = require('../helpers/wire/wire')

const { CONTINUATION, BINARY, CLOSE } = OPCODE

const GOOD = {
  'two bytes a character': 'κόσμε',
  'three bytes': '€\uffff\ufffd\ufeff\u2028',
  'four bytes': '\u{1f600}\u{10ffff}\u{10000}',
  'control characters': '\0\x01\x7f\u0080',
  'the borders of lengths': '\x7f\u0080\u07ff\u0800\uffff\u{10000}',
  'the borders of surrogates': '\ud7ff\ue000'
}

const BAD = {
  'a byte that is none': [0xff],
  'another one': [0xfe],
  'a continuation byte alone': [0x61, 0x80],
  'a character cut off by another': [0xe2, 0x82, 0x61],
  'a character without its end': [0x61, 0xc3],
  'three of four bytes': [0xf0, 0x9f, 0x98],
  'a long form of two bytes': [0xc0, 0xaf],
  'a long form of three': [0xe0, 0x80, 0xaf],
  'a long form of four': [0xf0, 0x80, 0x80, 0xaf],
  'a surrogate': [0xed, 0xa0, 0x80],
  'a pair of surrogates': [0xed, 0xa0, 0xbd, 0xed, 0xb8, 0x80],
  'beyond the last character': [0xf4, 0x90, 0x80, 0x80],
  'five bytes': [0xf8, 0x88, 0x80, 0x80, 0x80],
  'good text around it': [0x61, 0xce, 0xba, 0xed, 0xbf, 0xbf, 0x62]
}

/** All ways to send `bytes` as one text message of two frames, and one of a byte a frame. */
function * cuts (wire, bytes) {
  for (let at = 0; at <= bytes.length; at++) {
    yield [wire.text(bytes.subarray(0, at), { fin: false }), wire.frame(CONTINUATION, bytes.subarray(at))]
  }
  const parts = [...bytes].map((byte, at) => at === 0
    ? wire.text([byte], { fin: false })
    : wire.frame(CONTINUATION, [byte], { fin: false }))
  yield [...parts, wire.frame(CONTINUATION, '')]
}

for (const [name, text] of Object.entries(GOOD)) {
  anyPace(`8.1: ${name}, whole and cut anywhere`, async ({ wire, ours, send }) => {
    const ways = [[wire.text(text)], ...cuts(wire, Buffer.from(text))]
    await send(...ways.flat(), wire.close(1000))
    assert.deepStrictEqual(await ours.closed, [1000, ''])
    assert.deepStrictEqual(ours.heard, ways.map(() => ['message', text]))
  })
}

/** What is wrong is in the last frame. */
const LAST = {
  'in one frame': (wire, bytes) => [wire.text(bytes)],
  'behind good text': (wire, bytes) => [wire.text('ü'.repeat(100) + 'x', { fin: false }), wire.frame(CONTINUATION, bytes)]
}

/** What is wrong may be seen before the last frame comes. */
const EARLY = {
  'a byte a frame': (wire, bytes) => [...cuts(wire, bytes)].pop(),
  'over two frames': (wire, bytes) => [...cuts(wire, bytes)][Math.ceil(bytes.length / 2)]
}

async function refused ({ wire, ours }) {
  const frames = await wire.ended
  assert.deepStrictEqual(frames.map(({ opcode, payload }) => [opcode, payload]), [[CLOSE, closing(1007)]])
  assert.deepStrictEqual(await ours.closed, [1006, ''])
  assert.deepStrictEqual(ours.heard, [['message', 'good']])
}

for (const [name, bytes] of Object.entries(BAD)) {
  for (const [way, frames] of Object.entries(LAST)) {
    anyPace(`8.1: text that is no UTF-8 is 1007: ${name}, ${way}`, async ({ wire, ours, send }) => {
      await send.late([wire.text('good'), ...frames(wire, Buffer.from(bytes))], wire.text('late'))
      await refused({ wire, ours })
    })
  }
  for (const [way, frames] of Object.entries(EARLY)) {
    bothSides(`8.1: text that is no UTF-8 is 1007: ${name}, ${way}`, async ({ wire, ours }) => {
      wire.send(wire.text('good'), ...frames(wire, Buffer.from(bytes)), wire.text('late'))
      await refused({ wire, ours })
    })
  }
}

anyPace('8.1: binary messages may hold anything', async ({ wire, ours, send }) => {
  const payloads = Object.values(BAD).map(bytes => Buffer.from(bytes))
  await send(...payloads.map(payload => wire.frame(BINARY, payload)), wire.close(1000))
  await ours.closed
  assert.deepStrictEqual(ours.heard, payloads.map(payload => ['message', payload]))
})
