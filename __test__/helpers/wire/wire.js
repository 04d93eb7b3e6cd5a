'use strict'

// The other side of a connection to this package, by hand: bytes as RFC 6455 counts them, in
// whatever pieces, and each frame that comes with all of its bits.

const { createHash } = require('crypto')
const { once } = require('events')
const net = require('net')
const { limited } = require('../../../scripts/lib/child')
const { each, native } = require('../conformance')

const OPCODE = { CONTINUATION: 0, TEXT: 1, BINARY: 2, CLOSE: 8, PING: 9, PONG: 10 }

/** Section 1.3: the sample key and its answer. */
const KEY = 'dGhlIHNhbXBsZSBub25jZQ=='
const ACCEPT = 's3pPLMBiTxaQ9kYGzzhZRbK+xOo='
const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'
const HEAD_END = '\r\n\r\n'
const MASK = Buffer.from([0x37, 0xfa, 0x21, 0x3d])

/** Length forms of section 5.2, by the value of the 7 bits. */
const FORM = { SHORT: 7, MEDIUM: 126, LONG: 127 }

/**
 * The bytes of a frame.
 * @param {object} [opts] `fin`, `rsv` (3 bits), `key` of a mask (`null` for none), `form` of the
 *   length, `length` that the header tells if it is not the payload's
 */
function encode (opcode, payload = '', { fin = true, rsv = 0, key = null, form, length } = {}) {
  const body = Buffer.from(payload)
  const told = BigInt(length === undefined ? body.length : length)
  if (form === undefined) form = told < 126n ? FORM.SHORT : told < 65536n ? FORM.MEDIUM : FORM.LONG
  const extended = Buffer.alloc(form === FORM.SHORT ? 0 : form === FORM.MEDIUM ? 2 : 8)
  if (form === FORM.MEDIUM) extended.writeUInt16BE(Number(told))
  if (form === FORM.LONG) extended.writeBigUInt64BE(told)
  const first = (fin ? 0x80 : 0) | rsv << 4 | opcode
  const second = (key ? 0x80 : 0) | (form === FORM.SHORT ? Number(told) : form)
  if (key) body.forEach((byte, at) => { body[at] = byte ^ key[at % 4] })
  return Buffer.concat([Buffer.from([first, second]), extended, key || Buffer.alloc(0), body])
}

/** The payload of a close frame. */
function closing (code, reason = '') {
  const bytes = Buffer.alloc(2)
  bytes.writeUInt16BE(code)
  return Buffer.concat([bytes, Buffer.from(reason)])
}

/** The other side, once the handshake is done. */
class Wire {
  /** `masks`: it is a client. `rest` came with the handshake. */
  constructor (socket, masks, rest = Buffer.alloc(0)) {
    this.socket = socket
    this.masks = masks
    /** What came: `{ fin, rsv, opcode, key, form, payload, text }`. */
    this.frames = []
    /** Resolves with the frames once the TCP connection is over. */
    this.ended = limited(new Promise(resolve => socket.on('close', () => resolve(this.frames))), 'the end')
    this.ended.catch(() => {})
    this._rest = rest
    this._waiting = []
    this._handed = 0
    socket.setNoDelay(true)
    // The other side may end it any way it likes.
    socket.on('error', () => {})
    socket.on('end', () => socket.end())
    socket.on('data', bytes => {
      this._rest = Buffer.concat([this._rest, bytes])
      this._read()
    })
    socket.resume()
    this._read()
  }

  /** The bytes of a frame as this side has to compose it. */
  frame (opcode, payload, opts) {
    return encode(opcode, payload, { key: this.masks ? MASK : null, ...opts })
  }

  text (payload, opts) {
    return this.frame(OPCODE.TEXT, payload, opts)
  }

  close (code, reason) {
    return this.frame(OPCODE.CLOSE, code === undefined ? '' : closing(code, reason))
  }

  send (...bytes) {
    this.socket.write(Buffer.concat(bytes))
  }

  /** Resolves with the next frame. */
  next () {
    return limited(new Promise(resolve => {
      this._waiting.push(resolve)
      this._hand()
    }), 'a frame')
  }

  _read () {
    for (let frame; (frame = this._frame()) !== null;) this.frames.push(frame)
    this._hand()
  }

  _frame () {
    const rest = this._rest
    if (rest.length < 2) return null
    const form = rest[1] & 0x7f
    const at = 2 + (form === FORM.MEDIUM ? 2 : form === FORM.LONG ? 8 : 0)
    const masked = rest[1] >> 7 === 1
    const body = at + (masked ? 4 : 0)
    if (rest.length < body) return null
    const length = form === FORM.MEDIUM ? rest.readUInt16BE(2) : form === FORM.LONG ? Number(rest.readBigUInt64BE(2)) : form
    if (rest.length < body + length) return null
    const key = masked ? rest.subarray(at, body) : null
    const payload = Buffer.from(rest.subarray(body, body + length))
    if (key) payload.forEach((byte, i) => { payload[i] = byte ^ key[i % 4] })
    this._rest = rest.subarray(body + length)
    return {
      fin: rest[0] >> 7 === 1,
      rsv: rest[0] >> 4 & 7,
      opcode: rest[0] & 15,
      key,
      form: form < FORM.MEDIUM ? FORM.SHORT : form,
      payload,
      text: payload.toString()
    }
  }

  _hand () {
    while (this._waiting.length > 0 && this._handed < this.frames.length) {
      this._waiting.shift()(this.frames[this._handed++])
    }
  }
}

/** How bytes may arrive. */
const PACES = {
  'at once': (socket, bytes) => { socket.write(bytes) },
  'byte by byte': async (socket, bytes) => {
    socket.setNoDelay(true)
    for (const byte of bytes) {
      if (socket.destroyed) return
      socket.write(Buffer.from([byte]))
      // The other side may read it meanwhile.
      await new Promise(resolve => setImmediate(resolve))
    }
  }
}

/** Follows what a socket object of this package says. */
class Ours {
  constructor (socket) {
    this.socket = socket
    /** `['message' | 'ping' | 'pong', data]`, in order. */
    this.heard = []
    this.error = null
    /** Resolves with code and reason. */
    this.closed = limited(new Promise(resolve => socket.on('close', (...args) => resolve(args))), 'close')
    this.closed.catch(() => {})
    for (const event of ['message', 'ping', 'pong']) {
      socket.on(event, data => this.heard.push([event, data]))
    }
    socket.on('error', err => { this.error = err })
  }

  /** Sends back each message. */
  echo () {
    this.socket.on('message', data => this.socket.send(data))
  }
}

/** A server of this package and a client by hand: `{ wire, ours }`. */
async function ourServer (stage) {
  const service = await stage.publisher(native)
  const accepted = new Promise(resolve => service.socket.on('connection', socket => resolve(new Ours(socket))))
  const socket = await connect(stage, service.port)
  const { status, rest } = await ask(socket, request(service.port))
  if (status !== 101) throw new Error(`status ${status}`)
  return { wire: new Wire(socket, true, rest), ours: await accepted }
}

/** A client of this package and a server by hand: `{ wire, ours }`. */
async function ourClient (stage) {
  const { dest, arrived } = await listen(stage)
  const ours = dial(stage, dest)
  const { socket, key } = await arrived
  socket.write(response(key))
  const wire = new Wire(socket, false)
  await once(ours.socket, 'open')
  return { wire, ours }
}

const SIDES = { server: ourServer, client: ourClient }

/** Connects a client of this package, whose handshake may never be done. */
function dial (stage, dest, conf) {
  const transport = stage.subscriber(native, dest, { reconnect: false, ...conf }).transport(dest)
  transport.sub('key')
  const ours = new Ours(transport.socket)
  // What cannot be reached is an error of the transport, too.
  transport.on('error', () => {})
  return ours
}

/** A port by hand: `arrived` resolves with `{ socket, head, key }` once a client's head is there. */
async function listen (stage) {
  const sockets = new Set()
  const server = net.createServer()
  const arrived = limited(new Promise(resolve => server.on('connection', socket => {
    sockets.add(socket)
    socket.on('error', () => {})
    let head = ''
    const read = bytes => {
      head += bytes.toString('latin1')
      if (!head.endsWith(HEAD_END)) return
      // What comes before somebody listens again must not be lost.
      socket.removeListener('data', read).pause()
      resolve({ socket, head, key: /^Sec-WebSocket-Key: (.*)\r$/im.exec(head)[1] })
    }
    socket.on('data', read)
  })), 'a client')
  arrived.catch(() => {})
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  stage.after(() => {
    server.close()
    for (const socket of sockets) socket.destroy()
  })
  return { dest: `127.0.0.1:${server.address().port}`, arrived }
}

async function connect (stage, port) {
  const socket = net.connect(port, '127.0.0.1')
  stage.after(() => socket.destroy())
  socket.on('error', () => {})
  await once(socket, 'connect')
  return socket
}

/** Headers of a client's handshake, all that section 4.1 asks for; `undefined` leaves one out. */
function request (port, { line = 'GET /ws HTTP/1.1', ...headers } = {}) {
  return head(line, {
    Host: `127.0.0.1:${port}`,
    Upgrade: 'websocket',
    Connection: 'Upgrade',
    'Sec-WebSocket-Key': KEY,
    'Sec-WebSocket-Version': '13',
    ...headers
  })
}

/** A server's answer to a key, all that section 4.2.2 asks for. */
function response (key, { line = 'HTTP/1.1 101 Switching Protocols', ...headers } = {}) {
  const accept = createHash('sha1').update(key + GUID).digest('base64')
  return head(line, { Upgrade: 'websocket', Connection: 'Upgrade', 'Sec-WebSocket-Accept': accept, ...headers })
}

/** A value that is an array is as many headers. */
function head (line, headers) {
  const lines = Object.entries(headers).flatMap(([name, value]) =>
    value === undefined ? [] : [].concat(value).map(one => `${name}: ${one}`))
  return Buffer.from([line, ...lines].join('\r\n') + HEAD_END, 'latin1')
}

/**
 * Sends a head; resolves with the answer `{ status, headers, rest }`, names in lower case. An
 * answer that is not 101 is awaited to the end of the connection: `rest` is its body.
 */
async function ask (socket, bytes, pace = PACES['at once']) {
  const answer = limited(new Promise(resolve => {
    let all = Buffer.alloc(0)
    const look = over => {
      const end = all.indexOf(HEAD_END)
      const status = end < 0 ? 0 : Number(all.toString('latin1', 9, 12))
      if (!over && status !== 101) return
      // What comes before somebody listens again must not be lost.
      socket.removeListener('data', read).pause()
      const headers = {}
      for (const line of all.toString('latin1', 0, Math.max(end, 0)).split('\r\n').slice(1)) {
        const colon = line.indexOf(':')
        headers[line.slice(0, colon).toLowerCase()] = line.slice(colon + 1).trim()
      }
      resolve({ status, headers, rest: all.subarray(end + HEAD_END.length) })
    }
    const read = bytes => {
      all = Buffer.concat([all, bytes])
      look(false)
    }
    socket.on('data', read)
    socket.once('close', () => look(true))
  }), 'an answer')
  answer.catch(() => {})
  await pace(socket, bytes)
  return answer
}

/** Resolves with the arguments of `close`, also where an error comes first. */
function closeOf (emitter) {
  return new Promise(resolve => emitter.on('error', () => {}).on('close', (...args) => resolve(args)))
}

/** A test of this package by itself. */
function fact (title, body) {
  each(title, ({ stage }) => body(stage), { better: true })
}

/** A test of each side: `body({ wire, ours, side })`. */
function bothSides (title, body) {
  for (const [side, start] of Object.entries(SIDES)) {
    fact(`${title} [our ${side}]`, async stage => body({ ...await start(stage), side, stage }))
  }
}

/**
 * A test of each side at each pace: `body({ wire, ours, side, send })`. `send.late` sends what
 * comes behind the end: only along with it, since a system answers bytes for a closed connection
 * with a reset, which takes what was not read yet with it.
 */
function anyPace (title, body) {
  for (const [name, pace] of Object.entries(PACES)) {
    bothSides(`${title}, ${name}`, ({ wire, ...rest }) => {
      const send = (...bytes) => pace(wire.socket, Buffer.concat(bytes))
      send.late = (bytes, ...late) => name === 'at once' ? send(...bytes, ...late) : send(...bytes)
      return body({ wire, send, ...rest })
    })
  }
}

module.exports = {
  ACCEPT, FORM, MASK, OPCODE, PACES, SIDES, Wire, anyPace, ask, bothSides, closeOf, closing, connect, dial, encode, fact, listen, ourClient, ourServer, request, response
}
