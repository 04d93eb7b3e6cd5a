'use strict'

const Connection = require('./Connection')
const dispatch = require('./dispatch')

/** One client of a server transport. */
class ServerConnection extends Connection {
  constructor (transport, lanes) {
    super(lanes)
    this.transport = transport
    this.cert = null
    this._handler = null
    this._doubled = false
  }

  onRequest (rid, key, payload) {
    const { transport } = this
    if (!transport._isNative()) {
      return this._handOver(JSON.stringify([rid, key, payload]))
    }
    const reply = (err, res) => this.reply(rid, err, res)
    if (transport._handlers !== null && transport._handles(this, rid, key, payload, reply, this.cert)) return
    transport.emit('request', rid, key, payload, { reply }, this.cert)
  }

  /** A message that was large or no array of three: what it means is decided here. */
  onRequestData (data) {
    const { transport } = this
    if (!transport._isNative()) return this._handOver(data)
    transport.handleRequest(this._replies(), transport.parse(data), { cert: this.cert })
  }

  reply (rid, err, res) {
    const result = dispatch.toJson(res)
    // A late answer to a client that has gone, or a number that means another client now.
    if (this.over) return
    dispatch.sendReply(this.conn, rid, err ? err.message : null, result)
    if (this.stream !== null) this.stream.pumpSoon()
  }

  /** Somebody replaced a hook: from now on each message goes through the socket object. */
  _handOver (data) {
    // The messages of one batch may find it handed over already.
    if (this.lanes & dispatch.LANES.RPC) {
      this._doubled = (this.lanes & dispatch.LANES.SOCKET) !== 0
      this.setLanes(dispatch.LANES.SOCKET)
      this.transport._serveSocket(this.socket, this.cert)
    }
    // Where somebody listened already, the same message for the socket comes right behind.
    if (this._doubled && dispatch.isMessageNext(this.conn)) return
    this.socket.emit('message', data)
  }

  _replies () {
    if (this._handler === null) this._handler = { reply: (rid, err, res) => this.reply(rid, err, res), caller: this }
    return this._handler
  }
}

module.exports = ServerConnection
