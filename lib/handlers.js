'use strict'

const assert = require('assert')
const { TEXT, errorOf } = require('./errors')
const { late } = require('./failure')
const { kCaller, kController, kEnd, kHandlers } = require('./internal')
const { isThenable } = require('./promises')

/** The functions that answer a server's requests, by key: `handle`. */
class Handlers {
  constructor () {
    this._byKey = new Map()
    /** By the callers' sockets: what is aborted when one is gone. */
    this._controllers = new Map()
  }

  set (key, handler) {
    assert(typeof handler === 'function', 'the handler must be a function, or null')
    this._byKey.set(key, handler)
  }

  /** Returns how many are left. */
  delete (key) {
    this._byKey.delete(key)
    return this._byKey.size
  }

  /**
   * Answers a request. False: it is for those who listen for `request`.
   * @param {object} caller has `socket`, or nothing where nobody knows whose request it is
   */
  answer (caller, rid, key, payload, reply, cert, isHeard) {
    const handler = this._byKey.get(key)
    if (handler !== undefined) run(handler, payload, new Context(this, caller, rid, key, cert), reply)
    else if (!isHeard) reply(late(TEXT.KEY_UNKNOWN, { key }))
    return handler !== undefined || !isHeard
  }

  /** The server stops: nobody waits for what is under way. */
  abort () {
    for (const socket of [...this._controllers.keys()]) this._abort(socket)
  }

  /** Lets a controller be aborted when the socket is closed. */
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

/** What a handler knows of its request beside the payload. */
class Context {
  constructor (handlers, caller, rid, key, cert) {
    this.rid = rid
    this.key = key
    this.cert = cert
    this[kHandlers] = handlers
    this[kCaller] = caller
    this[kController] = null
  }

  /** Aborted when the caller is gone, or the server stops. Made only for who asks. */
  get signal () {
    if (this[kController] === null) {
      this[kController] = new AbortController()
      if (this[kCaller]) this[kHandlers]._follow(this[kCaller].socket, this[kController])
    }
    return this[kController].signal
  }

  /** The request is answered: whoever asks for the signal now needs no abort. */
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
      // What JSON cannot say.
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

/** What was thrown, with a message: without one the caller would see no error. */
function telling (err) {
  let error = null
  try {
    if (err && typeof err.message === 'string' && err.message !== '') return err
    error = errorOf(err instanceof Error ? err.name : err)
  } catch (failure) {
    // A getter that throws, say.
  }
  return error === null || error.message === '' ? new Error('Error') : error
}

module.exports = Handlers
