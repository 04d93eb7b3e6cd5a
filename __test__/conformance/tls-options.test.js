'use strict'

// Options of Node's tls in conf.secure.

const assert = require('node:assert')
const tls = require('tls')
const { call, pair } = require('../helpers/conformance')
const { PASSPHRASE, certificates, pfx } = require('../helpers/certificates')
const { secureClient, serveSecure } = require('../helpers/secure')

const made = certificates()

/** One request of a client to a server; resolves with what `ask(socket, info)` says of Node's TLS socket. */
async function handshake ({ server, client, stage }, ofServer, ofClient, ask = () => true) {
  let said
  const verifyClient = info => {
    said = ask(info.req.socket, info)
    return true
  }
  const service = await serveSecure(stage, server, { verifyClient, ...ofServer }, undefined, { origins: '*' })
  const { err, res } = await call(secureClient(stage, client, service.dest, ofClient), 'request', 'key', 1, {})
  assert.ifError(err)
  assert.strictEqual(res, 1)
  return said
}

const cipherName = socket => socket.getCipher().name
const peerName = socket => socket.getPeerCertificate().subject.CN

// For the server.

pair('C155: passphrase', async way => {
  assert.strictEqual(await handshake(way, { ...made.encryptedServer, passphrase: PASSPHRASE }, {}), true)
})

pair('C155: pfx', async way => {
  // The client trusts only the authority of what is in the PFX file.
  const container = pfx(made.server, 'pfx secret')
  assert.strictEqual(await handshake(way, { ...made.strangerServer, ca: made.server.ca, pfx: container, passphrase: 'pfx secret' }), true)
})

for (const version of ['TLSv1.2', 'TLSv1.3']) {
  pair(`C155: minVersion and maxVersion ${version}`, async way => {
    const said = await handshake(way, { minVersion: version, maxVersion: version }, {}, socket => socket.getProtocol())
    assert.strictEqual(said, version)
  })

  pair(`C156: minVersion and maxVersion ${version}`, async way => {
    const said = await handshake(way, {}, { minVersion: version, maxVersion: version }, socket => socket.getProtocol())
    assert.strictEqual(said, version)
  })
}

for (const name of ['ECDHE-RSA-AES256-GCM-SHA384', 'ECDHE-RSA-CHACHA20-POLY1305']) {
  const options = { ciphers: name, maxVersion: 'TLSv1.2' }
  pair(`C155: ciphers ${name}`, async way => {
    assert.strictEqual(await handshake(way, options, {}, cipherName), name)
  })

  pair(`C156: ciphers ${name}`, async way => {
    assert.strictEqual(await handshake(way, {}, options, cipherName), name)
  })
}

pair('C155: a server\'s ALPNProtocols do not keep out clients that ask for none', async way => {
  const said = await handshake(way, { ALPNProtocols: ['own/1', 'own/2'] }, {}, socket => socket.alpnProtocol)
  assert.strictEqual(said, false)
})

pair('C155 C156: ALPNProtocols of both', async way => {
  const said = await handshake(way, { ALPNProtocols: ['own/1', 'own/2'] }, { ALPNProtocols: ['other', 'own/2'] }, socket => socket.alpnProtocol)
  assert.strictEqual(said, 'own/2')
})

pair('C155 C156: SNICallback decides by the client\'s servername', async way => {
  const names = []
  const SNICallback = (name, cb) => {
    names.push(name)
    cb(null, tls.createSecureContext(made.server))
  }
  // Without it the client would not trust the server.
  const ofServer = { ...made.strangerServer, ca: made.server.ca, SNICallback }
  const said = await handshake(way, ofServer, { servername: 'localhost' }, socket => socket.servername)
  assert.strictEqual(said, 'localhost')
  assert.deepStrictEqual(names, ['localhost'])
})

pair('C155: sigalgs and ecdhCurve', async way => {
  const said = await handshake(way, { ecdhCurve: 'prime256v1', sigalgs: 'rsa_pss_rsae_sha512' }, {},
    socket => socket.getSharedSigalgs())
  assert.deepStrictEqual(said, ['RSA-PSS+SHA512'])
})

pair('C155: several authorities in ca', async way => {
  const ca = Buffer.concat([made.strangerServer.ca, made.server.ca])
  assert.strictEqual(await handshake(way, { ca }, { ...made.strangerClient, ca }, peerName), 'stranger-client')
})

// For the client.

pair('C156: servername is what the certificate must be for', async way => {
  const said = await handshake(way, {}, { servername: 'localhost' }, socket => socket.servername)
  assert.strictEqual(said, 'localhost')
})

pair('C156: without servername an address sends none', async way => {
  assert.strictEqual(await handshake(way, {}, {}, socket => socket.servername), false)
})

pair('C156: checkServerIdentity is asked about the destination', async way => {
  const asked = []
  const checkServerIdentity = (host, cert) => { asked.push([host, cert.subject.CN]) }
  await handshake(way, made.namelessServer, { checkServerIdentity })
  assert.deepStrictEqual(asked, [['127.0.0.1', 'nameless-server']])
})

pair('C156: rejectUnauthorized: false takes any server', async way => {
  assert.strictEqual(await handshake(way, { ...made.strangerServer, ca: made.server.ca }, { rejectUnauthorized: false }), true)
})

pair('C156: passphrase', async way => {
  const said = await handshake(way, {}, { ...made.encryptedClient, passphrase: PASSPHRASE }, peerName)
  assert.strictEqual(said, 'encrypted-client')
})

pair('C156: pfx', async way => {
  const container = pfx(made.namelessClient, 'pfx secret')
  const said = await handshake(way, {}, { pfx: container, passphrase: 'pfx secret' }, peerName)
  assert.strictEqual(said, 'nameless-client')
})

pair('C157: headers and origin reach the upgrade request', async way => {
  const headers = { Authorization: 'Bearer token', 'X-List': ['a', 'b'], 'User-Agent': 'own' }
  const said = await handshake(way, {}, { headers, origin: 'https://example.org' }, (socket, { req }) => req.headers)
  assert.strictEqual(said.authorization, 'Bearer token')
  assert.strictEqual(said['x-list'], 'a, b')
  assert.strictEqual(said['user-agent'], 'own')
  assert.strictEqual(said.origin, 'https://example.org')
  assert.strictEqual(said.upgrade, 'websocket')
  assert.strictEqual(said['sec-websocket-version'], '13')
})
