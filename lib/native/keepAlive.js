'use strict'

// Keeps the process alive for connections, servers, exchanges, started links and running grapes: counts open
// resources, and holds one timer while there are any. Native handles never keep it alive.

const { clearInterval, setInterval } = require('../util/clock')
const { MAX_TIMEOUT } = require('../options/defaults')

let held = 0
let keeper = null

/** Objects that must not be collected meanwhile, even without other references. */
const kept = []

/** Retains `thing` as long as the process is kept alive. */
function retain (thing) {
  kept.push(thing)
}

/** Counts one more open resource. */
function hold () {
  if (++held === 1) keeper = setInterval(() => kept, MAX_TIMEOUT)
}

/** Counts one less. */
function letGo () {
  if (--held === 0) clearInterval(keeper)
}

module.exports = { hold, letGo, retain }
