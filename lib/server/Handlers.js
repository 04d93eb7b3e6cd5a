'use strict'

const assert = require('assert')
const { TEXT, errorOf } = require('../errors/errors')
const { late } = require('../errors/failure')
const { kCaller, kController, kEnd, kHandlers } = require('../util/symbols')
const { isThenable } = require('../util/promises')

/** The handlers of an object as `[key, handler]`. All are checked before one is set: half a service is worse than none. */
function handlersIn (object) {
  const found = Object.entries(object)
  assert(found.length > 0 && found.every(([, handler]) => typeof handler === 'function'), 'the handlers must be functions, by key')
  return found
}

/** A server's request handlers by key: `handle`. */
class Handlers {
  constructor () {
    this._byKey = new Map()
    /** By the callers' sockets: the AbortControllers to abort when one closes. */
    this._controllers = new Map()
  }

  set (key, handler) {
    assert(typeof handler === 'function', 'the handler must be a function, or null')
    this._byKey.set(key, handler)
  }

  /** Returns how many handlers are left. */
  delete (key) {
    this._byKey.delete(key)
    return this._byKey.size
  }

  /**
   * Handles a request, or rejects it if the event `request` has no listener.
   * @param {object} caller has `socket`; undefined if the caller is unknown
   */
  answer (caller, rid, key, payload, reply, cert, isHeard) {
    const handler = this._byKey.get(key)
    if (handler !== undefined) run(handler, payload, new RequestContext(this, caller, rid, key, cert), reply)
    else if (!isHeard) reply(late(TEXT.KEY_UNKNOWN, { key }))
    return handler !== undefined || !isHeard
  }

  /** The server stops: aborts the running handlers. */
  abort () {
    for (const socket of [...this._controllers.keys()]) this._abort(socket)
  }

  /** Aborts a controller when the socket closes. */
  _follow (socket, controller) {
    if (socket.readyState > socket.OPEN) return controller.abort()
    if (!this._controllers.has(socket)) {
      this._controllers.set(socket, new Set())
      socket.on('close', () => this._abort(socket))
    }
    this._controllers.get(socket).add(controller)
  }

  _unfollow (socket, controller) {
    const controllers = this._controllers.get(socket)
    if (controllers !== undefined) controllers.delete(controller)
  }

  _abort (socket) {
    const controllers = this._controllers.get(socket)
    this._controllers.delete(socket)
    if (controllers !== undefined) for (const controller of controllers) controller.abort()
  }
}

/** A handler's second argument: everything about the request except the payload. */
class RequestContext {
  constructor (handlers, caller, rid, key, cert) {
    this.rid = rid
    this.key = key
    this.cert = cert
    this[kHandlers] = handlers
    this[kCaller] = caller
    this[kController] = null
  }

  /** Aborted when the caller disconnects, or the server stops. Made when it is first read. */
  get signal () {
    if (this[kController] === null) {
      this[kController] = new AbortController()
      if (this[kCaller]) this[kHandlers]._follow(this[kCaller].socket, this[kController])
    }
    return this[kController].signal
  }

  /** The request got its reply: a signal that is first read now will not be aborted. */
  [kEnd] () {
    if (this[kController] !== null && this[kCaller]) this[kHandlers]._unfollow(this[kCaller].socket, this[kController])
    this[kCaller] = null
  }
}

function run (handler, payload, context, reply) {
  const fail = err => {
    context[kEnd]()
    reply(telling(err))
  }
  const succeed = result => {
    context[kEnd]()
    try {
      reply(null, result)
    } catch (err) {
      // A result that JSON cannot express.
      reply(telling(err))
    }
  }
  let result
  try {
    result = handler(payload, context)
  } catch (err) {
    return fail(err)
  }
  if (isThenable(result)) Promise.resolve(result).then(succeed, fail)
  else succeed(result)
}

/** The thrown value as an error with a message: without a message the caller would see no error. */
function telling (err) {
  let error = null
  try {
    if (err && typeof err.message === 'string' && err.message !== '') return err
    error = errorOf(err instanceof Error ? err.name : err)
  } catch (failure) {
    // For example a getter that throws.
  }
  return error === null || error.message === '' ? new Error('Error') : error
}

module.exports = Handlers
module.exports.handlersIn = handlersIn
