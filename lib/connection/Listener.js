'use strict'

const { hold, letGo } = require('../native/keepAlive')
const { familyOf } = require('../util/address')
const { listen, unlisten } = require('../native/connections')
const { core } = require('../native/core')
const { LANES } = require('../native/layout')
const context = require('../util/context')
const BaseListener = require('./BaseListener')
const { Admission, MODE, refusalOf } = require('./admission')
const { callEach } = require('../util/CallbackQueue')
const { sharesPorts } = require('../native/clusterWorker')
const { nextTick } = require('../util/clock')
const { listeners } = require('./ipv6Only')
const { kClosed, kNewConnection } = require('../util/symbols')
const { requestOf } = require('../socket/upgradeRequest')
const TcpSocket = require('../socket/TcpSocket')

/** A native server. */
class Listener extends BaseListener {
  /**
   * Listens at once, or throws Node's own error.
   * @param {object} conf the transport's
   * @param {number} lanes which side gets the messages, see `LANES`
   * @param {object} meter counts the traffic of its connections
   * @param {object} budget what they may hold together
   * @param {string} [path] requests for another path get 400
   */
  constructor (port, conf, lanes, owner, meter, budget, path) {
    super(owner, lanes, new Admission(conf, conf.verifyClient || (path ? everybody : undefined)), conf.verifyClient)
    /** JavaScript decides on clients since a gate was replaced. */
    this._asksAll = false
    /** Requests of clients that wait for the service's decision, by number. */
    this._undecided = new Map()
    const { server, port: actual, address } = listen(port, conf, lanes, this, meter, budget)
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

  address () {
    return this.server === undefined ? null : this._address
  }

  whenListening (cb) {
    nextTick(() => this.address() !== null && cb())
  }

  watch () {
    super.watch()
    this._tellLanes()
  }

  askAll () {
    if (this.admission.mode === MODE.ASK_ALL) return
    this._asksAll = true
    this._tellLanes()
  }

  _tellLanes () {
    if (this.server !== undefined) core.setServerLanes(this.server, this._asksAll ? this.lanes | LANES.ASK_ALL : this.lanes)
  }

  onAccepted (event) {
    context.enter(this._scope, this, this._accept, event)
  }

  _accept ({ conn, url, headers, address, port, ask }) {
    const request = { url, headers, address, port, shown: this._undecided.get(ask) }
    this._undecided.delete(ask)
    const connection = this.owner[kNewConnection](this.lanes).accepted(conn, request)
    // Another thread accepted it just before JavaScript was to decide.
    if (this._asksAll && ask === undefined) return connection.terminate()
    if (request.shown !== undefined) connection.adoptTcp(request.shown.socket)
    this.add(connection)
  }

  /** The service decides whether to accept a client; one that disconnected has no `url`. */
  onAsked (event) {
    if (event.url !== undefined) context.enter(this._scope, this, this._ask, event)
  }

  _ask (event) {
    const { ask } = event
    const req = requestOf(event, new TcpSocket(event, () => core.decide(ask, '')))
    this._undecided.set(ask, req)
    const refused = this.admission.isFor(this.gate, req)
    if (refused !== null) return core.decide(ask, refusalOf(refused))
    this.admission.decide({ origin: req.headers.origin, secure: false, req }, refusal => {
      core.decide(ask, refusal ? refusalOf(refusal) : undefined)
    })
  }

  /** A client that waited for the decision is not accepted. */
  onUnasked ({ ask }) {
    const req = this._undecided.get(ask)
    this._undecided.delete(ask)
    if (req !== undefined) req.socket[kClosed]()
  }

  remove (connection) {
    super.remove(connection)
    if (this._leave !== null && this.server === undefined && this.connections.size === 0) this._letGo()
  }

  unlisten () {
    if (this.server === undefined) return
    unlisten(this.server)
    this.server = undefined
    listeners.delete(this)
    const undecided = [...this._undecided.values()]
    this._undecided.clear()
    // In a later tick, as Node does: exceptions of its listeners must not prevent a stop.
    nextTick(callEach, undecided, ({ socket }) => socket[kClosed]())
  }

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
