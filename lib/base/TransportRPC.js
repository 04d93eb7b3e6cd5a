'use strict'

const TransportSocket = require('./TransportSocket')
const { kParse } = require('../util/symbols')
const { isNested } = require('../util/nesting')

/** A transport that speaks JSON. */
class TransportRPC extends TransportSocket {
  /** The value of a JSON text or Buffer; null for invalid JSON, and for values that nest too deep. */
  parse (data) {
    try {
      const text = typeof data === 'string' ? data : String(data)
      return isNested(text) ? null : JSON.parse(text)
    } catch (err) {
      return null
    }
  }

  /** The JSON text of a value. */
  format (value) {
    return JSON.stringify(value)
  }

  /** `parse` for data that the native side has checked. */
  [kParse] (data) {
    if (this.parse !== parse) return this.parse(data)
    try {
      return JSON.parse(data)
    } catch (err) {
      return null
    }
  }
}

const { parse } = TransportRPC.prototype

module.exports = TransportRPC
