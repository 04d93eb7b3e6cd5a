'use strict'

const { answer } = require('../lib/commands')
const { burst, hold, loop, paced } = require('../lib/load')
const { usage } = require('../lib/usage')

/** Sends requests: see lib/load.js. */
module.exports = async function client (implementation, what) {
  const request = await implementation.connect(what)
  answer({
    usage,
    burst: work => burst(request, work),
    hold: work => hold(request, work),
    loop: work => loop(request, work),
    paced: work => paced(request, work)
  })
}
