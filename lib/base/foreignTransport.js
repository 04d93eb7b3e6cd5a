'use strict'

// Foreign transports, which a hook of a peer may return: they need only the methods that the original calls.

const { kOnLost } = require('../util/symbols')

/** Whether it is this package's transport of a subscriber, which can do more. */
function isOurs (transport) {
  return kOnLost in Object(transport)
}

/** Whether a transport is active; one without `isActive` counts as active. */
function isActive (transport) {
  return typeof transport.isActive !== 'function' || !!transport.isActive()
}

/** Whether it can be stopped with its peer, and reports whether it was. */
function isStoppable (transport) {
  return typeof transport.stop === 'function' && typeof transport.isActive === 'function'
}

/** Stops it, if it has `stop`. */
function stop (transport) {
  if (typeof transport.stop === 'function') transport.stop()
}

module.exports = { isActive, isOurs, isStoppable, stop }
