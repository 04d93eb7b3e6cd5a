'use strict'

// Restricts a call's destinations: `opts.dest`, `exclude` and `self`.

const { networkInterfaces } = require('os')
const { partsOf } = require('../util/address')
const { kOwnAddresses, kOwnPorts } = require('../util/symbols')
const { CALLS } = require('../options/optionTable')
const { check } = require('../options/values')

/** Whether a call has any of these options: the only check for most calls. */
function isAimed (opts) {
  return opts.dest !== undefined || opts.exclude !== undefined || opts.self !== undefined
}

/** Throws when they are invalid. */
function checkTargets (opts) {
  check(CALLS.targets, opts)
}

/** The members of `dests` that the call may go to. */
function othersOf (dests, opts, link) {
  const excluded = new Set([].concat(opts.exclude || []))
  const isOwn = opts.self === false ? ownOf(link) : () => false
  return dests.filter(dest => !excluded.has(dest) && !isOwn(dest))
}

/**
 * Whether the link announces a destination: a port of a machine belongs to one program, so address and port identify
 * it.
 */
function ownOf (link) {
  const ports = link && link[kOwnPorts] ? link[kOwnPorts]() : []
  const own = new Set([...ports].map(String))
  const addresses = new Set(link && link[kOwnAddresses] ? link[kOwnAddresses]() : [])
  // Reading the system's addresses costs something.
  if (own.size === 0) return dest => addresses.has(dest)
  const hosts = new Set(Object.values(networkInterfaces()).flat().map(({ address }) => address))
  return dest => {
    const { host, port } = partsOf(dest)
    return addresses.has(dest) || (own.has(port) && isHere(host, hosts))
  }
}

/** Whether a host is this machine. */
function isHere (host, hosts) {
  return hosts.has(host) || /^127\.|^(0\.0\.0\.0|::1?|localhost)$/.test(host)
}

module.exports = { checkTargets, isAimed, othersOf }
