'use strict'

// `opts.signal`: a call that is aborted calls back once, and leaves nothing behind.

const assert = require('node:assert')
const { getEventListeners, once } = require('node:events')
const { WebSocketServer } = require('ws8')
const { certificates } = require('../../scripts/lib/certificates')
const { call, each } = require('../helpers/conformance')
const { standIn, startLink } = require('../helpers/grapes/stand-in')
const { turn, until } = require('../helpers/until')
const { warningsOf } = require('../helpers/warnings')
const { kLife, kWaiting } = require('../../lib/util/symbols')

const better = { better: true }
const listeners = signal => getEventListeners(signal, 'abort').length

function isAbort (err, reason) {
  assert.ok(err instanceof Error)
  assert.deepStrictEqual([err.name, err.code, err.message, err.cause],
    ['AbortError', 'ABORT_ERR', 'The operation was aborted', reason])
}

/** The ways of a request: `[name, conf of the server, conf of the client, what is done to a transport]`. */
const WAYS = [
  ['native', () => ({}), () => ({}), undefined],
  ['TLS', () => ({ secure: { ...certificates().server, verifyClient: () => true } }), () => ({ secure: certificates().client }), undefined],
  ['replaced hook', () => ({}), () => ({}), transport => {
    transport.parse = data => JSON.parse(data)
    return transport
  }]
]

/** A client of one connection, by one of the ways. */
function clientOf (stage, implementation, dest, conf, alter) {
  const peer = stage.client(implementation, dest, { maxActiveDestTransports: 1, ...conf })
  if (alter) {
    const { newTransport } = peer
    peer.newTransport = function (...args) {
      return alter(newTransport.apply(this, args))
    }
  }
  return peer
}

each('a signal that is aborted already fails a call at once', async ({ implementation, stage }) => {
  let asked = 0
  const service = await stage.serve(implementation, () => asked++)
  const peer = stage.client(implementation, service.dest)
  const { lookup } = peer.link
  peer.link.lookup = (...args) => {
    asked++
    lookup(...args)
  }
  const grape = await standIn(stage, () => ['127.0.0.1:1'])
  const link = startLink(stage, implementation, grape.url)
  await call(link, 'lookup', 'cached')
  const reason = new Error('why')
  const opts = { signal: AbortSignal.abort(reason) }
  for (const [object, method, ...args] of [
    [peer, 'request', 'k', 1, opts],
    [peer, 'request', 'k', 1, { ...opts, retry: 3 }],
    [peer, 'map', 'k', 1, opts],
    [peer.transport(service.dest), 'request', 'k', 1, opts],
    [link, 'lookup', 'k', opts],
    [link, 'lookup', 'cached', opts],
    [link, 'announce', 'k', 1, opts],
    [link, 'put', { v: 1 }, opts],
    [link, 'get', 'hash', opts]
  ]) {
    let isLater = false
    const called = new Promise(resolve => object[method](...args, err => resolve({ err, isLater })))
    isLater = true
    const { err } = await called
    isAbort(err, reason)
    assert.deepStrictEqual(await called, { err, isLater: true })
  }
  await assert.rejects(peer.request('k', 1, opts), err => isAbort(err, reason) || true)
  await assert.rejects(link.promises.lookup('k', opts), { code: 'ABORT_ERR' })
  assert.strictEqual(asked, 0)
  assert.strictEqual(grape.requests.length, 1)
  assert.strictEqual(listeners(opts.signal), 0)
}, better)

each('what is no signal is an error', async ({ implementation, stage }) => {
  const service = await stage.serve(implementation)
  const peer = stage.client(implementation, service.dest)
  for (const signal of [true, {}, 'stop']) {
    await assert.rejects(peer.request('k', 1, { signal }), new TypeError('opts.signal must be an AbortSignal'))
  }
  assert.strictEqual(await peer.request('k', 1, { signal: null }), 1)
  assert.strictEqual(await peer.request('k', 2, { signal: undefined }), 2)
}, better)

each('a request that is aborted while it is looked up is not sent', async ({ implementation, stage }) => {
  let asked = 0
  const service = await stage.serve(implementation, (rid, key, payload, handler) => {
    asked++
    handler.reply(null, payload)
  })
  const peer = stage.client(implementation, service.dest)
  const answers = []
  peer.link.lookup = (key, opts, cb) => answers.push(cb)
  for (const [method, opts] of [['request', {}], ['request', { retry: 3 }], ['map', {}]]) {
    const controller = new AbortController()
    let calls = 0
    const aborted = new Promise(resolve => peer[method]('k', 1, { ...opts, signal: controller.signal }, (...args) => {
      calls++
      resolve(args)
    }))
    assert.strictEqual(listeners(controller.signal), 1)
    controller.abort('why')
    isAbort((await aborted)[0], 'why')
    answers.pop()(null, [service.dest])
    const plain = call(peer, 'request', 'k', 2, {})
    answers.pop()(null, [service.dest])
    assert.deepStrictEqual(await plain, { err: null, res: 2 })
    assert.strictEqual(calls, 1)
    assert.strictEqual(listeners(controller.signal), 0)
  }
  assert.strictEqual(asked, 3)
}, better)

for (const [way, ofServer, ofClient, alter] of WAYS) {
  each(`a request that is aborted while it waits for its reply frees its place, ${way}`, async ({ implementation, stage }) => {
    const handlers = []
    const service = await stage.serve(implementation, (rid, key, payload, handler) => handlers.push({ payload, handler }), ofServer())
    const peer = clientOf(stage, implementation, service.dest, { ...ofClient(), maxRequests: 1, maxConnectionRequests: 1 }, alter)
    for (const method of ['request', 'map']) {
      const controller = new AbortController()
      let calls = 0
      const aborted = new Promise(resolve => peer[method]('k', 'first', { signal: controller.signal, retry: 3 }, (...args) => {
        calls++
        // Its place is free when its caller hears of it.
        resolve([...args, call(peer, 'request', 'k', 'second', {})])
      }))
      await until(() => handlers.length >= 1)
      const [transport] = peer.tpool.list(service.dest)
      assert.strictEqual(transport[kWaiting], 1)
      controller.abort()
      assert.strictEqual(transport[kWaiting], 0)
      const result = await aborted
      isAbort(result[0], controller.signal.reason)
      await until(() => handlers.length >= 2)
      const [first, second] = handlers.splice(0)
      first.handler.reply(null, 'answer to the first')
      second.handler.reply(null, 'answer to the second')
      assert.deepStrictEqual(await result.pop(), { err: null, res: 'answer to the second' })
      assert.deepStrictEqual([first.payload, second.payload], ['first', 'second'])
      assert.strictEqual(calls, 1)
      assert.strictEqual(transport[kWaiting], 0)
      assert.strictEqual(listeners(controller.signal), 0)
    }
  }, better)

  each(`a reply that is read already reaches no other request, ${way}`, async ({ implementation, stage }) => {
    const handlers = []
    const service = await stage.serve(implementation, (rid, key, payload, handler) => {
      if (typeof payload === 'number') return handler.reply(null, payload)
      handlers.push(() => handler.reply(null, payload))
    }, ofServer())
    const peer = clientOf(stage, implementation, service.dest, ofClient(), alter)
    await call(peer, 'request', 'k', 0, {})
    const controller = new AbortController()
    const others = []
    const first = new Promise(resolve => peer.request('k', 'first', {}, (err, res) => {
      controller.abort()
      for (let at = 1; at <= 4; at++) others.push(call(peer, 'request', 'k', at, {}))
      resolve({ err, res })
    }))
    let calls = 0
    const aborted = new Promise(resolve => peer.request('k', 'aborted', { signal: controller.signal }, err => {
      calls++
      resolve(err)
    }))
    await until(() => handlers.length >= 2)
    // In one batch.
    for (const reply of handlers) reply()
    assert.deepStrictEqual(await first, { err: null, res: 'first' })
    isAbort(await aborted, controller.signal.reason)
    assert.deepStrictEqual((await Promise.all(others)).map(({ res }) => res), [1, 2, 3, 4])
    assert.strictEqual(calls, 1)
    assert.strictEqual(peer.tpool.list(service.dest)[0][kWaiting], 0)
  }, better)

  if (way === 'TLS') continue

  each(`a request that is aborted while it waits for the connection is not sent, ${way}`, async ({ implementation, stage }) => {
    let accept
    const server = new WebSocketServer({ port: 0, verifyClient: (info, cb) => { accept = cb } })
    stage.after(() => server.close())
    await once(server, 'listening')
    const got = []
    server.on('connection', socket => socket.on('message', data => {
      const [rid, , payload] = JSON.parse(data)
      got.push(payload)
      socket.send(JSON.stringify([rid, null, payload]))
    }))
    const peer = clientOf(stage, implementation, `127.0.0.1:${server.address().port}`, { maxConnectionRequests: 1 }, alter)
    const controller = new AbortController()
    const aborted = call(peer, 'request', 'k', 'aborted', { signal: controller.signal })
    await until(() => accept)
    controller.abort()
    isAbort((await aborted).err, controller.signal.reason)
    const other = call(peer, 'request', 'k', 'other', {})
    accept(true)
    assert.deepStrictEqual(await other, { err: null, res: 'other' })
    assert.deepStrictEqual(got, ['other'])
  }, better)
}

each('an aborted request is not tried again', async ({ implementation, stage }) => {
  const controller = new AbortController()
  const asked = []
  const service = await stage.serve(implementation, (rid, key, payload, handler) => {
    asked.push(payload)
    if (asked.length === 2) controller.abort()
    handler.reply(payload === 'last' ? null : new Error('again'))
  })
  const peer = stage.client(implementation, service.dest)
  isAbort((await call(peer, 'request', 'k', 'first', { retry: 9, signal: controller.signal })).err, controller.signal.reason)
  for (let at = 0; at < 5; at++) await turn()
  assert.strictEqual((await call(peer, 'request', 'k', 'last', {})).err, null)
  assert.deepStrictEqual(asked, ['first', 'first', 'last'])
}, better)

each('a call that ends leaves no listener, whoever shares the signal', async ({ implementation, stage }) => {
  const warnings = warningsOf(stage)
  const service = await stage.serve(implementation)
  const peer = stage.client(implementation, service.dest)
  const { signal } = new AbortController()
  let most = 0
  let left = 100000
  await new Promise((resolve, reject) => {
    for (let at = left; at > 0; at--) {
      peer.request('k', at, { signal }, (err, res) => {
        if (err || res !== at) return reject(err || new Error(`${res} is not ${at}`))
        if (at % 1000 === 0) most = Math.max(most, listeners(signal))
        if (--left === 0) resolve()
      })
    }
  })
  assert.ok(most <= 1, most)
  assert.strictEqual(listeners(signal), 0)
  await turn()
  assert.deepStrictEqual(warnings, [])
}, better)

each('one signal aborts all that share it, each once and in order', async ({ implementation, stage }) => {
  let asked = 0
  const service = await stage.serve(implementation, () => asked++)
  const peer = stage.client(implementation, service.dest)
  const controller = new AbortController()
  const count = 20000
  const ended = []
  const all = new Promise(resolve => {
    for (let at = 0; at < count; at++) {
      peer.request('k', at, { signal: controller.signal }, err => {
        ended.push([at, err && err.code])
        if (ended.length === count) resolve()
      })
    }
  })
  await until(() => asked >= count)
  controller.abort()
  await all
  await turn()
  assert.deepStrictEqual(ended, Array.from({ length: count }, (_, at) => [at, 'ABORT_ERR']))
  assert.deepStrictEqual(peer.tpool.all().map(transport => transport[kWaiting]), [0, 0, 0])
}, better)

each('an aborted lookup calls back once, and its answer is cached all the same', async ({ implementation, stage }) => {
  let answer
  const grape = await standIn(stage, (request, res) => { answer = () => res.end('["127.0.0.1:1"]') })
  const link = startLink(stage, implementation, grape.url)
  const controller = new AbortController()
  let calls = 0
  const aborted = new Promise(resolve => link.lookup('k', { signal: controller.signal }, err => {
    calls++
    resolve(err)
  }))
  const other = call(link, 'lookup', 'k')
  await grape.arrived(1)
  controller.abort()
  isAbort(await aborted, controller.signal.reason)
  answer()
  assert.deepStrictEqual(await other, { err: null, res: ['127.0.0.1:1'] })
  assert.deepStrictEqual([calls, grape.requests.length, listeners(controller.signal)], [1, 1, 0])
}, better)

each('an aborted lookup is not tried again', async ({ implementation, stage }) => {
  const controller = new AbortController()
  const grape = await standIn(stage, ({ data }, res) => {
    if (data === 'other') return ['127.0.0.1:1']
    controller.abort()
    res.statusCode = 500
    res.end('no')
  })
  const link = startLink(stage, implementation, grape.url)
  isAbort((await call(link, 'lookup', 'k', { signal: controller.signal })).err, controller.signal.reason)
  await until(() => link[kLife].timeouts.size === 0)
  await turn()
  assert.strictEqual((await call(link, 'lookup', 'other')).err, null)
  assert.deepStrictEqual(grape.requests.map(({ data }) => data), ['k', 'other'])
}, better)

each('a timeout signal ends a request', async ({ implementation, stage }) => {
  const service = await stage.serve(implementation, () => {})
  const peer = stage.client(implementation, service.dest)
  const { err } = await call(peer, 'request', 'k', 1, { signal: AbortSignal.timeout(20) })
  assert.strictEqual(err.code, 'ABORT_ERR')
  assert.strictEqual(err.cause.name, 'TimeoutError')
}, better)
