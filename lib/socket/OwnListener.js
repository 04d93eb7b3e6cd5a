'use strict'

const EventEmitter = require('events')
const { unsupported } = require('../errors/errors')
const { kConnection, kLeaveToService, kHandled, kKeepOwn, kOwn } = require('../util/symbols')

/** Events of `ws` that handle the handshake's response, which is read on another thread. */
const UNSUPPORTED = new Set(['unexpected-response', 'upgrade'])

/** Events that cost something: the native side sends them only when there is a listener. */
const COSTLY = new Set(['message', 'ping', 'pong'])

/**
 * The listeners of a connection. In the original a transport is one of the `message` listeners, and code that removes
 * that listener, as a gate does until a client is authenticated, stops the transport. So there is such a listener
 * here, which does nothing as long as the native side does its work; when it is touched, the native side stops.
 */
class OwnListener extends EventEmitter {
  constructor (connection) {
    super()
    this[kConnection] = connection
    this[kHandled] = undefined
    this[kOwn] = null
    if (!connection.onSocketMessage) return
    this[kOwn] = data => connection.onSocketMessage(data, this[kHandled] !== undefined && data === this[kHandled])
    super.on('message', this[kOwn])
  }

  on (event, listener) {
    listensTo(this, event, listener)
    return super.on(event, listener)
  }

  addListener (event, listener) {
    listensTo(this, event, listener)
    return super.addListener(event, listener)
  }

  prependListener (event, listener) {
    listensTo(this, event, listener)
    if (event === 'open') this[kConnection].onOpenPrepended(opened => super.prependListener('open', opened))
    return super.prependListener(event, listener)
  }

  off (event, listener) {
    return this[kKeepOwn](super.off(event, listener))
  }

  removeListener (event, listener) {
    return this[kKeepOwn](super.removeListener(event, listener))
  }

  removeAllListeners (...event) {
    return this[kKeepOwn](super.removeAllListeners(...event))
  }

  /** Code that reads the package's own listener will do something with it. */
  listeners (event) {
    if (event === 'message' && this[kOwn] !== null) this[kConnection].leaveNativeLane()
    return super.listeners(event)
  }

  rawListeners (event) {
    if (event === 'message' && this[kOwn] !== null) this[kConnection].leaveNativeLane()
    return super.rawListeners(event)
  }

  /** Nothing serves the connection until the service calls for it: removes the package's own listener. */
  [kLeaveToService] () {
    const { [kConnection]: connection, [kOwn]: own } = this
    if (own === null) return
    connection.leaveNativeLane()
    super.removeListener('message', own)
    this[kOwn] = null
  }

  /** Removing the package's own listener also stops the work that the native side does in its place. */
  [kKeepOwn] (result) {
    if (this[kOwn] !== null && !super.listeners('message').includes(this[kOwn])) this[kConnection].leaveNativeLane()
    return result
  }
}

/** A listener is about to be added. Not the emitter's own `newListener`, which removeAllListeners would remove. */
function listensTo (socket, event, listener) {
  if (UNSUPPORTED.has(event)) throw unsupported(`'${event}' of a native connection`)
  if (!COSTLY.has(event)) return
  const { [kConnection]: connection, [kOwn]: own } = socket
  if (own !== null && event === 'message' && (listener === own || (listener && listener.listener === own))) connection.leaveNativeLane()
  connection.watch()
}

module.exports = OwnListener
