'use strict'

const assert = require('assert')
const budgetOf = require('./budget')
const Handlers = require('./handlers')
const TransportRPC = require('./TransportRPC')
const ServerConnection = require('./ServerConnection')
const SocketServer = require('./SocketServer')
const Listener = require('./Listener')
const { LANES } = require('./dispatch')
const { drainServer } = require('./drain')
const { TEXT, isTooLarge } = require('./errors')
const { refusedId } = require('./nesting')
const observe = require('./observe')
const { Serving } = require('./stats')

/** `readyState` of a socket that is open. */
const OPEN = 1

/**
 * Serves requests on a port.
 *
 * Events: `request` (rid, key, payload, handler, cert), `request-error` for a frame that is no
 * request, `error` when the port cannot be had.
 */
class TransportRPCServer extends TransportRPC {
  constructor (client, conf) {
    super(client, conf)
    /** Null without any. */
    this._handlers = null
  }

  /**
   * Answers the requests for `key`: with what `handler(payload, context)` returns or resolves with,
   * or with the error that it throws. The event `request` is for those of other keys then; without
   * a listener they get ERR_KEY_UNKNOWN. `null` for the handler ends that.
   */
  handle (key, handler) {
    if (handler === null) return this.unhandle(key)
    const handlers = this._handlers || new Handlers()
    handlers.set(key, handler)
    this._handlers = handlers
    return this
  }

  unhandle (key) {
    if (this._handlers !== null && this._handlers.delete(key) === 0) this._handlers = null
    return this
  }

  /** Listens on `port`, on `conf.host` or on all interfaces; 0 takes any free port. */
  listen (port) {
    assert(Number.isInteger(port), 'port must be an Integer')
    const { secure } = this.conf
    if (this._isNative()) {
      this._listen(() => secure ? this._secureListener(port, secure, this) : this._plainListener({ port }, this), port)
      return this
    }
    this.listening()
    this.port = port
    this.socket = secure ? this.getSecureSocket(port, secure) : this.getSocket({ port })
    this.socket.on('connection', (socket, req) => {
      this._serveSocket(socket, secure ? req.socket.getPeerCertificate() : null)
    })
    this.socket.on('close', () => this.unlistening())
    if (this.socket instanceof SocketServer) this.socket.belongTo(this)
    return this
  }

  unlisten () {
    if (this._listener) {
      // The face says that it is closed; without one there is nobody to tell.
      const server = this._face || this._listener
      server.close()
      this._listener = undefined
      this._face = undefined
      this.unlistening()
    } else if (this._socket) {
      try {
        this._socket.close()
      } catch (err) {
        // A foreign server may refuse; it is not ours any more.
      }
    }
    this._socket = null
  }

  /** The object like `ws`'s server, or what was assigned. */
  get socket () {
    if (!this._listener) return this._socket
    if (!this._face) this._face = SocketServer.of(this._listener, this)
    return this._face
  }

  set socket (socket) {
    this._socket = socket
  }

  /** Makes a server without TLS: `opts.port`. Override it to bring another. */
  getSocket (opts) {
    return new SocketServer(owner => this._plainListener(opts, owner), this)
  }

  /** Makes a server with TLS. Override it to bring another. */
  getSecureSocket (port, secure) {
    return new SocketServer(owner => this._secureListener(port, secure, owner), this)
  }

  /** Makes a request event of a parsed frame. */
  handleRequest (handler, data, meta) {
    if (!data) {
      this.emit('request-error')
      return
    }
    const rid = data[0]
    const reply = (err, res) => handler.reply(rid, err, res)
    if (observe.isWatched()) observe.serve(this, handler.caller, rid, data[1], data[2], reply, meta.cert)
    else this._answer(handler.caller, rid, data[1], data[2], reply, meta.cert)
  }

  /** Lets a function of `handle` answer a request, or those who listen. */
  _answer (caller, rid, key, payload, reply, cert) {
    const handlers = this._handlers
    if (handlers !== null && handlers.answer(caller, rid, key, payload, reply, cert, this.listenerCount('request') > 0)) return
    this.emit('request', rid, key, payload, { reply }, cert)
  }

  sendReply (socket, rid, err, res) {
    // To write the text of a large answer that nobody gets would keep others waiting.
    if (socket.readyState > OPEN && this.format === format) return
    socket.send(this._formatReply(rid, err ? err.message : null, res))
  }

  /** What came in may be what cannot be written: that is the caller's error, and not the service's. */
  _formatReply (rid, err, res) {
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
    return this._meter.ofServer()
  }

  newConnection (lanes) {
    return new ServerConnection(this, lanes)
  }

  onConnection (connection) {
    if (this._face) this._face._add(connection)
  }

  /** A port that only turns out later not to be had: TLS. */
  onListenError (err) {
    this.unlistening()
    this.socket.fail(err, this)
  }

  /** Answers what comes from a socket, whoever made it. */
  _serveSocket (socket, cert) {
    const reply = (rid, err, res) => this.sendReply(socket, rid, err, res)
    const meta = { cert }
    const caller = { socket, address: socket._connection && socket._connection.address }
    const serving = new Serving(this._meter)
    this._meter.foreign(socket, true)
    socket.on('message', data => {
      const request = this.parse(data)
      const refused = request === null ? refusedId(data) : undefined
      if (refused !== undefined) reply(refused, new Error(TEXT.NESTING_LIMIT), null)
      this.handleRequest({ reply: serving.request(reply, request), caller }, request, meta)
    })
    socket.on('close', () => serving.end())
  }

  _listen (listen, port) {
    this.port = port
    try {
      this._listener = listen()
      this._face = undefined
      this._socket = undefined
      this.listening()
      if (port === 0) this._takePort(this._listener)
    } catch (err) {
      // A mistake in the configuration, and not the system's word on the port.
      if (!err.syscall) throw err
      this._socket = new SocketServer()
      this._socket.fail(err, this)
    }
  }

  /** The system has chosen the port; with TLS and `conf.host` it does so later. */
  _takePort (listener) {
    if (listener.address() !== null) this.port = listener.address().port
    else listener.whenListening(() => { this.port = listener.address().port })
  }

  _plainListener (opts, owner) {
    const lanes = owner === this ? LANES.RPC : LANES.SOCKET
    return new Listener(opts.port, { ...this.conf, ...opts }, lanes, owner, this._meter, budgetOf(this))
  }

  _secureListener (port, secure, owner) {
    const SecureListener = require('./SecureListener')
    return new SecureListener(port, { ...this.conf, secure }, owner === this ? LANES.RPC : LANES.SOCKET, owner)
  }

  _openConnections () {
    return this._listener ? [...this._listener.connections] : []
  }

  async _drain ({ drain }) {
    if (this._listener) await drainServer(this, this._listener, drain)
    this._stop()
  }

  _stop () {
    super._stop()
    if (this._handlers !== null) this._handlers.abort()
    this.unlisten()
  }
}

const {
  listen, unlisten, getSocket, getSecureSocket, handleRequest, sendReply, parse, format
} = TransportRPCServer.prototype

/**
 * Whether every hook is the method that this class came with, here and on the instance: only
 * then may the native side do the work of all of them. Spelled out, since it is asked for every
 * request.
 */
TransportRPCServer.prototype._isNative = function () {
  return this.handleRequest === handleRequest && this.sendReply === sendReply &&
    this.parse === parse && this.format === format && this.listen === listen &&
    this.unlisten === unlisten && this.getSocket === getSocket &&
    this.getSecureSocket === getSecureSocket
}

module.exports = TransportRPCServer
