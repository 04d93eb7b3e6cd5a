'use strict'

// Asks somebody who behaves, again and again, while strangers attack: each time there has to be an
// answer, and the right one.

const { breach, count, most, wait, waited } = require('./target')

/** Between one question and the next, in ms. */
const PACE = 200
/** How long an answer may take, without the time for which both sides wait for a processor, in ms. */
const PATIENCE = 8000
/** How long a question itself waits. */
const TIMEOUT = 120000

/**
 * @param {string} name who is asked
 * @param {number} pid its process
 * @param {function(number)} ask resolves with whether the answer is right
 * @param {function()} [describe] what helps to understand why there was none
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
      // What waits when all ends is not waited for.
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
