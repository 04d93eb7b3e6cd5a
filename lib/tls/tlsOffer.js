'use strict'

// How the client's side of TLS agrees on keys. Finite-field Diffie-Hellman (DHE) lets an unauthenticated server make
// a client compute with numbers of 8,000 to 10,000 bits, which blocks it for 0.1 s to seconds.

const tls = require('tls')

/** Elliptic curves only, in the system's own order: OpenSSL before 3.5 offers finite fields of 8,192 bits too. */
const CURVES = 'X25519:P-256:X448:P-521:P-384'

/** How other runtimes treat these options is unknown; they have no DHE. */
const isNode = !process.versions.bun && !process.versions.deno

let offersLarge

/** Whether Node offers large fields by default, and accepts the list above. */
function needsCurves () {
  if (offersLarge === undefined) offersLarge = isBefore(process.versions.openssl, 3, 5) && takes({ ecdhCurve: CURVES })
  return offersLarge && tls.DEFAULT_ECDH_CURVE === 'auto'
}

function isBefore (version, major, minor) {
  const [ours, its] = String(version).split('.').map(Number)
  return ours < major || (ours === major && its < minor)
}

/** OpenSSL may be built or configured without one of them. */
function takes (options) {
  try {
    tls.createSecureContext({ ca: [], ...options })
    return true
  } catch (err) {
    return false
  }
}

/** Options of Node's `tls` for a client: without DHE, unless they define the offer themselves. */
function withOffer (options = {}) {
  if (!isNode) return options
  const offer = { ...options }
  if (!offer.ciphers) offer.ciphers = `${tls.DEFAULT_CIPHERS}:!DHE`
  if (!offer.ecdhCurve && needsCurves()) offer.ecdhCurve = CURVES
  return offer
}

module.exports = { withOffer }
