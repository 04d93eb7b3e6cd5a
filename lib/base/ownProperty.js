'use strict'

/** Gives an object a property of its own, in front of a getter of its class: services may assign one. */
function own (object, name, value) {
  Object.defineProperty(object, name, { value, writable: true, configurable: true, enumerable: true })
}

/**
 * Removes an object's own property that hides the accessor of its class, as made by a field in a subclass's body;
 * passes its value to the accessor, if it had one.
 */
function reveal (object, name) {
  const field = Object.getOwnPropertyDescriptor(object, name)
  if (field === undefined || !field.configurable || !('value' in field)) return
  delete object[name]
  if (field.value !== null && field.value !== undefined) object[name] = field.value
}

module.exports = Object.assign(own, { reveal })
