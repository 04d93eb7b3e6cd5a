'use strict'

const { within, runIn } = require('../util/context')
const ConnectionEvents = require('./ConnectionEvents')

/**
 * Delivers a connection's events in the async context in which it was made, and each request in a new one.
 * Connections are wrapped only while contexts are used, so that it costs nothing otherwise.
 */
class ScopedConnection {
  constructor (connection, scope) {
    this.connection = connection
    this._scope = scope
  }
}

function deliveryOf (name) {
  if (ConnectionEvents.INTERNAL.includes(name)) {
    return function (...args) { return this.connection[name](...args) }
  }
  if (ConnectionEvents.OF_REQUESTS.includes(name)) {
    return function (...args) { return runIn(within(this._scope), this.connection, this.connection[name], args) }
  }
  return function (...args) { return runIn(this._scope, this.connection, this.connection[name], args) }
}

for (const name of Object.getOwnPropertyNames(ConnectionEvents.prototype)) {
  if (name !== 'constructor') ScopedConnection.prototype[name] = deliveryOf(name)
}

module.exports = ScopedConnection
