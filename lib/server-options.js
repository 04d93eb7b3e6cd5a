'use strict'

// The options of `ws`'s server that a subclass may hand to `super.getSocket(opts)`.

const { unsupported } = require('./errors')

/** What each would need: it is refused, since a server without it would not be the one that was asked for. */
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

/** Whether a request is for `path`, as `ws` sees it; all are without one. */
function isFor (path, url) {
  if (!path) return true
  const query = url.indexOf('?')
  return (query === -1 ? url : url.slice(0, query)) === path
}

/** Of the subprotocols that a client offers the server takes the first; an empty one is none. */
function firstOf (offered) {
  return offered.split(',')[0].trim()
}

module.exports = { firstOf, checkServerOptions, isFor }
