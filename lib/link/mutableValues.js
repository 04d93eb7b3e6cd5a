'use strict'

// Mutable values of the DHT, signed with ed25519 (BEP 44): a text for each key pair, and for each salt if a pair has
// several.

const { createHash, createPrivateKey, createPublicKey, sign, verify } = require('crypto')
const { TEXT, badValue } = require('../errors/errors')
const { failure, late } = require('../errors/failure')
const { bufferOf, signable } = require('../grape/signable')

/** The DER prefix of the 32 bytes of a key. */
const PRIVATE = Buffer.from('302e020100300506032b657004220420', 'hex')
const PUBLIC = Buffer.from('302a300506032b6570032100', 'hex')
const KEY_BYTES = 32

/** Stores a value: `cb(err, hash)`. Without `seq` it replaces the present value. */
function putMutable (link, value, opts, cb) {
  const { v, seq, salt, cas, privateKey } = value
  if (typeof v !== 'string' || v === '') throw badValue('v', v, 'a text')
  if (salt !== undefined && typeof salt !== 'string') throw badValue('salt', salt, 'a text')
  if (seq !== undefined && !Number.isSafeInteger(seq)) throw badValue('seq', seq, 'an integer')
  const key = privateOf(privateKey)
  const k = bytesOf(createPublicKey(key))
  // As it will be sent: invalid Unicode becomes U+FFFD.
  const text = Buffer.from(v).toString()
  const put = seq => {
    const sig = sign(null, signable({ salt, seq, v: text }), key).toString('hex')
    const signed = { v: text, k: k.toString('hex'), sig, seq, ...(salt && { salt }), ...(cas !== undefined && { cas }) }
    // A subclass's `put` may take no options, like the original's.
    if (opts) link.put(signed, opts, cb)
    else link.put(signed, cb)
  }
  if (seq !== undefined) return put(seq)
  getMutable(link, k, { ...opts, salt }, (err, found) => {
    if (err) cb(err)
    else put(found === null ? 1 : found.seq + 1)
  })
}

/**
 * Reads a value by its public key: `cb(err, { v, seq, ... })`, null if there is none. A value without that key's
 * signature is an error.
 */
function getMutable (link, publicKey, opts, cb) {
  const { salt, ...rest } = opts || {}
  const key = publicOf(publicKey)
  const k = bytesOf(key)
  const hash = createHash('sha1').update(k).update(salt || '').digest('hex')
  const heard = (err, found) => {
    if (err) return cb(err)
    if (!found || typeof found !== 'object') return cb(null, null)
    if (!isSigned(found, salt, key)) return cb(late(TEXT.SIGNATURE))
    cb(null, found)
  }
  const what = salt ? { hash, salt } : hash
  if (Object.keys(rest).length > 0) link.get(what, rest, heard)
  else link.get(what, heard)
}

/** A grape may return anything. */
function isSigned ({ v, seq, sig }, salt, key) {
  if (typeof v !== 'string' || typeof sig !== 'string' || !Number.isSafeInteger(seq)) return false
  return verify(null, signable({ salt, seq, v }), key, Buffer.from(sig, 'hex'))
}

/** A KeyObject, or `{ publicKey, secretKey }`, where the secret key is the seed, or the seed and the public key. */
function privateOf (pair) {
  if (isKey(pair, 'private')) return pair
  const { publicKey, secretKey } = pair || {}
  const secret = ArrayBuffer.isView(secretKey) ? bufferOf(secretKey) : Buffer.alloc(0)
  if (secret.length === KEY_BYTES || secret.length === 2 * KEY_BYTES) {
    const key = createPrivateKey({ key: Buffer.concat([PRIVATE, secret.subarray(0, KEY_BYTES)]), format: 'der', type: 'pkcs8' })
    const made = bytesOf(createPublicKey(key))
    const told = publicKey === undefined ? secret.subarray(KEY_BYTES) : publicKey
    // An expanded secret key is something else, and would give another pair.
    if (ArrayBuffer.isView(told) && (told.byteLength === 0 || made.equals(bufferOf(told)))) return key
  }
  throw failure(TEXT.PRIVATE_KEY, {}, TypeError)
}

/** A KeyObject of either kind, its 32 bytes, or these in hex. */
function publicOf (key) {
  if (isKey(key, 'public')) return key
  if (isKey(key, 'private')) return createPublicKey(key)
  const bytes = ArrayBuffer.isView(key) ? bufferOf(key) : typeof key === 'string' ? Buffer.from(key, 'hex') : Buffer.alloc(0)
  if (bytes.length !== KEY_BYTES) throw badValue('publicKey', key, 'a KeyObject of ed25519, or its 32 bytes')
  return createPublicKey({ key: Buffer.concat([PUBLIC, bytes]), format: 'der', type: 'spki' })
}

function isKey (key, type) {
  return !!key && key.type === type && key.asymmetricKeyType === 'ed25519'
}

function bytesOf (key) {
  return key.export({ format: 'der', type: 'spki' }).subarray(PUBLIC.length)
}

module.exports = { getMutable, putMutable }
