'use strict'

const fs = require('fs')

let limit

/**
 * How many descriptors this process may have, as it was when somebody asked first; Infinity where the
 * system does not tell. Node itself closes whoever comes when none is left, and tells nobody.
 */
function descriptors () {
  if (limit === undefined) limit = read()
  return limit
}

function read () {
  try {
    const [, soft] = /^Max open files +(\d+)/m.exec(fs.readFileSync('/proc/self/limits', 'latin1'))
    return Number(soft)
  } catch (err) {
    return Infinity
  }
}

module.exports = descriptors
