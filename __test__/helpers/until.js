'use strict'

/** In nanoseconds; by a clock that no test replaces. */
const LIMIT = 20000n * 1000000n

const turn = () => new Promise(resolve => setImmediate(resolve))

/** Resolves after so many ms: for what takes its time, or must not happen. An event is awaited by itself. */
const wait = ms => new Promise(resolve => setTimeout(resolve, ms))

/** Resolves once `isDone()`, which is asked in every turn of the event loop; rejects after 20 s. */
async function until (isDone) {
  const end = process.hrtime.bigint() + LIMIT
  while (!isDone()) {
    if (process.hrtime.bigint() > end) throw new Error(`waited too long: ${isDone}`)
    await turn()
  }
}

module.exports = { turn, until, wait }
