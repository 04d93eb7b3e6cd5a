'use strict'

const { setImmediate } = require('./clock')
const Deadline = require('./Deadline')
const dispatch = require('./dispatch')
const pumps = require('./pumps')
const { FAREWELL_BYTES, FAREWELL_TIMEOUT, KEEPALIVE } = require('./defaults')

/** What others call a descriptor is not known. */
const IS_NODE = !process.versions.bun && !process.versions.deno

/** Moves a connection's bytes between a Node socket and the native side. */
class Stream {
  constructor (connection) {
    this.connection = connection
    /** Why it failed, if it did. */
    this.error = null
    this.socket = null
    this._abort = null
    this._ended = false
    /** The native side is done with the connection, whose number may mean another by now. */
    this._detached = false
    /** The socket does not take what we write. */
    this._blocked = false
    /** JavaScript does not keep up with what is read. */
    this._behind = false
    /** The service has enough to answer. */
    this._paused = false
    /** What comes is being handed over; then follows a `pump`. */
    this._receiving = false
    /** Bytes that a client still reads, once it has closed: nobody hears what they say. */
    this._left = Infinity
  }

  /** That of the TCP socket, for the native side to ask the system; undefined where Node does not tell. */
  get descriptor () {
    const handle = IS_NODE && this.socket !== null ? this.socket._handle : null
    return handle && handle.fd >= 0 ? handle.fd : undefined
  }

  /** `abort` ends the handshake, if the connection is given up before it is done. */
  onAbort (abort) {
    this._abort = abort
  }

  /** The handshake is done; `head` came after it. */
  start (socket, head) {
    this.attach(socket)
    this.begin(head)
  }

  /** Bytes are moved from now on, but nothing is told yet. */
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
    dispatch.openStream(this.connection.conn, this.descriptor)
  }

  /** Tells that the connection is open, and what comes. */
  begin (head) {
    if (this.socket === null) return
    this.connection.onOpened()
    if (head.length > 0) this._receive(head)
    this.socket.on('data', bytes => this._receive(bytes))
    this._flow()
    this.pump()
  }

  /** Something was composed. */
  pumpSoon () {
    if (this.socket === null) return
    // The answer to a lone message: what came alone is delivered while it is received.
    const isLone = this._receiving && !this.connection.isClient
    // Node's socket takes one write at a time: what follows it would be many small ones.
    if ((isLone || pumps.isPrompt()) && this.socket.writableLength === 0) this.pump()
    else if (!this._receiving) pumps.pumpSoon(this)
  }

  /** Writes what was composed, while the socket takes it. */
  pump () {
    if (this.socket === null || this._blocked) return
    this._write()
  }

  /** Stops reading until JavaScript has caught up. */
  setBehind (behind) {
    this._behind = behind
    this._flow()
  }

  /** Stops reading until the service has answered. */
  setPaused (paused) {
    this._paused = paused
    this._flow()
  }

  /** The connection ends with what was composed so far. */
  close () {
    this._stopHandshake()
    if (this.socket === null) return this._end()
    this.setPaused(false)
    this.pump()
    if (this.connection.isClient) this._left = FAREWELL_BYTES
    this.socket.unref()
    if (this._blocked) this._endSoon()
  }

  /** Who does not take our words cannot be told of the end. */
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
   * The native side is done: what it composed last still goes out. What the other side says from
   * now on concerns nobody, and it has limited time to end its half; none when it `isGivenUp`.
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
   * Says no more. The other side has limited time for its half, and for what waits to be written:
   * Node's TLS may leave a write without an end whose socket was reset after the other side had
   * ended its half, and does not read the socket any more by then.
   */
  _endHalf () {
    const { socket } = this
    socket.end()
    const deadline = new Deadline(() => socket.destroy(), FAREWELL_TIMEOUT).unref()
    socket.once('close', () => deadline.clear())
  }

  _receive (bytes) {
    if (this._detached) return
    this._left -= bytes.length
    if (this._left < 0) {
      this.socket.destroy()
      return
    }
    this._receiving = true
    try {
      dispatch.receive(this, bytes)
    } finally {
      this._receiving = false
      this.pump()
    }
  }

  /** Writes all that was composed, whether the socket takes it or not: there is no other time. */
  writeAll () {
    if (this.socket === null || this._detached || this.socket.destroyed) return
    for (let bytes; (bytes = dispatch.take(this.connection.conn)) !== null;) this.socket.write(bytes)
  }

  /** In pieces: what Node has taken nobody counts any more. */
  _write () {
    while (!this._detached && !this.socket.destroyed) {
      const bytes = dispatch.take(this.connection.conn)
      if (bytes === null) return
      if (this.socket.write(bytes)) continue
      // Who does not take its answers sends no more requests for now.
      this._blocked = true
      this._flow()
      return
    }
  }

  _drained () {
    this._blocked = false
    this._flow()
    this.pump()
    if (!this._detached && dispatch.waiting(this.connection.conn) === 0) this.connection.onDrained()
  }

  _flow () {
    if (this.socket === null) return
    // A client reads its answers however much it asks: the server may not read before it is rid of them.
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
    dispatch.endStream(this.connection.conn)
  }
}

module.exports = Stream
