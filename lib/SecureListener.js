'use strict'

const assert = require('assert')
const http = require('http')
const https = require('https')
const tls = require('tls')
const context = require('./context')
const Deadline = require('./Deadline')
const dispatch = require('./dispatch')
const Handshakes = require('./Handshakes')
const { debug } = require('./observe')
const { firstOf } = require('./server-options')
const Stream = require('./Stream')
const { Admission, refusalOf } = require('./admission')
const { nextTick } = require('./clock')
const { kNewConnection, kOnConnection, kOnListenError } = require('./internal')
const { acceptOf, assertSecure } = require('./secure')
const { adopt } = require('./failure')
const { NO_VERIFY } = require('./hints')
const { plainClient } = require('./silent-mistakes')
const { FAREWELL_TIMEOUT, HANDSHAKE_DESCRIPTORS, MAX_HANDSHAKES, NOTHING_READ, TRY_AGAIN_LATER } = require('./defaults')
const { OPTIONS, TLS } = require('./option-table')
const RequestHead = require('./RequestHead')
const { listeners } = require('./ipv6')

/** A key of 16 bytes (RFC 6455 section 4.2.1). */
const KEY = /^[+/0-9A-Za-z]{22}==$/

const { bun, deno } = process.versions

/** A server with Node's TLS; see Listener.js for what owners have. */
class SecureListener {
  /** See Listener.js; `conf.secure` are options of Node's `tls`. */
  constructor (port, conf, lanes, owner) {
    const { host, secure } = conf
    assertSecure(secure)
    const verifyClient = secure.verifyClient || conf.verifyClient
    assertVerify(verifyClient)
    this.owner = owner
    this.lanes = lanes
    this.conf = conf
    this.connections = new Set()
    this.verifyClient = verifyClient
    /** The face, whose `shouldHandle` says whether a request is served. */
    this.gate = null
    this.admission = new Admission(conf, verifyClient)
    this._open = true
    this._closed = false
    this._sockets = new Set()
    const ownTime = TLS.server.handshakeTimeout.of(secure.handshakeTimeout)
    const time = ownTime ?? OPTIONS.Peer.handshakeTimeout.of(conf.handshakeTimeout)
    // Node itself closes whoever comes when none is left, and tells nobody.
    this._descriptors = dispatch.descriptors() || Infinity
    this._handshakes = new Handshakes(() => this._room(), time)
    /** Those who were answered that they do not come in. */
    this._refused = new WeakSet()
    this._scope = context.capture()
    // Node takes no text of a number.
    const { server, face, maxHead } = createServers(ownTime === undefined ? secure : { ...secure, handshakeTimeout: ownTime })
    this._maxHead = maxHead
    this._server = server
    this._face = face
    this._hear()
    server.listen(port, OPTIONS.PeerServer.host.of(host))
    listeners.add(this)
  }

  /** Node's server, which TLS is from. */
  get nodeServer () {
    return this._server
  }

  address () {
    return this._open ? this._server.address() : null
  }

  /** Calls `cb` in a later tick, once there is an address; with `host` its name is looked up first. */
  whenListening (cb) {
    if (this.address() === null) this._server.once('listening', cb)
    else nextTick(() => this.address() !== null && cb())
  }

  watch () {
    this.lanes |= dispatch.LANES.SOCKET
  }

  /** Every client is asked about. */
  askAll () {}

  remove (connection) {
    this.connections.delete(connection)
  }

  /** Takes no more connections, also none in the middle of its handshake; those that are there go on. */
  unlisten () {
    if (!this._open) return
    this._open = false
    listeners.delete(this)
    this._server.close()
    this._handshakes.clear()
  }

  /** Stops listening and ends all connections; `cb` when the port is free. */
  close (cb) {
    if (this._closed) return
    this._closed = true
    if (cb) this._server.once('close', cb)
    this.unlisten()
    for (const connection of this.connections) connection.terminate()
    for (const socket of this._sockets) socket.destroy()
  }

  /**
   * How many clients may be in the middle of their handshake: half of the descriptors that those leave
   * who are in, so that there is one for whoever comes.
   */
  _room () {
    return Math.max(1, Math.min(MAX_HANDSHAKES, (this._descriptors - this.connections.size) * HANDSHAKE_DESCRIPTORS))
  }

  _hear () {
    const { _server: server, _face: face } = this
    server.on('connection', socket => this._onSocket(socket))
    // A handshake that failed concerns nobody but the client.
    server.on('tlsClientError', (err, socket) => {
      if (err.code === 'ERR_SSL_HTTP_REQUEST') plainClient(this)
      socket.destroy(err)
    })
    server.on('error', err => {
      // One client could not be accepted, or nobody waits for this port any more.
      if (server.listening || this._closed) return debug('a client with TLS was not accepted, or a port was not had that nobody wants: %s', err.message)
      this._open = false
      this._closed = true
      listeners.delete(this)
      this.owner[kOnListenError](err)
    })
    if (server !== face) server.on('secureConnection', socket => this._onSecure(socket))
    face.on('upgrade', (req, socket, head) => {
      const handshake = this._handshakes.of(socket)
      const { rest = head } = handshake
      // What lives as long as the connection keeps no head.
      handshake.rest = undefined
      context.enter(this._scope, this, this._verify, req, socket, rest === head ? head : Buffer.concat([rest, head]))
    })
    // What else HTTP has is not for us, and comes here only where heads are not read before.
    for (const event of ['request', 'checkContinue', 'checkExpectation']) {
      face.on(event, ({ socket, method }) => this._refuse(socket, { code: 426, isHead: method === 'HEAD' }))
    }
    face.on('connect', (req, socket) => this._refuse(socket, { code: 426 }))
    face.on('clientError', ({ code }, socket) => this._refuse(socket, { code: /OVERFLOW/.test(code) ? 431 : 400 }))
  }

  /** From here to its being let in, TLS included, a client has limited time. */
  _onSocket (socket) {
    this._sockets.add(socket)
    socket.once('close', () => this._sockets.delete(socket))
    this._handshakes.begin(socket)
  }

  /** Node's HTTP gets the head of a request for an upgrade, and nothing else. */
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
      handshake.rest = rest
      socket.pause()
      socket.unshift(head)
      this._face.emit('connection', socket)
      socket.resume()
    }
    socket.on('data', onData)
  }

  /** Asks whether this client may come in. */
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
    // The client may have gone, or the server stopped, while it was decided.
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
    const connection = this.owner[kNewConnection](this.lanes)
    connection.stream = new Stream(connection)
    connection.accepted(dispatch.stream(true, this.conf, this.lanes, connection.meter, connection.budget), req)
    connection.cert = cert
    connection.listener = this
    this.connections.add(connection)
    connection.stream.attach(socket)
    if (this.owner[kOnConnection]) this.owner[kOnConnection](connection)
    connection.stream.begin(head)
  }

  /** Answers once in HTTP, and ends. */
  _refuse (socket, refusal) {
    if (this._refused.has(socket)) return
    this._refused.add(socket)
    this._endWith(socket, refusalOf(refusal))
  }

  /**
   * Says the last words. What the client says meanwhile is read, since the words would be lost
   * otherwise, and dropped; it has limited time to end its side. It holds its place until then.
   */
  _endWith (socket, words) {
    if (!socket.writable) return socket.destroy()
    socket.end(words)
    socket.resume()
    const deadline = new Deadline(() => socket.destroy(), FAREWELL_TIMEOUT)
    socket.once('close', () => deadline.clear())
  }
}

/** With the original's words, and what they mean. */
function assertVerify (verifyClient) {
  try {
    assert.strictEqual(typeof verifyClient, 'function', 'conf.secure.verify must be a function')
  } catch (err) {
    throw adopt(err, { hint: NO_VERIFY })
  }
}

/** A close frame that says that there are enough clients. */
const CLOSE_FRAME = Buffer.concat([
  Buffer.from([0x88, 2 + NOTHING_READ.length, TRY_AGAIN_LATER >> 8, TRY_AGAIN_LATER & 0xff]),
  Buffer.from(NOTHING_READ)
])

/** What `getPeerCertificate()` returns; an empty object where the client, or its certificate, is gone. */
function certificateOf (socket) {
  return (socket.getPeerCertificate && socket.getPeerCertificate()) || {}
}

/**
 * Node's TLS, and HTTP for what comes by it. A socket of Bun's https servers does not know the client's
 * certificate; Deno's HTTP takes no sockets of others.
 */
function createServers (given) {
  const maxHead = given.maxHeaderSize || http.maxHeaderSize
  if (deno) {
    const server = https.createServer({ ...given, requestCert: true })
    return { server, face: server, maxHead }
  }
  // As Node's https says what it speaks.
  const alpn = given.ALPNProtocols || given.ALPNCallback ? {} : { ALPNProtocols: ['http/1.1'] }
  return { server: tls.createServer({ ...alpn, ...given, requestCert: true }), face: http.createServer(given), maxHead }
}

module.exports = SecureListener
