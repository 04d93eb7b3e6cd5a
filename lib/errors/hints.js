'use strict'

// Remedies for failures: the `hint` of an Error, which its stack shows.

/** For calls after this side stopped the peer or its transport. */
const STOPPED = 'this side was stopped, or disconnected, before the answer came'

/** A forgotten call. */
const NO_INIT = 'call init() of the peer before its first request'

const STOPPED_LINK = 'the link was stopped'

/** For values that cannot be published. */
const MESSAGE = 'a message is a text, a number or bytes: JSON.stringify makes a text of an object'

/** For a server with TLS, which requests certificates. */
const NO_VERIFY = 'conf.secure.verifyClient is missing: (info) => boolean decides which clients may connect, of whose certificates info.req.socket.getPeerCertificate() tells'

/** For a draining server. */
const LEAVING = 'the server goes away, and has not begun this request'

/** OpenSSL's errors where the other side does not speak TLS. */
const NO_TLS = /wrong version number|packet length too long|unexpected message|http request|record layer failure/i

/** Codes for certificates that none of `ca` has signed. */
const UNTRUSTED = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT', 'SELF_SIGNED_CERT_IN_CHAIN', 'UNABLE_TO_GET_ISSUER_CERT', 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE'
])

/** The meaning of a status instead of an upgrade. */
const STATUS = {
  400: 'the server serves another path, or takes no upgrade here: is it a service of grenache?',
  401: 'the server refuses this client: its verifyClient returned false',
  403: 'the server refuses this client: see its verifyClient, and its origins for pages of browsers',
  404: 'there is a web server at this address, and no service',
  426: 'the server wants another request: is it a service of grenache?',
  500: 'the verifyClient, shouldHandle or origins of the server threw: see the warnings of its process',
  503: 'the server has enough to do'
}

/** A hint for a failed connection; undefined if there is none. */
function ofConnecting (err, dest, isSecure) {
  const { code, message, status } = err
  if (status !== undefined) return STATUS[status]
  if (!isSecure) {
    return code === 'ECONNRESET' || message === 'socket hang up'
      ? `${dest} hung up before it answered: where it is a server with TLS, this client needs conf.secure`
      : undefined
  }
  if ((code === 'EPROTO' || /^ERR_SSL/.test(code)) && NO_TLS.test(message)) {
    return `${dest} does not speak TLS: this client has conf.secure, and that server has none`
  }
  if (code === 'ECONNRESET' || message === 'socket hang up') {
    return `${dest} hung up during the handshake: does it speak TLS, and take the certificate of conf.secure?`
  }
  if (UNTRUSTED.has(code)) return `conf.secure.ca has nobody who signed the certificate of ${dest}`
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    return `the certificate of ${dest} is for other names: conf.secure.servername or checkServerIdentity say which one is meant`
  }
  return undefined
}

module.exports = { LEAVING, MESSAGE, NO_INIT, NO_VERIFY, STOPPED, STOPPED_LINK, ofConnecting }
