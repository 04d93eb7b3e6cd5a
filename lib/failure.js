'use strict'

// How each Error of ours is made. Its text is what the originals say, since services compare that.
// Beside it, it has a `code`, and what is known of what failed, such as `key`, `dest` and `timeout`.
// Those properties are not enumerable: an Error is equal to one with the same text as it always was,
// and a service that hands one on as JSON does not tell addresses. The stack shows them, and with it
// `util.inspect` and what Node prints of an uncaught one.

const { inspect } = require('util')
const { MAX_ERROR_SHOWN } = require('./defaults')
const { allFramesOf, framesOf, stackOf } = require('./frames')

/** What an Error of ours may know, in the order in which it is shown. */
const NAMES = ['code', 'key', 'dest', 'grape', 'timeout', 'status', 'closeCode', 'limit', 'hint']

/** Where the call was made that failed: an object with a stack. */
const kSite = Symbol('site')

const NOTHING = {}

/** Codes of texts that do not begin with one. What `ws` says has the codes of `ws`. */
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

/** The same for how they begin. */
const BEGINNINGS = [
  ['Unexpected server response: ', 'ERR_UNEXPECTED_RESPONSE'],
  ['Parse Error: ', 'ERR_HANDSHAKE'],
  ['Invalid WebSocket frame: invalid status code', 'WS_ERR_INVALID_CLOSE_CODE'],
  ['Invalid WebSocket frame: ', 'WS_ERR_INVALID_OPCODE'],
  ['WebSocket is not open: ', 'ERR_SOCKET_STATE'],
  ['WebSocket was closed before ', 'ERR_SOCKET_CLOSED']
]

/** The code of a text: its first word where that is one, as in `ERR_OPTION: ...`. */
function codeOf (text) {
  if (typeof text !== 'string') return undefined
  if (text.startsWith('ERR_')) return /^ERR_[A-Z0-9_]*/.exec(text)[0]
  const code = CODES.get(text)
  if (code !== undefined) return code
  const beginning = BEGINNINGS.find(([begins]) => text.startsWith(begins))
  return beginning && beginning[1]
}

const hidden = value => ({ value, writable: true, configurable: true, enumerable: false })

/** A stack that is put together when somebody reads it: most errors are not printed. */
const STACK = {
  get () { return shown(this) },
  set (stack) { Object.defineProperty(this, 'stack', hidden(stack)) },
  configurable: true,
  enumerable: false
}

/** What needs no quotation marks of its own. */
const PLAIN = /^[\w.:[\]/@ -]{0,100}$/

/** An Error with no stack: to capture one takes five times as long as all else of it. */
function bare (text, Class) {
  const { stackTraceLimit } = Error
  // By reflection, since somebody may have frozen it.
  Reflect.set(Error, 'stackTraceLimit', 0)
  const err = new Class(text)
  Reflect.set(Error, 'stackTraceLimit', stackTraceLimit)
  return err
}

/**
 * An Error of a timer, of the network or of somebody's reply: the calls that are running are none of
 * the service's, so its stack has none of them. Thousands may be made at once.
 * @param {object} [known] some of NAMES, and `cause`; a `code` that the text does not say
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
  // A property with a getter takes longer than all else.
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

/** The same for a mistake of the caller, or what he is told at once: its stack begins with his call. */
function failure (text, known, Class) {
  const site = {}
  Error.captureStackTrace(site, failure)
  return lead(late(text, known, Class), site)
}

/** `err` with what it does not know yet; one that is told to others with another key is copied. */
function tell (err, known) {
  if (!(err instanceof Error)) return err
  // What the one before it was told of the same connection.
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

/** An Error with the properties of Node's own, which can be seen as there. */
function system (text, properties) {
  const err = Object.assign(bare(text, Error), properties)
  Object.defineProperties(err, { [kSite]: hidden(undefined), stack: STACK })
  const code = err.code === undefined ? codeOf(text) : undefined
  return code === undefined ? err : Object.defineProperty(err, 'code', hidden(code))
}

/** An Error of Node's own, which gets a stack like ours to show what `known` says. */
function adopt (err, known) {
  if (!(err instanceof Error) || isOurs(err)) return tell(err, known)
  const { stack } = err
  Reflect.defineProperty(err, kSite, hidden({ stack }))
  Reflect.defineProperty(err, 'stack', STACK)
  return tell(err, known)
}

/** `err`, whose stack leads to the call that was made at `site`; a copy where it leads elsewhere. */
function lead (err, site) {
  if (!isOurs(err) || err[kSite] === site) return err
  const led = err[kSite] === undefined ? err : copyOf(err)
  Reflect.defineProperty(led, kSite, hidden(site))
  Reflect.defineProperty(led, 'stack', STACK)
  return led
}

/** Properties that cannot be seen are nobody else's habit. */
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
