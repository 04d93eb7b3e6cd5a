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

/** A certificate signed by `ca`, with an X.509 v3 extension; none makes it X.509 v1. */
function leaf (name, ca, { key = RSA, extension, passphrase } = {}) {
  const encrypt = passphrase ? ['-passout', `pass:${passphrase}`] : ['-nodes']
  openssl('req', '-new', '-newkey', ...key, ...encrypt, '-subj', `/CN=${name}/O=Grenache test`,
    '-keyout', `${name}-key.pem`, '-out', `${name}.csr`)
  const extensions = []
  if (extension) {
    fs.writeFileSync(path.join(folder, `${name}.ext`), `${extension}\n`)
    extensions.push('-extfile', `${name}.ext`)
  }
  openssl('x509', '-req', '-in', `${name}.csr`, '-CA', `${ca}.pem`, '-CAkey', `${ca}-key.pem`,
    '-CAcreateserial', '-days', DAYS, ...extensions, '-out', `${name}.pem`)
  return { key: read(`${name}-key.pem`), cert: read(`${name}.pem`), ca: read(`${ca}.pem`) }
}

const LOCAL = 'subjectAltName=DNS:localhost,IP:127.0.0.1'
const NAMELESS = 'basicConstraints=CA:FALSE'

function makeFolder () {
  if (folder !== undefined) return
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'grenache-certs-'))
  process.once('exit', () => fs.rmSync(folder, { recursive: true, force: true }))
}

/** `{ server, client }` for other hosts than this one: `names` as in a `subjectAltName`. */
function forHosts (names) {
  makeFolder()
  const ca = authority('hosts')
  const extension = `subjectAltName=${names.join(',')}`
  return {
    server: leaf('hosts-server', ca, { extension }),
    client: leaf('hosts-client', ca, { extension })
  }
}

/** `{ server, client, ... }`, each `{ key, cert, ca }`. */
function make () {
  makeFolder()
  const ca = authority('authority')
  const other = authority('stranger')
  return {
    server: leaf('server', ca, { extension: LOCAL }),
    client: leaf('client', ca, { extension: LOCAL }),
    ecServer: leaf('ec-server', ca, { key: EC, extension: LOCAL }),
    ecClient: leaf('ec-client', ca, { key: EC, extension: LOCAL }),
    v1Server: leaf('v1-server', ca),
    v1Client: leaf('v1-client', ca),
    namelessServer: leaf('nameless-server', ca, { extension: NAMELESS }),
    namelessClient: leaf('nameless-client', ca, { extension: NAMELESS }),
    strangerServer: leaf('stranger-server', other, { extension: LOCAL }),
    strangerClient: leaf('stranger-client', other, { extension: LOCAL }),
    encryptedServer: leaf('encrypted-server', ca, { extension: LOCAL, passphrase: PASSPHRASE }),
    encryptedClient: leaf('encrypted-client', ca, { extension: LOCAL, passphrase: PASSPHRASE })
  }
}

/** The same key and certificate as a PKCS #12 file. */
function pfx ({ key, cert }, passphrase) {
  return execFileSync('openssl', ['pkcs12', '-export', '-passout', `pass:${passphrase}`], { input: Buffer.concat([key, cert]) })
}

let made

/** Key and certificates as another process can be told them: base64. */
function asTexts (parts) {
  return Object.fromEntries(['key', 'cert', 'ca'].map(name => [name, parts[name].toString('base64')]))
}

module.exports = {
  PASSPHRASE,
  asTexts,
  certificates: () => (made = made || make()),
  forHosts,
  pfx
}
