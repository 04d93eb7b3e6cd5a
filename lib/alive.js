'use strict'

// What keeps the process alive: connections, servers, exchanges, started links, running grapes.
// Native handles never do.

const { clearInterval, setInterval } = require('./clock')
const { MAX_TIMEOUT } = require('./defaults')

let held = 0
let keeper = null

/** What is not to be let go of meanwhile, though nobody may have it any more. */
const kept = []

/** While the process has a reason to go on, `thing` is there. */
function keep (thing) {
  kept.push(thing)
}

/** There is one more reason for the process to go on. */
function hold () {
  if (++held === 1) keeper = setInterval(() => kept, MAX_TIMEOUT)
}

/** There is one less. */
function letGo () {
  if (--held === 0) clearInterval(keeper)
}

module.exports = { hold, keep, letGo }
