'use strict'

const assert = require('assert')
const http = require('http')
const https = require('https')
const tls = require('tls')
const context = require('./context')
const dispatch = require('./dispatch')
const Stream = require('./Stream')
const { acceptOf, assertSecure } = require('./secure')
const { CONNECTION, FAREWELL_TIMEOUT, MAX_HANDSHAKES, TRY_AGAIN_LATER } = require('./defaults')
const { amount } = require('./options')

const { STATUS_CODES } = http

/** A key of 16 bytes (RFC 6455 section 4.2.1). */
const KEY = /^[+/0-9A-Za-z]{22}==$/

/** A server with Node's TLS; see Listener.js for what owners have. */
class SecureListener {
  /** See Listener.js; `conf.secure` are options of Node's `tls`. */
  constructor (port, conf, lanes, owner) {
    const { host, secure } = conf
    assertSecure(secure)
    assert.strictEqual(typeof secure.verifyClient, 'function', 'conf.secure.verify must be a function')
    this.owner = owner
    this.lanes = lanes
    this.conf = conf
    this.connections = new Set()
    this.verifyClient = secure.verifyClient
    this._open = true
    this._closed = false
    this._sockets = new Set()
    /** What gives up each handshake, by where it comes from. */
    this._handshakes = new Map()
    this._handshakeTimeout = secure.handshakeTimeout || amount(conf.handshakeTimeout, CONNECTION.handshakeTimeout)
    this._server = createServer({ ...secure, requestCert: true }, (req, res) => {
      res.writeHead(426, { 'Content-Type': 'text/plain' })
      res.end(STATUS_CODES[426])
    })
    const scope = context.capture()
    this._server.on('upgrade', (req, socket, head) => {
      this._endHandshake(addressOf(socket))
      context.enter(scope, this, this._verify, req, socket, head)
    })
    this._server.on('connection', socket => this._onSocket(socket))
    // A handshake that failed concerns nobody but the client.
    this._server.on('tlsClientError', () => {})
    this._server.on('error', err => {
      this._open = false
      this._closed = true
      owner.onListenError(err)
    })
    this._server.listen(port, host)
  }

  address () {
    return this._open ? this._server.address() : null
  }

  /** Calls `cb` in a later tick, once there is an address; with `host` its name is looked up first. */
  whenListening (cb) {
    if (this.address() === null) this._server.once('listening', cb)
    else process.nextTick(() => this.address() !== null && cb())
  }

  watch () {
    this.lanes |= dispatch.LANES.SOCKET
  }

  remove (connection) {
    this.connections.delete(connection)
  }

  /** Takes no more connections; those that are there go on. */
  unlisten () {
    if (!this._open) return
    this._open = false
    this._server.close()
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

  /** From here to the request for an upgrade, TLS included, a client has limited time. */
  _onSocket (socket) {
    if (this._handshakes.size >= MAX_HANDSHAKES) return socket.destroy()
    const address = addressOf(socket)
    const timer = setTimeout(() => socket.destroy(), this._handshakeTimeout)
    this._endHandshake(address)
    this._handshakes.set(address, timer)
    this._sockets.add(socket)
    socket.on('close', () => {
      this._sockets.delete(socket)
      // The address may be another connection's by now.
      if (this._handshakes.get(address) === timer) this._endHandshake(address)
    })
  }

  _endHandshake (address) {
    clearTimeout(this._handshakes.get(address))
    this._handshakes.delete(address)
  }

  /** Asks the service whether this client may come in. */
  _verify (req, socket, head) {
    socket.on('error', () => socket.destroy())
    const key = req.headers['sec-websocket-key']
    const isUpgrade = req.method === 'GET' && /^websocket$/i.test(req.headers.upgrade || '') &&
      KEY.test(key || '') && req.headers['sec-websocket-version'] === '13'
    if (!isUpgrade) return refuse(socket, 400)

    const info = { origin: req.headers.origin, secure: true, req }
    if (this.verifyClient.length < 2) {
      if (this.verifyClient(info)) this._accept(req, socket, head)
      else refuse(socket, 401)
      return
    }
    let answered = false
    this.verifyClient(info, (ok, code, message, headers) => {
      if (answered) return
      answered = true
      if (ok) this._accept(req, socket, head)
      else refuse(socket, code || 401, message, headers)
    })
  }

  _accept (req, socket, head) {
    // The client may have gone, or the server stopped, while it was decided.
    if (!socket.readable || !socket.writable || !this._open) return socket.destroy()
    const accept = acceptOf(req.headers['sec-websocket-key'])
    const protocol = (req.headers['sec-websocket-protocol'] || '').split(',')[0].trim()
    socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
      `Sec-WebSocket-Accept: ${accept}\r\n${protocol ? `Sec-WebSocket-Protocol: ${protocol}\r\n` : ''}\r\n`)

    const limit = amount(this.conf.maxConnections, CONNECTION.maxConnections)
    const connection = this.owner.newConnection(this.lanes)
    connection.stream = new Stream(connection)
    connection.accepted(dispatch.stream(true, this.conf, this.lanes, connection.meter), req)
    connection.cert = socket.getPeerCertificate()
    connection.listener = this
    if (limit > 0 && this.connections.size >= limit) {
      connection.stream.start(socket, head)
      connection.close(TRY_AGAIN_LATER, '')
      setTimeout(() => connection.terminate(), FAREWELL_TIMEOUT).unref()
      return
    }
    this.connections.add(connection)
    if (this.owner.onConnection) this.owner.onConnection(connection)
    connection.stream.start(socket, head)
  }
}

/**
 * The sockets of Bun's https servers do not know the client's certificate, those of its tls servers
 * do: there tls accepts, and http goes on.
 */
function createServer (options, onRequest) {
  if (!process.versions.bun) return https.createServer(options, onRequest)
  const server = tls.createServer(options)
  const face = http.createServer(onRequest)
  server.on('secureConnection', socket => face.emit('connection', socket))
  face.on('upgrade', (req, socket, head) => server.emit('upgrade', req, socket, head))
  return server
}

/** Tells a server's connections apart, on the TCP socket and on the TLS one. */
function addressOf ({ remoteAddress, remotePort }) {
  return `${remoteAddress} ${remotePort}`
}

function refuse (socket, code, message = STATUS_CODES[code], headers = {}) {
  if (!socket.writable) return
  const lines = Object.entries({
    Connection: 'close',
    'Content-Type': 'text/html',
    'Content-Length': Buffer.byteLength(message || ''),
    ...headers
  }).map(([name, value]) => `${name}: ${value}\r\n`).join('')
  socket.end(`HTTP/1.1 ${code} ${STATUS_CODES[code]}\r\n${lines}\r\n${message || ''}`)
}

module.exports = SecureListener
