'use strict'

// Transports of somebody's own, which a hook of a peer may return: they need what the original calls, and no more.

const { kOnLost } = require('./internal')

/** Whether it is a subscriber's of this package, which does more. */
function isOurs (transport) {
  return kOnLost in Object(transport)
}

/** Whether a transport is active; of one that does not say so nobody knows otherwise. */
function isActive (transport) {
  return typeof transport.isActive !== 'function' || !!transport.isActive()
}

/** Whether it may be stopped with its peer, and says when it was. */
function isStoppable (transport) {
  return typeof transport.stop === 'function' && typeof transport.isActive === 'function'
}

/** Stops it, if it can be. */
function stop (transport) {
  if (typeof transport.stop === 'function') transport.stop()
}

module.exports = { isActive, isOurs, isStoppable, stop }
