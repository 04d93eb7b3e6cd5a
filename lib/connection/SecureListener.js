'use strict'

const assert = require('assert')
const http = require('http')
const https = require('https')
const tls = require('tls')
const context = require('../util/context')
const Deadline = require('../util/Deadline')
const { core } = require('../native/core')
const Handshakes = require('../tls/Handshakes')
const { debug } = require('../observe/channels')
const { firstOf } = require('./serverOptions')
const BaseListener = require('./BaseListener')
const { Admission, refusalOf } = require('./admission')
const { listenAtAnyPort } = require('./anyPort')
const { nextTick } = require('../util/clock')
const { sharesPorts } = require('../native/clusterWorker')
const { kNewConnection, kOnListenError } = require('../util/symbols')
const { acceptOf, assertSecure } = require('../tls/tlsConnect')
const { adopt } = require('../errors/failure')
const { NO_VERIFY } = require('../errors/hints')
const { plainClient } = require('../errors/silentMistakes')
const { FAREWELL_TIMEOUT, HANDSHAKE_DESCRIPTORS, MAX_HANDSHAKES, NOTHING_READ, TRY_AGAIN_LATER } = require('../options/defaults')
const { OPTIONS, TLS } = require('../options/optionTable')
const RequestHead = require('../tls/RequestHead')
const { listeners } = require('./ipv6Only')

/** A key of 16 bytes (RFC 6455 section 4.2.1). */
const KEY = /^[+/0-9A-Za-z]{22}==$/

const { bun, deno } = process.versions

/** A server with Node's TLS. */
class SecureListener extends BaseListener {
  /** As a Listener, which it stands for; `conf.secure` are options of Node's `tls`. */
  constructor (port, conf, lanes, owner) {
    const { host, secure } = conf
    assertSecure(secure)
    const verifyClient = secure.verifyClient || conf.verifyClient
    assertVerify(verifyClient)
    super(owner, lanes, new Admission(conf, verifyClient), verifyClient)
    this.conf = conf
    this._open = true
    this._closed = false
    this._sockets = new Set()
    const ownTime = TLS.server.handshakeTimeout.of(secure.handshakeTimeout)
    const time = ownTime ?? OPTIONS.Peer.handshakeTimeout.of(conf.handshakeTimeout)
    // Without free descriptors Node itself closes new clients, and reports nothing.
    this._descriptors = core.descriptors() || Infinity
    this._handshakes = new Handshakes(() => this._room(), time)
    /** Sockets of rejected clients. */
    this._refused = new WeakSet()
    // Node does not accept a number as text.
    const { server, face, maxHead } = createServers(ownTime === undefined ? secure : { ...secure, handshakeTimeout: ownTime })
    this._maxHead = maxHead
    this._server = server
    this._face = face
    this._addListeners()
    this._listen(port, OPTIONS.PeerServer.host.of(host))
    listeners.add(this)
  }

  _listen (port, host) {
    const { _server: server } = this
    if (port !== 0 || !listenAtAnyPort(server, host)) return server.listen(port, host)
    if (!sharesPorts()) return
    // The primary of a cluster, which was not asked, hears of it as of other servers.
    const worker = require('../native/clusterWorker')
    const leave = () => this.unlisten()
    server.once('listening', () => worker.tellListening(server.address().port, host))
    server.once('close', () => worker.stay(leave))
    worker.whenLeaving(leave)
  }

  /** Node's server, which has the TLS. */
  get nodeServer () {
    return this._server
  }

  address () {
    return this._open ? this._server.address() : null
  }

  /** The name in `host` is looked up first. */
  whenListening (cb) {
    if (this.address() === null) this._server.once('listening', cb)
    else nextTick(() => this.address() !== null && cb())
  }

  unlisten () {
    if (!this._open) return
    this._open = false
    listeners.delete(this)
    this._server.close()
    this._handshakes.clear()
  }

  close (cb) {
    if (this._closed) return
    this._closed = true
    if (cb) this._server.once('close', cb)
    this.unlisten()
    for (const connection of this.connections) connection.terminate()
    for (const socket of this._sockets) socket.destroy()
  }

  /**
   * How many clients may be in their handshake: half of the descriptors that open connections leave, so that there is
   * always one for a new client.
   */
  _room () {
    return Math.max(1, Math.min(MAX_HANDSHAKES, (this._descriptors - this.connections.size) * HANDSHAKE_DESCRIPTORS))
  }

  _addListeners () {
    const { _server: server, _face: face } = this
    server.on('connection', socket => this._onSocket(socket))
    // A failed handshake concerns only the client.
    server.on('tlsClientError', (err, socket) => {
      if (err.code === 'ERR_SSL_HTTP_REQUEST') plainClient(this)
      socket.destroy(err)
    })
    server.on('error', err => {
      // A client could not be accepted, or a port failed that is no longer wanted.
      if (server.listening || this._closed) return debug('a client with TLS was not accepted, or a port was not had that nobody wants: %s', err.message)
      this._open = false
      this._closed = true
      listeners.delete(this)
      this.owner[kOnListenError](err)
    })
    if (server !== face) server.on('secureConnection', socket => this._onSecure(socket))
    face.on('upgrade', (req, socket, head) => {
      const rest = this._handshakes.takeRest(this._handshakes.of(socket))
      context.enter(this._scope, this, this._verify, req, socket, rest === undefined ? head : Buffer.concat([rest, head]))
    })
    // Other HTTP requests are not served; they arrive here only where heads are not read before.
    for (const event of ['request', 'checkContinue', 'checkExpectation']) {
      face.on(event, ({ socket, method }) => this._refuse(socket, { code: 426, isHead: method === 'HEAD' }))
    }
    face.on('connect', (req, socket) => this._refuse(socket, { code: 426 }))
    face.on('clientError', ({ code }, socket) => this._refuse(socket, { code: /OVERFLOW/.test(code) ? 431 : 400 }))
  }

  /** From here until it is accepted, TLS included, a client has limited time. */
  _onSocket (socket) {
    this._sockets.add(socket)
    socket.once('close', () => this._sockets.delete(socket))
    this._handshakes.begin(socket)
  }

  /** Node's HTTP gets the head of an upgrade request, and nothing else. */
  _onSecure (socket) {
    const handshake = this._handshakes.of(socket)
    socket.on('error', () => socket.destroy())
    if (bun) return this._face.emit('connection', socket)
    const request = new RequestHead(this._maxHead)
    const onData = bytes => {
      const code = request.add(bytes)
      if (code === null) return
      socket.removeListener('data', onData)
      if (code !== 101) return this._refuse(socket, { code, isHead: request.isHead })
      const { head, rest } = request.take()
      this._handshakes.keepRest(handshake, rest)
      socket.pause()
      socket.unshift(head)
      this._face.emit('connection', socket)
      socket.resume()
    }
    socket.on('data', onData)
  }

  /** Decides whether to accept this client. */
  _verify (req, socket, head) {
    socket.on('error', () => socket.destroy())
    const key = req.headers['sec-websocket-key']
    const isUpgrade = req.method === 'GET' && /^websocket$/i.test(req.headers.upgrade || '') &&
      KEY.test(key || '') && req.headers['sec-websocket-version'] === '13'
    if (!isUpgrade) return this._refuse(socket, { code: 400 })
    if (socket.destroyed) return
    const refused = this.admission.isFor(this.gate, req)
    if (refused !== null) return this._refuse(socket, refused)
    const info = { origin: req.headers.origin, secure: true, req }
    this.admission.decide(info, refusal => refusal ? this._refuse(socket, refusal) : this._accept(req, socket, head))
  }

  _accept (req, socket, head) {
    // Meanwhile the client may have disconnected, or the server stopped.
    if (this._refused.has(socket) || !socket.readable || !socket.writable || !this._open) return socket.destroy()
    const accept = acceptOf(req.headers['sec-websocket-key'])
    const protocol = firstOf(req.headers['sec-websocket-protocol'] || '')
    const answer = 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
      `Sec-WebSocket-Accept: ${accept}\r\n${protocol ? `Sec-WebSocket-Protocol: ${protocol}\r\n` : ''}\r\n`

    const limit = OPTIONS.PeerServer.maxConnections.of(this.conf.maxConnections)
    if (limit > 0 && this.connections.size >= limit) {
      return this._endWith(socket, Buffer.concat([Buffer.from(answer), CLOSE_FRAME]))
    }
    const cert = certificateOf(socket)
    socket.write(answer)
    this._handshakes.end(this._handshakes.of(socket))
    const connection = this.owner[kNewConnection](this.lanes).acceptedSecure(this.conf, req, cert)
    connection.stream.attach(socket)
    this.add(connection)
    connection.stream.begin(head)
  }

  /** Sends one HTTP response, and closes. */
  _refuse (socket, refusal) {
    if (this._refused.has(socket)) return
    this._refused.add(socket)
    this._endWith(socket, refusalOf(refusal))
  }

  /**
   * Sends the last bytes. The client's bytes are read and dropped meanwhile, since unread ones would reset the
   * connection and lose the response; the client has limited time to end its side, and counts as a handshake until
   * then.
   */
  _endWith (socket, words) {
    if (!socket.writable) return socket.destroy()
    socket.end(words)
    socket.resume()
    const deadline = new Deadline(() => socket.destroy(), FAREWELL_TIMEOUT)
    socket.once('close', () => deadline.clear())
  }
}

/** With the original's text, and a hint. */
function assertVerify (verifyClient) {
  try {
    assert.strictEqual(typeof verifyClient, 'function', 'conf.secure.verify must be a function')
  } catch (err) {
    throw adopt(err, { hint: NO_VERIFY })
  }
}

/** The close frame of a server that has enough clients. */
const CLOSE_FRAME = Buffer.concat([
  Buffer.from([0x88, 2 + NOTHING_READ.length, TRY_AGAIN_LATER >> 8, TRY_AGAIN_LATER & 0xff]),
  Buffer.from(NOTHING_READ)
])

/** The result of `getPeerCertificate()`; an empty object where the client, or its certificate, is gone. */
function certificateOf (socket) {
  return (socket.getPeerCertificate && socket.getPeerCertificate()) || {}
}

/**
 * Node's TLS server, and the HTTP server for its sockets. Sockets of Bun's https servers do not have the client's
 * certificate; Deno's HTTP takes no sockets of other servers.
 */
function createServers (given) {
  const maxHead = given.maxHeaderSize || http.maxHeaderSize
  if (deno) {
    const server = https.createServer({ ...given, requestCert: true })
    return { server, face: server, maxHead }
  }
  // As Node's https announces its protocol.
  const alpn = given.ALPNProtocols || given.ALPNCallback ? {} : { ALPNProtocols: ['http/1.1'] }
  return { server: tls.createServer({ ...alpn, ...given, requestCert: true }), face: http.createServer(given), maxHead }
}

module.exports = SecureListener
