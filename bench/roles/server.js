'use strict'

const { monitorEventLoopDelay } = require('perf_hooks')
const { answer } = require('../lib/commands')
const { usage } = require('../lib/usage')

/** Replies with the payload of the request. */
module.exports = async function server (implementation, what) {
  await implementation.serve(what)
  let delay
  answer({
    usage,

    watch () {
      delay = monitorEventLoopDelay({ resolution: 1 })
      delay.enable()
    },

    /** The longest stall of the event loop since then, in ms. */
    stalled () {
      delay.disable()
      return { ms: delay.max / 1e6 }
    }
  })
}
