'use strict'

// What makes the work go on, whatever others do to the timers of their process.

/** Node's own, as it was when this was loaded. */
const { nextTick } = process

module.exports = { nextTick }
