'use strict'

const dispatch = require('./dispatch')

/** No TLS here, so no certificate. */
const META = { cert: null }

/** One client of a server transport, on the native lane. */
class ServerConnection {
  constructor (transport, conn) {
    this.transport = transport
    this.conn = conn
    this.over = false
  }

  onRequest (rid, key, payload) {
    const reply = (err, res) => this.reply(rid, err, res)
    this.transport.emit('request', rid, key, payload, { reply }, null)
  }

  /** A frame that was large or no array of three: what it means is decided here. */
  onRequestText (text) {
    const handler = { reply: (rid, err, res) => this.reply(rid, err, res) }
    this.transport.handleRequest(handler, this.transport.parse(text), META)
  }

  reply (rid, err, res) {
    const text = JSON.stringify([rid, err ? err.message : null, res])
    // A late answer to a client that has gone, or a number that means another client now.
    if (!this.over) dispatch.sendText(this.conn, text)
  }

  terminate () {
    dispatch.terminate(this.conn)
  }

  onClosed () {
    this.over = true
    this.transport._connections.delete(this)
  }
}

module.exports = ServerConnection
