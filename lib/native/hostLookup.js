'use strict'

// Resolves host names where Node connects: the native side looks them up, few at a time. Node's own lookups occupy
// its four threads, which file access shares, and delay the process' exit.

const net = require('net')
const { fromFailure } = require('../errors/errors')
const { system } = require('../errors/failure')
const { core } = require('./core')

/** Callbacks of pending lookups, by number. */
const pending = new Map()
let lastLookup = 0

/** Resolves a name: `cb(err, addresses)`. It does not keep the process alive. */
function resolve (host, isGrape, timeout, cb) {
  const id = lastLookup = (lastLookup + 1) >>> 0
  pending.set(id, cb)
  core.resolve(id, host, isGrape, timeout)
}

/** The addresses of a name are known, or its lookup failed. */
function onResolved ({ id, error, addresses }) {
  const cb = pending.get(id)
  pending.delete(id)
  cb(error ? fromFailure(error) : null, addresses)
}

/**
 * A `lookup` for Node's `net`.
 * @param {boolean} isGrape whether it is a grape's name, and not one that a grape returned
 * @param {number} timeout ms
 */
function lookupOf (isGrape, timeout) {
  return (host, wanted, cb) => resolve(host, isGrape, timeout, (err, addresses) => {
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
 * Options that make Node's `net` try a name's addresses one after the other, 250 ms apart (RFC 8305). From Node 20 on
 * that is the default, which the process can change.
 */
const RACE = parseInt(process.versions.node) < 20 ? { autoSelectFamily: true } : {}

function familyOf (named) {
  return Number(String(named || 0).replace('IPv', ''))
}

module.exports = { RACE, lookupOf, onResolved }
