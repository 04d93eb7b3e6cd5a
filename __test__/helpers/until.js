'use strict'

const turn = () => new Promise(resolve => setImmediate(resolve))

/** Resolves once `isDone()`, which is asked in every turn of the event loop. */
async function until (isDone) {
  while (!isDone()) await turn()
}

module.exports = { turn, until }
