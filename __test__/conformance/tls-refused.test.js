'use strict'

// TLS that cannot be: the client's callback hears why, nothing is uncaught, and the next one works.

const assert = require('node:assert')
const { once } = require('events')
const net = require('net')
const { call, each, pair } = require('../helpers/conformance')
const { certificates } = require('../../scripts/lib/certificates')
const { secureClient, serveSecure } = require('../helpers/peers/secure')

const made = certificates()

// [what, server's options, client's options, what the error says]
const FAILURES = [
  ['a server of another authority', { ...made.strangerServer, ca: made.server.ca }, {},
    { code: /^(UNABLE_TO_(GET_ISSUER_CERT_LOCALLY|VERIFY_LEAF_SIGNATURE)|SELF_SIGNED_CERT_IN_CHAIN)$/ }],
  ['a server without the destination\'s name', made.namelessServer, {}, { code: /^ERR_TLS_CERT_ALTNAME_INVALID$/ }],
  ['a server that has another name', {}, { servername: 'example.org' }, { code: /^ERR_TLS_CERT_ALTNAME_INVALID$/ }],
  ['a checkServerIdentity that says no', {}, { checkServerIdentity: () => new Error('ERR_OWN') }, { message: /^ERR_OWN$/ }],
  ['a client of another authority', {}, { ...made.strangerClient, ca: made.server.ca }, { message: /alert|ECONNRESET|EPIPE|socket hang up|disconnected/ }],
  ['no version in common', { minVersion: 'TLSv1.3' }, { maxVersion: 'TLSv1.2' }, { message: /protocol version/ }],
  ['no cipher in common', { ciphers: 'ECDHE-RSA-AES256-GCM-SHA384', maxVersion: 'TLSv1.2' },
    { ciphers: 'ECDHE-RSA-AES128-GCM-SHA256', maxVersion: 'TLSv1.2' }, { message: /handshake failure/ }],
  ['an encrypted key with a wrong passphrase', {}, { ...made.encryptedClient, passphrase: 'wrong' }, { message: /bad decrypt|DECODER routines::unsupported/ }],
  ['an encrypted key without a passphrase', {}, made.encryptedClient, { message: /cancelled|decrypt|password|passphrase/i }],
  ['a key that does not fit its certificate', {}, { key: made.server.key }, { message: /key values mismatch/ }],
  ['a certificate that is none', {}, { cert: Buffer.from('no certificate') }, { message: /no start line|PEM/i }]
]

for (const [what, ofServer, ofClient, expected] of FAILURES) {
  pair(`C156: ${what}`, async ({ server, client, stage }) => {
    const service = await serveSecure(stage, server, ofServer)
    const peer = secureClient(stage, client, service.dest, ofClient)
    for (const { err, res } of await Promise.all([1, 2].map(payload => call(peer, 'request', 'key', payload, {})))) {
      assert(err instanceof Error)
      for (const [name, pattern] of Object.entries(expected)) assert.match(String(err[name]), pattern)
      assert.strictEqual(res, undefined)
    }
    // The same transport, asked again, fails the same way.
    const [transport] = peer.tpool.list(service.dest)
    assert(!transport.isConnected() && !transport.isConnecting())
    assert((await call(transport, 'request', 'key', 1, {})).err instanceof Error)
  }, { better: 'client' })
}

pair('C152: a client that was refused works once it is let in', async ({ server, client, stage }) => {
  let open = false
  const service = await serveSecure(stage, server, { verifyClient: () => open })
  const peer = secureClient(stage, client, service.dest)
  const transport = peer.transport(service.dest)
  assert.strictEqual((await call(transport, 'request', 'key', 1, {})).err.message, 'Unexpected server response: 401')
  open = true
  assert.deepStrictEqual(await call(transport, 'request', 'key', 2, {}), { err: null, res: 2 })
}, { better: 'client' })

pair('C152: a client with TLS at a server without', async ({ server, client, stage }) => {
  const service = await stage.serve(server)
  const { err } = await call(secureClient(stage, client, service.dest), 'request', 'key', 1, {})
  assert(err instanceof Error)
  const plain = stage.client(client, service.dest)
  assert.deepStrictEqual(await call(plain, 'request', 'key', 1, {}), { err: null, res: 1 })
}, { better: 'client' })

pair('C152: a stranger does not disturb a connected client', async ({ server, client, stage }) => {
  const service = await serveSecure(stage, server)
  const peer = secureClient(stage, client, service.dest)
  const stranger = secureClient(stage, client, service.dest, { ...made.strangerClient, ca: made.server.ca })
  assert.strictEqual((await call(peer, 'request', 'key', 1, {})).res, 1)
  assert((await call(stranger, 'request', 'key', 1, {})).err instanceof Error)
  assert.strictEqual((await call(peer, 'request', 'key', 2, {})).res, 2)
}, { better: 'client' })

for (const [what, wrong, message] of [
  ['an encrypted key with a wrong passphrase', { ...made.encryptedServer, passphrase: 'wrong' }, /bad decrypt|DECODER routines::unsupported/],
  ['a key that does not fit its certificate', { key: made.client.key }, /key values mismatch/],
  ['ciphers that are none', { ciphers: 'none' }, /no cipher match/]
]) {
  each(`C155: a server with ${what} throws when it is to listen`, ({ implementation }) => {
    const peer = new implementation.PeerRPCServer({}, { secure: { ...made.server, verifyClient: info => true, ...wrong } })
    peer.init()
    assert.throws(() => peer.transport('server').listen(1), message)
  })
}

each('conf.handshakeTimeout ends a client that gets no answer with TLS', async ({ implementation, stage }) => {
  const silent = net.createServer(socket => socket.on('error', () => {})).listen(0, '127.0.0.1')
  await once(silent, 'listening')
  stage.after(() => silent.close())
  const dest = `127.0.0.1:${silent.address().port}`
  const peer = stage.client(implementation, dest, { secure: made.client, handshakeTimeout: 50 })
  const { err } = await call(peer, 'request', 'key', 1, {})
  assert.strictEqual(err.message, 'Opening handshake has timed out')
}, { better: true })
