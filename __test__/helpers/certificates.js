'use strict'

// Certificates made for the tests by openssl, once per process.

const { execFileSync } = require('child_process')
const fs = require('fs')
const os = require('os')
const path = require('path')

const DAYS = '2'
const PASSPHRASE = 'open sesame'

let folder

function openssl (...args) {
  return execFileSync('openssl', args, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] })
}

function read (name) {
  return fs.readFileSync(path.join(folder, name))
}

const RSA = ['rsa:2048']
const EC = ['ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1']

/** A certificate authority. */
function authority (name) {
  openssl('req', '-x509', '-newkey', ...RSA, '-nodes', '-days', DAYS, '-subj', `/CN=${name}`,
    '-keyout', `${name}-key.pem`, '-out', `${name}.pem`)
  return name
}

/** A certificate signed by `ca`. `san`: subject alternative names; none makes it X.509 v1. */
function leaf (name, ca, { key = RSA, san, passphrase } = {}) {
  const encrypt = passphrase ? ['-passout', `pass:${passphrase}`] : ['-nodes']
  openssl('req', '-new', '-newkey', ...key, ...encrypt, '-subj', `/CN=${name}/O=Grenache test`,
    '-keyout', `${name}-key.pem`, '-out', `${name}.csr`)
  const extensions = []
  if (san) {
    fs.writeFileSync(path.join(folder, `${name}.ext`), `subjectAltName=${san}\n`)
    extensions.push('-extfile', `${name}.ext`)
  }
  openssl('x509', '-req', '-in', `${name}.csr`, '-CA', `${ca}.pem`, '-CAkey', `${ca}-key.pem`,
    '-CAcreateserial', '-days', DAYS, ...extensions, '-out', `${name}.pem`)
  return { key: read(`${name}-key.pem`), cert: read(`${name}.pem`), ca: read(`${ca}.pem`) }
}

const LOCAL = 'DNS:localhost,IP:127.0.0.1'

/** `{ server, client, ... }`, each `{ key, cert, ca }`. */
function make () {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'grenache-certs-'))
  process.once('exit', () => fs.rmSync(folder, { recursive: true, force: true }))
  const ca = authority('authority')
  const other = authority('stranger')
  return {
    server: leaf('server', ca, { san: LOCAL }),
    client: leaf('client', ca, { san: LOCAL }),
    ecServer: leaf('ec-server', ca, { key: EC, san: LOCAL }),
    ecClient: leaf('ec-client', ca, { key: EC, san: LOCAL }),
    v1Server: leaf('v1-server', ca),
    v1Client: leaf('v1-client', ca),
    strangerServer: leaf('stranger-server', other, { san: LOCAL }),
    strangerClient: leaf('stranger-client', other, { san: LOCAL }),
    encryptedServer: leaf('encrypted-server', ca, { san: LOCAL, passphrase: PASSPHRASE }),
    encryptedClient: leaf('encrypted-client', ca, { san: LOCAL, passphrase: PASSPHRASE })
  }
}

let made

module.exports = {
  PASSPHRASE,
  certificates: () => (made = made || make())
}
