'use strict'

// Options of Node's tls in conf.secure.

const assert = require('node:assert')
const tls = require('tls')
const { call, pair } = require('../helpers/conformance')
const { PASSPHRASE, certificates, pfx } = require('../../scripts/lib/certificates')
const { secureClient, serveSecure } = require('../helpers/peers/secure')

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

pair('C359: maxPayload of conf.secure is the largest message that the client takes, whatever that of conf', async ({ server, client, stage }) => {
  const service = await serveSecure(stage, server)
  const ask = async (secure, conf) => {
    const peer = stage.client(client, service.dest, { secure: { ...made.client, ...secure }, ...conf })
    const { err, res } = await call(peer, 'request', 'key', 'x'.repeat(2000), { timeout: 5000 })
    return err ? err.message : res.length
  }
  assert.strictEqual(await ask({ maxPayload: 1500 }), 'ERR_TRANSPORT_CLOSE')
  assert.strictEqual(await ask({ maxPayload: '1500' }, { maxPayload: 3000 }), 'ERR_TRANSPORT_CLOSE')
  assert.strictEqual(await ask({ maxPayload: 3000 }, { maxPayload: 1500 }), 2000)
  assert.strictEqual(await ask({ maxPayload: 0 }, { maxPayload: 1500 }), 2000)
  // With the original a message that is too large ends the process.
}, { better: 'client' })

pair('C359: maxPayload of conf.secure lets smaller ones in', async way => {
  assert.strictEqual(await handshake(way, {}, { maxPayload: 1500 }), true)
})

pair('C360: options of conf.secure do not say where a client connects, nor what it asks', async way => {
  const asked = []
  const elsewhere = {
    host: '127.0.0.2',
    hostname: '127.0.0.2',
    port: 1,
    path: '/else',
    method: 'POST',
    protocol: 'http:',
    socketPath: '/nowhere',
    timeout: 1,
    createConnection: () => { throw new Error('it does') }
  }
  await handshake(way, {}, elsewhere, (socket, { req }) => asked.push([req.method, req.url]))
  assert.deepStrictEqual(asked, [['GET', '/ws']])
})

pair('C157: auth of conf.secure reaches the upgrade request', async way => {
  const said = await handshake(way, {}, { auth: 'user:pass' }, (socket, { req }) => req.headers.authorization)
  assert.strictEqual(said, `Basic ${Buffer.from('user:pass').toString('base64')}`)
})

pair('C157: lookup and localAddress of conf.secure are used', async ({ server, client, stage }) => {
  let from
  const service = await serveSecure(stage, server, { verifyClient: info => { from = info.req.socket.remoteAddress; return true } })
  const names = []
  const lookup = (name, opts, cb) => {
    names.push(name)
    cb(null, opts.all ? [{ address: '127.0.0.1', family: 4 }] : '127.0.0.1', 4)
  }
  const peer = secureClient(stage, client, `localhost:${service.port}`, { lookup, localAddress: '127.0.0.3' })
  assert.strictEqual((await call(peer, 'request', 'key', 1, {})).err, null)
  assert.deepStrictEqual(names, ['localhost'])
  assert.match(from, /127\.0\.0\.3$/)
})

for (const [options, what] of [[{ perMessageDeflate: { threshold: 1 } }, 'perMessageDeflate'], [{ protocolVersion: 8 }, 'protocolVersion'], [{ followRedirects: true, maxRedirects: 3 }, 'followRedirects']]) {
  pair(`C361: ${what} of conf.secure is no mistake`, async way => {
    assert.strictEqual(await handshake(way, {}, options), true)
  }, what === 'protocolVersion' ? { better: 'client' } : {})
}

pair('C361: our client does not compress, follow redirects, or speak another version, whatever conf.secure says', async ({ server, client, stage }) => {
  const [headers] = [[]]
  await handshake({ server, client, stage }, {}, { perMessageDeflate: true, protocolVersion: 8 }, (socket, { req }) => headers.push(req.headers))
  assert.strictEqual(headers[0]['sec-websocket-extensions'], undefined)
  assert.strictEqual(headers[0]['sec-websocket-version'], '13')
}, { better: 'client' })
