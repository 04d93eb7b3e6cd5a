'use strict'

// A subscription lasts, whoever was there first.

const assert = require('node:assert')
const { once } = require('node:events')
const { each } = require('../helpers/conformance')
const { freePort } = require('../../scripts/lib/ports')
const { standIn, startLink } = require('../helpers/grapes/stand-in')
const { until } = require('../helpers/until')
const { warningsOf } = require('../helpers/warnings')
const { PeerPub, PeerSub } = require('../..')
const { testGrapes } = require('../../testing')

/** Everybody who is heard of a subscriber: its errors, waits and messages. */
function listen (peer) {
  const heard = { errors: [], waits: [], messages: [] }
  peer.on('error', err => heard.errors.push(err.message))
  peer.on('waiting', wait => heard.waits.push(wait))
  peer.on('message', text => heard.messages.push(text))
  return heard
}

function subscriber (stage, link, conf = {}) {
  const peer = new PeerSub(link, conf)
  peer.init()
  stage.after(() => peer.stop())
  return peer
}

/** A publisher that says something to whoever connects, at a port that stays its own. */
async function publisher (stage, link, port) {
  const peer = new PeerPub(link, {})
  peer.init()
  stage.after(() => peer.stop())
  const service = peer.transport('server').listen(port)
  await once(service.socket, 'listening')
  service.socket.on('connection', () => service.pub('news'))
  return service
}

for (const [title, conf, opts] of [
  ['by default', {}, {}],
  ['with reconnect: true', { reconnect: true }, {}],
  ['of all publishers', {}, { all: true }]
]) {
  each(`C533: a subscriber before its publisher hears it soon after it is announced, ${title}`, async ({ implementation, stage }) => {
    const network = await testGrapes(1)
    stage.after(() => network.stop())
    const link = startLink(stage, implementation, network.url)
    const peer = subscriber(stage, link, conf)
    const heard = listen(peer)
    peer.sub('early', opts)
    await (opts.all ? until(() => link.stats().requests.lookup?.succeeded >= 2) : until(() => heard.waits.length >= 2))
    const port = await freePort()
    await publisher(stage, link, port)
    const since = performance.now()
    await link.promises.announce('early', port)
    await until(() => heard.messages.length > 0)
    assert.ok(performance.now() - since < 8000)
    assert.deepStrictEqual(heard.messages, ['news'])
    // Told once, and each wait by an event.
    assert.deepStrictEqual(heard.errors, opts.all ? [] : ['ERR_GRAPE_LOOKUP_EMPTY'])
    for (const [at, { key, error, attempts, wait }] of heard.waits.entries()) {
      assert.deepStrictEqual([key, error.message, attempts], ['early', 'ERR_GRAPE_LOOKUP_EMPTY', at + 1])
      assert.ok(wait >= 50 && wait <= 7500)
    }
  }, { better: true })
}

each('C533: a subscriber before its grape subscribes once there is one, and tells each reason once', async ({ implementation, stage }) => {
  const port = await freePort()
  const link = startLink(stage, implementation, `http://127.0.0.1:${port}`)
  const peer = subscriber(stage, link)
  const heard = listen(peer)
  peer.sub('early')
  await until(() => heard.waits.length >= 3)
  assert.deepStrictEqual(heard.errors, [`connect ECONNREFUSED 127.0.0.1:${port}`])
  const { Grape } = require('../..')
  const grape = new Grape({ host: '127.0.0.1', dht_port: 0, api_port: port })
  await new Promise((resolve, reject) => grape.start(err => err ? reject(err) : resolve()))
  stage.after(() => new Promise(resolve => grape.stop(resolve)))
  await until(() => heard.errors.length === 2)
  const at = await freePort()
  await publisher(stage, link, at)
  await link.promises.announce('early', at)
  await until(() => heard.messages.length === 1)
  assert.deepStrictEqual(heard.errors[1], 'ERR_GRAPE_LOOKUP_EMPTY')
}, { better: true })

each('C533: a loop waits for its publisher, and reconnect: false gives up at once', async ({ implementation, stage }) => {
  const at = await freePort()
  let dests = []
  const grape = await standIn(stage, () => dests)
  const link = startLink(stage, implementation, grape.url)
  const warned = warningsOf(stage, 'ERR_NO_SUBSCRIPTION')
  const peer = subscriber(stage, link)
  const loop = peer[Symbol.asyncIterator]()
  const next = loop.next()
  peer.sub('key')
  await grape.arrived(2)
  await publisher(stage, link, at)
  dests = [`127.0.0.1:${at}`]
  assert.deepStrictEqual(await next, { value: 'news', done: false })
  assert.deepStrictEqual(warned, ['still looking for a publisher of key, and nobody listens for error: ERR_GRAPE_LOOKUP_EMPTY'])

  dests = []
  for (const [conf, opts] of [[{ reconnect: false }, {}], [{}, { reconnect: false }]]) {
    const once = subscriber(stage, link, conf)
    const heard = listen(once)
    once.sub('other', opts)
    await until(() => heard.errors.length === 1)
    const { length } = grape.requests
    await new Promise(resolve => setTimeout(resolve, 300))
    assert.strictEqual(grape.requests.length, length)
    assert.deepStrictEqual(heard.waits, [])
  }
}, { better: true })

each('C533: a grape that tells each lookup something else causes few warnings, of short texts', async ({ implementation, stage }) => {
  const warned = warningsOf(stage, 'ERR_NO_SUBSCRIPTION')
  let lookups = 0
  const link = { lookup: (key, opts, cb) => setImmediate(cb, new Error(`${++lookups} ${'x'.repeat(100000)}`)) }
  const peers = Array.from({ length: 3 }, () => subscriber(stage, link))
  for (const peer of peers) for (let i = 0; i < 20; i++) peer.sub(`key ${i}`)
  await until(() => lookups >= 120)
  assert.ok(warned.length > 0 && warned.length <= 3 * 16, `${warned.length} warnings`)
  for (const message of warned) assert.ok(message.length < 400)
}, { better: true })

each('C534: unsub and stop end the wish, and subscribing by hand takes its place', async ({ implementation, stage }) => {
  const at = await freePort()
  let dests = []
  const grape = await standIn(stage, () => dests)
  const link = startLink(stage, implementation, grape.url)
  const service = await publisher(stage, link, at)
  const asked = async () => {
    const { length } = grape.requests
    await new Promise(resolve => setTimeout(resolve, 500))
    return grape.requests.length - length
  }

  const peer = subscriber(stage, link)
  const heard = listen(peer)
  peer.sub('key')
  await until(() => heard.waits.length === 1)
  peer.unsub('key')
  assert.strictEqual(await asked(), 0)

  peer.sub('key')
  await until(() => heard.waits.length === 2)
  peer.stop()
  assert.strictEqual(await asked(), 0)

  // Who hears of the error, and subscribes by hand as with the original, has one subscription.
  const byHand = subscriber(stage, link)
  const { messages } = listen(byHand)
  let again = 0
  byHand.on('error', () => {
    if (again++ < 3) byHand.sub('key')
    else dests = [`127.0.0.1:${at}`]
  })
  // Several that were made before anybody was there too.
  byHand.sub('key')
  byHand.sub('key')
  await until(() => messages.length > 0)
  assert.strictEqual(await asked(), 0)
  assert.deepStrictEqual([service.socket.clients.size, messages.length], [1, 1])
}, { better: true })
