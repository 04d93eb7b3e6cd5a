'use strict'

// WebSocket by hand, to send and to see what no library would.

const { createHash } = require('crypto')
const { once } = require('events')
const http = require('http')
const https = require('https')
const net = require('net')
const tls = require('tls')

const TEXT = 1
const BINARY = 2
const CLOSE = 8
const PING = 9

/** RFC 6455 section 1.3. */
const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'
const KEY = 'dGhlIHNhbXBsZSBub25jZQ=='

/**
 * The bytes of a frame. `masked` is what clients must do (with a key of zeros); `length` tells a
 * length that need not be the payload's.
 */
function frame (opcode, payload = '', { masked = false, fin = true, reserved = 0, length } = {}) {
  const body = Buffer.from(payload)
  length = length === undefined ? body.length : length
  const mask = masked ? 0x80 : 0
  const first = (fin ? 0x80 : 0) | reserved | opcode
  let head
  if (length < 126) {
    head = Buffer.from([first, mask | length])
  } else if (length < 65536) {
    head = Buffer.from([first, mask | 126, 0, 0])
    head.writeUInt16BE(length, 2)
  } else {
    head = Buffer.from([first, mask | 127, 0, 0, 0, 0, 0, 0, 0, 0])
    head.writeBigUInt64BE(BigInt(length), 2)
  }
  return Buffer.concat([head, masked ? Buffer.alloc(4) : Buffer.alloc(0), body])
}

/** One end of a connection whose handshake is done. */
class Raw {
  constructor (socket, rest) {
    this.socket = socket
    this.frames = []
    /** Resolves once the connection has ended, with `{ code, frames }`: code 1006 without a close frame. */
    this.ended = new Promise(resolve => {
      socket.on('close', () => {
        const close = this.frames.find(({ opcode }) => opcode === CLOSE)
        const code = close === undefined ? 1006 : close.payload.length < 2 ? 1005 : close.payload.readUInt16BE()
        resolve({ code, frames: this.frames })
      })
    })
    this._rest = Buffer.alloc(0)
    this._waiting = []
    socket.on('error', () => {})
    // Sockets of Node's HTTP server stay half open.
    socket.on('end', () => socket.end())
    socket.on('data', bytes => this._read(bytes))
    if (rest.length > 0) this._read(rest)
  }

  send (...bytes) {
    this.socket.write(Buffer.concat(bytes))
  }

  /** Resolves with the next frame. */
  next () {
    return new Promise(resolve => {
      this._waiting.push(resolve)
      this._hand()
    })
  }

  _read (bytes) {
    let rest = Buffer.concat([this._rest, bytes])
    for (;;) {
      if (rest.length < 2) break
      const masked = rest[1] & 0x80
      let length = rest[1] & 0x7f
      let at = 2
      if (length === 126) {
        length = rest.length >= 4 ? rest.readUInt16BE(2) : Infinity
        at = 4
      } else if (length === 127) {
        length = rest.length >= 10 ? Number(rest.readBigUInt64BE(2)) : Infinity
        at = 10
      }
      const body = at + (masked ? 4 : 0)
      if (rest.length < body + length) break
      const payload = Buffer.from(rest.subarray(body, body + length))
      if (masked) payload.forEach((byte, i) => { payload[i] = byte ^ rest[at + i % 4] })
      this.frames.push({ opcode: rest[0] & 0xf, payload, text: payload.toString() })
      rest = rest.subarray(body + length)
    }
    this._rest = rest
    this._hand()
  }

  _hand () {
    this._handed = this._handed || 0
    while (this._waiting.length > 0 && this._handed < this.frames.length) {
      this._waiting.shift()(this.frames[this._handed++])
    }
  }
}

/** Connects as a client; `secure` are options of TLS, `localAddress` is where it comes from. */
async function rawClient (stage, port, { secure, localAddress, path = '/ws' } = {}) {
  const at = { port, host: '127.0.0.1', ...(localAddress && { localAddress }) }
  const socket = secure ? tls.connect({ ...at, ...secure }) : net.connect(at)
  stage.after(() => socket.destroy())
  await once(socket, secure ? 'secureConnect' : 'connect')
  socket.write(`GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nUpgrade: websocket\r\n` +
    `Connection: Upgrade\r\nSec-WebSocket-Key: ${KEY}\r\nSec-WebSocket-Version: 13\r\n\r\n`)
  let answer = Buffer.alloc(0)
  for (;;) {
    const [bytes] = await once(socket, 'data')
    answer = Buffer.concat([answer, bytes])
    const end = answer.indexOf('\r\n\r\n')
    if (end < 0) continue
    if (!answer.toString('latin1').startsWith('HTTP/1.1 101 ')) throw new Error(answer.toString())
    return new Raw(socket, answer.subarray(end + 4))
  }
}

/** Serves WebSockets by hand: `onConnection(raw)`; resolves with `{ dest, server }`. */
async function rawServer (stage, onConnection, { secure } = {}) {
  const server = secure ? https.createServer(secure) : http.createServer()
  const sockets = new Set()
  server.on('upgrade', (req, socket, head) => {
    const accept = createHash('sha1').update(req.headers['sec-websocket-key'] + GUID).digest('base64')
    socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
      `Sec-WebSocket-Accept: ${accept}\r\n\r\n`)
    sockets.add(socket)
    onConnection(new Raw(socket, head))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  stage.after(() => {
    server.close()
    for (const socket of sockets) socket.destroy()
  })
  return { dest: `127.0.0.1:${server.address().port}`, server }
}

/** Resolves once nothing accepts connections at `port` any more; rejects when that takes long. */
async function refused (port, host = '127.0.0.1') {
  for (let tries = 0; ; tries++) {
    const socket = net.connect(port, host)
    try {
      await once(socket, 'connect')
    } catch (err) {
      if (err.code === 'ECONNREFUSED') return
      // It was accepted, and ended at once.
      if (err.code !== 'ECONNRESET') throw err
    }
    socket.destroy()
    if (tries === 50) throw new Error(`port ${port} is still open`)
    await new Promise(resolve => setTimeout(resolve, 10))
  }
}

module.exports = { BINARY, CLOSE, PING, TEXT, frame, rawClient, rawServer, refused }
