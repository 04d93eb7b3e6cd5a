'use strict'

// `maxConnectionRequests` of a server: a client that asks faster than it is answered has to wait.

const { test } = require('node:test')
const assert = require('node:assert')
const { once } = require('node:events')
const { certificates } = require('../../scripts/lib/certificates')
const { each } = require('../helpers/conformance')
const { CLOSE, PING, TEXT, frame, rawClient } = require('../../scripts/lib/frames')
const { turn } = require('../helpers/until')
const ownClock = require('../../lib/util/clock')
const RequestLimit = require('../../lib/connection/RequestLimit')

const better = { better: true }
const LIMIT = 4
/** So many answers to somebody else show that what came before was not read. */
const TURNS = 20

const request = number => frame(TEXT, `["${number}","k",${number}]`, { masked: true })

const WAYS = [
  ['plain', () => ({}), () => ({})],
  ['TLS', () => ({ secure: { ...certificates().server, verifyClient: () => true } }), () => ({ secure: certificates().client })]
]

/** A server that answers when it is told to, but for the key `now`, and a client by hand. */
async function scene (stage, implementation, secure, conf) {
  const handlers = []
  const service = await stage.serve(implementation, (rid, key, payload, handler) => {
    if (key === 'now') handler.reply(null, payload)
    else handlers.push(handler)
  }, { maxConnectionRequests: LIMIT, ...conf })
  const raw = await rawClient(stage, service.port, secure)
  const other = await rawClient(stage, service.port, secure)
  return {
    handlers,
    raw,
    service,
    /** Resolves when so many requests have come. */
    async handed (count) {
      while (handlers.length < count) await turn()
    },
    /** Resolves when a message that came before would have been read. */
    async passed () {
      for (let at = 0; at < TURNS; at++) {
        other.send(frame(TEXT, '["r","now",1]', { masked: true }))
        assert.strictEqual((await other.next()).text, '["r",null,1]')
      }
    }
  }
}

for (const [way, ofServer, ofClient] of WAYS) {
  each(`maxConnectionRequests: so many are handed out, and one more when one is answered, ${way}`, async ({ implementation, stage }) => {
    const { handed, handlers, passed, raw } = await scene(stage, implementation, ofClient(), ofServer())
    for (let number = 1; number <= LIMIT; number++) {
      raw.send(request(number))
      await handed(number)
    }
    for (let number = LIMIT + 1; number <= LIMIT + 3; number++) {
      raw.send(request(number))
      await passed()
      assert.strictEqual(handlers.length, number - 1)
      handlers[number - 2].reply(null, 'done')
      assert.strictEqual((await raw.next()).text, `["${number - 1}",null,"done"]`)
      await handed(number)
    }
  }, better)

  each(`maxConnectionRequests: large requests count too, and what is no request does not, ${way}`, async ({ implementation, stage }) => {
    const { handed, handlers, passed, raw, service } = await scene(stage, implementation, ofClient(), ofServer())
    for (let at = 0; at < 2 * LIMIT; at++) {
      const error = once(service, 'request-error')
      raw.send(frame(TEXT, 'null', { masked: true }))
      await error
    }
    for (let number = 1; number <= LIMIT; number++) {
      raw.send(frame(TEXT, JSON.stringify(['r', 'k', 'x'.repeat(10000)]), { masked: true }))
      await handed(number)
    }
    raw.send(request(LIMIT + 1))
    await passed()
    assert.strictEqual(handlers.length, LIMIT)
    handlers[0].reply(null, 'done')
    await handed(LIMIT + 1)
  }, better)

  each(`maxConnectionRequests: what is never answered counts for requestTimeout, ${way}`, async ({ implementation, stage }) => {
    const { handed, raw } = await scene(stage, implementation, ofClient(), { ...ofServer(), requestTimeout: 50 })
    for (let number = 1; number <= 3 * LIMIT; number++) {
      raw.send(request(number))
      await handed(number)
    }
  }, better)

  each(`maxConnectionRequests: a connection that is not read can be closed, ${way}`, async ({ implementation, stage }) => {
    const { handed, passed, raw, service } = await scene(stage, implementation, ofClient(), ofServer())
    const [socket] = service.socket.clients
    const closed = new Promise(resolve => socket.on('close', resolve))
    for (let number = 1; number <= LIMIT; number++) {
      raw.send(request(number))
      await handed(number)
    }
    await passed()
    socket.close(4000)
    const { opcode, payload } = await raw.next()
    assert.strictEqual(opcode, CLOSE)
    raw.send(frame(CLOSE, payload, { masked: true }))
    assert.strictEqual(await closed, 4000)
  }, better)
}

each('maxConnectionRequests: 0 is any number', async ({ implementation, stage }) => {
  const { handed, raw } = await scene(stage, implementation, {}, { maxConnectionRequests: 0 })
  for (let number = 1; number <= 3 * LIMIT; number++) {
    raw.send(request(number))
    await handed(number)
  }
}, better)

each('maxConnectionRequests: a connection whose hooks are replaced is read on', async ({ implementation, stage }) => {
  const { handed, handlers, raw, service } = await scene(stage, implementation, {}, {})
  service.on('request', () => {
    if (handlers.length === LIMIT + 1) service.parse = data => JSON.parse(data)
  })
  raw.send(...[1, 2, 3, 4, 5, 6].map(request))
  await handed(6)
  raw.send(request(7))
  await handed(7)
}, better)

each('a drained server does not wait for an answer to what is no request', async ({ implementation, stage }) => {
  const { raw, service } = await scene(stage, implementation, {}, {})
  const error = once(service, 'request-error')
  raw.send(frame(TEXT, 'null', { masked: true }))
  await error
  await service.stop({ drain: 600000 })
  const { frames } = await raw.ended
  // By a ping it says how much it has read.
  assert.deepStrictEqual(frames.map(({ opcode }) => opcode), [PING, CLOSE])
}, better)

// The counter by itself, with a clock of its own.

const AGE = 1000

function counter (t, limit, byteLimit = 0) {
  const clock = { now: 5000 }
  t.mock.timers.enable({ apis: ['setTimeout'] })
  for (const name of ['setTimeout', 'clearTimeout']) t.mock.method(ownClock, name, (...args) => global[name](...args))
  t.mock.method(performance, 'now', () => clock.now)
  const connection = {
    reads: true,
    kept: 0,
    setReading (reads) { this.reads = reads },
    retain (bytes) { this.kept += bytes }
  }
  const unanswered = new RequestLimit(connection, limit, byteLimit, AGE)
  return {
    connection,
    pass (ms) {
      clock.now += ms
      t.mock.timers.tick(ms)
    },
    /** A request that costs so many bytes; returns its answer. */
    ask (cost = 0) {
      const { young } = unanswered
      young.count++
      if (cost > 0) unanswered.add(young, cost)
      if (young.count >= unanswered.room) unanswered.update()
      return () => {
        young.count--
        if (cost > 0) unanswered.take(young, cost)
        if (unanswered.isWatched) unanswered.onReply()
      }
    }
  }
}

for (const limit of [1, 2, 3, 4, 5, 8, 101]) {
  test(`${limit} requests without an answer are enough, and one less is not`, t => {
    const { ask, connection, pass } = counter(t, limit)
    const answers = []
    for (let round = 0; round < 3; round++) {
      while (answers.length < limit - 1) answers.push(ask())
      assert.strictEqual(connection.reads, true)
      answers.push(ask())
      assert.strictEqual(connection.reads, false)
      pass(AGE / 10)
      answers.splice(round % answers.length, 1)[0]()
      assert.strictEqual(connection.reads, true)
      for (const answer of answers.splice(0)) answer()
    }
  })
}

test('requests that are never answered stop the reading until they are old', t => {
  const { ask, connection, pass } = counter(t, 10)
  for (let at = 0; at < 10; at++) ask()
  assert.strictEqual(connection.reads, false)
  pass(AGE - 1)
  assert.strictEqual(connection.reads, false)
  pass(1)
  assert.strictEqual(connection.reads, true)
})

test('requests that were read beyond the limit count too', t => {
  const { ask, connection, pass } = counter(t, 10)
  for (let at = 0; at < 30; at++) ask()
  pass(AGE)
  assert.strictEqual(connection.reads, false)
  pass(AGE)
  assert.strictEqual(connection.reads, true)
})

test('requests that are never answered after others that were stop the reading for no longer', t => {
  const { ask, connection, pass } = counter(t, 10)
  for (const answer of [ask(), ask(), ask(), ask(), ask()]) answer()
  pass(AGE / 2)
  for (let at = 0; at < 10; at++) ask()
  assert.strictEqual(connection.reads, false)
  pass(AGE)
  assert.strictEqual(connection.reads, true)
})

test('a few that are never answered among many that are do not stop the reading', t => {
  const { ask, connection, pass } = counter(t, 10)
  for (let at = 0; at < 1000; at++) {
    if (at % 50 === 0) ask()
    ask()()
    pass(10)
    assert.strictEqual(connection.reads, true)
  }
})

test('a service that is too slow has never more than the limit to answer', t => {
  const { ask, connection, pass } = counter(t, 10)
  const answers = []
  for (let at = 0; at < 1000; at++) {
    while (connection.reads) answers.push(ask())
    assert.strictEqual(answers.length, 10)
    pass(AGE / 11)
    answers.shift()()
  }
})

test('answers to what does not count any more change nothing', t => {
  const { ask, connection, pass } = counter(t, 4)
  const late = [ask(), ask(), ask(), ask()]
  pass(AGE)
  const answers = [ask(), ask(), ask()]
  pass(AGE)
  late.forEach(answer => answer())
  answers.push(ask(), ask(), ask())
  assert.strictEqual(connection.reads, false)
})

test('requests stop the reading by what they cost, also when they are few', t => {
  const { ask, connection, pass } = counter(t, 1000, 1000000)
  const answers = [ask(400000), ask(300000)]
  assert.strictEqual(connection.reads, true)
  answers.push(ask(400000))
  assert.strictEqual(connection.reads, false)
  assert.ok(connection.kept > 1000000)
  answers[0]()
  assert.strictEqual(connection.reads, true)
  answers[1]()
  answers[2]()
  assert.ok(connection.kept < 70000, `${connection.kept} bytes are still counted`)
  ask(2000000)
  assert.strictEqual(connection.reads, false)
  pass(2 * AGE)
  assert.strictEqual(connection.reads, true)
})

test('many small requests cost something too, and their answers give it back', t => {
  const { ask, connection } = counter(t, 100000, 0)
  const answers = Array.from({ length: 50000 }, () => ask())
  assert.ok(connection.kept > 40000 * 1024 && connection.kept <= 50000 * 1024)
  for (const answer of answers) answer()
  assert.ok(connection.kept < 70000, `${connection.kept} bytes are still counted`)
})
