'use strict'

const TransportRPC = require('./TransportRPC')
const ClientConnection = require('./ClientConnection')
const { CbQ, callEach } = require('./cbq')
const { CLIENT_TRANSPORT } = require('./defaults')
const { TEXT } = require('./errors')

/** Requests to one destination, over one connection at a time. */
class TransportRPCClient extends TransportRPC {
  constructor (client, conf) {
    super(client, conf)
    this.conf = { ...CLIENT_TRANSPORT, ...this.conf }
  }

  init () {
    super.init()
    this.setLastRequestTime()
    this.cbq = new CbQ()
    this._connection = null
    this._key = undefined
    this._keyText = undefined
  }

  /**
   * Sends a request, connecting first if need be. `opts.timeout` counts from here.
   * @param {function(Error, *)} cb
   */
  request (key, payload, opts, cb) {
    this.setLastRequestTime()
    if (typeof cb !== 'function') cb = noop
    let text
    try {
      text = JSON.stringify(payload)
      if (text === undefined) text = 'null'
      if (key !== this._key || this._keyText === undefined) this._setKey(key)
    } catch (err) {
      process.nextTick(cb, err)
      return
    }
    if (this._connection === null) this.connect()
    const connection = this._connection
    // Counted as waiting for the connection, as `cbq.cnt('req')` promises.
    if (!connection.open) this.cbq.push('req', noop)
    connection.request(this._keyText, text, this._timeout(opts), cb)
  }

  connect () {
    if (this.isConnected()) return this.cbq.trigger('req')
    if (this.isConnecting()) return
    this.disconnect()
    this.connecting()
    this._connection = new ClientConnection(this, String(this.conf.dest))
  }

  disconnect () {
    const connection = this._connection
    if (connection === null) return
    this._connection = null
    this.disconnected()
    const waiting = connection.close()
    this._fail(waiting)
  }

  setLastRequestTime () {
    this._req_last_ts = Date.now()
  }

  /** Stops a transport that had nothing to do for `conf.inactivityTimeout` ms. */
  monitor () {
    super.monitor()
    const waiting = this._connection === null ? 0 : this._connection.waiting
    if (waiting === 0 && Date.now() - this._req_last_ts > this.conf.inactivityTimeout) this.stop()
  }

  _timeout (opts) {
    const timeout = opts ? opts.timeout : undefined
    return +(timeout === undefined || timeout === null ? this.conf.requestTimeout : timeout)
  }

  _setKey (key) {
    const text = JSON.stringify(key)
    this._key = key
    this._keyText = `${text === undefined ? 'null' : text},`
  }

  _onOpened () {
    this.connected()
    this.cbq.trigger('req')
  }

  _onClosed (connection, err) {
    if (this._connection !== connection) return
    this._connection = null
    this.disconnected()
    if (!connection.open && this.client && typeof this.client._unreachable === 'function') {
      this.client._unreachable(this.conf.dest)
    }
    this.cbq.trigger('req', err || new Error(TEXT.TRANSPORT_CLOSE))
  }

  /** Requests that never left hear of it in a later tick, as from a connection that broke. */
  _fail (waiting) {
    process.nextTick(() => {
      const err = new Error(TEXT.TRANSPORT_CLOSE)
      this.cbq.trigger('req', err)
      callEach(waiting, cb => cb(err))
    })
  }

  _stop () {
    super._stop()
    const connection = this._connection
    if (connection === null) return
    if (!connection.open) return this.disconnect()
    const waiting = connection.close()
    this._connection = null
    this.disconnected()
    callEach(waiting, cb => cb(new Error(TEXT.TIMEOUT)))
  }
}

function noop () {}

module.exports = TransportRPCClient
