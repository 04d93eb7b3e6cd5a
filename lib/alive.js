'use strict'

// What keeps the process alive: connections, servers, exchanges, started links, running grapes.
// Native handles never do.

const { clearInterval, setInterval } = require('./clock')
const { MAX_TIMEOUT } = require('./defaults')

let held = 0
let keeper = null

/** There is one more reason for the process to go on. */
function hold () {
  if (++held === 1) keeper = setInterval(() => {}, MAX_TIMEOUT)
}

/** There is one less. */
function letGo () {
  if (--held === 0) clearInterval(keeper)
}

module.exports = { hold, letGo }
