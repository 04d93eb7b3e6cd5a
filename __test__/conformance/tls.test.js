'use strict'

// RPC over TLS: certificates of all kinds, and what a server learns of its clients.

const assert = require('node:assert')
const { once } = require('events')
const Ws = require('ws')
const { call, each, pair } = require('../helpers/conformance')
const { PASSPHRASE, certificates } = require('../../scripts/lib/certificates')
const { secureClient, serveSecure, upgrade } = require('../helpers/peers/secure')

const made = certificates()

/** `v1` for a certificate of X.509 version 1: one that does not begin with its version. */
function versionOf ({ raw }) {
  // Two sequences with two bytes of length each; then the version's tag, if there is one.
  return raw[8] === 0xa0 ? `v${raw[12] + 1}` : 'v1'
}

/** Answers with what a service can say about its client's certificate. */
const reportCert = (rid, key, payload, handler, cert) => handler.reply(null, {
  payload, name: cert.subject.CN, organisation: cert.subject.O, version: versionOf(cert)
})

const LAX = { rejectUnauthorized: false }

// [what, server's options, client's options, the client's name, its certificate's version]
const KINDS = [
  ['C152: RSA certificates', made.server, made.client, 'client', 'v3'],
  ['C165: EC certificates', made.ecServer, made.ecClient, 'ec-client', 'v3'],
  ['C165: an EC server and an RSA client', made.ecServer, made.client, 'client', 'v3'],
  ['C155 C165: encrypted keys with their passphrase',
    { ...made.encryptedServer, passphrase: PASSPHRASE }, { ...made.encryptedClient, passphrase: PASSPHRASE }, 'encrypted-client', 'v3'],
  ['C164: certificates of X.509 version 1', { ...made.v1Server, ...LAX }, { ...made.v1Client, ...LAX }, 'v1-client', 'v1'],
  ['C164: a version 1 server that the client verifies by its name',
    made.v1Server, { ...made.v1Client, checkServerIdentity: () => undefined }, 'v1-client', 'v1'],
  ['C164: certificates without alternative names', made.namelessServer, { ...made.namelessClient, ...LAX }, 'nameless-client', 'v3'],
  ['C155 C156: certificates of another authority, when nobody insists',
    { ...made.strangerServer, ...LAX }, { ...made.client, ...LAX }, 'client', 'v3'],
  ['C155 C156: a client of another authority, when nobody insists',
    { ...made.server, ...LAX }, { ...made.strangerClient, ca: made.server.ca }, 'stranger-client', 'v3'],
  ['C155: a server of TLS 1.2 only', { ...made.server, maxVersion: 'TLSv1.2' }, made.client, 'client', 'v3'],
  ['C156: a client of TLS 1.2 only', made.server, { ...made.client, maxVersion: 'TLSv1.2' }, 'client', 'v3'],
  ['C155 C156: TLS 1.3 only', { ...made.server, minVersion: 'TLSv1.3' }, { ...made.client, minVersion: 'TLSv1.3' }, 'client', 'v3']
]

for (const [title, ofServer, ofClient, name, version] of KINDS) {
  pair(`${title} work`, async ({ server, client, stage }) => {
    const service = await serveSecure(stage, server, ofServer, reportCert)
    const peer = secureClient(stage, client, service.dest, ofClient)
    for (const payload of ['ü🦀', 'x'.repeat(300000)]) {
      const { err, res } = await call(peer, 'request', 'key', payload, {})
      assert.ifError(err)
      assert.deepStrictEqual(res, { payload, name, organisation: 'Grenache test', version })
    }
  })
}

pair('C152: many requests at once, over several connections, are all answered', async ({ server, client, stage }) => {
  const service = await serveSecure(stage, server)
  const peer = secureClient(stage, client, service.dest)
  const payloads = Array.from({ length: 500 }, (_, at) => ({ at, text: 'x'.repeat(at) }))
  const answers = await Promise.all(payloads.map(payload => call(peer, 'request', 'key', payload, {})))
  assert.deepStrictEqual(answers, payloads.map(res => ({ err: null, res })))
  const [transport] = peer.tpool.list(service.dest)
  assert.strictEqual(transport.socket.url, `wss://${service.dest}/ws`)
})

pair('C163: cert is what Node\'s getPeerCertificate() returns', async ({ server, client, stage }) => {
  const seen = []
  const verifyClient = ({ req }) => seen.push(req.socket.getPeerCertificate())
  const service = await serveSecure(stage, server, { verifyClient }, (rid, key, payload, handler, cert) => {
    seen.push(cert)
    handler.reply(null, cert.fingerprint)
  })
  const { res } = await call(secureClient(stage, client, service.dest), 'request', 'key', 1, {})
  const [expected, cert] = seen
  assert.deepStrictEqual(cert, expected)
  assert.strictEqual(cert.fingerprint, res)
  assert.strictEqual(cert.subject.CN, 'client')
  assert.strictEqual(cert.issuer.CN, 'authority')
  assert.strictEqual(cert.subjectaltname, 'DNS:localhost, IP Address:127.0.0.1')
  for (const name of ['fingerprint', 'fingerprint256', 'serialNumber', 'valid_from', 'valid_to']) {
    assert.strictEqual(typeof cert[name], 'string', name)
  }
  assert(Buffer.isBuffer(cert.raw))
  assert.strictEqual(made.client.cert.toString().replace(/-----.*-----|\s/g, ''), cert.raw.toString('base64'))
})

each('C163: cert is {} for a client without one', async ({ implementation, stage }) => {
  const certs = []
  const service = await serveSecure(stage, implementation, LAX, (rid, key, payload, handler, cert) => {
    certs.push(cert)
    handler.reply(null, rid)
  })
  const socket = new Ws(`wss://${service.dest}/ws`, LAX)
  stage.after(() => socket.terminate())
  await once(socket, 'open')
  socket.send('["id","key",1]')
  assert.deepStrictEqual(JSON.parse((await once(socket, 'message'))[0]), ['id', null, 'id'])
  assert.deepStrictEqual(certs, [{}])
})

for (const requestCert of [true, false, undefined]) {
  pair(`C162: a server asks for a certificate with requestCert: ${requestCert}`, async ({ server, client, stage }) => {
    const service = await serveSecure(stage, server, { requestCert, ...LAX }, reportCert)
    const { res } = await call(secureClient(stage, client, service.dest), 'request', 'key', 1, {})
    assert.strictEqual(res.name, 'client')
  })
}

each('C162: a client without a certificate does not come in by default', async ({ implementation, stage }) => {
  const asked = []
  const service = await serveSecure(stage, implementation, { verifyClient: info => asked.push(info) })
  await assert.rejects(upgrade(service, { ...LAX, key: undefined, cert: undefined }))
  await assert.rejects(upgrade(service, { ...LAX, ...made.strangerClient }))
  assert.strictEqual(asked.length, 0)
  assert.strictEqual((await upgrade(service)).status, 101)
})

each('C152: a server with TLS takes nobody without', async ({ implementation, stage }) => {
  const service = await serveSecure(stage, implementation)
  const socket = new Ws(`ws://${service.dest}/ws`)
  const [err] = await once(socket, 'error')
  assert.match(err.message, /socket hang up|ECONNRESET/)
})

for (const name of ['key', 'cert', 'ca']) {
  const expected = { name: 'AssertionError', message: `conf.secure.${name} must be a Buffer` }

  for (const [what, wrong] of [['text', value => value.toString()], ['absent', () => undefined]]) {
    each(`C153: a server's ${name} that is ${what}`, ({ implementation, stage }) => {
      const secure = { ...made.server, verifyClient: info => true }
      const peer = new implementation.PeerRPCServer({}, { secure: { ...secure, [name]: wrong(secure[name]) } })
      peer.init()
      assert.throws(() => peer.transport('server').listen(1), expected)
    })

    each(`C153: a client's ${name} that is ${what}`, ({ implementation, stage }) => {
      const peer = secureClient(stage, implementation, [], { [name]: wrong(made.client[name]) })
      assert.throws(() => peer.transport('127.0.0.1:1').connect(), expected)
    })
  }

  each(`C153: a request without ${name} hands its callback the error`, async ({ implementation, stage }) => {
    const peer = secureClient(stage, implementation, '127.0.0.1:1', { [name]: 'text' })
    for (let at = 0; at < 4; at++) {
      const { err } = await call(peer, 'request', 'key', 1, {})
      assert.deepStrictEqual([err.name, err.message], [expected.name, expected.message])
    }
  }, { better: true })
}

for (const verifyClient of [undefined, true, {}]) {
  each(`C154: a server with verifyClient: ${JSON.stringify(verifyClient)}`, ({ implementation }) => {
    const peer = new implementation.PeerRPCServer({}, { secure: { ...made.server, verifyClient } })
    peer.init()
    assert.throws(() => peer.transport('server').listen(1), {
      name: 'AssertionError',
      message: /^conf\.secure\.verify must be a function/
    })
  })
}
