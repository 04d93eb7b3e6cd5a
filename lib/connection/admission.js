'use strict'

// Admits clients, by the origin that a browser sends, and by the service's decision.

const { STATUS_CODES } = require('http')
const { inspect } = require('util')
const { monotonic, nextTick } = require('../util/clock')
const { ADMISSION: MODE } = require('../native/layout')
const { WARNING_PACE } = require('../options/defaults')
const { OPTIONS } = require('../options/optionTable')
const { isThenable } = require('../util/promises')

/** Pages that this machine serves over its loopback interface; as in src/ws/origin.rs. */
const LOOPBACK_ORIGIN = /^https?:\/\/(?:localhost|127(?:\.(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)){3}|\[::1\])(?::(\d+))?$/i

const LOOPBACK_ADDRESS = /^(?:::ffff:)?127\.|^::1$/i

class Admission {
  /**
   * @param {object} conf the transport's
   * @param {function} [verifyClient] decides on every client
   */
  constructor (conf, verifyClient) {
    const origins = OPTIONS.PeerServer.origins.of(conf.origins)
    this._isOrigin = rule(origins)
    this.setVerifyClient(verifyClient)
    this.mode = this._verifyClient ? MODE.ASK_ALL : modeOf(origins)
    this._warnedAt = -Infinity
  }

  /** `verifyClient` decides on every client from now on; undefined accepts all. */
  setVerifyClient (verifyClient) {
    this._verifyClient = OPTIONS.PeerServer.verifyClient.of(verifyClient)
  }

  /** Null if `gate` is null or serves the request; else the response to the client. */
  isFor (gate, req) {
    try {
      return gate === null || gate.shouldHandle(req) ? null : { code: 400 }
    } catch (err) {
      this._warn(err)
      return { code: 500 }
    }
  }

  /**
   * Decides on a client: `answer(null)` accepts it, `answer({ code, message, headers })` rejects it. It is called
   * once, or never if a function of the service never calls back.
   */
  decide (info, answer) {
    const decided = ok => ok ? this._verify(info, answer) : answer({ code: 403 })
    const failed = err => {
      this._warn(err)
      answer({ code: 500 })
    }
    const { origin } = info
    if (origin === undefined) decided(true)
    else outcome(() => this._isOrigin(origin, info), decided, failed)
  }

  _verify (info, answer) {
    const verifyClient = this._verifyClient
    if (!verifyClient) return answer(null)
    const settle = (ok, code, message, headers) => answer(ok ? null : { code: code || 401, message, headers })
    if (verifyClient.length < 2) {
      return outcome(() => verifyClient(info), ok => settle(ok), err => {
        this._warn(err)
        answer({ code: 500 })
      })
    }
    // A decision before verifyClient returns takes effect after it has: the consequences then run outside
    // verifyClient, so that their exceptions are not mistaken for its own.
    let said = null
    let isOver = false
    let isReturned = false
    const end = (...decision) => {
      if (isOver) return
      isOver = true
      settle(...decision)
    }
    const failed = err => {
      this._warn(err)
      end(false, 500)
    }
    try {
      const result = verifyClient(info, (...decision) => {
        if (isReturned) end(...decision)
        else said = said || decision
      })
      if (isThenable(result)) Promise.resolve(result).then(undefined, err => nextTick(failed, err))
    } catch (err) {
      return failed(err)
    } finally {
      isReturned = true
    }
    if (said !== null) end(...said)
  }

  /** Strangers cause this: it must not end the process, or fill the log. */
  _warn (err) {
    const now = monotonic()
    if (now - this._warnedAt < WARNING_PACE) return
    this._warnedAt = now
    const detail = err instanceof Error && typeof err.stack === 'string' ? err.stack : inspect(err)
    process.emitWarning('a client was refused, since verifyClient, shouldHandle or origins threw', {
      type: 'GrenacheWarning', code: 'ERR_VERIFY_CLIENT', detail
    })
  }
}

function modeOf (origins) {
  if (origins === undefined) return MODE.LOCAL
  return origins === '*' ? MODE.ANY : MODE.ASK_ORIGINS
}

/** Turns `conf.origins` into a function of a client's origin. */
function rule (origins) {
  if (origins === undefined) {
    return (origin, { req }) => !isLoopback(req.socket.remoteAddress) || isLoopbackOrigin(origin)
  }
  if (typeof origins === 'function') return origins
  if (origins === '*' || origins.includes('*')) return () => true
  const known = new Set(origins.map(origin => origin.toLowerCase()))
  return origin => known.has(origin.toLowerCase())
}

function isLoopback (address = '') {
  return LOOPBACK_ADDRESS.test(address)
}

function isLoopbackOrigin (origin) {
  const match = LOOPBACK_ORIGIN.exec(origin)
  return match !== null && (match[1] === undefined || Number(match[1]) < 65536)
}

/**
 * Calls a service's function, and passes on its result, or that of its promise. Exceptions of `done` and `failed` are
 * not passed to `failed`.
 */
function outcome (call, done, failed) {
  let result
  try {
    result = call()
  } catch (err) {
    return failed(err)
  }
  if (!isThenable(result)) return done(result)
  Promise.resolve(result).then(value => nextTick(done, value), err => nextTick(failed, err))
}

/** The HTTP response to a rejected client. */
function refusalOf ({ code, message = STATUS_CODES[code], headers = {}, isHead = false }) {
  const lines = Object.entries({
    Connection: 'close',
    'Content-Type': 'text/html',
    'Content-Length': Buffer.byteLength(message || ''),
    ...headers
  }).map(([name, value]) => `${name}: ${value}\r\n`).join('')
  return `HTTP/1.1 ${code} ${STATUS_CODES[code]}\r\n${lines}\r\n${isHead ? '' : message || ''}`
}

module.exports = { Admission, MODE, refusalOf }
