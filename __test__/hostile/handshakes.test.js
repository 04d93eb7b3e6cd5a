'use strict'

// Strangers who begin a handshake and do something else: others get in all the same, and nothing of
// the strangers stays.

const assert = require('node:assert')
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const { EventEmitter } = require('node:events')
const { test } = require('node:test')
const Handshakes = require('../../lib/tls/Handshakes')
const { FEW, Guest, crowd, door, fill, knock, timeUntil, upgrade } = require('../helpers/peers/door')
const { limited } = require('../../scripts/lib/child')
const { until } = require('../helpers/peers/faulty')
const { wait } = require('../helpers/peers/subscribers')

const MIB = 1024 * 1024
/** As MAX_HANDSHAKES. */
const HANDSHAKES = 4096
/** How many more than that try. */
const MORE = 304
/** The longest that a refused client may stay, give or take: its second, on a busy machine. */
const SOON = 6000

door('4,400 idle connections of one address keep nobody out, from there or from elsewhere', async ({ stage, start, secure }) => {
  const server = await start({ conf: { handshakeTimeout: 600000 } })
  await fill(stage, server, HANDSHAKES)
  await crowd(stage, server.port, MORE)
  for (const localAddress of ['127.0.0.1', '127.0.0.2']) {
    for (let at = 0; at < (secure ? 10 : 50); at++) {
      assert.strictEqual(await knock(stage, server.port, { secure, localAddress }), 101)
    }
  }
  // They hold no more places than there are.
  const { descriptors } = await server.ask('usage')
  assert.ok(descriptors < HANDSHAKES + 64, `${descriptors} descriptors`)
}, { ways: ['plain'] }) // With TLS: faults/exhausted.test.js, and below.

door('an address with few unfinished handshakes loses none to one with many', async ({ stage, start, secure }) => {
  const server = await start({ conf: { handshakeTimeout: 600000 } })
  const patient = await Guest.connect(stage, server.port, { secure, localAddress: '127.0.0.2' })
  patient.write(upgrade().slice(0, -2))
  const others = await fill(stage, server, HANDSHAKES - 1)
  const [oldest] = others
  await crowd(stage, server.port, MORE)
  await Promise.race([oldest.closed, oldest.ended])
  assert.strictEqual(await knock(stage, server.port, { secure }), 101)
  assert.strictEqual(await patient.write('\r\n').status(), 101)
}, { ways: ['plain'] })

test('the places of handshakes with TLS: the address with the most loses its oldest, all end in time', async () => {
  const socketOf = remoteAddress => Object.assign(new EventEmitter(), { remoteAddress, destroy () { this.isGone = true } })
  const handshakes = new Handshakes(() => 4, 600000)
  const begin = address => {
    const socket = socketOf(address)
    return { socket, entry: handshakes.begin(socket) }
  }
  const many = ['10.0.0.1', '::ffff:10.0.0.1', '10.0.0.1'].map(begin)
  const [good, late] = [begin('2001:db8::1'), begin('2001:db8::2:0:0:1')]
  assert.deepStrictEqual(many.map(({ socket }) => socket.isGone), [true, undefined, undefined])
  many.push(begin('10.0.0.1'))
  assert.deepStrictEqual(many.map(({ socket }) => socket.isGone), [true, true, undefined, undefined])
  assert.ok(![good, late].some(({ socket }) => socket.isGone))
  handshakes.end(good.entry)
  const last = begin('10.0.0.9')
  assert.strictEqual(last.socket.isGone, undefined)
  handshakes.end(last.entry)
  late.socket.emit('close')
  for (const { entry } of many) handshakes.end(entry)
  const limited = new Handshakes(() => 4, 10)
  const socket = socketOf('10.0.0.1')
  await new Promise(resolve => {
    socket.destroy = resolve
    limited.begin(socket)
  })
  // It may have another one's place in the TLS socket above it.
  const above = { _parent: many[3].socket, destroy () {} }
  assert.strictEqual(handshakes.begin(many[3].socket), handshakes.of(above))
  handshakes.end(handshakes.of(above))
})

door('a server without descriptors gives up unfinished handshakes for those who come', async ({ stage, start, secure }) => {
  const server = await start({ conf: { handshakeTimeout: 600000 } }, { descriptors: 128 })
  await crowd(stage, server.port, 200)
  for (let at = 0; at < 5; at++) assert.strictEqual(await knock(stage, server.port, { secure, localAddress: '127.0.0.2' }), 101)
}, { ways: ['plain'] })

door('a server without descriptors lets newcomers in before unfinished handshakes time out', async ({ stage, start, secure }) => {
  const server = await start({ conf: { handshakeTimeout: 600000 } }, { descriptors: 256 })
  let isOver = false
  stage.after(() => { isOver = true })
  const idle = async () => {
    const guest = await Guest.connect(stage, server.port).catch(() => null)
    if (guest !== null) {
      await guest.ended
      guest.destroy()
    }
    await wait(1000)
    if (!isOver) idle()
  }
  for (let at = 0; at < 260; at++) idle()
  await wait(1500)
  let inside = 0
  for (let at = 0; at < 30; at++) {
    if (await knock(stage, server.port, { secure, localAddress: '127.0.0.2' }) === 101) inside++
    await wait(100)
  }
  assert.ok(inside >= 25, `${inside} of 30 came in`)
}, { ways: ['TLS'] }) // Plain: above.

door('sockets of clients that do not come in after all are closed', async ({ stage, start, secure }) => {
  const server = await start({ verify: 'any', conf: { maxConnections: 1 } })
  const inside = await Guest.connect(stage, server.port, { secure })
  assert.strictEqual(await inside.write(upgrade()).status(), 101)
  const guests = await crowd(stage, server.port, 60, { secure })
  guests.forEach((guest, at) => guest.write(upgrade({ path: ['/', '/no', '/later', '/never', '/timeout'][at % 5] })))
  await until(async () => (await server.ask('asked')).length === 61)
  for (const guest of guests) guest.destroy()
  await until(async () => await server.ask('closed') === 60)
})

door('handshakes that are not finished end when the server stops, whether it drains or not', async ({ stage, start, secure }) => {
  for (const drain of [undefined, 5000]) {
    const server = await start({ conf: { handshakeTimeout: 600000 } })
    const talking = await Guest.connect(stage, server.port, { secure })
    assert.strictEqual(await talking.write(upgrade()).status(), 101)
    const silent = await crowd(stage, server.port, 5)
    const half = await crowd(stage, server.port, 5, { secure })
    for (const guest of half) guest.write(upgrade().slice(0, 60))
    assert.strictEqual(await knock(stage, server.port, { secure }), 101)
    await server.ask('stop', drain)
    for (const guest of [...silent, ...half]) await limited(guest.ended, 'the end of a handshake')
  }
})

door('12,000 finished heads that wait for busy JavaScript hold a bounded memory', async ({ stage, start }) => {
  const server = await start()
  const before = (await server.ask('usage')).rss
  const file = path.join(fs.mkdtempSync(path.join(os.tmpdir(), 'grenache-')), 'go')
  stage.after(() => fs.rmSync(path.dirname(file), { recursive: true, force: true }))
  const blocked = server.ask('block', file)
  await blocked
  const head = Buffer.from(upgrade({ headers: [`X-A: ${'\xe4'.repeat(15 * 1024)}`] }), 'latin1')
  const { residentMiB } = require('../helpers/peers/faulty')
  let most = 0
  for (let at = 0; at < 24; at++) {
    const guests = await crowd(stage, server.port, 500)
    await Promise.all(guests.map(guest => new Promise(resolve => guest.socket.write(head, resolve))))
    most = Math.max(most, residentMiB(server.process.pid))
  }
  // 96 MiB of heads, and what the places of 4,096 sockets take. Without a bound: 390.
  assert.ok(most - before / MIB < 320, `${most - before / MIB} MiB more`)
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
    assert.match(guest.text, /^HTTP\/1\.1 101 [^]*\r\n\r\n\x88\x12\x03\xf5nothing was read$/) // eslint-disable-line no-control-regex
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
  // 512, and those of the others that a busy machine has not come to close yet.
  assert.ok(descriptors < before + 1000, `${descriptors - before} descriptors more`)
}, { ways: ['plain'] })

door('an address that two servers are reached by from one port does not share a time limit', async ({ stage, start, secure }) => {
  const server = await start({ conf: { handshakeTimeout: 1500 } })
  const idle = await Guest.connect(stage, server.port, { localAddress: '127.0.0.1' })
  const { localPort } = idle.raw
  const other = await Guest.connect(stage, server.port, { host: '127.0.0.2', localAddress: '127.0.0.1', localPort, secure })
  assert.strictEqual(await other.write(upgrade()).status(), 101)
  await Promise.race([idle.closed, idle.ended])
})
