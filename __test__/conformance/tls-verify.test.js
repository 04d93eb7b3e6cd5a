'use strict'

// verifyClient: what it is asked, how it answers, and what a refused client gets.

const assert = require('node:assert')
const { once } = require('events')
const Ws = require('ws')
const { call, each, native, pair } = require('../helpers/conformance')
const { certificates } = require('../../scripts/lib/certificates')
const { startGrapes } = require('../../scripts/lib/grapes')
const { secureClient, serveSecure, upgrade } = require('../helpers/peers/secure')
const { startLink } = require('../helpers/grapes/stand-in')

const WAYS = [
  ['one argument', answer => info => answer],
  ['two arguments, at once', answer => (info, decide) => { decide(answer) }],
  ['two arguments, later', answer => (info, decide) => { setTimeout(decide, 20, answer) }]
]

for (const [what, verifier] of WAYS) {
  pair(`C158: a client is let in by a verifyClient with ${what}`, async ({ server, client, stage }) => {
    const service = await serveSecure(stage, server, { verifyClient: verifier(true) })
    const peer = secureClient(stage, client, service.dest)
    assert.deepStrictEqual(await call(peer, 'request', 'key', 1, {}), { err: null, res: 1 })
  })

  each(`C158 C159: a client is refused by a verifyClient with ${what}`, async ({ implementation, stage }) => {
    const service = await serveSecure(stage, implementation, { verifyClient: verifier(false) })
    const answer = await upgrade(service)
    assert.deepStrictEqual([answer.status, answer.message, answer.text], [401, 'Unauthorized', 'Unauthorized'])
    assert.strictEqual(answer.headers['sec-websocket-accept'], undefined)
    // Nobody else is concerned.
    assert.strictEqual((await upgrade(service)).status, 401)
  })

  pair(`C159: a refused client hears of it, with ${what}`, async ({ server, client, stage }) => {
    const service = await serveSecure(stage, server, { verifyClient: verifier(false) })
    const peer = secureClient(stage, client, service.dest)
    const { err } = await call(peer, 'request', 'key', 1, {})
    assert.strictEqual(err.message, 'Unexpected server response: 401')
  }, { better: 'client' })
}

each('C159: code, message and headers of the answer are verifyClient\'s', async ({ implementation, stage }) => {
  const verifyClient = (info, decide) => {
    if (info.req.url === '/bare') return decide(false, 403)
    decide(false, 429, 'Später, ü', { 'Retry-After': 5, 'X-Own': 'value', 'Content-Type': 'text/plain' })
  }
  const service = await serveSecure(stage, implementation, { verifyClient })
  const { status, message, headers, text } = await upgrade(service)
  assert.deepStrictEqual([status, message, text], [429, 'Too Many Requests', 'Später, ü'])
  assert.strictEqual(headers['retry-after'], '5')
  assert.strictEqual(headers['x-own'], 'value')
  assert.strictEqual(headers['content-type'], 'text/plain')
  assert.strictEqual(headers.connection, 'close')
  const bare = await upgrade(service, { path: '/bare' })
  assert.deepStrictEqual([bare.status, bare.text], [403, 'Forbidden'])
})

pair('C159: a refused client is told the code', async ({ server, client, stage }) => {
  const service = await serveSecure(stage, server, { verifyClient: (info, decide) => decide(false, 418, 'teapot') })
  const { err } = await call(secureClient(stage, client, service.dest), 'request', 'key', 1, {})
  assert.strictEqual(err.message, 'Unexpected server response: 418')
}, { better: 'client' })

pair('C160 C161: verifyClient gets origin, secure and the request', async ({ server, client, stage }) => {
  const infos = []
  const verifyClient = info => {
    // Read now: they are Node's, and of this moment.
    const { url, method, headers, socket } = info.req
    infos.push({
      keys: Object.keys(info),
      origin: info.origin,
      secure: info.secure,
      request: [method, url, headers.host, headers.upgrade, headers['x-own']],
      name: socket.getPeerCertificate().subject.CN,
      authorized: socket.authorized,
      remote: socket.remoteAddress.replace(/^::ffff:/, '')
    })
    return true
  }
  const service = await serveSecure(stage, server, { verifyClient }, undefined, { origins: '*' })
  const peer = secureClient(stage, client, service.dest, { origin: 'https://example.org', headers: { 'X-Own': 'value' } })
  assert.ifError((await call(peer, 'request', 'key', 1, {})).err)
  assert.deepStrictEqual(infos, [{
    keys: ['origin', 'secure', 'req'],
    origin: 'https://example.org',
    secure: true,
    request: ['GET', '/ws', service.dest, 'websocket', 'value'],
    name: 'client',
    authorized: true,
    remote: '127.0.0.1'
  }])
})

each('C160 C161: a client without certificate and origin is not authorized', async ({ implementation, stage }) => {
  const infos = []
  const service = await serveSecure(stage, implementation, {
    rejectUnauthorized: false,
    verifyClient: ({ origin, req }) => infos.push([origin, req.url, req.socket.authorized, req.socket.getPeerCertificate()])
  })
  const socket = new Ws(`wss://${service.dest}/any/path?query=1`, { rejectUnauthorized: false })
  await once(socket, 'open')
  socket.terminate()
  assert.deepStrictEqual(infos, [[undefined, '/any/path?query=1', false, {}]])
})

each('C122: the connection event brings the same request with TLS', async ({ implementation, stage }) => {
  const seen = []
  const service = await serveSecure(stage, implementation, { verifyClient: ({ req }) => seen.push(req) })
  service.socket.on('connection', (socket, req) => seen.push(req))
  const socket = new Ws(`wss://${service.dest}/own`, certificates().client)
  await once(socket, 'open')
  socket.terminate()
  assert.strictEqual(seen.length, 2)
  assert.strictEqual(seen[0], seen[1])
  assert.strictEqual(seen[0].url, '/own')
})

/** The server of the original's README: who may come in, and who may do what. */
function whitelistServer (fingerprints, permissions) {
  const isAllowed = (action, fingerprint) => !!permissions[action] && permissions[action].includes(fingerprint)
  return {
    secure: {
      requestCert: true,
      rejectUnauthorized: false,
      verifyClient: (info, decide) => {
        const { fingerprint } = info.req.socket.getPeerCertificate()
        if (fingerprints.includes(fingerprint)) return decide(true)
        return decide(false, 401, 'Forbidden')
      }
    },
    onRequest: (rid, key, payload, handler, cert) => {
      if (!isAllowed(payload.action, cert.fingerprint)) return handler.reply(new Error('forbidden'))
      handler.reply(null, payload.action + ' action is allowed for this client')
    }
  }
}

function fingerprintOf ({ cert }) {
  return new (require('crypto').X509Certificate)(cert).fingerprint
}

const KEY = 'rpc_whitelist_service'

pair('C158 C163 C170 C174: the whitelist example, over grapes', async ({ server, client, stage }) => {
  const { client: allowed, ecClient: guest, strangerClient } = certificates()
  const [fingerprint, guestFingerprint] = [fingerprintOf(allowed), fingerprintOf(guest)]
  const { secure, onRequest } = whitelistServer([fingerprint, guestFingerprint], { deleteHarddisk: [], ping: [fingerprint] })
  const grapes = await startGrapes()
  stage.after(() => grapes.stop())
  const service = await serveSecure(stage, server, secure, onRequest)
  await call(startLink(stage, server, grapes.urls[0]), 'announce', KEY, service.port, {})

  const link = startLink(stage, client, grapes.urls[1])
  const newPeer = secure => {
    const peer = new client.PeerRPCClient(link, { secure: { ...secure, rejectUnauthorized: false } })
    peer.init()
    stage.after(() => peer.stop())
    return (action, opts = { timeout: 10000 }) => call(peer, 'request', KEY, { action }, opts)
  }
  if (client === native) await once(link, 'connect')
  const ask = newPeer(allowed)
  assert.deepStrictEqual(await ask('ping'), { err: null, res: 'ping action is allowed for this client' })
  for (const [one, action] of [[ask, 'deleteHarddisk'], [ask, 'unknown'], [newPeer(guest), 'ping']]) {
    const { err, res } = await one(action)
    assert.deepStrictEqual([err.message, res], ['forbidden', null])
  }
  const refused = await upgrade(service, { ...strangerClient, rejectUnauthorized: false })
  assert.deepStrictEqual([refused.status, refused.text], [401, 'Forbidden'])
})
