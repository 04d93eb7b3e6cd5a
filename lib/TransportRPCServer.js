'use strict'

const assert = require('assert')
const { budgetOf } = require('./native/memoryBudget')
const Handlers = require('./server/Handlers')
const { handlersIn } = Handlers
const TransportRPC = require('./base/TransportRPC')
const TransportServer = require('./base/TransportServer')
const ServerConnection = require('./connection/ServerConnection')
const WebSocketServerLike = require('./socket/WebSocketServerLike')
const Listener = require('./connection/Listener')
const { LANES } = require('./native/layout')
const { TEXT, isTooLarge } = require('./errors/errors')
const { late } = require('./errors/failure')
const {
  kAnswer, kBelongTo, kCaller, kConnection, kLeaveToService, kFail, kFormatReply, kHandlers, kIsNative, kListen, kMeter,
  kNewConnection, kOnListenError, kOptions, kParse, kPlainListener, kSecureListener, kServe, kOnConnectionEvent, kServeSocket,
  kServeWatched, kServing, kSocket, kTakePortOf, kUnlisten
} = require('./util/symbols')
const { OPTIONS } = require('./options/optionTable')
const { copyOf } = require('./options/values')
const { refusedId } = require('./util/nesting')
const observe = require('./observe/channels')
const { checkServerOptions } = require('./connection/serverOptions')
const { messageOf, unheard } = require('./errors/silentMistakes')
const { SocketRequests } = require('./observe/TransportMeter')

/** `readyState` of an open socket. */
const OPEN = 1

/**
 * Serves requests on a port.
 *
 * Events: `request` (rid, key, payload, handler, cert), `request-error` for a frame that is no request, `error` when
 * the port cannot be bound.
 */
class TransportRPCServer extends TransportServer {
  constructor (client, conf) {
    super(client, conf)
    /** Null without handlers. */
    this[kHandlers] = null
  }

  /**
   * Replies to requests for `key` with the result of `handler(payload, context)`, or with the error that it throws.
   * Requests for other keys go to the event `request`; without a listener for it they get ERR_KEY_UNKNOWN. `null`
   * removes the handler. One argument, an object, has a handler for each of its keys.
   */
  handle (key, handler) {
    if (handler === null) return unhandle.call(this, key)
    if (handler === undefined && typeof key === 'object' && key !== null) {
      for (const [each, one] of handlersIn(key)) this.handle(each, one)
      return this
    }
    const handlers = this[kHandlers] || new Handlers()
    handlers.set(key, handler)
    this[kHandlers] = handlers
    return this
  }

  unhandle (key) {
    if (this[kHandlers] !== null && this[kHandlers].delete(key) === 0) this[kHandlers] = null
    return this
  }

  /** Listens on `port`, on `conf.host` or on all interfaces; 0 takes any free port. */
  listen (port) {
    assert(Number.isInteger(port), 'port must be an Integer')
    const { secure } = this.conf
    if (this[kIsNative]()) {
      this[kListen](() => secure ? this[kSecureListener](port, secure, this) : this[kPlainListener]({ port }, this), port)
      return this
    }
    this.listening()
    this.port = port
    this.socket = secure ? this.getSecureSocket(port, secure) : this.getSocket({ port })
    this.socket.on('connection', (socket, req) => {
      this[kServeSocket](socket, secure ? req.socket.getPeerCertificate() : null)
    })
    this.socket.on('close', () => this.unlistening())
    if (this.socket instanceof WebSocketServerLike) this.socket[kBelongTo](this)
    if (port === 0) this[kTakePortOf](this.socket)
    return this
  }

  unlisten () {
    if (!this[kUnlisten]() && this[kSocket]) {
      try {
        this[kSocket].close()
      } catch (err) {
        // A foreign server may throw; this transport no longer uses it.
      }
    }
    this[kSocket] = null
  }

  /** Makes a server without TLS: `opts.port`. Override it to use another server. */
  getSocket (opts) {
    checkServerOptions(opts)
    return new WebSocketServerLike(owner => this[kPlainListener](opts, owner), this, opts)
  }

  /** Makes a server with TLS. Override it to use another server. */
  getSecureSocket (port, secure) {
    return new WebSocketServerLike(owner => this[kSecureListener](port, secure, owner), this)
  }

  /** Turns a parsed frame into a `request` event. */
  handleRequest (handler, data, meta) {
    if (!data) {
      this.emit('request-error')
      return
    }
    const rid = data[0]
    const reply = (err, res) => handler.reply(rid, err, res)
    this[kServe](handler[kCaller], rid, data[1], data[2], reply, meta.cert)
  }

  /** Each request begins here, on either lane. */
  [kServe] (caller, rid, key, payload, reply, cert) {
    if (observe.isWatched()) this[kServeWatched](caller, rid, key, payload, reply, cert)
    else this[kAnswer](caller, rid, key, payload, reply, cert)
  }

  /** A method of its own, since a closure in `kServe` would cost each request something. */
  [kServeWatched] (caller, rid, key, payload, reply, cert) {
    observe.serve(this, caller, rid, key, payload, reply, reply => this[kAnswer](caller, rid, key, payload, reply, cert))
  }

  /** Passes a request to its handler, or else to the listeners. */
  [kAnswer] (caller, rid, key, payload, reply, cert) {
    const handlers = this[kHandlers]
    if (handlers !== null && handlers.answer(caller, rid, key, payload, reply, cert, this.listenerCount('request') > 0)) return
    // A replaced `emit` need not return anything.
    if (!this.emit('request', rid, key, payload, { reply }, cert) && this.listenerCount('request') === 0) unheard(this, key)
  }

  sendReply (socket, rid, err, res) {
    // Stringifying a large reply to a closed connection would delay the others.
    if (socket.readyState > OPEN && this.format === format) return
    socket.send(this[kFormatReply](rid, err ? messageOf(this, err) : null, res))
  }

  /** The request itself may be what cannot be stringified: that is the caller's error, and not the service's. */
  [kFormatReply] (rid, err, res) {
    if (this.format !== format) return this.format([rid, err, res])
    try {
      return format([rid, err, res])
    } catch (error) {
      if (!isTooLarge(error)) throw error
      return format([rid, error.message, null])
    }
  }

  /** See docs/OBSERVABILITY.md. */
  stats () {
    return this[kMeter].ofServer()
  }

  [kNewConnection] (lanes) {
    return new ServerConnection(this, lanes)
  }

  [kLeaveToService] (connection) {
    connection.socket[kLeaveToService]()
  }

  [kOnConnectionEvent] (socket, req) {
    const { [kConnection]: connection } = socket
    if (connection instanceof ServerConnection) this[kServeSocket](socket, connection.cert)
    else this[kServeSocket](socket, this.conf.secure ? req.socket.getPeerCertificate() : null)
  }

  /** With TLS a port may fail later. */
  [kOnListenError] (err) {
    this.unlistening()
    this.socket[kFail](err, this)
  }

  /** Replies to the messages of a socket, no matter who made it. */
  [kServeSocket] (socket, cert) {
    socket.on('message', this[kServing](socket, cert))
  }

  [kServing] (socket, cert) {
    const reply = (rid, err, res) => this.sendReply(socket, rid, err, res)
    const meta = { cert }
    const caller = { socket, address: socket[kConnection] && socket[kConnection].address }
    const requests = new SocketRequests(this[kMeter])
    this[kMeter].foreign(socket, true)
    socket.on('close', () => requests.end())
    return data => {
      const request = this.parse(data)
      const refused = request === null ? refusedId(data) : undefined
      if (refused !== undefined) reply(refused, late(TEXT.NESTING_LIMIT), null)
      this.handleRequest({ reply: requests.request(reply, request), [kCaller]: caller }, request, meta)
    }
  }

  /** Reads the port of a server that a hook made, which may be of any kind. */
  [kTakePortOf] (server) {
    const take = () => {
      try {
        if (this[kSocket] === server) this.port = server.address().port || 0
      } catch (err) {
        // It has no address, or none yet.
      }
    }
    take()
    if (this.port === 0) server.once?.('listening', take)
  }

  [kPlainListener] (given, owner) {
    const lanes = owner === this ? LANES.RPC : LANES.SOCKET
    return new Listener(given.port, { ...copyOf(this.conf), ...given }, lanes, owner, this[kMeter], budgetOf(this), owner === this ? undefined : given.path)
  }

  [kSecureListener] (port, secure, owner) {
    const SecureListener = require('./connection/SecureListener')
    return new SecureListener(port, { ...copyOf(this.conf), secure }, owner === this ? LANES.RPC : LANES.SOCKET, owner)
  }

  _stop () {
    super._stop()
    if (this[kHandlers] !== null) this[kHandlers].abort()
    this.unlisten()
  }
}

// A class has one base: this one listens, and has the methods of a transport that speaks JSON as well.
for (const name of ['parse', 'format', kParse]) {
  Object.defineProperty(TransportRPCServer.prototype, name, Object.getOwnPropertyDescriptor(TransportRPC.prototype, name))
}

const {
  listen, unlisten, getSocket, getSecureSocket, handleRequest, sendReply, parse, format, unhandle
} = TransportRPCServer.prototype

/**
 * Whether every hook is this class's own method, here and on the instance: only then may the native side do the work
 * of all of them. Written out, since it runs for every request.
 */
TransportRPCServer.prototype[kIsNative] = function () {
  return this.handleRequest === handleRequest && this.sendReply === sendReply &&
    this.parse === parse && this.format === format && this.listen === listen &&
    this.unlisten === unlisten && this.getSocket === getSocket &&
    this.getSecureSocket === getSecureSocket
}

TransportRPCServer.prototype[kOptions] = OPTIONS.PeerRPCServer

module.exports = TransportRPCServer
