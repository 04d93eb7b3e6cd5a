'use strict'

// Checks that each callback is called once, and in time.

const { breach, count } = require('./target')

let open = 0

/** Runs `start(done)`, and resolves when it has called `done`, within `time` ms. */
function calledOnce (via, time, start) {
  return new Promise(resolve => {
    let calls = 0
    open++
    const late = setTimeout(() => breach(`no callback of ${via} within ${time} ms`), time)
    start(err => {
      if (++calls > 1) return breach(`a callback of ${via} was called ${calls} times`)
      open--
      clearTimeout(late)
      count(err ? 'failed' : 'answered')
      resolve()
    })
  })
}

/** Whether all callbacks were called. */
const isQuiet = () => open === 0

module.exports = { calledOnce, isQuiet }
