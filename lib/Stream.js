'use strict'

const dispatch = require('./dispatch')

/** Moves a connection's bytes between a Node socket and the native side. */
class Stream {
  constructor (connection) {
    this.connection = connection
    /** Why it failed, if it did. */
    this.error = null
    this.socket = null
    this._abort = null
    this._ended = false
  }

  /** `abort` ends the handshake, if the connection is given up before it is done. */
  onAbort (abort) {
    this._abort = abort
  }

  /** The handshake is done; `head` came after it. */
  start (socket, head) {
    this._abort = null
    if (this._ended) {
      socket.destroy()
      return
    }
    this.socket = socket
    const { conn } = this.connection
    socket.setNoDelay(true)
    socket.on('error', err => { this.error = this.error || err })
    socket.on('close', () => this._end())
    socket.on('end', () => socket.end())
    socket.on('drain', () => {
      socket.resume()
      this.pump()
      if (dispatch.waiting(conn) === 0) this.connection.onDrained()
    })
    dispatch.openStream(conn)
    this.connection.onOpened()
    if (head.length > 0) this._receive(head)
    socket.on('data', bytes => this._receive(bytes))
    this.pump()
  }

  pumpSoon () {
    if (this.socket !== null) dispatch.pumpSoon(this)
  }

  /** Writes what was composed, while the socket takes it. */
  pump () {
    const { socket } = this
    if (socket === null || socket.destroyed || socket.writableNeedDrain) return
    const bytes = dispatch.take(this.connection.conn)
    if (bytes === null) return
    // Who does not take its answers sends no more requests for now.
    if (!socket.write(bytes)) socket.pause()
  }

  /** The connection ends with what was composed so far. */
  close () {
    this._stopHandshake()
    if (this.socket === null) return this._end()
    this.pump()
    if (this.connection.over) this.socket.end()
  }

  terminate () {
    this._stopHandshake()
    if (this.socket === null) return this._end()
    this.pump()
    this.socket.destroy()
  }

  fail (err) {
    this.error = this.error || err
    this._end()
  }

  failSoon (err) {
    setImmediate(() => this.fail(err))
    return this
  }

  _receive (bytes) {
    let alive = true
    try {
      alive = dispatch.receive(this.connection.conn, bytes)
    } finally {
      this.pump()
      if (!alive) this.socket.end()
    }
  }

  _stopHandshake () {
    if (this._abort === null) return
    const abort = this._abort
    this._abort = null
    abort()
  }

  _end () {
    if (this._ended) return
    this._ended = true
    dispatch.endStream(this.connection.conn)
  }
}

module.exports = Stream
