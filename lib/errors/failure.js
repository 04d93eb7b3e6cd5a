'use strict'

// Makes this package's Errors. Their messages are those of the originals, since services compare them. In addition
// they have a `code`, and details of the failure such as `key`, `dest` and `timeout`. These properties are not
// enumerable: an Error stays deeply equal to one with the same message, and a service that forwards it as JSON
// reveals no addresses. The stack includes them, and so do `util.inspect` and Node's report of an uncaught error.

const { inspect } = require('util')
const { MAX_ERROR_SHOWN } = require('../options/defaults')
const { allFramesOf, framesOf, stackOf } = require('./stackFrames')

/** The details that an Error may have, in the order in which the stack shows them. */
const NAMES = ['code', 'key', 'dest', 'grape', 'timeout', 'status', 'closeCode', 'limit', 'hint']

/** Where the failed call was made: an object with a stack. */
const kSite = Symbol('site')

const NOTHING = {}

/** Codes of messages that do not begin with one. Messages of `ws` have the codes of `ws`. */
const CODES = new Map(Object.entries({
  'Max payload size exceeded': 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH',
  'Opening handshake has timed out': 'ERR_HANDSHAKE_TIMEOUT',
  'Invalid Upgrade header': 'ERR_HANDSHAKE',
  'Invalid Connection header': 'ERR_HANDSHAKE',
  'Invalid Sec-WebSocket-Accept header': 'ERR_HANDSHAKE',
  'Invalid headers': 'ERR_HANDSHAKE',
  'Header overflow': 'ERR_HANDSHAKE',
  'Server sent a subprotocol but none was requested': 'ERR_HANDSHAKE',
  'Server sent an extension but none was requested': 'ERR_HANDSHAKE',
  'length limit exceeded': 'ERR_GRAPE_ANSWER_SIZE',
  'socket hang up': 'ECONNRESET',
  'link.lookup must be a function': 'ERR_INVALID_ARG_TYPE',
  'opts.signal must be an AbortSignal': 'ERR_INVALID_ARG_TYPE',
  'Invalid WebSocket frame: RSV1, RSV2 and RSV3 must be clear': 'WS_ERR_UNEXPECTED_RSV_1',
  'Invalid WebSocket frame: MASK must be set': 'WS_ERR_EXPECTED_MASK',
  'Invalid WebSocket frame: MASK must be clear': 'WS_ERR_UNEXPECTED_MASK',
  'Invalid WebSocket frame: FIN must be set': 'WS_ERR_EXPECTED_FIN',
  'Invalid WebSocket frame: a control frame above 125 bytes': 'WS_ERR_INVALID_CONTROL_PAYLOAD_LENGTH',
  'Invalid WebSocket frame: invalid payload length 1': 'WS_ERR_INVALID_CONTROL_PAYLOAD_LENGTH',
  'Invalid WebSocket frame: invalid UTF-8 sequence': 'WS_ERR_INVALID_UTF8'
}))

/** The same by the beginning of the message. */
const BEGINNINGS = [
  ['Unexpected server response: ', 'ERR_UNEXPECTED_RESPONSE'],
  ['Parse Error: ', 'ERR_HANDSHAKE'],
  ['Invalid WebSocket frame: invalid status code', 'WS_ERR_INVALID_CLOSE_CODE'],
  ['Invalid WebSocket frame: ', 'WS_ERR_INVALID_OPCODE'],
  ['WebSocket is not open: ', 'ERR_SOCKET_STATE'],
  ['WebSocket was closed before ', 'ERR_SOCKET_CLOSED']
]

/** The code of a message: its first word if that is a code, as in `ERR_OPTION: ...`. */
function codeOf (text) {
  if (typeof text !== 'string') return undefined
  if (text.startsWith('ERR_')) return /^ERR_[A-Z0-9_]*/.exec(text)[0]
  const code = CODES.get(text)
  if (code !== undefined) return code
  const beginning = BEGINNINGS.find(([begins]) => text.startsWith(begins))
  return beginning && beginning[1]
}

const hidden = value => ({ value, writable: true, configurable: true, enumerable: false })

/** A stack that is built when it is first read: most errors are never printed. */
const STACK = {
  get () { return shown(this) },
  set (stack) { Object.defineProperty(this, 'stack', hidden(stack)) },
  configurable: true,
  enumerable: false
}

/** Values that need no quotation marks. */
const PLAIN = /^[\w.:[\]/@ -]{0,100}$/

/** An Error without a stack: capturing one takes five times as long as everything else. */
function bare (text, Class) {
  const { stackTraceLimit } = Error
  // By reflection, since the property may be frozen.
  Reflect.set(Error, 'stackTraceLimit', 0)
  const err = new Class(text)
  Reflect.set(Error, 'stackTraceLimit', stackTraceLimit)
  return err
}

/**
 * An Error of a timer, of the network or of a reply. It is made outside the service's calls, so its stack has no
 * frames. Thousands may be made at once.
 * @param {object} [known] some of NAMES, and `cause`; a `code` that is not in the message
 */
function late (text, known = NOTHING, Class = Error) {
  const err = bare(text, Class)
  const { key, dest, timeout } = known
  const code = known.code === undefined ? codeOf(text) : known.code
  if (code !== undefined) Object.defineProperty(err, 'code', hidden(code))
  if (key !== undefined) Object.defineProperty(err, 'key', hidden(key))
  if (dest !== undefined) Object.defineProperty(err, 'dest', hidden(dest))
  if (timeout !== undefined) Object.defineProperty(err, 'timeout', hidden(timeout))
  const { grape, status, closeCode, limit, hint, cause } = known
  const isMore = grape !== undefined || status !== undefined || closeCode !== undefined ||
    limit !== undefined || hint !== undefined || cause !== undefined
  // A property with a getter takes longer than everything else.
  if (!isMore && Class === Error && code === text && typeof timeout === 'number' && isPlain(key) && isPlain(dest)) {
    err.stack = `Error: ${text} { key: '${key}', dest: '${dest}', timeout: ${timeout} }`
  } else {
    Object.defineProperty(err, 'stack', STACK)
  }
  return isMore ? tell(err, known) : err
}

function isPlain (text) {
  return typeof text === 'string' && PLAIN.test(text)
}

/** As `late`, for a mistake of the caller or a synchronous error: the stack begins at the caller's line. */
function failure (text, known, Class) {
  const site = {}
  Error.captureStackTrace(site, failure)
  return lead(late(text, known, Class), site)
}

/** Adds missing details to `err`; an error that is shared between callbacks with different keys is copied. */
function tell (err, known) {
  if (!(err instanceof Error)) return err
  // The previous callback of the same connection got this same error.
  if (known.key !== undefined && err.key === known.key && err.dest !== undefined && err.dest === known.dest) return err
  if (known.key !== undefined && err.key !== undefined && err.key !== known.key && isOurs(err)) {
    err = copyOf(err)
    Object.defineProperty(err, 'key', hidden(known.key))
  }
  const isShown = isOurs(err)
  let isNews = false
  for (const name of [...NAMES, 'cause']) {
    if (known[name] === undefined || err[name] !== undefined) continue
    Reflect.defineProperty(err, name, hidden(known[name]))
    isNews = true
  }
  if (isShown && isNews) Reflect.defineProperty(err, 'stack', STACK)
  return err
}

/** An Error with the properties of Node's own, enumerable as there. */
function system (text, properties) {
  const err = Object.assign(bare(text, Error), properties)
  Object.defineProperties(err, { [kSite]: hidden(undefined), stack: STACK })
  const code = err.code === undefined ? codeOf(text) : undefined
  return code === undefined ? err : Object.defineProperty(err, 'code', hidden(code))
}

/** An Error made by Node, with a stack that shows `known` like this package's. */
function adopt (err, known) {
  if (!(err instanceof Error) || isOurs(err)) return tell(err, known)
  const { stack } = err
  Reflect.defineProperty(err, kSite, hidden({ stack }))
  Reflect.defineProperty(err, 'stack', STACK)
  return tell(err, known)
}

/** `err` with a stack that leads to the call made at `site`; a copy if it leads elsewhere. */
function lead (err, site) {
  if (!isOurs(err) || err[kSite] === site) return err
  const led = err[kSite] === undefined ? err : copyOf(err)
  Reflect.defineProperty(led, kSite, hidden(site))
  Reflect.defineProperty(led, 'stack', STACK)
  return led
}

/** Only this package makes these properties non-enumerable. */
function isOurs (err) {
  return err instanceof Error && (kSite in err || ['code', 'key', 'dest', 'hint'].some(name => {
    const own = Object.getOwnPropertyDescriptor(err, name)
    return own !== undefined && !own.enumerable
  }))
}

function copyOf (err) {
  const copy = bare(err.message, Error)
  const prototype = Object.getPrototypeOf(err)
  if (prototype !== Error.prototype) Object.setPrototypeOf(copy, prototype)
  return Object.defineProperties(copy, Object.getOwnPropertyDescriptors(err))
}

function shown (err) {
  const text = Error.prototype.toString.call(err)
  const { code, hint, ...known } = Object.fromEntries(NAMES
    .filter(name => err[name] !== undefined && !Object.prototype.propertyIsEnumerable.call(err, name))
    .map(name => [name, err[name]]))
  const all = code === undefined || text.includes(code) ? known : { code, ...known }
  const details = Object.keys(all).length === 0
    ? ''
    : ` ${inspect(all, { breakLength: Infinity, compact: true, customInspect: false, depth: 1, maxStringLength: MAX_ERROR_SHOWN })}`
  const said = hint === undefined ? '' : `\n  ${hint}`
  const stack = err[kSite] === undefined ? '' : stackOf(err[kSite])
  const frames = framesOf(stack)
  return [`${text}${details}${said}`, ...(frames.length > 0 ? frames : allFramesOf(stack))].join('\n')
}

module.exports = { NAMES, adopt, codeOf, failure, late, lead, system, tell }
