'use strict'

// `for await (const message of peer)` of subscribers.

const assert = require('node:assert')
const { once } = require('node:events')
const { each } = require('../helpers/conformance')
const { turn, until } = require('../helpers/until')

const better = { better: true }

/** A publisher, and a subscriber that is connected to it. */
async function connected (stage, implementation, conf) {
  const service = await stage.publisher(implementation)
  const peer = stage.subscriber(implementation, service.dest, conf)
  await connects(service, peer, () => peer.sub('k'))
  return { service, peer }
}

/** Resolves once a connection that `act` causes is there on both sides. */
async function connects (service, peer, act) {
  const isThere = [once(peer, 'connected'), once(service.socket, 'connection')]
  act()
  await Promise.all(isThere)
  await turn()
}

each('events.once waits for a message', async ({ implementation, stage }) => {
  const { service, peer } = await connected(stage, implementation)
  const message = once(peer, 'message')
  service.pub('news')
  assert.deepStrictEqual(await message, ['news'])
}, better)

each('a loop gets each message, strings and Buffers, in order', async ({ implementation, stage }) => {
  const { service, peer } = await connected(stage, implementation)
  const loop = peer[Symbol.asyncIterator]()
  for (const message of ['one', Buffer.from('two'), '']) service.pub(message)
  const got = []
  for await (const message of loop) {
    got.push(message)
    if (got.length === 2) service.pub('four')
    if (got.length === 4) break
  }
  assert.deepStrictEqual(got, ['one', Buffer.from('two'), '', 'four'])
  assert.strictEqual(peer.listenerCount('message'), 0)
  assert.strictEqual(peer.isActive(), true)
}, better)

each('a loop that is left takes nothing more, and another begins with what comes then', async ({ implementation, stage }) => {
  const { service, peer } = await connected(stage, implementation)
  for (const message of ['first', 'second']) {
    const loop = peer[Symbol.asyncIterator]()
    service.pub(message)
    const got = []
    for await (const message of loop) {
      got.push(message)
      if (got.length > 0) break
    }
    assert.deepStrictEqual(got, [message])
    assert.deepStrictEqual(await loop.next(), { value: undefined, done: true })
  }
  const loop = peer[Symbol.asyncIterator]()
  const asked = loop.next()
  assert.deepStrictEqual(await loop.return('bye'), { value: 'bye', done: true })
  assert.deepStrictEqual(await asked, { value: undefined, done: true })
  await assert.rejects(peer[Symbol.asyncIterator]().throw(new Error('mine')), { message: 'mine' })
  assert.strictEqual(peer.listenerCount('message'), 0)
}, better)

each('two loops each get all', async ({ implementation, stage }) => {
  const { service, peer } = await connected(stage, implementation)
  const loops = [peer[Symbol.asyncIterator](), peer[Symbol.asyncIterator]()]
  service.pub('news')
  assert.deepStrictEqual(await Promise.all(loops.map(loop => loop.next())), Array(2).fill({ value: 'news', done: false }))
}, better)

each('messages may be asked for before they come', async ({ implementation, stage }) => {
  const { service, peer } = await connected(stage, implementation)
  const loop = peer[Symbol.asyncIterator]()
  const asked = [loop.next(), loop.next()]
  service.pub('one')
  service.pub('two')
  assert.deepStrictEqual((await Promise.all(asked)).map(({ value }) => value), ['one', 'two'])
}, better)

each('loops end when the peer stops, without what waits', async ({ implementation, stage }) => {
  const { service, peer } = await connected(stage, implementation)
  const waiting = peer[Symbol.asyncIterator]().next()
  const loop = peer[Symbol.asyncIterator]()
  service.pub('one')
  await waiting
  peer.stop()
  assert.deepStrictEqual(await loop.next(), { value: undefined, done: true })
  for await (const message of peer) assert.fail(message)
  assert.strictEqual(peer.listenerCount('message'), 0)
}, better)

each('a loop that waits ends when the peer stops', async ({ implementation, stage }) => {
  const { peer } = await connected(stage, implementation)
  const asked = peer[Symbol.asyncIterator]().next()
  peer.stop()
  assert.deepStrictEqual(await asked, { value: undefined, done: true })
}, better)

each('a drained peer gives loops what came before', async ({ implementation, stage }) => {
  const { service, peer } = await connected(stage, implementation)
  const loop = peer[Symbol.asyncIterator]()
  const last = once(peer, 'message')
  service.pub('one')
  await last
  const drained = peer.stop({ drain: 20000 })
  assert.deepStrictEqual(await loop.next(), { value: 'one', done: false })
  await drained
  assert.deepStrictEqual(await loop.next(), { value: undefined, done: true })
}, better)

const LIMITS = [
  ['maxBuffered messages', { maxBuffered: 3 }, 'm'],
  ['highWater bytes', { highWater: 350 }, 'm'.repeat(100)]
]
for (const [what, conf, text] of LIMITS) {
  each(`a loop that is too slow fails after ${what}, and has lost none before`, async ({ implementation, stage }) => {
    const { service, peer } = await connected(stage, implementation, conf)
    const loop = peer[Symbol.asyncIterator]()
    let came = 0
    peer.on('message', () => came++)
    for (let at = 0; at < 5; at++) service.pub(`${text}${at}`)
    await until(() => came >= 5)
    const got = []
    await assert.rejects(async () => {
      for await (const message of loop) got.push(message.slice(-1))
    }, { message: 'ERR_MESSAGES_LIMIT' })
    assert.deepStrictEqual(got, ['0', '1', '2'])
    assert.deepStrictEqual(await loop.next(), { value: undefined, done: true })
    assert.strictEqual(peer.listenerCount('message'), 1)
  }, better)
}

each('a loop that keeps up has no limit', async ({ implementation, stage }) => {
  const { service, peer } = await connected(stage, implementation, { maxBuffered: 10 })
  const loop = peer[Symbol.asyncIterator]()
  let came = 0
  peer.on('message', () => came++)
  const got = []
  for (let sent = 5; sent <= 100; sent += 5) {
    for (let at = sent - 5; at < sent; at++) service.pub(String(at))
    await until(() => came >= sent)
    // Some always wait.
    while (got.length < sent - 3) got.push((await loop.next()).value)
  }
  assert.deepStrictEqual(got, Array.from({ length: 97 }, (_, at) => String(at)))
}, better)

each('a loop goes on over a new connection', async ({ implementation, stage }) => {
  const { service, peer } = await connected(stage, implementation)
  const loop = peer[Symbol.asyncIterator]()
  service.pub('before')
  assert.strictEqual((await loop.next()).value, 'before')
  await connects(service, peer, () => {
    for (const socket of service.socket.clients) socket.terminate()
  })
  service.pub('after')
  assert.strictEqual((await loop.next()).value, 'after')
}, better)

each('a lookup that finds nobody ends a loop with its error where it is not made again, unless somebody listens for that', async ({ implementation, stage }) => {
  const peer = stage.subscriber(implementation, [], { reconnect: false })
  peer.link.lookup = (key, opts, cb) => cb(new Error('ERR_GRAPE_LOOKUP_EMPTY'))
  const asked = peer[Symbol.asyncIterator]().next()
  peer.sub('k')
  await assert.rejects(asked, { message: 'ERR_GRAPE_LOOKUP_EMPTY' })

  const error = once(peer, 'error')
  const loop = peer[Symbol.asyncIterator]()
  peer.sub('k')
  assert.strictEqual((await error)[0].message, 'ERR_GRAPE_LOOKUP_EMPTY')
  const { service, peer: other } = await connected(stage, implementation)
  peer.link = other.link
  await connects(service, peer, () => peer.sub('k'))
  service.pub('news')
  assert.deepStrictEqual(await loop.next(), { value: 'news', done: false })
  assert.strictEqual(peer.listenerCount('message'), 1)
}, better)
