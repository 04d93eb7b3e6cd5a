'use strict'

const { hold, letGo } = require('../native/keepAlive')
const { familyOf } = require('../util/address')
const dispatch = require('../native/dispatch')
const context = require('../util/context')
const { Admission, MODE, refusalOf } = require('./admission')
const { callEach } = require('../util/CallbackQueue')
const { sharesPorts } = require('../native/clusterWorker')
const { nextTick } = require('../util/clock')
const { listeners } = require('./ipv6Only')
const { kClosed, kNewConnection, kOnConnection } = require('../util/symbols')
const { requestOf } = require('../socket/upgradeRequest')
const TcpSocket = require('../socket/TcpSocket')

/**
 * A native server: a port, and its connections. The owner has `[kNewConnection](lanes)`, which returns a Connection,
 * and may have `[kOnConnection](connection, request)`.
 */
class Listener {
  /**
   * Listens at once, or throws Node's own error.
   * @param {object} conf the transport's
   * @param {number} lanes which side gets the messages, see `LANES`
   * @param {object} meter counts the traffic of its connections
   * @param {object} budget what they may hold together
   * @param {string} [path] requests for another path get 400
   */
  constructor (port, conf, lanes, owner, meter, budget, path) {
    this.owner = owner
    this.lanes = lanes
    this.connections = new Set()
    this.verifyClient = conf.verifyClient
    /** The face, whose `shouldHandle` decides whether a request is served. */
    this.gate = null
    /** JavaScript decides on clients since a gate was replaced. */
    this._asksAll = false
    this.admission = new Admission(conf, conf.verifyClient || (path ? everybody : undefined))
    /** Requests of clients that wait for the service's decision, by number. */
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

  /** Registers the server of a cluster's worker. */
  _join (host) {
    const worker = require('../native/clusterWorker')
    this.whenListening(() => worker.tellListening(this._address.port, host))
    // Open connections continue, and the process ends with them.
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

  /** The sockets of future connections get each message too, beside the present receivers. */
  watch () {
    this.lanes |= dispatch.LANES.SOCKET
    this._tellLanes()
  }

  /** From now on the face's gates decide on every client. */
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
    // Another thread accepted it just before JavaScript was to decide.
    if (this._asksAll && ask === undefined) return connection.terminate()
    if (request.asked !== undefined) connection.tcp = request.asked.socket
    this.add(connection)
  }

  /** The service decides whether to accept a client; one that disconnected has no `url`. */
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

  /** A client that waited for the decision is not accepted. */
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

  /** Accepts no more connections, including those in their handshake; open connections continue. */
  unlisten () {
    if (this.server === undefined) return
    dispatch.unlisten(this.server)
    this.server = undefined
    listeners.delete(this)
    const asked = [...this._asked.values()]
    this._asked.clear()
    // In a later tick, as Node does: exceptions of its listeners must not prevent a stop.
    nextTick(callEach, asked, ({ socket }) => socket[kClosed]())
  }

  /** Stops listening and closes all connections; `cb` in a later tick. */
  close (cb) {
    if (this._closed) return
    this._closed = true
    this.unlisten()
    if (this._leave !== null) require('../native/clusterWorker').stay(this._leave)
    this._letGo()
    for (const connection of this.connections) connection.terminate()
    if (cb) nextTick(cb)
  }
}

/** Accepts all clients, but makes JavaScript look at each request. */
function everybody () {
  return true
}

module.exports = Listener
