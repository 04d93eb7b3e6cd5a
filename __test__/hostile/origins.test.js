'use strict'

// Pages that a browser of this machine shows cannot reach its services, unless those want it; and
// who may come in can be chosen without TLS too.

const assert = require('node:assert')
const { once } = require('node:events')
const os = require('node:os')
const Ws = require('ws')
const { certificates } = require('../../scripts/lib/certificates')
const { each, native } = require('../helpers/conformance')
const { door, knock } = require('../helpers/peers/door')
const { serveSecure } = require('../helpers/peers/secure')

/** Pages that this machine serves itself, and clients that are no pages. */
const OURS = [undefined, 'http://localhost', 'https://localhost:8443', 'http://127.0.0.1:3000', 'http://127.9.9.9', 'http://[::1]:8080', 'HTTP://LOCALHOST:1']

const FOREIGN = [
  'https://evil.example', 'http://evil.example:80', 'null', '', 'nonsense', 'file://', 'ws://localhost', 'http://localhost.evil.example',
  'http://127.0.0.1.evil.example', 'http://127.0.0.1@evil.example', 'http://localhost:', 'http://localhost:65536', 'http://localhost/',
  'http://127.1', 'http://0.0.0.0', 'http://[::2]', 'http://[::1].evil.example', 'http://localhost, http://localhost'
]

/** Addresses of this machine that are none of its loopback interface. */
const ELSEWHERE = Object.values(os.networkInterfaces()).flat()
  .filter(({ family, internal }) => (family === 'IPv4' || family === 4) && !internal).map(({ address }) => address)

const statuses = (stage, server, secure, origins, opts) =>
  Promise.all(origins.map(origin => knock(stage, server.port, { secure, origin, ...opts })))

for (const [role, ways] of [['server', ['plain', 'TLS']], ['publisher', ['plain']]]) {
  door(`a ${role} refuses pages of foreign origins that come over loopback, and nobody else`, async ({ stage, start, secure }) => {
    const server = await start({ role })
    assert.deepStrictEqual(await statuses(stage, server, secure, OURS), OURS.map(() => 101))
    assert.deepStrictEqual(await statuses(stage, server, secure, FOREIGN), FOREIGN.map(() => 403))
    const twice = { origin: 'http://localhost', headers: ['Origin: https://evil.example'] }
    assert.strictEqual(await knock(stage, server.port, { secure, ...twice }), 403)
    for (const host of ELSEWHERE) {
      assert.deepStrictEqual(await statuses(stage, server, secure, FOREIGN, { host }), FOREIGN.map(() => 101))
    }
  }, { ways })

  const LISTED = JSON.stringify(['https://ours.example', 'null'])
  for (const [what, origins, expected] of [
    ['*', '"*"', () => 101],
    ['a list', LISTED, origin => [undefined, 'https://ours.example', 'HTTPS://ours.example', 'null'].includes(origin) ? 101 : 403],
    ['an empty list', '[]', origin => origin === undefined ? 101 : 403],
    ['a function', 'function', origin => [undefined, 'https://ours.example'].includes(origin) ? 101 : 403],
    ['an async function', 'promise', origin => [undefined, 'https://ours.example'].includes(origin) ? 101 : 403],
    ['a function that throws', 'throwing', origin => origin === undefined ? 101 : 500]
  ]) {
    door(`conf.origins of a ${role}: ${what}`, async ({ stage, start, secure }) => {
      const server = await start({ role, origins })
      const asked = [undefined, 'https://ours.example', 'HTTPS://ours.example', 'null', 'http://localhost', 'https://evil.example', '']
      assert.deepStrictEqual(await statuses(stage, server, secure, asked), asked.map(expected))
      for (const host of ELSEWHERE) {
        assert.deepStrictEqual(await statuses(stage, server, secure, asked, { host }), asked.map(expected))
      }
    }, { ways })
  }

  door(`conf.verifyClient of a ${role} decides, and gets what it needs for it`, async ({ stage, start, secure }) => {
    const server = await start({ role, verify: 'two' })
    const codes = []
    for (const path of ['/yes', '/no', '/later', '/twice']) {
      codes.push(await knock(stage, server.port, { secure, path, headers: ['X-Own: 1'], origin: 'http://localhost' }))
    }
    assert.deepStrictEqual(codes, [101, 418, 101, 401])
    const [first] = await server.ask('asked')
    assert.deepStrictEqual({ ...first, address: first.address.replace('::ffff:', '') }, {
      keys: ['origin', 'secure', 'req'], origin: 'http://localhost', secure: secure !== undefined, url: '/yes', own: '1', address: '127.0.0.1'
    })
    // The request that it saw is the one that the event `connection` brings.
    assert.deepStrictEqual(await server.ask('seen'), [true, true])
    // A page of a foreign origin is no question.
    assert.strictEqual(await knock(stage, server.port, { secure, origin: 'https://evil.example' }), 403)
    assert.strictEqual((await server.ask('asked')).length, 4)
  }, { ways })
}

for (const role of ['PeerRPCServer', 'PeerPub']) {
  for (const [conf, wanted] of [
    [{ origins: 'https://ours.example' }, "'*', an array of origins, or a function"],
    [{ origins: [1] }, "'*', an array of origins, or a function"],
    [{ origins: true }, "'*', an array of origins, or a function"],
    [{ verifyClient: true }, 'a function']
  ]) {
    each(`a ${role} with ${JSON.stringify(conf)} throws, and does not listen`, ({ implementation }) => {
      const is = { code: 'ERR_OPTION', message: new RegExp(`^ERR_OPTION: .*, and must be ${wanted.replace(/[*]/g, '\\*')}$`) }
      assert.throws(() => new implementation[role]({}, conf), is)
      const peer = new implementation[role]({}, {})
      peer.init()
      const transport = peer.transport('server')
      Object.assign(transport.conf, conf)
      assert.throws(() => transport.listen(0), is)
      peer.stop()
    }, { better: true })
  }
}

each('conf.verifyClient is asked where conf.secure has none', async ({ stage }) => {
  const peer = new native.PeerRPCServer({}, { secure: certificates().server, verifyClient: ({ secure, req }) => secure && req.url === '/yes' })
  peer.init()
  stage.after(() => peer.stop())
  const service = peer.transport('server').listen(0)
  const codes = []
  for (const path of ['/yes', '/no']) codes.push(await knock(stage, service.port, { secure: {}, path }))
  assert.deepStrictEqual(codes, [101, 401])
}, { better: true })

each('an exception of a listener for connections is none of verifyClient', async ({ stage }) => {
  for (const secure of [false, true]) {
    const conf = { verifyClient: (info, decide) => decide(true) }
    const service = secure ? await serveSecure(stage, native, conf) : await stage.serve(native, undefined, conf)
    service.socket.on('connection', () => { throw new Error('own') })
    const uncaught = new Promise(resolve => process.setUncaughtExceptionCaptureCallback(resolve))
    const socket = new Ws(`ws${secure ? 's' : ''}://${service.dest}/ws`, secure ? certificates().client : {})
    socket.on('error', () => {})
    const [err] = await Promise.all([uncaught, once(socket, 'open')])
    process.setUncaughtExceptionCaptureCallback(null)
    assert.strictEqual(err.message, 'own')
    socket.terminate()
  }
}, { better: true })
