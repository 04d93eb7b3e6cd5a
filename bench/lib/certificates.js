'use strict'

const { execFileSync } = require('child_process')
const fs = require('fs')
const os = require('os')
const path = require('path')

/** Creates an authority and two certificates signed by it, once; returns their folder. */
function makeCertificates () {
  if (makeCertificates.folder) return makeCertificates.folder
  const folder = makeCertificates.folder = fs.mkdtempSync(path.join(os.tmpdir(), 'grenache-bench-'))
  const openssl = (...args) => execFileSync('openssl', args, { cwd: folder, stdio: 'ignore' })
  openssl('req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=authority',
    '-keyout', 'authority-key.pem', '-out', 'authority.pem')
  for (const name of ['server', 'client']) {
    openssl('req', '-new', '-newkey', 'rsa:2048', '-nodes', '-subj', `/CN=${name}`,
      '-keyout', `${name}-key.pem`, '-out', `${name}.csr`)
    openssl('x509', '-req', '-in', `${name}.csr`, '-CA', 'authority.pem', '-CAkey', 'authority-key.pem',
      '-CAcreateserial', '-days', '2', '-out', `${name}.pem`)
  }
  return folder
}

module.exports = { makeCertificates }
