'use strict'

const { FAREWELL_TIMEOUT } = require('../options/defaults')
const { kOpenConnections } = require('../util/symbols')

/**
 * Lets `using` and `await using` stop the objects of a class, where Node has the symbols. `await using` waits until
 * the connections in `[kOpenConnections]()` are closed.
 */
function disposable (Class) {
  define(Class, 'dispose', function () {
    this.stop()
  })
  define(Class, 'asyncDispose', async function () {
    // Required here, since a grape alone does not need the module.
    const { settled } = require('../util/drain')
    const open = this[kOpenConnections]()
    this.stop()
    await settled(() => open.every(({ isClosed }) => isClosed), FAREWELL_TIMEOUT)
  })
}

/** Not enumerable, like a method. */
function define (Class, name, value) {
  if (Symbol[name] === undefined) return
  Object.defineProperty(Class.prototype, Symbol[name], { value, configurable: true, writable: true })
}

module.exports = { define, disposable }
