'use strict'

/** The family of an address, as Node names it; undefined without an address. */
function familyOf (address) {
  return address && (address.includes(':') ? 'IPv6' : 'IPv4')
}

/** A host and its port as `host:port`, with an IPv6 address in brackets. */
function joined (host, port) {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`
}

/** `{ host, port }` of `host:port`, both texts, without brackets. */
function partsOf (dest) {
  const at = dest.lastIndexOf(':')
  return { host: dest.slice(0, at).replace(/^\[|\]$/g, ''), port: dest.slice(at + 1) }
}

module.exports = { familyOf, joined, partsOf }
