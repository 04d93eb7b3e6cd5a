'use strict'

// Names of hosts where Node connects: the native side looks them up, few at once. Node's own lookups
// take its four threads, those of files among them, and hold up the end of the process.

const net = require('net')
const dispatch = require('./dispatch')
const { system } = require('./failure')

/**
 * A `lookup` for Node's `net`.
 * @param {boolean} isGrape whether it is a grape's name, and not one that a grape has named
 * @param {number} timeout ms
 */
function lookupOf (isGrape, timeout) {
  return (host, wanted, cb) => dispatch.resolve(host, isGrape, timeout, (err, addresses) => {
    const family = familyOf(wanted.family)
    const found = (addresses || [])
      .map(address => ({ address, family: net.isIP(address) }))
      .filter(one => family === 0 || one.family === family)
    if (!err && found.length === 0) {
      err = system(`getaddrinfo ENOTFOUND ${host}`, { code: 'ENOTFOUND', syscall: 'getaddrinfo' })
    }
    if (err) return cb(Object.assign(err, { hostname: host }))
    if (wanted.all) cb(null, found)
    else cb(null, found[0].address, found[0].family)
  })
}

/**
 * Options for Node's `net` that let it try a name's addresses one after the other, 250 ms apart (RFC 8305).
 * From Node 20 on it does so by itself, and there is a default, which is the process' own.
 */
const RACE = parseInt(process.versions.node) < 20 ? { autoSelectFamily: true } : {}

function familyOf (named) {
  return Number(String(named || 0).replace('IPv', ''))
}

module.exports = { RACE, lookupOf }
