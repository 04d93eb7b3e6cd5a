'use strict'

const EventEmitter = require('events')
const { nextTick } = require('./clock')
const Connection = require('./Connection')
const { unsupported } = require('./errors')
const {
  kAdd, kAdding, kAttach, kBelongTo, kClosed, kConnection, kDisown, kFace, kFaceOptions, kFail, kIsWatched, kListen,
  kListener, kNewConnection, kOnConnection, kOnListenError, kOwn, kRefused, kServeFace, kServed, kState, kTakeIn, kTrack,
  kTransport
} = require('./internal')
const { OPTIONS } = require('./option-table')
const { copyOf } = require('./options')
const { requestOf } = require('./request')
const { isFor } = require('./server-options')

/**
 * A server as services know it from the `ws` package, version 7: the face of a listener.
 *
 * Events: `connection` (socket, request), `listening`, `close`, `error`.
 */
class SocketServer extends EventEmitter {
  /**
   * @param {function(object): object} listen makes the listener for an owner, or throws
   * @param {object} transport whose connections they are
   * @param {object} [given] the options of `ws`'s server that somebody gave
   */
  constructor (listen, transport, given = {}) {
    super()
    this[kFaceOptions] = optionsOf(transport, given)
    /** The connected clients' sockets; undefined where nobody wants them. */
    this.clients = isTracking(given) ? new Set() : undefined
    /** What serves connections, where the transport does not listen for them itself. */
    this[kOwn] = this[kAdding] = this[kServed] = null
    this[kState] = 'open'
    this[kListener] = this[kTransport] = undefined
    guardOptions(this)
    guardRequests(this)
    if (listen) this[kListen](listen, transport)
  }

  /** As the original's; what is put in their place is put into them. */
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

  /** The face of a transport's own listener: the transport listens until one of them is closed. */
  static of (listener, transport) {
    const server = new SocketServer(null, transport)
    // With the original, what serves is a listener too, that a gate may take away, and call when it likes.
    server[kServed] = transport
    server[kOwn] = (socket, req) => {
      if (socket !== server[kAdding]) return transport[kServeFace](socket, req)
      server[kAdding] = null
      transport[kTakeIn](socket[kConnection])
    }
    server.on('connection', server[kOwn])
    server[kAttach](listener)
    server.on('close', () => {
      // It may listen again, with another face.
      if (transport[kFace] === server) transport.unlistening()
    })
    for (const connection of listener.connections) server[kTrack](connection)
    return server
  }

  /** Is a transport's from now on, which hears of its failure too. */
  [kBelongTo] (transport) {
    this[kTransport] = transport
    if (this[kState] === 'closed') transport.unlistening()
  }

  /** The face of a listener that could not be: says `err` in a later tick. */
  [kFail] (err, transport) {
    this[kState] = 'closed'
    if (transport) this[kBelongTo](transport)
    nextTick(() => this[kRefused](err))
  }

  emit (event, ...args) {
    // An error that nobody hears is the transport's to throw.
    if (event === 'error' && this.listenerCount('error') === 0) return false
    return super.emit(event, ...args)
  }

  address () {
    return this[kListener] ? this[kListener].address() : null
  }

  /** Whether it takes requests for this path: all, unless it was made for one. */
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
      // A mistake in the configuration, and not the system's word on the port.
      if (!err.syscall) throw err
      this[kFail](err)
    }
  }

  [kAttach] (listener) {
    this[kListener] = listener
    // As with the original, which has its port there.
    if (listener.nodeServer) Object.assign(this.options, { server: listener.nodeServer, port: null })
    listener.gate = this
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
    // Where nobody is called before our own listener the native side serves.
    const isNative = own !== null && listeners[0] === own
    if (isNative && listeners.length === 1) {
      this[kServed][kTakeIn](connection)
    } else {
      if (isNative) this[kAdding] = socket
      else if (own !== null) this[kServed][kDisown](connection)
      if (listeners.length > 0) this.emit('connection', socket, upgradeOf(connection))
    }
    // What was watched in case that somebody listens need not be.
    if (!socket[kIsWatched]) connection.unwatch()
  }

  /** Says on itself and on the transport why there is no port, uncaught only if nobody hears. */
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

/** Somebody is about to listen. Not by an event of the emitter: whoever removes all listeners would end that. */
function listensTo (server, event) {
  // The answer to a handshake is written on another thread, and is the same for all.
  if (event === 'headers') throw unsupported("'headers' of a native server")
  // Whoever listens for connections gets each message of each of them.
  if (event === 'connection' && server[kListener]) server[kListener].watch()
}

/** What of a server's options lets clients in is asked from its change on; what cannot be changed says so. */
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

/** Has `shouldHandle` asked from now on, once it is replaced. */
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

const { shouldHandle } = SocketServer.prototype

// Each server has its own: what would be put here would be asked by none.
Object.defineProperty(SocketServer.prototype, 'shouldHandle', {
  configurable: false,
  get: () => shouldHandle,
  set () {
    throw unsupported("another 'shouldHandle' of all native servers")
  }
})

/** Whether somebody wants to see the clients. */
function isTracking (given) {
  return given.clientTracking === undefined || !!given.clientTracking
}

/** The options of `ws`'s server that this one has. */
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

/** The client's request. With TLS it is Node's own; it may have been shown to `verifyClient` before. */
function upgradeOf (connection) {
  const { request, tcp } = connection
  return request.asked || (request.socket ? request : requestOf(request, tcp))
}

module.exports = SocketServer
