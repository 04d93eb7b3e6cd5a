'use strict'

// Sends requests to a well-behaved peer repeatedly, while strangers attack: each has to get a
// reply, and the right one.

const { breach, count, most, wait, waited } = require('./target')

/** Time between two requests, in ms. */
const PACE = 200
/** How long a reply may take, in ms, not counting both sides' wait for a processor. */
const PATIENCE = 8000
/** Timeout of the request itself, in ms. */
const TIMEOUT = 120000

/**
 * @param {string} name the requested peer
 * @param {number} pid its process
 * @param {function(number)} ask resolves with whether the reply is right
 * @param {function()} [describe] information for debugging a missing reply
 */
function witness (name, pid, ask, describe = () => '') {
  const state = { stopping: false }
  const clock = () => performance.now() - waited() - waited(pid)
  const question = async at => {
    const began = clock()
    const timer = setInterval(() => {
      if (clock() - began < PATIENCE) return
      clearInterval(timer)
      if (!state.stopping) breach(`${name}: no answer within ${PATIENCE} ms ${describe()}`)
    }, PACE)
    try {
      if (await ask(at)) count(`${name} answered`)
      else if (!state.stopping) breach(`${name}: a wrong answer`)
    } catch (err) {
      if (!state.stopping) breach(`${name}: ${err && err.message} ${describe()}`)
    } finally {
      clearInterval(timer)
      most(`${name}, longest ms`, Math.round(clock() - began))
    }
  }
  const loop = async () => {
    for (let at = 0; !state.stopping; at++) {
      // A pending request does not delay the end.
      await Promise.race([question(at), state.stopped])
      await wait(PACE)
    }
  }
  state.stopped = new Promise(resolve => { state.stop = resolve })
  const done = loop()
  return () => {
    state.stopping = true
    state.stop()
    return done
  }
}

module.exports = { TIMEOUT, witness }
