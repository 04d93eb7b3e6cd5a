'use strict'

// What callers get for what they should not have said: the exact error, where it belongs.

const assert = require('node:assert')
const { inspect } = require('util')
const { once } = require('node:events')
const { certificates } = require('../../scripts/lib/certificates')
const { call, each } = require('../helpers/conformance')
const { run } = require('../../scripts/lib/child')

/** This package only: the original has other errors, or none. */
const ours = (title, body) => each(title, body, { better: true })

const asError = ({ name, message }) => ({ name, message })

function client (stage, implementation, link, conf, Transport) {
  const peer = new implementation.PeerRPCClient(link, conf)
  if (Transport) peer.getTransportClass = () => Transport
  peer.init()
  stage.after(() => peer.stop())
  return peer
}

function serving (stage, implementation, name, conf) {
  const peer = new implementation[name]({}, conf)
  peer.init()
  stage.after(() => peer.stop())
  return peer.transport('server')
}

/** A class of client transports that works by the socket object. */
const replaced = implementation => class extends implementation.TransportRPCClient {
  parse (data) {
    return super.parse(data)
  }
}

ours('a port that is no integer', ({ implementation, stage }) => {
  for (const name of ['PeerRPCServer', 'PeerPub']) {
    const transport = serving(stage, implementation, name, {})
    for (const port of ['80', '', 1.5, NaN, -Infinity, null, undefined, {}, [], true, 5n]) {
      assert.throws(() => transport.listen(port), {
        name: 'AssertionError', code: 'ERR_ASSERTION', message: 'port must be an Integer'
      })
    }
    assert.strictEqual(transport.isListening(), false)
  }
})

ours('an integer that is no port', ({ implementation, stage }) => {
  for (const name of ['PeerRPCServer', 'PeerPub']) {
    const transport = serving(stage, implementation, name, {})
    for (const port of [-1, 65536, Number.MAX_SAFE_INTEGER]) {
      // Node's own words.
      assert.throws(() => transport.listen(port), {
        name: 'RangeError',
        code: 'ERR_SOCKET_BAD_PORT',
        message: `options.port should be >= 0 and < 65536. Received type number (${port}).`
      })
    }
    assert.strictEqual(transport.isListening(), false)
  }
})

ours('a link without lookup', async ({ implementation, stage }) => {
  const expected = { name: 'TypeError', message: 'link.lookup must be a function' }
  for (const link of [undefined, null, {}, { lookup: 'text' }, 5, 'link']) {
    const peer = client(stage, implementation, link, {})
    for (const method of ['request', 'map']) {
      let returned = false
      const answer = call(peer, method, 'k', 1, {}).then(answer => ({ ...answer, returned }))
      returned = true
      const { err, returned: later } = await answer
      assert.deepStrictEqual(asError(err), expected)
      assert.strictEqual(later, true)
    }
    const [err] = await once(peer.stream('k', {}).on('close', () => {}), 'error').catch(err => [err])
    assert.deepStrictEqual(asError(err), expected)
  }
})

const NO_DESTINATIONS = [
  'garbage', '', ':80', 'host:', '127.0.0.1', '127.0.0.1:', '127.0.0.1:0', '127.0.0.1:65536', '127.0.0.1:-1', '127.0.0.1:x',
  '127.0.0.1:80/path', '127.0.0.1:80?query', 'user@127.0.0.1:80', 'ws://127.0.0.1:80', 'a b:80', '[::1:80', null, 5, {}
]

for (const [way, secure, byHooks] of [
  ['native', false, false], ['by socket', false, true], ['TLS', true, false], ['by socket over TLS', true, true]
]) {
  ours(`a destination that is no host:port, ${way}`, async ({ implementation, stage }) => {
    const conf = secure ? { secure: certificates().client } : {}
    for (const dest of NO_DESTINATIONS) {
      const peer = client(stage, implementation, stage.link(dest), conf, byHooks ? replaced(implementation) : undefined)
      const calls = [call(peer, 'request', 'k', 1, {}), call(peer, 'map', 'k', 1, {}), call(peer, 'request', 'k', 1, { retry: 2 })]
      for (const { err } of await Promise.all(calls)) {
        assert.deepStrictEqual(asError(err), { name: 'Error', message: `ERR_DEST_INVALID: ${dest}` })
      }
    }
  })
}

ours('a destination that is no host:port, subscribing', async ({ implementation, stage }) => {
  for (const dest of NO_DESTINATIONS) {
    const peer = new implementation.PeerSub(stage.link(dest), { reconnect: false })
    peer.init()
    stage.after(() => peer.stop())
    const error = new Promise(resolve => peer.on('error', resolve))
    peer.sub('k', {})
    assert.deepStrictEqual(asError(await error), { name: 'Error', message: `ERR_DEST_INVALID: ${dest}` })
  }
})

ours('a lookup that hands back no array', async ({ implementation, stage }) => {
  for (const dests of [null, undefined, '127.0.0.1:80', 5, {}]) {
    const peer = client(stage, implementation, { lookup: (key, opts, cb) => cb(null, dests) }, {})
    for (const method of ['request', 'map']) {
      const { err } = await call(peer, method, 'k', 1, {})
      assert.deepStrictEqual(asError(err), { name: 'Error', message: 'ERR_GRAPE_LOOKUP_INVALID' })
    }
  }
})

ours('a lookup that hands back an empty array', async ({ implementation, stage }) => {
  const peer = client(stage, implementation, stage.link(), {})
  const { err } = await call(peer, 'request', 'k', 1, {})
  assert.deepStrictEqual(asError(err), { name: 'Error', message: 'ERR_GRAPE_LOOKUP_EMPTY' })
  assert.deepStrictEqual(await call(peer, 'map', 'k', 1, {}), { err: null, res: [] })
})

const circular = { a: {} }
circular.a.b = circular

/** The words of the engine itself. */
function thrownBy (value) {
  try {
    JSON.stringify(value)
  } catch (err) {
    return asError(err)
  }
}

ours('a payload that JSON cannot say', async ({ implementation, stage }) => {
  const service = await stage.serve(implementation)
  for (const Transport of [undefined, replaced(implementation)]) {
    const peer = stage.client(implementation, service.dest, {}, Transport)
    for (const payload of [10n, { a: [10n] }, circular]) {
      let returned = false
      const answer = call(peer, 'request', 'k', payload, {}).then(answer => ({ ...answer, returned }))
      returned = true
      const { err, returned: later } = await answer
      assert.deepStrictEqual(asError(err), { name: 'TypeError', message: thrownBy(payload).message })
      assert.strictEqual(later, true)
    }
    // What JSON leaves out is null, as within an array.
    for (const payload of [undefined, () => {}, Symbol('s'), NaN, Infinity]) {
      assert.deepStrictEqual(await call(peer, 'request', 'k', payload, {}), { err: null, res: null })
    }
  }
})

ours('a key that JSON cannot say', async ({ implementation, stage }) => {
  const service = await stage.serve(implementation, (rid, key, payload, handler) => handler.reply(null, key))
  for (const Transport of [undefined, replaced(implementation)]) {
    const peer = stage.client(implementation, service.dest, {}, Transport)
    const { err } = await call(peer, 'request', 10n, 1, {})
    assert.deepStrictEqual(asError(err), thrownBy(10n))
    for (const [key, expected] of [[undefined, null], ['', ''], [{ a: 1 }, { a: 1 }], ['"\\\n', '"\\\n']]) {
      assert.deepStrictEqual(await call(peer, 'request', key, 1, {}), { err: null, res: expected })
    }
  }
})

ours('an unknown conf.io', async ({ implementation, stage }) => {
  for (const io of ['smoke', 'LIBUV', 5, true]) {
    const expected = { name: 'TypeError', message: `ERR_OPTION: io is ${inspect(io)}, and must be libuv or tokio` }
    for (const name of ['PeerRPCServer', 'PeerRPCClient', 'PeerPub', 'PeerSub']) {
      assert.throws(() => new implementation[name]({}, { io }), expected)
    }
    // What is put there later is found when it is used.
    for (const name of ['PeerRPCServer', 'PeerPub']) {
      const transport = serving(stage, implementation, name, {})
      transport.conf.io = io
      assert.throws(() => transport.listen(0), expected)
      assert.strictEqual(transport.isListening(), false)
    }
    for (const Transport of [undefined, replaced(implementation)]) {
      const peer = client(stage, implementation, stage.link('127.0.0.1:1'), {}, Transport)
      peer.conf.io = io
      for (const method of ['request', 'map']) {
        assert.deepStrictEqual(asError((await call(peer, method, 'k', 1, {})).err), expected)
      }
    }
    const peer = new implementation.PeerSub(stage.link('127.0.0.1:1'), {})
    peer.conf.io = io
    peer.init()
    stage.after(() => peer.stop())
    assert.throws(() => peer.sub('k', {}), expected)
  }
})

ours('GRENACHE_IO with an unknown value', async () => {
  const { code, stderr } = await run(`
    const { PeerPub } = require(pkg)
    const peer = new PeerPub({}, {})
    peer.init()
    peer.transport('server').listen(0)
  `, { env: { GRENACHE_IO: 'smoke' } })
  assert.strictEqual(code, 1)
  assert.match(stderr, /Error: ERR_IO_UNKNOWN: smoke \(libuv or tokio\)/)
})

ours('a timeout that is no number of milliseconds', async ({ implementation, stage }) => {
  const service = await stage.serve(implementation, (rid, key, payload, handler) => {
    setTimeout(() => handler.reply(null, payload), 30)
  })
  for (const Transport of [undefined, replaced(implementation)]) {
    const peer = stage.client(implementation, service.dest, {}, Transport)
    // As good as none: far away.
    for (const timeout of [undefined, null, 0, Infinity, Number.MAX_SAFE_INTEGER, 2 ** 31, '5000']) {
      for (let times = 0; times < 2; times++) {
        assert.deepStrictEqual(await call(peer, 'request', 'k', 1, { timeout }), { err: null, res: 1 }, `${timeout}`)
      }
    }
    // Over already.
    for (const timeout of [-1, -Infinity]) {
      assert.strictEqual((await call(peer, 'request', 'k', 1, { timeout, maxActiveDestTransports: 1 })).err.message, 'ERR_TIMEOUT')
    }
  }
})

ours('no callback at all', async ({ implementation, stage }) => {
  let asked
  const both = new Promise(resolve => { asked = resolve })
  const got = []
  const service = await stage.serve(implementation, (rid, key, payload, handler) => {
    handler.reply(new Error('unheard'))
    if (got.push(payload) === 2) asked()
  })
  const peer = stage.client(implementation, service.dest)
  peer.request('k', 1, {})
  peer.map('k', 2, {})
  await both
  assert.deepStrictEqual(got.sort(), [1, 2])
})
