'use strict'

const { hold, letGo } = require('./alive')
const { familyOf } = require('./address')
const dispatch = require('./dispatch')
const context = require('./context')
const { Admission, MODE, refusalOf } = require('./admission')
const { callEach } = require('./cbq')
const { sharesPorts } = require('./cluster-worker')
const { nextTick } = require('./clock')
const { listeners } = require('./ipv6')
const { kClosed, kNewConnection, kOnConnection } = require('./internal')
const { requestOf } = require('./request')
const TcpSocket = require('./TcpSocket')

/**
 * A native server: a port, and the connections that came in by it. The owner has
 * `[kNewConnection](lanes)`, which returns a Connection, and may have `[kOnConnection](connection, request)`.
 */
class Listener {
  /**
   * Listens at once, or throws Node's own error.
   * @param {object} conf the transport's
   * @param {number} lanes who gets the messages, see `LANES`
   * @param {object} meter counts what its connections do
   * @param {object} budget what they may hold together
   * @param {string} [path] requests for another one get 400
   */
  constructor (port, conf, lanes, owner, meter, budget, path) {
    this.owner = owner
    this.lanes = lanes
    this.connections = new Set()
    this.verifyClient = conf.verifyClient
    /** The face, whose `shouldHandle` says whether a request is served. */
    this.gate = null
    /** Clients are let in by JavaScript since somebody put something in the place of a gate. */
    this._asksAll = false
    this.admission = new Admission(conf, conf.verifyClient || (path ? everybody : undefined))
    /** The requests of clients about whom the service is asked, by the numbers of the questions. */
    this._asked = new Map()
    this._scope = context.capture()
    const { server, port: actual, address } = dispatch.listen(port, conf, lanes, this, meter, budget)
    this.server = server
    this._address = { port: actual, address, family: familyOf(address) }
    listeners.add(this)
    this._closed = false
    this._holds = true
    hold()
    this._leave = null
    if (sharesPorts()) this._join(conf.host)
  }

  /** It is the server of a cluster's worker. */
  _join (host) {
    const worker = require('./cluster-worker')
    this.whenListening(() => worker.tellListening(this._address.port, host))
    // The connections go on, and the process ends with them.
    this._leave = () => {
      this.unlisten()
      if (this.connections.size === 0) this._letGo()
    }
    worker.whenLeaving(this._leave)
  }

  _letGo () {
    if (!this._holds) return
    this._holds = false
    letGo()
  }

  /** As Node's `server.address()`; null once it is closed. */
  address () {
    return this.server === undefined ? null : this._address
  }

  /** Calls `cb` in a later tick, if it still listens then. */
  whenListening (cb) {
    nextTick(() => this.address() !== null && cb())
  }

  /** Lets the sockets of connections to come hear each message, beside who does already. */
  watch () {
    this.lanes |= dispatch.LANES.SOCKET
    this._tellLanes()
  }

  /** From now on the face's gates are asked about every client. */
  askAll () {
    if (this.admission.mode === MODE.ASK_ALL) return
    this._asksAll = true
    this._tellLanes()
  }

  _tellLanes () {
    if (this.server !== undefined) dispatch.setServerLanes(this.server, this.lanes, this._asksAll)
  }

  onAccepted (event) {
    context.enter(this._scope, this, this._accept, event)
  }

  _accept ({ conn, url, headers, address, port, ask }) {
    const request = { url, headers, address, port }
    if (ask !== undefined) {
      request.asked = this._asked.get(ask)
      this._asked.delete(ask)
    }
    const connection = this.owner[kNewConnection](this.lanes).accepted(conn, request)
    // It was let in on another thread, just before somebody wanted to be asked.
    if (this._asksAll && ask === undefined) return connection.terminate()
    if (request.asked !== undefined) connection.tcp = request.asked.socket
    this.add(connection)
  }

  /** The service is to say whether a client may come in; who is gone has no `url`. */
  onAsked (event) {
    if (event.url !== undefined) context.enter(this._scope, this, this._ask, event)
  }

  _ask (event) {
    const { ask } = event
    const req = requestOf(event, new TcpSocket(event, () => dispatch.decide(ask, '')))
    this._asked.set(ask, req)
    const refused = this.admission.isFor(this.gate, req)
    if (refused !== null) return dispatch.decide(ask, refusalOf(refused))
    this.admission.decide({ origin: req.headers.origin, secure: false, req }, refusal => {
      dispatch.decide(ask, refusal ? refusalOf(refusal) : undefined)
    })
  }

  /** A client about whom the service was asked does not come in. */
  onUnasked ({ ask }) {
    const req = this._asked.get(ask)
    this._asked.delete(ask)
    if (req !== undefined) req.socket[kClosed]()
  }

  add (connection) {
    connection.listener = this
    this.connections.add(connection)
    if (this.owner[kOnConnection]) this.owner[kOnConnection](connection)
  }

  remove (connection) {
    this.connections.delete(connection)
    if (this._leave !== null && this.server === undefined && this.connections.size === 0) this._letGo()
  }

  /** Takes no more connections, also none in the middle of its handshake; those that are there go on. */
  unlisten () {
    if (this.server === undefined) return
    dispatch.unlisten(this.server)
    this.server = undefined
    listeners.delete(this)
    const asked = [...this._asked.values()]
    this._asked.clear()
    // In a later tick, as Node's: what its listeners throw keeps nobody from stopping.
    nextTick(callEach, asked, ({ socket }) => socket[kClosed]())
  }

  /** Stops listening and ends all connections; `cb` in a later tick. */
  close (cb) {
    if (this._closed) return
    this._closed = true
    this.unlisten()
    if (this._leave !== null) require('./cluster-worker').stay(this._leave)
    this._letGo()
    for (const connection of this.connections) connection.terminate()
    if (cb) nextTick(cb)
  }
}

/** Somebody has to look at each request. */
function everybody () {
  return true
}

module.exports = Listener
