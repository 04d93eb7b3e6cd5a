'use strict'

const EventEmitter = require('events')
const { unsupported } = require('./errors')
const { kConnection, kDisown, kHandled, kKeepOwn, kOwn } = require('./internal')

/** Events of `ws` that would take the answer to the handshake, which is read on another thread. */
const UNSUPPORTED = new Set(['unexpected-response', 'upgrade'])

/** Events that cost something: the native side sends them only to those who listen. */
const COSTLY = new Set(['message', 'ping', 'pong'])

/**
 * Who listens to a connection. With the original a transport is one of those who listen for `message`,
 * and whoever takes that listener away, as a gate does until a client has said who it is, ends what the
 * transport does. So there is such a listener here, which does nothing as long as the native side does
 * its work; when somebody touches it, the native side lets go.
 */
class OwnListener extends EventEmitter {
  constructor (connection) {
    super()
    this[kConnection] = connection
    this[kHandled] = undefined
    this[kOwn] = null
    if (!connection.hear) return
    this[kOwn] = data => connection.hear(data, this[kHandled] !== undefined && data === this[kHandled])
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
    if (event === 'open') this[kConnection].hearOpened(opened => super.prependListener('open', opened))
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

  /** Whoever asks for our own listener does something with it. */
  listeners (event) {
    if (event === 'message' && this[kOwn] !== null) this[kConnection].leave()
    return super.listeners(event)
  }

  rawListeners (event) {
    if (event === 'message' && this[kOwn] !== null) this[kConnection].leave()
    return super.rawListeners(event)
  }

  /** The connection is nobody's to serve until a service says so: there is no own listener any more. */
  [kDisown] () {
    const { [kConnection]: connection, [kOwn]: own } = this
    if (own === null) return
    connection.leave()
    super.removeListener('message', own)
    this[kOwn] = null
  }

  /** What our own listener does without a call stops when somebody takes that away. */
  [kKeepOwn] (result) {
    if (this[kOwn] !== null && !super.listeners('message').includes(this[kOwn])) this[kConnection].leave()
    return result
  }
}

/** Somebody is about to listen. Not by an event of the emitter: whoever removes all listeners would end that. */
function listensTo (socket, event, listener) {
  if (UNSUPPORTED.has(event)) throw unsupported(`'${event}' of a native connection`)
  if (!COSTLY.has(event)) return
  const { [kConnection]: connection, [kOwn]: own } = socket
  if (own !== null && event === 'message' && (listener === own || (listener && listener.listener === own))) connection.leave()
  connection.watch()
}

module.exports = OwnListener
