'use strict'

/** Attempts of an object that names no number, as in `async.retry`. */
const TIMES = 5

/** How often somebody wants to try: a number of attempts, or an object like `async.retry`'s. */
function timesOf (retry) {
  if (typeof retry === 'object' && retry !== null) return retry.times === undefined ? TIMES : +retry.times || 1
  return +retry || 1
}

/**
 * Calls `attempt(done)` until it succeeds, in a later turn each time; then `cb` with what the
 * last one said.
 * @param {number|{times: number, interval: number}} options attempts, and the ms between them
 * @param {AbortSignal} [signal] once it is aborted nothing is tried, and nobody waits for `cb`
 */
function retry (options, attempt, cb, signal) {
  let left = timesOf(options)
  const interval = (options && options.interval) || 0
  const next = () => {
    if (signal && signal.aborted) return
    attempt((err, res) => {
      if (!err || --left <= 0) return cb(err, res)
      if (interval > 0) setTimeout(next, interval)
      else setImmediate(next)
    })
  }
  next()
}

module.exports = { retry, timesOf }
