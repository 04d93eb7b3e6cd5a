'use strict'

const fs = require('fs')
const { SCARCE_DESCRIPTORS: { reserve, part } } = require('./defaults')

/** From this number on descriptors are among the last of the process. */
let first

/**
 * Whether a socket of Node's has one of the last descriptors that this process may have: the system
 * hands out the lowest that is free. Node itself closes whoever comes when none is left, and tells
 * nobody. Linux says how many there are.
 */
function isScarce ({ _handle: handle }) {
  if (first === undefined) first = firstOf(limit())
  return !!handle && handle.fd >= first
}

function firstOf (limit) {
  return limit - Math.min(reserve, Math.floor(limit * part))
}

function limit () {
  try {
    const [, soft] = /^Max open files +(\d+)/m.exec(fs.readFileSync('/proc/self/limits', 'latin1'))
    return Number(soft)
  } catch (err) {
    return Infinity
  }
}

module.exports = { isScarce }
