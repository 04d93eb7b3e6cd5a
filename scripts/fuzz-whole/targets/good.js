'use strict'

// Asks somebody who behaves, again and again, while strangers attack: each time there has to be an
// answer, and the right one.

const { breach, count, most, wait } = require('./target')

/** Between one question and the next, in ms. */
const PACE = 200
/** How long an answer may take: the machine may have other work. */
const PATIENCE = 10000

/**
 * @param {string} name who is asked
 * @param {function(number)} ask resolves with whether the answer is right
 * @param {function()} [describe] what helps to understand why there was none
 */
function witness (name, ask, describe = () => '') {
  const state = { stopping: false }
  const loop = async () => {
    for (let at = 0; !state.stopping; at++) {
      let timer
      const began = performance.now()
      const late = new Promise((resolve, reject) => { timer = setTimeout(() => reject(new Error(`no answer within ${PATIENCE} ms`)), PATIENCE) })
      try {
        if (await Promise.race([ask(at), late])) count(`${name} answered`)
        else if (!state.stopping) breach(`${name}: a wrong answer`)
      } catch (err) {
        if (!state.stopping) breach(`${name}: ${err && err.message} ${describe()}`)
      } finally {
        clearTimeout(timer)
        most(`${name}, longest ms`, Math.round(performance.now() - began))
      }
      await wait(PACE)
    }
  }
  const done = loop()
  return () => {
    state.stopping = true
    return done
  }
}

module.exports = { PATIENCE, witness }
