'use strict'

const EventEmitter = require('events')
const { nextTick } = require('./clock')
const Connection = require('./Connection')
const { unsupported } = require('./errors')
const {
  kAdd, kAttach, kBelongTo, kClosed, kFace, kFail, kIsWatched, kListen, kListener, kNewConnection, kOnConnection,
  kOnListenError, kRefused, kState, kTransport
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
    this.options = optionsOf(transport, given)
    /** The connected clients' sockets; undefined where nobody wants them. */
    this.clients = isTracking(given) ? new Set() : undefined
    this.on('newListener', event => {
      // The answer to a handshake is written on another thread, and is the same for all.
      if (event === 'headers') throw unsupported("'headers' of a native server")
    })
    this[kState] = 'open'
    this[kListener] = this[kTransport] = undefined
    if (listen) this[kListen](listen, transport)
  }

  /** The face of a transport's own listener: the transport listens until one of them is closed. */
  static of (listener, transport) {
    const server = new SocketServer(null, transport)
    server[kAttach](listener)
    server.on('close', () => {
      // It may listen again, with another face.
      if (transport[kFace] === server) transport.unlistening()
    })
    for (const connection of listener.connections) server[kAdd](connection)
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
    // Whoever listens for connections gets each message of each of them.
    this.on('newListener', event => {
      if (event === 'connection') listener.watch()
    })
    listener.whenListening(() => this.emit('listening'))
  }

  [kAdd] (connection) {
    const { socket } = connection
    if (this.clients !== undefined) {
      this.clients.add(socket)
      socket.once('close', () => this.clients.delete(socket))
    }
    if (this.listenerCount('connection') > 0) this.emit('connection', socket, upgradeOf(connection))
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
