'use strict'

/** Gives an object a property of its own, in front of a getter of its class: services may keep something there. */
function own (object, name, value) {
  Object.defineProperty(object, name, { value, writable: true, configurable: true, enumerable: true })
}

module.exports = own
