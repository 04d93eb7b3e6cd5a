'use strict'

// What an error says beside its text, and that nobody sees it who looks for the text.

const assert = require('node:assert')
const { inspect } = require('node:util')
const { run } = require('../../scripts/lib/child')
const { call, each } = require('../helpers/conformance')
const { freePort } = require('../../scripts/lib/ports')
const { standIn, startLink } = require('../helpers/grapes/stand-in')

const better = { better: true }

/** Each way through a transport: all native, and by its hooks. */
const WAYS = { native: false, 'by socket': true }

function everyWay (title, body) {
  for (const [way, isReplaced] of Object.entries(WAYS)) {
    each(`${title}, ${way}`, ({ implementation, stage }) => {
      class Transport extends implementation.TransportRPCClient {
        format (value) {
          return super.format(value)
        }
      }
      const client = (dests, conf) => stage.client(implementation, dests, conf, isReplaced ? Transport : undefined)
      return body({ implementation, stage, client })
    }, better)
  }
}

/** What of an error cannot be seen, but is there. */
const known = ({ code, key, dest, timeout, closeCode }) => ({ code, key, dest, timeout, closeCode })

everyWay('C560: an error is equal to one of its text', async ({ implementation, stage, client }) => {
  const service = await stage.serve(implementation, (rid, key, payload, handler) => {
    if (payload === 'bad') handler.reply(new Error('it is bad'))
  })
  const peer = client(service.dest)
  for (const [payload, text, timeout] of [['never', 'ERR_TIMEOUT', 50], ['bad', 'it is bad']]) {
    const { err } = await call(peer, 'request', 'k', payload, { timeout })
    assert.deepStrictEqual(err, new Error(text))
    assert.deepStrictEqual({ ...err }, {})
    assert.strictEqual(JSON.stringify(err), '{}')
    assert.strictEqual(String(err), `Error: ${text}`)
    assert.strictEqual(Object.getPrototypeOf(err), Error.prototype)
    assert.strictEqual(err.name, 'Error')
  }
})

everyWay('C561: a request that is not answered in time says which, where, and in what time', async ({ implementation, stage, client }) => {
  const service = await stage.serve(implementation, () => {})
  const peer = client(service.dest)
  const calls = [['a', 50], ['b', 60], ['a "quoted" key\n', 70]]
  const errors = await Promise.all(calls.map(([key, timeout]) => call(peer, 'request', key, 1, { timeout })))
  for (const [at, { err }] of errors.entries()) {
    const [key, timeout] = calls[at]
    assert.deepStrictEqual(known(err), { code: 'ERR_TIMEOUT', key, dest: service.dest, timeout, closeCode: undefined })
    const text = `ERR_TIMEOUT { key: ${inspect(key)}, dest: '${service.dest}', timeout: ${timeout} }`
    assert.strictEqual(err.stack, `Error: ${text}`)
    // As Node prints one that is uncaught, too.
    for (const customInspect of [true, false]) assert.strictEqual(inspect(err, { customInspect }), `[Error: ${text}]`)
  }
})

everyWay('C561: a lost connection, a dead destination and an error of the service say which and where', async ({ implementation, stage, client }) => {
  const service = await stage.serve(implementation, (rid, key, payload, handler) => {
    if (payload === 'end') for (const socket of service.socket.clients) socket.terminate()
    if (payload === 'bad') handler.reply(new Error('ERR_MINE: it is bad'))
  })
  const peer = client(service.dest, { maxActiveDestTransports: 1 })
  const { err: bad } = await call(peer, 'request', 'k', 'bad', {})
  assert.deepStrictEqual(known(bad), { code: 'ERR_MINE', key: 'k', dest: service.dest, timeout: undefined, closeCode: undefined })
  const lost = await Promise.all([
    call(peer, 'request', 'one', 1, {}), call(peer, 'request', 'two', 2, {}), call(peer, 'request', 'one', 'end', {})
  ])
  assert.deepStrictEqual(lost.map(({ err }) => [err.message, err.code, err.key, err.dest]), ['one', 'two', 'one'].map(key => [
    'ERR_TRANSPORT_CLOSE', 'ERR_TRANSPORT_CLOSE', key, service.dest
  ]))
  const dead = `127.0.0.1:${await freePort()}`
  const refused = client(dead)
  const both = await Promise.all([call(refused, 'request', 'one', 1, {}), call(refused, 'request', 'two', 1, {})])
  for (const [at, { err }] of both.entries()) {
    assert.deepStrictEqual([err.code, err.dest], ['ECONNREFUSED', dead])
    assert.strictEqual(err.key, ['one', 'two'][at])
    assert.deepStrictEqual(Object.keys(err), ['code', 'errno', 'syscall', 'address', 'port'])
  }
})

each('C561: a lookup that fails says which grape was asked', async ({ implementation, stage }) => {
  const grape = await standIn(stage, () => [])
  const link = startLink(stage, implementation, grape.url.replace('//', '//user:secret@'))
  const { err } = await call(link, 'lookup', 'nobody')
  assert.deepStrictEqual([err.message, err.code, err.key, err.grape], ['ERR_GRAPE_LOOKUP_EMPTY', 'ERR_GRAPE_LOOKUP_EMPTY', 'nobody', grape.url])
  assert.doesNotMatch(inspect(err), /secret/)
  // The line of the call.
  assert.match(err.stack, /errors\.test\.js/)
  const dead = `http://127.0.0.1:${await freePort()}`
  const { err: refused } = await call(startLink(stage, implementation, dead), 'lookup', 'k')
  assert.deepStrictEqual([refused.code, refused.key, refused.grape], ['ECONNREFUSED', 'k', dead])
}, better)

each('C561: with NODE_DEBUG an error leads to the line of its request', async () => {
  const source = `
    const { PeerRPCClient, PeerRPCServer } = require(pkg)
    const server = new PeerRPCServer({}, {})
    server.init()
    const service = server.transport('server').listen(0)
    service.on('request', () => {})
    const peer = new PeerRPCClient({ lookup: (key, opts, cb) => cb(null, ['127.0.0.1:' + service.port]) }, {})
    peer.init()
    function askedHere () {
      peer.request('k', 1, { timeout: 50 }, err => {
        console.log(err.stack)
        peer.stop()
        server.stop()
      })
    }
    askedHere()
  `
  const traced = await run(source, { env: { NODE_DEBUG: 'grenache' } })
  assert.match(traced.stdout, /^Error: ERR_TIMEOUT \{ key: 'k', .*\n {4}at askedHere /)
  const { stdout } = await run(source)
  assert.match(stdout, /^Error: ERR_TIMEOUT \{ key: 'k', [^\n]*\n$/)
}, better)
