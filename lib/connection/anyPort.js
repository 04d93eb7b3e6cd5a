'use strict'

// Listens with a server of Node's on any free port, which is known at once.

const { isIP, isIPv6 } = require('net')
const { BACKLOG } = require('../options/defaults')
const { core } = require('../native/core')
const { bun, deno } = process.versions

/**
 * As `server.listen(0, host)`, which looks up every host, also an address, and has no port before the answer; in a
 * cluster's worker it has none before the primary's. What Node calls then needs an address, and waits for nobody.
 * Returns false where this is not possible; the host is not found then, or the runtime has no such method.
 */
function listenAtAnyPort (server, host) {
  if (bun || deno || typeof server._listen2 !== 'function') return false
  const address = host === undefined || isIP(host) ? host : core.addressOf(host)
  if (address === null) return false
  server._listen2(address ?? null, 0, address === undefined || !isIPv6(address) ? 4 : 6, BACKLOG)
  return true
}

module.exports = { listenAtAnyPort }
