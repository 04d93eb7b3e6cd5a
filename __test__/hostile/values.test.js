'use strict'

// Values of strangers: whatever JSON they send, nothing here throws where nobody catches it, and
// others are served.

const assert = require('assert')
const { constants } = require('buffer')
const { hostile } = require('../helpers/peers/hostile')
const { limited } = require('../../scripts/lib/child')
const { BINARY, TEXT, frame, rawClient, rawServer } = require('../../scripts/lib/frames')
const { certificates } = require('../../scripts/lib/certificates')

const SCRIPT = { script: 'values-peer.js' }

/** The ways that answer what they are asked. */
const ECHOES = ['request', 'handle', 'unknown', 'hooked', 'raw']

/** As MAX_NESTING of lib/options/defaults.js: levels of a message. */
const LEVELS = 256

const arrays = levels => '['.repeat(levels) + ']'.repeat(levels)
const objects = levels => '{"a":'.repeat(levels) + '1' + '}'.repeat(levels)
/** Levels with brackets in strings between them, which are none. */
const hidden = levels => '["]}]}\\"]",{"\\\\":'.repeat(levels / 2) + '1' + '}]'.repeat(levels / 2)

/** What nests so deep that writing it again takes more stack than there is, and more than is taken. */
const DEEP = [
  arrays(LEVELS + 1), objects(LEVELS + 1), hidden(LEVELS + 2), arrays(4200), objects(4200), hidden(4200), arrays(100000)
]

/** Ids as no peer makes them; each with the id that a reply has. */
const RIDS = [
  ['5', 5], ['-0', 0], ['1e999', null], ['null', null], ['true', true], ['{}', {}], ['[]', []], ['[["a"]]', [['a']]],
  ['"\\ud800"', '\ud800'], ['"\\u0000"', '\0'], ['""', ''], ['"\\u2028"', '\u2028'], ['{"toString":1}', { toString: 1 }],
  ['{"toJSON":1}', { toJSON: 1 }], ['{"__proto__":1}', JSON.parse('{"__proto__":1}')], ['{"length":-1}', { length: -1 }],
  [`"${'x'.repeat(100000)}"`, 'x'.repeat(100000)], [arrays(LEVELS - 1), JSON.parse(arrays(LEVELS - 1))]
]

/** Messages that are JSON and no array: requests all the same, but for what is falsy. */
const ODD = ['5', '"abc"', '{}', '{"0":"r","1":"k","2":3}', 'true', '[]', '[[]]', '[1]', '[1,2]', '"\\ud800"']
const NONE = ['null', 'false', '0', '""', '', '{', '[', 'nonsense', '\0', '[1,2,', '"\\x"', '['.repeat(1000000), '{"a":'.repeat(200000)]

const masked = { masked: true }

/** Asks like any peer, so that what was sent before it is worked on too. */
async function mustEcho (raw, way) {
  raw.send(frame(TEXT, '["last","key","still there?"]', masked))
  for (;;) {
    const { text } = await limited(raw.next(), `the last answer of ${way}`)
    if (!text.startsWith('["last"')) continue
    const wanted = way === 'unknown' ? ['last', 'ERR_KEY_UNKNOWN', null] : ['last', null, 'still there?']
    return assert.deepStrictEqual(JSON.parse(text), wanted)
  }
}

const answersOf = raw => raw.frames.filter(({ text }) => !text.startsWith('["last"')).map(({ text }) => JSON.parse(text))

function mustBeQuiet (process) {
  assert.strictEqual(process.stderr, '')
}

for (const watched of [false, true]) {
  hostile(`a request that nests too deep is refused${watched ? ', watched' : ''}`, async ({ stage, secure, startServer }) => {
    const server = await startServer({ role: 'server', watched }, SCRIPT)
    for (const [way, port] of Object.entries(server.port).filter(([way]) => ECHOES.includes(way))) {
      const raw = await rawClient(stage, port, { secure })
      for (const deep of DEEP) {
        raw.send(frame(TEXT, `["a","key",${deep}]`, masked), frame(BINARY, `["b","key",${deep}]`, masked))
        raw.send(frame(TEXT, ` [ "c" , "key" , 1 , ${deep} ] `, masked))
        raw.send(frame(TEXT, `["d",${deep},1]`, masked))
        // Nobody can be told.
        raw.send(frame(TEXT, `[${deep},"key",1]`, masked), frame(TEXT, deep, masked))
        raw.send(frame(TEXT, `["\\u0061",${deep}]`, masked), frame(TEXT, `["${'e'.repeat(1000)}",${deep}]`, masked))
      }
      await mustEcho(raw, way)
      const expected = DEEP.flatMap(() => ['a', 'b', 'c', 'd']).map(rid => [rid, 'ERR_NESTING_LIMIT', null])
      assert.deepStrictEqual(answersOf(raw), expected, way)
      assert.strictEqual((await server.ask('errors'))[way], 8 * DEEP.length, way)
      raw.socket.destroy()
    }
    mustBeQuiet(server)
  })
}

hostile('a request may nest as deep as the limit', async ({ stage, secure, startServer }) => {
  const server = await startServer({ role: 'server' }, SCRIPT)
  for (const [way, port] of Object.entries(server.port).filter(([way]) => ECHOES.includes(way) && way !== 'unknown')) {
    const raw = await rawClient(stage, port, { secure })
    const payloads = [arrays(LEVELS - 1), objects(LEVELS - 1), hidden(LEVELS - 2)]
    // In text of other lengths, which takes other ways.
    payloads.push(`[${arrays(LEVELS - 2)},"${'x'.repeat(10000)}"]`, `[${'[],'.repeat(10000)}${arrays(LEVELS - 2)}]`)
    for (const payload of payloads) raw.send(frame(TEXT, `["a","key",${payload}]`, masked))
    await mustEcho(raw, way)
    assert.deepStrictEqual(answersOf(raw).map(answer => JSON.stringify(answer)), payloads.map(payload => `["a",null,${payload}]`), way)
  }
  mustBeQuiet(server)
})

for (const watched of [false, true]) {
  hostile(`ids and messages of any shape${watched ? ', watched' : ''}`, async ({ stage, secure, startServer }) => {
    const server = await startServer({ role: 'server', watched }, SCRIPT)
    for (const [way, port] of Object.entries(server.port).filter(([way]) => ECHOES.includes(way))) {
      const raw = await rawClient(stage, port, { secure })
      const error = way === 'unknown' ? 'ERR_KEY_UNKNOWN' : null
      for (const [rid] of RIDS) {
        raw.send(frame(TEXT, `[${rid},"key",1]`, masked), frame(BINARY, `[${rid},"key",1]`, masked))
      }
      await mustEcho(raw, way)
      const result = error === null ? 1 : null
      assert.deepStrictEqual(answersOf(raw), RIDS.flatMap(([, rid]) => [[rid, error, result], [rid, error, result]]), way)
      const before = raw.frames.length
      for (const text of [...ODD, ...NONE]) raw.send(frame(TEXT, text, masked), frame(BINARY, text, masked))
      raw.send(frame(BINARY, Buffer.from([0xff, 0xfe, 0]), masked))
      await mustEcho(raw, way)
      assert.strictEqual(raw.frames.length - before, 2 * ODD.length + 1, way)
      assert.strictEqual((await server.ask('errors'))[way], 2 * NONE.length + 1, way)
      raw.socket.destroy()
    }
    mustBeQuiet(server)
  })
}

hostile('a result that cannot be written is an error of its request', async ({ stage, secure, startServer }) => {
  const server = await startServer({ role: 'server' }, SCRIPT)
  for (const way of ['wraps', 'wrapsHooked']) {
    const raw = await rawClient(stage, server.port[way], { secure })
    raw.send(frame(TEXT, '["a","key",1]', masked))
    assert.deepStrictEqual(JSON.parse((await raw.next()).text), ['a', 'Maximum call stack size exceeded', null], way)
    raw.socket.destroy()
  }
  mustBeQuiet(server)
})

hostile('what a service fails with may be what came in', async ({ stage, secure, startServer }) => {
  const server = await startServer({ role: 'server' }, SCRIPT)
  const raw = await rawClient(stage, server.port.fails, { secure })
  const ask = async (key, payload) => {
    raw.send(frame(TEXT, `["a","${key}",${payload}]`, masked))
    return JSON.parse((await raw.next()).text)
  }
  const cases = [['null', 'null'], ['""', 'Error'], ['{"toString":1}', '{"toString":1}'], ['{"message":""}', '[object Object]'], ['[[1],2]', '1,2']]
  for (const key of ['text', 'late', 'name']) {
    for (const [payload, text] of cases) assert.deepStrictEqual(await ask(key, payload), ['a', text, null], `${key} ${payload}`)
  }
  assert.deepStrictEqual(await ask('message', '{"toString":1}'), ['a', 'Error', null])
  assert.deepStrictEqual(await ask('getter', '1'), ['a', 'Error', null])
  const other = await rawClient(stage, server.port.replies, { secure })
  for (const payload of ['{"toString":1}', arrays(LEVELS - 1), '"\\ud800"']) {
    other.send(frame(TEXT, `["a","key",${payload}]`, masked))
    assert.strictEqual((await other.next()).text, `["a",${payload},${payload}]`)
  }
  mustBeQuiet(server)
})

hostile('what is taken can be written on the smallest stack', async ({ stage, secure, startServer }) => {
  const server = await startServer({ role: 'server', stack: 0.5 }, SCRIPT)
  for (const [way, port] of Object.entries(server.port).filter(([way]) => ECHOES.includes(way) && way !== 'unknown')) {
    const raw = await rawClient(stage, port, { secure })
    for (const payload of [arrays(LEVELS - 1), objects(LEVELS - 1)]) raw.send(frame(TEXT, `["a","key",${payload}]`, masked))
    await mustEcho(raw, way)
    assert.deepStrictEqual(answersOf(raw).map(([, error]) => error), [null, null], way)
  }
  mustBeQuiet(server)
})

hostile('a text that no string could hold is refused by its length', async ({ stage, secure, startServer }) => {
  const server = await startServer({ role: 'server', conf: { maxPayload: 2 ** 31 - 1 } }, SCRIPT)
  for (const way of ['request', 'hooked']) {
    const raw = await rawClient(stage, server.port[way], { secure })
    raw.send(frame(TEXT, '', { ...masked, length: constants.MAX_STRING_LENGTH + 1 }))
    assert.strictEqual((await limited(raw.ended, 'its end')).code, 1009)
  }
  mustBeQuiet(server)
})

/** Replies to the request with the id `rid`, and what the callback gets. */
const REPLIES = [
  ...DEEP.flatMap(deep => [
    [rid => `["${rid}",${deep},null]`, { err: 'ERR_NESTING_LIMIT', type: 'string' }],
    [rid => `["${rid}",null,${deep}]`, { err: 'ERR_NESTING_LIMIT', type: 'string' }],
    [rid => `["${rid}",null,1,${deep}]`, { err: 'ERR_NESTING_LIMIT', type: 'string' }]
  ]),
  [rid => `["${rid}",{"toString":1},1]`, { err: '{"toString":1}', type: 'string' }],
  [rid => `["${rid}",{"message":"text"},1]`, { err: '[object Object]', type: 'string' }],
  [rid => `["${rid}",1,1]`, { err: '1', type: 'string' }],
  [rid => `["${rid}",true,1]`, { err: 'true', type: 'string' }],
  [rid => `["${rid}",${arrays(LEVELS - 1)},null]`, { err: arrays(LEVELS - 1).slice(0, 200), type: 'string' }],
  // The text of this one would be copied 250 times.
  [rid => `["${rid}",${'["xxxxxxxxxxxxxxxxxxx",'.repeat(250)}"${'x'.repeat(2000000)}"${']'.repeat(250)},null]`, { err: 'ERR_REPLY_INVALID', type: 'string' }],
  [rid => `["${rid}",[[]],1]`, { err: '[[]]', type: 'string' }],
  [rid => `["${rid}","\\ud800\\u001b[2J",null]`, { err: '\ud800\x1b[2J', type: 'string' }],
  [rid => `["${rid}","${'x'.repeat(100000)}",null]`, { err: 'x'.repeat(200), type: 'string' }]
]

/** What answers no request. */
const STRAY = [
  ...DEEP, ...DEEP.map(deep => `[${deep},null,1]`), ...RIDS.map(([rid]) => `[${rid},null,1]`), ...ODD, ...NONE
]

for (const watched of [false, true]) {
  hostile(`replies of any shape${watched ? ', watched' : ''}`, async ({ stage, secure, startServer }) => {
    const { dest } = await rawServer(stage, async raw => {
      for (;;) {
        const { opcode, text } = await raw.next()
        if (opcode !== TEXT) continue
        const [rid, , payload] = JSON.parse(text)
        if (payload === 'last') raw.send(frame(TEXT, JSON.stringify([rid, null, 'there'])))
        else if (payload.stray === undefined) raw.send(frame(payload.opcode, REPLIES[payload.at][0](rid)))
        else raw.send(...STRAY.map(text => frame(payload.opcode, text)), frame(TEXT, JSON.stringify([rid, null, 'there'])))
      }
    }, { secure: secure && certificates().server })
    const client = await startServer({ role: 'client', dest, watched, secure: secure && asClient() }, SCRIPT)
    for (const way of ['request', 'hooked']) {
      for (const opcode of [TEXT, BINARY]) {
        for (const [at, [, expected]] of REPLIES.entries()) {
          const answer = await client.ask('request', way, { at, opcode }, 5000)
          assert.deepStrictEqual(answer, expected, `${way} ${at}`)
        }
        assert.deepStrictEqual(await client.ask('request', way, { stray: true, opcode }, 10000), { res: '"there"' })
      }
      assert.deepStrictEqual(await client.ask('request', way, 'last', 5000), { res: '"there"' })
    }
    mustBeQuiet(client)
  })
}

function asClient () {
  const { asTexts } = require('../../scripts/lib/certificates')
  return asTexts(certificates().client)
}
