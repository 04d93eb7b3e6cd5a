'use strict'

const { FAREWELL_TIMEOUT } = require('./defaults')
const { kOpenConnections } = require('./internal')

/**
 * Lets `using` and `await using` stop the objects of a class, where this Node has the symbols.
 * `[kOpenConnections]()` are the connections that `await using` sees closed.
 */
function disposable (Class) {
  define(Class, 'dispose', function () {
    this.stop()
  })
  define(Class, 'asyncDispose', async function () {
    // Here, since a grape by itself has no use for what it loads.
    const { settled } = require('./drain')
    const open = this[kOpenConnections]()
    this.stop()
    await settled(() => open.every(({ over }) => over), FAREWELL_TIMEOUT)
  })
}

/** Not enumerable, like a method. */
function define (Class, name, value) {
  if (Symbol[name] === undefined) return
  Object.defineProperty(Class.prototype, Symbol[name], { value, configurable: true, writable: true })
}

module.exports = { define, disposable }
