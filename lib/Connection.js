'use strict'

const { joined } = require('./address')
const { hold, letGo } = require('./alive')
const budgetOf = require('./budget')
const { dateNow, setImmediate } = require('./clock')
const dispatch = require('./dispatch')
const observe = require('./observe')
const { TEXT } = require('./errors')
const { Meter } = require('./stats')
const { BUDGET_STEP, HELD_AT_ONCE, LONGEST_TURN, PATH, SMALL_MESSAGE } = require('./defaults')
const { kAttach, kClosed, kDrained, kIsPatched, kMessage, kMeter, kOpened } = require('./internal')

const { BEHIND, LANES } = dispatch

/** Counts for connections that are no transport's. */
const nobodys = new Meter()

/** Whose connections they are for their budget. */
const nobody = { conf: {} }

/**
 * One native connection, as JavaScript sees it. Subclasses say what its messages mean; a socket
 * object stands before it only once somebody asks for one.
 */
class Connection {
  /**
   * @param {number} lanes who gets its messages, see `LANES`
   * @param {object} [transport] whose it is
   */
  constructor (lanes, transport = null) {
    this.conn = -1
    this.lanes = lanes
    this.transport = transport
    this.meter = transport ? transport[kMeter] : nobodys
    /** What watchers were told of its beginning. */
    this.told = null
    this.open = false
    this.over = false
    /** With which code it ended. */
    this.closeCode = 0
    /** Our close frame is sent. */
    this.closing = false
    /** The bytes' way when JavaScript moves them: TLS. */
    this.stream = null
    /** Whose connection it is, on a server. */
    this.listener = null
    /** The client of this server does not take its answers: what it says waits. */
    this.isBehind = false
    this._waiting = []
    /** Bytes that JavaScript keeps of what the other side said, and what the native side was told. */
    this._kept = 0
    this._toldKept = 0
    this._socket = null
    this._tcp = null
    /** Somebody paused the TCP socket. */
    this.isPaused = false
    /** JavaScript does what the native side did for the transport: see `leave`. */
    this.hasLeft = false
  }

  /**
   * Connects as a client; `conf` is the transport's, `dialling` as `AT_ONCE` of dispatch.js. Throws what is
   * wrong with `conf.secure`.
   */
  dial (dest, conf, dialling) {
    this.dest = String(dest)
    if (conf.secure) {
      const secure = require('./secure')
      // Before there is anything that would have to end.
      secure.assertSecure(conf.secure)
      this.url = `wss://${dest}${PATH}`
      this.conn = dispatch.keep(dispatch.stream(false, secure.confOf(conf), this.lanes, this.meter, this.budget), this)
      this.stream = secure.connect(dest, PATH, conf, this, dialling)
    } else {
      this.url = `ws://${dest}${PATH}`
      this.conn = dispatch.keep(dispatch.connect(this.dest, PATH, conf, this.lanes, this.meter, this.budget, dialling), this)
    }
    hold()
    this._held = true
    observe.debug('client %s: connecting', dest)
    return this
  }

  /** Is one of a server's: `conn` is its number, `request` what the client asked. */
  accepted (conn, request) {
    this.conn = dispatch.keep(conn, this)
    this.open = true
    this.request = request
    // Node forgets it when the socket ends.
    if (request.socket) this.dest = addressOf({ address: request.socket.remoteAddress, port: request.socket.remotePort })
    // It came with the lanes that its server had when the client connected.
    dispatch.setLanes(conn, this.lanes)
    observe.opened(this)
    return this
  }

  /** What its peer's connections may hold together. */
  get budget () {
    return budgetOf(this.transport || nobody)
  }

  get isClient () {
    return this.url !== undefined
  }

  /** The other side, as `host:port`. */
  get address () {
    return this.dest === undefined ? addressOf(this.request) : this.dest
  }

  /** The object like `ws`'s for this connection. */
  get socket () {
    if (this._socket === null) {
      const Socket = require('./socket')
      this._socket = new Socket(this)
    }
    return this._socket
  }

  /** The TCP socket below: Node's own with TLS, else what stands for it. */
  get tcp () {
    if (this.stream !== null) return this.stream.socket
    if (this._tcp === null) {
      const TcpSocket = require('./TcpSocket')
      this._tcp = new TcpSocket(this.isClient ? undefined : this.request)[kAttach](this)
    }
    return this._tcp
  }

  /** What stood for it before there was a connection. */
  set tcp (tcp) {
    this._tcp = tcp[kAttach](this)
  }

  /** Lets the socket object hear each message, ping and pong, beside who does already. */
  watch () {
    this.setLanes(this.lanes | LANES.SOCKET)
  }

  /** Ends a `watch`. */
  unwatch () {
    this.setLanes(this.lanes & ~LANES.SOCKET)
  }

  /**
   * Somebody wants to decide by the socket's listeners what is done with messages: from now on nobody
   * else does it. Only for connections that have `hear`, which is what our own listener calls.
   */
  leave () {
    this.hasLeft = true
  }

  /** Whether the socket has to hear messages for the transport. */
  get needsMessages () {
    return this.hasLeft
  }

  /** Whether what is sent has to go through the socket object. */
  get isPatched () {
    return this._socket !== null && this._socket[kIsPatched]
  }

  setLanes (lanes) {
    if (lanes === this.lanes) return
    this.lanes = lanes
    if (!this.over) dispatch.setLanes(this.conn, lanes)
  }

  /** Whether what the other side sends is read; it has to be while the connection is closed. */
  setReading (reads) {
    if (this.over || this.closing) return
    if (this.stream !== null) this.stream.setPaused(!reads)
    else dispatch.setReading(this.conn, reads && !this.isPaused)
  }

  /** Nothing is read while it is paused. */
  pause (isPaused) {
    this.isPaused = isPaused
    this.setReading(true)
  }

  /** Composes a frame; false when the connection is over. */
  send (opcode, data, fin) {
    if (this.over) return false
    const sent = dispatch.send(this.conn, opcode, data, fin)
    if (sent === BEHIND) this.fallBehind()
    if (this.stream !== null) this.stream.pumpSoon()
    return sent !== 0
  }

  /** The other side has more to read than it may: until `onRoom` it is not heard. */
  fallBehind () {
    // What a server says to a client is no reason to answer it more.
    if (!this.isClient) this.isBehind = true
  }

  /** Lets `call` wait for its turn, which is when the other side has taken what waits for it. */
  wait (call, cost) {
    cost += SMALL_MESSAGE
    this._waiting.push({ call, cost })
    this.keep(cost)
  }

  /** Nobody hears what waits. */
  dropWaiting () {
    for (const { cost } of this._waiting.splice(0)) this.keep(-cost)
  }

  onRoom () {
    this.isBehind = false
    this._goOn()
  }

  /** JavaScript keeps so many bytes more, or less, of what the other side said. */
  keep (bytes) {
    this._kept += bytes
    if (Math.abs(this._kept - this._toldKept) < BUDGET_STEP || this.over) return
    this._toldKept = this._kept
    dispatch.keeps(this.conn, Math.max(0, this._kept))
  }

  /**
   * Its server drains. True: it may be closed as soon as what it said is out; false: not before all
   * others are done, since nobody knows what it waits for.
   */
  drain () {
    return true
  }

  /** Whether a connection that drains has nothing to do any more. */
  isDrained () {
    return dispatch.unanswered(this.conn) <= 0 && dispatch.waiting(this.conn) === 0
  }

  close (code, reason) {
    if (this.over || this.closing) return
    this.closing = true
    dispatch.close(this.conn, code, reason)
    this._letGo()
    if (this.stream !== null) this.stream.close()
  }

  /** Nothing more is heard of it, however much the batch has of it that is being delivered. */
  terminate () {
    if (this.over) return
    this.onMessage = this.onPing = this.onPong = ignore
    this.closing = true
    dispatch.terminate(this.conn)
    this._letGo()
    if (this.stream !== null) this.stream.terminate()
  }

  onOpened () {
    // Closed while the handshake was on its way here.
    if (this.open || this.closing) return
    this.open = true
    observe.opened(this)
    try {
      this.opened()
    } finally {
      if (this._socket !== null) this._socket[kOpened]()
    }
  }

  /** Somebody is about to listen for `open` before all others; `listen` puts a listener there. */
  hearOpened (listen) {}

  /** What a subclass does before the socket's own listeners hear that the handshake is done. */
  opened () {}

  onMessage (data) {
    if (this._socket === null) return
    if (this.isBehind) this.wait(() => this.onMessage(data), data.length)
    else this._socket[kMessage](data, (this.lanes & LANES.RPC) !== 0)
  }

  onPing (data) {
    if (this._socket !== null) this._socket.emit('ping', data)
  }

  onPong (data) {
    if (this._socket !== null) this._socket.emit('pong', data)
  }

  /** The server reads no more. */
  onLeaving () {}

  /** A large answer begins to come. */
  onLarge () {}

  onDrained () {
    if (this._socket !== null) this._socket[kDrained]()
    if (this._tcp !== null) this._tcp[kDrained]()
  }

  /** The native side composed something by itself. */
  onComposed () {
    if (this.stream !== null) this.stream.pump()
  }

  /** The process ends: what was composed leaves. */
  flushStream () {
    if (this.stream !== null) this.stream.writeAll()
  }

  /** The number is given back after this. `failure` is why it ended, if there is a reason. */
  detach (failure) {
    if (this.stream !== null) this.stream.detach(!!failure && failure.code === TEXT.MEMORY_BUDGET)
  }

  onClosed (code, reason, err) {
    // Where JavaScript moves the bytes, it knows better than the native side.
    if (this.stream !== null) err = this.stream.error || err
    if (this.listener) this.listener.remove(this)
    this.over = true
    this.closeCode = code
    this._letGo()
    // What was asked before the end is still heard, though nobody gets an answer.
    this.isBehind = false
    if (this._waiting.length > 0) setImmediate(() => this._goOn())
    observe.closed(this, code, reason, err)
    try {
      this.ended(err, reason)
    } finally {
      try {
        // What never opened here has no close code, whatever the native side saw meanwhile.
        if (this._socket !== null) this._socket[kClosed](this.open ? code : 1006, this.open ? reason : '', err)
      } finally {
        if (this._tcp !== null) this._tcp[kClosed](err)
      }
    }
  }

  /** What a subclass does before the socket's own listeners hear of the end. */
  ended () {}

  /** Some at a time, so that others have their turn; one that throws does not lose the rest. */
  _goOn () {
    // Whoever was stopped does nothing for those who are gone.
    if (this.over && this.transport !== null && !this.transport.isActive()) return this.dropWaiting()
    const waiting = this._waiting
    const end = dateNow() + LONGEST_TURN
    let at = 0
    try {
      while (at < waiting.length && at < HELD_AT_ONCE && !this.isBehind && dateNow() < end) {
        const { call, cost } = waiting[at++]
        this.keep(-cost)
        call()
      }
    } finally {
      waiting.splice(0, at)
      if (waiting.length > 0 && !this.isBehind) {
        // What comes until then waits behind these.
        this.isBehind = true
        setImmediate(() => this.onRoom())
      }
    }
  }

  /** Whether a client's connection keeps the process alive; those of servers never do. */
  ref () {
    if (this._held !== false || this.over || this.closing) return
    hold()
    this._held = true
  }

  unref () {
    this._letGo()
  }

  /** A connection that is being closed keeps no process alive. */
  _letGo () {
    if (!this._held) return
    this._held = false
    letGo()
  }
}

function ignore () {}

/** Whether it is told things in the context in which it was made. */
Connection.prototype.keepsContext = true

/** As `host:port`, IPv4 addresses as such. */
function addressOf ({ address = '', port }) {
  const host = address.replace(/^::ffff:(?=[\d.]+$)/, '')
  return joined(host, port)
}

module.exports = Connection
