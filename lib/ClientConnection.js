'use strict'

const dispatch = require('./dispatch')
const { callEach } = require('./cbq')
const { TEXT } = require('./errors')
const { PATH } = require('./defaults')

/**
 * One connection of a client transport, on the native lane. Callbacks wait here by slot; the
 * native side has the ids and the deadlines.
 */
class ClientConnection {
  constructor (transport, dest) {
    this.transport = transport
    this.open = false
    this.over = false
    this._callbacks = []
    this._free = []
    this.conn = dispatch.connect(dest, PATH, transport.conf.io, this)
    dispatch.hold()
  }

  /** Requests without an answer. */
  get waiting () {
    return this._callbacks.length - this._free.length
  }

  /** Sends a request, or lets it wait for the connection. `key` ends with its comma. */
  request (key, payload, timeout, cb) {
    const slot = this._free.length > 0 ? this._free.pop() : this._callbacks.length
    this._callbacks[slot] = cb
    dispatch.sendRequest(this.conn, slot, timeout, key, payload)
  }

  onReply (slot, err, res) {
    this._take(slot)(err ? new Error(err) : null, res)
  }

  /** A reply that was large or short. */
  onReplyText (slot, text) {
    const data = this.transport.parse(text)
    const cb = this._take(slot)
    if (!Array.isArray(data)) return cb(new Error(TEXT.REPLY_INVALID))
    cb(data[1] ? new Error(data[1]) : null, data[2])
  }

  onExpired (slots) {
    callEach(slots.map(slot => this._take(slot)), cb => cb(new Error(TEXT.TIMEOUT)))
  }

  onOpened () {
    if (this.over) return
    this.open = true
    this.transport._onOpened()
  }

  onClosed (code, reason, err) {
    if (this.over) return
    this._end()
    const waiting = this._takeAll()
    this.transport._onClosed(this, err)
    if (waiting.length === 0) return
    const error = (!this.open && err) || new Error(TEXT.TRANSPORT_CLOSE)
    callEach(waiting, cb => cb(error))
  }

  /** Ends the connection, and returns the callbacks that wait. */
  close () {
    if (this.over) return []
    this._end()
    dispatch.close(this.conn)
    return this._takeAll()
  }

  _end () {
    this.over = true
    dispatch.letGo()
  }

  _take (slot) {
    const cb = this._callbacks[slot]
    this._callbacks[slot] = undefined
    this._free.push(slot)
    // After `close` its callbacks are called already, and what still comes has none.
    return cb || noop
  }

  _takeAll () {
    const waiting = this._callbacks.filter(cb => cb !== undefined)
    this._callbacks = []
    this._free = []
    return waiting
  }
}

function noop () {}

module.exports = ClientConnection
