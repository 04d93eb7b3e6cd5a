'use strict'

// Deviations of runtimes from Node, and the tests that they affect. A failure counts as the
// runtime's only if the case of probes.js, which does not use this package, shows it too.

const path = require('path')
const { run } = require('./run')

const PROBES = path.join(__dirname, 'probes.js')

/** `tests`: prefixes of their titles. */
const DEVIATIONS = [
  {
    probe: 'ws',
    text: 'loads a `ws` of its own, which behaves as version 8, where a test or a service loads version 7',
    tests: [
      'C15: ', 'C16: ', 'C20: ', 'C21: ', 'C22: ', 'C23: a JSON', 'C24: a JSON', 'C25: a rid', 'C82: a server listens',
      'C83: unlisten closes', 'C86: getSocket makes', 'C139: listen and unlisten may do everything',
      'C141: getSocket may bring a server', 'C151: getSocket may be assigned before', 'TLS: the close code arrives'
    ]
  },
  {
    probe: 'httpsCertificate',
    text: 'a server of its `https` does not know the client\'s certificate (ours do)',
    tests: ['C142: getSecureSocket may bring a server of ws']
  },
  {
    probe: 'tlsOptions',
    text: 'its TLS takes no encrypted key and no `ciphers`, and `pfx` not before `cert`',
    tests: [
      'C155: passphrase', 'C155: pfx', 'C155: ciphers ECDHE', 'C156: ciphers ECDHE', 'C155 C165: encrypted keys',
      'C156: passphrase', 'C156: pfx',
      'C155: a server with an encrypted key', 'C156: an encrypted key', 'C156: no cipher in common'
    ]
  },
  {
    probe: 'version1',
    text: 'its TLS takes no certificate of X.509 version 1',
    tests: ['C164: ']
  },
  {
    probe: 'rawCertificate',
    text: 'the `raw` of its `getPeerCertificate()` is no Buffer',
    tests: ['C163: cert is what Node\'s']
  },
  {
    probe: 'servername',
    text: 'the `servername` of a socket without one is not `false`',
    tests: ['C156: without servername']
  },
  {
    probe: 'plainClient',
    text: 'its TLS server answers a client that comes without',
    tests: ['C152: a server with TLS takes nobody without']
  },
  {
    probe: 'sigalgs',
    text: 'its TLS does not tell the signature algorithms',
    tests: ['C155: sigalgs']
  },
  {
    probe: 'tlsTexts',
    text: 'its TLS is not OpenSSL, and has other words for what is refused',
    tests: ['C155: a server with', 'C156: no ', 'C156: an encrypted key', 'C156: a key', 'C156: a certificate that is none']
  },
  {
    probe: 'errno',
    text: 'its own errors of `listen` have another `errno` than Node\'s, and ours have Node\'s',
    tests: ['C221 C222: a port in use', 'C222: a port in use']
  },
  {
    probe: 'emptyEncoding',
    text: '`Buffer.from(text, \'\')` throws, which the original grape calls',
    tests: ['C184: a salted value']
  }
]

/** The deviations that this runtime has. */
async function deviationsOf ({ kind }, command) {
  if (kind === 'node') return []
  const shown = await Promise.all(DEVIATIONS.map(async ({ probe }) => {
    const { output } = await run([...command, PROBES, probe], 'tokio')
    return /^true$/m.test(output)
  }))
  return DEVIATIONS.filter((deviation, at) => shown[at])
}

module.exports = { deviationsOf }
