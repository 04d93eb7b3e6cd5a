'use strict'

const { getSystemErrorMap, inspect } = require('util')
const { MAX_ERROR_VALUES, MAX_SHOWN } = require('../options/defaults')
const { failure, late, system, tell } = require('./failure')

/** The messages that callers compare with. */
const TEXT = {
  ACTION_UNKNOWN: 'ERR_ACTION_UNKNOWN',
  ABORTED: 'The operation was aborted',
  ANSWER_LIMIT: 'length limit exceeded',
  GRAPE_ALONE: 'ERR_GRAPE_ALONE',
  GRAPE_ANNOUNCE_HOST: 'ERR_GRAPE_ANNOUNCE_HOST',
  GRAPE_SERVICE_PORT: 'ERR_GRAPE_SERVICE_PORT',
  GRAPE_ANSWER: 'ERR_GRAPE_ANSWER',
  GRAPE_STOPPED: 'ERR_GRAPE_STOPPED',
  HANG_UP: 'socket hang up',
  HANDSHAKE_TIMEOUT: 'Opening handshake has timed out',
  KEY_UNKNOWN: 'ERR_KEY_UNKNOWN',
  LOOKUP_EMPTY: 'ERR_GRAPE_LOOKUP_EMPTY',
  LOOKUP_INVALID: 'ERR_GRAPE_LOOKUP_INVALID',
  MEMORY_BUDGET: 'ERR_MEMORY_BUDGET',
  MESSAGES_LIMIT: 'ERR_MESSAGES_LIMIT',
  MISSING_ARGS: 'ERR_MISSING_ARGS',
  NO_PORT: 'ERR_NO_PORT',
  NO_SIGNAL: 'opts.signal must be an AbortSignal',
  NO_STREAMS: 'ERR_STREAMS_UNSUPPORTED',
  NESTING_LIMIT: 'ERR_NESTING_LIMIT',
  NO_LOOKUP: 'link.lookup must be a function',
  PEER_INIT: 'ERR_PEER_INIT',
  // Without the value, which may be a secret.
  PRIVATE_KEY: 'ERR_OPTION: privateKey must be a private KeyObject of ed25519, or { publicKey, secretKey } of 32 and of 32 or 64 bytes',
  REQUESTS_LIMIT: 'ERR_REQUESTS_LIMIT',
  REDIRECTS: 'ERR_GRAPE_REDIRECTS',
  REPLY_INVALID: 'ERR_REPLY_INVALID',
  SIGNATURE: 'ERR_SIGNATURE_INVALID',
  TIMEOUT: 'ERR_TIMEOUT',
  TRANSPORT_CLOSE: 'ERR_TRANSPORT_CLOSE'
}

/** Codes of errors whose messages contain more than the code. */
const CODE = {
  GRAPE_FOREIGN: 'ERR_GRAPE_FOREIGN',
  OPTION: 'ERR_OPTION',
  UNSUPPORTED: 'ERR_UNSUPPORTED'
}

/** libuv's number, name and description of an error, by name or by the system's number. */
function systemError (code, errno) {
  for (const [number, [name, description]] of getSystemErrorMap()) {
    if (code ? name === code : number === -errno) return { number, name, description }
  }
  return null
}

/**
 * Turns a failure of the native side into an Error, with the message and properties of the same error from Node's own
 * `net`.
 */
function fromFailure ({ message, code, errno, syscall, address, port }) {
  // Without a failed system call the message is complete: the other side hung up.
  const known = syscall === undefined || syscall === 'getaddrinfo' ? null : systemError(code, errno)
  if (known !== null) {
    const where = address === undefined ? '' : ` ${address}:${port}`
    const what = syscall === 'listen' ? `: ${known.description}` : ''
    message = `${syscall} ${known.name}${what}${where}`
    code = known.name
    errno = known.number
  }
  const properties = {}
  if (code !== undefined) properties.code = code
  if (errno !== undefined) properties.errno = errno
  if (syscall !== undefined) properties.syscall = syscall
  if (address !== undefined) {
    properties.address = address
    properties.port = port
  }
  const err = system(message, properties)
  return message.startsWith(UNEXPECTED) ? tell(err, { status: Number(message.slice(UNEXPECTED.length)) }) : err
}

const UNEXPECTED = 'Unexpected server response: '

/** The server replied to the upgrade with another status. */
function unexpected (status) {
  return late(`Unexpected server response: ${status}`, { status })
}

/**
 * The Error for what another process sent as one: any JSON value, even one that cannot become a string.
 * @param {object} [known] see `late`
 */
function errorOf (value, known) {
  if (value === undefined || typeof value === 'string') return late(value, known)
  // The text of nested arrays is copied at each level.
  for (const textOf of isLarge(value) ? [] : [String, JSON.stringify]) {
    try {
      const text = textOf(value)
      // `[[]]` becomes an empty string.
      if (text !== '') return late(text, known)
    } catch (err) {
      // `{"toString":1}`, or a value too deep or too large for a text.
    }
  }
  return late(TEXT.REPLY_INVALID, known)
}

/** Whether it is an array or object with more in it than an error message or an id may have. */
function isLarge (value) {
  if (typeof value !== 'object') return false
  let left = MAX_ERROR_VALUES
  const rest = [value]
  while (rest.length > 0) {
    const one = rest.pop()
    left -= typeof one === 'string' ? one.length : 1
    if (left < 0) return true
    if (typeof one !== 'object' || one === null) continue
    const names = Array.isArray(one) ? [] : Object.keys(one)
    const values = Array.isArray(one) ? one : Object.values(one)
    left -= names.reduce((sum, name) => sum + name.length, 0)
    if (rest.length + values.length > left) return true
    rest.push(...values)
  }
  return false
}

/** Whether stringifying a value failed because it needs too much stack, or makes too long a text. */
function isTooLarge (err) {
  return err instanceof RangeError
}

/** The embedded grape's port belongs to another user (`uid`), or to another program. */
function foreignGrape (port, uid) {
  const err = uid === undefined
    ? new Error(`ERR_GRAPE_FOREIGN: no grape has port ${port}`)
    : Object.assign(new Error(`ERR_GRAPE_FOREIGN: user ${uid} has port ${port}`), { uid })
  return Object.assign(err, { code: CODE.GRAPE_FOREIGN, port })
}

/** Node's error for an invalid port. */
function badPort (port) {
  const shown = ['number', 'string'].includes(typeof port) ? port : inspect(port, { depth: 0, customInspect: false })
  const err = new RangeError(
    `options.port should be >= 0 and < 65536. Received type ${typeof port} (${shown}).`
  )
  err.code = 'ERR_SOCKET_BAD_PORT'
  return err
}

/** A grape's address without a password. */
function addressOf (grape) {
  return String(grape).replace(/\/\/[^/@]*@/, '//')
}

/** The Error for a grape's address that is invalid. */
function badGrape (url) {
  // Only the path of a request: the conf names no grape.
  const isNone = /^\/(lookup|announce|unannounce|put|get)$/.test(url)
  const hint = isNone ? ' (`grape` is missing)' : /^\w+:\/\//.test(url) ? '' : ' (http:// is missing)'
  return failure(`ERR_GRAPE_URL: ${addressOf(url)}${hint}`)
}

/**
 * The Error for an invalid option, or an invalid part of one.
 * @param {boolean} [isSecret] it may hold a key, which must not be logged
 */
function badValue (name, value, wanted, isSecret) {
  const shown = isSecret ? `a ${typeof value}` : inspect(value, { depth: 0, customInspect: false }).slice(0, MAX_SHOWN)
  const err = new TypeError(`ERR_OPTION: ${name} is ${shown}, and must be ${wanted}`)
  err.code = CODE.OPTION
  err.option = name
  // Not enumerable, so that it is not printed with the error.
  Object.defineProperty(err, 'value', { value })
  return err
}

/** The Error for a member of another library's object that has no meaning here. */
function unsupported (what) {
  const err = new Error(`ERR_UNSUPPORTED: ${what}`)
  err.code = CODE.UNSUPPORTED
  return err
}

/** Whether a grape's warning is about its configuration, and not about what strangers send. */
function isOfConf (text) {
  return /^(dht_bootstrap|host): |state file/.test(text)
}

module.exports = { CODE, TEXT, addressOf, badGrape, badPort, badValue, errorOf, foreignGrape, fromFailure, isLarge, isOfConf, isTooLarge, unexpected, unsupported }
