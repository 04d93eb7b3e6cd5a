'use strict'

const { setImmediate } = require('../util/clock')
const Deadline = require('../util/Deadline')
const { core, raw } = require('../native/core')
const { receive } = require('../native/dispatch')
const { takeOutput } = require('../native/streams')
const streamWrites = require('../native/streamWrites')
const { FAREWELL_BYTES, FAREWELL_TIMEOUT, KEEPALIVE } = require('../options/defaults')

/** The meaning of other runtimes' descriptors is unknown. */
const IS_NODE = !process.versions.bun && !process.versions.deno

/** Moves a connection's bytes between a Node socket and the native side. */
class TlsStream {
  constructor (connection) {
    this.connection = connection
    /** The error that it failed with, if any. */
    this.error = null
    this.socket = null
    this._abort = null
    this._ended = false
    /** The native side is done with the connection, and its number may be reused by now. */
    this._detached = false
    /** The socket's write buffer is full. */
    this._blocked = false
    /** JavaScript does not keep up with the received bytes. */
    this._behind = false
    /** The service has enough requests to handle. */
    this._paused = false
    /** Received bytes are being passed on; a `pump` follows. */
    this._receiving = false
    /** Bytes that a client still reads after closing; their contents are ignored. */
    this._farewellBytes = Infinity
  }

  /** The TCP socket's descriptor, which the native side queries; undefined where Node has none. */
  get descriptor () {
    const handle = IS_NODE && this.socket !== null ? this.socket._handle : null
    return handle && handle.fd >= 0 ? handle.fd : undefined
  }

  /** `abort` cancels the handshake if the connection is closed before it is done. */
  onAbort (abort) {
    this._abort = abort
  }

  /** The handshake is done; `head` are the bytes that followed it. */
  start (socket, head) {
    this.attach(socket)
    this.begin(head)
  }

  /** Starts to move bytes, but emits nothing yet. */
  attach (socket) {
    this._abort = null
    if (this._ended) {
      socket.destroy()
      return
    }
    this.socket = socket
    socket.setNoDelay(true)
    socket.setKeepAlive(true, KEEPALIVE)
    socket.on('error', err => { this.error = this.error || err })
    socket.on('close', () => this._end())
    socket.on('end', () => this._endHalf())
    socket.on('drain', () => this._drained())
    core.openStream(this.connection.conn, this.descriptor)
  }

  /** Reports that the connection is open, and passes on received bytes. */
  begin (head) {
    if (this.socket === null) return
    this.connection.onOpened()
    if (head.length > 0) this._receive(head)
    this.socket.on('data', bytes => this._receive(bytes))
    this._flow()
    this.pump()
  }

  /** Output was composed. */
  pumpSoon () {
    if (this.socket === null) return
    // The reply to a single message: that was delivered while it was received.
    const isLone = this._receiving && !this.connection.isClient
    // Node's socket has one write in flight at a time: a pending one would turn the rest into many small writes.
    if ((isLone || streamWrites.isPrompt()) && this.socket.writableLength === 0) this.pump()
    else if (!this._receiving) streamWrites.pumpSoon(this)
  }

  /** Writes the composed output until the socket's buffer is full. */
  pump () {
    if (this.socket === null || this._blocked) return
    this._write()
  }

  /** Stops reading until JavaScript has caught up. */
  setBehind (behind) {
    this._behind = behind
    this._flow()
  }

  /** Stops reading until the service has replied. */
  setPaused (paused) {
    this._paused = paused
    this._flow()
  }

  /** Closes after the output composed so far. */
  close () {
    this._stopHandshake()
    if (this.socket === null) return this._end()
    this.setPaused(false)
    this.pump()
    if (this.connection.isClient) this._farewellBytes = FAREWELL_BYTES
    this.socket.unref()
    if (this._blocked) this._endSoon()
  }

  /** A peer that does not read cannot receive a close frame. */
  _endSoon () {
    new Deadline(() => this._blocked && this.socket.destroy(), FAREWELL_TIMEOUT).unref()
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

  /**
   * The native side is done: its last output is still written. Received bytes are ignored from now on, and the peer
   * has limited time to end its half; none if the connection `isGivenUp`.
   */
  detach (isGivenUp) {
    this._stopHandshake()
    this._ended = true
    const { socket } = this
    if (socket === null) {
      this._detached = true
      return
    }
    this.writeAll()
    this._detached = true
    if (isGivenUp) socket.destroy()
    this._blocked = this._behind = this._paused = false
    if (socket.destroyed) return
    this._flow()
    this._endHalf()
    socket.unref()
  }

  /**
   * Ends the writable half. The peer has limited time to end its own, and to read the pending output: after a reset
   * that follows the peer's end, Node's TLS may leave a write unfinished for ever, and no longer reads the socket by
   * then.
   */
  _endHalf () {
    const { socket } = this
    socket.end()
    const deadline = new Deadline(() => socket.destroy(), FAREWELL_TIMEOUT).unref()
    socket.once('close', () => deadline.clear())
  }

  _receive (bytes) {
    if (this._detached) return
    this._farewellBytes -= bytes.length
    if (this._farewellBytes < 0) {
      this.socket.destroy()
      return
    }
    this._receiving = true
    try {
      receive(this, bytes)
    } finally {
      this._receiving = false
      this.pump()
    }
  }

  /** Writes all composed output even into a full buffer: this is the last chance. */
  writeAll () {
    if (this.socket === null || this._detached || this.socket.destroyed) return
    for (let bytes; (bytes = takeOutput(this.connection.conn)) !== null;) this.socket.write(bytes)
  }

  /** Writes in pieces: bytes in Node's buffer are counted in no limit. */
  _write () {
    while (!this._detached && !this.socket.destroyed) {
      const bytes = takeOutput(this.connection.conn)
      if (bytes === null) return
      if (this.socket.write(bytes)) continue
      // Until the peer reads its replies, no more of its requests are read.
      this._blocked = true
      this._flow()
      return
    }
  }

  _drained () {
    this._blocked = false
    this._flow()
    this.pump()
    if (!this._detached && raw.waiting(this.connection.conn) === 0) this.connection.onDrained()
  }

  _flow () {
    if (this.socket === null) return
    // A client always reads its replies: the server may stop reading until they are written.
    const waits = this._blocked && !this.connection.isClient
    if (waits || this._behind || this._paused) this.socket.pause()
    else this.socket.resume()
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
    core.endStream(this.connection.conn)
  }
}

module.exports = TlsStream
