'use strict'

// A WebSocket client of a few lines that shows the frames themselves, and can stop reading.

const net = require('net')
const { once } = require('events')
const { limited } = require('../../../scripts/lib/child')

const HEAD_END = '\r\n\r\n'

class RawClient {
  constructor (socket) {
    this.socket = socket
    /** The frames that came: `{ fin, opcode, data }`. */
    this.frames = []
    /** All bytes of frames that came. */
    this.received = 0
    this._rest = Buffer.alloc(0)
    this._waiting = null
  }

  /** Connects to `dest`, and resolves once the handshake is done. */
  static async connect (dest, path = '/ws') {
    const [host, port] = dest.split(':')
    const socket = net.connect(+port, host)
    await once(socket, 'connect')
    socket.write([
      `GET ${path} HTTP/1.1`, `Host: ${dest}`, 'Connection: Upgrade', 'Upgrade: websocket',
      'Sec-WebSocket-Version: 13', 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=='
    ].join('\r\n') + HEAD_END)
    const client = new RawClient(socket)
    // The other side may end it any way it likes.
    socket.on('error', () => {})
    let head = ''
    while (!head.includes(HEAD_END)) {
      const [bytes] = await once(socket, 'data')
      head += bytes.toString('latin1')
    }
    if (!head.startsWith('HTTP/1.1 101 ')) throw new Error(head)
    client._take(Buffer.from(head.slice(head.indexOf(HEAD_END) + HEAD_END.length), 'latin1'))
    socket.on('data', bytes => client._take(bytes))
    return client
  }

  /** Resolves with the first `count` frames. */
  async next (count) {
    while (this.frames.length < count) {
      await limited(new Promise(resolve => { this._waiting = resolve }), `${count} frames`)
    }
    return this.frames.slice(0, count)
  }

  /** Sends bytes as they are. */
  write (bytes) {
    this.socket.write(bytes)
  }

  destroy () {
    this.socket.destroy()
  }

  _take (bytes) {
    this.received += bytes.length
    this._rest = Buffer.concat([this._rest, bytes])
    for (let frame; (frame = this._frame()) !== null;) this.frames.push(frame)
    if (this._waiting) this._waiting()
  }

  /** The first whole frame of what came; a server's frames are not masked (RFC 6455 section 5.2). */
  _frame () {
    const rest = this._rest
    if (rest.length < 2) return null
    let start = 2
    let length = rest[1]
    if (length > 127) throw new Error('masked frame of a server')
    if (length === 126) {
      if (rest.length < 4) return null
      length = rest.readUInt16BE(2)
      start = 4
    } else if (length === 127) {
      if (rest.length < 10) return null
      length = Number(rest.readBigUInt64BE(2))
      start = 10
    }
    if (rest.length < start + length) return null
    this._rest = rest.subarray(start + length)
    return { fin: rest[0] >> 7 === 1, opcode: rest[0] & 15, data: rest.subarray(start, start + length) }
  }
}

module.exports = { RawClient }
