'use strict'

const EventEmitter = require('events')
const { nextTick } = require('../util/clock')
const Connection = require('../connection/Connection')
const { unsupported } = require('../errors/errors')
const {
  kAdd, kAdding, kAttach, kBelongTo, kClosed, kConnection, kLeaveToService, kWebSocketServer, kFaceOptions, kFail, kIsWatched, kListen,
  kListener, kNewConnection, kOnConnection, kOnListenError, kOwn, kRefused, kOnConnectionEvent, kServed, kState, kOnServedNatively, kTrack,
  kTransport
} = require('../util/symbols')
const { OPTIONS } = require('../options/optionTable')
const { copyOf } = require('../options/values')
const { requestOf } = require('./upgradeRequest')
const { isFor } = require('../connection/serverOptions')

/**
 * A server with the interface of the `ws` package, version 7: the face of a listener.
 *
 * Events: `connection` (socket, request), `listening`, `close`, `error`.
 */
class WebSocketServerLike extends EventEmitter {
  /**
   * @param {function(object): object} listen makes the listener for an owner, or throws
   * @param {object} transport the owner of the connections
   * @param {object} [given] the user's options for `ws`'s server
   */
  constructor (listen, transport, given = {}) {
    super()
    this[kFaceOptions] = optionsOf(transport, given)
    /** The connected clients' sockets; undefined if the user does not want them. */
    this.clients = isTracking(given) ? new Set() : undefined
    /** The package's own `connection` listener, where the transport does not listen for connections itself. */
    this[kOwn] = this[kAdding] = this[kServed] = null
    this[kState] = 'open'
    this[kListener] = this[kTransport] = undefined
    guardOptions(this)
    guardRequests(this)
    if (listen) this[kListen](listen, transport)
  }

  /** As the original's; an assigned object is merged into it. */
  get options () {
    return this[kFaceOptions]
  }

  set options (options) {
    Object.assign(this[kFaceOptions], options)
  }

  on (event, listener) {
    listensTo(this, event)
    return super.on(event, listener)
  }

  addListener (event, listener) {
    listensTo(this, event)
    return super.addListener(event, listener)
  }

  prependListener (event, listener) {
    listensTo(this, event)
    return super.prependListener(event, listener)
  }

  /** The face of a transport's own listener: the transport listens until either of them is closed. */
  static of (listener, transport) {
    const server = new WebSocketServerLike(null, transport)
    // In the original the serving function is a listener too, which a gate may remove, and call later.
    server[kServed] = transport
    server[kOwn] = (socket, req) => {
      if (socket !== server[kAdding]) return transport[kOnConnectionEvent](socket, req)
      server[kAdding] = null
      transport[kOnServedNatively](socket[kConnection])
    }
    server.on('connection', server[kOwn])
    server[kAttach](listener)
    server.on('close', () => {
      // The transport may listen again, with another face.
      if (transport[kWebSocketServer] === server) transport.unlistening()
    })
    for (const connection of listener.connections) server[kTrack](connection)
    return server
  }

  /** Assigns this to a transport, which gets its error too. */
  [kBelongTo] (transport) {
    this[kTransport] = transport
    if (this[kState] === 'closed') transport.unlistening()
  }

  /** The face of a listener that failed: emits `err` in a later tick. */
  [kFail] (err, transport) {
    this[kState] = 'closed'
    if (transport) this[kBelongTo](transport)
    nextTick(() => this[kRefused](err))
  }

  emit (event, ...args) {
    // Without a listener the transport throws the error.
    if (event === 'error' && this.listenerCount('error') === 0) return false
    return super.emit(event, ...args)
  }

  address () {
    return this[kListener] ? this[kListener].address() : null
  }

  /** Whether it accepts requests for this path: any, unless the server has a path. */
  shouldHandle (req) {
    const { options: ours } = this
    return isFor(ours.path, req.url)
  }

  handleUpgrade () {
    throw unsupported("'handleUpgrade' of a native server: it has a port of its own")
  }

  close (cb) {
    if (cb) this.once('close', cb)
    if (this[kState] === 'closed') nextTick(() => this[kClosed]())
    if (this[kState] !== 'open') return
    this[kState] = 'closing'
    if (this[kListener]) this[kListener].close(() => this[kClosed]())
    else nextTick(() => this[kClosed]())
  }

  [kListen] (listen, transport) {
    try {
      this[kAttach](listen({
        [kNewConnection]: lanes => new Connection(lanes, transport),
        [kOnConnection]: connection => this[kAdd](connection),
        [kOnListenError]: err => this[kRefused](err)
      }))
    } catch (err) {
      // A mistake in the configuration, and not the system's error for the port.
      if (!err.syscall) throw err
      this[kFail](err)
    }
  }

  [kAttach] (listener) {
    this[kListener] = listener
    // As the original, which has its port there.
    if (listener.nodeServer) Object.assign(this.options, { server: listener.nodeServer, port: null })
    listener.setGate(this)
    if (listener.verifyClient) Object.assign(this.options, { verifyClient: listener.verifyClient })
    listener.whenListening(() => this.emit('listening'))
  }

  [kTrack] ({ socket }) {
    if (this.clients === undefined) return
    this.clients.add(socket)
    socket.once('close', () => this.clients.delete(socket))
  }

  [kAdd] (connection) {
    this[kTrack](connection)
    const { socket } = connection
    const { [kOwn]: own } = this
    const listeners = this.rawListeners('connection')
    // If no other listener comes before the package's own, the native side serves the connection.
    const isNative = own !== null && listeners[0] === own
    if (isNative && listeners.length === 1) {
      this[kServed][kOnServedNatively](connection)
    } else {
      if (isNative) this[kAdding] = socket
      else if (own !== null) this[kServed][kLeaveToService](connection)
      if (listeners.length > 0) this.emit('connection', socket, upgradeOf(connection))
    }
    // Messages were watched in case a listener was added.
    if (!socket[kIsWatched]) connection.unwatch()
  }

  /** Emits the error of the port here and on the transport; uncaught only without any listener. */
  [kRefused] (err) {
    this[kState] = 'closed'
    const transport = this[kTransport]
    // It may listen again by now, with another face.
    if (transport && transport.socket === this) transport.unlistening()
    const heard = this.emit('error', err)
    if (transport && (!heard || transport.listenerCount('error') > 0)) transport.emit('error', err)
    else if (!heard) super.emit('error', err)
  }

  [kClosed] () {
    this[kState] = 'closed'
    this.emit('close')
  }
}

/** A listener is about to be added. Not the emitter's own `newListener`, which removeAllListeners would remove. */
function listensTo (server, event) {
  // The handshake's response is written on another thread, and is always the same.
  if (event === 'headers') throw unsupported("'headers' of a native server")
  // A listener for connections gets each message of each of them.
  if (event === 'connection' && server[kListener]) server[kListener].watch()
}

/** Server options that admit clients take effect when they are changed; changing one that is fixed throws. */
function guardOptions (server) {
  const { options } = server
  const guard = (name, change) => {
    let value = options[name]
    Object.defineProperty(options, name, {
      configurable: false,
      enumerable: true,
      get: () => value,
      set: given => {
        if (given === value) return
        change(given)
        value = given
      }
    })
  }
  const fixed = name => given => {
    throw unsupported(`another '${name}' of a native server that listens`)
  }
  guard('maxPayload', fixed('maxPayload'))
  guard('handleProtocols', fixed('handleProtocols'))
  guard('path', () => askAll(server))
  guard('verifyClient', verifyClient => {
    if (!server[kListener]) return
    server[kListener].admission.setVerifyClient(verifyClient)
    askAll(server)
  })
}

/** Makes `shouldHandle` decide on requests as soon as it is replaced. */
function guardRequests (server) {
  let value = server.shouldHandle
  Object.defineProperty(server, 'shouldHandle', {
    get: () => value,
    set: given => {
      value = given
      askAll(server)
    }
  })
}

function askAll ({ [kListener]: listener }) {
  if (listener) listener.askAll()
}

const { shouldHandle } = WebSocketServerLike.prototype

// Each server has its own: one assigned to the prototype would never be called.
Object.defineProperty(WebSocketServerLike.prototype, 'shouldHandle', {
  configurable: false,
  get: () => shouldHandle,
  set () {
    throw unsupported("another 'shouldHandle' of all native servers")
  }
})

/** Whether the user wants `clients`. */
function isTracking (given) {
  return given.clientTracking === undefined || !!given.clientTracking
}

/** The options of `ws`'s server that this server has. */
function optionsOf (transport, given) {
  const { host, maxPayload, verifyClient } = { ...(transport && copyOf(transport.conf)), ...given }
  return {
    maxPayload: OPTIONS.Peer.maxPayload.of(maxPayload),
    perMessageDeflate: false,
    handleProtocols: null,
    clientTracking: isTracking(given),
    verifyClient: verifyClient || null,
    noServer: false,
    backlog: null,
    server: null,
    host: host || null,
    path: given.path || null,
    port: given.port !== undefined ? given.port : transport && transport.port !== undefined ? transport.port : null
  }
}

/** The client's request. With TLS it is Node's own; `verifyClient` may have seen it before. */
function upgradeOf (connection) {
  const { upgradeRequest: request, tcp } = connection
  return request.shown || (request.socket ? request : requestOf(request, tcp))
}

module.exports = WebSocketServerLike
