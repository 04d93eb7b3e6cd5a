'use strict'

// Signed values of BEP 44, with Node's own ed25519.

const crypto = require('crypto')

/** What stands before the 32 bytes of a public key in DER. */
const PREFIX = Buffer.from('302a300506032b6570032100', 'hex')

/** The `verify` option of the original's grapes. */
function verify (sig, message, k) {
  const key = crypto.createPublicKey({ key: Buffer.concat([PREFIX, k]), format: 'der', type: 'spki' })
  return crypto.verify(null, message, key, sig)
}

/** A key pair: `sign(value)` adds what a put needs. */
function keys () {
  const { privateKey, publicKey } = crypto.generateKeyPairSync('ed25519')
  const k = publicKey.export({ format: 'der', type: 'spki' }).subarray(PREFIX.length)
  const sign = value => {
    const { v, seq, salt } = value
    const salted = salt ? `4:salt${Buffer.byteLength(salt)}:${salt}` : ''
    const message = Buffer.from(`${salted}3:seqi${seq}e1:v${Buffer.byteLength(v)}:${v}`)
    return { ...value, k: k.toString('hex'), sig: crypto.sign(null, message, privateKey).toString('hex') }
  }
  return { k, privateKey, sign }
}

module.exports = { keys, verify }
