'use strict'

// Exit codes and error messages of the command.

const { MAX_LINE } = require('../options/defaults')
const { TEXT } = require('../errors/errors')
const { inLine } = require('../errors/printable')

const EXIT = { OK: 0, FAILED: 1, USAGE: 2, NOTHING: 3, NO_ANSWER: 4 }

/** The meaning of each exit code, for the help. */
const MEANING = {
  [EXIT.OK]: 'done',
  [EXIT.FAILED]: 'the service or the grape answered with an error, or something else failed',
  [EXIT.USAGE]: 'the command line makes no sense',
  [EXIT.NOTHING]: 'nothing found: nobody announced the key, or there is no such value',
  [EXIT.NO_ANSWER]: 'no answer: nobody there, the connection was lost, or the time is up'
}

const SILENCE = [TEXT.TIMEOUT, TEXT.TRANSPORT_CLOSE, TEXT.HANDSHAKE_TIMEOUT, TEXT.HANG_UP]

/** Statuses of servers that are no grapes: of a service, and of a web server. */
const OF_OTHERS = [426, 404]

class Failure extends Error {
  constructor (message, exit) {
    super(message)
    this.exit = exit
  }
}

const usageError = message => new Failure(`${message}; try: grenache --help`, EXIT.USAGE)
const nothingFound = message => new Failure(message, EXIT.NOTHING)

/** The error for a grape's invalid answer with status 200: a text is its error. */
function oddAnswer (answer) {
  const text = inLine(answer)
  return new Error(typeof answer === 'string' && text !== '' ? text : `the grape's answer makes no sense: ${text || 'an empty text'}`)
}

function exitCodeOf (err) {
  if (err.exit !== undefined) return err.exit
  if (err.message === TEXT.LOOKUP_EMPTY) return EXIT.NOTHING
  if (isOfTls(err)) return EXIT.FAILED
  const isLost = err.code === 'ECONNRESET' || (err.syscall !== undefined && err.syscall !== 'listen')
  return isLost || SILENCE.includes(err.message) ? EXIT.NO_ANSWER : EXIT.FAILED
}

/** Remedies for TLS mistakes, by code. */
const OF_TLS = [
  [/^(DEPTH_ZERO_)?SELF_SIGNED|^UNABLE_TO_(VERIFY|GET_ISSUER)/, 'its certificate is signed by nobody known here; name who signed it with --ca, or take any with --insecure'],
  [/^CERT_(HAS_EXPIRED|NOT_YET_VALID)$/, 'its certificate is not valid today; --insecure takes it all the same'],
  [/^ERR_TLS_CERT_ALTNAME_INVALID$/, 'its certificate is that of another name; --insecure takes it all the same'],
  [/^ERR_SSL_(WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG)$|^EPROTO$/, 'the other side speaks no TLS: leave out --cert and --key for services, and use http:// for grapes'],
  [/^ERR_SSL_\w*(ALERT|CERTIFICATE_REQUIRED)/, 'the other side refuses the certificate, or wants one: see --cert and --key']
]

const isOfTls = err => OF_TLS.some(([pattern]) => pattern.test(err.code))

/** The TLS error with its remedy; OpenSSL's own messages help only its authors. */
function explainTls ({ code, message }) {
  const [, words] = OF_TLS.find(([pattern]) => pattern.test(code))
  return `${/SSL|^EPROTO$/.test(code) ? code : message}: ${words}`
}

/** One line for people. */
function explain (err) {
  // Longer text is not printed.
  let text = isOfTls(err) ? explainTls(err) : String(err.message).slice(0, MAX_LINE + 1)
  if (err.message === TEXT.LOOKUP_EMPTY) text += `: nobody announced this key${err.waited === undefined ? '' : ` in ${err.waited / 1000} s`}`
  if (err.message === TEXT.TIMEOUT) text += ': no answer in time'
  if (err.message === TEXT.TRANSPORT_CLOSE) text += ': the connection was lost'
  if (err.hint !== undefined) text += `; ${err.hint}`
  if (err.grape !== undefined && (exitCodeOf(err) === EXIT.NO_ANSWER || OF_OTHERS.includes(err.code))) {
    text += `; is there a grape at ${err.grape}? Name another one with --grape`
  }
  return inLine(text.replace(/\s+/g, ' '))
}

module.exports = { EXIT, Failure, MEANING, exitCodeOf, explain, nothingFound, oddAnswer, usageError }
