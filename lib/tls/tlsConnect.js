'use strict'

// TLS is Node's own: Node moves the bytes, the native side does the rest.

const assert = require('assert')
const https = require('https')
const net = require('net')
const tls = require('tls')
const { createHash, randomBytes } = require('crypto')
const { clearTimeout, setTimeout } = require('../util/clock')
const Deadline = require('../util/Deadline')
const TlsStream = require('./TlsStream')
const { withOffer } = require('./tlsOffer')
const { isDestination } = require('../native/connections')
const { AT_ONCE } = require('../native/settings')
const limitHeads = require('./informationalHeads')
const { TEXT, unexpected } = require('../errors/errors')
const { late, system } = require('../errors/failure')
const { RACE, lookupOf } = require('../native/hostLookup')
const { OPTIONS, TLS } = require('../options/optionTable')

/** RFC 6455 section 1.3. */
const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'

const acceptOf = key => createHash('sha1').update(key + GUID).digest('base64')

/** Node's `tls` accepts a prepared context; for other runtimes this is unknown. */
const SHARES_CONTEXTS = !process.versions.bun && !process.versions.deno

/** The context of each `conf.secure`, and the options that it was made with. */
const contexts = new WeakMap()

/**
 * Keys and certificates as parsed by OpenSSL. Parsing takes a millisecond, or 30 with a system's certificate
 * authorities, and grapes may return hundreds of servers.
 */
function contextOf (secure) {
  const made = contexts.get(secure)
  if (made !== undefined && isSame(made.options, secure)) return made.context
  const context = tls.createSecureContext(withOffer(secure))
  contexts.set(secure, { options: { ...secure }, context })
  return context
}

function isSame (one, other) {
  const names = Object.keys(one)
  return names.length === Object.keys(other).length && names.every(name => one[name] === other[name])
}

/** The parts that must be Buffers. */
function assertSecure (secure) {
  assert(Buffer.isBuffer(secure.key), 'conf.secure.key must be a Buffer')
  assert(Buffer.isBuffer(secure.cert), 'conf.secure.cert must be a Buffer')
  assert(Buffer.isBuffer(secure.ca), 'conf.secure.ca must be a Buffer')
}

/** `conf`, with the connection's options from `conf.secure`, as options of `ws`. */
function confOf (conf) {
  const maxPayload = TLS.client.maxPayload.of(conf.secure.maxPayload)
  return maxPayload === undefined ? conf : { ...conf, maxPayload }
}

/** `conf.secure` cannot change these, as with `ws`: where a client connects, and what it requests. */
const FIXED = {
  createConnection: undefined,
  hostname: undefined,
  protocol: undefined,
  socketPath: undefined,
  timeout: undefined,
  method: 'GET'
}

/**
 * Connects to `dest` with Node's TLS and upgrades to WebSocket. Node gets all other options of `conf.secure`: those
 * of TLS, and `headers`, `origin` and `auth` of the request.
 */
function connect (dest, path, conf, connection, dialling = AT_ONCE) {
  const stream = new TlsStream(connection)
  let url
  try {
    // `new URL` accepts an address without a port, and much else.
    url = isDestination(String(dest)) ? new URL(`https://${dest}`) : null
  } catch (err) {
    url = null
  }
  if (url === null) return stream.failSoon(late(`ERR_DEST_INVALID: ${dest}`, { dest: String(dest) }))
  const within = Math.min(OPTIONS.Peer.connectTimeout.of(conf.connectTimeout), dialling.within)
  if (dialling.after === 0) {
    upgrade(stream, url, path, conf, within)
  } else {
    const timer = setTimeout(() => upgrade(stream, url, path, conf, within), dialling.after)
    stream.onAbort(() => clearTimeout(timer))
  }
  return stream
}

/** Connects, with `within` ms for TCP, and requests the upgrade. */
function upgrade (stream, url, path, conf, within) {
  const { secure } = conf
  const host = url.hostname.replace(/^\[|\]$/g, '')
  const key = randomBytes(16).toString('base64')
  const headers = {
    'Sec-WebSocket-Version': 13,
    'Sec-WebSocket-Key': key,
    Connection: 'Upgrade',
    Upgrade: 'websocket',
    ...secure.headers
  }
  if (secure.origin) headers.Origin = secure.origin
  const time = TLS.client.handshakeTimeout.of(secure.handshakeTimeout) ?? OPTIONS.Peer.handshakeTimeout.of(conf.handshakeTimeout)
  let request
  try {
    request = https.request({
      lookup: lookupOf(false, time),
      ...RACE,
      servername: net.isIP(host) ? '' : host,
      // A connection of its own, not returned to a pool.
      agent: false,
      ...(SHARES_CONTEXTS && { secureContext: contextOf(secure) }),
      ...withOffer(secure),
      ...FIXED,
      host,
      port: url.port || 443,
      path,
      headers
    })
  } catch (err) {
    // Node rejects a key that does not fit its certificate, a wrong passphrase and the like.
    return stream.failSoon(err)
  }
  stream.onAbort(() => request.destroy())
  const deadline = new Deadline(() => {
    request.destroy(late(TEXT.HANDSHAKE_TIMEOUT, { timeout: time }))
  }, time)
  if (within < time) request.on('socket', socket => limitConnect(socket, `${host}:${url.port || 443}`, within))
  request.on('error', err => stream.fail(err))
  request.on('close', () => deadline.clear())
  request.on('response', response => {
    stream.fail(unexpected(response.statusCode))
    request.destroy()
  })
  limitHeads(request, ({ statusCode }) => {
    // Node would continue with what arrived together with the heads, possibly an upgrade.
    stream.fail(unexpected(statusCode))
    request.destroy()
  })
  request.on('upgrade', (response, socket, head) => {
    deadline.clear()
    const problem = problemOf(response.headers, key)
    if (problem === null) return stream.start(socket, head)
    socket.destroy()
    stream.fail(late(problem))
  })
  request.end()
}

/** Destroys a socket that is not connected after `ms`. */
function limitConnect (socket, address, ms) {
  const deadline = new Deadline(() => {
    socket.destroy(system(`connect ETIMEDOUT ${address}`, { code: 'ETIMEDOUT', syscall: 'connect' }))
  }, ms)
  for (const event of ['connect', 'close']) socket.once(event, () => deadline.clear())
}

/** The error in a server's reply (RFC 6455 section 4.1); null if there is none. */
function problemOf (headers, key) {
  if (!/^websocket$/i.test(headers.upgrade || '')) return 'Invalid Upgrade header'
  if (headers['sec-websocket-accept'] !== acceptOf(key)) return 'Invalid Sec-WebSocket-Accept header'
  if (headers['sec-websocket-protocol']) return 'Server sent a subprotocol but none was requested'
  if (headers['sec-websocket-extensions']) return 'Server sent an extension but none was requested'
  return null
}

module.exports = { acceptOf, assertSecure, confOf, connect }
