'use strict'

// The options of `ws`'s server that a subclass may pass to `super.getSocket(opts)`.

const { unsupported } = require('../errors/errors')

/** Options that are rejected, and why: a server that ignored one would not be what was requested. */
const REFUSED = {
  server: 'a native server has a port of its own',
  noServer: 'a native server has a port of its own',
  handleProtocols: 'native code takes the first subprotocol that a client offers'
}

/** Throws for options that a native server cannot have. */
function checkServerOptions (given) {
  for (const [name, why] of Object.entries(REFUSED)) {
    if (given[name]) throw unsupported(`the option '${name}' of a native server: ${why}`)
  }
}

/** Whether a request is for `path`, as in `ws`; without a path all are. */
function isFor (path, url) {
  if (!path) return true
  const query = url.indexOf('?')
  return (query === -1 ? url : url.slice(0, query)) === path
}

/** The server accepts the first subprotocol that a client offers; an empty one is none. */
function firstOf (offered) {
  return offered.split(',')[0].trim()
}

module.exports = { firstOf, checkServerOptions, isFor }
