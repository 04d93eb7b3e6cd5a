'use strict'

const TransportSocket = require('./TransportSocket')

/** A transport that speaks JSON. */
class TransportRPC extends TransportSocket {
  /** The value of a JSON text or Buffer; null for what is no JSON. */
  parse (data) {
    try {
      return JSON.parse(data)
    } catch (err) {
      return null
    }
  }

  /** The JSON text of a value. */
  format (value) {
    return JSON.stringify(value)
  }
}

module.exports = TransportRPC
