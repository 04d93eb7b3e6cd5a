'use strict'

/** Gives an object a property of its own, in front of a getter of its class: services may keep something there. */
function own (object, name, value) {
  Object.defineProperty(object, name, { value, writable: true, configurable: true, enumerable: true })
}

/**
 * Takes away a property of an object's own, such as a field in the body of a subclass makes it, that hides
 * the accessor of its class; the accessor is told what was there, if it was anything.
 */
function reveal (object, name) {
  const field = Object.getOwnPropertyDescriptor(object, name)
  if (field === undefined || !field.configurable || !('value' in field)) return
  delete object[name]
  if (field.value !== null && field.value !== undefined) object[name] = field.value
}

module.exports = Object.assign(own, { reveal })
