'use strict'

// TLS with certificates on both sides: the server accepts clients with a certificate signed by its
// authority, and knows which one sends a request. The certificates are made here, with the command
// openssl.
//
//   node examples/tls.js

const { execFileSync } = require('child_process')
const fs = require('fs')
const os = require('os')
const path = require('path')
const { PeerRPCClient, PeerRPCServer, Link } = require('..')

/** A private authority. Its key signs certificates, and stays where they are made. */
class Authority {
  constructor () {
    this.folder = fs.mkdtempSync(path.join(os.tmpdir(), 'grenache-tls-'))
    process.once('exit', () => fs.rmSync(this.folder, { recursive: true, force: true }))
    this._openssl(...'req -x509 -newkey rsa:2048 -nodes -days 365 -subj /CN=authority -keyout ca.key -out ca.crt'.split(' '))
  }

  /** Options of Node's `tls` for `name` at `address`. */
  certify (name, address) {
    fs.writeFileSync(path.join(this.folder, `${name}.ext`), `subjectAltName=IP:${address}`)
    this._openssl(...`req -new -newkey rsa:2048 -nodes -subj /CN=${name} -keyout ${name}.key -out ${name}.csr`.split(' '))
    this._openssl(...`x509 -req -in ${name}.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 365`.split(' '),
      '-extfile', `${name}.ext`, '-out', `${name}.crt`)
    return { key: this._read(`${name}.key`), cert: this._read(`${name}.crt`), ca: this._read('ca.crt') }
  }

  _openssl (...args) {
    execFileSync('openssl', args, { cwd: this.folder, stdio: 'ignore' })
  }

  _read (file) {
    return fs.readFileSync(path.join(this.folder, file))
  }
}

async function main () {
  const authority = new Authority()
  const link = new Link({ grape: process.env.GRAPE || 'embedded' })
  link.start()

  const server = new PeerRPCServer(link, {
    secure: {
      ...authority.certify('bank', '127.0.0.1'),
      requestCert: true,
      rejectUnauthorized: true,
      // Any client that gets here has a certificate of our authority.
      verifyClient: () => true
    }
  })
  server.init()
  const service = server.transport('server').listen(0)
  service.on('request', (rid, key, payload, handler, cert) => handler.reply(null, `hello ${cert.subject.CN}`))
  await link.promises.startAnnouncing('tls_test', service.port)

  const client = new PeerRPCClient(link, { secure: authority.certify('alice', '127.0.0.1') })
  client.init()
  console.log(await client.request('tls_test', null))

  // Its certificate is of another authority, though it trusts the server's.
  const { ca } = client.conf.secure
  const stranger = new PeerRPCClient(link, { secure: { ...new Authority().certify('mallory', '127.0.0.1'), ca } })
  stranger.init()
  await stranger.request('tls_test', null).catch(err => console.log('mallory:', err.message))

  for (const peer of [client, stranger, server]) peer.stop()
  link.stop()
}

main()
