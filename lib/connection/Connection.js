'use strict'

const { joined } = require('../util/address')
const { hold, letGo } = require('../native/keepAlive')
const { budgetOf } = require('../native/memoryBudget')
const { setImmediate } = require('../util/clock')
const ConnectionEvents = require('../native/ConnectionEvents')
const DelayedMessages = require('./DelayedMessages')
const { connect, connectStream, register } = require('../native/connections')
const { core, raw } = require('../native/core')
// Delivers the events.
require('../native/dispatch')
const { LANES, SENT: { BEHIND } } = require('../native/layout')
const { sendFrame } = require('../native/output')
const observe = require('../observe/channels')
const { TEXT } = require('../errors/errors')
const { TransportMeter } = require('../observe/TransportMeter')
const { BUDGET_STEP, PATH } = require('../options/defaults')
const { kAttach, kClosed, kDrained, kIsPatched, kMessage, kMeter, kOpened } = require('../util/symbols')

/** Counts for connections without a transport. */
const nobodys = new TransportMeter()

/** Stands for the owner in the budget of connections without a transport. */
const nobody = { conf: {} }

/**
 * The JavaScript side of one native connection. Subclasses define what its messages mean; the socket object is made
 * when it is first used.
 */
class Connection extends ConnectionEvents {
  /**
   * @param {number} lanes which side gets its messages, see `LANES`
   * @param {object} [transport] its owner
   */
  constructor (lanes, transport = null) {
    super()
    this.conn = -1
    /** The address of the other side, as `host:port`, where it is known at once. */
    this.dest = undefined
    /** A client's: the URL that it connected to. */
    this.url = undefined
    /** A server's: the upgrade request, and with TLS the client's certificate. */
    this.upgradeRequest = undefined
    this.cert = null
    this.lanes = lanes
    this.transport = transport
    this.meter = transport ? transport[kMeter] : nobodys
    /** The message of its `open` event on the diagnostics channel, if that was published. */
    this.published = null
    this.open = false
    this.isClosed = false
    /** Its close code. */
    this.closeCode = 0
    /** This side has sent its close frame. */
    this.closing = false
    /** Nothing more of it is delivered: see `terminate`. */
    this.isTerminated = false
    /** Moves the bytes where JavaScript does that: with TLS. */
    this.stream = null
    /** On a server, the listener that accepted it. */
    this.listener = null
    /** The client does not read its replies: its messages wait. */
    this.isBehind = false
    this._delayed = new DelayedMessages(this)
    /** Bytes of the peer's messages that JavaScript holds, and the last value that the native side was given. */
    this._retained = 0
    this._reported = 0
    this._socket = null
    this._tcp = null
    /** A client's connection keeps the process alive; undefined before it connects, and on servers. */
    this._held = undefined
    /** The user paused the TCP socket. */
    this.isPaused = false
    /** JavaScript does the native side's work for the transport: see `leaveNativeLane`. */
    this.hasLeftNativeLane = false
  }

  /**
   * Connects as a client; `conf` is the transport's, `dialling` has the form of `AT_ONCE` of native/settings.js. Throws when
   * `conf.secure` is invalid.
   */
  dial (dest, conf, dialling) {
    this.dest = String(dest)
    if (conf.secure) {
      const secure = require('../tls/tlsConnect')
      // Before there is anything to clean up.
      secure.assertSecure(conf.secure)
      this.url = `wss://${dest}${PATH}`
      this.conn = register(connectStream(false, secure.confOf(conf), this.lanes, this.meter, this.budget), this)
      this.stream = secure.connect(dest, PATH, conf, this, dialling)
    } else {
      this.url = `ws://${dest}${PATH}`
      this.conn = register(connect(this.dest, PATH, conf, this.lanes, this.meter, this.budget, dialling), this)
    }
    hold()
    this._held = true
    observe.debug('client %s: connecting', dest)
    return this
  }

  /** Turns this into a server's connection: `conn` is its number, `request` the client's upgrade request. */
  accepted (conn, request) {
    this.conn = register(conn, this)
    this.open = true
    this.upgradeRequest = request
    // Node drops the address when the socket closes.
    if (request.socket) this.dest = remoteAddressOf({ address: request.socket.remoteAddress, port: request.socket.remotePort })
    // The connection came with the lanes that its server had when the client connected.
    core.setLanes(conn, this.lanes)
    this.meter.count('opened')
    this.published = observe.opened(this)
    return this
  }

  /** The same for a connection over TLS, whose bytes JavaScript moves: `stream.attach` and `begin` follow. */
  acceptedSecure (conf, request, cert) {
    const TlsStream = require('../tls/TlsStream')
    this.stream = new TlsStream(this)
    this.cert = cert
    return this.accepted(connectStream(true, conf, this.lanes, this.meter, this.budget), request)
  }

  /** The listener forgets this connection when it closes. */
  acceptedBy (listener) {
    this.listener = listener
  }

  /** The memory budget that all connections of its peer share. */
  get budget () {
    return budgetOf(this.transport || nobody)
  }

  get isClient () {
    return this.url !== undefined
  }

  /** The address of the other side, as `host:port`. */
  get address () {
    return this.dest === undefined ? remoteAddressOf(this.upgradeRequest) : this.dest
  }

  /** The `ws`-like object of this connection. */
  get socket () {
    if (this._socket === null) {
      const WebSocketLike = require('../socket/WebSocketLike')
      this._socket = new WebSocketLike(this)
    }
    return this._socket
  }

  /** The TCP socket below: Node's own with TLS, else an object that stands for it. */
  get tcp () {
    if (this.stream !== null) return this.stream.socket
    if (this._tcp === null) {
      const TcpSocket = require('../socket/TcpSocket')
      this._tcp = new TcpSocket(this.isClient ? undefined : this.upgradeRequest)[kAttach](this)
    }
    return this._tcp
  }

  /** Takes the object that stood for the TCP socket before there was a connection. */
  adoptTcp (tcp) {
    this._tcp = tcp[kAttach](this)
  }

  /** The socket object gets each message, ping and pong too, beside the present receivers. */
  watch () {
    this.setLanes(this.lanes | LANES.SOCKET)
  }

  /** Ends `watch`. */
  unwatch () {
    this.setLanes(this.lanes & ~LANES.SOCKET)
  }

  /**
   * The user wants the socket's listeners to decide what happens to messages: from now on nothing else handles them.
   * Only for connections that have `onSocketMessage`, which the package's own listener calls.
   */
  leaveNativeLane () {
    this.hasLeftNativeLane = true
  }

  /** Whether the socket must receive messages on behalf of the transport. */
  get needsMessages () {
    return this.hasLeftNativeLane
  }

  /** Whether sending must go through the socket object. */
  get isPatched () {
    return this._socket !== null && this._socket[kIsPatched]
  }

  setLanes (lanes) {
    if (lanes === this.lanes) return
    this.lanes = lanes
    if (!this.isClosed) core.setLanes(this.conn, lanes)
  }

  /** Pauses or resumes reading; a connection that is closing must be read. */
  setReading (reads) {
    if (this.isClosed || this.closing) return
    if (this.stream !== null) this.stream.setPaused(!reads)
    else core.setReading(this.conn, reads && !this.isPaused)
  }

  /** Nothing is read while `isPaused`. */
  pause (isPaused) {
    this.isPaused = isPaused
    this.setReading(true)
  }

  /** Composes a frame; returns false on a closed connection. */
  send (opcode, data, fin) {
    if (this.isClosed) return false
    const sent = sendFrame(this.conn, opcode, data, fin)
    if (sent === BEHIND) this.fallBehind()
    if (this.stream !== null) this.stream.pumpSoon()
    return sent !== 0
  }

  /** The write queue is above its limit: no message of the other side is handled until `onRoom`. */
  fallBehind () {
    // A client sends no replies to a server's messages, so it need not hold them back.
    if (!this.isClient) this.delayMessages()
  }

  /** Messages are queued until `onRoom`. */
  delayMessages () {
    this.isBehind = true
  }

  onRoom () {
    this.isBehind = false
    this._deliverDelayed()
  }

  /** Adds `bytes`, which may be negative, to the bytes of the peer's messages that JavaScript holds. */
  retain (bytes) {
    this._retained += bytes
    if (Math.abs(this._retained - this._reported) < BUDGET_STEP || this.isClosed) return
    this._reported = this._retained
    core.keeps(this.conn, Math.max(0, this._retained))
  }

  /**
   * Its server drains. True: it may close as soon as its output is written; false: it closes after all the others,
   * since its pending work is unknown.
   */
  drain () {
    return true
  }

  /** Whether a draining connection has nothing left to do. */
  isDrained () {
    return core.unanswered(this.conn) <= 0 && raw.waiting(this.conn) === 0
  }

  close (code, reason) {
    if (this.isClosed || this.closing) return
    this.closing = true
    core.close(this.conn, code, reason)
    this._letGo()
    if (this.stream !== null) this.stream.close()
  }

  /** Delivers nothing more of this connection, not even the rest of the current batch. */
  terminate () {
    if (this.isClosed) return
    this.isTerminated = this.closing = true
    core.terminate(this.conn)
    this._letGo()
    if (this.stream !== null) this.stream.terminate()
  }

  onOpened () {
    // It was closed while the handshake's event was on its way here.
    if (this.open || this.closing) return
    this.open = true
    this.meter.count('opened')
    this.published = observe.opened(this)
    try {
      this.opened()
    } finally {
      if (this._socket !== null) this._socket[kOpened]()
    }
  }

  /** A listener for `open` is about to be prepended; `listen` adds it. */
  onOpenPrepended (listen) {}

  /** Subclass hook: runs before the socket's own listeners get `open`. */
  opened () {}

  onMessage (data) {
    if (this._socket === null || this.isTerminated) return
    if (this.isBehind) this._delayed.push(() => this.onMessage(data), data.length)
    else this._socket[kMessage](data, (this.lanes & LANES.RPC) !== 0)
  }

  onPing (data) {
    if (this._socket !== null && !this.isTerminated) this._socket.emit('ping', data)
  }

  onPong (data) {
    if (this._socket !== null && !this.isTerminated) this._socket.emit('pong', data)
  }

  onDrained () {
    if (this._socket !== null) this._socket[kDrained]()
    if (this._tcp !== null) this._tcp[kDrained]()
  }

  /** The native side composed a frame by itself. */
  onComposed () {
    if (this.stream !== null) this.stream.pump()
  }

  descriptor () {
    return this.stream === null ? undefined : this.stream.descriptor
  }

  /** The process exits: writes the composed output. */
  flushStream () {
    if (this.stream !== null) this.stream.writeAll()
  }

  /** Afterwards the connection's number may be reused. `failure` is the reason of the close, if there is one. */
  detach (failure) {
    if (this.stream !== null) this.stream.detach(!!failure && failure.code === TEXT.MEMORY_BUDGET)
  }

  onClosed (code, reason, err) {
    // Where JavaScript moves the bytes, its error is more precise than the native side's.
    if (this.stream !== null) err = this.stream.error || err
    if (this.listener) this.listener.remove(this)
    this.isClosed = true
    this.closeCode = code
    this._letGo()
    // Requests received before the close are still handled, though no reply can be sent.
    this.isBehind = false
    if (this._delayed.size > 0) setImmediate(() => this._deliverDelayed())
    this.meter.count(this.open ? 'closed' : 'failed')
    observe.closed(this, code, reason, err)
    try {
      this.ended(err, reason)
    } finally {
      try {
        // A connection that never opened here has no close code, whatever the native side saw meanwhile.
        if (this._socket !== null) this._socket[kClosed](this.open ? code : 1006, this.open ? reason : '', err)
      } finally {
        if (this._tcp !== null) this._tcp[kClosed](err)
      }
    }
  }

  /** Subclass hook: runs before the socket's own listeners get `close`. */
  ended () {}

  _deliverDelayed () {
    // A stopped transport does no work for closed connections.
    if (this.isClosed && this.transport !== null && !this.transport.isActive()) this._delayed.drop()
    else this._delayed.run()
  }

  /** Makes a client's connection keep the process alive; servers' connections never do. */
  ref () {
    if (this._held !== false || this.isClosed || this.closing) return
    hold()
    this._held = true
  }

  unref () {
    this._letGo()
  }

  /** A closing connection does not keep the process alive. */
  _letGo () {
    if (!this._held) return
    this._held = false
    letGo()
  }
}

/** Whether its events run in the async context in which it was made. */
Connection.prototype.keepsContext = true

/** `host:port`, with IPv4-mapped addresses as IPv4. */
function remoteAddressOf ({ address = '', port }) {
  const host = address.replace(/^::ffff:(?=[\d.]+$)/, '')
  return joined(host, port)
}

module.exports = Connection
