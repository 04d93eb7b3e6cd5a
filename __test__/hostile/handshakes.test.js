'use strict'

// Strangers who begin a handshake and do something else: others get in all the same, and nothing of
// the strangers stays.

const assert = require('node:assert')
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const { FEW, Guest, crowd, door, knock, timeUntil, upgrade } = require('../helpers/door')
const { until } = require('../helpers/faulty')

const MIB = 1024 * 1024
/** More than the handshakes that there may be at once. */
const CROWD = 4400
/** The longest that a refused client may stay, give or take: its second, on a busy machine. */
const SOON = 6000

door('4,400 idle connections of one address keep nobody out, from there or from elsewhere', async ({ stage, start, secure }) => {
  const server = await start({ conf: { handshakeTimeout: 600000 } })
  const idle = await crowd(stage, server.port, CROWD)
  for (const localAddress of ['127.0.0.1', '127.0.0.2']) {
    for (let at = 0; at < 50; at++) {
      assert.strictEqual(await knock(stage, server.port, { secure, localAddress }), 101)
    }
  }
  // They hold no more places than there are.
  const { descriptors } = await server.ask('usage')
  assert.ok(descriptors < 4096 + 64, `${descriptors} descriptors`)
  idle.forEach(guest => guest.destroy())
})

door('an address with few unfinished handshakes loses none to one with many', async ({ stage, start, secure }) => {
  const server = await start({ conf: { handshakeTimeout: 600000 } })
  const patient = await Guest.connect(stage, server.port, { secure, localAddress: '127.0.0.2' })
  patient.write(upgrade().slice(0, -2))
  await crowd(stage, server.port, CROWD)
  await until(async () => (await server.ask('usage')).descriptors > 4000)
  assert.strictEqual(await knock(stage, server.port, { secure }), 101)
  assert.strictEqual(await patient.write('\r\n').status(), 101)
})

door('a server without descriptors gives up unfinished handshakes for those who come', async ({ stage, start, secure }) => {
  const server = await start({ conf: { handshakeTimeout: 600000 } }, { descriptors: 128 })
  await crowd(stage, server.port, 200)
  for (let at = 0; at < 5; at++) assert.strictEqual(await knock(stage, server.port, { secure, localAddress: '127.0.0.2' }), 101)
}, { ways: ['plain'] })

door('a head that comes byte by byte costs no more than its bytes', async ({ stage, start }) => {
  const server = await start()
  const cost = async bytes => {
    const guests = await crowd(stage, server.port, 20)
    for (const guest of guests) guest.raw.setNoDelay(true)
    const before = (await server.ask('usage')).cpu
    for (let at = 0; at < bytes; at++) {
      for (const guest of guests) guest.write('a')
      if (at % 8 === 0) await new Promise(resolve => setImmediate(resolve))
    }
    const { cpu } = await server.ask('usage')
    guests.forEach(guest => guest.destroy())
    return cpu - before
  }
  // A head in which each byte is looked at again and again would cost 16 times as much.
  await cost(500)
  const small = await cost(2000)
  const large = await cost(8000)
  assert.ok(large < 9 * small + 100000, `${small} and ${large} us`)
}, { ways: ['plain'] })

door('8,000 finished heads that wait for busy JavaScript hold a bounded memory', async ({ stage, start }) => {
  const server = await start()
  const before = (await server.ask('usage')).rss
  const file = path.join(fs.mkdtempSync(path.join(os.tmpdir(), 'grenache-')), 'go')
  stage.after(() => fs.rmSync(path.dirname(file), { recursive: true, force: true }))
  const blocked = server.ask('block', file)
  await blocked
  const head = Buffer.from(upgrade({ headers: [`X-A: ${'\xe4'.repeat(15 * 1024)}`] }), 'latin1')
  const { residentMiB } = require('../helpers/faulty')
  let most = 0
  for (let at = 0; at < 16; at++) {
    const guests = await crowd(stage, server.port, 500)
    await Promise.all(guests.map(guest => new Promise(resolve => guest.socket.write(head, resolve))))
    most = Math.max(most, residentMiB(server.process.pid))
  }
  assert.ok(most - before / MIB < 200, `${most - before / MIB} MiB more`)
  fs.writeFileSync(file, '')
  assert.strictEqual(await knock(stage, server.port, { localAddress: '127.0.0.2' }), 101)
}, { ways: ['plain'] })

door('clients that are refused, and never close, are gone soon', async ({ stage, start, secure }) => {
  const server = await start({ verify: 'one', conf: { handshakeTimeout: 60000 } })
  const before = (await server.ask('usage')).descriptors
  for (const request of [upgrade({ path: '/no' }), 'GET / HTTP/1.1\r\nHost: x\r\n\r\n', 'nonsense\r\n\r\n']) {
    const guests = await crowd(stage, server.port, secure ? 60 : 300, { secure })
    for (const guest of guests) guest.write(request)
    const codes = await Promise.all(guests.map(guest => guest.status()))
    assert.ok(codes.every(code => code >= 400), `${[...new Set(codes)]}`)
    await timeUntil(async () => (await server.ask('usage')).descriptors <= before + FEW, SOON)
  }
  assert.strictEqual(await knock(stage, server.port, { secure, path: '/yes' }), 101)
})

door('clients that are too many, and never close, are gone soon', async ({ stage, start, secure }) => {
  const server = await start({ conf: { maxConnections: 2, handshakeTimeout: 60000 } })
  const friends = await crowd(stage, server.port, 2, { secure })
  for (const friend of friends) assert.strictEqual(await friend.write(upgrade()).status(), 101)
  const before = (await server.ask('usage')).descriptors
  const guests = await crowd(stage, server.port, secure ? 100 : 600, { secure })
  for (const guest of guests) guest.write(upgrade())
  for (const guest of guests) {
    await guest.ended
    // 1013: try again later.
    assert.match(guest.text, /^HTTP\/1\.1 101 [^]*\r\n\r\n\x88\x02\x03\xf5$/) // eslint-disable-line no-control-regex
  }
  await timeUntil(async () => (await server.ask('usage')).descriptors <= before + FEW, SOON)
  assert.strictEqual(await server.ask('connections'), 2)
})

door('1,500 clients that break the protocol at once, and never close, hold few descriptors', async ({ stage, start }) => {
  const server = await start()
  const before = (await server.ask('usage')).descriptors
  const guests = await crowd(stage, server.port, 1500)
  for (const guest of guests) guest.write(upgrade())
  for (const guest of guests) assert.strictEqual(await guest.status(), 101)
  // A frame without a mask.
  for (const guest of guests) guest.write(Buffer.from([0x81, 0]))
  await until(async () => await server.ask('connections') === 0, 5)
  const { descriptors } = await server.ask('usage')
  assert.ok(descriptors <= before + 512 + FEW, `${descriptors - before} descriptors more`)
}, { ways: ['plain'] })

door('an address that two servers are reached by from one port does not share a time limit', async ({ stage, start, secure }) => {
  const server = await start({ conf: { handshakeTimeout: 1500 } })
  const idle = await Guest.connect(stage, server.port, { localAddress: '127.0.0.1' })
  const { localPort } = idle.raw
  const other = await Guest.connect(stage, server.port, { host: '127.0.0.2', localAddress: '127.0.0.1', localPort, secure })
  assert.strictEqual(await other.write(upgrade()).status(), 101)
  await Promise.race([idle.closed, idle.ended])
})
