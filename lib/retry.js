'use strict'

const { RETRY_TIMES } = require('./defaults')
const { debug } = require('./observe')

/** How often somebody wants to try: a number of attempts, or an object like `async.retry`'s. */
function timesOf (retry) {
  if (typeof retry === 'object' && retry !== null) return retry.times === undefined ? RETRY_TIMES : +retry.times || 1
  return +retry || 1
}

/**
 * Calls `attempt(done)` until it succeeds, in a later turn each time; then `cb` with what the
 * last one said.
 * @param {number|{times: number, interval: number}} options attempts, and the ms between them
 * @param {string} what is tried, for who debugs
 * @param {AbortSignal} [signal] once it is aborted nothing is tried any more
 */
function retry (options, attempt, cb, what, signal) {
  let left = timesOf(options)
  const interval = (options && options.interval) || 0
  const next = () => {
    if (signal && signal.aborted) return cb(signal.reason)
    attempt((err, res) => {
      if (!err || --left <= 0) return cb(err, res)
      debug('%s: %s, trying again', what, err.message)
      if (interval > 0) setTimeout(next, interval)
      else setImmediate(next)
    })
  }
  next()
}

module.exports = { retry, timesOf }
