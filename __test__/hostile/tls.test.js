'use strict'

// What strangers say in HTTP where a service expects a WebSocket, and what a service's own
// verifyClient may do when strangers come: the process goes on.

const assert = require('node:assert')
const { FEW, Guest, crowd, door, knock, timeUntil, upgrade } = require('../helpers/peers/door')
const { until } = require('../helpers/peers/faulty')

const SOON = 6000
const GET = 'GET / HTTP/1.1\r\nHost: x\r\n'

/** `[what, status, bytes, more of them]`: the rest is written on and on. */
const REQUESTS = [
  ['a request', 426, `${GET}\r\n`],
  ['a request that means to stay', 426, `${GET}Connection: keep-alive\r\n\r\n`],
  ['a body that never comes', 426, 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n'],
  ['a body without end', 426, 'POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n', `4000\r\n${'x'.repeat(0x4000)}\r\n`],
  ['a large body', 426, 'PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n\r\n', 'x'.repeat(0x4000)],
  ['many requests in a row', 426, `${GET}\r\n`.repeat(1000)],
  ['requests without end', 426, `${GET}\r\n`, `${GET}\r\n`.repeat(100)],
  ['a hundred headers', 426, `${GET}${'X-A: b\r\n'.repeat(100)}\r\n`],
  ['a client that wants to be told to go on', 426, `${GET}Expect: 100-continue\r\nContent-Length: 5\r\n\r\n`],
  ['a client that expects something else', 426, `${GET}Expect: everything\r\n\r\n`],
  ['CONNECT', [400, 426], 'CONNECT x:443 HTTP/1.1\r\nHost: x\r\n\r\n'],
  ['OPTIONS', 426, 'OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n'],
  ['HTTP/2', 400, 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
  ['an upgrade to HTTP/2', 400, `${GET}Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n`],
  ['an upgrade without Connection', [400, 426], `${GET}Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`],
  ['a broken header', 400, `${GET}Upgrade: websocket\r\nnonsense\r\n\r\n`],
  ['a head without end', 431, `${GET}X-A: `, 'x'.repeat(100)],
  ['what is no HTTP', 400, '\x16\x03\x01\x02\0\x01\0\x01']
]

for (const [what, status, bytes, more] of REQUESTS) {
  door(`${what} is answered once in HTTP, and that is all`, async ({ stage, start, secure }) => {
    const server = await start({ conf: { handshakeTimeout: 60000 } })
    const before = (await server.ask('usage')).descriptors
    const guests = await crowd(stage, server.port, 5, { secure })
    for (const guest of guests) {
      guest.write(bytes)
      const pour = () => {
        if (!guest.socket.destroyed && guest.socket.write(more)) setTimeout(pour, 2)
        else guest.socket.once('drain', pour)
      }
      if (more) pour()
    }
    for (const guest of guests) {
      const got = await guest.status()
      assert.ok([].concat(status).includes(got), `${got}: ${guest.text}`)
      await guest.ended
      assert.strictEqual(guest.text.split('HTTP/1.1 ').length, 2, guest.text)
      assert.match(guest.text, /\r\nconnection: close\r\n/i)
    }
    await timeUntil(async () => (await server.ask('usage')).descriptors <= before + FEW, SOON)
    assert.strictEqual(await knock(stage, server.port, { secure }), 101)
    assert.strictEqual(server.stderr, '')
  })
}

door('a verifyClient that never answers has no longer than the handshake', async ({ stage, start, secure }) => {
  const server = await start({ verify: 'two', conf: { handshakeTimeout: 1000 } })
  const before = (await server.ask('usage')).descriptors
  const guests = await crowd(stage, server.port, 50, { secure })
  for (const guest of guests) guest.write(upgrade({ path: '/never' }))
  await until(async () => (await server.ask('asked')).length === 50)
  await Promise.all(guests.map(guest => guest.ended))
  assert.deepStrictEqual([...new Set(guests.map(({ text }) => text))], [''])
  await timeUntil(async () => (await server.ask('usage')).descriptors <= before + FEW, SOON)
  assert.strictEqual(await knock(stage, server.port, { secure }), 101)
})

for (const [verify, paths] of [['two', ['/throw', '/throw-null', '/yes-and-throw', '/reject']], ['promise', ['/throw']]]) {
  for (const path of paths) {
    door(`a verifyClient that fails refuses its client with 500, and the process is warned, ${verify} ${path}`, async ({ stage, start, secure }) => {
      const server = await start({ verify, conf: { handshakeTimeout: 5000 } })
      const codes = await Promise.all(Array.from({ length: 20 }, () => knock(stage, server.port, { secure, path })))
      assert.deepStrictEqual([...new Set(codes)], [500])
      assert.strictEqual(await knock(stage, server.port, { secure, path: '/yes' }), 101)
      // Strangers choose how often it fails, and not how much is logged.
      const warnings = await server.ask('warnings')
      assert.ok(warnings.length >= 1 && warnings.length <= 5, `${warnings.length} warnings`)
      assert.strictEqual(warnings[0], 'GrenacheWarning ERR_VERIFY_CLIENT')
    })
  }
}

door('a promise of verifyClient is waited for', async ({ stage, start, secure }) => {
  const server = await start({ verify: 'promise' })
  assert.strictEqual(await knock(stage, server.port, { secure, path: '/no' }), 401)
  assert.strictEqual(await knock(stage, server.port, { secure, path: '/yes' }), 101)
})

door('clients that go while verifyClient decides leave nothing', async ({ stage, start, secure }) => {
  const server = await start({ verify: 'two' })
  const before = (await server.ask('usage')).descriptors
  for (let round = 0; round < 5; round++) {
    const guests = await crowd(stage, server.port, 40, { secure })
    guests.forEach((guest, at) => {
      guest.write(upgrade({ path: '/later' }))
      if (at % 2) setImmediate(() => guest.destroy())
      else setTimeout(() => guest.raw.resetAndDestroy(), at)
    })
    await Promise.all(guests.map(guest => guest.closed))
  }
  await timeUntil(async () => (await server.ask('usage')).descriptors <= before + FEW, SOON)
  await timeUntil(async () => await server.ask('connections') === 0, SOON)
  assert.strictEqual(server.stderr, '')
})

door('a client whose TLS session is resumed comes in, with and without a certificate', async ({ stage, start }) => {
  const server = await start()
  for (const own of [{}, { key: undefined, cert: undefined }]) {
    for (const maxVersion of ['TLSv1.2', 'TLSv1.3']) {
      let session
      for (let at = 0; at < 3; at++) {
        const guest = await Guest.connect(stage, server.port, { secure: { ...own, maxVersion, session } })
        guest.socket.on('session', latest => { session = latest })
        assert.strictEqual(await guest.write(upgrade()).status(), 101)
        if (session === undefined) await new Promise(resolve => guest.socket.once('session', resolve))
        guest.destroy()
      }
    }
  }
  assert.strictEqual(server.stderr, '')
}, { ways: ['TLS'] })
