'use strict'

/**
 * Remembers the methods that a class has now, and returns the test whether a transport still
 * has them all: neither its class nor the instance replaced one. Only then may the native side
 * do the work of all of them at once.
 */
function captureHooks (prototype, names) {
  const captured = names.map(name => prototype[name])
  return transport => {
    for (let at = 0; at < names.length; at++) {
      if (transport[names[at]] !== captured[at]) return false
    }
    return true
  }
}

module.exports = captureHooks
