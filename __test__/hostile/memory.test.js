'use strict'

// What strangers can make a server hold: answers that they do not read, messages without an end,
// requests that are not answered, events for a busy thread.

const assert = require('node:assert')
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const { until, wait } = require('../helpers/peers/faulty')
const { CLOSE, TEXT, frame, rawClient } = require('../../scripts/lib/frames')
const { hostile, mustAnswer } = require('../helpers/peers/hostile')

const MIB = 1024 * 1024
const PING = 9
const CONTINUATION = 0
/** Descriptors that a process takes for itself when it begins to serve. */
const FEW = 8

/** What a process may grow by that may hold so many MiB of a stranger's: garbage comes on top. */
const slack = mib => (mib + 160) * MIB

const request = (key, payload, rid = 'r') => frame(TEXT, JSON.stringify([rid, key, payload]), { masked: true })

/** A client that reads nothing after its handshake. */
async function deafClient (stage, server, secure) {
  const raw = await rawClient(stage, server.port, { secure })
  raw.socket.pause()
  return raw
}

async function mustHaveGrownLess (server, before, limit) {
  const growth = (await server.ask('usage')).most - before
  assert.ok(growth < limit, `grew by ${Math.round(growth / MIB)} MiB`)
}

for (const handler of ['large', 'raw']) {
  hostile(`4,000 answers of 1 MB that a client does not read cost a server less than ten times highWater, ${handler}`, async ({ stage, secure, startServer, client }) => {
    const server = await startServer({ handler })
    const peer = client(server)
    await mustAnswer(peer)
    const before = (await server.ask('usage')).most
    const deaf = await deafClient(stage, server, secure)
    for (let at = 0; at < 4000; at++) deaf.send(request('large', MIB))
    await until(async () => (await server.ask('waiting')) > MIB / 4)
    for (let round = 0; round < 5; round++) await mustAnswer(peer)
    await mustHaveGrownLess(server, before, slack(16))
  })

  hostile(`requests that wait for a slow client are answered in order once it reads, ${handler}`, async ({ stage, secure, startServer, client }) => {
    const server = await startServer({ handler, conf: { highWater: 256 * 1024 } })
    const slow = await deafClient(stage, server, secure)
    const count = 600
    slow.send(...Array.from({ length: count }, (_, at) => request('large', 20000 + at, `r${at}`)))
    await until(async () => (await server.ask('waiting')) > 200 * 1024)
    await mustAnswer(client(server))
    slow.socket.resume()
    for (let at = 0; at < count; at++) {
      const [rid, err, text] = JSON.parse((await slow.next()).text)
      assert.deepStrictEqual([rid, err, text.length], [`r${at}`, null, 20000 + at])
    }
  })
}

hostile('answers that come later than their requests and are not read end their connection at the memory budget', async ({ stage, secure, startServer, client }) => {
  const server = await startServer({ handler: 'large later', conf: { memoryBudget: 64 * MIB } })
  const peer = client(server)
  await mustAnswer(peer)
  const before = (await server.ask('usage')).most
  const deaf = await deafClient(stage, server, secure)
  for (let at = 0; at < 1000; at++) deaf.send(request('large', MIB))
  await until(async () => (await server.ask('closed')) === 1)
  await mustAnswer(peer)
  await mustHaveGrownLess(server, before, slack(64))
})

hostile('half messages of many connections fit the memory budget, and whoever goes on is served', async ({ stage, secure, startServer, client }) => {
  const server = await startServer({ conf: { memoryBudget: 32 * MIB } })
  const peer = client(server)
  await mustAnswer(peer)
  const before = (await server.ask('usage')).most
  const half = frame(TEXT, Buffer.alloc(2 * MIB, 'x'), { masked: true, length: 4 * MIB })
  for (let at = 0; at < 40; at++) {
    const raw = await rawClient(stage, server.port, { secure })
    raw.send(half)
  }
  await until(async () => (await server.ask('connections')) < 20)
  const long = 'y'.repeat(3 * MIB)
  assert.strictEqual(await peer.request('key', long), long)
  await mustAnswer(peer)
  await mustHaveGrownLess(server, before, slack(32))
})

hostile('fragments without an end count as half messages', async ({ stage, secure, startServer, client }) => {
  const server = await startServer({ conf: { memoryBudget: 16 * MIB } })
  const raw = await rawClient(stage, server.port, { secure })
  const part = Buffer.alloc(64 * 1024, 'x')
  raw.send(frame(TEXT, part, { masked: true, fin: false }))
  for (let at = 0; at < 512; at++) raw.send(frame(0, part, { masked: true, fin: false }))
  assert.strictEqual((await raw.ended).code, 1006)
  await mustAnswer(client(server))
})

hostile('a message that would cost more than the budget once it is parsed is refused with 1009', async ({ stage, secure, startServer, client }) => {
  const server = await startServer({ conf: { memoryBudget: 64 * MIB } })
  const raw = await rawClient(stage, server.port, { secure })
  raw.send(frame(TEXT, `["r","k",[${'[],'.repeat(1500000)}[]]]`, { masked: true }))
  assert.strictEqual((await raw.ended).code, 1009)
  await mustAnswer(client(server))
})

hostile('empty frames for a thread that is busy wait in bounded memory', async ({ stage, startServer }) => {
  const server = await startServer({ handler: 'forget' }, { heap: 256 })
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'memory-'))
  stage.after(() => fs.rmSync(folder, { recursive: true }))
  const raws = []
  for (let at = 0; at < 8; at++) raws.push(await rawClient(stage, server.port))
  const before = (await server.ask('usage')).most
  const go = path.join(folder, 'go')
  await server.ask('block', go)
  const empty = frame(TEXT, '', { masked: true })
  const flood = Buffer.concat(new Array(2 * MIB / 6 | 0).fill(empty))
  let left = raws.length
  for (const raw of raws) raw.socket.write(flood, () => left--)
  // As much as is taken while nobody listens.
  await wait(1000)
  fs.writeFileSync(go, '')
  await until(() => left === 0)
  await server.ask('forgotten')
  await mustHaveGrownLess(server, before, 80 * MIB)
}, { tls: false })

hostile('requests without an answer stop the reading of their connection by what they cost', async ({ stage, secure, startServer }) => {
  const server = await startServer({ handler: 'keep', conf: { maxRequestBytes: 8 * MIB } })
  const raw = await rawClient(stage, server.port, { secure })
  const before = (await server.ask('usage')).most
  const count = 12000
  const bytes = request('k', 'x'.repeat(6000))
  let taken = 0
  let asked = 0
  const write = () => {
    if (asked++ < count) raw.socket.write(bytes, () => { taken++; write() })
  }
  for (let at = 0; at < 16; at++) write()
  let last = -1
  await until(() => {
    const is = taken === last
    last = taken
    return is
  }, 1000)
  assert.ok(taken < count, 'all was read')
  await mustHaveGrownLess(server, before, slack(16))
  // Once it is answered, the rest is read.
  await until(async () => {
    await server.ask('answer')
    return taken === count
  })
})

hostile('small requests full of objects stop the reading of their connection by what they cost', async ({ stage, secure, startServer, client }) => {
  const server = await startServer({ handler: 'keep some', conf: { maxRequestBytes: 4 * MIB } })
  const raw = await rawClient(stage, server.port, { secure })
  const full = frame(TEXT, `["r","keep",[${'{},'.repeat(78)}{}]]`, { masked: true })
  raw.send(...new Array(12000).fill(full))
  const peer = client(server)
  for (let round = 0; round < 10; round++) await mustAnswer(peer)
  const count = await server.ask('askedCount')
  // What was read at once is handed over before the reading stops.
  assert.ok(count < 6000, `${count} of them were read`)
})

hostile('small requests with property names that were never seen stop the reading of their connection by what they cost', async ({ stage, secure, startServer, client }) => {
  const server = await startServer({ handler: 'keep some', conf: { maxRequestBytes: 4 * MIB } })
  const raw = await rawClient(stage, server.port, { secure })
  let last = 1e7
  const name = () => (last++).toString(36)
  const small = () => `["r","keep",{"${name()}":{"${name()}":{"${name()}":{"${name()}":1}}}}]`
  const peer = client(server)
  for (let round = 0; round < 10; round++) {
    raw.send(...Array.from({ length: 1500 }, () => frame(TEXT, small(), { masked: true })))
    // What was read at once is handed over before the reading stops.
    for (let times = 0; times < 3; times++) await mustAnswer(peer)
  }
  const count = await server.ask('askedCount')
  // V8 keeps 900 bytes of each.
  assert.ok(count < 10000, `${count} of them were read`)
})

hostile('who asks a slow service and goes, again and again, is not read above its share of the memory budget, and others are', async ({ stage, secure, startServer }) => {
  const server = await startServer({ handler: 'keep some', conf: { memoryBudget: 32 * MIB, maxRequestBytes: 4 * MIB } })
  const before = (await server.ask('usage')).most
  const large = Buffer.concat(new Array(48).fill(request('keep', 'x'.repeat(64 * 1024))))
  const isAnswered = async raw => {
    const asked = raw.next()
    raw.send(request('echo', 1))
    return (await asked).text === '["r",null,1]'
  }
  const early = await rawClient(stage, server.port, { secure })
  const other = await rawClient(stage, server.port, { secure, localAddress: '127.0.0.2' })
  let last = -1
  for (let round = 0; round < 40; round++) {
    const raw = await rawClient(stage, server.port, { secure })
    raw.socket.write(large)
    // Answers to another address show that what came before was looked at.
    for (let at = 0; at < 10; at++) assert.ok(await isAnswered(other))
    raw.socket.destroy()
    last = await server.ask('askedCount')
  }
  assert.ok(last < 800, `${last} requests were read`)
  await mustHaveGrownLess(server, before, slack(32))
  assert.ok(await isAnswered(await rawClient(stage, server.port, { secure, localAddress: '127.0.0.3' })))
  const late = await rawClient(stage, server.port, { secure })
  const answers = Promise.all([isAnswered(early), isAnswered(late)])
  await server.ask('answer')
  assert.deepStrictEqual(await answers, [true, true])
})

hostile('pings of a client that does not read their pongs cost about highWater', async ({ stage, secure, startServer, client }) => {
  const server = await startServer({ conf: { highWater: 4 * MIB } })
  const peer = client(server)
  const deaf = await deafClient(stage, server, secure)
  const before = (await server.ask('usage')).most
  const pings = Buffer.concat(new Array(8192).fill(frame(PING, 'x'.repeat(125), { masked: true })))
  for (let at = 0; at < 60; at++) deaf.send(pings)
  for (let round = 0; round < 10; round++) await mustAnswer(peer)
  await mustHaveGrownLess(server, before, slack(8))
})

hostile('a publisher takes small messages only', async ({ stage, startServer }) => {
  const server = await startServer({ role: 'publisher' })
  const raw = await rawClient(stage, server.port)
  raw.send(frame(TEXT, 'x'.repeat(MIB + 1), { masked: true }))
  const { frames } = await raw.ended
  assert.deepStrictEqual([frames[0].opcode, frames[0].payload.readUInt16BE()], [CLOSE, 1009])
}, { tls: false })

hostile('clients that end with their pongs unread hold no memory and no descriptor', async ({ stage, secure, startServer, client }) => {
  const server = await startServer({})
  await mustAnswer(client(server))
  const before = await server.ask('usage')
  const pings = Buffer.concat(new Array(8192).fill(frame(PING, 'x'.repeat(125), { masked: true })))
  for (let at = 0; at < 12; at++) {
    const deaf = await deafClient(stage, server, secure)
    for (let round = 0; round < 12; round++) deaf.send(pings)
    // A frame that breaks the protocol ends it on the server's side.
    deaf.send(Buffer.from([0xff, 0xff]))
  }
  await until(async () => (await server.ask('usage')).descriptors <= before.descriptors + FEW, 200)
  await mustHaveGrownLess(server, before.most, slack(200))
  // With TLS the bad frame is not even read.
}, { tls: false })

hostile('clients that say goodbye and do not close hold a descriptor for a moment', async ({ stage, secure, startServer }) => {
  const server = await startServer({})
  const before = (await server.ask('usage')).descriptors
  for (let at = 0; at < 20; at++) {
    const raw = await rawClient(stage, server.port, { secure })
    raw.socket.allowHalfOpen = true
    raw.socket.removeAllListeners('end')
    raw.send(frame(CLOSE, Buffer.from([3, 232]), { masked: true }))
  }
  const began = process.hrtime.bigint()
  await until(async () => (await server.ask('usage')).descriptors <= before + FEW, 100)
  assert.ok(process.hrtime.bigint() - began < 15000000000n, 'it took as long as a client likes')
})

hostile('messages that came in fragments leave nothing with their connections', async ({ stage, secure, startServer }) => {
  const server = await startServer()
  const space = Buffer.alloc(4 * MIB, ' ')
  const before = (await server.ask('usage')).most
  for (let at = 0; at < 80; at++) {
    const raw = await rawClient(stage, server.port, { secure })
    raw.send(frame(TEXT, space, { masked: true, fin: false }), frame(CONTINUATION, '["r","key","ok"]', { masked: true }))
    assert.deepStrictEqual(JSON.parse((await raw.next()).text), ['r', null, 'ok'])
  }
  await mustHaveGrownLess(server, before, 160 * MIB)
})
