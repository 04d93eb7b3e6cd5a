'use strict'

// Mistakes of the first day: each is told, by an error where the original has one, else by a warning,
// once for each cause.

const assert = require('node:assert')
const { once } = require('node:events')
const { inspect } = require('node:util')
const { certificates } = require('../../scripts/lib/certificates')
const { run } = require('../../scripts/lib/child')
const { call, each } = require('../helpers/conformance')
const { standIn, startLink } = require('../helpers/grapes/stand-in')
const { subscribed } = require('../helpers/peers/subscribers')

const better = { better: true }

/** The warnings of this process from now on, as `code: message`, until the test is over. */
function warnings (stage) {
  const heard = []
  const hear = ({ name, code, message }) => name === 'GrenacheWarning' && heard.push({ code, message })
  process.on('warning', hear)
  stage.after(() => process.removeListener('warning', hear))
  /** Those of a code, once all that were made by now are told. */
  return async code => {
    await new Promise(resolve => setImmediate(resolve))
    return heard.filter(one => one.code === code).map(({ message }) => message)
  }
}

for (const way of ['native', 'by socket', 'TLS']) {
  each(`C562: a message that is too large says so, ${way}`, async ({ implementation, stage }) => {
    class Transport extends implementation.TransportRPCClient {
      format (value) {
        return super.format(value)
      }
    }
    const isSecure = way === 'TLS'
    const service = await stage.serve(implementation, (rid, key, payload, handler) => handler.reply(null, 'x'.repeat(payload)), {
      maxPayload: 1000, ...isSecure && { secure: { ...certificates().server, verifyClient: () => true } }
    })
    const peer = stage.client(implementation, service.dest, {
      maxPayload: 2000, ...isSecure && { secure: certificates().client }
    }, way === 'by socket' ? Transport : undefined)
    for (const [payload, limit, hint] of [['y'.repeat(1001), 1000, /a request is larger .* 1000 bytes/], [2001, 2000, /an answer is larger/]]) {
      const { err } = await call(peer, 'request', 'k', payload, {})
      assert.deepStrictEqual([err.message, err.closeCode, err.key, err.dest], ['ERR_TRANSPORT_CLOSE', 1009, 'k', service.dest])
      const { message, code, closeCode, limit: known } = err.cause
      assert.deepStrictEqual({ message, code, closeCode, known }, {
        message: 'Max payload size exceeded', code: 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH', closeCode: 1009, known: limit
      })
      assert.match(err.cause.hint, hint)
      assert.match(inspect(err), hint)
    }
  }, better)
}

each('C563: a request before init says what is missing', async ({ implementation, stage }) => {
  const dests = ['127.0.0.1:1', '127.0.0.1:2', '127.0.0.1:3', '127.0.0.1:4', '127.0.0.1:5']
  for (const some of [dests.slice(0, 1), dests]) {
    const peer = new implementation.PeerRPCClient(stage.link(...some), {})
    for (const method of ['request', 'map']) {
      const { err } = await call(peer, method, 'k', 1, {})
      assert.deepStrictEqual([err.message, err.code, err.key], ['ERR_PEER_INIT', 'ERR_PEER_INIT', 'k'])
      assert.match(err.hint, /init\(\)/)
      // Whoever called: here a helper.
      assert.match(err.stack, /__test__/)
    }
    peer.init()
    stage.after(() => peer.stop())
  }
}, better)

each('C544: a transport before init throws a TypeError, ours with what is missing', async ({ implementation, stage }) => {
  const peer = new implementation.PeerRPCClient(stage.link('127.0.0.1:1'), {})
  assert.throws(() => peer.transport('127.0.0.1:1'), err => {
    assert.ok(err instanceof TypeError)
    if (implementation.name !== 'native') return true
    assert.deepStrictEqual([err.message, err.code, err.dest], ['ERR_PEER_INIT', 'ERR_PEER_INIT', '127.0.0.1:1'])
    assert.match(err.hint, /init\(\)/)
    return true
  })
})

each('C545: a request before init of a name that nobody serves says ERR_PEER_INIT', async ({ implementation }) => {
  const empty = new Error('ERR_GRAPE_LOOKUP_EMPTY')
  const link = { lookup: (key, opts, cb) => cb(empty) }
  for (const opts of [{}, { signal: new AbortController().signal }]) {
    for (const method of ['request', 'map']) {
      const { err } = await call(new implementation.PeerRPCClient(link, {}), method, 'k', 1, opts)
      assert.deepStrictEqual([err.message, err.key, err.cause], ['ERR_PEER_INIT', 'k', empty])
    }
  }
}, better)

each('C545: a subclass with an init of its own gets the error of the lookup', async ({ implementation }) => {
  class Own extends implementation.PeerRPCClient { init () {} }
  const peer = new Own({ lookup: (key, opts, cb) => cb(new Error('ERR_GRAPE_LOOKUP_EMPTY')) }, {})
  peer.init()
  assert.strictEqual((await call(peer, 'request', 'k', 1, {})).err.message, 'ERR_GRAPE_LOOKUP_EMPTY')
})

each('C547: the stack of a failed lookup shows the line of a request or a map, also of its Promise', async ({ implementation, stage }) => {
  const grape = await standIn(stage, () => [])
  const link = startLink(stage, implementation, grape.url)
  const peer = new implementation.PeerRPCClient(link, {})
  peer.init()
  stage.after(() => peer.stop())
  for (const method of ['request', 'map']) {
    for (const opts of [undefined, { signal: new AbortController().signal }]) {
      const asked = () => peer[method]('k', 1, opts)
      await assert.rejects(asked(), err => {
        assert.strictEqual(err.code, 'ERR_GRAPE_LOOKUP_EMPTY')
        assert.match(err.stack.split('\n')[1], /asked .*mistakes\.test/)
        return true
      })
    }
  }
}, better)

for (const isReplaced of [false, true]) {
  const way = isReplaced ? 'by socket' : 'native'
  const hooked = Base => isReplaced
    ? class extends Base {
      format (value) {
        return super.format(value)
      }
    }
    : Base

  each(`C564: requests that nobody listens for are a warning for each key, ${way}`, async ({ implementation, stage }) => {
    const heard = warnings(stage)
    const service = await stage.serve(implementation, undefined, {}, hooked(implementation.TransportRPCServer))
    service.removeAllListeners('request')
    const peer = stage.client(implementation, service.dest)
    const asked = []
    const ask = key => asked.push(call(peer, 'request', key, 1, { timeout: 1000 }))
    const told = async count => {
      for (;;) {
        const sentences = await heard('ERR_NO_HANDLER')
        if (sentences.length >= count) return sentences.sort()
      }
    }
    for (const key of ['a', 'b', 'a', 'a']) ask(key)
    const two = await told(2)
    assert.strictEqual(two.length, 2)
    assert.match(two[0], new RegExp(`^a request for 'a' came to port ${service.port}, .*handle.*'request'`))
    // Strangers choose keys.
    for (let at = 0; at < 100; at++) ask(`key ${at}`)
    await told(16)
    for (const { err } of await Promise.all(asked)) assert.strictEqual(err.message, 'ERR_TIMEOUT')
    assert.strictEqual((await heard('ERR_NO_HANDLER')).length, 16)
    service.on('request', (rid, key, payload, handler) => handler.reply(null, payload))
    assert.strictEqual((await call(peer, 'request', 'late', 1, {})).res, 1)
  }, better)

  each(`C565: an error without a message is a warning, ${way}`, async ({ implementation, stage }) => {
    const heard = warnings(stage)
    const service = await stage.serve(implementation, (rid, key, payload, handler) => {
      if (payload === 'text') handler.reply('it is bad')
      else if (payload === 'object') handler.reply({ code: 5 })
      else handler.reply(new Error('bad'))
    }, {}, hooked(implementation.TransportRPCServer))
    const peer = stage.client(implementation, service.dest)
    const ask = payload => call(peer, 'request', 'k', payload, {})
    assert.strictEqual((await ask('error')).err.message, 'bad')
    assert.deepStrictEqual(await heard('ERR_REPLY_ERROR'), [])
    for (const payload of ['text', 'text', 'object']) {
      const { err, res } = await ask(payload)
      assert.strictEqual(err, null)
      assert.ok(res === null || res === undefined)
    }
    const told = await heard('ERR_REPLY_ERROR')
    assert.strictEqual(told.length, 2)
    assert.match(told[0], /^handler\.reply\('it is bad'\): .*new Error\('\.\.\.'\).*handler\.reply\(null, result\)/)
  }, better)
}

each('C565: the original, too, hands the client no error for a text', async ({ implementation, stage }) => {
  const service = await stage.serve(implementation, (rid, key, payload, handler) => handler.reply('it is bad'))
  const { err } = await call(stage.client(implementation, service.dest), 'request', 'k', 1, {})
  assert.strictEqual(err, null)
})

each('C566: an object is no message, also while nobody is connected', async ({ implementation, stage }) => {
  const heard = warnings(stage)
  const early = new implementation.PeerPub({}, {})
  early.init()
  stage.after(() => early.stop())
  early.pub('nobody can hear it')
  early.pub('nor this')
  assert.strictEqual((await heard('ERR_NOT_LISTENING')).length, 1)
  const service = await stage.publisher(implementation)
  for (const message of ['text', 5, Buffer.from('a'), [1, 2], null, undefined, '']) service.pub(message)
  assert.deepStrictEqual(await heard('ERR_PUB_MESSAGE'), [])
  service.pub({ a: 1 })
  service.pub({ b: 1 })
  const told = await heard('ERR_PUB_MESSAGE')
  assert.strictEqual(told.length, 1)
  assert.match(told[0], /^pub\(\{ a: 1 \}\) throws .*JSON\.stringify/)
  service.stop()
  service.pub('after the end')
  assert.strictEqual((await heard('ERR_NOT_LISTENING')).length, 1)
}, better)

each('C569: what throws for a published object says what to do', async ({ implementation, stage }) => {
  const service = await stage.publisher(implementation)
  await subscribed(stage, implementation, service)
  assert.throws(() => service.pub({ a: 1 }), err => err instanceof TypeError && err.code === 'ERR_INVALID_ARG_TYPE' &&
    /JSON\.stringify/.test(err.hint) && /JSON\.stringify/.test(inspect(err)))
}, better)

each('C569: what throws for a missing verifyClient names it', async ({ implementation, stage }) => {
  const peer = new implementation.PeerRPCServer({}, { secure: certificates().server })
  peer.init()
  stage.after(() => peer.stop())
  assert.throws(() => peer.transport('server').listen(0), err => err.name === 'AssertionError' &&
    err.message.startsWith('conf.secure.verify must be a function') && /conf\.secure\.verifyClient is missing/.test(err.hint))
}, better)

each('C567: a link without start is a warning', async ({ implementation, stage }) => {
  const heard = warnings(stage)
  const grape = await standIn(stage, () => ['127.0.0.1:1'])
  const link = new implementation.Link({ grape: grape.url })
  stage.after(() => link.stop())
  for (let at = 0; at < 2; at++) assert.deepStrictEqual((await call(link, 'lookup', 'k')).res, ['127.0.0.1:1'])
  const told = await heard('ERR_LINK_NOT_STARTED')
  assert.strictEqual(told.length, 1)
  assert.match(told[0], /link\.start\(\)/)
  const started = new implementation.Link({ grape: grape.url }).start()
  stage.after(() => started.stop())
  await call(started, 'lookup', 'k')
  assert.strictEqual((await heard('ERR_LINK_NOT_STARTED')).length, 1)
}, better)

each('C568: with and without TLS', async ({ implementation, stage }) => {
  const heard = warnings(stage)
  const secure = await stage.serve(implementation, undefined, { secure: { ...certificates().server, verifyClient: () => true } })
  const plain = await stage.serve(implementation)
  for (let at = 0; at < 2; at++) {
    const { err } = await call(stage.client(implementation, secure.dest), 'request', 'k', 1, { timeout: 5000 })
    assert.strictEqual(err.code, 'ECONNRESET')
    assert.match(err.hint, /server with TLS.*conf\.secure/)
    assert.match(inspect(err), /server with TLS/)
  }
  const told = await heard('ERR_TLS_EXPECTED')
  assert.strictEqual(told.length, 1)
  assert.match(told[0], new RegExp(`port ${secure.port}, which has conf\\.secure`))
  const { err } = await call(stage.client(implementation, plain.dest, { secure: certificates().client }), 'request', 'k', 1, { timeout: 5000 })
  assert.match(err.hint, /does not speak TLS/)
  assert.match(inspect(err), /does not speak TLS/)
}, better)

each('C570: a message that is too large for a subscriber is a warning', async ({ implementation, stage }) => {
  const heard = warnings(stage)
  const service = await stage.publisher(implementation)
  const subscriber = await subscribed(stage, implementation, service, { conf: { maxPayload: 100 } })
  const disconnected = once(subscriber, 'disconnected')
  service.pub('x'.repeat(101))
  await disconnected
  const told = await heard('ERR_MESSAGE_SIZE')
  assert.strictEqual(told.length, 1)
  assert.match(told[0], new RegExp(`${service.dest} was larger than conf\\.maxPayload.*1009`))
}, better)

each('C567: a service that does nothing wrong prints nothing', async () => {
  const result = await run(`
    const { PeerRPCClient, PeerRPCServer, PeerPub, PeerSub } = require(pkg)
    const server = new PeerRPCServer({}, {})
    server.init()
    const service = server.transport('server').listen(0)
    service.on('request', (rid, key, payload, handler) => handler.reply(payload === 'bad' ? new Error('bad') : null, payload))
    const peer = new PeerRPCClient({ lookup: (key, opts, cb) => cb(null, ['127.0.0.1:' + service.port]) }, {})
    peer.init()
    peer.request('k', 'bad', {}, err => peer.request('k', 1, {}, (_, res) => {
      console.log(err.message, res)
      peer.stop()
      server.stop()
    }))
  `)
  assert.deepStrictEqual(result, { code: 0, signal: null, stdout: 'bad 1\n', stderr: '' })
}, better)
