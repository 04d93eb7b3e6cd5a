'use strict'

// Calls without a callback return a Promise; those with one are as they were.

const assert = require('node:assert')
const { run } = require('../../scripts/lib/child')
const { call, each } = require('../helpers/conformance')
const { fail, standIn, startLink } = require('../helpers/grapes/stand-in')

const better = { better: true }

/** A service that answers with key and payload, or with an error. */
const answering = stage => stage.serve(require('../..'), (rid, key, payload, handler) => {
  if (payload === 'bad') handler.reply(new Error('it is bad'))
  else handler.reply(null, [key, payload])
})

each('a request without a callback is a Promise of the answer', async ({ implementation, stage }) => {
  const service = await answering(stage)
  const peer = stage.client(implementation, service.dest)
  assert.deepStrictEqual(await peer.request('k', 1), ['k', 1])
  assert.deepStrictEqual(await peer.request('k', 2, { timeout: 9000, retry: 2 }), ['k', 2])
  assert.deepStrictEqual(await peer.request('k', 3, null), ['k', 3])
  await assert.rejects(peer.request('k', 'bad'), { message: 'it is bad' })
  await assert.rejects(stage.client(implementation, []).request('k', 1), { message: 'ERR_GRAPE_LOOKUP_EMPTY' })
}, better)

each('a map without a callback is a Promise of the answers', async ({ implementation, stage }) => {
  const services = [await answering(stage), await answering(stage)]
  const peer = stage.client(implementation, services.map(({ dest }) => dest))
  assert.deepStrictEqual(await peer.map('k', 1), [['k', 1], ['k', 1]])
  assert.deepStrictEqual(await peer.map('k', 2, { limit: 1 }), [['k', 2]])
  await assert.rejects(peer.map('k', 'bad', {}), { message: 'it is bad' })
}, better)

each('a transport\'s request without a callback is a Promise', async ({ implementation, stage }) => {
  const service = await answering(stage)
  const transport = stage.client(implementation, service.dest).transport(service.dest)
  assert.deepStrictEqual(await transport.request('k', 1), ['k', 1])
  assert.deepStrictEqual(await transport.request('k', 2, { timeout: 9000 }), ['k', 2])
  await assert.rejects(transport.request('k', 'bad', null), { message: 'it is bad' })
  await assert.rejects(transport.request('k', 1n), TypeError)
  transport.parse = data => JSON.parse(data)
  assert.deepStrictEqual(await transport.request('k', 3), ['k', 3])
}, better)

each('a subclass that overrides request is called once, with a Promise too', async ({ implementation, stage }) => {
  const service = await answering(stage)
  const seen = []
  class Client extends implementation.PeerRPCClient {
    request (key, payload, opts, cb) {
      seen.push(payload)
      return super.request(key, payload, opts, cb)
    }
  }
  class Transport extends implementation.TransportRPCClient {
    request (key, payload, opts, cb) {
      seen.push(['transport', payload])
      return super.request(key, payload, opts, cb)
    }
  }
  const peer = stage.client({ PeerRPCClient: Client }, service.dest, {}, Transport)
  assert.deepStrictEqual(await peer.request('k', 1), ['k', 1])
  assert.deepStrictEqual(await peer.transport(service.dest).request('k', 2), ['k', 2])
  assert.deepStrictEqual(seen, [1, ['transport', 1], ['transport', 2]])
}, better)

each('with a callback nothing is returned', async ({ implementation, stage }) => {
  const service = await answering(stage)
  const peer = stage.client(implementation, service.dest)
  const returned = []
  await new Promise(resolve => returned.push(peer.request('k', 1, resolve)))
  await new Promise(resolve => returned.push(peer.request('k', 1, {}, resolve)))
  await new Promise(resolve => returned.push(peer.map('k', 1, {}, resolve)))
  await new Promise(resolve => returned.push(peer.transport(service.dest).request('k', 1, {}, resolve)))
  assert.deepStrictEqual(returned, [undefined, undefined, undefined, undefined])
}, better)

each('an error that nobody looks after ends no process', async () => {
  const result = await run(`
    const { PeerRPCClient } = require(pkg)
    const peer = new PeerRPCClient({ lookup: (key, opts, cb) => cb(null, ['127.0.0.1:1']) }, {})
    peer.init()
    process.on('unhandledRejection', () => console.log('unhandled'))
    peer.request('k', 1)
    peer.request('k', 1n, {})
    peer.map('k', 1)
    peer.transport('127.0.0.1:1').request('k', 1, {})
    peer.request('k', 1).catch(err => {
      console.log(err.code)
      setImmediate(() => peer.stop())
    })
  `)
  assert.deepStrictEqual(result, { code: 0, signal: null, stdout: 'ECONNREFUSED\n', stderr: '' })
}, better)

each('an error that is awaited and not caught is unhandled, as of any Promise', async () => {
  const { code, stderr } = await run(`
    const { PeerRPCClient } = require(pkg)
    const peer = new PeerRPCClient({ lookup: (key, opts, cb) => cb(new Error('mine')) }, {})
    peer.init()
    ;(async () => { await peer.request('k', 1) })()
  `)
  assert.strictEqual(code, 1)
  assert.match(stderr, /Error: mine/)
}, better)

each('link.promises has lookup, announce, put and get', async ({ implementation, stage }) => {
  const grape = await standIn(stage, ({ type, data }) => ({ lookup: ['127.0.0.1:1'], announce: 3, put: 'hash', get: { v: data } })[type])
  const link = startLink(stage, implementation, grape.url)
  const { promises } = link
  assert.deepStrictEqual(await promises.lookup('k', { retry: 1 }), ['127.0.0.1:1'])
  assert.deepStrictEqual(await promises.lookup('k'), ['127.0.0.1:1'])
  assert.strictEqual(await promises.announce('k', 1337), 3)
  assert.strictEqual(await promises.put({ v: 'value' }), 'hash')
  assert.deepStrictEqual(await promises.get('hash', { timeout: 1000 }), { v: 'hash' })
  assert.deepStrictEqual(grape.requests.map(({ type, data }) => [type, data]), [
    ['lookup', 'k'], ['announce', ['k', 1337]], ['put', { v: 'value' }], ['get', 'hash']
  ])
  await assert.rejects(promises.put(), { message: 'ERR_MISSING_ARGS' })
}, better)

each('link.promises rejects as the callback would', async ({ implementation, stage }) => {
  const grape = await standIn(stage, fail(400, '"no"'))
  const link = startLink(stage, implementation, grape.url)
  for (const [method, ...args] of [['lookup', 'k', { retry: 1 }], ['announce', 'k', 1, { retry: 1 }], ['put', { v: 1 }], ['get', 'hash']]) {
    const { err } = await call(link, method, ...args)
    await assert.rejects(link.promises[method](...args), { message: err.message, code: 400 })
  }
}, better)

each('link.promises calls what a subclass overrides', async ({ implementation, stage }) => {
  class Link extends implementation.Link {
    put (value, cb) {
      super.put({ ...value, mine: 1 }, cb)
    }

    get (hash, cb) {
      super.get(`${hash}!`, cb)
    }
  }
  const grape = await standIn(stage, ({ data }) => ({ data }))
  const link = startLink(stage, { Link }, grape.url)
  assert.deepStrictEqual(await link.promises.put({ v: 1 }), { data: { v: 1, mine: 1 } })
  assert.deepStrictEqual(await link.promises.get('hash'), { data: 'hash!' })
}, better)

each('link.promises.startAnnouncing resolves after the first announce', async ({ implementation, stage }) => {
  const grape = await standIn(stage, () => 1)
  const link = startLink(stage, implementation, grape.url)
  assert.strictEqual(await link.promises.startAnnouncing('k', 1337), true)
  assert.strictEqual(grape.requests.length, 1)
  assert.strictEqual(await link.promises.startAnnouncing('k', 1337, {}), false)
  assert.strictEqual(link.stopAnnouncing('k', 1337), undefined)
}, better)
