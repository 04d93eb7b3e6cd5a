'use strict'

// Deviations of runtimes from Node, as cases of a few lines without this package: `probes.js
// <name>` prints `true` if the runtime deviates.

const http = require('http')
const https = require('https')
const net = require('net')
const tls = require('tls')
const { once } = require('events')
const Ws = require('ws')
const { PASSPHRASE, certificates, pfx } = require('../lib/certificates')

/**
 * Connects by TLS; resolves with the result of `look` for the two sockets, and with null if it
 * fails.
 */
function handshake (ofServer, ofClient, look) {
  return new Promise(resolve => {
    const fail = () => resolve(null)
    try {
      const server = tls.createServer(ofServer).on('tlsClientError', fail)
      const accepted = once(server, 'secureConnection')
      server.listen(0, () => {
        const client = tls.connect({ ...ofClient, host: 'localhost', port: server.address().port })
        client.on('error', fail).on('close', fail)
        client.on('secureConnect', async () => resolve(look(client, (await accepted)[0])))
      })
    } catch (err) {
      fail()
    }
  })
}

const PROBES = {
  /** Version 7 of the package passes text as a string, and `close` disconnects all clients. */
  async ws () {
    const server = new Ws.Server({ port: 0 })
    if (server.address() === null) await once(server, 'listening')
    const client = new Ws(`ws://127.0.0.1:${server.address().port}`)
    const [[socket]] = await Promise.all([once(server, 'connection'), once(client, 'open')])
    client.send('text')
    const [message] = await once(socket, 'message')
    return typeof message !== 'string'
  },

  async httpsCertificate () {
    const { server: parts, client } = certificates()
    const server = https.createServer({ ...parts, requestCert: true }, (req, res) => {
      res.end(String(typeof req.socket.getPeerCertificate !== 'function'))
    })
    await once(server.listen(0), 'listening')
    const [answer] = await once(https.get({ ...client, host: 'localhost', port: server.address().port }), 'response')
    return String(await once(answer, 'data')) === 'true'
  },

  /** OpenSSL's error texts. */
  tlsTexts () {
    const { server, client } = certificates()
    try {
      tls.createSecureContext({ cert: server.cert, key: client.key })
      return true
    } catch (err) {
      return !/key values mismatch/.test(err.message)
    }
  },

  /** An encrypted key, a chosen cipher, and PKCS #12 with precedence over `cert`. */
  async tlsOptions () {
    const { server, encryptedServer: encrypted, strangerServer: stranger } = certificates()
    const { ca } = server
    const cipher = { ciphers: 'ECDHE-RSA-CHACHA20-POLY1305', maxVersion: 'TLSv1.2' }
    const done = await Promise.all([
      handshake({ ...encrypted, passphrase: PASSPHRASE }, { ca }, () => true),
      handshake({ ...server, ...cipher }, { ca }, client => client.getCipher().name === cipher.ciphers),
      handshake({ ...stranger, pfx: pfx(server, PASSPHRASE), passphrase: PASSPHRASE }, { ca }, () => true)
    ])
    return done.every(isRight => !isRight)
  },

  async sigalgs () {
    const { server } = certificates()
    const options = { ecdhCurve: 'prime256v1', sigalgs: 'rsa_pss_rsae_sha512' }
    const shared = await handshake({ ...server, ...options }, { ca: server.ca },
      (client, socket) => socket.getSharedSigalgs && socket.getSharedSigalgs())
    return !shared || shared.length !== 1
  },

  /** A certificate of X.509 version 1. */
  async version1 () {
    const { v1Server, v1Client } = certificates()
    const lax = { checkServerIdentity: () => undefined }
    return !await handshake({ ...v1Server, requestCert: true }, { ...v1Client, ...lax }, (client, socket) => socket.authorized)
  },

  async rawCertificate () {
    const { server } = certificates()
    return handshake(server, { ca: server.ca }, client => !Buffer.isBuffer(client.getPeerCertificate().raw))
  },

  /** For a client without a server name. */
  async servername () {
    const { server } = certificates()
    const lax = { servername: '', checkServerIdentity: () => undefined }
    return await handshake(server, { ca: server.ca, ...lax }, (client, socket) => socket.servername) !== false
  },

  /** A TLS server's response to a client without TLS: none. */
  async plainClient () {
    const server = https.createServer(certificates().server)
    await once(server.listen(0), 'listening')
    const [err] = await once(http.get({ host: 'localhost', port: server.address().port }), 'error')
    return !/socket hang up|ECONNRESET/.test(err.message)
  },

  async errno () {
    const taken = net.createServer()
    await once(taken.listen(0), 'listening')
    const second = http.createServer()
    const failed = once(second, 'error')
    const plain = net.createServer()
    const failedToo = once(plain, 'error')
    second.listen(taken.address().port)
    plain.listen(taken.address().port)
    const errors = await Promise.all([failed, failedToo])
    return errors.some(([err]) => !(err.errno < 0))
  },

  emptyEncoding () {
    try {
      return Buffer.from('text', '').length !== 4
    } catch (err) {
      return true
    }
  }
}

async function main () {
  console.log(await PROBES[process.argv[2]]())
  process.exit()
}

main()
